"""Option types for periods and moments."""

from __future__ import annotations

import click

from verifier import PeriodError, parse_period
from verifier.report.period import instant


class _Period(click.ParamType[tuple[int, int]]):
    name = "period"

    def convert(
        self, value: str | tuple[int, int], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        try:
            return parse_period(value)
        except PeriodError as error:
            self.fail(str(error), param, ctx)


class _Instant(click.ParamType[int]):
    name = "time"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):
            return value
        try:
            moment = instant(value)
        except PeriodError as error:
            self.fail(str(error), param, ctx)
        if moment % 1000:
            self.fail(f"{value!r} is not a whole second, as key files have it", param, ctx)
        return moment


PERIOD = _Period()
"""``2026-11``, ``2026-11-22`` or ``start/end``, as (start, end) in ms."""
INSTANT = _Instant()
"""A day or an RFC 3339 time, as ms."""
