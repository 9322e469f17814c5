"""``receipt cache``: hit rates, misses, and the credits that were due."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path

import click

from attribution.cache import (
    COLUMNS,
    CachePolicy,
    Policies,
    PolicyError,
    cache_report,
    read_policy,
    render,
    shipped,
    svg,
)
from cli import batches
from cli.files import inputs, output_file, total_size
from cli.options import (
    batches_argument,
    key_files_option,
    observer_option,
    output_options,
    trust_store_option,
)
from cli.terminal import CliError, print_json, progress, say, warn
from cli.trust_store import TrustStore
from verifier import Policy, Prompt, RecordError, Verdict, VerifiedRows, read_prompts, verified_rows

_DISCREPANCY = 1
_HELP = """Show what the cache did: hit rates, why requests missed, and the credits that were due.

The batch is verified first. Published cache policies are then replayed over its receipts in the order of their times, as far as these
(or your --prompts) say which prefixes were shared. A credit is "due" only where the policy promises it; where the provider does
what it can, it is "expected". Exit code 1: the batch is rejected, or the claimed hit rate is not what the receipts show.

\b
Shipped policies:
  anthropic-5m, anthropic-1h, openai-in-memory, openai-extended,
  gemini-implicit, deepseek, vllm-lru

\b
receipt cache batch.cbor
receipt cache batch.cbor --claimed-hit-rate 0.6 --plot cache.svg
"""


@click.command(help=_HELP)
@batches_argument
@key_files_option
@click.option("--policy", "policies", multiple=True, metavar="NAME|FILE",
              help="Replay this policy, and not the shipped ones of each provider.")  # fmt: skip
@click.option("--prompts", multiple=True, metavar="FILE", help="Your own prompts (JSONL).")
@click.option("--claimed-hit-rate", metavar="RATE", help="What the provider claims, 0 to 1.")
@click.option("--longest-request", type=click.IntRange(0, 86_400), default=60, metavar="SECONDS",
              help="No request takes longer (60): nothing is called due that depends on it.")  # fmt: skip
@click.option("--plot", metavar="FILE", help="Write the hit rate over time as an SVG image.")
@observer_option
@trust_store_option
@output_options()
@click.pass_context
def cache(
    ctx: click.Context,
    batch: tuple[str, ...],
    keys: tuple[str, ...],
    policies: tuple[str, ...],
    prompts: tuple[str, ...],
    claimed_hit_rate: str | None,
    longest_request: int,
    plot: str | None,
    observer: tuple[str, ...],
    trust_store: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Replay published policies over verified receipts, and print the report."""
    applied = _policies(policies)
    claimed = _rate(claimed_hit_rate)
    own = _prompts(prompts)
    policy = Policy(TrustStore(trust_store).trusted(keys), observers=frozenset(observer))
    with _verified(batch, policy, ctx) as rows:
        receipts = sum(account.receipts for account in rows.report.accounts)
        with progress("replaying", receipts) as advance:
            report = cache_report(rows, applied, own, claimed, 1000 * longest_request, advance)
    if plot is not None:
        with output_file(plot) as stream:
            stream.write(svg(report.table.hours).encode())
        say(f"wrote {plot}")
    if as_json:
        print_json(report.as_dict())
    else:
        click.echo(render(report), nl=False)
    if report.claimed is not None and report.claimed.discrepancy:
        ctx.exit(_DISCREPANCY)


def _verified(batch: tuple[str, ...], policy: Policy, ctx: click.Context) -> VerifiedRows:
    """Only verified receipts are worth a report; what is incomplete is told."""
    with progress("verifying", total_size(batch)) as advance, batches.readable():
        rows = verified_rows(inputs(batch, advance), policy, COLUMNS)
    codes = ", ".join(sorted(rows.report.findings.counts))
    if rows.report.verdict is Verdict.REJECTED:
        rows.close()
        warn(f"the batch is rejected ({codes}): see receipt verify")
        ctx.exit(rows.report.verdict.exit_code)
    if rows.report.verdict is Verdict.INCOMPLETE:
        warn(f"the batch is incomplete ({codes}): see receipt verify")
    return rows


def _policies(names: tuple[str, ...]) -> Policies:
    known = shipped()
    if not names:
        chosen = [p for name, p in known.items() if name != "openai-extended"]
        return Policies(chosen)
    return Policies([known[name] if name in known else _policy(name, known) for name in names])


def _policy(name: str, known: Iterable[str]) -> CachePolicy:
    try:
        return read_policy(Path(name).read_bytes())
    except FileNotFoundError:
        raise CliError(f"there is no policy {name}", f"shipped are: {', '.join(known)}") from None
    except PolicyError as error:
        raise CliError(f"{name}: {error}", "a policy is JSON; see the shipped ones") from None


def _rate(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal(-1)
    if not rate.is_finite() or not 0 <= rate <= 1 or len(text) > 20 or rate.adjusted() < -9:
        raise CliError(
            f"{text} is not a hit rate", "give a number from 0 to 1: --claimed-hit-rate 0.6"
        )
    return rate


def _prompts(paths: tuple[str, ...]) -> Mapping[str, Prompt]:
    found = {}
    for path in paths:
        try:
            for prompt in read_prompts(path):
                found[prompt.request] = prompt
        except RecordError as error:
            raise CliError(str(error), "a prompt has request, and tokens or body") from None
    return found
