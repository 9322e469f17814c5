"""The integer keys of the claims and their names: the tables of spec/receipt.md and spec/statement.md.

The issuing side has its own copy of these tables; a test holds the two together.
"""

from typing import Final

Table = dict[int, str]

RECEIPT: Final[Table] = {
    1: "version",
    2: "issuer",
    3: "account",
    4: "stream",
    5: "sequence",
    6: "previous",
    7: "time",
    8: "request",
    9: "model",
    10: "input",
    11: "output",
    12: "cache",
    13: "source",
    14: "charge",
    15: "tags",
    16: "client",
    17: "units",
    18: "models",
    19: "span",
    20: "corrects",
}
INPUT: Final[Table] = {1: "logical", 2: "cached", 3: "attributed", 4: "writes"}
OUTPUT: Final[Table] = {1: "tokens", 2: "reasoning"}
CACHE: Final[Table] = {1: "read", 2: "writes", 3: "commitments"}
CACHE_ENTRY: Final[Table] = {1: "recipe", 2: "id", 3: "prefix"}
SOURCE: Final[Table] = {
    1: "provider",
    2: "api",
    3: "usage",
    4: "tier",
    5: "miss",
    6: "terms",
    7: "observed",
}
CHARGE: Final[Table] = {1: "currency", 2: "card", 3: "amount", 4: "lines"}
CHARGE_LINE: Final[Table] = {
    1: "class",
    2: "ttl",
    3: "quantity",
    4: "rate",
    5: "amount",
    6: "unit",
    7: "per",
    8: "model",
}
MODEL: Final[Table] = {1: "input", 2: "output"}
SPAN: Final[Table] = {1: "start", 2: "end"}
CORRECTS: Final[Table] = {
    1: "receipt",
    2: "input",
    3: "output",
    4: "units",
    5: "currency",
    6: "amount",
}

STATEMENT: Final[Table] = {
    1: "version",
    2: "issuer",
    3: "account",
    4: "number",
    5: "previous",
    6: "start",
    7: "end",
    8: "kind",
    9: "streams",
    10: "totals",
}
STREAM: Final[Table] = {1: "stream", 2: "first", 3: "count", 4: "root", 5: "head"}
TOTALS: Final[Table] = {
    1: "logical",
    2: "cached",
    3: "attributed",
    4: "writes",
    5: "output",
    6: "reasoning",
    7: "amounts",
    8: "units",
    9: "corrected",
    10: "corrections",
}

RATE_CARD: Final[Table] = {1: "version", 2: "issuer", 3: "name", 4: "currency", 5: "rows"}
REPORT: Final[Table] = {1: "version", 2: "issuer", 3: "time", 4: "report"}
PRICE_ROW: Final[Table] = {
    1: "provider",
    2: "model",
    3: "aliases",
    4: "terms",
    5: "from",
    6: "until",
    7: "above",
    8: "days",
    9: "hours",
    10: "input",
    11: "cached",
    12: "writes",
    13: "output",
    14: "parts",
    15: "units",
}
