"""What the sections of a page are built from: tables, parts that fold, headings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cli.page.markup import Markup, tag


def table(
    head: Sequence[str], rows: Iterable[Sequence[str | None]], *, caption: str, numbers: int = 99
) -> Markup:
    """A table with its caption and headers; the columns from ``numbers`` on are numbers."""

    def cell(kind: str, place: int, child: str | None, **more: str) -> Markup:
        return tag(kind, child, class_="number" if place >= numbers else None, **more)

    heads = (cell("th", place, text, scope="col") for place, text in enumerate(head))
    body = (
        tag("tr", *(cell("td", at, child, data_name=head[at]) for at, child in enumerate(row)))
        for row in rows
    )
    return tag(
        "div",
        tag("table", tag("caption", caption), tag("thead", tag("tr", *heads)), tag("tbody", *body)),
        class_="wide",
    )


def folded(summary: str | Markup, *children: str | None, opened: bool = False) -> Markup:
    """What opens with a click, and is there when it is printed."""
    return tag("details", tag("summary", summary), *children, open="" if opened else None)


def section(name: str, title: str, *children: str | None) -> Markup:
    """A part of the page with its heading."""
    return tag("section", tag("h2", title, id=f"h-{name}"), *children, id=name, aria_labelledby=f"h-{name}")  # fmt: skip
