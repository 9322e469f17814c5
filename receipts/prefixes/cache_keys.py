"""The cache keys of accounts, from a folder of key files."""

from __future__ import annotations

from pathlib import Path

from receipts.cache_id import CacheKey
from receipts.errors import KeyFileError


def read_cache_keys(folder: str | Path) -> dict[str, CacheKey]:
    """The keys in the files ``*.key`` of a folder, as `receipt keygen --new-cache-key` makes them, by account.

    The folder is read once: a server that gets a new account is started again, or looks the key up by a function of its own.

    Raises:
        KeyFileError: a file is no cache key, holds that of a month, or two are of one account.
        OSError: the folder or a file cannot be read.
    """
    found: dict[str, CacheKey] = {}
    for path in sorted(Path(folder).iterdir()):
        if path.suffix != ".key":
            continue
        try:
            key = CacheKey.from_json(path.read_bytes())
        except KeyFileError as error:
            raise KeyFileError(f"{path}: {error}") from None
        if key.account in found:
            raise KeyFileError(f"{path}: a second key of account {key.account!r}; keep one")
        found[key.account] = key
    return found
