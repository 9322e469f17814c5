"""``receipt issue``: turn recorded usage into signed receipts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click

from cli import key_folder, ratecards, rejects
from cli.batches import kept_receipt
from cli.files import read_bytes
from cli.issuing import Order, Outcome, Place, into_batch, into_journal
from cli.observing import Accounts, Seen, identifiers, read_wallet
from cli.observing import observed as mark_observed
from cli.options import (
    key_folder_option,
    out_option,
    output_options,
    provider_options,
    rejects_option,
    wallet_options,
)
from cli.terminal import progress
from cli.usage import Entry, Reject, fields, read_lines, unique
from receipts.observing import Places
from receipts.ratecard import RateCard, UnpricedError, price

_HELP = """Turn recorded usage into signed receipts.

USAGE has one JSON object a line: provider, api, model, request, time, usage (the provider's own object; for a stream also
the list of them) or response (the body that holds it), and optionally account, stream, tags, client, cache. A host that is not known has
a shape: that of the provider whose API it has taken over. Lines are issued in the order of their times. A line
that cannot be issued goes to the rejects file with the reason, and the exit code is 1; run again over that file once the cause
is mended.

A stream's sequence must never be used twice, so a stream that was issued from before is continued with
--previous, or left alone: without --stream, every run has a stream of its own.

With --wallet, you are the observer of a provider that issues nothing: each call whose usage is final gets a receipt that
says so, by --account, by the account that the call states, or by its credential. Other calls are counted, with the reason. What is noted
of prefixes (Wallet.transport(cache_key=...)), or --prompts with the account's --cache-key, goes into the receipts.

With --card, each receipt has the charge that this rate card gives for its usage; a line that has no price by it, or none that is one
number (its cached count is not stated), is rejected.

With --journal, requests that have a receipt already are skipped: a run that was killed is simply run again.

\b
receipt issue usage.jsonl --keys keys/ --account acme --out batch.cbor
receipt issue usage.jsonl --keys keys/ --account acme --journal issuer.db
receipt issue --wallet wallet.db --keys keys/ --account acme --journal o.db
"""


@click.command(help=_HELP)
@click.argument("usage", type=click.Path(), required=False)
@key_folder_option
@click.option("--wallet", metavar="FILE", help="Observe: issue for the calls of this wallet.")
@click.option("--observed", is_flag=True, help="You observed this usage, and do not bill it.")
@click.option("--account", help="Who is billed, where a line does not say.")
@out_option("The batch to write; - is stdout.")
@click.option(
    "--journal",
    metavar="FILE|URL",
    help="The journal to issue into, instead of a batch: a file, or postgresql://...",
)
@click.option(
    "--stream", help="Stream of lines that name none. Default: a new one, with a random name."
)
@click.option(
    "--previous", multiple=True, metavar="FILE", help="The batch before: its streams are continued."
)
@click.option("--card", metavar="FILE", help="The signed rate card to charge by.")
@provider_options
@wallet_options
@rejects_option
@output_options()
def issue(
    usage: str | None,
    keys: str,
    wallet: str | None,
    observed: bool,
    account: str | None,
    out: str | None,
    journal: str | None,
    stream: str | None,
    previous: tuple[str, ...],
    card: str | None,
    provider: str | None,
    shape: str | None,
    rejects_file: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
    **of_wallet: Any,
) -> None:
    """Issue a receipt for each line of a usage file, or for each call of a wallet."""
    name = _input(usage, wallet, provider, of_wallet)
    _check_place(out, journal, previous)
    _check_card(card, is_observed=observed or wallet is not None)
    prices = ratecards.to_issue(card)
    place = Place(key_folder.load(keys), account, stream)
    path = rejects.place(rejects_file, name)
    if wallet is None:
        seen = Seen([*read_lines(read_bytes(name), provider, shape, account)])
    else:
        seen = _of_wallet(wallet, account, shape, journal, **of_wallet)
    lines = list(unique(map(mark_observed, seen.lines) if observed else seen.lines))
    outcome = Outcome([line for line in lines if isinstance(line, Reject)], left_out=seen.left_out)
    orders = sorted(_orders(lines, prices, outcome), key=lambda order: order.time)
    with progress("issuing", len(orders)) as advance:
        if journal is not None:
            into_journal(journal, place, orders, outcome, advance, _is_for)
        elif orders and out is not None:
            into_batch(out, place, previous, orders, outcome, advance)
    rejects.write(path, name, outcome.rejects, again=wallet)
    if as_json and out != "-":
        outcome.print(out, journal, path)
    outcome.tell()
    rejects.leave(outcome.rejects)


def _check_card(card: str | None, *, is_observed: bool) -> None:
    if card is not None and is_observed:
        raise click.UsageError("--card goes with usage that you bill; an observer charges nothing")


def _input(
    usage: str | None, wallet: str | None, provider: str | None, of_wallet: Mapping[str, Any]
) -> str:
    """The file that is read."""
    if (usage is None) == (wallet is None):
        raise click.UsageError("give either USAGE or --wallet")
    if wallet is not None and provider is not None:
        raise click.UsageError("--provider is for lines of USAGE; a wallet has hosts: --host HOST=PROVIDER")  # fmt: skip
    if wallet is None and any(of_wallet.values()):
        raise click.UsageError("--host, --credential, --cache-key and --prompts go with --wallet")
    if bool(of_wallet["cache_key"]) != bool(of_wallet["prompts"]):
        raise click.UsageError("--cache-key and --prompts go together")
    return wallet or usage or ""


def _check_place(out: str | None, journal: str | None, previous: tuple[str, ...]) -> None:
    if (out is None) == (journal is None):
        raise click.UsageError("give either --out or --journal")
    if journal is not None and previous:
        raise click.UsageError("a journal knows its streams: --previous goes with --out")


def _of_wallet(
    wallet: str,
    account: str | None,
    shape: str | None,
    journal: str | None,
    *,
    hosts: tuple[tuple[str, str], ...],
    credentials: tuple[tuple[bytes, str], ...],
    cache_key: str | None,
    prompts: tuple[str, ...],
) -> Seen:
    known = identifiers(wallet, cache_key, prompts, journal)
    return read_wallet(wallet, Places(dict(hosts), shape), Accounts(account, dict(credentials)), known)  # fmt: skip


def _orders(
    lines: Iterable[Entry | Reject], card: RateCard | None, outcome: Outcome
) -> Iterator[Order]:
    """What is asked for, with the charges of a card; what has no price is rejected."""
    for line in lines:
        if isinstance(line, Reject):
            continue
        told = fields(line)
        order = Order(line.line, line.raw, line.time, line.account, line.stream, told)
        if card is not None:
            try:
                told["charge"] = price(
                    card, line.model, line.counts, line.source, line.time, told.get("models")
                )
            except UnpricedError as error:
                outcome.reject(order, error)
                continue
        yield order


def _is_for(order: Order, receipt: bytes) -> bool:
    """Whether a receipt is for the same usage and model."""
    claims, source = kept_receipt(receipt), order.request.get("source")
    usage = claims.source.usage if claims.source is not None else None
    asked = source.usage if source is not None else None
    return claims.model == order.request["model"] and usage == asked
