"""The customer's own log, as calls (spec/record.md, "A log")."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any, Final

from verifier.customer.calls import OUTCOMES, Call
from verifier.customer.log import LogError, log_rows
from verifier.customer.usage import Usage, read_usage
from verifier.customer.usage_members import UsageError, count
from verifier.format.fields import MAX_TIME
from verifier.report.period import PeriodError, instant

_ALIASES: Final = {
    "request_id": "request", "id": "request", "service_tier": "tier",
}  # fmt: skip
"""Other names of columns; the first of them that is stated counts."""
_COUNTS: Final = ("logical", "cached", "output", "reasoning")
_NAMES: Final = {
    "logical": ("logical", "prompt_tokens"),
    "cached": ("cached", "cached_tokens"),
    "output": ("output", "completion_tokens", "output_tokens"),
    "reasoning": ("reasoning", "reasoning_tokens"),
}
_SENT: Final = ("sent", "time", "timestamp")
_IN_USAGE: Final = frozenset({
    "input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation", "iterations",
    "prompt_tokens_details", "input_tokens_details", "completion_tokens_details", "output_tokens_details",
    "prompt_cache_hit_tokens", "prompt_cache_miss_tokens", "total_tokens",
})  # fmt: skip
_COLUMNS: Final = (
    frozenset({
        "request", *_SENT, "created", "answered", "host", "path", "credential", "account", "status", "outcome", "replay", "commitment",
        "requested_model", "model", "usage", "writes", "units", "tier", "usage_sha256", "receipts",
    })
    | _ALIASES.keys() | _IN_USAGE | {name for names in _NAMES.values() for name in names}
)  # fmt: skip
_SUCCESS: Final = frozenset({"ok", "success", "succeeded", "completed"})
_FAILURE: Final = frozenset({"error", "failed", "failure", "timeout", "cancelled", "canceled"})
_STATUS: Final = re.compile(r"([1-5]\d\d)(\.0+| .*)?", re.DOTALL)
_EARLIEST: Final = 946_684_800_000
"""The year 2000, in ms. A time before is in seconds."""


def unknown_columns(names: Set[str]) -> list[str]:
    """Those of some columns that mean nothing here."""
    return sorted(names - _COLUMNS)


def logged_calls(path: str, names: set[str]) -> Iterator[Call]:
    """The calls in a log, one after the other; ``names`` gets the names of its columns.

    Raises:
        LogError: it is not as it should be.
        OSError: it cannot be read.
    """
    named = found = False
    for line, row in log_rows(path):
        where, found = f"{Path(path).name}, line {line}", True
        names.update(row)
        try:
            call = _call(where, row)
        except (ValueError, PeriodError, RecursionError) as error:
            raise LogError(f"{where}: {error}") from None
        named = named or any(one is not None for one in (call.request, call.commitment, call.ok))
        yield call
    if found and not named:
        raise LogError(f"{path} names no request: the id goes into request, request_id or id")


def _call(where: str, given: Mapping[str, Any]) -> Call:
    row = {name: value for name, value in given.items() if value is not None}
    for other, name in _ALIASES.items():
        if other in row:
            row.setdefault(name, row[other])
    outcome = _text(row, "outcome")
    if outcome is not None and outcome not in OUTCOMES:
        raise ValueError(f"outcome is one of {', '.join(sorted(OUTCOMES))}; found {outcome!r}")
    created = (
        _moment("created", 1000 * count("created", row["created"])) if "created" in row else None
    )
    sent = next((_time(row, name) for name in _SENT if name in row), created)
    return Call(
        where, _text(row, "request"), sent, _time(row, "answered"), _text(row, "host"),
        _text(row, "path"), _text(row, "account"), _source(row), _ok(row.get("status")), outcome, _flag(row, "replay"),
        _bytes(row, "commitment"), _text(row, "requested_model"), _text(row, "model"), _usage(row), _receipts(row),
    )  # fmt: skip


def _text(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        what = "the request id" if name == "request" else name
        raise ValueError(f"{what} is a text, found {value!r}")
    value.encode()  # a lone surrogate is no text
    return value


def _source(row: Mapping[str, Any]) -> str | None:
    host, credential = _text(row, "host"), _text(row, "credential")
    return None if host is None and credential is None else f"{host} {credential or ''}"


def _flag(row: Mapping[str, Any], name: str) -> bool:
    value = row.get(name, False)
    known = {"true": True, "false": False, "1": True, "0": False}
    if isinstance(value, bool):
        return value
    if str(value).lower() not in known:
        raise ValueError(f"{name} is true or false, found {value!r}")
    return known[str(value).lower()]


def _ok(status: object) -> bool | None:
    """Whether a status is a success; programs write 200 as a number, as a fraction, or with its name behind it."""
    text = "" if status is None else str(status).strip().lower()
    if not text:
        return None
    if text in _SUCCESS or text in _FAILURE:
        return text in _SUCCESS
    code = _STATUS.fullmatch(text)
    if code is None:
        raise ValueError(f"status is that of HTTP, found {status!r}")
    return code[1][0] == "2"


def _time(row: Mapping[str, Any], name: str) -> int | None:
    """ms, from a number of them, or RFC 3339."""
    value = row.get(name)
    if value is None:
        return None
    return _moment(name, instant(value) if isinstance(value, str) else count(name, value))


def _moment(name: str, moment: int) -> int:
    unit = "times are in milliseconds, or RFC 3339"
    if moment >= MAX_TIME:
        raise ValueError(f"{name} is beyond the year 9999: {moment}; {unit}")
    if moment < _EARLIEST:
        raise ValueError(f"{name} is before the year 2000: {moment}; is it in seconds? {unit}")
    return moment


def _bytes(row: Mapping[str, Any], name: str) -> bytes | None:
    value = row.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"{name} is in hexadecimal")
    return bytes.fromhex(value)


def _receipts(row: Mapping[str, Any]) -> tuple[bytes, ...]:
    values = _parsed(row, "receipts", list) or []
    if not all(isinstance(value, str) for value in values):
        raise ValueError("receipts is an array of texts in hexadecimal")
    return tuple(map(bytes.fromhex, values))


def _parsed(row: Mapping[str, Any], name: str, kind: type) -> Any:
    """A value that is JSON, also where it stands in a cell of a CSV file."""
    value = row.get(name)
    if isinstance(value, str):
        value = json.loads(value)
    if value is not None and not isinstance(value, kind):
        raise ValueError(
            f"{name} is {'an array' if kind is list else 'an object'}, found {value!r}"
        )
    return value


def _usage(row: Mapping[str, Any]) -> Usage:
    """What the usage object says, and over it what the row states by itself."""
    stated = _parsed(row, "usage", dict)
    usage = _beside(row) if stated is None else read_usage(stated, _text(row, "host"))
    counts = dict(usage.counts)
    for name in _COUNTS:
        for column in _NAMES[name]:
            if column in row:
                counts[name] = count(column, row[column])
                break
    writes = _parsed(row, "writes", dict)
    if writes is not None:
        writes = {
            count("a TTL", int(ttl)): count("writes", tokens) for ttl, tokens in writes.items()
        }
    units = {
        **usage.units,
        **{name: count(name, one) for name, one in (_parsed(row, "units", dict) or {}).items()},
    }
    # Not the hash of the object: a client library adds to it what did not come, and leaves out what it does not know.
    return Usage(
        counts,
        usage.writes if writes is None else writes,
        units,
        usage.models,
        _text(row, "tier") or usage.tier,
        _bytes(row, "usage_sha256"),
    )


def _beside(row: Mapping[str, Any]) -> Usage:
    """A usage object whose members stand among the columns."""
    if not row.keys() & _IN_USAGE:
        return Usage()
    inner = {name: _parsed(row, name, dict) for name in row if name.endswith("_details")}
    usage = read_usage(
        {name: value for name, value in row.items() if name in _IN_USAGE} | inner,
        _text(row, "host"),
    )
    counts = dict(usage.counts)
    if "input_tokens" in row and "logical" not in counts and not row.keys() & {*_NAMES["logical"]}:
        if "cached_tokens" not in row:
            raise UsageError(
                "input_tokens may or may not include cached tokens: call the sum logical"
            )
        counts["logical"] = count("input_tokens", row["input_tokens"])
    return Usage(counts, usage.writes, usage.units)
