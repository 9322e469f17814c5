"""``receipt verify``: verify a batch, a proof or an equivocation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import click

from cli import batches, proofs, ratecards
from cli.files import inputs, read_bytes, total_size
from cli.options import (
    PERIOD,
    batches_argument,
    jobs_option,
    key_files_option,
    observer_option,
    output_options,
    trust_store_option,
)
from cli.parquet import readable_logs
from cli.terminal import CliError, print_json, progress, style
from cli.trust_store import TrustStore
from verifier import (
    DamagedMemoryError,
    Known,
    NoStatementError,
    Policy,
    Record,
    RecordError,
    Report,
    WrongKeyError,
    render,
    statements_in,
)
from verifier import verify as verify_batch

_HELP = """Verify a batch, a proof or an equivocation.

Several files are read as one batch; - is stdin. In a script, name the --period that you are billed for: without it, the report
is about the period that the batch claims.

Statements that a pinned key has signed are remembered, so that a number that is told in two ways is caught the next time (see
receipt memory); with --keys nothing is. The two signed objects are a proof, which anybody can verify; --proofs says where
such proofs go.

With --requests, each of your calls must have exactly one receipt, which says what you saw, and each receipt such a call. It takes a
wallet, or a log whose columns are request (or id), sent, answered, model, status, and usage or counts; spec/record.md has all of
them. With --received, each receipt that you received must be in the batch, byte for byte. With --prompts (request, and tokens or body), each cache
identifier is recomputed, and no more may be cached than a prompt shares with one that was sent before.

With --card, the charges that name this rate card are computed again from it, line by line. Receipts without a charge are priced by
it, and the report says what they would cost: your own contract, as a card of yours.

\b
receipt verify batch.cbor --period 2026-11
receipt verify batch.cbor --card card.cbor
receipt verify batch.cbor --received wallet.db --requests log.jsonl
"""
_ALIASES_HINT = 'like this: {"fast": "claude-haiku-4-5"}'
_KEY_HINT = (
    "--cache-key takes the key of the account that the batch is for, or its key of one month"
)
_RECORD_HINT = "a request has request, time, model and optional counts; see receipt verify --help"


@click.command(help=_HELP)
@batches_argument
@key_files_option
@click.option(
    "--period",
    type=PERIOD,
    help="The period that must be complete: 2026-11, 2026-11-22, start/end.",
)
@click.option("--account", help="The account that every item must be for.")
@click.option(
    "--previous",
    multiple=True,
    metavar="FILE",
    help="The batch or statement before, to check the link to it.",
)
@click.option(
    "--requests",
    multiple=True,
    metavar="FILE",
    help="Your own calls: a wallet, or a log (JSONL, CSV, Parquet).",
)
@click.option(
    "--received", multiple=True, metavar="FILE", help="The receipts that you received: a wallet."
)
@click.option("--prompts", multiple=True, metavar="FILE", help="Your own prompts (JSONL).")
@click.option("--cache-key", metavar="FILE", help="The account's cache key, for --prompts.")
@click.option(
    "--card",
    "cards",
    multiple=True,
    metavar="FILE",
    help="A rate card: charges that name it are computed again.",
)
@click.option("--margin", type=click.IntRange(0, 86_400), default=300, metavar="SECONDS",
              help="How far your clock and theirs may be apart (300).")  # fmt: skip
@click.option("--aliases", metavar="FILE", help="Other names of models (JSON: name to name).")
@click.option(
    "--require-cache-id", is_flag=True, help="Report cached receipts without a cache identifier."
)
@observer_option
@click.option(
    "--signatures",
    type=click.Choice(["every", "statement"]),
    default="every",
    help="Which signatures are checked: every one, or those of statements (every).",
)
@click.option("--proofs", "proofs_folder", default=".", metavar="FOLDER",
              help="Where proofs go that the issuer told two stories (here).")  # fmt: skip
@jobs_option
@click.option(
    "--no-remember", is_flag=True, help="Neither use nor update the memory of statements seen."
)
@trust_store_option
@output_options("No progress; of the report, only the verdict.")
@click.pass_context
def verify(
    ctx: click.Context,
    batch: tuple[str, ...],
    keys: tuple[str, ...],
    period: tuple[int, int] | None,
    account: str | None,
    previous: tuple[str, ...],
    requests: tuple[str, ...],
    received: tuple[str, ...],
    prompts: tuple[str, ...],
    cache_key: str | None,
    cards: tuple[str, ...],
    margin: int,
    aliases: str | None,
    require_cache_id: bool,
    observer: tuple[str, ...],
    signatures: str,
    proofs_folder: str,
    jobs: int,
    no_remember: bool,
    trust_store: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Verify, print the report, remember the statements; the exit code is the verdict."""
    store = TrustStore(trust_store)
    trusted, observers = store.trusted(keys), frozenset(observer)
    policy = Policy(trusted, account, require_cache_id, signatures=signatures, observers=observers)
    priced = ratecards.to_check(cards)
    known = _known(None if no_remember else store.memory.known, previous)
    with ExitStack() as opened:
        advance = opened.enter_context(progress("verifying", total_size(batch)))
        opened.enter_context(_mendable(store))
        logs = opened.enter_context(readable_logs(requests))
        record = _record(logs, received, prompts, cache_key, margin, aliases)
        report = verify_batch(inputs(batch, advance), policy, period=period, known=known, jobs=jobs, record=record, cards=priced)  # fmt: skip
    _print(report, as_json=as_json, quiet=quiet)
    if not no_remember and not keys:  # a stranger's key file must not fill the memory
        for claims, signed in report.statements:
            store.memory.remember(claims, signed)
    proofs.keep(report.conflicts, proofs_folder)
    ctx.exit(report.verdict.exit_code)


def _known(remembered: Known | None, previous: tuple[str, ...]) -> Known:
    """The statements that are remembered, and those in files."""
    try:
        with batches.readable("--previous takes a batch"):
            given = statements_in(batches.files(previous))
    except NoStatementError as error:
        raise CliError(str(error), "--previous takes the batch or the statement before") from None
    if remembered is None:
        return given
    return lambda issuer, account: [*remembered(issuer, account), *given(issuer, account)]


def _record(
    requests: tuple[str, ...],
    received: tuple[str, ...],
    prompts: tuple[str, ...],
    cache_key: str | None,
    margin: int,
    aliases: str | None,
) -> Record | None:
    """The customer's own record, if there is one."""
    if cache_key is not None and not prompts:
        raise click.UsageError("--cache-key goes with --prompts")
    if requests or received or prompts:
        names = {} if aliases is None else _aliases(aliases)
        return Record(requests, received, prompts, cache_key, margin * 1000, names)
    return None


def _aliases(path: str) -> dict[str, str]:
    try:
        names = json.loads(read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise CliError(f"{path} is not JSON: {error}", _ALIASES_HINT) from None
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise CliError(f"{path} is not an object of texts", _ALIASES_HINT)
    return names


@contextmanager
def _mendable(store: TrustStore) -> Iterator[None]:
    """What the user can mend is an error with a hint."""
    try:
        with batches.readable():
            yield
    except WrongKeyError as error:
        raise CliError(str(error), _KEY_HINT) from None
    except RecordError as error:
        raise CliError(str(error), _RECORD_HINT) from None
    except DamagedMemoryError as error:
        hint = (
            f"look below {store.memory.folder}; restore it from a copy, or remove what is damaged"
        )
        raise CliError(str(error), hint) from None


def _print(report: Report, *, as_json: bool, quiet: bool) -> None:
    if as_json:
        print_json(report.as_dict())
        return
    lines = render(report, style).splitlines(keepends=True)
    said = 2 if report.observed else 1  # the verdict, and that nobody who bills signed it
    click.echo("".join(lines[:said] if quiet else lines), nl=False)
