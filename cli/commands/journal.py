"""``receipt journal``: a journal as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from cli.options import output_options
from cli.terminal import CliError, print_json, say
from receipts import JournalError
from receipts.journal import copy_journal, is_url

_HELP = """Copy a journal.

Two files beside a journal, -wal and -shm, belong to it: the newest receipts are in the first. After a server was killed, they may be
all in there. So a journal is copied by this command, and moved only together with both.
"""
_COPY_HELP = """Copy the file of a journal, with all that was issued until now.

Servers go on meanwhile. DST must not be there; it appears whole or not at all, and only its owner can read it. It is one file.

The copy is a backup. Issue nothing into it while the journal is there: both would have other receipts under the same numbers. A journal
in PostgreSQL is copied by pg_dump.

\b
receipt journal copy issuer.db backup/issuer.db
"""
_DUMP: Final = (
    "a journal in PostgreSQL is copied by pg_dump, which sees one moment while issuing goes on"
)
_ANOTHER: Final = "name another file: none is replaced, and -wal belongs to the file that was there"
_READ: Final = "a journal is the FILE that a server or receipt issue --journal wrote"


@click.group(help=_HELP)
def journal() -> None:
    """A journal as a whole."""


@journal.command("copy", help=_COPY_HELP)
@click.argument("source", metavar="SRC")
@click.argument("target", metavar="DST")
@output_options()
def copy(
    source: str,
    target: str,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Copy a journal's file."""
    try:
        copy_journal(source, target)
    except JournalError as error:
        raise CliError(str(error), _DUMP if is_url(source) or is_url(target) else _READ) from None
    except FileExistsError as error:
        raise CliError(f"{error.filename} is there already", _ANOTHER) from None
    if as_json:
        print_json({"journal": source, "copy": target, "bytes": Path(target).stat().st_size})
    say(f"{target} is a copy of {source}, in one file; issue nothing into it")
