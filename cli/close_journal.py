"""Closing a period from a journal: its receipts and the statement become a batch, and the statement stays in the journal."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from cli import batches, closing, keyfolder
from cli.files import output_file
from cli.terminal import CliError
from receipts import LATE, JournalError, Period
from receipts.journal import Store
from verifier import Source, Statement, batch_file

_HINT = "the journal is the FILE that receipt issue --journal wrote"


def close(
    journal: str,
    folder: keyfolder.KeyFolder,
    account: str,
    period: tuple[int, int],
    kind: int,
    out: str,
) -> list[closing.Closed]:
    """Close a period of an account, or write its batch again if it is closed already.

    Raises:
        CliError: the journal cannot be used, or its receipts would be rejected.
        ReceiptError: the period cannot be closed.
    """
    if not Path(journal).is_file():
        raise CliError(f"{journal} is not there", _HINT)
    try:
        store = Store(journal, folder.issuer, create=False)
        try:
            with tempfile.TemporaryDirectory(prefix="receipt-close-") as scratch:
                return [_close(store, folder, account, period, kind, out, Path(scratch))]
        finally:
            store.close()
    except JournalError as error:
        raise CliError(str(error), _HINT) from None


def _close(
    store: Store,
    folder: keyfolder.KeyFolder,
    account: str,
    period: tuple[int, int],
    kind: int,
    out: str,
    scratch: Path,
) -> closing.Closed:
    before = _file(scratch / "statements.cbor", store.statements(account))
    known = closing.accounts(folder.issuer, [], [before], account)
    previous = known[account].previous
    closed = previous.streams if previous else {}
    with store.snapshot():
        receipts = _file(scratch / "receipts.cbor", store.open_receipts(account, closed, period[1]))
    same = _statement(before, period, kind)
    if same is not None and (kind != LATE or not _size(receipts)):
        with output_file(out) as target:
            return _write_again(store, *same, target)
    closing.check(f"the journal's part of {account}", [receipts], folder, _size(receipts))
    statement = Period(folder.issuer, account, *period, kind=kind, previous=previous)
    with output_file(out) as target:
        signed = closing.write([receipts], folder, known, {account: statement}, target)[account]
        # Before the batch gets its name: a statement that somebody may hold is never forgotten.
        store.add_statement(account, statement.number, signed.data)
    return closing.closed(statement, signed)


def _file(path: Path, items: Iterable[bytes]) -> Source:
    with path.open("wb") as stream:
        stream.writelines(items)
    return batch_file(str(path))


def _size(batch: Source) -> int:
    return Path(batch.name).stat().st_size


def _statement(
    statements: Source, period: tuple[int, int], kind: int
) -> tuple[Statement, bytes, bytes] | None:
    """The last statement for a period, its digest and its bytes, if there is one."""
    found = None
    for item in batches.items([statements]):
        claims = item.claims
        if isinstance(claims, Statement) and (claims.start, claims.end, claims.kind) == (
            *period,
            kind,
        ):
            found = claims, batches.digest(item), item.raw
    return found


def _write_again(
    store: Store, claims: Statement, digest: bytes, raw: bytes, target: BinaryIO
) -> closing.Closed:
    for entry in claims.streams:
        target.writelines(store.receipts(claims.account, entry.stream, entry.first, entry.count))
    target.write(raw)
    count = sum(entry.count for entry in claims.streams)
    return closing.Closed(
        claims.account, claims.number, claims.start, claims.end, count, digest.hex()
    )
