"""Where a tag comes from: ``header:NAME``, ``metadata:NAME``, ``key:NAME``, ``path:TEMPLATE``, ``value:TEXT``.

A source states nothing (None, or an empty text), a text, or something that is no text, which no tag can be.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from receipts.callers.asked import Asked, Caller
from receipts.callers.keys import HEADER_NAME, SECRETS
from receipts.toml_file import Member

_KINDS: Final = "header:NAME, metadata:NAME, key:NAME, path:TEMPLATE or value:TEXT"
_METADATA: Final = ("metadata", "requestMetadata", "labels")
"""The member of a body that is the caller's own: of OpenAI and Anthropic, of Bedrock's Converse, of Vertex AI."""
_PLACE: Final = re.compile(r"\{([^{}]+)\}")
_TWICE: Final = object()


class Request:
    """A request, and whose it is; its headers by name."""

    __slots__ = ("_headers", "asked", "caller")

    def __init__(self, asked: Asked, caller: Caller) -> None:
        self.asked, self.caller = asked, caller
        self._headers: dict[bytes, object] | None = None

    @property
    def headers(self) -> dict[bytes, object]:
        """The value of each header, in bytes; no bytes for one that is there twice."""
        if self._headers is None:
            found: dict[bytes, object] = {}
            for name, value in self.asked.headers:
                found[name] = _TWICE if name in found else value
            self._headers = found
        return self._headers


State = Callable[[Request], object]


@dataclass(frozen=True, slots=True)
class TagSource:
    """One source of a tag.

    Attributes:
        text: as the contract has it.
        kind: its first word.
        state: what it states for a request.
    """

    text: str
    kind: str
    state: State

    @property
    def is_claimed(self) -> bool:
        """Whether it is the client that says it, and not the server."""
        return self.kind in ("header", "metadata", "path")


def read_source(member: Member, tag: str) -> TagSource:
    """A source of a tag.

    Raises:
        TomlFileError: it is none.
    """
    kind, _, rest = member.text().partition(":")
    if kind not in _READERS or not rest:
        raise member.error(_KINDS)
    return TagSource(member.text(), kind, _READERS[kind](member, rest, tag))


def _header(member: Member, name: str, _tag: str) -> State:
    wanted = name.lower()
    if not HEADER_NAME.fullmatch(wanted):
        raise member.error("the name of a header")
    header = wanted.encode()
    if header in SECRETS:
        raise member.error("a header without credentials: tags stand in every receipt")

    def state(request: Request) -> object:
        value = request.headers.get(header)
        if not isinstance(value, bytes):
            return value
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value

    return state


def _metadata(_member: Member, name: str, _tag: str) -> State:
    def state(request: Request) -> object:
        document = request.asked.document
        for place in _METADATA:
            metadata = document.get(place)
            if isinstance(metadata, dict) and (value := metadata.get(name)) is not None:
                return value
        return None

    return state


def _key(_member: Member, name: str, _tag: str) -> State:
    return lambda request: request.caller.tags.get(name)


def _value(_member: Member, text: str, _tag: str) -> State:
    return lambda _request: text


def _path(member: Member, template: str, tag: str) -> State:
    """``/{team}/v1``: whole segments from the beginning; no expression, so that no path takes long."""
    parts = template.removesuffix("/").split("/")
    places = [_PLACE.fullmatch(part) for part in parts]
    names = [place[1] for place in places if place]
    braces = sum(part.count("{") + part.count("}") for part in parts)
    if parts[0] or not all(parts[1:]) or braces != 2 * len(names) or names.count(tag) != 1:
        raise member.error(f"path:/.../{{{tag}}}/..., with each {{NAME}} a whole segment")
    own, size = parts.index(f"{{{tag}}}"), len(parts)
    fixed = [(at, part) for at, part in enumerate(parts) if not places[at]]

    def state(request: Request) -> object:
        segments = request.asked.path.split("/", size)
        if len(segments) < size or "" in segments[1:size]:
            return None
        for at, part in fixed:
            if segments[at] != part:
                return None
        return segments[own]

    return state


_READERS: Final[dict[str, Callable[[Member, str, str], State]]] = {
    "header": _header, "metadata": _metadata, "key": _key, "path": _path, "value": _value,
}  # fmt: skip
