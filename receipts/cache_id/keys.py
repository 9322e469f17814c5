"""Account cache keys, and the keys of one month that are derived from them (spec/cache-id.md, Account cache keys)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_bytes

import cbor2
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from receipts import claims

_PURPOSE = "token-receipt cache key"


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
        """A new key."""
        return cls(claims.name("account", account), token_bytes(32))

    def for_time(self, time: int) -> PeriodKey:
        """The key for receipts of a time in ms since 1970."""
        return self.for_period(f"{datetime.fromtimestamp(time // 1000, UTC):%Y-%m}")

    def for_period(self, period: str) -> PeriodKey:
        """The key of a month, ``YYYY-MM``."""
        info = b"".join(cbor2.dumps(part) for part in (_PURPOSE, self.account, period))
        secret = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(self.secret)
        return PeriodKey(self.account, period, secret)

    def to_json(self) -> bytes:
        """The file form."""
        return _encoded(self.account, None, self.secret)


def _encoded(account: str, period: str | None, secret: bytes) -> bytes:
    key = urlsafe_b64encode(secret).rstrip(b"=").decode()
    document = {"token_receipt_cache_key": 1, "account": account, "period": period, "key": key}
    return json.dumps(document, ensure_ascii=False).encode() + b"\n"
