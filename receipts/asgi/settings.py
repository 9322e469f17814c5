"""The middleware's settings from the environment, for servers that take the name of a class and nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass

from receipts.journal import Journal
from receipts.key_folder import KeyFolder

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

    ``RECEIPT_KEYS``: the folder of `receipt keygen`, whose keys sign each in its time; ``RECEIPT_JOURNAL``: the journal's file; ``RECEIPT_ACCOUNT``: who is billed;
    ``RECEIPT_PROVIDER``, optional: for instance vllm; ``RECEIPT_KEY_PASSPHRASE``, if the key has one.

    Raises:
        SettingError: one is missing.
        KeyFileError: the key cannot be used.
        JournalError: the journal cannot be opened.
        OSError: a file cannot be read.
    """
    keys, path, account = (_required(name) for name in (KEYS, JOURNAL, ACCOUNT))
    passphrase = os.environ.get(PASSPHRASE)
    folder = KeyFolder(keys, passphrase.encode() if passphrase else None)
    journal = Journal(path, folder.issuer, folder)
    return Settings(journal, account, os.environ.get(PROVIDER))


def _required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise SettingError(f"{name} is not set: see receipts.asgi.settings")
    return value
