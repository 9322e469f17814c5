"""``receipt ingest``: read usage as it would be issued, without signing."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Any

import click

from cli import rejects, unread
from cli.files import read_bytes
from cli.options import output_options, provider_options, rejects_option
from cli.terminal import plural, print_json, say
from cli.usage import Entry, Reject, fields, read_lines, unique
from receipts import Counts, Issuer, ReceiptError, SigningKey
from receipts.ingest import APIS

_TRIAL = SigningKey.generate()
_HEAD = ("line", "request", "api", "shape", "logical", "cached", "written", "output", "reasoning")
_WIDTHS = (4, 10, 14, 8, 7, 7, 7, 6, 9)
_HELP = """Read recorded usage and print the counts, without signing anything.

A count that is not stated is shown as -; it is unknown, not zero. Lines that cannot be read are rejected with the reason, and
the exit code is 1. --check names what the usage states and no receipt says.

\b
receipt ingest usage.jsonl --check
receipt ingest usage.jsonl --provider example --shape openai
"""


def _apis() -> str:
    """A paragraph a provider."""
    apis: dict[str, list[str]] = {}
    for provider, api in APIS:
        apis.setdefault(provider, []).append(api)
    lines = [
        fill(f"{provider}: {', '.join(of_it)}", 76, initial_indent="  ", subsequent_indent="    ")
        for provider, of_it in apis.items()
    ]
    return "\b\nProvider and api of a line:\n" + "\n".join(lines)


@click.command(help=_HELP, epilog=_apis())
@click.argument("usage", type=click.Path())
@click.option("--check", is_flag=True, help="Only look: write no rejects file.")
@provider_options
@rejects_option
@output_options()
def ingest(
    usage: str,
    check: bool,
    provider: str | None,
    shape: str | None,
    rejects_file: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Print what would be issued."""
    path = rejects.place(rejects_file, usage)
    read = read_lines(read_bytes(usage), provider, shape, "trial")
    lines = [_issuable(line) for line in unique(read)]
    entries = [line for line in lines if isinstance(line, Entry)]
    rejected = [line for line in lines if isinstance(line, Reject)]
    if as_json:
        print_json(_documents(entries, rejected))
    elif entries:
        click.echo("\n".join([_row(_HEAD), *(_row(_cells(entry)) for entry in entries)]))
    if check:
        unread.tell(unread.unread(entries))
        rejects.tell(usage, rejected)
    else:
        rejects.write(path, usage, rejected)
    say(f"{plural(len(entries), 'request')} can be issued, {len(rejected)} cannot")
    rejects.leave(rejected)


def _issuable(line: Entry | Reject) -> Entry | Reject:
    """The line, or why it could not be issued: it is issued, by a key that nobody will see."""
    if isinstance(line, Reject):
        return line
    try:
        Issuer("trial", _TRIAL).issue("trial", time=line.time, stream=line.stream, **fields(line))
    except ReceiptError as error:
        return Reject(line.line, line.raw, str(error))
    return line


def _cells(entry: Entry) -> tuple[str, ...]:
    counts, source = entry.counts, entry.source
    written = None if counts.writes is None else sum(counts.writes.values())
    numbers = (counts.logical, counts.cached, written, counts.output, counts.reasoning)
    stated = ["-" if number is None else str(number) for number in numbers]
    return (str(entry.line), entry.request, source.api, str(entry.shape), *stated)


def _row(cells: tuple[str, ...]) -> str:
    """One row of 80 columns: words to the left and shortened, numbers to the right and whole."""
    parts = []
    for i, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=True)):
        if i in (1, 2, 3):
            short = cell if len(cell) <= width else cell[: width - 1] + "…"
            parts.append("".join(c if c.isprintable() else "?" for c in short).ljust(width))
        else:
            parts.append(cell.rjust(width))
    return " ".join(parts).rstrip()


def _documents(entries: Sequence[Entry], rejected: Sequence[Reject]) -> dict[str, Any]:
    return {
        "requests": [_document(entry) for entry in entries],
        "unread": [one.document() for one in unread.unread(entries)],
        "rejects": [{"line": r.line, "reason": r.reason} for r in rejected],
    }


def _document(entry: Entry) -> dict[str, Any]:
    source, models = entry.source, entry.models
    return {
        "line": entry.line, "request": entry.request, "provider": source.provider, "api": source.api,
        "shape": entry.shape, "model": entry.model, "time": entry.time, **_counts(entry.counts),
        "tier": source.tier, "terms": source.terms, "unread": entry.unread,
        "models": models and {model: _counts(counts) for model, counts in models.items()},
    }  # fmt: skip


def _counts(counts: Counts) -> dict[str, Any]:
    return {
        "logical": counts.logical, "cached": counts.cached, "attributed": counts.attributed,
        "writes": counts.writes, "output": counts.output, "reasoning": counts.reasoning, "units": counts.units,
    }  # fmt: skip
