"""Verified, priced and allocated receipts, for commands that give them away as they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from attribution.money import Ledger, NoDuckDBError, PriceError, Registry, allocate_all
from cli.finance.asked import read_rate_card
from cli.finance.records import Inputs
from cli.finance.registry import read_registry
from cli.finance.verified import verify
from cli.options import PERIOD, jobs_option, key_files_option, observer_option, trust_store_option
from cli.terminal import CliError, warn
from cli.trust_store import TrustStore
from receipts import TomlFileError
from verifier import Period, Policy, RateCard, Verdict

_Command = TypeVar("_Command", bound=Callable[..., Any])
_REGISTRY_HINT: Final = "spec/attribution.md says what finance.toml may have"
_CONFIG: Final = "The registry: finance.toml. Without, no team is registered."


@dataclass(frozen=True, slots=True)
class Demand:
    """What the options of `priced_options` say: from which receipts, and by what they are priced."""

    keys: tuple[str, ...]
    card: str
    config: str | None
    period: Period | None
    include_unverified: bool
    observer: tuple[str, ...]
    trust_store: str | None
    jobs: int


@dataclass(frozen=True, slots=True)
class Priced:
    """What is given away.

    Attributes:
        ledger: with all methods.
        registry: by which they were allocated.
        card: by which the receipts were priced.
        period: in ms, the end exclusive.
        verdict: of the batch.
        codes: its findings.
        inputs: name and SHA-256 of each file that was read.
    """

    ledger: Ledger
    registry: Registry
    card: RateCard
    period: Period
    verdict: Verdict
    codes: list[str]
    inputs: list[tuple[str, str]]


def priced_options(command: _Command) -> _Command:
    """The options of a `Demand`."""
    for option in (
        trust_store_option,
        jobs_option,
        observer_option,
        click.option(
            "--include-unverified",
            is_flag=True,
            help="Take an incomplete batch too; what comes of it is marked.",
        ),
        click.option("--period", type=PERIOD, help="The period: 2026-11, 2026-11-22, start/end."),
        click.option("--config", metavar="FILE", help=_CONFIG),
        click.option(
            "--card", required=True, metavar="FILE", help="The rate card that prices the requests."
        ),
        key_files_option,
    ):
        command = option(command)
    return command


@contextmanager
def priced(batch: tuple[str, ...], demand: Demand) -> Iterator[Priced]:
    """Verify batches, price and allocate them.

    Raises:
        NotVerifiedBatchError: they are not good enough.
        CliError: something is not there, or not understood; or a request has no price.
    """
    read = Inputs()
    card = read_rate_card(demand.card, read)
    try:
        registry, check_deploys = _registry(demand.config, card, read)
        policy = Policy(TrustStore(demand.trust_store).trusted(demand.keys), observers=frozenset(demand.observer))  # fmt: skip
        unverified = demand.include_unverified
        with verify(batch, policy, demand.period, unverified=unverified, jobs=demand.jobs) as behind:  # fmt: skip
            period = demand.period or behind.period()
            if period is None:
                raise CliError("the batch has no receipts", "there is nothing to price")
            check_deploys(max(period[1], time.time_ns() // 1_000_000))
            with Ledger() as ledger:
                ledger.load(behind.within(period), card, registry)
                allocate_all(ledger, registry)
                if behind.verdict is not Verdict.VERIFIED:
                    warn(f"not verified: {behind.verdict} ({', '.join(behind.codes)})")
                files = [(one.name, one.sha256) for one in behind.rows.report.inputs]
                yield Priced(
                    ledger, registry, card, period, behind.verdict, behind.codes, [*files, *read.digests.items()],
                )  # fmt: skip
    except TomlFileError as error:
        raise CliError(str(error), _REGISTRY_HINT) from None
    except NoDuckDBError as error:
        hint = "install the extra, in the clone: pip install '.[finance]'"
        raise CliError(f"this takes DuckDB and pyarrow ({error})", hint) from None
    except PriceError as error:
        raise CliError(str(error), "see receipt ratecard show for the rows of the card") from None


def _registry(
    config: str | None, card: RateCard, read: Inputs
) -> tuple[Registry, Callable[[int], None]]:
    """The registry, and what says that a deploy is in the future."""
    if config is None:
        return Registry(card.currency), lambda _now: None
    finance = read_registry(Path(config), read)
    if finance.registry.currency != card.currency:
        found = f"{config} is in {finance.registry.currency}, the card in {card.currency}"
        raise CliError(found, "amounts of both must be in one currency")
    return finance.registry, finance.check_deploys
