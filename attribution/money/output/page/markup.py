"""Parts of a page in HTML: text of receipts and registries is always escaped here."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Final

from verifier import escape

_LONGEST: Final = 1000
_NONE: Final = "none"
_ROWS: Final = 50
"""Rows of a table; a page is no list of everything."""


def safe(text: str | None) -> str:
    """Text that is only text in HTML, and has nothing that cannot be seen; none is a word."""
    return html.escape(_NONE if text is None else escape(text, _LONGEST))


def paragraph(text: str) -> str:
    """A paragraph of text."""
    return f"<p>{safe(text)}</p>"


def section(title: str, parts: Iterable[str]) -> str:
    """A part of the page under a heading."""
    return "\n".join([f"<section>\n<h2>{safe(title)}</h2>", *parts, "</section>"])


def side_by_side(parts: Iterable[str]) -> str:
    """Plots beside each other, or where there is no room below each other."""
    return "\n".join(['<div class="plots">', *parts, "</div>"])


def table(
    caption: str, columns: Sequence[str], rows: Sequence[Sequence[str | None]], texts: int = 1
) -> str:
    """A table; the first cell of a row is its heading. Without rows, a sentence; of very many the first, and how many there are.

    Args:
        caption: what it is.
        columns: their headings.
        rows: as many cells each.
        texts: so many columns are text, the others are numbers.
    """
    if not rows:
        return paragraph(f"{caption}: none.")
    if len(rows) > _ROWS:
        caption += f" (the first {_ROWS} of {len(rows):,} rows)"
    kinds = ["" if at < texts else ' class="n"' for at in range(len(columns))]
    heads = "".join(
        f'<th scope="col"{kind}>{safe(name)}</th>'
        for kind, name in zip(kinds, columns, strict=True)
    )
    lines = [
        f'<div class="scroll" role="region" tabindex="0" aria-label="{safe(caption)}">',
        f"<table>\n<caption>{safe(caption)}</caption>\n<thead><tr>{heads}</tr></thead>\n<tbody>",
    ]
    for first, *cells in rows[:_ROWS]:
        rest = "".join(
            f"<td{kind}>{safe(cell)}</td>" for kind, cell in zip(kinds[1:], cells, strict=True)
        )
        lines.append(f'<tr><th scope="row">{safe(first)}</th>{rest}</tr>')
    return "\n".join([*lines, "</tbody>\n</table>\n</div>"])


def figures(pairs: Iterable[tuple[str, str, str]]) -> str:
    """Figures in large type: what each is, the figure, a remark."""
    cells = "\n".join(
        f'<div><dt>{safe(name)}</dt><dd>{safe(figure)}</dd><dd class="note">{safe(note)}</dd></div>'
        for name, figure, note in pairs
    )
    return f'<dl class="figures">\n{cells}\n</dl>'
