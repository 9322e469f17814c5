"""The pictures of a report: bars as inline SVG without a word in them, so that they stretch; the words are HTML around them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from cli.page.markup import Markup, tag, together
from cli.page.words import instant, number, plural

_HEIGHT: Final = 100
_SLOT: Final = 10
_GAP: Final = 2


def bars(slots: Sequence[dict[str, Any]], parts: Sequence[tuple[str, str]], label: str) -> Markup:
    """A bar for each slot of time, of parts on top of each other.

    Args:
        slots: with ``start``, and a count for each part.
        parts: the count of each part, and its name.
        label: what the picture shows, for who does not see it.
    """
    most = max((sum(int(slot[part]) for part, _ in parts) for slot in slots), default=0) or 1
    drawn = together(*(_bar(place, slot, parts, most) for place, slot in enumerate(slots)))
    width = max(1, len(slots)) * _SLOT
    picture = tag(
        "svg", drawn, viewBox=f"0 0 {width} {_HEIGHT}", preserveAspectRatio="none", role="img", aria_label=label, class_="bars",
    )  # fmt: skip
    middle = slots[len(slots) // 2]
    ends = [instant(slot["start"]) for slot in (slots[0], middle, slots[-1])]
    if len({text[:10] for text in ends}) > 1 or len(slots) == 1:
        ends = [text[:10] for text in ends]
    axis = tag("p", *(tag("span", text) for text in dict.fromkeys(ends)), class_="axis", aria_hidden="true")  # fmt: skip
    top = tag("p", f"highest: {number(most)}", class_="top")
    return tag("div", top, picture, axis, class_="chart")


def _bar(place: int, slot: dict[str, Any], parts: Sequence[tuple[str, str]], most: int) -> Markup:
    """One bar, and what it says to who points at it."""
    top, drawn = _HEIGHT * 100, []
    words = ", ".join(f"{name} {number(slot[part])}" for part, name in parts)
    for part, _ in parts:
        height = _HEIGHT * 100 * int(slot[part]) // most
        top -= height
        drawn.append(tag("rect", x=place * _SLOT + _GAP // 2, y=_hundredths(top), width=_SLOT - _GAP,
                         height=_hundredths(height), class_=f"of-{part}"))  # fmt: skip
    return tag("g", tag("title", f"{instant(slot['start'])}: {words}"), *drawn)


def _hundredths(value: int) -> str:
    return f"{value // 100}.{value % 100:02d}"


def share(part: int, whole: int) -> Markup:
    """A part of a whole as one lying bar. The number stands beside it."""
    filled = 1000 * part // whole if whole else 0
    return tag(
        "svg", tag("rect", x=0, y=0, width=1000, height=10, class_="empty"),
        tag("rect", x=0, y=0, width=min(1000, max(0, filled)), height=10, class_="full"),
        viewBox="0 0 1000 10", preserveAspectRatio="none", aria_hidden="true", class_="share",
    )  # fmt: skip


def coverage(stream: dict[str, Any]) -> Markup:
    """The sequences of a stream as a strip; what is missing is cut out of it, and never too thin to see."""
    first, end = int(stream["first"]), int(stream["next"])
    whole = max(1, end - first)
    holes = together(*(_hole(run, first, whole) for run in stream["missing"]))
    label = f"sequences {number(first)} to {number(end - 1)}, {plural(stream['gaps'], 'gap')}"
    return tag(
        "svg", tag("rect", x=0, y=0, width=1000, height=10, class_="full"), holes,
        viewBox="0 0 1000 10", preserveAspectRatio="none", role="img", aria_label=label, class_="share",
    )  # fmt: skip


def _hole(run: Sequence[int | str], first: int, whole: int) -> Markup:
    begin, end = (int(place) - first for place in run)
    x = 1000 * begin // whole
    width = max(6, 1000 * (end + 1 - begin) // whole)
    return tag("rect", x=min(x, 994), y=0, width=width, height=10, class_="hole")


def legend(parts: Iterable[tuple[str, str]]) -> Markup:
    """What the parts of bars are called."""
    return tag(
        "ul", *(tag("li", tag("span", class_=f"key of-{part}"), name) for part, name in parts), class_="legend"
    )  # fmt: skip
