"""Rejects: lines of a usage file that are not issued go to a file of their own, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path

import click

from cli.files import STDIN, output_file
from cli.terminal import CliError, plural, say, warn
from cli.usage import Reject

_SHOWN = 5
"""Rejected lines that are named on the terminal; the file has them all."""
EXIT_CODE = 1


def place(given: str | None, usage: str) -> str:
    """Where the rejects go: to a file that is not there yet, so that none are lost.

    Without a name it is ``usage.rejects.jsonl`` for ``usage.jsonl``, in the working folder, or the first of ``usage.rejects-2.jsonl`` and so on.

    Raises:
        CliError: the named file is there already.
    """
    if given is not None:
        if given != STDIN and Path(given).exists():
            raise CliError(
                f"{given} is there already",
                "rejects are never lost: name another file, or move it away",
            )
        return given
    stem = "stdin" if usage == STDIN else Path(usage).name.removesuffix(".jsonl")
    names = (f"{stem}.rejects{'' if n == 1 else f'-{n}'}.jsonl" for n in count(1))
    return next(name for name in names if not Path(name).exists())


def write(path: str, name: str, rejects: Sequence[Reject], *, again: str | None = None) -> None:
    """Write the rejects file, if there are any, and name the first ones.

    ``again``: what is read again once the cause is mended; None: that file.
    """
    if not rejects:
        return
    rejects = sorted(rejects, key=lambda reject: reject.line)
    with output_file(path) as stream:
        stream.writelines(reject.encoded() for reject in rejects)
    tell(name, rejects)
    say(
        f"{plural(len(rejects), 'line')} rejected: {path}; mend the cause, then run again over {again or 'that file'}"
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
