"""``receipt export``: verified and priced receipts for the tools of others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final

import click

from attribution.money import (
    EXPORTED,
    FOCUS_COLUMNS,
    Billing,
    Method,
    Version,
    beancount,
    chargeback,
    day_of,
    focus_rows,
    instant,
    statement,
    write_csv,
    write_parquet,
    write_table,
)
from cli.files import output_file
from cli.finance.priced import Demand, Priced, priced, priced_options
from cli.options import batches_argument, out_option, output_options
from cli.terminal import CliError, plural, print_json, say

FORMAT: Final = 1
"""The version of the document."""
_HELP = """Export verified receipts with their prices, for a warehouse, a FinOps tool, a ledger or a customer.

The batch is verified first; what is not verified is refused. FOLDER gets, by --to:

\b
parquet    receipts, lines of their prices, leaves of each method, prefixes
focus-1.4  FOCUS Cost and Usage, CSV and Parquet, allocated by --method
focus-1.2  the same without allocation, for tools that are at 1.2
journal    the chargeback in cents, for Beancount
statement  what one --customer used, and nothing of another

spec/exports.md says what each column is.

\b
receipt export batch.cbor --card card.cbor --to parquet -o warehouse/
receipt export batch.cbor --card card.cbor --config finance.toml \\
  --to focus-1.4 --method pooled -o focus/
"""
_Write = Callable[[BinaryIO], str]
"""Writes a file, and says what is in it."""
_DAY_MS: Final = 86_400_000


@click.command(help=_HELP)
@batches_argument
@priced_options
@click.option("--to", required=True, help="What to write.",
              type=click.Choice(["parquet", "focus-1.4", "focus-1.2", "journal", "statement"]))  # fmt: skip
@click.option("--method", type=click.Choice([str(method) for method in Method]), default="direct",
              help="Who pays, for focus-1.4 and journal (direct).")  # fmt: skip
@click.option("--customer", metavar="NAME", help="Whose statement it is.")
@click.option("--invoice-id", metavar="TEXT", help="The number of the invoice, for FOCUS.")
@out_option("Where the files go.", required=True, metavar="FOLDER")
@output_options()
def export(
    batch: tuple[str, ...],
    to: str,
    method: str,
    customer: str | None,
    invoice_id: str | None,
    out: str,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
    **demand: Any,
) -> None:
    """Verify, price, and write the files."""
    _check_use(to, method, customer, invoice_id)
    with priced(batch, Demand(**demand)) as found:
        if to == "parquet":
            files = _tables(found)
        elif to == "journal":
            files = _journal(found, Method(method))
        elif customer is not None:
            files = _statement(found, customer)
        else:
            version = Version(to.removeprefix("focus-"))
            files = _focus(found, _billing(found, method, invoice_id, demand["observer"]), version)
        folder = Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        written = [_written(folder / name, write) for name, write in files]
    if as_json:
        print_json({"export": FORMAT, "to": to, **_head(found), "files": written})


def _check_use(to: str, method: str, customer: str | None, invoice_id: str | None) -> None:
    if (customer is None) is (to == "statement"):
        raise click.UsageError("--to statement and --customer go together")
    if method != "direct" and to not in ("focus-1.4", "journal"):
        raise click.UsageError(f"--method goes with focus-1.4 and journal, and not with {to}")
    if invoice_id is not None and not to.startswith("focus"):
        raise click.UsageError("--invoice-id goes with focus-1.4 and focus-1.2")


def _head(found: Priced) -> dict[str, Any]:
    return {
        "verdict": str(found.verdict),
        "findings": found.codes,
        "period": [instant(moment) for moment in found.period],
        "currency": found.card.currency,
        "card": found.card.digest.hex(),
        "inputs": [{"name": name, "sha256": digest} for name, digest in found.inputs],
    }


def _metadata(found: Priced) -> dict[str, str]:
    """Of a file of Parquet."""
    return {
        "receipts.verdict": str(found.verdict),
        "receipts.findings": " ".join(found.codes),
        "receipts.currency": found.card.currency,
        "receipts.card": found.card.digest.hex(),
        "receipts.inputs": "\n".join(f"{digest}  {name}" for name, digest in found.inputs),
    }


def _tables(found: Priced) -> Iterator[tuple[str, _Write]]:
    for name in EXPORTED:

        def write(stream: BinaryIO, name: str = name) -> str:
            return plural(write_table(stream, found.ledger, name, _metadata(found)), "row")

        yield f"{name}.parquet", write


def _billing(
    found: Priced, method: str, invoice: str | None, observers: tuple[str, ...]
) -> Billing:
    card, verdict = found.card.digest.hex(), str(found.verdict)
    return Billing(
        found.period, found.card.currency, card, verdict, frozenset(observers), invoice, Method(method)
    )  # fmt: skip


def _focus(found: Priced, billing: Billing, version: Version) -> Iterator[tuple[str, _Write]]:
    columns = [*FOCUS_COLUMNS[version]]

    def as_csv(stream: BinaryIO) -> str:
        return plural(write_csv(stream, columns, focus_rows(found.ledger, billing, version)), "row")

    def as_parquet(stream: BinaryIO) -> str:
        rows = focus_rows(found.ledger, billing, version)
        return plural(write_parquet(stream, columns, rows, _metadata(found)), "row")

    yield "cost-and-usage.csv", as_csv
    yield "cost-and-usage.parquet", as_parquet


def _journal(found: Priced, method: Method) -> Iterator[tuple[str, _Write]]:
    days = day_of(found.period[0]), day_of(found.period[1] - 1)
    head = [f"chargeback by {method}, batch {found.verdict}", f"card {found.card.digest.hex()}"]
    head += [f"sha256 {digest} {name}" for name, digest in found.inputs]

    def write(stream: BinaryIO) -> str:
        rows = chargeback(found.ledger, found.registry, method)
        stream.write(beancount(rows, days, found.card.currency, head).encode())
        return plural(len(rows), "posting")

    yield "chargeback.beancount", write


def _statement(found: Priced, customer: str) -> Iterator[tuple[str, _Write]]:
    text = statement(found.ledger, customer)
    if text is None:
        hint = "receipt attribute --by customer lists those that have"
        raise CliError(f"customer {customer} has no request in the period", hint)

    def write(stream: BinaryIO) -> str:
        stream.write(text.encode())
        return plural(text.count("\n") - 2, "line")

    yield "statement.csv", write


def _written(path: Path, write: _Write) -> dict[str, Any]:
    """Write a file, whole or not at all; what it is."""
    with output_file(str(path)) as stream:
        what = write(stream)
    say(f"{path}: {what}")
    data = path.read_bytes()
    return {"name": str(path), "size": len(data), "sha256": sha256(data).hexdigest()}
