"""Text from a batch, on its way to a terminal."""

from __future__ import annotations


def escape(text: str, most: int = 60) -> str:
    """Text from a batch, safe for a terminal: printable characters only, and not too many."""
    shown = "".join(
        ch if ch.isprintable() and ch != "\\" else ch.encode("unicode_escape").decode()
        for ch in text
    )
    return shown if len(shown) <= most else shown[: most - 3] + "..."
