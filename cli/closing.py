"""What closing a period takes: verified receipts, the statements before, and a place for the new one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from cli import batches, keyfolder
from cli.terminal import CliError, progress
from receipts import Counts, Period, Previous, Signed
from verifier import Source, Policy, Receipt, Statement, Verdict, by_kid, verify
from verifier.format.claims import REGULAR


@dataclass(slots=True)
class Account:
    """What a batch holds of one account."""

    previous: Previous | None = None
    after: int = -1
    """Number of the last statement's item."""


class Closed(NamedTuple):
    """A period that was closed: times in ms, ``digest`` of the statement in hexadecimal."""

    account: str
    number: int
    start: int
    end: int
    receipts: int
    digest: str


def closed(period: Period, statement: Signed) -> Closed:
    """What there is to tell about a statement."""
    return Closed(
        period.account,
        period.number,
        period.start,
        period.end,
        period.receipts,
        statement.digest.hex(),
    )


def check(name: str, files: list[Source], folder: keyfolder.KeyFolder, size: int | None) -> None:
    """An issuer signs a statement only over receipts that its customers would accept.

    Raises:
        CliError: they would not.
    """
    with progress("verifying", size):
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


def accounts(
    issuer: str, files: list[Source], previous: list[Source], only: str | None
) -> dict[str, Account]:
    """The accounts to close, each with its last statement.

    Args:
        issuer: whose.
        files: the batch that is closed.
        previous: batches with the statements before.
        only: the account to close; None for all in the batch.
    """
    found: dict[str, Account] = {} if only is None else {only: Account()}
    for item in batches.items(previous):
        if isinstance(item.claims, Statement) and item.claims.issuer == issuer:
            account = found.setdefault(item.claims.account, Account())
            follow(account, item.claims, batches.digest(item))
    earlier = set(found) - {only}
    for item in batches.items(files):
        if item.claims is not None:
            earlier.discard(item.claims.account)
            account = found.setdefault(item.claims.account, Account())
            if isinstance(item.claims, Statement):
                follow(account, item.claims, batches.digest(item))
                account.after = item.number
    return {name: a for name, a in found.items() if only in (None, name) and name not in earlier}


def follow(account: Account, claims: Statement, digest: bytes) -> None:
    """Take note of the next statement of an account."""
    before = account.previous
    streams = {e.stream: e.first + e.count for e in claims.streams}
    end = claims.end if claims.kind == REGULAR or before is None else before.end
    account.previous = Previous(
        claims.number, digest, end, {**(before.streams if before else {}), **streams}
    )


def write(
    files: Sequence[Source],
    folder: keyfolder.KeyFolder,
    known: dict[str, Account],
    periods: dict[str, Period],
    target: BinaryIO,
) -> dict[str, Signed]:
    """Copy the batch, with the statements after the receipts that they close and before later ones.

    Raises:
        ReceiptError: a receipt does not belong into the period.
    """
    with tempfile.TemporaryFile() as later:
        for item in batches.items(list(files)):
            claims = item.claims
            period = periods.get(claims.account) if isinstance(claims, Receipt) else None
            if (
                not isinstance(claims, Receipt)
                or period is None
                or item.number < known[period.account].after
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
