"""``receipt issue``: turn recorded usage into signed receipts."""

from __future__ import annotations

import click

from cli import key_folder, rejects
from cli.batches import kept_receipt
from cli.files import read_bytes
from cli.issuing import Order, Outcome, Place, into_batch, into_journal
from cli.options import (
    key_folder_option,
    out_option,
    output_options,
    provider_options,
    rejects_option,
)
from cli.terminal import progress
from cli.usage import Entry, Reject, fields, read_lines, unique

_HELP = """Turn recorded usage into signed receipts.

USAGE has one JSON object a line: provider, api, model, request, time, usage (the provider's own object; for a stream also
the list of them) or response (the body that holds it), and optionally account, stream, tags, client, cache. A host that is not known has
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


@click.command(help=_HELP)
@click.argument("usage", type=click.Path())
@key_folder_option
@click.option("--account", help="Who is billed, where a line does not say.")
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
    account: str | None,
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
    place = Place(key_folder.load(keys), account, stream)
    path = rejects.place(rejects_file, usage)
    lines = list(unique(read_lines(read_bytes(usage), provider, shape, account)))
    outcome = Outcome([line for line in lines if isinstance(line, Reject)])
    orders = [_order(line) for line in lines if isinstance(line, Entry)]
    orders.sort(key=lambda order: order.time)
    with progress("issuing", len(orders)) as advance:
        if journal is not None:
            into_journal(journal, place, orders, outcome, advance, _is_for)
        elif orders and out is not None:
            into_batch(out, place, previous, orders, outcome, advance)
    rejects.write(path, usage, outcome.rejects)
    if as_json and out != "-":
        outcome.print(out, journal, path)
    outcome.tell()
    rejects.leave(outcome.rejects)


def _order(entry: Entry) -> Order:
    return Order(entry.line, entry.raw, entry.time, entry.account, entry.stream, fields(entry))


def _is_for(order: Order, receipt: bytes) -> bool:
    """Whether a receipt is for the same usage and model."""
    claims, source = kept_receipt(receipt), order.request.get("source")
    usage = claims.source.usage if claims.source is not None else None
    asked = source.usage if source is not None else None
    return claims.model == order.request["model"] and usage == asked
