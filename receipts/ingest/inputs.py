"""The input of a response: all of it, what of it was read from a cache, and what was written to one by TTL in s."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from receipts.errors import UsageError
from receipts.ingest.expressions import names, parsed
from receipts.ingest.members import Members

if TYPE_CHECKING:
    from receipts.ingest.form import Form

Input = tuple[int, int | None, Mapping[int, int] | None]
"""All input, what was read, and what was written by TTL in s, in tokens."""


def subset_input(form: Form, members: Members) -> Input:
    """The input of an API whose count includes the cache.

    Raises:
        UsageError: the count is missing, or its parts are more than it.
    """
    of_input = parsed(form.logical)
    first = of_input[0]
    is_stated = any(members.states(*part) for part in of_input)
    logical = form.sum(members, form.logical) if is_stated else None
    if logical is None:
        raise UsageError(members.where(first), "is missing")
    writes = _writes(form, members)
    written = sum((writes or {}).values())
    cached = _cached(form, members, logical - written)
    within = members.count(names(form.cached_within))
    if within is not None and (cached or 0) > within:
        where = members.where(names(form.cached))
        raise UsageError(where, f"expected at most the prompt, {within}, found {cached}")
    if (cached or 0) + written > logical:
        message = f"expected at least what was read and written, {(cached or 0) + written}, found {logical}"
        raise UsageError(members.where(first), message)
    return logical, cached, writes


def _cached(form: Form, members: Members, readable: int) -> int | None:
    """What was read, of the input that was not written; it follows from the rest of the input, where that is stated."""
    cached = form.stated(members, form.cached)
    uncached = members.count(names(form.uncached))
    if uncached is None:
        return cached
    where = members.where(names(form.uncached))
    if uncached > readable:
        raise UsageError(where, f"expected at most the prompt, {readable}, found {uncached}")
    if cached not in (None, readable - uncached):
        raise UsageError(where, f"expected the prompt without the hits, {readable - (cached or 0)}, found {uncached}")  # fmt: skip
    return readable - uncached


def additive_input(form: Form, members: Members) -> Input:
    """The input of an API whose count excludes the cache.

    What is not stated of the cache is zero if the total proves it. Where nothing is stated of it, and there is no total either,
    the model or the version of the API has no cache.

    Raises:
        UsageError: a part is missing.
    """
    uncached, cached = members.count(names(form.uncached)), form.stated(members, form.cached)
    if uncached is None:
        raise UsageError(members.where(names(form.uncached)), "is missing")
    writes = _writes(form, members)
    written = form.stated(members, form.writes[0])
    if cached is None or written is None:
        total = members.count(names(form.total))
        stated = uncached + (cached or 0) + (written or 0)
        if total is None and cached is None and not writes:
            return uncached, None, None
        output = form.sum(members, form.output) or 0
        if total is None or total != stated + output:
            where = members.where(names(form.cached if cached is None else form.writes[0]))
            raise UsageError(where, "is not stated, and no total shows that it is zero")
        cached, written = cached or 0, written or 0
        writes = writes or {0: 0}
    return uncached + cached + written, cached, writes


def _writes(form: Form, members: Members) -> dict[int, int] | None:
    """The stated ones, and under 0 the rest of the total, whose TTL is unknown."""
    by_ttl = {ttl: members.count(names(where)) for ttl, where in form.writes.items()}
    total = by_ttl.pop(0, None)
    known = {ttl: tokens for ttl, tokens in by_ttl.items() if tokens is not None}
    if total is None:
        return known or None
    rest = total - sum(known.values())
    if rest < 0:
        where = members.where(names(form.writes[0]))
        raise UsageError(where, f"expected the sum of its parts, {total - rest}, or more, found {total}")  # fmt: skip
    return {0: rest, **known} if rest or not known else known
