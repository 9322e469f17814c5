"""``receipt issue``: turn recorded usage into signed receipts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field

import click

from cli import keyfolder, rejects
from cli.batches import heads, receipt_in
from cli.files import output_file, read_bytes
from cli.terminal import CliError, output_options, print_json, progress, say
from cli.usage import Entry, Reject, fields, read_lines, unique
from receipts import DuplicateRequestError, Issued, Issuer, Journal, JournalError, ReceiptError
from receipts.journal import Store
from verifier.report.findings import plural

_WINDOW = 2048
"""Receipts that are asked of the journal at once."""
Advance = Callable[[int], None]


class _NothingIssued(Exception):  # noqa: N818  # not an error: there is no batch to write
    pass


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


@click.command()
@click.argument("usage", type=click.Path())
@click.option("--keys", required=True, metavar="FOLDER", help="The issuer's key folder.")
@click.option("--account", required=True, help="Who is billed.")
@click.option("--out", metavar="FILE", help="The batch to write; - is stdout.")
@click.option("--journal", metavar="FILE", help="The journal to issue into, instead of a batch.")
@click.option(
    "--stream", help="Stream of lines that name none. Default: a new one, with a random name."
)
@click.option(
    "--previous", multiple=True, metavar="FILE", help="The batch before: its streams are continued."
)
@click.option("--rejects", "rejects_file", metavar="FILE",
              help="Where rejected lines go. Default: USAGE's name with .rejects.jsonl, in this folder.")  # fmt: skip
@output_options
def issue(
    usage: str,
    keys: str,
    account: str,
    out: str | None,
    journal: str | None,
    stream: str | None,
    previous: tuple[str, ...],
    rejects_file: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Turn recorded usage into signed receipts.

    USAGE has one JSON object a line: provider, api, model, request, time, usage (the provider's own object; for a stream also
    the list of them), and optionally stream, tags, client, cache. Lines are issued in the order of their times. A line
    that cannot be issued goes to the rejects file with the reason, and the exit code is 1; run again over that file once the cause
    is mended.

    A stream's sequence must never be used twice, so a stream that was issued from before is continued with
    --previous, or left alone: without --stream, every run has a stream of its own.

    With --journal, requests that have a receipt already are skipped: a run that was killed is simply run again.

    \b
    receipt issue usage.jsonl --keys keys/ --account acme --out batch.cbor
    receipt issue usage.jsonl --keys keys/ --account acme --journal issuer.db
    """
    if (out is None) == (journal is None):
        raise click.UsageError("give either --out or --journal")
    if journal is not None and previous:
        raise click.UsageError("a journal knows its streams: --previous goes with --out")
    folder = keyfolder.load(keys)
    path = rejects.place(rejects_file, usage)
    lines = list(unique(read_lines(read_bytes(usage))))
    outcome = _Outcome([line for line in lines if isinstance(line, Reject)])
    entries = [line for line in lines if isinstance(line, Entry)]
    entries.sort(key=lambda entry: entry.time)
    with progress("issuing", len(entries)) as advance:
        if journal is not None:
            _into_journal(journal, folder, account, stream, entries, outcome, advance)
        elif entries and out is not None:
            _into_batch(out, folder, account, stream, previous, entries, outcome, advance)
    rejects.write(path, usage, outcome.rejects)
    if as_json and out != "-":
        print_json({
            "batch": out, "journal": journal, "receipts": outcome.issued,
            "skipped": outcome.skipped, "streams": sorted(outcome.streams),
            "rejected": len(outcome.rejects), "rejects": path if outcome.rejects else None,
        })  # fmt: skip
    skipped = f", {outcome.skipped} had one already" if outcome.skipped else ""
    say(
        f"{plural(outcome.issued, 'receipt')} in {plural(len(outcome.streams), 'stream')}{skipped}; "
        "close the period with receipt close"
    )
    rejects.leave(outcome.rejects)


def _into_batch(
    out: str,
    folder: keyfolder.KeyFolder,
    account: str,
    stream: str | None,
    previous: tuple[str, ...],
    entries: Iterable[Entry],
    outcome: _Outcome,
    advance: Advance,
) -> None:
    known = heads(previous, folder.issuer, account)
    try:
        issuer = Issuer(folder.issuer, folder.key, stream=stream, heads=known)
    except ReceiptError as error:
        raise CliError(str(error), "see spec/receipt.md for what a name may be") from None
    with suppress(_NothingIssued), output_file(out) as batch:
        for entry in entries:
            try:
                issued = issuer.issue(account, stream=entry.stream, **fields(entry))
            except ReceiptError as error:
                outcome.reject(entry, error)
            else:
                batch.write(issued.data)
                outcome.add(issued)
            advance(1)
        if not outcome.issued:
            raise _NothingIssued


def _into_journal(
    path: str,
    folder: keyfolder.KeyFolder,
    account: str,
    stream: str | None,
    entries: Sequence[Entry],
    outcome: _Outcome,
    advance: Advance,
) -> None:
    hint = "check the path, the permissions and the room on the disk; what was issued is safe, run it again"
    try:
        store = Store(path, folder.issuer)
        with Journal(path, folder.issuer, folder.key) as journal:
            for start in range(0, len(entries), _WINDOW):
                window = [
                    (e, journal.submit(account, stream=e.stream or stream, **fields(e)))
                    for e in entries[start : start + _WINDOW]
                ]
                for entry, future in window:
                    _take(entry, future, account, store, outcome)
                    advance(1)
        store.close()
    except JournalError as error:
        raise CliError(str(error), hint) from None


def _take(
    entry: Entry, future: Future[Issued], account: str, store: Store, outcome: _Outcome
) -> None:
    try:
        outcome.add(future.result())
    except DuplicateRequestError:
        there = store.find(account, entry.request)
        source = receipt_in(there).source if there is not None else None
        same = there is not None and receipt_in(there).model == entry.model
        if same and source is not None and source.usage == entry.source.usage:
            outcome.skipped += 1
        else:
            outcome.reject(
                entry, f"request {entry.request!r} has a receipt for another usage or model"
            )
    except ReceiptError as error:
        outcome.reject(entry, error)
