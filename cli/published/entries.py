"""What an account's statement must be in the log, by its blind (spec/publication.md, Log)."""

from __future__ import annotations

import hmac
from typing import Final

BLIND_SIZE: Final = 32
NUMBER_SIZE: Final = 8
ENTRY_SIZE: Final = 64
_LABEL_SIZE: Final = 32


def label(blind: bytes, number: int) -> bytes:
    """The first half of the entry of the account's statement of this number."""
    message = b"label" + number.to_bytes(NUMBER_SIZE, "big")
    return hmac.digest(blind, message, "sha256")


def entry(blind: bytes, number: int, digest: bytes) -> bytes:
    """The entry of a statement with this digest."""
    return label(blind, number) + hmac.digest(blind, b"statement" + digest, "sha256")


class Entries:
    """The entries of a log, and where each label stands."""

    def __init__(self, data: bytes, size: int) -> None:
        self.all = [data[i : i + ENTRY_SIZE] for i in range(0, size * ENTRY_SIZE, ENTRY_SIZE)]
        self._by_label: dict[bytes, list[int]] = {}
        for index, one in enumerate(self.all):
            self._by_label.setdefault(one[:_LABEL_SIZE], []).append(index)

    def places(self, blind: bytes, number: int) -> list[int]:
        """Where entries of the account's statement of this number stand."""
        return self._by_label.get(label(blind, number), [])
