"""Issue token receipts: from a provider's usage to signed receipts and the statement that closes a period.

    from receipts import Closing, Counts, Issuer, SigningKey, close_batch

The format is in spec/receipt.md and spec/statement.md. `receipts.ingest` reads the usage objects of providers.
"""

from receipts.charge import repriced
from receipts.closing import Check, Closed, Closing, close_batch, close_journal, corrected
from receipts.errors import (
    BatchError,
    ClosedError,
    DuplicateRequestError,
    JournalError,
    KeyFileError,
    NoKeyError,
    PassphraseError,
    ReceiptError,
    TooLateError,
    UsageError,
)
from receipts.issuer import Head, Issued, Issuer
from receipts.journal import Journal
from receipts.key_folder import KeyFolder, PublishedKey
from receipts.keys import KeySource, SigningKey, jwk, jwks, kid_text
from receipts.proof import equivocation, inclusion_proof, seal_pack
from receipts.report import sign_report
from receipts.request import (
    Billed,
    Cache,
    CacheEntry,
    Charge,
    ChargeLine,
    Corrected,
    Counts,
    Request,
    Source,
    Span,
)
from receipts.signing import Signed
from receipts.statement import LATE, REGULAR, Period, Previous
from receipts.toml_file import Member as TomlMember
from receipts.toml_file import TomlFileError, read_toml

__all__ = [
    "LATE",
    "REGULAR",
    "BatchError",
    "Billed",
    "Cache",
    "CacheEntry",
    "Charge",
    "ChargeLine",
    "Check",
    "Closed",
    "ClosedError",
    "Closing",
    "Corrected",
    "Counts",
    "DuplicateRequestError",
    "Head",
    "Issued",
    "Issuer",
    "Journal",
    "JournalError",
    "KeyFileError",
    "KeyFolder",
    "KeySource",
    "NoKeyError",
    "PassphraseError",
    "Period",
    "Previous",
    "PublishedKey",
    "ReceiptError",
    "Request",
    "Signed",
    "SigningKey",
    "Source",
    "Span",
    "TomlFileError",
    "TomlMember",
    "TooLateError",
    "UsageError",
    "close_batch",
    "close_journal",
    "corrected",
    "equivocation",
    "inclusion_proof",
    "jwk",
    "jwks",
    "kid_text",
    "read_toml",
    "repriced",
    "seal_pack",
    "sign_report",
]
