"""``receipt prove``: cut out one receipt with its proof."""

from __future__ import annotations

from typing import NamedTuple

import click

from cli import batches
from cli.files import output_file
from cli.options import batches_argument, out_option, output_options
from cli.terminal import CliError, print_json, say
from receipts import inclusion_proof
from verifier import Receipt, Source, Statement, UnverifiedItem

_HELP = """Cut out one receipt, with its Merkle path and the statement that closes it.

The proof shows to anybody who trusts the issuer's key that the receipt is among those of the statement, and shows no
other receipt. If the receipt was corrected, it is the last correction. It is not checked here. Instead of a BATCH, a
journal can be given.

\b
receipt prove batch.cbor --request req_42 -o proof.cbor
receipt prove issuer.db --request req_42 -o proof.cbor
receipt verify proof.cbor
"""


@click.command(help=_HELP)
@batches_argument
@click.option("--request", required=True, help="The request id of the receipt.")
@out_option("The proof to write; - is stdout.", required=True)
@output_options()
def prove(
    batch: tuple[str, ...],
    request: str,
    out: str,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Write the proof for one receipt."""
    files = batches.kept(batch)
    receipt, claims, closing = _find(files, request)
    digests = _digests(files, claims, closing.sequences)
    place = claims.sequence - closing.sequences.start
    proof = inclusion_proof(receipt.raw, place, digests, closing.statement.raw)
    with output_file(out) as stream:
        stream.write(proof)
    if as_json and out != "-":
        print_json({"proof": out, "stream": claims.stream, "sequence": claims.sequence})
    say(f"wrote {out}; check it: receipt verify {out}")


class _Closing(NamedTuple):
    """The statement that closes a receipt, and the sequences of the receipt's stream that it closes."""

    statement: UnverifiedItem
    sequences: range


def _find(files: list[Source], request: str) -> tuple[UnverifiedItem, Receipt, _Closing]:
    """The receipt of a request, or the last of its corrections that a statement closes."""
    found = [one for one in batches.receipts(files) if one[1].request == request]
    if not found:
        raise CliError(
            f"no receipt is for request {request!r}", "receipt show prints what there is"
        )
    closed = [(*one, closing) for one in found if (closing := _closing(files, one[1])) is not None]
    corrected = {claims.corrects.receipt for _, claims, _ in closed if claims.corrects is not None}
    for item, claims, closing in closed:
        if item.digest not in corrected:
            if claims.corrects is not None:
                say(f"the last word on {request} is a correction, item {item.number}")
            return item, claims, closing
    hint = "close the period first, or add the file that holds the statement"
    raise CliError(f"no statement closes request {request!r}", hint)


def _closing(files: list[Source], claims: Receipt) -> _Closing | None:
    for item in batches.items(files):
        statement = item.claims
        if not isinstance(statement, Statement):
            continue
        if (statement.issuer, statement.account) != (claims.issuer, claims.account):
            continue
        for entry in statement.streams:
            sequences = range(entry.first, entry.first + entry.count)
            if entry.stream == claims.stream and claims.sequence in sequences:
                return _Closing(item, sequences)
    return None


def _digests(files: list[Source], claims: Receipt, closed: range) -> list[bytes]:
    """The leaves of the tree: the digests of the stream's receipts, in the order of their sequence."""
    place = (claims.issuer, claims.account, claims.stream)
    digests: dict[int, bytes] = {}
    for item, other in batches.receipts(files):
        if (other.issuer, other.account, other.stream) == place and item.digest is not None:
            digests[other.sequence] = item.digest
    missing = next((n for n in closed if n not in digests), None)
    if missing is not None:
        raise CliError(
            f"sequence {missing} of stream {claims.stream!r} is not in the batch",
            "the Merkle path needs every receipt of the stream; see receipt verify",
        )
    return [digests[n] for n in closed]
