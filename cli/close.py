"""``receipt close``: close a period with a signed statement."""

from __future__ import annotations

import time

import click

from cli import batches, close_journal, closing, keyfolder
from cli.files import output_file, total_size
from cli.period import PERIOD
from cli.terminal import CliError, output_options, print_json, say, warn
from receipts import LATE, REGULAR, Period, ReceiptError
from receipts.limits import name
from verifier.period import show


@click.command()
@click.argument("batch", type=click.Path(), required=False)
@click.option("--keys", required=True, metavar="FOLDER", help="The issuer's key folder.")
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
@click.option("--out", metavar="FILE", help="Where the closed batch goes. Default: BATCH itself.")
@output_options
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
    r"""Close a period: append the signed statement over its receipts.

    The receipts are verified first. Receipts of a later time stay behind the statement, for the next period. A period without
    receipts is closed too: name the --account.

    Statements are numbered, and each names the one before. If that is not in the batch, give the batch that holds it with
    --previous; without, this is the account's first statement, number 0. A journal knows its statements; closing a period of it
    once more writes the same batch again.

    \b
    receipt close batch.cbor --keys keys/ --period 2026-11
    receipt close --journal issuer.db --keys keys/ --account acme \
        --period 2026-11 --out batch.cbor
    """
    if (batch is None) == (journal is None):
        raise click.UsageError("give either BATCH or --journal")
    kind = LATE if late else REGULAR
    folder = keyfolder.load(keys)
    try:
        if journal is not None:
            if account is None or out is None or previous:
                raise click.UsageError("--journal needs --account and --out, and no --previous")
            name("account", account)
            target = out
            rows = close_journal.close(journal, folder, account, period, kind, out)
        elif batch is not None:
            target = out or batch
            rows = _close_batch(batch, folder, account, period, kind, previous, target)
    except ReceiptError as error:
        raise CliError(f"cannot close {show(*period)}: {error}", _hint(error)) from None
    if period[1] > time.time_ns() // 1_000_000:
        warn(
            f"{show(*period)} is not over: receipts that are issued for it from now on need a late statement"
        )
    _tell(target, rows, chained=journal is not None, as_json=as_json)


def _close_batch(
    batch: str,
    folder: keyfolder.KeyFolder,
    only: str | None,
    period: tuple[int, int],
    kind: int,
    previous: tuple[str, ...],
    out: str,
) -> list[closing.Closed]:
    files = batches.files((batch,))
    closing.check(batch, files, folder, total_size((batch,)))
    accounts = closing.accounts(folder.issuer, files, batches.files(previous), only)
    if not accounts:
        raise CliError(
            f"{batch} holds no account", "name the one whose idle period you close: --account"
        )
    periods = {
        name: Period(folder.issuer, name, *period, kind=kind, previous=known.previous)
        for name, known in accounts.items()
    }
    with output_file(out) as target:
        statements = closing.write(files, folder, accounts, periods, target)
    return [closing.closed(periods[name], statement) for name, statement in statements.items()]


def _hint(error: ReceiptError) -> str:
    hints = {
        "start": "periods of an account follow each other without a gap; close the one before first",
        "end": "a late statement is for a period that is closed already",
        "kind": "close the period without --late",
        "time": "there are receipts of an earlier time: close their period first, or use --late",
    }
    return hints.get(error.field, "the batch with the statement before goes with --previous")


def _tell(batch: str, rows: list[closing.Closed], *, chained: bool, as_json: bool) -> None:
    if as_json and batch != "-":
        print_json({"batch": batch, "statements": [row._asdict() for row in rows]})
    for row in rows:
        say(f"statement {row.number} of {row.account} closes {row.receipts} receipts")
        if row.number == 0 and not chained:
            say("it is the account's first; the next one needs it: --previous")
