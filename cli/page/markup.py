"""HTML that cannot forget to escape: text is text, and only what these functions make is markup."""

from __future__ import annotations

from html import escape
from typing import Final

_VOID: Final = frozenset({"meta", "br", "rect", "line", "path", "input"})


class Markup(str):
    """Text that is HTML already. Nothing but this module, and files of the project, makes it."""

    __slots__ = ()


def tag(element: str, /, *children: str | None, **attributes: str | int | None) -> Markup:
    """An element. Children that are no markup are escaped, and so are attributes; those that are None are left out.

    ``class_`` and ``for_`` are the attributes without their line; another line within a name is a hyphen.
    """
    given = "".join(
        f' {attribute.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for attribute, value in attributes.items()
        if value is not None
    )
    if element in _VOID and not children:
        return Markup(f"<{element}{given}/>")
    return Markup(f"<{element}{given}>{together(*children)}</{element}>")


def together(*children: str | None) -> Markup:
    """Children after one another."""
    return Markup("".join(_shown(child) for child in children if child is not None))


def _shown(child: str) -> str:
    """Characters that turn text around would let a name look like another: they are written out."""
    if isinstance(child, Markup):
        return child
    visible = "".join(ch if ch.isprintable() or ch == "\n" else f"\\u{ord(ch):04x}" for ch in child)
    return escape(visible)
