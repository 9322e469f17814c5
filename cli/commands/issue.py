"""``receipt issue``: turn recorded usage into signed receipts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field

import click

from cli import key_folder, rejects
from cli.batches import heads, kept_receipt
from cli.files import output_file, read_bytes
from cli.options import (
    key_folder_option,
    out_option,
    output_options,
    provider_options,
    rejects_option,
)
from cli.terminal import CliError, plural, print_json, progress, say
from cli.usage import Entry, Reject, fields, read_lines, unique
from receipts import DuplicateRequestError, Issued, Issuer, Journal, JournalError, ReceiptError
from receipts.journal import Store

_WINDOW = 2048
"""Receipts that are asked of the journal at once."""
_HELP = """Turn recorded usage into signed receipts.

USAGE has one JSON object a line: provider, api, model, request, time, usage (the provider's own object; for a stream also
the list of them) or response (the body that holds it), and optionally stream, tags, client, cache. A host that is not known has
a shape: that of the provider whose API it has taken over. Lines are issued in the order of their times. A line
that cannot be issued goes to the rejects file with the reason, and the exit code is 1; run again over that file once the cause
is mended.

A stream's sequence must never be used twice, so a stream that was issued from before is continued with
--previous, or left alone: without --stream, every run has a stream of its own.

With --journal, requests that have a receipt already are skipped: a run that was killed is simply run again.

\b
receipt issue usage.jsonl --keys keys/ --account acme --out batch.cbor
receipt issue usage.jsonl --keys keys/ --account acme --journal issuer.db
"""
Advance = Callable[[int], None]


class _NothingIssued(Exception):  # noqa: N818  # not an error: there is no batch to write
    pass


@dataclass(frozen=True, slots=True)
class _Place:
    """Whose receipts are issued, by whom, and into which stream; None: a new one."""

    folder: key_folder.Keys
    account: str
    stream: str | None


@dataclass(slots=True)
class _Outcome:
    """What became of the lines."""

    rejects: list[Reject]
    issued: int = 0
    skipped: int = 0
    streams: set[str] = field(default_factory=set)

    def add(self, issued: Issued) -> None:
        self.issued += 1
        self.streams.add(issued.stream)

    def reject(self, entry: Entry, reason: object) -> None:
        self.rejects.append(Reject(entry.line, entry.raw, str(reason)))


@click.command(help=_HELP)
@click.argument("usage", type=click.Path())
@key_folder_option
@click.option("--account", required=True, help="Who is billed.")
@out_option("The batch to write; - is stdout.")
@click.option("--journal", metavar="FILE", help="The journal to issue into, instead of a batch.")
@click.option(
    "--stream", help="Stream of lines that name none. Default: a new one, with a random name."
)
@click.option(
    "--previous", multiple=True, metavar="FILE", help="The batch before: its streams are continued."
)
@provider_options
@rejects_option
@output_options()
def issue(
    usage: str,
    keys: str,
    account: str,
    out: str | None,
    journal: str | None,
    stream: str | None,
    previous: tuple[str, ...],
    provider: str | None,
    shape: str | None,
    rejects_file: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Issue a receipt for each line of a usage file."""
    if (out is None) == (journal is None):
        raise click.UsageError("give either --out or --journal")
    if journal is not None and previous:
        raise click.UsageError("a journal knows its streams: --previous goes with --out")
    place = _Place(key_folder.load(keys), account, stream)
    path = rejects.place(rejects_file, usage)
    lines = list(unique(read_lines(read_bytes(usage), provider, shape)))
    outcome = _Outcome([line for line in lines if isinstance(line, Reject)])
    entries = [line for line in lines if isinstance(line, Entry)]
    entries.sort(key=lambda entry: entry.time)
    with progress("issuing", len(entries)) as advance:
        if journal is not None:
            _into_journal(journal, place, entries, outcome, advance)
        elif entries and out is not None:
            _into_batch(out, place, previous, entries, outcome, advance)
    rejects.write(path, usage, outcome.rejects)
    if as_json and out != "-":
        _print(out, journal, outcome, path)
    _tell(outcome)
    rejects.leave(outcome.rejects)


def _into_batch(
    out: str,
    place: _Place,
    previous: tuple[str, ...],
    entries: Iterable[Entry],
    outcome: _Outcome,
    advance: Advance,
) -> None:
    folder, account = place.folder, place.account
    known = heads(previous, folder.issuer, account)
    try:
        issuer = Issuer(folder.issuer, folder.signing, stream=place.stream, heads=known)
    except ReceiptError as error:
        raise CliError(str(error), "see spec/receipt.md for what a name may be") from None
    with suppress(_NothingIssued), output_file(out) as batch:
        for entry in entries:
            try:
                issued = issuer.issue(
                    account, time=entry.time, stream=entry.stream, **fields(entry)
                )
            except ReceiptError as error:
                outcome.reject(entry, error)
            else:
                batch.write(issued.data)
                outcome.add(issued)
            advance(1)
        if not outcome.issued:
            raise _NothingIssued


def _into_journal(
    path: str, place: _Place, entries: Sequence[Entry], outcome: _Outcome, advance: Advance
) -> None:
    hint = "check the path, the permissions and the room on the disk; what was issued is safe, run it again"
    try:
        store = Store(path, place.folder.issuer)
        with Journal(path, place.folder.issuer, place.folder.signing) as journal:
            for start in range(0, len(entries), _WINDOW):
                window = entries[start : start + _WINDOW]
                asked = [_asked(journal, place, entry) for entry in window]
                for entry, future in zip(window, asked, strict=True):
                    _settle(entry, future, place.account, store, outcome)
                    advance(1)
        store.close()
    except JournalError as error:
        raise CliError(str(error), hint) from None


def _asked(journal: Journal, place: _Place, entry: Entry) -> Future[Issued]:
    stream = entry.stream or place.stream
    return journal.submit(place.account, time=entry.time, stream=stream, **fields(entry))


def _settle(
    entry: Entry, future: Future[Issued], account: str, store: Store, outcome: _Outcome
) -> None:
    """Wait for a line's receipt. One that it has already, for the same usage and model, is as good."""
    try:
        outcome.add(future.result())
    except DuplicateRequestError:
        there = store.find(account, entry.request)
        if there is not None and _is_for(entry, there):
            outcome.skipped += 1
        else:
            outcome.reject(
                entry, f"request {entry.request!r} has a receipt for another usage or model"
            )
    except ReceiptError as error:
        outcome.reject(entry, error)


def _is_for(entry: Entry, receipt: bytes) -> bool:
    claims = kept_receipt(receipt)
    usage = claims.source.usage if claims.source is not None else None
    return claims.model == entry.model and usage == entry.source.usage


def _print(out: str | None, journal: str | None, outcome: _Outcome, rejects_file: str) -> None:
    print_json({
        "batch": out, "journal": journal, "receipts": outcome.issued,
        "skipped": outcome.skipped, "streams": sorted(outcome.streams),
        "rejected": len(outcome.rejects), "rejects": rejects_file if outcome.rejects else None,
    })  # fmt: skip


def _tell(outcome: _Outcome) -> None:
    skipped = f", {outcome.skipped} had one already" if outcome.skipped else ""
    say(
        f"{plural(outcome.issued, 'receipt')} in {plural(len(outcome.streams), 'stream')}{skipped}; "
        "close the period with receipt close"
    )
