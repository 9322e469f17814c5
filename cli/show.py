"""``receipt show``: print a batch without checking it."""

from __future__ import annotations

import json
from typing import Any

import click

from cli import batches
from cli.terminal import CliError, output_options, warn
from verifier import UnreadableError, UnverifiedItem, read_items
from verifier.report.period import show_instant
from verifier.report.text import escape


@click.command()
@click.argument("batch", nargs=-1, required=True, type=click.Path())
@output_options
def show(batch: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """Print what a BATCH says, without checking it. Nothing of it may be believed.

    With --json, one JSON object a line and item.

    \b
    receipt show batch.cbor
    """
    if not quiet:
        warn("nothing of this was checked; receipt verify does that")
    try:
        for item in read_items(batches.files(batch)):
            row = _row(item)
            click.echo(json.dumps(row) if as_json else "\n".join(_lines(row)))
    except UnreadableError as fault:
        where = f"{fault.file}, item {fault.number}, byte {fault.offset}"
        raise CliError(f"{where}: {fault}", "what follows cannot be read") from None


def _row(item: UnverifiedItem) -> dict[str, Any]:
    row: dict[str, Any] = {
        "item": item.number,
        "offset": item.offset,
        "kind": str(item.kind or "unknown"),
    }
    if item.fault is not None:
        return {**row, "fault": item.fault.code, "message": str(item.fault)}
    row |= {"digest": batches.digest(item).hex()}
    if item.claims is None:
        return {**row, "claims": None}
    return {**row, "claims": _plain(item.claims)}


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
    lines = [
        head,
        *_fields(
            {k: v for k, v in row.items() if k not in ("item", "offset", "kind", "claims")}, 2
        ),
    ]
    if row.get("claims") is None and "claims" in row:
        return [*lines, "  claims withheld"]
    return lines + _fields(row.get("claims", {}), 2)


_TIMES = ("time", "start", "end")


def _fields(fields: dict[str, Any], indent: int) -> list[str]:
    lines = []
    for name, value in fields.items():
        label = " " * indent + escape(name)
        if isinstance(value, dict):
            lines += [label, *_fields(value, indent + 2)]
        elif isinstance(value, list):
            for i, part in enumerate(value):
                lines += [
                    f"{label} {i}",
                    *_fields(part if isinstance(part, dict) else {"": part}, indent + 2),
                ]
        else:
            shown = escape(str(value), 200)
            lines.append(
                f"{label}: {shown}" + (f" ({show_instant(value)})" if name in _TIMES else "")
            )
    return lines
