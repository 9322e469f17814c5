"""A request of a customer as the server got it: what account, tags and cache identifiers are taken from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from receipts.once import once
from receipts.prefixes import Prompt

_BY_REQUEST: Final = "is_by_request"
_Find = TypeVar("_Find", bound=Callable[..., "Caller | None"])


@dataclass(frozen=True)
class Asked:
    """A request of a customer.

    Args:
        path: where it was sent, without the query.
        headers: with lower-case names, as ASGI has them.
        body: as it came.
        context: what the server knows of it besides: the scope of ASGI, the extensions of a request of httpx.
        kept: whether the body was kept; else it was too long, and ``body`` is empty.
    """

    path: str
    headers: Sequence[tuple[bytes, bytes]] = ()
    body: bytes = b""
    context: Mapping[str, Any] = field(default_factory=dict)
    kept: bool = True

    def header(self, name: str) -> str | None:
        """The value of a header; None: it is not there, is there more than once, or is no text of UTF-8."""
        wanted = name.lower().encode()
        values = [value for key, value in self.headers if key == wanted]
        if len(values) != 1:
            return None
        try:
            return values[0].decode()
        except UnicodeDecodeError:
            return None

    @property
    def is_open(self) -> bool:
        """Whether all that the body says is known: there is none, or it is a JSON object with each member once."""
        return self.kept and (not self.body or self._read is not None)

    @property
    def document(self) -> Mapping[str, Any]:
        """The body as JSON; empty, if it is no JSON object, or names a member twice: two readers may take another one of the two."""
        return {} if self._read is None else self._read

    @once
    def prompt(self) -> Prompt:
        """The body, and what is found in it once."""
        return Prompt(self.document)

    @once
    def _read(self) -> Mapping[str, Any] | None:
        try:
            document = json.loads(self.body, object_pairs_hook=_unique)
        except (ValueError, RecursionError):
            return None
        return document if isinstance(document, dict) else None

    def choices(self, api: str) -> int:
        """How many answers it asks an API for: ``n`` of OpenAI's, for each prompt of a completion, ``candidateCount`` of Gemini's.

        What another API calls so is not looked at: a server passes over what it does not know.
        """
        n, several = None, 1
        if api in ("chat.completions", "completions"):
            n = self.document.get("n")
        elif api == "generateContent":
            config = self.document.get("generationConfig")
            n = config.get("candidateCount") if isinstance(config, Mapping) else None
        prompt = self.document.get("prompt") if api == "completions" else None
        if isinstance(prompt, list) and all(isinstance(one, str | list) for one in prompt):
            several = len(prompt)
        return max(n if isinstance(n, int) else 1, 1) * max(several, 1)


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a member is there twice")
    return found


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is billed for a request, and what the server's own table of keys says of it.

    Attributes:
        account: who is billed.
        tags: tags of the key, the team or whatever the caller was known by; from the server, never from the client.
        client: the header ``Token-Receipt-Client`` of the caller's request, where it is not the request that is looked at; None: it
            is that one.
    """

    account: str
    tags: Mapping[str, str] = field(default_factory=dict)
    client: str | None = None


def by_request(find: _Find) -> _Find:
    """Marks a function that says who is billed by the request alone: it is called while the answer is made, and need not wait for it.

    What wraps it is not marked (`functools.wraps` hands the mark on): it may look at more.
    """
    vars(find)[_BY_REQUEST] = find
    return find


def is_by_request(find: object) -> bool:
    """Whether a function, or a method, is marked so."""
    return getattr(find, _BY_REQUEST, None) is getattr(find, "__func__", find)
