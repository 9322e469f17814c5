"""``receipt reconcile``: what verified receipts cost, against an invoice or a provider's export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import click

from attribution.money import (
    KINDS,
    Compared,
    Invoice,
    InvoiceError,
    Kind,
    Ledger,
    NoDuckDBError,
    PriceError,
    Registry,
    as_text,
    compare,
    day_of,
    instant,
    reconciled,
    verdict_of,
)
from cli.finance.asked import read_rate_card
from cli.finance.naming import MapFile, read_map
from cli.finance.records import Inputs
from cli.finance.verified import Behind, verify
from cli.options import (
    PERIOD,
    batches_argument,
    jobs_option,
    key_files_option,
    observer_option,
    output_options,
    trust_store_option,
)
from cli.terminal import CliError, plural, print_json, safe, say, warn
from cli.trust_store import TrustStore
from receipts import TomlFileError
from verifier import Period, Policy, RateCard, Verdict

FORMAT: Final = 1
"""The version of the document."""
_DAY_MS: Final = 86_400_000
_HELP = """Compare what verified receipts cost with an invoice, or with a provider's export of usage or costs.

By day, model and line: counts must be the same, and amounts within half of the last decimal of the export. Each difference is told
with its class. MAP.toml says what the export calls things, and which differences have a legitimate cause; spec/attribution.md
(Reconcile) has the rule. --kind csv has the columns day, model, class, quantity and amount.

Exit code 0: they agree; 1: they do not, or the batch is rejected; 3: something could not be compared.

\b
receipt reconcile batch.cbor --card card.cbor --invoice invoice.csv --kind csv
receipt reconcile batch.cbor --card card.cbor --invoice costs.csv --kind csv --map map.toml --json
"""
_MAP_HINT: Final = "spec/attribution.md, Reconcile, says what a map may have"


@click.command(help=_HELP)
@batches_argument
@key_files_option
@click.option(
    "--card", required=True, metavar="FILE", help="The rate card that prices the requests."
)
@click.option("--invoice", required=True, multiple=True, metavar="FILE",
              help="The export; each of its pages, if it has several.")  # fmt: skip
@click.option("--kind", required=True, type=click.Choice([*KINDS]), help="What it is an export of.")
@click.option("--map", "names", metavar="FILE", help="How it calls things: MAP.toml.")
@click.option("--provider", multiple=True, metavar="NAME",
              help="Only receipts of this provider (that of the export, or all).")  # fmt: skip
@click.option("--period", type=PERIOD, help="Only these days: 2026-11, 2026-11-22, start/end.")
@click.option(
    "--include-unverified", is_flag=True, help="Take an incomplete batch too; the exit code is 3."
)
@observer_option
@jobs_option
@trust_store_option
@output_options()
@click.pass_context
def reconcile(
    ctx: click.Context,
    /,
    batch: tuple[str, ...],
    keys: tuple[str, ...],
    card: str,
    invoice: tuple[str, ...],
    kind: str,
    names: str | None,
    provider: tuple[str, ...],
    period: Period | None,
    include_unverified: bool,
    observer: tuple[str, ...],
    jobs: int,
    trust_store: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Verify, price, compare; the exit code is the verdict."""
    inputs = Inputs()
    export = KINDS[kind]
    if provider:
        export = replace(export, providers=frozenset(provider))
    mapped = _map(names, inputs)
    asked = _Asked(read_rate_card(card, inputs), export, mapped, period)
    billed = _invoice(invoice, export, mapped, inputs)
    _check_currency(billed, asked.card)
    policy = Policy(TrustStore(trust_store).trusted(keys), observers=frozenset(observer))
    with verify(batch, policy, period, unverified=include_unverified, jobs=jobs) as behind:
        found, verdict = _compared(behind, billed, asked)
    files = [(one.name, one.sha256) for one in behind.rows.report.inputs]
    found["kind"] = kind
    found["inputs"] = [
        {"name": name, "sha256": digest} for name, digest in [*files, *inputs.digests.items()]
    ]
    if as_json:
        print_json(found)
    else:  # names are the export's, and a terminal obeys some texts
        click.echo("\n".join(safe(line) for line in as_text(found).splitlines()))
    ctx.exit(verdict.exit_code)


@dataclass(frozen=True, slots=True)
class _Asked:
    card: RateCard
    kind: Kind
    mapped: MapFile
    period: Period | None


def _map(names: str | None, inputs: Inputs) -> MapFile:
    try:
        return read_map(names, inputs)
    except TomlFileError as error:
        raise CliError(str(error), _MAP_HINT) from None


def _invoice(files: Sequence[str], kind: Kind, mapped: MapFile, inputs: Inputs) -> Invoice:
    """All files of the export as one."""
    billed = Invoice(kind.binary)
    seen: dict[str, str] = {}
    for file in files:
        path = Path(file)
        data, digest = inputs.read(path), inputs.digests[str(path)]
        if digest in seen:
            hint = "each page of the export once"
            raise CliError(f"{file} has the same content as {seen[digest]}", hint)
        seen[digest] = file
        try:
            kind.read(file, data, mapped.naming, billed)
        except InvoiceError as error:
            hint = "is it of this --kind? see spec/attribution.md, Reconcile"
            raise CliError(str(error), hint) from None
    billed.end()
    if billed.ignored:
        say(f"not read: {', '.join(billed.ignored)}")
    return billed


def _check_currency(billed: Invoice, card: RateCard) -> None:
    for currency in billed.currencies:
        if currency.upper() != card.currency:
            found = f"the invoice is in {currency}, the card in {card.currency}"
            raise CliError(found, "amounts of both must be in one currency")


def _compared(behind: Behind, billed: Invoice, asked: _Asked) -> tuple[dict[str, Any], Verdict]:
    """The document, and the verdict."""
    period = asked.period or behind.period()
    if period is None:
        raise CliError("the batch has no receipts", "there is nothing to compare")
    first, end = _days(period)
    left_out = billed.keep(first, end) if asked.period is not None else 0
    if left_out:
        say(f"{plural(left_out, 'line')} of the invoice of other days than --period")
    found = _differences(behind, period, billed, asked)
    verdict = verdict_of(found, billed)
    if verdict is Verdict.VERIFIED and behind.verdict is not Verdict.VERIFIED:
        verdict = Verdict.INCOMPLETE
    _hint(found)
    head = {
        "reconciliation": FORMAT,
        "verdict": str(verdict),
        "batch": {"verdict": str(behind.verdict), "findings": behind.codes},
        "open": not behind.statements,
        "period": [instant(moment) for moment in period],
        "left_out": left_out,
        "currency": asked.card.currency,
        "card": asked.card.digest.hex(),
        "providers": sorted(asked.kind.providers),
    }
    return {**head, **reconciled(found, billed)}, verdict


def _days(period: Period) -> tuple[date, date]:
    if period[0] % _DAY_MS or period[1] % _DAY_MS:
        raise CliError("the period does not consist of whole days", "name one: --period 2026-10")
    return day_of(period[0]), day_of(period[1])


def _differences(behind: Behind, period: Period, billed: Invoice, asked: _Asked) -> Compared:
    try:
        with Ledger() as ledger:
            ledger.load(behind.within(period), asked.card, Registry(asked.card.currency))
            return compare(ledger, billed, asked.kind, asked.mapped.known)
    except NoDuckDBError as error:
        hint = "install the extra, in the clone: pip install '.[finance]'"
        raise CliError(f"reconciliation takes DuckDB and pyarrow ({error})", hint) from None
    except PriceError as error:
        raise CliError(str(error), "see receipt ratecard show for the rows of the card") from None


def _hint(found: Compared) -> None:
    """What is likely a name that the two sides do not share, and nobody's fault."""
    if found.strangers:
        warn(f"models without any receipt: {', '.join(found.strangers)}; see [models] of --map")
    for known in found.unmatched:
        warn(f"there is no such difference any more: {known.key.day} {known.key.model} {known.key.line}: {known.what}")  # fmt: skip
