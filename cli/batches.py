"""What commands need from batches that are there already, without verifying them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryFile
from typing import IO, Final

from cli.files import STDIN, inputs
from cli.journal_hints import journal_hint
from cli.terminal import CliError, RefusedError, plural, warn
from receipts import Head, JournalError
from receipts.journal import is_journal, journal_archives, journal_items, shown
from verifier import (
    NotABatchError,
    Receipt,
    Source,
    UnreadableError,
    UnverifiedItem,
    read_item,
    read_items,
)

_HINT: Final = "see what is wrong with it: receipt verify"
_A_BATCH: Final = "a batch is the file that receipt issue and receipt close write"


@contextmanager
def readable(hint: str = _HINT) -> Iterator[None]:
    """Reading batches inside of this, what cannot be read is an error with a hint.

    Raises:
        RefusedError: a file is no batch, or cannot be read to its end.
    """
    try:
        yield
    except NotABatchError as error:
        kind = f"it looks like {error.looks_like}; " if error.looks_like else ""
        raise RefusedError(str(error), f"{kind}{_A_BATCH}") from None
    except UnreadableError as fault:
        where = f"{fault.file}, item {fault.number}, byte {fault.offset}"
        raise RefusedError(f"{where}: {fault}", hint) from None


def files(names: tuple[str, ...]) -> list[Source]:
    """Batch files by name; - is stdin."""
    return inputs(names, lambda _more: None)


def kept(names: tuple[str, ...]) -> list[Source]:
    """Batch files by name, and journals, which are read as the batch of all that they hold.

    Raises:
        CliError: a name is a URL that cannot be a journal's.
        OSError: a file cannot be read.
    """
    try:
        return [
            Source(shown(name), partial(_of_journal, name))
            if name != STDIN and is_journal(name)
            else files((name,))[0]
            for name in names
        ]
    except JournalError as error:
        raise CliError(str(error), "name a file, or the URL of the database") from None


@contextmanager
def _of_journal(location: str) -> Iterator[IO[bytes]]:
    with TemporaryFile(prefix="receipt-journal-") as stream:
        try:
            stream.writelines(journal_items(location))
            _tell_archived(location)
        except JournalError as error:
            raise CliError(str(error), journal_hint(error, "restore it from a copy")) from None
        stream.seek(0)
        yield stream


def _tell_archived(location: str) -> None:
    """What is not there any more is not passed over in silence."""
    gone = journal_archives(location)
    if gone.statements:
        those = f"{plural(gone.receipts, 'receipt')} of {plural(gone.statements, 'statement')}"
        where = ", ".join(gone.folders)
        warn(f"{those} were archived, and are not in {shown(location)}: they should be in {where}")


def items(sources: Sequence[Source]) -> Iterator[UnverifiedItem]:
    """The items of a batch, all readable.

    Raises:
        CliError: an item cannot be read.
    """
    with readable():
        for item in read_items(sources):
            if item.fault is not None:
                raise CliError(f"item {item.number}, byte {item.offset}: {item.fault}", _HINT)
            yield item


def receipts(sources: Sequence[Source]) -> Iterator[tuple[UnverifiedItem, Receipt]]:
    """The receipts of a batch, and their claims.

    Raises:
        CliError: an item cannot be read.
    """
    for item in items(sources):
        if isinstance(item.claims, Receipt):
            yield item, item.claims


def heads(names: tuple[str, ...], issuer: str) -> dict[tuple[str, str], Head]:
    """Where the streams of an issuer stand at the end of batches, by account and stream.

    Raises:
        CliError: a batch cannot be read.
    """
    found: dict[tuple[str, str], Head] = {}
    for item, claims in receipts(files(names)):
        if claims.issuer == issuer and item.digest is not None:
            found[claims.account, claims.stream] = Head(claims.sequence, item.digest, claims.time)
    return found


def kept_receipt(raw: bytes) -> Receipt:
    """The receipt that a journal holds.

    Raises:
        CliError: it holds something else.
    """
    claims = read_item(raw).claims
    if not isinstance(claims, Receipt):
        raise CliError(
            "the journal holds something that is not a receipt", "restore it from a copy"
        )
    return claims
