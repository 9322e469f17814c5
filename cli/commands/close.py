"""``receipt close``: close a period with a signed statement."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from cli import batches, key_folder
from cli.files import input_file, output_file
from cli.options import PERIOD, key_folder_option, out_option, output_options
from cli.terminal import CliError, print_json, progress, say, warn
from receipts import (
    LATE,
    REGULAR,
    BatchError,
    Check,
    Closed,
    Closing,
    JournalError,
    ReceiptError,
    close_batch,
    close_journal,
)
from verifier import (
    Policy,
    Severity,
    Verdict,
    batch_file,
    by_kid,
    plural,
    show_instant,
    show_period,
    verify,
)

_HELP = """Close a period: append the signed statement over its receipts.

The receipts are verified first. Receipts of a later time stay behind the statement, for the next period. A period without
receipts is closed too: name the --account.

Statements are numbered, and each names the one before. If that is not in the batch, give the batch that holds it with
--previous; without, this is the account's first statement, number 0. A journal knows its statements; closing a period of it
once more writes the same batch again.

\b
receipt close batch.cbor --keys keys/ --period 2026-11
receipt close --journal issuer.db --keys keys/ --account acme \\
  --period 2026-11 --out batch.cbor
"""
_HINTS = {
    "account": "name the one whose idle period you close: --account",
    "start": "periods of an account follow each other without a gap; close the one before first",
    "end": "a late statement is for a period that is closed already",
    "kind": "close the period without --late",
    "time": "there are receipts of an earlier time: close their period first, or use --late",
}
_HINT = "the batch with the statement before goes with --previous"
_JOURNAL_HINT = "the journal is the FILE that receipt issue --journal wrote"
_MOMENT = re.compile(r"\b[0-9]{12,15}\b")


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
@click.option("--journal", metavar="FILE", help="The journal to close from, instead of a BATCH.")
@out_option("Where the closed batch goes. Default: BATCH itself.")
@output_options()
def close(
    batch: str | None,
    keys: str,
    period: tuple[int, int],
    account: str | None,
    late: bool,
    previous: tuple[str, ...],
    journal: str | None,
    out: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Close a period of a batch, or of an account in a journal."""
    folder = key_folder.load(keys)
    closing = Closing(folder.issuer, folder.signing, *period, LATE if late else REGULAR)
    try:
        if batch is not None and journal is None:
            target = out or batch
            rows = _batch(batch, target, closing, account, previous, folder)
        elif journal is not None and batch is None:
            if account is None or out is None or previous:
                raise click.UsageError("--journal needs --account and --out, and no --previous")
            target = out
            rows = [_journal(journal, target, closing, account, folder)]
        else:
            raise click.UsageError("give either BATCH or --journal")
    except ReceiptError as error:
        message = f"cannot close {show_period(*period)}: {_readable(error)}"
        raise CliError(message, _HINTS.get(error.field, _HINT)) from None
    _warn_of_an_open_period(period)
    _tell(target, rows, first_is_news=journal is None, as_json=as_json)


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
        check = _accepted(batch, folder)
        try:
            return close_batch(
                source, target, closing, account=account, previous=before, check=check
            )
        except BatchError as error:
            raise CliError(str(error), "see what is wrong with it: receipt verify") from None


def _journal(
    journal: str, out: str, closing: Closing, account: str, folder: key_folder.Keys
) -> Closed:
    check = _accepted(f"the journal's part of {account}", folder)
    try:
        with output_file(out) as target:
            return close_journal(journal, target, closing, account, check=check)
    except JournalError as error:
        raise CliError(str(error), _JOURNAL_HINT) from None


def _accepted(name: str, folder: key_folder.Keys) -> Check:
    """An issuer signs a statement only over receipts that its customers would accept; what is checked is ``name`` to the user."""

    def check(path: str) -> None:
        with progress("verifying", Path(path).stat().st_size) as advance, batches.readable():
            report = verify([batch_file(path, advance)], Policy(by_kid(folder.public)))
        if report.verdict is Verdict.REJECTED:
            first = next(f for f in report.findings if f.severity is Severity.REJECTED)
            where = "" if first.item is None else f"item {first.item}: "
            hint = f"receipt verify {name} --keys {folder.path}/{key_folder.PUBLIC}"
            raise CliError(f"{name} would be rejected: {where}{first.message}", hint)
        if "key-unknown" in report.findings:
            message = f"{name} has items that are not signed by this issuer's keys"
            raise CliError(message, "is it the right key folder?")

    return check


def _readable(error: ReceiptError) -> str:
    """The message, with moments as people write them."""
    if error.field not in ("start", "end", "time"):
        return str(error)
    return _MOMENT.sub(lambda ms: show_instant(int(ms[0])), str(error))


def _warn_of_an_open_period(period: tuple[int, int]) -> None:
    if period[1] > time.time_ns() // 1_000_000:
        warn(
            f"{show_period(*period)} is not over: receipts that are issued for it from now on need a late statement"
        )


def _tell(out: str, rows: list[Closed], *, first_is_news: bool, as_json: bool) -> None:
    if as_json and out != "-":
        print_json({"batch": out, "statements": [_row(row) for row in rows]})
    for row in rows:
        say(f"statement {row.number} of {row.account} closes {plural(row.receipts, 'receipt')}")
        if row.number == 0 and first_is_news:
            say("it is the account's first; the next one needs it: --previous")


def _row(closed: Closed) -> dict[str, Any]:
    return {**asdict(closed), "digest": closed.digest.hex()}
