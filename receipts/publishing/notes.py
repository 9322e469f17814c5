"""Signed notes (c2sp.org/signed-note): a text, and lines of signatures below it."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Final

from receipts.errors import ReceiptError
from receipts.keys import SigningKey

_ED25519: Final = b"\x01"
"""The type of a plain Ed25519 signature."""


def origin(issuer: str) -> str:
    """The name of an issuer's log.

    Raises:
        ReceiptError: the issuer's text cannot be one.
    """
    name = issuer.removeprefix("https://")
    if not name or "+" in name or any(ch.isspace() or not ch.isprintable() for ch in name):
        raise ReceiptError("issuer", "a text without spaces and +, as the name of a log", issuer)
    return name


def sign_note(text: str, name: str, key: SigningKey) -> bytes:
    """A note: the text, which ends with a newline, signed by a key of this name."""
    signature = _key_id(name, key.public) + key.private.sign(text.encode())
    return f"{text}\n— {name} {_base64(signature)}\n".encode()


def verifier_key(name: str, public: bytes) -> str:
    """The public key as others configure it, witnesses for instance: name, key id and key."""
    return f"{name}+{_key_id(name, public).hex()}+{_base64(_ED25519 + public)}"


def _key_id(name: str, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def _base64(raw: bytes) -> str:
    return b64encode(raw).decode()
