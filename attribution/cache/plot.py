"""The hit rate over time as an SVG image: by tokens and by requests, an hour a point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from fractions import Fraction

from attribution.cache.rates import Rates

_WIDTH, _HEIGHT = 800, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 40, 44
_LINES = (("by tokens", "#1a73c7"), ("by requests", "#d9730d"))


def svg(hours: Mapping[int, Rates]) -> str:
    """The image. ``hours``: rates by hour since 1970; hours without requests are gaps."""
    return "\n".join([*_image(dict(sorted(hours.items()))), ""])


def _image(hours: dict[int, Rates]) -> Iterator[str]:
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" font-size="12" role="img">'
    yield "<title>Cache hit rate by hour</title>"
    yield f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>'
    yield f'<text x="{_LEFT}" y="20" font-size="14">Cache hit rate by hour (UTC)</text>'
    for quarter in range(5):
        y = _y(Fraction(quarter, 4))
        yield f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="#dddddd"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{quarter * 25}%</text>'
    if hours:
        first, last = min(hours), max(hours)
        yield from _labels(first, last)
        for i, (name, colour) in enumerate(_LINES):
            rates = {h: r.by_requests if i else r.by_tokens for h, r in hours.items()}
            yield from _line(rates, first, last, colour)
            x = _WIDTH - _RIGHT - 190 + 95 * i
            yield f'<line x1="{x}" x2="{x + 16}" y1="16" y2="16" stroke="{colour}" stroke-width="2"/>'
            yield f'<text x="{x + 20}" y="20">{name}</text>'
    yield "</svg>"


def _y(rate: Fraction) -> int:
    return _HEIGHT - _BOTTOM - round(rate * (_HEIGHT - _TOP - _BOTTOM))


def _x(hour: int, first: int, last: int) -> int:
    return _LEFT + round(Fraction(hour - first, max(1, last - first)) * (_WIDTH - _LEFT - _RIGHT))


def _labels(first: int, last: int) -> Iterator[str]:
    """Up to eight times below the axis."""
    step = max(1, (last - first + 7) // 8)
    for hour in range(first, last + 1, step):
        when = datetime.fromtimestamp(hour * 3600, UTC)
        x, y = _x(hour, first, last), _HEIGHT - _BOTTOM
        yield f'<line x1="{x}" x2="{x}" y1="{y}" y2="{y + 4}" stroke="#888888"/>'
        yield f'<text x="{x}" y="{y + 18}" text-anchor="middle">{when:%H:%M}</text>'
        if hour == first or when.hour < step:
            yield f'<text x="{x}" y="{y + 34}" text-anchor="middle">{when:%Y-%m-%d}</text>'


def _line(
    rates: Mapping[int, Fraction | None], first: int, last: int, colour: str
) -> Iterator[str]:
    """Connected points; hours without a rate interrupt the line."""
    part: list[str] = []
    for hour in range(first, last + 2):
        rate = rates.get(hour)
        if rate is not None:
            part.append(f"{_x(hour, first, last)},{_y(rate)}")
        elif part:
            yield f'<polyline points="{" ".join(part)}" fill="none" stroke="{colour}" stroke-width="2"/>'
            yield from (
                f'<circle cx="{p.split(",")[0]}" cy="{p.split(",")[1]}" r="2.5" fill="{colour}"/>'
                for p in part
            )
            part = []
