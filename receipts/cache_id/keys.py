"""Account cache keys, and the keys of one month that are derived from them (spec/cache-id.md, Account cache keys)."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_bytes
from typing import Final

import cbor2
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from receipts import limits
from receipts.errors import KeyFileError, ReceiptError

_PURPOSE: Final = "token-receipt cache key"
_VERSION: Final = 1
_SIZE: Final = 32
_MONTH: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class PeriodKey:
    """The key of an account for one month, ``YYYY-MM``; what a dispute about that month discloses."""

    account: str
    period: str
    secret: bytes

    def to_json(self) -> bytes:
        """The file form."""
        return _encoded(self.account, self.period, self.secret)


@dataclass(frozen=True, slots=True)
class CacheKey:
    """The key of an account: 32 random bytes that provider and customer share."""

    account: str
    secret: bytes

    @classmethod
    def generate(cls, account: str) -> CacheKey:
        """A new key.

        Raises:
            ReceiptError: no receipt can have such an account.
        """
        return cls(limits.name("account", account), token_bytes(_SIZE))

    @classmethod
    def from_json(cls, data: bytes) -> CacheKey:
        """The key in its file form.

        Raises:
            KeyFileError: it is no such file, or holds the key of a month.
        """
        try:
            document = json.loads(data)
            version, account = document["token_receipt_cache_key"], document["account"]
            period, key = document["period"], document["key"]
            secret = urlsafe_b64decode(key + "=" * (-len(key) % 4))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise KeyFileError("not a cache key file") from None
        if version != _VERSION or len(secret) != _SIZE or not isinstance(account, str):
            raise KeyFileError(f"not a cache key of {_SIZE} bytes, version {_VERSION}")
        if period is not None:
            raise KeyFileError(f"the key of {period} already, not the account's own")
        return cls(account, secret)

    def for_time(self, time: int) -> PeriodKey:
        """The key for receipts of a time in ms since 1970."""
        return self.for_period(month_of(time))

    def for_period(self, period: str) -> PeriodKey:
        """The key of a month, ``YYYY-MM``.

        Raises:
            ReceiptError: it is no month.
        """
        if not _MONTH.fullmatch(period):
            raise ReceiptError("period", "a month (2026-11)", period)
        info = b"".join(cbor2.dumps(part) for part in (_PURPOSE, self.account, period))
        secret = HKDF(algorithm=SHA256(), length=_SIZE, salt=None, info=info).derive(self.secret)
        return PeriodKey(self.account, period, secret)

    def to_json(self) -> bytes:
        """The file form."""
        return _encoded(self.account, None, self.secret)


def month_end(time: int) -> int:
    """The first moment of the month after that of a time, both in ms since 1970, UTC: from then on another key is in use."""
    moment = datetime.fromtimestamp(time // 1000, UTC)
    first = datetime(moment.year + moment.month // 12, moment.month % 12 + 1, 1, tzinfo=UTC)
    return int(first.timestamp()) * 1000


def month_of(time: int) -> str:
    """The month, ``YYYY-MM``, of a time in ms since 1970."""
    return f"{datetime.fromtimestamp(time // 1000, UTC):%Y-%m}"


def _encoded(account: str, period: str | None, secret: bytes) -> bytes:
    key = urlsafe_b64encode(secret).rstrip(b"=").decode()
    document = {
        "token_receipt_cache_key": _VERSION,
        "account": account,
        "period": period,
        "key": key,
    }
    return json.dumps(document, ensure_ascii=False).encode() + b"\n"
