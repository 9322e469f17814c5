"""The customer's own record: the calls that it made, and the receipts that came with the responses (spec/record.md)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from verifier.customer.calls import MARGIN_MS, Call
from verifier.customer.log import LogError
from verifier.customer.own_log import logged_calls
from verifier.customer.wallet import WalletError, is_wallet, wallet_calls, wallet_receipts
from verifier.reading.framing import Batch, UnreadableError
from verifier.reading.recognise import NotABatchError
from verifier.reading.sources import batch_file

RECORD_COLUMNS: Final = frozenset({
    "request", "model", "logical", "cached", "output", "reasoning", "writes", "source", "client", "units", "models", "span", "corrects",
    "charge", "fingerprint",
})  # fmt: skip
"""What the comparison with calls and received receipts needs of the receipts of a batch."""
PROMPT_COLUMNS: Final = frozenset(
    {"request", "model", "logical", "cached", "output", "client", "cache"}
)
"""What the comparison with prompts needs of them."""


class RecordError(ValueError):
    """The customer's record cannot be read: which file and line, and why."""


class WrongKeyError(RecordError):
    """The file of a cache key holds none, or one of another account."""


@dataclass(frozen=True, slots=True)
class Record:
    """The files of the customer's record.

    Attributes:
        requests: the calls, as logs or wallets; the receipts that came with them count as received.
        received: received receipts, as wallets or CBOR sequences.
        prompts: prompts, as JSON lines.
        cache_key: the account's cache key, or that of the month, to recompute identifiers from the prompts.
        margin: how far the clocks of both sides may be apart, in ms.
        aliases: other names of models, each with the one that it stands for.
    """

    requests: tuple[str, ...] = ()
    received: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    cache_key: str | None = None
    margin: int = MARGIN_MS
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> frozenset[str]:
        """What the comparison needs of the receipts."""
        names = RECORD_COLUMNS if self.requests or self.received else frozenset()
        return names | PROMPT_COLUMNS if self.prompts else names


def read_calls(path: str, names: set[str]) -> Iterator[tuple[int, Call]]:
    """The calls in a log or a wallet, with their numbers; ``names`` gets the names of the columns of a log.

    Raises:
        RecordError: a line is not as it should be.
        OSError: the file cannot be read.
    """
    try:
        yield from wallet_calls(path) if is_wallet(path) else enumerate(logged_calls(path, names))
    except (LogError, WalletError) as error:
        raise RecordError(str(error)) from None


def has_calls(path: str) -> bool:
    """Whether a file of received receipts says which call each came with: a wallet does, a CBOR sequence does not.

    Raises:
        OSError: it cannot be read.
    """
    return is_wallet(path)


def read_received(path: str) -> Iterator[tuple[int | None, str, bytes]]:
    """The received receipts in a wallet or a CBOR sequence: the number of its call, where each stands, and its bytes.

    Raises:
        RecordError: the file is neither.
        OSError: it cannot be read.
    """
    try:
        if is_wallet(path):
            yield from wallet_receipts(path)
            return
        for span in Batch([batch_file(path)]).spans():
            for number, _, raw in span.items():
                yield None, f"{Path(path).name}, item {number}", raw
    except UnreadableError as fault:
        raise RecordError(f"{path}, byte {fault.offset}: {fault}") from None
    except (NotABatchError, WalletError) as error:
        raise RecordError(str(error)) from None


def read_tied(path: str) -> Iterator[tuple[int, str, bytes]]:
    """The receipts that came with the calls of a log or a wallet: the number of the call, where each stands, and its bytes.

    Raises:
        RecordError: a line is not as it should be.
        OSError: the file cannot be read.
    """
    try:
        if is_wallet(path):
            yield from wallet_receipts(path)
            return
        for number, call in enumerate(logged_calls(path, set())):
            for raw in call.receipts:
                yield number, f"{call.where}, receipt", raw
    except (LogError, WalletError) as error:
        raise RecordError(str(error)) from None


def received_receipts(
    record: Record, tied: Collection[str]
) -> Iterator[tuple[str, int | None, str, bytes]]:
    """All received receipts, with file and number of the call that each came with; ``tied``: the files of calls that have receipts.

    Raises:
        RecordError: a file is not as it should be.
        OSError: it cannot be read.
    """
    for path in dict.fromkeys(record.requests):
        if path in tied:
            for number, place, raw in read_tied(path):
                yield path, number, place, raw
    for path in dict.fromkeys(record.received):
        if path not in record.requests:
            for call, place, raw in read_received(path):
                yield path, call, place, raw


def check_files(record: Record) -> None:
    """That the files of a record can be read more than once, which a pipe cannot: what it held would silently be gone.

    Raises:
        RecordError: one cannot.
    """
    keys = () if record.cache_key is None else (record.cache_key,)
    for path in map(Path, (*record.requests, *record.received, *record.prompts, *keys)):
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise RecordError(f"{path} is no file; a record is read more than once")
