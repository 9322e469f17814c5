"""Who is billed: by the API key of the request, or by a header that a trusted proxy sets.

A key table has the hashes of API keys, never a key:

    [[key]]
    name = "search, production"     # optional: for people, and for receipt tags check --as
    sha256 = "..."                  # of the key; receipt key hash prints it
    account = "acme"
    tags = { team = "search" }      # optional

A table says who is billed, and lets nobody in: the server that answers has checked the same key before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from receipts import limits
from receipts.callers.asked import Asked, Caller, by_request
from receipts.callers.followed import Told
from receipts.callers.tag_names import check_tag_names
from receipts.errors import ReceiptError
from receipts.toml_file import Member, read_toml

CREDENTIALS: Final = frozenset((b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key"))
"""The headers that a key comes in: of OpenAI and most others, Anthropic, Azure, Google."""
SECRETS: Final = CREDENTIALS | {b"proxy-authorization", b"cookie"}
"""Headers whose values must not come into a receipt."""
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_NO_KEY: Final = sha256(b"").digest()
HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True, slots=True)
class TableKey:
    """A key of a table: SHA-256 of it, who is billed with it, and what people call it."""

    sha256: bytes
    caller: Caller
    name: str | None


class KeyTable(Told[Mapping[bytes, TableKey]]):
    """Finds the caller by the hash of the request's API key.

    The hash of what came is looked up; no key is compared. How long that takes says at most something about the beginnings of hashes,
    and nobody can choose a key by the beginning of its hash and so come nearer to another one: that would take a preimage. Keys must
    be random, of 128 bits or more: a short one can be found from its hash by whoever reads the table.
    """

    _KIND = "key table"

    @property
    def keys(self) -> tuple[TableKey, ...]:
        """All keys, in the order of the file."""
        return tuple(self._current().values())

    @by_request
    def find(self, asked: Asked) -> Caller | None:
        """Whose key a request has; None: nobody's.

        The key is that of ``Authorization: Bearer``, ``x-api-key``, ``api-key`` or ``x-goog-api-key``. Nothing else that a client
        sends is looked at. What is not in the table let nobody in, so a second key that is made up changes nothing; a request with
        two keys of the table is nobody's: which of them let it in is not known here.
        """
        table = self._current()
        found = {digest for key in _credentials(asked) if (digest := sha256(key).digest()) in table}
        return table[found.pop()].caller if len(found) == 1 else None

    @staticmethod
    def _read(data: bytes, file: str) -> Mapping[bytes, TableKey]:
        return _table(read_toml(data, file))


def key_hash(key: bytes) -> str:
    """The hash of an API key, as a key table has it."""
    return sha256(key).hexdigest()


def trusted_header(name: str) -> Callable[[Asked], Caller | None]:
    """A function that takes the account from a header.

    Only behind a proxy that sets this header itself, and removes or replaces whatever a client sent under this name; and only if
    the server cannot be reached but through it. Else every client chooses who is billed. A header that is there twice, is empty, or is
    no name of an account is nobody.

    Raises:
        ValueError: no header has this name, or it is one of credentials.
    """
    if not HEADER_NAME.fullmatch(name):
        raise ValueError(f"header: expected the name of a header, found {name!a}")
    if name.lower().encode() in SECRETS:
        raise ValueError(f"header: expected one without credentials, found {name!a}")

    @by_request
    def find(asked: Asked) -> Caller | None:
        value = asked.header(name)
        try:
            return None if value is None else Caller(limits.name("account", value))
        except ReceiptError:  # empty, or too long: no account has that name
            return None

    return find


def _credentials(asked: Asked) -> Iterator[bytes]:
    """The keys that a request has, in whatever header."""
    for header, value in asked.headers:
        key = value.strip(b" \t")
        if header == b"authorization":
            scheme, _, key = key.partition(b" ")
            key = key.strip(b" \t") if scheme.lower() == b"bearer" else b""
        if key and header in CREDENTIALS:
            yield key


def _table(file: Member) -> Mapping[bytes, TableKey]:
    members = file.members(("key",))
    table: dict[bytes, TableKey] = {}
    names: set[str] = set()
    for row in members["key"].items():
        fields = row.members(("sha256", "account"), ("name", "tags"))
        digest = _digest(fields["sha256"])
        if digest in table:
            raise fields["sha256"].error("each hash once", "one that stands above")
        name = fields["name"].text() if "name" in fields else None
        if name in names:
            raise fields["name"].error("each name once")
        if name is not None:
            names.add(name)
        caller = Caller(fields["account"].text(), _tags(fields.get("tags")))
        table[digest] = TableKey(digest, caller, name)
    return table


def _digest(member: Member) -> bytes:
    expected = "the SHA-256 of a key, in 64 hexadecimal digits (receipt key hash)"
    value = member.value
    if not isinstance(value, str):
        raise member.error(expected)
    if not _HASH.fullmatch(value.lower()):
        raise member.error(expected, f"{len(value)} characters")  # which may be the key itself
    digest = bytes.fromhex(value)
    if digest == _NO_KEY:
        raise member.error(expected, "that of an empty text")
    return digest


def _tags(member: Member | None) -> Mapping[str, str]:
    if member is None:
        return MappingProxyType({})
    return MappingProxyType({name: tag.text() for name, tag in check_tag_names(member).items()})
