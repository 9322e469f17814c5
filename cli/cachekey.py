"""The part of ``receipt keygen`` that makes an account's cache key, or the key of one month from it."""

from __future__ import annotations

import re
from pathlib import Path

from cli.files import output_file
from cli.terminal import CliError, say
from receipts import ReceiptError
from receipts.cache_id import CacheKey
from verifier.customer.cache_id import CacheKeyError, read_cache_key

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


def make(account: str, out: str) -> dict[str, str | None]:
    """Write a new key."""
    try:
        key = CacheKey.generate(account)
    except ReceiptError as error:
        raise CliError(str(error), "name the account as in its receipts") from None
    _write(out, key.to_json())
    say(f"{out} is secret: share it with the account, and with nobody else")
    return {"cache_key": out, "account": account, "period": None}


def derive(root: str, month: str, out: str) -> dict[str, str | None]:
    """Write the key of one month."""
    if not _MONTH.fullmatch(month):
        raise CliError(f"{month} is not a month", "a cache key is derived for one month: 2026-11")
    try:
        known = read_cache_key(Path(root).read_bytes())
    except CacheKeyError as error:
        raise CliError(f"{root}: {error}", "it is the FILE of receipt keygen --cache-key") from None
    if known.period is not None:
        raise CliError(
            f"{root} is the key of {known.period} already", "derive from the account's own key"
        )
    key = CacheKey(known.account, known.secret).for_period(month)
    _write(out, key.to_json())
    say(f"{out} discloses the prefixes of {month}, and of no other month")
    return {"cache_key": out, "account": known.account, "period": month}


def _write(out: str, data: bytes) -> None:
    try:
        with output_file(out, mode=0o600, replace=False) as stream:
            stream.write(data)
    except FileExistsError:
        raise CliError(
            f"{out} is there already", "a key is never replaced; choose another name"
        ) from None
