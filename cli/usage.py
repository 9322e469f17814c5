"""The lines of ``usage.jsonl``: one request each, with the provider's usage object.

A line that cannot be read is neither guessed at nor lost: it becomes a `Reject`, with the reason and the line as it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictStr, ValidationError

from cli.period import moment
from receipts import Cache, CacheEntry, Counts, Request, Source, UsageError
from receipts.ingest import Shape, find, is_known, take_usage
from verifier import PeriodError

_SECONDS_LIMIT = 10**11
"""A smaller number cannot be ms of this century: it is most likely in seconds."""


def _time(value: Any) -> int:
    if isinstance(value, str):
        try:
            return moment(value)
        except PeriodError as error:
            raise ValueError(str(error)) from None
    if type(value) is not int:
        raise ValueError("expected ms since 1970 or an RFC 3339 time")
    if value < _SECONDS_LIMIT:
        raise ValueError("expected ms since 1970; this looks like seconds")
    return value


def _octets(value: Any) -> bytes:
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError):
        raise ValueError("expected bytes in hexadecimal") from None


Time = Annotated[int, BeforeValidator(_time)]
Octets = Annotated[bytes, BeforeValidator(_octets)]


_Object = dict[str, Any] | list[dict[str, Any]]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Entry(_Strict):
    recipe: StrictStr
    id: Octets
    prefix: Annotated[int, Field(strict=True)]

    def entry(self) -> CacheEntry:
        return CacheEntry(self.recipe, self.id, self.prefix)


class _Cache(_Strict):
    read: _Entry | None = None
    writes: list[_Entry] = []
    commitments: list[_Entry] = []

    def cache(self) -> Cache:
        return Cache(
            self.read.entry() if self.read else None,
            tuple(entry.entry() for entry in self.writes),
            tuple(entry.entry() for entry in self.commitments),
        )


class _Line(_Strict):
    provider: StrictStr
    api: StrictStr
    model: StrictStr
    request: StrictStr
    time: Time
    account: StrictStr | None = None
    usage: _Object | None = None
    response: _Object | None = None
    shape: StrictStr | None = None
    stream: StrictStr | None = None
    tags: dict[StrictStr, StrictStr] | None = None
    client: Octets | None = None
    cache: _Cache | None = None

    def said(self) -> _Object:
        """What the provider said: its usage object, or the response that holds it."""
        if self.usage is not None and self.response is None:
            return self.usage
        if self.response is not None and self.usage is None:
            return self.response
        raise ValueError("a line has either usage or response")


@dataclass(frozen=True, slots=True)
class Entry:
    """One request, ready to be issued.

    Attributes:
        line: counts from 1.
        raw: the line as it was.
        account: who is billed, as the line says.
        shape: whether the API's input count includes the cache.
        models: the counts by model, where several made the response.
        unread: members of the usage that state something that no receipt says, with the reason.
    """

    line: int
    raw: bytes
    request: str
    model: str
    time: int
    counts: Counts
    source: Source
    account: str
    stream: str | None
    tags: dict[str, str] | None
    client: bytes | None
    cache: Cache | None
    shape: Shape
    models: Mapping[str, Counts] | None
    unread: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reject:
    """A line that is not issued, and why. ``line`` counts from 1."""

    line: int
    raw: bytes
    reason: str

    def encoded(self) -> bytes:
        """A line of a rejects file; `read_lines` reads such a line as the one that was rejected."""
        about = {"line": self.line, "reason": self.reason}
        try:
            document = {"reject": about, "raw": self.raw.decode()}
        except UnicodeDecodeError:
            document = {"reject": about, "raw_hex": self.raw.hex()}
        return json.dumps(document).encode() + b"\n"


def read_lines(
    data: bytes, provider: str | None = None, shape: str | None = None, account: str | None = None
) -> Iterator[Entry | Reject]:
    """The requests in a usage file or a rejects file, in the order of its lines. Empty lines are skipped.

    Args:
        data: the file.
        provider: that of the lines that name none.
        shape: the shape of the lines that name none, where the provider is not known.
        account: who is billed by the lines that do not say it.
    """
    for number, line in numbered_lines(data):
        raw = line
        try:
            raw = original(line)
            yield _entry(number, raw, parsed(raw), _Defaults(provider, shape, account))
        except (ValueError, RecursionError) as error:
            yield Reject(number, raw, message(error))


def numbered_lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not empty, counted from 1."""
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            yield number, line


def original(line: bytes) -> bytes:
    """A line, or the one that a line of a rejects file holds.

    Raises:
        ValueError: it is no JSON of this kind.
        RecursionError: it is nested too deeply.
    """
    document = parsed(line) if b'"reject"' in line else None
    return _rejected(document) if isinstance(document, dict) and "reject" in document else line


def parsed(raw: bytes) -> Any:
    """What a line says; no member of it stands twice.

    Raises:
        ValueError: it is no JSON of this kind.
        RecursionError: it is nested too deeply.
    """
    return json.loads(raw, parse_constant=_no_constant, object_pairs_hook=_no_duplicates)


def unique(lines: Iterable[Entry | Reject]) -> Iterator[Entry | Reject]:
    """One entry a request: the first of equal ones. Where they differ, nobody knows which is final, so none."""
    lines = list(lines)
    by_request: dict[tuple[str, str], list[Entry]] = {}
    for line in lines:
        if isinstance(line, Entry):
            by_request.setdefault((line.account, line.request), []).append(line)
    for line in lines:
        if isinstance(line, Reject):
            yield line
            continue
        same = by_request[line.account, line.request]
        if any(other.source != line.source for other in same):
            where = ", ".join(str(other.line) for other in same if other is not line)
            reason = f"request {line.request!r} has another usage in line {where}: which is final?"
            yield Reject(line.line, line.raw, reason)
        elif line is not same[0]:
            reason = f"request {line.request!r} stands in line {same[0].line} already"
            yield Reject(line.line, line.raw, reason)
        else:
            yield line


def fields(entry: Entry) -> Request:
    """What is told of a request, wherever a receipt is asked for."""
    told: Request = {
        "request": entry.request, "model": entry.model, "counts": entry.counts, "source": entry.source,
        "cache": entry.cache, "tags": entry.tags, "client": entry.client,
    }  # fmt: skip
    if entry.models is not None:
        told["models"] = entry.models
    return told


def _rejected(document: dict[str, Any]) -> bytes:
    raw, encoded = document.get("raw"), document.get("raw_hex")
    if isinstance(raw, str):
        return raw.encode()
    if isinstance(encoded, str):
        return bytes.fromhex(encoded)
    raise ValueError("a rejected line has raw or raw_hex")


class _Defaults(NamedTuple):
    """What holds for lines that do not say it."""

    provider: str | None
    shape: str | None
    account: str | None


def _entry(number: int, raw: bytes, document: Any, defaults: _Defaults) -> Entry:
    shape = defaults.shape
    if isinstance(document, dict) and defaults.provider is not None:
        document = {"provider": defaults.provider} | document
    line = _Line.model_validate(document)
    account = line.account or defaults.account
    if account is None:
        raise ValueError("account: whose request it is, neither the line says nor --account")
    if line.shape is not None or is_known(line.provider, line.api):
        shape = line.shape
    reading, source = take_usage(line.provider, line.api, line.said(), shape=shape)
    return Entry(
        number, raw, line.request, line.model, line.time, reading.counts, source,
        account, line.stream, line.tags, line.client, line.cache.cache() if line.cache else None,
        find(line.provider, line.api, shape).shape, reading.by_model(line.model), reading.unread,
    )  # fmt: skip


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _no_duplicates(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in members:
        if name in found:
            raise ValueError(f"{name} is there twice")
        found[name] = value
    return found


def message(error: Exception) -> str:
    """Why a line is not issued."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        return f"{field}: {first['msg'].removeprefix('Value error, ')}"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error}"
    if isinstance(error, RecursionError):
        return "not JSON: nested too deeply"
    return f"usage: {error}" if isinstance(error, UsageError) else str(error)
