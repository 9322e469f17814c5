"""``receipt show``: print what a batch, a journal or a wallet holds, without checking it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import click

from cli import batches, wallets
from cli.files import output_file
from cli.options import batches_argument, out_option, output_options
from cli.terminal import CliError, plural, print_json, say, warn
from verifier import UnverifiedItem, escape, read_items, show_instant

_HELP = """Print what a BATCH, a journal or a wallet says, without checking it. Nothing of it may be believed.

Of a wallet, it is one line a call; with --receipts, the receipts that came. With --json, one JSON object a line and
item, or call. With --out, nothing is printed, and the items are written as they are: a batch, or what receipt verify
--received reads.

\b
receipt show batch.cbor
receipt show wallet.db
receipt show wallet.db --out received.cbor
"""
_HEAD = ("item", "offset", "kind")
_TIMES = ("time", "start", "end")


@click.command(help=_HELP)
@batches_argument
@click.option("--receipts", is_flag=True, help="Of a wallet: the receipts, not the calls.")
@out_option("Write the items there, and do not print them; - is stdout.")
@output_options()
def show(
    batch: tuple[str, ...], receipts: bool, out: str | None, as_json: bool, quiet: bool
) -> None:
    """Print every item, or every call of a wallet."""
    wallet = wallets.wallet_among(batch)
    if receipts and wallet is None:
        raise CliError(
            "--receipts is for a wallet", "leave it out: the items of the rest are shown"
        )
    if not quiet:
        warn("nothing of this was checked; receipt verify does that")
    if wallet is not None and not receipts and out is None:
        for line in wallets.lines(wallet, as_json=as_json):
            click.echo(line)
        return
    with batches.readable("what follows cannot be read"):
        items = read_items(batches.kept(batch)) if wallet is None else wallets.receipts(wallet)
        if out is None:
            _print(items, as_json)
        else:
            _write(items, out, as_json)


def _print(items: Iterable[UnverifiedItem], as_json: bool) -> None:
    for item in items:
        row = _row(item)
        click.echo(json.dumps(row) if as_json else "\n".join(_lines(row)))


def _write(items: Iterable[UnverifiedItem], out: str, as_json: bool) -> None:
    """Write what can be read."""
    written = unreadable = 0
    with output_file(out) as stream:
        for item in items:
            if item.fault is None:
                stream.write(item.raw)
                written += 1
            else:
                unreadable += 1
    if unreadable:
        warn(f"{plural(unreadable, 'item')} cannot be read, and left out")
    if as_json and out != "-":
        print_json({"batch": out, "items": written, "unreadable": unreadable})
    say(f"wrote {plural(written, 'item')} to {out}")


def _row(item: UnverifiedItem) -> dict[str, Any]:
    """An item as JSON-ready data."""
    row: dict[str, Any] = {
        "item": item.number,
        "offset": item.offset,
        "kind": str(item.kind or "unknown"),
    }
    if item.fault is not None:
        return {**row, "fault": item.fault.code, "message": str(item.fault)}
    digest = None if item.digest is None else item.digest.hex()
    return {**row, "digest": digest, "claims": _plain(item.claims)}


def _plain(value: Any) -> Any:
    """Claims as JSON-ready data: bytes in hexadecimal, absent fields left out."""
    if isinstance(value, bytes):
        return value.hex()
    if hasattr(value, "_asdict"):
        told = {k: v for k, v in value._asdict().items() if v is not None and v is not False}
        return {k: _plain(v) for k, v in told.items() if v != ()}
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return value


def _lines(row: dict[str, Any]) -> list[str]:
    head = f"item {row['item']}, byte {row['offset']}: {row['kind']}"
    about = {name: v for name, v in row.items() if name not in (*_HEAD, "claims")}
    return [head, *_fields(about, 2), *_fields(row.get("claims") or {}, 2)]


def _fields(fields: dict[str, Any], indent: int) -> Iterator[str]:
    for name, value in fields.items():
        label = " " * indent + escape(name)
        if isinstance(value, dict):
            yield from (label, *_fields(value, indent + 2))
        elif isinstance(value, list):
            for i, part in enumerate(value):
                inner = part if isinstance(part, dict) else {"": part}
                yield from (f"{label} {i}", *_fields(inner, indent + 2))
        else:
            moment = f" ({show_instant(value)})" if name in _TIMES else ""
            yield f"{label}: {escape(str(value), 200)}{moment}"
