"""The receipts of a period in the order of their times, with what each says about prefixes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256

from verifier import Source, Receipt, read_items
from verifier.format.claims import CacheEntry
from verifier.format.envelope import open_envelope
from verifier.customer.prompts import Prompt
from verifier.format.fast_decoder import FastDecoder
from verifier import read_item

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


def in_time_order(sources: Sequence[Source], prompts: Mapping[str, Prompt]) -> Iterator[Request]:
    """All receipts, sorted on the disk, so that memory does not grow with their number.

    Raises:
        UnreadableError, OSError: the batch cannot be read, or there is no room for the temporary file.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as db:
        db.execute("CREATE TABLE receipts (time INTEGER, item INTEGER, raw BLOB, PRIMARY KEY (time, item)) WITHOUT ROWID")  # fmt: skip
        db.execute("BEGIN")
        db.executemany(
            "INSERT INTO receipts VALUES (?, ?, ?)",
            (
                (i.claims.time, i.number, i.raw)
                for i in read_items(sources)
                if isinstance(i.claims, Receipt)
            ),
        )
        reader = FastDecoder()
        for item, raw in db.execute("SELECT item, raw FROM receipts ORDER BY time, item"):
            claims = (
                reader.receipt(open_envelope(raw).content or b"") or read_item(item, 0, raw).claims
            )
            if isinstance(claims, Receipt):
                yield _request(item, claims, prompts.get(claims.request))


def _request(item: int, claims: Receipt, prompt: Prompt | None) -> Request:
    account = f"{claims.issuer} {claims.account}"
    request = Request(
        item, claims.request, account, claims.time, claims.model,
        claims.source.provider if claims.source else "", claims.logical, claims.cached, claims.writes or {},
        claims.tags or {}, claims.source.miss if claims.source else None, _saving(claims), prompt=prompt,
    )  # fmt: skip
    for entry in claims.commitments:
        request.prefixes[entry.prefix] = _key(account, entry)
    for entry in claims.cache_writes:
        request.written.append(_key(account, entry))
        request.prefixes[entry.prefix] = request.written[-1]
    if claims.cache_read is not None:
        request.read = _key(account, claims.cache_read)
        request.prefixes[claims.cache_read.prefix] = request.read
    request.prefixes = dict(sorted(request.prefixes.items()))
    return request


def _key(account: str, entry: CacheEntry) -> Key:
    return account, entry.recipe, entry.id


def _saving(claims: Receipt) -> int | None:
    """What a cached token saves, by the rates of the charge: plain input is class 0, a read class 1."""
    rates = {line.kind: line.rate for line in claims.charge.lines} if claims.charge else {}
    return rates[0] - rates[1] if 0 in rates and 1 in rates else None


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
