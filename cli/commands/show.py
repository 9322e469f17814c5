"""``receipt show``: print a batch without checking it."""

from __future__ import annotations

import json
from typing import Any

import click

from cli import batches
from cli.options import batches_argument, output_options
from cli.terminal import warn
from verifier import UnverifiedItem, escape, read_items, show_instant

_HELP = """Print what a BATCH says, without checking it. Nothing of it may be believed.

With --json, one JSON object a line and item.

\b
receipt show batch.cbor
"""
_HEAD = ("item", "offset", "kind")
_TIMES = ("time", "start", "end")


@click.command(help=_HELP)
@batches_argument
@output_options()
def show(batch: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """Print every item."""
    if not quiet:
        warn("nothing of this was checked; receipt verify does that")
    with batches.readable("what follows cannot be read"):
        for item in read_items(batches.files(batch)):
            row = _row(item)
            click.echo(json.dumps(row) if as_json else "\n".join(_lines(row)))


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
        return {k: _plain(v) for k, v in value._asdict().items() if v is not None and v != ()}
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return value


def _lines(row: dict[str, Any]) -> list[str]:
    head = f"item {row['item']}, byte {row['offset']}: {row['kind']}"
    about = {name: v for name, v in row.items() if name not in (*_HEAD, "claims")}
    return [head, *_fields(about, 2), *_fields(row.get("claims") or {}, 2)]


def _fields(fields: dict[str, Any], indent: int) -> list[str]:
    lines = []
    for name, value in fields.items():
        label = " " * indent + escape(name)
        if isinstance(value, dict):
            lines += [label, *_fields(value, indent + 2)]
        elif isinstance(value, list):
            for i, part in enumerate(value):
                inner = part if isinstance(part, dict) else {"": part}
                lines += [f"{label} {i}", *_fields(inner, indent + 2)]
        else:
            moment = f" ({show_instant(value)})" if name in _TIMES else ""
            lines.append(f"{label}: {escape(str(value), 200)}{moment}")
    return lines
