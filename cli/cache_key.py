"""The part of ``receipt keygen`` that makes an account's cache key, or the key of one month from it."""

from __future__ import annotations

from pathlib import Path

from cli.files import output_file
from cli.terminal import CliError, say
from receipts import KeyFileError, ReceiptError
from receipts.cache_id import CacheKey


def make(account: str, out: str) -> dict[str, str | None]:
    """Write a new key; what was made, as JSON-ready data."""
    try:
        key = CacheKey.generate(account)
    except ReceiptError as error:
        raise CliError(str(error), "name the account as in its receipts") from None
    _write(out, key.to_json())
    say(f"{out} is secret: share it with the account, and with nobody else")
    return {"cache_key": out, "account": account, "period": None}


def derive(root: str, month: str, out: str) -> dict[str, str | None]:
    """Write the key of one month; what was made, as JSON-ready data."""
    try:
        known = CacheKey.from_json(Path(root).read_bytes())
        key = known.for_period(month)
    except KeyFileError as error:
        hint = "it is the FILE of receipt keygen --new-cache-key"
        raise CliError(f"{root}: {error}", hint) from None
    except ReceiptError as error:
        raise CliError(str(error), "a cache key is derived for one month: 2026-11") from None
    _write(out, key.to_json())
    say(f"{out} discloses the prefixes of {month}, and of no other month")
    return {"cache_key": out, "account": known.account, "period": month}


def _write(out: str, data: bytes) -> None:
    try:
        with output_file(out, mode=0o600, replace=False) as stream:
            stream.write(data)
    except FileExistsError:
        hint = "a key is never replaced; choose another name"
        raise CliError(f"{out} is there already", hint) from None
