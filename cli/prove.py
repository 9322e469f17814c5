"""``receipt prove``: cut out one receipt with its proof."""

from __future__ import annotations

import click

from cli import batches
from cli.files import output_file
from cli.terminal import CliError, output_options, print_json, say
from receipts import inclusion_proof
from verifier import Source, Receipt, Statement, UnverifiedItem
from verifier.format.claims import StreamEntry


@click.command()
@click.argument("batch", nargs=-1, required=True, type=click.Path())
@click.option("--request", required=True, help="The request id of the receipt.")
@click.option("-o", "--out", required=True, metavar="FILE", help="The proof to write; - is stdout.")
@output_options
def prove(
    batch: tuple[str, ...],
    request: str,
    out: str,
    as_json: bool,
    quiet: bool,  # noqa: ARG001  # read by `say`
) -> None:
    """Cut out one receipt, with its Merkle path and the statement that closes it.

    The proof shows to anybody who trusts the issuer's key that the receipt is among those of the statement, and shows no
    other receipt. It is not checked here.

    \b
    receipt prove batch.cbor --request req_42 -o proof.cbor
    receipt verify proof.cbor
    """
    files = batches.files(batch)
    receipt, claims = _find(files, request)
    statement, entry = _statement(files, claims)
    digests = _digests(files, claims, entry)
    proof = inclusion_proof(receipt.raw, claims.sequence - entry.first, digests, statement.raw)
    with output_file(out) as stream:
        stream.write(proof)
    if as_json and out != "-":
        print_json({"proof": out, "stream": claims.stream, "sequence": claims.sequence})
    say(f"wrote {out}; check it: receipt verify {out}")


def _find(files: list[Source], request: str) -> tuple[UnverifiedItem, Receipt]:
    """The receipt of a request."""
    for item in batches.items(files):
        if isinstance(item.claims, Receipt) and item.claims.request == request:
            return item, item.claims
    raise CliError(
        f"no receipt is for request {request!r}", "receipt show prints what the batch holds"
    )


def _statement(files: list[Source], claims: Receipt) -> tuple[UnverifiedItem, StreamEntry]:
    """The statement that closes a receipt, and its entry for the receipt's stream."""
    for item in batches.items(files):
        statement = item.claims
        if not isinstance(statement, Statement):
            continue
        if (statement.issuer, statement.account) != (claims.issuer, claims.account):
            continue
        for entry in statement.streams:
            inside = entry.first <= claims.sequence < entry.first + entry.count
            if entry.stream == claims.stream and inside:
                return item, entry
    hint = "close the period first, or add the file that holds the statement"
    raise CliError(f"no statement closes request {claims.request!r}", hint)


def _digests(files: list[Source], claims: Receipt, entry: StreamEntry) -> list[bytes]:
    """The leaves of the tree: the digests of the stream's receipts, in the order of their sequence."""
    digests: dict[int, bytes] = {}
    for item in batches.items(files):
        other = item.claims
        if isinstance(other, Receipt) and (other.issuer, other.account, other.stream) == (
            claims.issuer, claims.account, claims.stream,
        ):  # fmt: skip
            digests[other.sequence] = batches.digest(item)
    missing = entry.first
    while missing in digests:
        missing += 1
    if missing < entry.first + entry.count:
        raise CliError(
            f"sequence {missing} of stream {claims.stream!r} is not in the batch",
            "the Merkle path needs every receipt of the stream; see receipt verify",
        )
    return [digests[n] for n in range(entry.first, entry.first + entry.count)]
