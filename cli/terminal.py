"""How the command speaks: data on stdout, words on stderr, an error and then a hint with the next step."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import click

_COLOURS: Final = {"verified": "green", "rejected": "red", "incomplete": "yellow"}
_LONG: Final = 1.0
"""Seconds after which work is long enough for a bar."""


class CliError(click.ClickException):
    """Something that the user can mend: what is wrong, and the next step."""

    exit_code = 2

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class RefusedError(CliError):
    """One of several accounts or files is refused; the others go on."""


def colours() -> bool | None:
    """Whether to colour: False where the user said no (NO_COLOR, or a dumb terminal), else None, which is as the output can."""
    return False if os.environ.get("NO_COLOR") or _is_dumb() else None


def _is_dumb() -> bool:
    return os.environ.get("TERM") == "dumb"


def safe(text: str) -> str:
    """Text that may come from a file, without what a terminal would obey."""
    return "".join(ch if ch.isprintable() else ch.encode("unicode_escape").decode() for ch in text)


def plural(count: int, noun: str) -> str:
    """A number and its noun: ``1 receipt``, ``2 receipts``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def complain(message: str, hint: str | None = None) -> None:
    """Print an error, and its hint. Where that fails too, the exit code says what is left to say."""
    with suppress(OSError):
        _print("error", "red", message)
        if hint:
            click.echo(f"receipt: hint: {safe(hint)}", err=True)


def warn(message: str) -> None:
    """Print a warning: something that the user should know before going on."""
    _print("warning", "yellow", message)


def _print(what: str, colour: str, message: str) -> None:
    line = f"receipt: {click.style(what, fg=colour)}: {safe(message)}"
    click.echo(line, err=True, color=colours())


def say(message: str) -> None:
    """Print a word on what was done; ``--quiet`` silences it."""
    if not click.get_current_context().params.get("quiet"):
        click.echo(f"receipt: {safe(message)}", err=True)


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    click.echo(json.dumps(document, indent=2))


def style(text: str, what: str) -> str:
    """Colour a part of a report; click drops colours where there is no terminal for them."""
    return click.style(text, fg=_COLOURS.get(what), bold=True)


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A function that takes how much more is done; draws a bar on a terminal once a second has passed."""
    quiet = click.get_current_context().params.get("quiet")
    if quiet or not total or not sys.stderr.isatty() or _is_dumb():
        yield lambda _more: None
        return
    bar = _DelayedBar(label, total)
    try:
        yield bar.update
    finally:
        bar.close()


class _DelayedBar:
    def __init__(self, label: str, total: int) -> None:
        self._bar = click.progressbar(length=total, label=label, file=sys.stderr, width=30)
        self._started = time.monotonic()
        self._waiting = 0
        self._shown = False

    def update(self, more: int) -> None:
        self._waiting += more
        if not self._shown and time.monotonic() - self._started > _LONG:
            self._shown = True
            self._bar.__enter__()
        if self._shown:
            self._bar.update(self._waiting)
            self._waiting = 0

    def close(self) -> None:
        if self._shown:
            self._bar.__exit__(None, None, None)
