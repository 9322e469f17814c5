"""The lines of ``usage.jsonl``: one request each, with the provider's usage object."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictStr, ValidationError

from cli.terminal import CliError
from receipts import Cache, CacheEntry, Counts, Source, UsageError
from receipts.ingest import read_usage, usage_hash
from verifier import PeriodError
from verifier.period import instant

_SECONDS_LIMIT = 10**11
"""A smaller number cannot be ms of this century: it is most likely in seconds."""


def _time(value: Any) -> int:
    if isinstance(value, str):
        try:
            return instant(value)
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
    usage: dict[str, Any]
    stream: StrictStr | None = None
    tags: dict[StrictStr, StrictStr] | None = None
    client: Octets | None = None
    cache: _Cache | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One request, ready to be issued. ``line`` counts from 1."""

    line: int
    request: str
    model: str
    time: int
    counts: Counts
    source: Source
    stream: str | None
    tags: dict[str, str] | None
    client: bytes | None
    cache: Cache | None


def read_entries(name: str, data: bytes) -> Iterator[Entry]:
    """The requests in a usage file, in the order of its lines. Empty lines are skipped.

    Raises:
        CliError: a line is not as it should be; it is named.
    """
    for number, raw in enumerate(data.split(b"\n"), 1):
        if raw.strip():
            try:
                yield _read(number, raw)
            except (ValueError, RecursionError) as error:
                hint = "every line is one request: provider, api, model, request, time, usage"
                raise CliError(f"{name}, line {number}: {_message(error)}", hint) from None


def _read(number: int, raw: bytes) -> Entry:
    line = _Line.model_validate(json.loads(raw, parse_constant=_no_constant))
    reading = read_usage(line.provider, line.api, line.usage)
    return Entry(
        number, line.request, line.model, line.time, reading.counts,
        Source(line.provider, line.api, usage_hash(line.usage), reading.tier),
        line.stream, line.tags, line.client, line.cache.cache() if line.cache else None,
    )  # fmt: skip


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _message(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        return f"{field}: {first['msg'].removeprefix('Value error, ')}"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error}"
    return f"usage: {error}" if isinstance(error, UsageError) else str(error)
