"""What stands in the log for a statement: 64 bytes that say nothing to who has not the account's blind."""

from __future__ import annotations

import hmac
from typing import Final

BLIND_SIZE: Final = 32
ENTRY_SIZE: Final = 64


def blind(secret: bytes, account: str) -> bytes:
    """An account's blind: with it, and not without, an entry can be told to be the account's.

    Args:
        secret: of the issuer, 32 random bytes.
        account: the name of the account.
    """
    return hmac.digest(secret, account.encode(), "sha256")


def label(account_blind: bytes, number: int) -> bytes:
    """The first half of an entry: the same for every statement of one number, so that there can be one only."""
    return hmac.digest(account_blind, b"label" + _u64(number), "sha256")


def entry(account_blind: bytes, number: int, digest: bytes) -> bytes:
    """The entry of a statement: its label, and a commitment to its digest."""
    commitment = hmac.digest(account_blind, b"statement" + digest, "sha256")
    return label(account_blind, number) + commitment


def extra(account_blind: bytes, number: int, account: str) -> bytes:
    """What a proof tells besides: for which statement it is, and the blind."""
    return account_blind + _u64(number) + account.encode()


def _u64(number: int) -> bytes:
    return number.to_bytes(8, "big")
