"""The receipts of a period in the order of their times, with what each says about prefixes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from verifier import CacheEntry, Charge, Prompt, RowBlock, VerifiedRows

COLUMNS: Final = (
    "request", "model", "logical", "cached", "writes", "tags", "source", "charge", "cache", "span",
)  # fmt: skip
"""What the replay needs of the receipts."""
Key = tuple[str, str, bytes]
"""Account, recipe and identifier (or, of the customer's own prompts, model and hash): what stands for a prefix."""


@dataclass(slots=True)
class Request:
    """One receipt, as the replay needs it. Counts in tokens, time in ms; None is unknown."""

    item: int
    request: str
    account: str
    time: int
    model: str
    provider: str
    logical: int
    cached: int | None
    writes: Mapping[int, int]
    tags: Mapping[str, str]
    miss: str | None
    """The provider's own reason for a miss."""
    saving: int | None
    """Picounits that a cached token is cheaper than a plain one, where the charge says so."""
    prefixes: dict[int, Key] = field(default_factory=dict)
    """By length."""
    read: Key | None = None
    written: list[Key] = field(default_factory=list)
    prompt: Prompt | None = None

    @property
    def workload(self) -> tuple[str, str, tuple[tuple[str, str], ...]]:
        """Account, model and tags: requests that are likely built alike."""
        return self.account, self.model, tuple(sorted(self.tags.items()))

    @property
    def ttl_s(self) -> int | None:
        """The lifetime of what was written, if one is stated; the shortest of several."""
        return min((ttl for ttl, tokens in self.writes.items() if ttl and tokens), default=None)


def in_time_order(rows: VerifiedRows, prompts: Mapping[str, Prompt]) -> Iterator[Request]:
    """The requests of a verified batch, by their times: the last word on each, and nothing that is billed by time.

    Args:
        rows: with `COLUMNS`.
        prompts: the customer's own prompts, by request id; may be empty.

    Raises:
        NotVerifiedError: the batch is rejected.
        OSError: the rows cannot be read.
    """
    for block, at in rows.by_time(incomplete=True):
        if block.columns["span"][at] is not None:
            continue
        request = _request(block, at)
        request.prompt = prompts.get(request.request)
        yield request


def _request(block: RowBlock, at: int) -> Request:
    columns = block.columns
    source, cache = columns["source"][at], columns["cache"][at]
    account = f"{block.issuer} {block.account}"
    request = Request(
        block.items[at], columns["request"][at], account, block.times[at], columns["model"][at],
        source.provider if source else "", columns["logical"][at], columns["cached"][at],
        columns["writes"][at] or {}, columns["tags"][at] or {}, source.miss if source else None,
        _saving(columns["charge"][at]),
    )  # fmt: skip
    if cache is not None:
        _add_prefixes(request, *cache)
    return request


def _add_prefixes(
    request: Request,
    read: CacheEntry | None,
    writes: Sequence[CacheEntry],
    commitments: Sequence[CacheEntry],
) -> None:
    """What a receipt says about prefixes."""
    account = request.account
    for entry in commitments:
        request.prefixes[entry.prefix] = _key(account, entry)
    for entry in writes:
        request.written.append(_key(account, entry))
        request.prefixes[entry.prefix] = request.written[-1]
    if read is not None:
        request.read = _key(account, read)
        request.prefixes[read.prefix] = request.read
    if len(request.prefixes) > 1:
        request.prefixes = dict(sorted(request.prefixes.items()))


def _key(account: str, entry: CacheEntry) -> Key:
    return account, entry.recipe, entry.id


def _saving(charge: Charge | None) -> int | None:
    """What a cached token saves, by the rates of the charge, where plain input and reads have one rate each, in whole picounits."""
    plain, read = (_rates(charge, kind) for kind in (0, 1))
    return plain[0] - read[0] if len(plain) == len(read) == 1 else None


def _rates(charge: Charge | None, kind: int) -> list[int]:
    """The different rates of a class, for tokens that are not priced apart."""
    lines = [] if charge is None else charge.lines
    return list(
        {line.rate: 0 for line in lines if line.kind == kind and not line.unit and line.per == 1}
    )


def own_prefixes(request: Request, lengths: Sequence[int]) -> None:
    """Add prefixes of these lengths (ascending) by the customer's own token ids, where the receipt states none."""
    if request.prompt is None or request.prompt.tokens is None:
        return
    tokens, done = request.prompt.tokens, 0
    state = sha256()
    for length in lengths:
        if length > len(tokens):
            break
        state.update(b"".join([token.to_bytes(4) for token in tokens[done:length]]))
        request.prefixes.setdefault(length, (request.account, request.model, state.copy().digest()))
        done = length
    request.prefixes = dict(sorted(request.prefixes.items()))
