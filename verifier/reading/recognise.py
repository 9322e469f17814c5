"""What a file is, by its first bytes (R-0.1)."""

from __future__ import annotations

from typing import Final

_LOOKS: Final = (
    (b"SQLite format 3\0", "an SQLite database, like a wallet or a journal"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\x1f\x8b", "a gzip file: unpack it first"),
    (
        b"PK\x03\x04",
        "a ZIP file: a pack is verified by itself, and as it was written, not packed anew; of another one the files that are in it",
    ),
    (b"%PDF-", "a PDF document"),
    (b"-----BEGIN ", "a PEM file, like a key"),
    (b"{", "JSON"),
    (b"[", "JSON"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"<", "HTML or XML"),
)


class NotABatchError(ValueError):
    """A file does not begin like a batch, a proof or an equivocation, so there is no verdict on it.

    Attributes:
        file: its name.
        looks_like: what its first bytes are those of, or None.
    """

    def __init__(self, file: str, first: bytes) -> None:
        self.file = file
        self.looks_like = next((what for head, what in _LOOKS if first.startswith(head)), None)
        super().__init__(f"{file} begins with {first[:4].hex()}, as no batch of receipts does")


def check_first_byte(file: str, first: bytes) -> None:
    """R-0.1: a file that is not empty begins with the head of an array of two or three.

    Raises:
        NotABatchError: it does not.
    """
    if first and first[:1] not in (b"\x82", b"\x83"):
        raise NotABatchError(file, first)
