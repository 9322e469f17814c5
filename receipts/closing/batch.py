"""Closing a period of a batch."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from receipts import limits
from receipts.closing.chain import Chain, add_receipt, chains
from receipts.closing.closing import Check, Closed, Closing, closed, unchecked
from receipts.closing.objects import KeptReceipt, kept_objects
from receipts.errors import ReceiptError
from receipts.statement import Period


def close_batch(
    batch: BinaryIO,
    out: BinaryIO,
    closing: Closing,
    *,
    account: str | None = None,
    previous: Sequence[BinaryIO] = (),
    check: Check = unchecked,
) -> list[Closed]:
    """Copy a batch, with the statements that close a period of its accounts.

    A statement comes after the receipts that it closes, and before those of a later time, which wait for the next period. What
    another issuer or account has in the batch stays as it is. Nothing is written before everything is signed.

    Args:
        batch: the batch; it is read once.
        out: where the closed batch goes; not the file of ``batch`` itself.
        closing: the period.
        account: the account to close, which may have been idle; None: every account in the batch.
        previous: batches with the statements before, by number, where ``batch`` does not hold them.
        check: called with the path of a copy of the batch, before anything is signed.

    Returns:
        What was closed, by account.

    Raises:
        ReceiptError: the period does not continue where the last one ended, a receipt does not belong into it, or there is no account.
        BatchError: the batch, or one before, cannot be read.
        OSError: there is no room, or ``out`` cannot be written.
    """
    with TemporaryDirectory(prefix="receipt-close-") as folder:
        copy = Path(folder, "batch.cbor")
        with copy.open("wb") as target:
            shutil.copyfileobj(batch, target)
        check(str(copy))
        known = _known(copy, closing, previous, account)
        periods = {name: closing.period(name, one) for name, one in known.items()}
        return _close(copy, known, periods, closing, out)


def _known(
    batch: Path, closing: Closing, previous: Sequence[BinaryIO], account: str | None
) -> dict[str, Chain]:
    with batch.open("rb") as source:
        known = chains(closing.issuer, source, previous, account)
    if not known:
        raise ReceiptError("account", "one in the batch", "none")
    for name, one in known.items():
        closing.check_known(name, known=one.known)
    return known


def _close(
    batch: Path,
    known: Mapping[str, Chain],
    periods: Mapping[str, Period],
    closing: Closing,
    out: BinaryIO,
) -> list[Closed]:
    front, later = batch.with_suffix(".front"), batch.with_suffix(".later")
    with batch.open("rb") as source, front.open("wb") as one, later.open("wb") as two:
        _divide(source, known, periods, one, two)
    _check_streams(periods.values())
    signed = [(period, period.sign(closing.key)) for period in periods.values()]
    for period, statement in signed:
        closing.claim(period.account, period.number, statement.digest)
    with front.open("rb") as source:
        shutil.copyfileobj(source, out)
    out.writelines(statement.data for _, statement in signed)
    with later.open("rb") as source:
        shutil.copyfileobj(source, out)
    return [closed(period, statement.digest) for period, statement in signed]


def _divide(
    batch: BinaryIO,
    known: Mapping[str, Chain],
    periods: Mapping[str, Period],
    front: BinaryIO,
    later: BinaryIO,
) -> None:
    """Add each receipt to its period; what the statements come before goes to ``later``, everything else to ``front``."""
    for number, item in enumerate(kept_objects(batch)):
        period = periods.get(item.account)
        if (
            not isinstance(item, KeptReceipt)
            or period is None
            or item.issuer != period.issuer
            or number < known[item.account].after
        ):
            front.write(item.data)
        elif item.time >= period.end:
            later.write(item.data)
        else:
            add_receipt(period, item)
            front.write(item.data)


def _check_streams(periods: Iterable[Period]) -> None:
    streams = sum(period.streams for period in periods)
    if streams > limits.MAX_STREAMS:
        expected = f"at most {limits.MAX_STREAMS} in a batch"
        raise ReceiptError("streams", expected, streams)
