"""What commands need from batches that are there already, without verifying them."""

from __future__ import annotations

from collections.abc import Iterator

from cli.files import inputs
from cli.terminal import CliError
from receipts import Head
from verifier import Source, Receipt, UnreadableError, UnverifiedItem, read_items
from verifier.format.envelope import open_envelope
from verifier import read_item


def files(names: tuple[str, ...]) -> list[Source]:
    """Batch files by name; - is stdin."""
    return inputs(names, lambda _more: None)


def items(batch: list[Source]) -> Iterator[UnverifiedItem]:
    """The items of a batch, all readable.

    Raises:
        CliError: an item cannot be read.
    """
    hint = "see what is wrong with it: receipt verify"
    try:
        for item in read_items(batch):
            if item.fault is not None:
                raise CliError(f"item {item.number}, byte {item.offset}: {item.fault}", hint)
            yield item
    except UnreadableError as fault:
        raise CliError(
            f"{fault.file}, item {fault.number}, byte {fault.offset}: {fault}", hint
        ) from None


def digest(item: UnverifiedItem) -> bytes:
    """The digest of an item."""
    return open_envelope(item.raw).digest


def heads(names: tuple[str, ...], issuer: str, account: str) -> dict[tuple[str, str], Head]:
    """Where the streams of an account stand at the end of batches."""
    found: dict[tuple[str, str], Head] = {}
    for item in items(files(names)):
        claims = item.claims
        if isinstance(claims, Receipt) and (claims.issuer, claims.account) == (issuer, account):
            found[account, claims.stream] = Head(claims.sequence, digest(item), claims.time)
    return found


def receipt_in(raw: bytes) -> Receipt:
    """The receipt that a journal holds."""
    claims = read_item(raw).claims
    if not isinstance(claims, Receipt):
        raise CliError(
            "the journal holds something that is not a receipt", "restore it from a copy"
        )
    return claims
