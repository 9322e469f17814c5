"""Plots as SVG inside of a page: its style sheet says the colours, so that they are right in the dark and on paper too.

Coordinates are whole numbers, of exact fractions. Every number of a plot stands in a table beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

from attribution.money.output.page.markup import safe

_WIDTH: Final = 400
_ROW, _BAR = 34, 10
_HEIGHT, _LEFT, _TOP, _BOTTOM = 210, 34, 12, 26
_LONGEST: Final = 34
_LABELS: Final = 8
LINES: Final = 6
"""Lines of a plot: more cannot be told apart."""


class Bar(NamedTuple):
    """A bar: its name, how long it is (negative: to the left), and that in words."""

    name: str | None
    value: int
    shown: str


def bars(title: str, rows: Sequence[Bar]) -> str:
    """Bars below each other, those below zero to the left of the others."""
    least, most = min([0, *(bar.value for bar in rows)]), max([0, *(bar.value for bar in rows)])
    zero = _scaled(-least, most - least, _WIDTH)
    lines = [_open(title, _ROW * len(rows) + 4)]
    for at, (name, value, shown) in enumerate(rows):
        y, length = at * _ROW, _scaled(abs(value), most - least, _WIDTH)
        x, kind = (zero - length, "under") if value < 0 else (zero, "over")
        lines += [
            f'<text x="0" y="{y + 14}">{_short(name)}</text>',
            f'<text x="{_WIDTH}" y="{y + 14}" class="end">{safe(shown)}</text>',
            f'<rect x="{x}" y="{y + 19}" width="{max(1, length)}" height="{_BAR}" class="{kind}"/>',
            f'<line x1="{zero}" x2="{zero}" y1="{y + 17}" y2="{y + 31}" class="axis"/>',
        ]
    return _framed(title, [*lines, "</svg>"])


def columns(title: str, names: Sequence[str], series: Mapping[str, Sequence[int]], top: str) -> str:
    """Columns side by side, in groups.

    Args:
        title: of the plot.
        names: of the groups.
        series: by name, a value of at least 0 for each group; two at most.
        top: the largest value in words.
    """
    most = max([1, *(value for values in series.values() for value in values)])
    group = Fraction(_WIDTH - _LEFT, max(1, len(names)))
    width = max(1, int(group * Fraction(7, 10) / len(series)))
    lines = [_open(title, _HEIGHT), *_frame(names, group, {0: "0", 100: top})]
    for place, (kind, values) in enumerate(zip(("over", "under"), series.values(), strict=False)):
        for at, value in enumerate(values):
            height = _scaled(max(0, value), most, _HEIGHT - _TOP - _BOTTOM)
            x = _LEFT + int(group * at) + int(group / 10) + place * width
            lines.append(
                f'<rect x="{x}" y="{_HEIGHT - _BOTTOM - height}" width="{width}" height="{height}" class="{kind}"/>'
            )
    return _framed(title, [*lines, "</svg>", _key([*series], ["over", "under"])])


def rates(title: str, names: Sequence[str], series: Mapping[str, Sequence[Fraction | None]]) -> str:
    """Lines of rates from 0 to 1; where there is none, the line is interrupted.

    Args:
        title: of the plot.
        names: of the places on the axis.
        series: by name, a rate for each place.
    """
    shown = dict([*series.items()][:LINES])
    group = Fraction(_WIDTH - _LEFT, max(1, len(names)))
    marks = {percent: f"{percent}%" for percent in (0, 50, 100)}
    lines = [_open(title, _HEIGHT), *_frame(names, group, marks)]
    for number, values in enumerate(shown.values()):
        lines += _line(values, group, number)
    kinds = [f"s{number}" for number in range(len(shown))]
    return _framed(title, [*lines, "</svg>", _key([*shown], kinds)])


def _line(values: Sequence[Fraction | None], group: Fraction, number: int) -> Iterator[str]:
    part: list[str] = []
    for at, rate in enumerate([*values, None]):
        if rate is not None:
            y = _HEIGHT - _BOTTOM - _scaled(rate, 1, _HEIGHT - _TOP - _BOTTOM)
            part.append(f"{_LEFT + int(group * at + group / 2)},{y}")
        elif part:
            yield f'<polyline points="{" ".join(part)}" class="s{number}"/>'
            for point in part:
                x, _, y_text = point.partition(",")
                yield f'<circle cx="{x}" cy="{y_text}" r="3" class="s{number}"/>'
            part = []


def _frame(names: Sequence[str], group: Fraction, marks: Mapping[int, str]) -> Iterator[str]:
    """Lines at some heights, and names below."""
    for percent, text in marks.items():
        y = _HEIGHT - _BOTTOM - _scaled(percent, 100, _HEIGHT - _TOP - _BOTTOM)
        yield f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{y}" y2="{y}" class="grid"/>'
        yield f'<text x="{_LEFT - 4}" y="{y + 4}" class="end small">{safe(text)}</text>'
    step = -(-len(names) // _LABELS) or 1
    for at in range(0, len(names), step):
        x = _LEFT + int(group * at + group / 2)
        yield f'<text x="{x}" y="{_HEIGHT - 8}" class="middle small">{safe(names[at])}</text>'


def _open(title: str, height: int) -> str:
    label = f"{title}; the numbers are in the table"
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{safe(label)}">'


def _framed(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"<figure>\n<figcaption>{safe(title)}</figcaption>", *lines, "</figure>"])


def _key(names: Sequence[str], kinds: Sequence[str]) -> str:
    """Which colour is what."""
    items = "".join(
        f'<li><svg viewBox="0 0 20 8" class="swatch" aria-hidden="true"><rect width="20" height="8" class="{kind}"/></svg>'
        f"{_short(name)}</li>"
        for name, kind in zip(names, kinds, strict=False)
    )
    return f'<ul class="key">{items}</ul>'


def _short(name: str | None) -> str:
    return safe(f"{name[:_LONGEST]}…" if name is not None and len(name) > _LONGEST else name)


def _scaled(part: int | Fraction, whole: int, length: int) -> int:
    return 0 if whole == 0 else round(Fraction(part) * length / whole)
