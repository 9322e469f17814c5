"""``receipt verify``: verify a batch, a proof or an equivocation."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import click

from cli import batches
from cli.files import inputs, output_file, read_bytes, total_size
from cli.period import PERIOD
from cli.terminal import CliError, output_options, print_json, progress, style, warn
from cli.trust_store import VARIABLE, TrustStore
from receipts import equivocation
from verifier import (
    DamagedMemoryError,
    KeyFileError,
    NoStatementError,
    Policy,
    Record,
    RecordError,
    Report,
    TrustedKey,
    UnreadableError,
    by_kid,
    read_jwks,
    render,
    statements_in,
)
from verifier import verify as verify_files
from verifier.statements.known import Known

_MOST_PROOFS = 10


@click.command()
@click.argument("batch", nargs=-1, required=True, type=click.Path())
@click.option(
    "--keys", multiple=True, metavar="FILE", help="Trust this key file, and not the pinned ones."
)
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
    "--requests", multiple=True, metavar="FILE", help="Your own requests: JSONL, CSV or a wallet."
)
@click.option(
    "--received", multiple=True, metavar="FILE", help="The receipts that you received: a wallet."
)
@click.option("--prompts", multiple=True, metavar="FILE", help="Your own prompts (JSONL).")
@click.option("--cache-key", metavar="FILE", help="The account's cache key, for --prompts.")
@click.option(
    "--require-cache-id", is_flag=True, help="Report cached receipts without a cache identifier."
)
@click.option(
    "--jobs", type=click.IntRange(1), default=1, metavar="N", help="Processes to use (1)."
)
@click.option(
    "--no-remember", is_flag=True, help="Neither use nor update the memory of statements seen."
)
@click.option(
    "--trust-store",
    metavar="FOLDER",
    envvar=VARIABLE,
    help=f"Where pins and memory are; also {VARIABLE}.",
)
@output_options
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
    require_cache_id: bool,
    jobs: int,
    no_remember: bool,
    trust_store: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `progress`
) -> None:
    """Verify a batch, a proof or an equivocation.

    Several files are read as one batch; - is stdin. In a script, name the --period that you are billed for: without it, the report
    is about the period that the batch claims.

    The last statements are remembered, so that a number that is told in two ways is caught the next time. The two
    signed objects are then written to a file, which anybody can verify.

    With --requests, each of your requests must have exactly one receipt, and each receipt a request. The columns are request (or
    id), time, model, status, and optionally the counts logical, cached, output, reasoning, or a usage object. With --received,
    each receipt that you received must be in the batch, byte for byte. With --prompts (request, and tokens or body), each cache
    identifier is recomputed, and no more may be cached than a prompt shares with one that was sent before.

    \b
    receipt verify batch.cbor --period 2026-11
    receipt verify batch.cbor --received wallet.db --requests log.jsonl
    """
    store = TrustStore(trust_store)
    policy = Policy(by_kid(trusted_keys(keys, store)), account, require_cache_id)
    earlier = _previous(previous)
    known = earlier if no_remember else lambda i, a: [*store.statements(i, a), *earlier(i, a)]
    if cache_key is not None and not prompts:
        raise click.UsageError("--cache-key goes with --prompts")
    record = None
    if requests or received or prompts:
        record = Record(requests, received, prompts, cache_key)
    try:
        with progress("verifying", total_size(batch)) as advance:
            sources = inputs(batch, advance)
            report = verify_files(
                sources, policy, period=period, known=known, jobs=jobs, record=record
            )
    except RecordError as error:
        hint = "a request has request, time, model and optional counts; see receipt verify --help"
        raise CliError(str(error), hint) from None
    except DamagedMemoryError as error:
        hint = f"look below {store.folder}/statements; restore it from a copy, or remove what is damaged"
        raise CliError(str(error), hint) from None
    if as_json:
        print_json(report.as_dict())
    else:
        click.echo(render(report, style), nl=False)
    if not no_remember:
        for claims, signed in report.statements:
            store.remember(claims, signed)
    _write_proofs(report)
    ctx.exit(report.verdict.exit_code)


def trusted_keys(names: tuple[str, ...], store: TrustStore) -> list[TrustedKey]:
    """The keys in these files, or else the pinned ones."""
    if not names:
        return store.keys()
    keys = []
    for name in names:
        try:
            keys += read_jwks(read_bytes(name))
        except KeyFileError as error:
            raise CliError(
                f"{name}: {error}", "a key file is the issuer.jwks.json that the issuer publishes"
            ) from None
    return keys


def _previous(names: tuple[str, ...]) -> Known:
    try:
        return statements_in(batches.files(names))
    except NoStatementError as error:
        raise CliError(str(error), "--previous takes the batch or the statement before") from None
    except UnreadableError as fault:
        raise CliError(
            f"{fault.file}, byte {fault.offset}: {fault}", "--previous takes a batch"
        ) from None


def _write_proofs(report: Report) -> None:
    """Keep what proves that an issuer told two stories, under a name that is the same for the same proof."""
    for conflict in report.conflicts[:_MOST_PROOFS]:
        proof = equivocation(conflict.one, conflict.two)
        path = Path(f"equivocation-{sha256(proof).hexdigest()[:12]}.cbor")
        try:
            with output_file(str(path)) as stream:
                stream.write(proof)
        except OSError as error:  # the verdict stands, and is what the exit code says
            warn(f"{conflict.code}: the proof could not be written: {path}: {error.strerror}")
            continue
        warn(
            f"{conflict.code}: the proof is in {path}; anybody can check it: receipt verify {path}"
        )
    if len(report.conflicts) > _MOST_PROOFS:
        warn(
            f"{len(report.conflicts) - _MOST_PROOFS} more conflicts, of which no proof was written"
        )
