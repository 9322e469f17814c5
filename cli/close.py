"""``receipt close``: close a period with a signed statement."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from typing import BinaryIO

import click

from cli import batches, keyfolder
from cli.files import output_file, total_size
from cli.period import PERIOD
from cli.terminal import CliError, output_options, print_json, progress, say, warn
from receipts import LATE, REGULAR, Counts, Period, Previous, ReceiptError, Signed
from verifier import BatchFile, Policy, Receipt, Statement, Verdict, by_kid, verify
from verifier.period import show


@dataclass(slots=True)
class _Account:
    """What a batch holds of one account."""

    previous: Previous | None = None
    after: int = -1
    """Number of the last statement's item."""


@click.command()
@click.argument("batch", type=click.Path())
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
@click.option("--out", metavar="FILE", help="Where the closed batch goes. Default: BATCH itself.")
@output_options
def close(
    batch: str,
    keys: str,
    period: tuple[int, int],
    account: str | None,
    late: bool,
    previous: tuple[str, ...],
    out: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Close a period: append the signed statement over its receipts.

    The receipts are verified first. Receipts of a later time stay behind the statement, for the next period. A period without
    receipts is closed too: name the --account.

    Statements are numbered, and each names the one before. If that is not in the batch, give the batch that holds it with
    --previous; without, this is the account's first statement, number 0.

    \b
    receipt close batch.cbor --keys keys/ --period 2026-11
    """
    folder = keyfolder.load(keys)
    files = batches.files((batch,))
    _check(batch, files, folder)
    accounts = _accounts(folder.issuer, files, previous, account)
    if not accounts:
        raise CliError(
            f"{batch} holds no account", "name the one whose idle period you close: --account"
        )
    kind = LATE if late else REGULAR
    try:
        periods = {
            name: Period(folder.issuer, name, *period, kind=kind, previous=known.previous)
            for name, known in accounts.items()
        }
        with output_file(out or batch) as target:
            statements = _write(files, folder, accounts, periods, target)
    except ReceiptError as error:
        raise CliError(f"cannot close {show(*period)}: {error}", _hint(error)) from None
    if period[1] > time.time_ns() // 1_000_000:
        warn(
            f"{show(*period)} is not over: receipts that are issued for it from now on need a late statement"
        )
    _tell(out or batch, periods, statements, as_json=as_json)


def _check(name: str, files: list[BatchFile], folder: keyfolder.KeyFolder) -> None:
    """An issuer signs a statement only over receipts that its customers would accept."""
    with progress("verifying", total_size((name,))):
        report = verify(files, Policy(by_kid(folder.public)))
    if report.verdict is Verdict.REJECTED:
        first = next(f for f in report.findings if f.severity == "rejected")
        where = "" if first.item is None else f"item {first.item}: "
        raise CliError(
            f"{name} would be rejected: {where}{first.message}",
            f"receipt verify {name} --keys {folder.path}/{keyfolder.PUBLIC}",
        )
    if "key-unknown" in report.findings:
        raise CliError(
            f"{name} has items that are not signed by this issuer's keys",
            "is it the right key folder?",
        )


def _accounts(
    issuer: str, files: list[BatchFile], previous: tuple[str, ...], only: str | None
) -> dict[str, _Account]:
    """The accounts to close, each with its last statement."""
    accounts: dict[str, _Account] = {} if only is None else {only: _Account()}
    for item in batches.items(batches.files(previous)):
        if isinstance(item.claims, Statement) and item.claims.issuer == issuer:
            _follow(
                accounts.setdefault(item.claims.account, _Account()),
                item.claims,
                batches.digest(item),
            )
    earlier = set(accounts) - {only}
    for item in batches.items(files):
        if item.claims is not None:
            earlier.discard(item.claims.account)
            known = accounts.setdefault(item.claims.account, _Account())
            if isinstance(item.claims, Statement):
                _follow(known, item.claims, batches.digest(item))
                known.after = item.number
    return {name: a for name, a in accounts.items() if only in (None, name) and name not in earlier}


def _follow(account: _Account, claims: Statement, digest: bytes) -> None:
    before = account.previous
    streams = {e.stream: e.first + e.count for e in claims.streams}
    end = claims.end if claims.kind == REGULAR or before is None else before.end
    account.previous = Previous(
        claims.number, digest, end, {**(before.streams if before else {}), **streams}
    )


def _write(
    files: list[BatchFile],
    folder: keyfolder.KeyFolder,
    accounts: dict[str, _Account],
    periods: dict[str, Period],
    target: BinaryIO,
) -> dict[str, Signed]:
    """Copy the batch, with the statements after the receipts that they close and before later ones."""
    with tempfile.TemporaryFile() as later:
        for item in batches.items(files):
            claims = item.claims
            period = periods.get(claims.account) if isinstance(claims, Receipt) else None
            if (
                not isinstance(claims, Receipt)
                or period is None
                or item.number < accounts[period.account].after
            ):
                target.write(item.raw)
            elif claims.time >= period.end:
                later.write(item.raw)
            else:
                _add(period, claims, batches.digest(item))
                target.write(item.raw)
        statements = {name: period.sign(folder.key) for name, period in sorted(periods.items())}
        target.writelines(statement.data for statement in statements.values())
        later.seek(0)
        shutil.copyfileobj(later, target)
    return statements


def _add(period: Period, claims: Receipt, digest: bytes) -> None:
    counts = Counts(claims.logical, claims.cached, claims.writes, claims.output, claims.reasoning)
    charge = claims.charge
    period.add(
        claims.stream, claims.sequence, digest, claims.time, counts,
        currency=charge and charge.currency, amount=charge.amount if charge else 0,
    )  # fmt: skip


def _hint(error: ReceiptError) -> str:
    hints = {
        "start": "periods of an account follow each other without a gap; close the one before first",
        "end": "a late statement is for a period that is closed already",
        "kind": "close the period without --late",
        "time": "the batch holds receipts of an earlier time: close their period first, or use --late",
    }
    return hints.get(error.field, "the batch with the statement before goes with --previous")


def _tell(
    batch: str, periods: dict[str, Period], statements: dict[str, Signed], *, as_json: bool
) -> None:
    summary = [
        {
            "account": name, "number": period.number, "start": period.start, "end": period.end,
            "receipts": period.receipts, "digest": statements[name].digest.hex(),
        }
        for name, period in sorted(periods.items())
    ]  # fmt: skip
    if as_json and batch != "-":
        print_json({"batch": batch, "statements": summary})
    for row in summary:
        say(f"statement {row['number']} of {row['account']} closes {row['receipts']} receipts")
        if row["number"] == 0:
            say("it is the account's first; the next one needs it: --previous")
