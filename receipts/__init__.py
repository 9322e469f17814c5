"""Issue token receipts: from a provider's usage to signed receipts and the statement that closes a period.

    from receipts import Counts, Issuer, Period, SigningKey

The format is in spec/receipt.md and spec/statement.md. `receipts.ingest` reads the usage objects of providers.
"""

from receipts.claims import Cache, CacheEntry, Charge, ChargeLine, Counts, Source
from receipts.errors import (
    DuplicateRequestError,
    JournalError,
    KeyFileError,
    ReceiptError,
    UsageError,
)
from receipts.issuer import Head, Issued, Issuer
from receipts.journal import Journal
from receipts.keys import SigningKey, jwk, jwks
from receipts.proof import equivocation, inclusion_proof
from receipts.signing import Signed
from receipts.statement import LATE, REGULAR, Period, Previous

__all__ = [
    "LATE",
    "REGULAR",
    "Cache",
    "CacheEntry",
    "Charge",
    "ChargeLine",
    "Counts",
    "DuplicateRequestError",
    "Head",
    "Issued",
    "Issuer",
    "Journal",
    "JournalError",
    "KeyFileError",
    "Period",
    "Previous",
    "ReceiptError",
    "Signed",
    "SigningKey",
    "Source",
    "UsageError",
    "equivocation",
    "inclusion_proof",
    "jwk",
    "jwks",
]
