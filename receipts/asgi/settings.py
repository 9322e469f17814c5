"""The middleware's settings from the environment, for servers that take the name of a class and nothing else."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from receipts.errors import KeyFileError
from receipts.journal import Journal
from receipts.keys import SigningKey

KEYS, JOURNAL, ACCOUNT, PROVIDER, PASSPHRASE = (
    "RECEIPT_KEYS",
    "RECEIPT_JOURNAL",
    "RECEIPT_ACCOUNT",
    "RECEIPT_PROVIDER",
    "RECEIPT_KEY_PASSPHRASE",
)


class SettingError(ValueError):
    """A setting is missing."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where receipts go, who is billed, and whose API it is (None: as the path says)."""

    journal: Journal
    account: str
    provider: str | None


def from_environment() -> Settings:
    """Open the journal that the environment names.

    ``RECEIPT_KEYS``: the folder of `receipt keygen`; ``RECEIPT_JOURNAL``: the journal's file; ``RECEIPT_ACCOUNT``: who is billed;
    ``RECEIPT_PROVIDER``, optional: for instance vllm; ``RECEIPT_KEY_PASSPHRASE``, if the key has one.

    Raises:
        SettingError: one is missing.
        KeyFileError: the key cannot be used.
        JournalError: the journal cannot be opened.
        OSError: a file cannot be read.
    """
    keys, path, account = (_required(name) for name in (KEYS, JOURNAL, ACCOUNT))
    passphrase = os.environ.get(PASSPHRASE)
    key = SigningKey.from_pem(
        Path(keys, "issuer.pem").read_bytes(), passphrase.encode() if passphrase else None
    )
    journal = Journal(path, issuer_of(Path(keys, "issuer.jwks.json")), key)
    return Settings(journal, account, os.environ.get(PROVIDER))


def issuer_of(path: Path) -> str:
    """The issuer that a key file names.

    Raises:
        KeyFileError: it names none.
        OSError: the file cannot be read.
    """
    try:
        issuer = json.loads(path.read_bytes())["iss"]
    except (ValueError, KeyError, TypeError):
        raise KeyFileError(f"{path} is not the key file that receipt keygen wrote") from None
    return str(issuer)


def _required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise SettingError(f"{name} is not set: see receipts.asgi.settings")
    return value
