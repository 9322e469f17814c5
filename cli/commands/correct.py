"""``receipt correct``: issue receipts that say what is right in place of earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from time import time_ns

import click

from cli import batches, key_folder, ratecards, rejects
from cli.batches import kept_receipt
from cli.corrections import CorrectionLine, is_said, last_word
from cli.files import read_bytes
from cli.issuing import Order, Outcome, Place, into_batch, into_journal
from cli.journal_hints import journal_hint
from cli.options import key_folder_option, out_option, output_options, rejects_option
from cli.terminal import CliError, progress
from cli.usage import Reject, message, numbered_lines, original, parsed
from receipts import JournalError, ReceiptError, UsageError
from receipts.journal import open_store
from receipts.ratecard import RateCard, UnpricedError
from verifier import Policy, Receipt, UnverifiedItem, Verdict, by_kid, bytes_source, verify

_HELP = """Issue corrections: receipts that say what is right in place of earlier ones.

CORRECTIONS has one JSON object a line: request, and what is right: counts (logical, cached, writes, output, reasoning, units; what
is not named stays as it was, and null takes a count out) or usage, the provider's own object; optionally charge (currency,
card, lines), model, models, time and stream. Without charge, the rates of the corrected receipt are used, or with --card those
that this rate card has for the time of that receipt.

The corrected receipts are in the journal, or in the given BATCHes; with --journal, these have what was archived. A request that was corrected is corrected from there on; one that
says already what is right is skipped. Both receipts stay; receipt verify takes the last word.

\b
receipt correct won.jsonl --keys keys/ --account acme --journal issuer.db
receipt correct won.jsonl november.cbor --keys keys/ --account acme -o won.cbor
"""
_Find = Callable[[str], tuple[bytes, Receipt] | None]
"""Takes a request id, and returns the last word on it."""


@click.command(help=_HELP)
@click.argument("corrections", type=click.Path())
@click.argument("batch", nargs=-1, type=click.Path())
@key_folder_option
@click.option("--account", required=True, help="Who is billed.")
@out_option("The batch to write; - is stdout.")
@click.option(
    "--journal",
    metavar="FILE|URL",
    help="The journal with the receipts, and to issue into: a file, or postgresql://...",
)
@click.option("--card", metavar="FILE", help="The signed rate card to charge by.")
@click.option(
    "--stream", help="Stream of lines that name none. Default: a new one, with a random name."
)
@click.option(
    "--previous", multiple=True, metavar="FILE", help="The batch before: its streams are continued."
)
@rejects_option
@output_options()
def correct(
    corrections: str,
    batch: tuple[str, ...],
    keys: str,
    account: str,
    out: str | None,
    journal: str | None,
    card: str | None,
    stream: str | None,
    previous: tuple[str, ...],
    rejects_file: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Issue a correction for each line of a file."""
    _check_use(out, journal, batch, previous)
    place = Place(key_folder.load(keys), account, stream)
    path = rejects.place(rejects_file, corrections)
    outcome = Outcome([])
    folder = place.folder
    find = (
        _in_batches(batch, folder, account)
        if journal is None
        else _in_journal(journal, batch, folder, account)
    )
    prices = ratecards.to_issue(card)
    orders = list(_orders(read_bytes(corrections), find, prices, outcome))
    orders.sort(key=lambda order: order.time)
    with progress("correcting", len(orders)) as advance:
        if journal is not None:
            into_journal(journal, place, orders, outcome, advance, lambda _order, _there: False)
        elif orders and out is not None:
            into_batch(out, place, previous, orders, outcome, advance)
    rejects.write(path, corrections, outcome.rejects)
    if as_json and out != "-":
        outcome.print(out, journal, path)
    outcome.tell("correction")
    rejects.leave(outcome.rejects)


def _check_use(
    out: str | None, journal: str | None, batch: tuple[str, ...], previous: tuple[str, ...]
) -> None:
    if (out is None) == (journal is None):
        raise click.UsageError("give either --out or --journal")
    if journal is not None and previous:
        raise click.UsageError("a journal has its streams: --previous goes with --out")
    if out is not None and not batch:
        raise click.UsageError("give the BATCH that has the receipts to correct")


def _in_batches(names: tuple[str, ...], folder: key_folder.Keys, account: str) -> _Find:
    """The last words in batches, of those receipts that the issuer signed."""
    ours = (folder.issuer, account)
    by_request: dict[str, list[tuple[UnverifiedItem, Receipt]]] = {}
    for item, claims in batches.receipts(batches.kept(names)):
        if (claims.issuer, claims.account) == ours:
            by_request.setdefault(claims.request, []).append((item, claims))
    policy = Policy(by_kid(folder.public))

    def find(request: str) -> tuple[bytes, Receipt] | None:
        own = [one for one in by_request.get(request, ()) if _is_signed(one[0].raw, policy)]
        found = last_word(own)
        return None if found is None else (found[0].raw, found[1])

    return find


def _is_signed(raw: bytes, policy: Policy) -> bool:
    """Whether a receipt is the issuer's: what it never signed must not be credited."""
    report = verify([bytes_source("the receipt", raw)], policy)
    return report.verdict is not Verdict.REJECTED and "key-unknown" not in report.findings


def _in_journal(
    location: str, names: tuple[str, ...], folder: key_folder.Keys, account: str
) -> _Find:
    """The last words in a journal; the batches have those that were archived."""
    archived = _by_digest(names, folder, account)

    def find(request: str) -> tuple[bytes, Receipt] | None:
        try:
            with closing(open_store(location, folder.issuer, create=False)) as store:
                found = store.last_word(account, request)
                moved = store.archived(account)
        except JournalError as error:
            hint = journal_hint(error, "name the journal that issued the receipts")
            raise CliError(str(error), hint) from None
        if found is None:
            return None
        raw, digest = found
        raw = raw or archived.get(digest, b"")
        if not raw:
            where = ", ".join(sorted({str(Path(one.file).parent) for one in moved.values()}))
            raise ValueError(f"the receipt for request {request!r} was archived: give its batch as well, which should be in {where}")  # fmt: skip
        return raw, kept_receipt(raw)

    return find


def _by_digest(names: tuple[str, ...], folder: key_folder.Keys, account: str) -> dict[bytes, bytes]:
    """The receipts in batches that the issuer signed."""
    policy = Policy(by_kid(folder.public))
    ours = (folder.issuer, account)
    return {
        item.digest: item.raw
        for item, claims in batches.receipts(batches.kept(names))
        if (claims.issuer, claims.account) == ours and item.digest and _is_signed(item.raw, policy)
    }


def _orders(data: bytes, find: _Find, card: RateCard | None, outcome: Outcome) -> Iterator[Order]:
    now, seen = time_ns() // 1_000_000, set[str]()
    for number, line in numbered_lines(data):
        raw = line
        try:
            raw = original(line)
            said = CorrectionLine.model_validate(parsed(raw))
            if said.request in seen:
                raise ValueError(f"request {said.request!r} stands in a line before already")
            seen.add(said.request)
            found = find(said.request)
            if found is None:
                raise ValueError(f"there is no receipt for request {said.request!r}")
            told = said.told(*found, card)
            is_known = is_said(told, found[1])
        except (UsageError, ReceiptError, UnpricedError, ValueError, RecursionError) as error:
            outcome.rejects.append(Reject(number, raw, message(error)))
            continue
        if is_known:
            outcome.skipped += 1
        else:
            time = now if said.time is None else said.time
            yield Order(number, raw, time, found[1].account, said.stream, told)
