"""``receipt dispute``: findings, with their evidence, as one file for the other side."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import click

from cli.dispute.making import Wanted, made, maker_of
from cli.files import STDIN, output_file
from cli.options import batches_argument, out_option, output_options, question_options
from cli.terminal import CliError, print_json, say
from cli.trust_store import TrustStore
from cli.verifying import Asked, answered

_HELP = """Pack what a dispute needs: the disputed receipts, their proofs, your own side of each, and a README.

FINDINGS are the numbers that receipt verify shows, with the same options. Only what these findings are about goes into the pack: your lines
for these requests (with the nonces of their commitments), no other receipt, and of a cache key that of one month; and the report on the
whole batch, unless --without-report. Whoever gets the pack checks it with receipt verify, and comes to each claim again.

With --sign, the pack says who made it; a key is made with receipt keygen.

\b
receipt verify batch.cbor --period 2026-11 --requests wallet.db
receipt dispute batch.cbor --period 2026-11 --requests wallet.db \\
    --findings 3,7 -o pack.zip
receipt verify pack.zip
"""


class _Numbers(click.ParamType[tuple[int, ...]]):
    """Numbers with commas between them, or ``all``."""

    name = "numbers"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        if value == "all":
            return ()
        parts = value.split(",")
        if not all(part.isascii() and part.isdecimal() and int(part) for part in parts):
            self.fail(f"{value!r} is not numbers of findings, like 3,7; or all", param, ctx)
        return tuple(sorted(set(map(int, parts))))


@click.command(help=_HELP)
@batches_argument
@click.option("--findings", type=_Numbers(), required=True, metavar="NUMBERS",
              help="The findings to dispute: 3,7, or all.")  # fmt: skip
@out_option("The pack to write.", required=True)
@click.option("--sign", metavar="FOLDER", help="Sign the pack with this key folder: your own.")
@click.option(
    "--without-report",
    is_flag=True,
    help="Leave out the report on the whole batch, with its other findings.",
)
@question_options
@output_options()
def dispute(
    findings: tuple[int, ...],
    out: str,
    sign: str | None,
    without_report: bool,
    trust_store: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
    **given: Any,
) -> None:
    """Verify the batch, gather the evidence, check the pack, write it."""
    asked, store = Asked(**given), TrustStore(trust_store)
    if STDIN in asked.batch:
        raise CliError("a batch that is disputed is read more than once", "give it as a file")
    maker = None if sign is None else maker_of(sign)
    with answered(asked, store, figures=True) as answer:
        pack = made(Wanted(findings, asked, store, maker, not without_report), answer)
    with output_file(out) as stream:
        stream.write(pack.data)
    for claim in pack.claims:
        why = "" if claim.why is None else f": {claim.why}"
        say(f"finding {claim.number}, {claim.finding.code}: {claim.standing}{why}")
    if as_json and out != STDIN:
        print_json(
            {
                "pack": out,
                "sha256": sha256(pack.data).hexdigest(),
                "claims": [claim.claim for claim in pack.claims],
            }
        )
    say(f"wrote {out}; check it: receipt verify {out}")
