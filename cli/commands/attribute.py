"""``receipt attribute``: from verified receipts to who pays, what the cache saved, and what it cost whom."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click

from attribution.money import (
    SECTIONS,
    TABLES,
    Asked,
    Bucket,
    Ledger,
    Method,
    NoDuckDBError,
    PriceError,
    Reports,
    Rule,
    allocate_all,
)
from cli.files import STDIN
from cli.finance.asked import (
    WhatIf,
    conditions,
    dimensions,
    fraction,
    read_rate_card,
    span,
    what_if,
)
from cli.finance.records import Inputs
from cli.finance.registry import FinanceFile, read_registry
from cli.finance.verified import Behind, verify
from cli.finance.writing import write
from cli.options import (
    PERIOD,
    batches_argument,
    jobs_option,
    key_files_option,
    observer_option,
    out_option,
    output_options,
    trust_store_option,
)
from cli.terminal import CliError, warn
from cli.trust_store import TrustStore
from receipts import TomlFileError
from verifier import Period, Policy, RateCard

_NOT_ENOUGH: Final = 1
_SHORT: Final = (
    "attributed",
    "allocation",
    "chargeback",
    "cache-tax",
    "breaks",
    "changes",
    "exposure",
)
"""The reports of the text, where none is named."""
_REGISTRY_HINT: Final = "spec/attribution.md says what finance.toml may have"
_HELP = """Attribute what verified receipts cost: to teams, features, customers and days, by four methods; with the cache tax.

The batch is verified first; what is not verified is refused. CARD prices the requests. FINANCE.TOML has your teams, the tags that you
require, prefixes and their owners, deploys and pools; revenue.csv and drivers.csv beside it are read too. Every table of a method sums
to the invoice, to the last digit. spec/attribution.md defines each figure.

Methods: direct (who asked pays), warmup-adjusted (owners of prefixes get a share), platform-tax (one flat discount), pooled (one
blended rate). Exit code 1: rejected, or less is attributed than required.

\b
receipt attribute batch.cbor --card card.cbor --config finance.toml
receipt attribute batch.cbor --card card.cbor --config finance.toml \\
  --report margin --report exposure --format markdown -o margin.md
receipt attribute batch.cbor --card card.cbor --config finance.toml \\
  --format html -o cfo.html
"""


@click.command(help=_HELP)
@batches_argument
@key_files_option
@click.option(
    "--card", required=True, metavar="FILE", help="The rate card that prices the requests."
)
@click.option("--config", required=True, metavar="FILE", help="The registry: finance.toml.")
@click.option("--period", type=PERIOD, help="The period: 2026-11, 2026-11-22, start/end.")
@click.option("--method", type=click.Choice([str(method) for method in Method]), default="direct",
              help="Of the chargeback, and of tables in text (direct).")  # fmt: skip
@click.option("--compare", is_flag=True, help="In text: each team by all four methods.")
@click.option(
    "--by",
    metavar="NAMES",
    help="Table by these: team,feature,environment,customer,surface,model,day.",
)
@click.option("--where", multiple=True, metavar="NAME=VALUE", help="Tables of these leaves only.")
@click.option("--report", "report", multiple=True, type=click.Choice([*SECTIONS, "all"]),
              help="Which reports (text: the main ones; else all).")  # fmt: skip
@click.option(
    "--breakage",
    "rule",
    type=click.Choice([str(rule) for rule in Rule]),
    help="Who pays when a cache breaks.",
)
@click.option(
    "--bucket",
    type=click.Choice([str(bucket) for bucket in Bucket]),
    help="How hit rates are watched.",
)
@click.option("--between", metavar="A..B", help="The time before a spike, in days; B is not in it.")
@click.option("--and", "and_", metavar="C..D", help="The time that is explained.")
@click.option("--what-if", "what_if", default="hit-rate=0.30", metavar="WHAT",
              help="hit-rate=0.3, card=FILE, model=A:B or term=processing:batch.")  # fmt: skip
@click.option(
    "--trend", type=click.Choice(["week", "day"]), default="week", help="Steps of the trend (week)."
)
@click.option(
    "--require-attributed", metavar="SHARE", help="Exit code 1 if less of the spend is attributed."
)
@click.option(
    "--include-unverified",
    is_flag=True,
    help="Take an incomplete batch too; every output is marked.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "csv", "markdown", "html"]),
    help="How (text); html: one page with plots.",
)
@observer_option
@out_option("Where it goes (stdout).")
@jobs_option
@trust_store_option
@output_options()
@click.pass_context
def attribute(
    ctx: click.Context,
    /,
    batch: tuple[str, ...],
    keys: tuple[str, ...],
    card: str,
    config: str,
    period: Period | None,
    observer: tuple[str, ...],
    include_unverified: bool,
    require_attributed: str | None,
    trust_store: str | None,
    jobs: int,
    form: str | None,
    as_json: bool,
    out: str | None,
    quiet: bool,  # noqa: ARG001  # read by `say`
    **asking: Any,
) -> None:
    """Verify, price, allocate, report."""
    form = form or ("json" if as_json else "text")
    least = None if require_attributed is None else fraction(require_attributed, "--require-attributed 0.85")  # fmt: skip
    if form == "html" and (asking["report"] or asking["by"] or asking["where"]):
        raise CliError("the page has reports of its own", "leave out --report, --by and --where")
    inputs = Inputs()
    sources = _sources(card, config, asking, inputs)
    policy = Policy(TrustStore(trust_store).trusted(keys), observers=frozenset(observer))
    with verify(batch, policy, period, unverified=include_unverified, jobs=jobs) as behind:
        document = _document(behind, sources, asking, period, form)
    traced = _traced(document, behind, inputs, sources.card)
    write(traced, form, out or STDIN, asking)
    share = document["attributed"]["share"] if least is not None else None
    if least is not None and share is not None and fraction(share, "") < least:
        warn(f"{share} of the spend is attributed, less than {require_attributed}")
        ctx.exit(_NOT_ENOUGH)


@dataclass(frozen=True, slots=True)
class _Sources:
    card: RateCard
    finance: FinanceFile
    what_if: WhatIf


def _sources(card: str, config: str, asking: Mapping[str, Any], inputs: Inputs) -> _Sources:
    """The card, the registry, and what is asked about: whatever can be wrong without looking at a receipt."""
    try:
        finance = read_registry(Path(config), inputs)
    except TomlFileError as error:
        raise CliError(str(error), _REGISTRY_HINT) from None
    prices = read_rate_card(card, inputs)
    if prices.currency != finance.registry.currency:
        found = f"{config} is in {finance.registry.currency}, {card} in {prices.currency}"
        raise CliError(found, "amounts of both must be in one currency")
    rules = finance.registry.breakage
    if asking["rule"] is not None:
        rules = replace(rules, rule=Rule(asking["rule"]))
    if asking["bucket"] is not None:
        rules = replace(rules, bucket=Bucket(asking["bucket"]))
    finance = replace(finance, registry=replace(finance.registry, breakage=rules))
    _asked(asking, (0, 0), WhatIf(None))  # what is not understood is told before the batch is read
    return _Sources(prices, finance, what_if(asking["what_if"], prices, inputs))


def _asked(asking: Mapping[str, Any], period: Period, what: WhatIf) -> Asked:
    before, after = span(asking["between"]), span(asking["and_"])
    if (before is None) is not (after is None):
        raise CliError("--between and --and go together", "--between A..B --and C..D, in days")
    by = dimensions(asking["by"])
    return Asked(
        period,
        Method(asking["method"]),
        what.hit_rate,
        what.words,
        None if before is None or after is None else (before, after),
        asking["trend"],
        (*TABLES, by) if by and by not in TABLES else TABLES,
        conditions(asking["where"]),
    )


def _document(
    behind: Behind, sources: _Sources, asking: Mapping[str, Any], period: Period | None, form: str
) -> dict[str, Any]:
    """The document, from the requests of the period."""
    period = period or behind.period()
    if period is None:
        raise CliError("the batch has no receipts", "there is nothing to attribute")
    try:
        sources.finance.check_deploys(max(period[1], time.time_ns() // 1_000_000))
    except TomlFileError as error:
        raise CliError(str(error), _REGISTRY_HINT) from None
    registry = sources.finance.registry
    try:
        with Ledger() as ledger:
            ledger.load(behind.within(period), sources.card, registry, sources.what_if.other)
            allocate_all(ledger, registry)
            asked = _asked(asking, period, sources.what_if)
            return Reports(ledger, registry, sources.card, asked).document(_sections(asking, form))
    except NoDuckDBError as error:
        hint = "install the extra, in the clone: pip install '.[finance]'"
        raise CliError(f"attribution takes DuckDB and pyarrow ({error})", hint) from None
    except PriceError as error:
        raise CliError(str(error), "see receipt ratecard show for the rows of the card") from None


def _sections(asking: Mapping[str, Any], form: str) -> set[str]:
    named = set(asking["report"])
    if "all" in named or not named:
        return {*SECTIONS} if named or form != "text" else {*_SHORT}
    return named | {"attributed"}


def _traced(
    document: dict[str, Any], behind: Behind, inputs: Inputs, card: RateCard
) -> dict[str, Any]:
    """The document with what it rests on, so that a figure can be traced a year later."""
    files = [(one.name, one.sha256) for one in behind.rows.report.inputs]
    head = {
        "verdict": str(behind.verdict),
        "findings": behind.codes,
        "open": not behind.statements,
        "card": card.digest.hex(),
        "inputs": [
            {"name": name, "sha256": digest} for name, digest in [*files, *inputs.digests.items()]
        ],
    }
    return {**document, **head}
