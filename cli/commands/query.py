"""``receipt query``: SQL over verified and priced receipts."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from typing import Any, Final

import click

from attribution.money import Answer, QueryError
from attribution.money import query as ask
from cli.finance.priced import Demand, priced, priced_options
from cli.options import batches_argument, output_options
from cli.terminal import CliError, print_json, safe

FORMAT: Final = 1
"""The version of the document."""
_HELP = """Ask verified receipts in SQL: a SELECT in the dialect of DuckDB, over the views receipts, lines, leaves and prefixes.

The batch is verified first; what is not verified is refused. The query reads nothing but these views: no file, no network. Money is in
picounits, 10^-12 of the currency, so that sums are exact. spec/exports.md says what each column is, and so does "describe receipts".

\b
receipt query "select model, sum(amount) from receipts group by all" \\
  batch.cbor --card card.cbor
receipt query "select team, amount from leaves where method = 'pooled'" \\
  batch.cbor --card card.cbor --config finance.toml --format csv
"""
_HINT: Final = "spec/exports.md has the views and their columns"
_PLAIN: Final = ("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT")
"""Types that JSON has without loss."""


@click.command(help=_HELP)
@click.argument("sql")
@batches_argument
@priced_options
@click.option("--format", "form", type=click.Choice(["text", "json", "csv"]), help="How (text).")
@output_options()
def query(
    sql: str,
    batch: tuple[str, ...],
    form: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `progress`
    **demand: Any,
) -> None:
    """Verify, price, ask, print."""
    form = form or ("json" if as_json else "text")
    with priced(batch, Demand(**demand)) as found:
        try:
            answer = ask(found.ledger, sql)
            if form == "csv":
                _as_csv(answer)
            elif form == "json":
                rows = [_for_json(row, answer.types) for row in answer.rows]
                print_json({"query": FORMAT, "verdict": str(found.verdict), "columns": answer.names, "types": answer.types, "rows": rows})  # fmt: skip
            else:
                click.echo("\n".join(_as_text(answer)))
        except QueryError as error:
            raise CliError(safe(str(error).splitlines()[0]), _HINT) from None


def _for_json(row: Sequence[Any], types: Sequence[str]) -> list[Any]:
    """A row; numbers that a reader of JSON could round are text, and so is what JSON has no form for."""
    return [
        value if value is None or kind in _PLAIN else str(value)
        for value, kind in zip(row, types, strict=True)
    ]


def _as_csv(answer: Answer) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(answer.names)
    for row in answer.rows:
        writer.writerow(["" if value is None else str(value) for value in row])


def _as_text(answer: Answer) -> list[str]:
    """Columns of text; numbers to the right."""
    cells = [["-" if value is None else safe(str(value)) for value in row] for row in answer.rows]
    names = [safe(name) for name in answer.names]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    numeric = [kind in _PLAIN[1:] or kind.startswith(("HUGEINT", "DECIMAL", "DOUBLE")) for kind in answer.types]  # fmt: skip
    return [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in (names, *cells)
    ]
