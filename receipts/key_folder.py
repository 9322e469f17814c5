"""An issuer's keys in a folder, and which of them signs when.

    issuer.pem, issuer-<kid>.pem    the private keys, PKCS#8
    issuer.jwks.json                the public ones, with the times for which each may sign (spec/receipt.md, Keys)

A key signs inside of its window and never outside: what it signed there would be rejected. The files are read again when the key file
has changed, so a server that runs takes a successor at its time.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import time_ns
from typing import Any, Final

from receipts.errors import KeyFileError, NoKeyError
from receipts.keys import SigningKey, kid_text

PRIVATE: Final = "issuer.pem"
PUBLIC: Final = "issuer.jwks.json"
_DAY_MS: Final = 86_400_000
_WARN_MS: Final = 7 * _DAY_MS
"""How long before its end a key without a successor is warned of."""
_log = logging.getLogger("receipts.keys")


def wall_clock() -> int:
    """Now, in ms since 1970, UTC."""
    return time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A key in the key file.

    Attributes:
        kid: its identifier, as key files write it.
        not_before: in ms; it must not sign for earlier times. None: no bound.
        expires: in ms; it must not sign from then on.
        revoked: in ms; likewise.
        key: the private key, where the folder has it.
    """

    kid: str
    not_before: int | None
    expires: int | None
    revoked: int | None
    key: SigningKey | None = None

    @property
    def start(self) -> int:
        """The first moment, in ms."""
        return self.not_before or 0

    @property
    def end(self) -> int | None:
        """The moment from which on it must not sign, in ms; None: there is none."""
        ends = [end for end in (self.expires, self.revoked) if end is not None]
        return min(ends) if ends else None

    def lasts(self, time: int) -> bool:
        """Whether it has not ended at a time."""
        return self.end is None or time < self.end

    def may_sign(self, time: int) -> bool:
        """Whether it may sign a receipt of a time."""
        return self.start <= time and self.lasts(time)


class KeyFolder:
    """The keys of one issuer.

    Args:
        path: the folder.
        passphrase: of the private keys, if they are encrypted.
        clock: says what time it is, in ms.

    Raises:
        PassphraseError: the passphrase is missing or wrong.
        KeyFileError: a file is not what `receipt keygen` wrote, or they do not belong together.
        OSError: a file cannot be read.
    """

    def __init__(
        self,
        path: str | Path,
        passphrase: bytes | None = None,
        *,
        clock: Callable[[], int] = wall_clock,
    ) -> None:
        self.path = Path(path)
        self._passphrase, self._clock = passphrase, clock
        self._stamp = self._stamp_now()
        self.issuer, self._keys = self._read()
        self._warned: int | None = None

    @property
    def keys(self) -> tuple[PublishedKey, ...]:
        """The published keys, as they are now."""
        stamp = self._stamp_now()
        if stamp != self._stamp:
            self._stamp = stamp
            self._read_again()
        return self._keys

    def for_receipt(self, time: int) -> SigningKey:
        """The key for a receipt of a time, in ms: of several, the youngest.

        Raises:
            NoKeyError: none may sign then.
        """
        usable = [one for one in self.keys if one.may_sign(time)]
        return self._youngest(usable, "time", time)

    def for_statement(self, end: int) -> SigningKey:
        """The key for a statement on a period that ends at ``end``, in ms: one that may sign now, or at that end, and has not ended.

        Raises:
            NoKeyError: there is none.
        """
        now = self._clock()
        usable = [one for one in self.keys if one.lasts(now) and one.lasts(end)]
        begun = [one for one in usable if one.start <= now]
        return self._youngest(begun or [one for one in usable if one.start <= end], "end", end)

    def warn_before_end(self) -> None:
        """Warn, once a day at most, if the key that signs now ends within a week and no other goes on."""
        now = self._clock()
        at_hand = [one for one in self.keys if one.key is not None and one.may_sign(now)]
        ends = [one.end for one in at_hand if one.end is not None]
        if not at_hand or len(ends) < len(at_hand) or max(ends) - now > _WARN_MS:
            return
        last = max(ends)
        goes_on = any(one.key is not None and one.may_sign(last) for one in self._keys)
        if not goes_on and (self._warned is None or now - self._warned >= _DAY_MS):
            self._warned = now
            _log.warning("no key in %s may sign from %s on: receipt key rotate", self.path, _instant(last))  # fmt: skip

    def _youngest(self, usable: list[PublishedKey], field: str, time: int) -> SigningKey:
        at_hand = [(one.start, one.key) for one in usable if one.key is not None]
        if not at_hand:
            expected = f"one for which a key in {self.path} may sign"
            raise NoKeyError(field, expected, _instant(time))
        return max(at_hand, key=lambda pair: pair[0])[1]

    # The files.

    def _stamp_now(self) -> tuple[int, int, int] | None:
        try:
            found = (self.path / PUBLIC).stat()
        except OSError:  # it is told when it is read
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _read_again(self) -> None:
        try:
            issuer, keys = self._read()
        except (KeyFileError, OSError) as error:  # what was read before goes on
            _log.error("%s has changed and cannot be used: %s", self.path / PUBLIC, error)
            return
        if issuer != self.issuer:
            _log.error("%s is of another issuer now: %a", self.path / PUBLIC, issuer)
            return
        self._keys = keys

    def _read(self) -> tuple[str, tuple[PublishedKey, ...]]:
        issuer, published = read_key_file(self.path / PUBLIC)
        private = {
            path: _private(path, self._passphrase) for path in sorted(self.path.glob("issuer*.pem"))
        }
        by_kid = {kid_text(key.kid): key for key in private.values()}
        first = private.get(self.path / PRIVATE)
        if first is not None and kid_text(first.kid) not in {one.kid for one in published}:
            raise KeyFileError(f"{self.path / PUBLIC} does not list the key in {PRIVATE}")
        return issuer, tuple(
            PublishedKey(one.kid, one.not_before, one.expires, one.revoked, by_kid.get(one.kid))
            for one in published
        )


def _private(path: Path, passphrase: bytes | None) -> SigningKey:
    try:
        return SigningKey.from_pem(path.read_bytes(), passphrase)
    except KeyFileError as error:  # or one about the passphrase
        raise type(error)(f"{path}: {error}") from None


def read_key_file(path: Path) -> tuple[str, list[PublishedKey]]:
    """The issuer and the keys in a key file, without private ones.

    Raises:
        KeyFileError: it is none.
        OSError: the file cannot be read.
    """
    try:
        document = json.loads(path.read_bytes())
        keys = [_published(one) for one in document["keys"] if one.get("crv") == "Ed25519"]
        return str(document["iss"]), keys
    except (ValueError, KeyError, TypeError, AttributeError):
        raise KeyFileError(f"{path} is not the key file that receipt keygen wrote") from None


def _published(jwk: dict[str, Any]) -> PublishedKey:
    revoked = jwk["revoked"]["revoked_at"] if "revoked" in jwk else None
    return PublishedKey(str(jwk["kid"]), _ms(jwk.get("nbf")), _ms(jwk.get("exp")), _ms(revoked))


def _ms(seconds: Any) -> int | None:
    return None if seconds is None else int(seconds) * 1000


def _instant(ms: int) -> str:
    """A time as RFC 3339 text, or as a number where it has none."""
    try:
        return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (OverflowError, ValueError):
        return f"{ms} ms"
