"""Rejects: lines of a usage file that are not issued go to a file of their own, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from cli.files import STDIN, output_file
from cli.terminal import say, warn
from cli.usage import Reject
from verifier.words import plural

_SHOWN = 5
"""Rejected lines that are named on the terminal; the file has them all."""
EXIT_CODE = 1


def default_path(usage: str) -> str:
    """``usage.rejects.jsonl`` for ``usage.jsonl``, in the working folder."""
    stem = "stdin" if usage == STDIN else Path(usage).name.removesuffix(".jsonl")
    return f"{stem}.rejects.jsonl"


def write(path: str, name: str, rejects: Sequence[Reject]) -> None:
    """Write the rejects file, if there are any, and name the first ones."""
    if not rejects:
        return
    rejects = sorted(rejects, key=lambda reject: reject.line)
    with output_file(path) as stream:
        stream.writelines(reject.encoded() for reject in rejects)
    tell(name, rejects)
    say(
        f"{plural(len(rejects), 'line')} rejected: {path}; mend the cause, then run again over that file"
    )


def tell(name: str, rejects: Sequence[Reject]) -> None:
    """Name the first rejected lines."""
    for reject in rejects[:_SHOWN]:
        warn(f"{name}, line {reject.line}: {reject.reason}")
    if len(rejects) > _SHOWN:
        warn(f"and {len(rejects) - _SHOWN} more")


def leave(rejects: Sequence[Reject]) -> None:
    """End the command with the exit code that says whether a line was rejected."""
    if rejects:
        click.get_current_context().exit(EXIT_CODE)
