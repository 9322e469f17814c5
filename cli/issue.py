"""``receipt issue``: turn recorded usage into signed receipts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import BinaryIO

import click

from cli import keyfolder
from cli.batches import heads
from cli.files import output_file, read_bytes
from cli.terminal import CliError, output_options, print_json, progress, say
from cli.usage import Entry, read_entries
from receipts import Issuer, ReceiptError


@click.command()
@click.argument("usage", type=click.Path())
@click.option("--keys", required=True, metavar="FOLDER", help="The issuer's key folder.")
@click.option("--account", required=True, help="Who is billed.")
@click.option("--out", required=True, metavar="FILE", help="The batch to write; - is stdout.")
@click.option(
    "--stream", help="Stream of lines that name none. Default: a new one, with a random name."
)
@click.option(
    "--previous", multiple=True, metavar="FILE", help="The batch before: its streams are continued."
)
@output_options
def issue(
    usage: str,
    keys: str,
    account: str,
    out: str,
    stream: str | None,
    previous: tuple[str, ...],
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Turn recorded usage into signed receipts.

    USAGE has one JSON object a line: provider, api, model, request, time, usage (the provider's own object), and
    optionally stream, tags, client, cache. Lines are issued in the order of their times.

    A stream's sequence must never be used twice, so a stream that was issued from before is continued with
    --previous, or left alone: without --stream, every run has a stream of its own.

    \b
    receipt issue usage.jsonl --keys keys/ --account acme --out batch.cbor
    """
    folder = keyfolder.load(keys)
    entries = list(read_entries(usage, read_bytes(usage)))
    _check_unique(usage, entries)
    entries.sort(key=lambda entry: entry.time)
    try:
        issuer = Issuer(
            folder.issuer, folder.key, stream=stream, heads=heads(previous, folder.issuer, account)
        )
    except ReceiptError as error:
        raise CliError(str(error), "see spec/receipt.md for what a name may be") from None
    with output_file(out) as batch, progress("issuing", len(entries)) as advance:
        streams = _issue(issuer, account, usage, entries, batch, advance)
    if as_json and out != "-":
        print_json({"batch": out, "receipts": len(entries), "streams": sorted(streams)})
    say(f"{len(entries)} receipts in {len(streams)} streams; close the period with receipt close")


def _issue(
    issuer: Issuer,
    account: str,
    name: str,
    entries: Iterable[Entry],
    batch: BinaryIO,
    advance: Callable[[int], None],
) -> set[str]:
    streams = set()
    for entry in entries:
        try:
            issued = issuer.issue(
                account, request=entry.request, model=entry.model, time=entry.time,
                counts=entry.counts, stream=entry.stream, source=entry.source, cache=entry.cache,
                tags=entry.tags, client=entry.client,
            )  # fmt: skip
        except ReceiptError as error:
            hint = "nothing was written; correct the line, or leave it out"
            raise CliError(f"{name}, line {entry.line}: {error}", hint) from None
        batch.write(issued.data)
        streams.add(issued.stream)
        advance(1)
    return streams


def _check_unique(name: str, entries: list[Entry]) -> None:
    seen: dict[str, int] = {}
    for entry in entries:
        first = seen.setdefault(entry.request, entry.line)
        if first != entry.line:
            raise CliError(
                f"{name}, line {entry.line}: request {entry.request!r} stands in line {first} already",
                "a request has one receipt: keep the line with the final usage",
            )
