"""``receipt archive``: old periods move out of journals into their batches."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click

from cli import key_folder
from cli.archiving import Archive, files
from cli.closing_refusals import refusals
from cli.options import PERIOD, key_folder_option, output_options
from cli.terminal import complain, plural, print_json, progress, say
from receipts.closing import Journals, KeptStatement

_HELP = """Move old periods out of journals: delete the receipts that a closed batch has.

Without --delete, it only says what would be deleted. For each statement whose period ended before that of --before, the batch
is read: as the index of a folder that receipt close --all wrote says, or in a FILE. It must verify with the issuer's own keys, its
statement must be the journal's byte for byte, and each receipt that would be deleted must be in it, at its place. Only then do the
signed bytes go. What stays of a receipt is its place, request id, digest and time: so no request gets a second one, and the
streams and statements go on.

Keep the batches as you keep the journal: after this they are the only copy. A run that was stopped is run again.

\b
receipt archive --journal issuer.db --keys keys/ --before 2026-11 \\
  --batches october/ --delete
"""
_REFUSED: Final = 1
"""The exit code where a statement could not be archived."""
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class _Missing:
    """A statement of which no batch was found that has all."""

    account: str
    number: int
    receipts: int


@click.command(help=_HELP)
@click.argument("batch", nargs=-1, type=click.Path())
@key_folder_option
@click.option("--journal", "journals", multiple=True, required=True, metavar="FILE|URL", help="The journal: a file, or postgresql://...; all that are closed together.")  # fmt: skip
@click.option("--before", type=PERIOD, required=True, help="Periods that ended before this one began: 2026-11.")  # fmt: skip
@click.option("--batches", "folders", multiple=True, metavar="FOLDER", help="What receipt close --all wrote.")  # fmt: skip
@click.option("--delete", is_flag=True, help="Delete; without, only look.")
@output_options()
def archive(
    batch: tuple[str, ...],
    keys: str,
    journals: tuple[str, ...],
    before: tuple[int, int],
    folders: tuple[str, ...],
    delete: bool,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Delete the receipts of closed periods that their batches have."""
    if not (folders or batch):
        raise click.UsageError("say where the batches are: --batches FOLDER, or FILE")
    folder = key_folder.load(keys)
    with (
        refusals(before, None),
        TemporaryDirectory(prefix="receipt-archive-") as scratch,
        Journals(journals, folder.issuer) as opened,
    ):
        found = list(files(folders, batch, folder.issuer))
        waiting = {(one.account, one.number): one for one in opened.archivable(before[0])}
        work = Archive(opened, folder, Path(scratch, "batch.cbor"), delete, waiting)
        with progress("archiving", len(found)) as advance:
            for file in found:
                if work.wants(file):
                    work.take(file)
                advance(1)
        if delete:
            opened.compact()
    missing = [_missing(one) for one in work.waiting.values()]
    if as_json:
        print_json({
            "deleted": delete, "statements": work.rows(), "missing": [asdict(one) for one in missing],
            "refused": [{"file": str(path), "reason": why, "hint": hint} for path, (why, hint) in work.refused.items()],
        })  # fmt: skip
    _tell(work, missing, delete=delete)
    if missing or work.refused:
        click.get_current_context().exit(_REFUSED)


def _missing(statement: KeptStatement) -> _Missing:
    return _Missing(statement.account, statement.number, statement.receipts)


def _tell(work: Archive, missing: list[_Missing], *, delete: bool) -> None:
    for why, hint in work.refused.values():
        complain(why, hint)
    for one in missing[:_SHOWN]:
        which = f"statement {one.number} of {one.account}"
        complain(f"no batch has {which} with its {plural(one.receipts, 'receipt')}: they stay in the journal")  # fmt: skip
    if len(missing) > _SHOWN:
        complain(f"and {len(missing) - _SHOWN:,} more")
    receipts = plural(sum(one.receipts for one, _ in work.done), "receipt")
    what = f"{receipts} of {plural(len(work.done), 'statement')}"
    if not (work.done or missing):
        say("there is nothing to delete: no period that ended before has receipts in a journal")
    elif delete:
        say(f"deleted {what}; their batches are the only copy now")
    else:
        say(f"would delete {what}; nothing was deleted: --delete does it")
