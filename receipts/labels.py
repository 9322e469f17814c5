"""The integer keys of the claims: the tables of spec/receipt.md and spec/statement.md. Everything that is signed is encoded from them.

The verifier has its own copy of these tables; a test holds the two together.
"""

from typing import Final

Table = dict[str, int]
"""Labels by the name of the field, in ascending order."""

RECEIPT: Final[Table] = {
    "version": 1, "issuer": 2, "account": 3, "stream": 4, "sequence": 5, "previous": 6,
    "time": 7, "request": 8, "model": 9, "input": 10, "output": 11, "cache": 12,
    "source": 13, "charge": 14, "tags": 15, "client": 16, "units": 17, "models": 18,
    "span": 19, "corrects": 20,
}  # fmt: skip
INPUT: Final[Table] = {"logical": 1, "cached": 2, "attributed": 3, "writes": 4}
OUTPUT: Final[Table] = {"tokens": 1, "reasoning": 2}
CACHE: Final[Table] = {"read": 1, "writes": 2, "commitments": 3}
CACHE_ENTRY: Final[Table] = {"recipe": 1, "id": 2, "prefix": 3}
SOURCE: Final[Table] = {
    "provider": 1, "api": 2, "usage": 3, "tier": 4, "miss": 5, "terms": 6, "observed": 7,
}  # fmt: skip
CHARGE: Final[Table] = {"currency": 1, "card": 2, "amount": 3, "lines": 4}
CHARGE_LINE: Final[Table] = {
    "class": 1, "ttl": 2, "quantity": 3, "rate": 4, "amount": 5, "unit": 6, "per": 7, "model": 8,
}  # fmt: skip
MODEL: Final[Table] = {"input": 1, "output": 2}
SPAN: Final[Table] = {"start": 1, "end": 2}
CORRECTS: Final[Table] = {
    "receipt": 1, "input": 2, "output": 3, "units": 4, "currency": 5, "amount": 6,
}  # fmt: skip

STATEMENT: Final[Table] = {
    "version": 1, "issuer": 2, "account": 3, "number": 4, "previous": 5,
    "start": 6, "end": 7, "kind": 8, "streams": 9, "totals": 10,
}  # fmt: skip
STREAM: Final[Table] = {"stream": 1, "first": 2, "count": 3, "root": 4, "head": 5}
TOTALS: Final[Table] = {
    "logical": 1, "cached": 2, "attributed": 3, "writes": 4, "output": 5, "reasoning": 6, "amounts": 7,
    "units": 8, "corrected": 9, "corrections": 10,
}  # fmt: skip

RATE_CARD: Final[Table] = {"version": 1, "issuer": 2, "name": 3, "currency": 4, "rows": 5}
REPORT: Final[Table] = {"version": 1, "issuer": 2, "time": 3, "report": 4}
PRICE_ROW: Final[Table] = {
    "provider": 1, "model": 2, "aliases": 3, "terms": 4, "from": 5, "until": 6, "above": 7, "days": 8, "hours": 9,
    "input": 10, "cached": 11, "writes": 12, "output": 13, "parts": 14, "units": 15,
}  # fmt: skip
