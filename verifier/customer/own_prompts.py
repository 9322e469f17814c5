"""The receipts against the customer's own prompts (verification step 14): identifiers, common prefixes, commitments.

The join is made in a temporary SQLite database on the disk, so that it takes little memory whatever the number of prompts.
"""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from verifier.customer import cache_id
from verifier.customer.cache_id import CacheKey, WrongPeriodError
from verifier.customer.prompts import Prompt, load_key, read_prompts
from verifier.customer.record import Record, WrongKeyError
from verifier.customer.sent_before import MOST_OUTPUT, SentBefore
from verifier.format.claims import CacheEntry
from verifier.order.index import RowBlock
from verifier.order.temporary import errors_of_the_disk
from verifier.report.findings import Finding, Findings, plural
from verifier.report.model import Check

CONCURRENT_MS: Final = 600_000
"""A prompt whose receipt is at most so much later may have been sent, and cached, before."""
_SCHEMA: Final = """
CREATE TABLE prompts (number INTEGER PRIMARY KEY, request TEXT, prompt BLOB);
CREATE TABLE receipts (request TEXT, time INTEGER, item INTEGER, output INTEGER, row BLOB);
"""


class _Row(NamedTuple):
    """What the comparison needs of a receipt. ``cache``: read, writes, commitments."""

    issuer: str
    account: str
    stream: str
    sequence: int
    request: str
    time: int
    item: int
    model: str
    logical: int
    cached: int | None
    output: int | None
    client: bytes | None
    cache: tuple[CacheEntry | None, tuple[CacheEntry, ...], tuple[CacheEntry, ...]] | None

    @property
    def entries(self) -> list[CacheEntry]:
        """All cache entries."""
        read, writes, commitments = self.cache or (None, (), ())
        return [entry for entry in (read, *writes, *commitments) if entry is not None]

    def finding(self, code: str, message: str, field: str, expected: Any, actual: Any) -> Finding:
        return Finding(
            code, message, item=self.item, issuer=self.issuer, account=self.account, stream=self.stream,
            sequence=self.sequence, request=self.request, field=field, expected=str(expected), actual=str(actual),
        )  # fmt: skip


@dataclass(slots=True)
class _Tally:
    identifiers: int = 0
    recomputed: int = 0
    prefixes: int = 0
    lengths: int = 0
    commitments: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    """Why identifiers were not recomputed."""
    failed: dict[str, int] = field(default_factory=dict)
    """Findings by code."""

    def skip(self, reason: str) -> None:
        self.reasons[reason] = self.reasons.get(reason, 0) + 1


@errors_of_the_disk()
def compare_prompts(blocks: Iterable[RowBlock], record: Record, findings: Findings) -> list[Check]:
    """Hold the receipts against the customer's prompts.

    Args:
        blocks: the collected receipts, with `record.PROMPT_COLUMNS`.
        record: names the files of the prompts and of the cache key.
        findings: where what is found goes.

    Raises:
        RecordError: a prompts file cannot be read.
        WrongKeyError: the key is none, or another account's.
        OSError: a file cannot be read, or there is no room for a temporary file.
    """
    key = load_key(record.cache_key) if record.cache_key is not None else None
    tally, before = _Tally(), SentBefore()
    with closing(sqlite3.connect("", isolation_level=None)) as db, closing(before):
        db.executescript(_SCHEMA)
        db.execute("BEGIN")
        db.executemany("INSERT INTO prompts VALUES (NULL, ?, ?)", _prompt_rows(record.prompts))
        db.executemany("INSERT INTO receipts VALUES (?, ?, ?, ?, ?)", _receipt_rows(blocks, key))
        db.execute("CREATE INDEX by_request ON receipts (request)")
        for prompt in _unanswered(
            db
        ):  # of another time, or without an answer: it was sent all the same
            if prompt.tokens is not None:
                before.add(prompt.tokens, 0)
        late = _sent(db)
        sent = next(late, None)
        for prompt, row in _answered(db):
            while sent is not None and sent[0] <= row.time + CONCURRENT_MS:
                if sent[1].tokens is not None:
                    before.add(sent[1].tokens, sent[2])
                sent = next(late, None)
            for finding in _compare(prompt, row, key, before, tally):
                findings.add(finding)
                tally.failed[finding.code] = tally.failed.get(finding.code, 0) + 1
    return _checks(tally)


def _prompt_rows(paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        for prompt in read_prompts(path):
            yield prompt.request, pickle.dumps(prompt, pickle.HIGHEST_PROTOCOL)


def _receipt_rows(
    blocks: Iterable[RowBlock], key: CacheKey | None
) -> Iterator[tuple[str, int, int, int, bytes]]:
    names = ("model", "logical", "cached", "output", "client")
    for block in blocks:
        if key is not None and key.account != block.account:
            raise WrongKeyError(
                f"the cache key is of account {key.account!r}, the receipts are of {block.account!r}"
            )
        columns = block.columns
        rows = zip(
            range(block.first, block.next), columns["request"], block.times, block.items,
            *(columns[name] for name in names), columns["cache"], strict=True,
        )  # fmt: skip
        for values in rows:
            row = _Row(block.issuer, block.account, block.stream, *values)
            packed = pickle.dumps(tuple(row), pickle.HIGHEST_PROTOCOL)
            yield row.request, row.time, row.item, min(row.output or 0, MOST_OUTPUT), packed


def _unanswered(db: sqlite3.Connection) -> Iterator[Prompt]:
    """Prompts with token ids, for which no receipt is here."""
    for (prompt,) in db.execute(
        "SELECT prompt FROM prompts WHERE request NOT IN (SELECT request FROM receipts) ORDER BY number"
    ):
        yield pickle.loads(prompt)  # noqa: S301  # our own database


def _sent(db: sqlite3.Connection) -> Iterator[tuple[int, Prompt, int]]:
    """The times of receipts, their prompts, and the tokens that were generated after these, in the order of the times."""
    for time, prompt, output in db.execute(
        "SELECT time, prompt, output FROM receipts JOIN prompts USING (request) ORDER BY time"
    ):
        yield time, pickle.loads(prompt), output  # noqa: S301  # our own database


def _answered(db: sqlite3.Connection) -> Iterator[tuple[Prompt, _Row]]:
    """Prompts with their receipts, in the order of the receipts' times."""
    for prompt, row in db.execute(
        "SELECT prompt, row FROM receipts JOIN prompts USING (request) ORDER BY time, item, number"
    ):
        yield pickle.loads(prompt), _Row(*pickle.loads(row))  # noqa: S301  # our own database


def _compare(
    prompt: Prompt, row: _Row, key: CacheKey | None, before: SentBefore, tally: _Tally
) -> Iterator[Finding]:
    if prompt.tokens is not None:
        tally.prefixes += 1
        longest = before.longest_prefix(prompt.tokens)
        if row.cached is not None and row.cached > longest:
            message = f"{row.cached} tokens cached, but no other prompt shares more than {longest} with this one"
            yield row.finding(
                "cached-beyond-prefix", message, "cached", f"at most {longest}", row.cached
            )
    own = prompt.logical
    if own is None and prompt.tokens is not None:
        own = len(prompt.tokens)
    if own is not None:
        tally.lengths += 1
        if own != row.logical:
            message = f"the customer counted {own} input tokens, the receipt says {row.logical}"
            yield row.finding("count-differs", message, "logical", own, row.logical)
    if prompt.commitment is not None and row.client is not None:
        tally.commitments += 1
        if prompt.commitment != row.client:
            message = "the receipt echoes another commitment than that to this prompt"
            expected, actual = prompt.commitment.hex(), row.client.hex()
            yield row.finding("commitment-differs", message, "client", expected, actual)
    yield from _identifiers(prompt, row, key, tally)


def _identifiers(
    prompt: Prompt, row: _Row, key: CacheKey | None, tally: _Tally
) -> Iterator[Finding]:
    """R-14.19."""
    for entry in row.entries:
        tally.identifiers += 1
        try:
            own = _own(entry, prompt, row, key)
        except _Skip as reason:
            tally.skip(str(reason))
            continue
        tally.recomputed += 1
        if entry.id not in own:
            message = f"{entry.recipe} {entry.id.hex()} is not the identifier of {entry.prefix} tokens of this prompt"
            expected = own[0].hex() if len(own) == 1 else "one of this prompt's"
            yield row.finding("cache-id-mismatch", message, "cache", expected, entry.id.hex())


class _Skip(Exception):  # noqa: N818  # no error: the reason why an identifier is not recomputed
    pass


def _own(entry: CacheEntry, prompt: Prompt, row: _Row, key: CacheKey | None) -> list[bytes]:
    """The identifiers that this prompt allows for an entry; none if it is shorter than the prefix."""
    if entry.recipe in cache_id.KEYED and key is None:
        raise _Skip("no cache key was given (--cache-key)")
    try:
        secret = key.at(row.time) if key is not None and entry.recipe in cache_id.KEYED else None
    except WrongPeriodError as error:
        raise _Skip(str(error)) from None
    if entry.recipe == cache_id.TEXT_HMAC and secret is not None:
        if prompt.body is None:
            raise _Skip("the prompt has no body")
        return cache_id.text_ids(row.model, prompt.body, secret)
    if prompt.tokens is None:
        raise _Skip("the prompt has no token ids")
    if entry.recipe in (cache_id.TOKENS, cache_id.TOKENS_HMAC):
        return list(cache_id.token_ids(row.model, prompt.tokens, [entry.prefix], secret).values())
    parameters = cache_id.vllm_parameters(entry.recipe)
    if parameters is None:
        raise _Skip(f"the recipe {entry.recipe} is not known")
    size, seed = parameters
    if entry.prefix % size:
        return []
    return cache_id.vllm_ids(prompt.tokens[: entry.prefix], size, seed, prompt.extra)[
        entry.prefix // size - 1 :
    ]


def _checks(tally: _Tally) -> list[Check]:
    reason = "; ".join(
        f"{plural(count, 'identifier')}: {why}" for why, count in sorted(tally.reasons.items())
    )
    rows = (
        (
            "identifiers of own prompts",
            tally.recomputed,
            tally.identifiers,
            "cache-id-mismatch",
            reason or None,
        ),
        (
            "cached within what was sent",
            tally.prefixes,
            tally.prefixes,
            "cached-beyond-prefix",
            None,
        ),
        ("own count of input tokens", tally.lengths, tally.lengths, "count-differs", None),
        (
            "commitments to prompts",
            tally.commitments,
            tally.commitments,
            "commitment-differs",
            None,
        ),
    )
    return [
        Check(
            name,
            checked - failed,
            of,
            failed,
            reason if of else "the prompts, or the receipts, state none",
        )
        for name, checked, of, code, reason in rows
        for failed in [tally.failed.get(code, 0)]
    ]
