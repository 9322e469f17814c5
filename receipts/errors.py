"""What can go wrong on the issuing side. Each error says which field, what was expected, what was there."""

from __future__ import annotations


class ReceiptError(ValueError):
    """A receipt or statement that must not be signed: a field is wrong, or two fields disagree."""

    def __init__(self, field: str, expected: object, actual: object) -> None:
        super().__init__(f"{field}: expected {expected}, found {actual}")
        self.field = field
        self.expected = str(expected)
        self.actual = str(actual)


class KeyFileError(ValueError):
    """A key file cannot be read or used."""


class PassphraseError(KeyFileError):
    """The key is encrypted, and the passphrase is missing or wrong."""


class UsageError(ValueError):
    """A provider's usage object does not say what a receipt needs, or contradicts itself."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class BatchError(ValueError):
    """A batch cannot be read: which item, at which byte, and why."""


class DuplicateRequestError(ReceiptError):
    """The request has a receipt already: ``receipt``; None: it was asked for at the same moment, or its bytes are archived."""

    def __init__(
        self, field: str, expected: object, actual: object, receipt: bytes | None = None
    ) -> None:
        super().__init__(field, expected, actual)
        self.receipt = receipt


class TooLateError(ReceiptError):
    """The moment has passed before which a receipt was to be signed. It was not signed."""


class ClosedError(ReceiptError):
    """The period that is to be closed is closed already.

    Attributes:
        account: whose.
        number: of the statement that closes its beginning.
        period: of that statement, start and end in ms.
    """

    def __init__(self, account: str, start: int, number: int, period: tuple[int, int]) -> None:
        super().__init__("start", f"a time that no statement of {account} closes", start)
        self.account, self.number, self.period = account, number, period


class NoKeyError(ReceiptError):
    """No key of the issuer may sign for this time: they have ended, were revoked, or have not begun."""


class JournalError(Exception):
    """The journal cannot be opened, read or written: what SQLite or the disk says, with the file's name."""
