"""``receipt close``: close a period with a signed statement."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from cli import closing_all, closing_places, key_folder
from cli.batch_folder import BatchFolder
from cli.closing_all import Task
from cli.closing_done import Done, late_command, tell_left
from cli.closing_places import ClosingPlaces
from cli.closing_refusals import accepted, look_into, refusals
from cli.files import input_file, output_file
from cli.options import PERIOD, jobs_option, key_folder_option, out_option, output_options
from cli.terminal import CliError, plural, print_json, progress, say, warn
from receipts import LATE, REGULAR, BatchError, Closed, Closing, close_batch, close_journal
from verifier import show_instant, show_period

_HELP = """Close a period: append the signed statement over its receipts.

The receipts are verified first. Receipts of a later time stay behind the statement, for the next period. A period without
receipts is closed too: name the --account.

Statements are numbered, and each names the one before. If that is not in the batch, give the batch that holds it with
--previous; without, this is the account's first statement, number 0. A journal knows its statements; closing a period of it
once more writes the same batch again.

An account is closed at one place, which the key folder remembers. If several machines issue, each into a journal of its own, give
all of them.

With --all, every account of the journals is closed, into a folder of batches with an index.json. A run that was stopped is
run again: it goes on, and writes nothing twice. One account that cannot be closed does not stop the others; the exit code is 1 then.

\b
receipt close batch.cbor --keys keys/ --period 2026-11
receipt close --journal issuer.db --keys keys/ --account acme \\
  --period 2026-11 --out batch.cbor
receipt close --journal issuer.db --keys keys/ --all \\
  --period 2026-11 --out november/
"""
_REFUSED = 1
"""The exit code where an account could not be closed."""


@click.command(help=_HELP)
@click.argument("batch", type=click.Path(), required=False)
@key_folder_option
@click.option("--period", type=PERIOD, required=True, help="2026-11, 2026-11-22, or start/end.")
@click.option("--account", help="The account to close. Default: every account in the batch.")
@click.option(
    "--late", is_flag=True, help="The period is closed already; these receipts came late."
)
@click.option(
    "--previous",
    multiple=True,
    metavar="FILE",
    help="The batch with the statement before this one.",
)
@click.option(
    "--journal",
    "journals",
    multiple=True,
    metavar="FILE|URL",
    help="The journal to close from, instead of a BATCH: a file, or postgresql://...; all of an account's together.",
)
@click.option("--early", is_flag=True, help="Close a period that has begun, and is not over yet.")
@click.option("--empty", is_flag=True, help="Close an account of which nothing is known yet.")
@click.option("--all", "every", is_flag=True, help="Every account of the journals.")
@jobs_option
@out_option("Where the closed batch goes; with --all, a folder. Default: BATCH itself.")
@output_options()
def close(
    batch: str | None,
    keys: str,
    period: tuple[int, int],
    account: str | None,
    late: bool,
    previous: tuple[str, ...],
    journals: tuple[str, ...],
    early: bool,
    empty: bool,
    every: bool,
    jobs: int,
    out: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Close a period of a batch, or of one account or all of them in journals."""
    _check_use(batch, journals, every=every, others=bool(account or previous or empty))
    _check_over(period, early=early or late)  # what is late is of a period that is closed
    folder = key_folder.load(keys)
    kind = LATE if late else REGULAR
    closing = Closing(folder.issuer, folder.signing, *period, kind, empty)
    with refusals(period, account):
        if batch is not None:
            target = out or batch
            rows = _batch(batch, target, closing, account, previous, folder)
        elif out is None or previous or not (account or every):
            raise click.UsageError(
                "--journal needs --out and --account or --all, and no --previous"
            )
        elif account is None:
            _every(Task(journals, out, closing, folder), jobs, as_json=as_json)
            return
        else:
            target = out
            rows = [_journals(journals, target, closing, account, folder)]
            command = late_command(journals, keys, closing, "--account", account, "--out", "FILE")
            tell_left(rows, command)
    _tell(target, rows, first_is_news=not journals, as_json=as_json)


def _check_use(batch: str | None, journals: tuple[str, ...], *, every: bool, others: bool) -> None:
    if (batch is None) == (not journals):
        raise click.UsageError("give either BATCH or --journal")
    if every and (batch is not None or others):
        raise click.UsageError(
            "--all goes with --journal, and not with --account, --previous or --empty"
        )


def _check_over(period: tuple[int, int], *, early: bool) -> None:
    start, end = period
    now = key_folder.now()
    if start > now:  # nothing can have been billed in it, and all that will be would be late
        message = f"{show_period(*period)} has not begun"
        raise CliError(message, f"look at the year and the month; it begins {show_instant(start)}")
    if end > now and not early:
        hint = f"close it from {show_instant(end)} on, or now with --early: what comes later needs a late statement"
        raise CliError(f"{show_period(*period)} is not over", hint)


def _batch(
    batch: str,
    out: str,
    closing: Closing,
    account: str | None,
    previous: tuple[str, ...],
    folder: key_folder.Keys,
) -> list[Closed]:
    with ExitStack() as files:
        source = files.enter_context(input_file(batch))
        before = [files.enter_context(input_file(name)) for name in previous]
        target = files.enter_context(output_file(out))
        check = accepted(batch, folder)
        places = files.enter_context(ClosingPlaces(folder.path))
        claimed = replace(closing, claim=places.claim_batch)
        try:
            return close_batch(
                source, target, claimed, account=account, previous=before, check=check
            )
        except BatchError as error:
            raise CliError(str(error), "see what is wrong with it: receipt verify") from None


def _journals(
    paths: tuple[str, ...], out: str, closing: Closing, account: str, folder: key_folder.Keys
) -> Closed:
    with ClosingPlaces(folder.path) as places:
        given = places.in_order(account, closing_places.journals(paths, closing.issuer))
        check = accepted(f"the journal's part of {account}", folder, hint=look_into(paths))
        guarded = places.guard(closing, given)
        first, *others = [place.location for place in given]
        with output_file(out) as target:
            closed = close_journal(first, target, guarded, account, others=others, check=check)
    nothing = (closed.number, closed.receipts, closed.left) == (0, 0, 0)
    if nothing and closing_places.has_receipts(given, closing.issuer, account):
        period = show_period(closed.start, closed.end)
        warn(f"{account} had no receipt in {period}, and has later ones: was another period meant?")
    return closed


def _every(task: Task, jobs: int, *, as_json: bool) -> None:
    was_there = Path(task.out).exists()
    accounts = closing_all.accounts(task)
    done = Done()
    with progress("closing", len(accounts)) as advance:
        for account, outcome in zip(
            accounts, closing_all.outcomes(task, accounts, jobs), strict=True
        ):
            done.add(account, outcome)
            advance(1)
    folder = BatchFolder(task.out, task.closing.issuer)
    if done.batches:
        folder.note(batch.entry() for batch in done.batches)
    elif not was_there:
        folder.leave()
    if as_json:
        print_json(done.document(task))
    done.tell(task)
    if done.refused or done.is_mistaken(task):
        click.get_current_context().exit(_REFUSED)


def _tell(out: str, rows: list[Closed], *, first_is_news: bool, as_json: bool) -> None:
    if as_json and out != "-":
        print_json({"batch": out, "statements": [_row(row) for row in rows]})
    for row in rows:
        say(f"statement {row.number} of {row.account} closes {plural(row.receipts, 'receipt')}")
        if row.number == 0 and first_is_news:
            say("it is the account's first; the next one needs it: --previous")


def _row(closed: Closed) -> dict[str, Any]:
    return {**asdict(closed), "digest": closed.digest.hex()}
