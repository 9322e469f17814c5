"""``receipt verify``: verify a batch, a proof or an equivocation."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from cli import proofs, reports
from cli.beside import Beside, beside_options, keep_evidence, worst
from cli.options import MOMENT, batches_argument, output_options, question_options
from cli.standing import Standing
from cli.terminal import print_json, style
from cli.trust_store import TrustStore
from cli.verifying import Asked, verified
from verifier import Report, as_object, render

_HELP = """Verify a batch, a proof, an equivocation or a pack.

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


@click.command(help=_HELP)
@batches_argument
@question_options
@click.option("--proofs", "proofs_folder", default=".", metavar="FOLDER",
              help="Where proofs go that the issuer told two stories (here).")  # fmt: skip
@click.option("--report", "report_files", multiple=True, type=reports.ReportFile(), metavar="FILE",
              help="Write the report, for others to check: FILE.json.")  # fmt: skip
@click.option("--dated", type=MOMENT, metavar="TIME",
              help="The date that the report bears. No clock is read.")  # fmt: skip
@beside_options
@output_options("No progress; of the report, only the verdict.")
@click.pass_context
def verify(
    ctx: click.Context,
    /,
    trust_store: str | None,
    proofs_folder: str,
    report_files: tuple[str, ...],
    dated: int | None,
    beside: Beside,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Verify, print the report, remember the statements; the exit code is the verdict."""
    asked, store = Asked(**given), TrustStore(trust_store)
    report = verified(asked, store, figures=as_json or bool(report_files))
    report.dated = dated
    if report_files:
        reports.write(report, report_files)
    # A stranger's key file must not fill the memory.
    remembering = None if asked.no_remember or asked.keys else store
    standings = beside.compare(report.statements, partial(store.trusted, asked.keys), remembering)
    if as_json:
        print_json(as_object(report) | {name: one.as_dict() for name, one in standings.items()})
    else:
        _print(report, standings, quiet=quiet)
    if remembering is not None:
        for claims, signed in report.statements:
            store.memory.remember(claims, signed)
    proofs.keep(report.conflicts, proofs_folder, store.key_files(asked.keys))
    keep_evidence(standings, proofs_folder)
    ctx.exit(worst(report.verdict, standings).exit_code)


def _print(report: Report, standings: dict[str, Standing], *, quiet: bool) -> None:
    lines = render(report, style).splitlines(keepends=True)
    said = 2 if report.observed else 1  # the verdict, and that nobody who bills signed it
    click.echo("".join(lines[:said] if quiet else lines), nl=False)
    for standing in standings.values():
        standing.print(quiet=quiet)
