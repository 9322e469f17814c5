"""The receipts against the customer's own prompts (verification step 14): identifiers, common prefixes, commitments.

A line of a prompts file is ``{"request": ..., "tokens": [...]}`` or ``{"request": ..., "body": {...}}``; optionally ``logical`` (the customer's own count of
tokens), ``nonce`` and ``raw`` (hexadecimal, and the text of the request body: the commitment), ``extra`` (vLLM's extra keys by block). The prompts
stand in the order in which they were sent, and reach back as far as a cache may: what was sent before the first line is not known.
"""

from __future__ import annotations

import json
import sys
from array import array
from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from verifier import cache_id
from verifier.batch import BatchFile
from verifier.cache_id import CacheKey, CacheKeyError, WrongPeriodError, read_cache_key
from verifier.claims import CacheEntry, Receipt
from verifier.findings import Finding
from verifier.jcs import CanonicalError
from verifier.reading import readable_items
from verifier.record import RecordError
from verifier.report import Check
from verifier.words import plural

_WIDTH: Final = 4
"""Bytes of a token id."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the customer sent for a request."""

    request: str
    tokens: list[int] | None
    body: dict[str, Any] | None
    logical: int | None
    commitment: bytes | None
    extra: list[Any]


def read_prompts(path: str) -> Iterator[Prompt]:
    """The prompts in a file, in its order.

    Raises:
        RecordError: a line is not as it should be.
        OSError: the file cannot be read.
    """
    with Path(path).open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                try:
                    yield _prompt(json.loads(line))
                except (ValueError, KeyError, TypeError, RecursionError) as error:
                    reason = f"{error} is missing" if isinstance(error, KeyError) else error
                    raise RecordError(f"{path}, line {number}: {reason}") from None


def _prompt(row: Any) -> Prompt:
    if not isinstance(row, dict) or not isinstance(row["request"], str):
        raise ValueError("a prompt is an object with the request id as a text")
    tokens, body, logical = row.get("tokens"), row.get("body"), row.get("logical")
    if tokens is not None and not (isinstance(tokens, list) and all(map(_is_token, tokens))):
        raise ValueError("tokens is an array of token ids, from 0 to 2^32 - 1")
    if body is not None and not isinstance(body, dict):
        raise ValueError("body is the request body, an object")
    if logical is not None and (type(logical) is not int or logical < 0):
        raise ValueError("logical is a whole number of tokens")
    committed = None
    if row.get("nonce") is not None:
        committed = sha256(bytes.fromhex(row["nonce"]) + row["raw"].encode()).digest()
    return Prompt(row["request"], tokens, body, logical, committed, row.get("extra") or [])


def _is_token(token: object) -> bool:
    return type(token) is int and 0 <= token < 1 << 8 * _WIDTH


def load_key(path: str) -> CacheKey:
    """A cache key from its file.

    Raises:
        RecordError: it is none.
        OSError: it cannot be read.
    """
    try:
        return read_cache_key(Path(path).read_bytes())
    except CacheKeyError as error:
        raise RecordError(f"{path}: {error}") from None


class SentBefore:
    """The prompts so far, by model, sorted; so the one that shares the longest prefix with a new one stands next to it."""

    def __init__(self) -> None:
        self._sorted: dict[str, list[bytes]] = {}

    def longest_prefix(self, model: str, tokens: Sequence[int]) -> int:
        """How many tokens a prompt shares with one that was sent before; then it counts as sent."""
        packed = _packed(tokens)
        known = self._sorted.setdefault(model, [])
        at = bisect(known, packed)
        longest = max(
            (_common(packed, other) for other in known[max(0, at - 1) : at + 1]), default=0
        )
        known.insert(at, packed)
        return longest


def _packed(tokens: Sequence[int]) -> bytes:
    """Token ids as bytes that sort as the ids do."""
    packed = array("I", tokens)
    if sys.byteorder == "little":
        packed.byteswap()
    return packed.tobytes()


def _common(one: bytes, two: bytes) -> int:
    """Equal tokens at the beginning, by halving the distance."""
    low, high = 0, min(len(one), len(two)) // _WIDTH
    while low < high:
        middle = (low + high + 1) // 2
        if one[low * _WIDTH : middle * _WIDTH] == two[low * _WIDTH : middle * _WIDTH]:
            low = middle
        else:
            high = middle - 1
    return low


@dataclass(slots=True)
class _Tally:
    identifiers: int = 0
    recomputed: int = 0
    prefixes: int = 0
    lengths: int = 0
    commitments: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    """Why identifiers were not recomputed."""

    def skip(self, reason: str) -> None:
        self.reasons[reason] = self.reasons.get(reason, 0) + 1


def compare_prompts(
    sources: Sequence[BatchFile], paths: Iterable[str], key: CacheKey | None
) -> tuple[list[Finding], list[Check]]:
    """Hold the receipts against the customer's prompts.

    Raises:
        RecordError: a prompts file cannot be read, or the key is another account's.
        OSError: a file cannot be read.
    """
    receipts = {
        item.claims.request: (item.number, item.claims)
        for item in readable_items(sources)
        if isinstance(item.claims, Receipt)
    }
    for _, claims in receipts.values():
        if key is not None and key.account != claims.account:
            raise RecordError(
                f"the cache key is of account {key.account!r}, the receipts are of {claims.account!r}"
            )
    findings: list[Finding] = []
    tally, before = _Tally(), SentBefore()
    for path in paths:
        for prompt in read_prompts(path):
            if prompt.request in receipts:
                findings += _compare(prompt, *receipts[prompt.request], key, before, tally)
    return findings, _checks(findings, tally)


def _compare(
    prompt: Prompt,
    item: int,
    claims: Receipt,
    key: CacheKey | None,
    before: SentBefore,
    tally: _Tally,
) -> Iterator[Finding]:
    if prompt.tokens is not None:
        longest = before.longest_prefix(claims.model, prompt.tokens)
        tally.prefixes += 1
        if claims.cached is not None and claims.cached > longest:
            message = f"{claims.cached} tokens cached, but nothing sent before shares more than {longest} with this prompt"
            yield _finding(
                "cached-beyond-prefix",
                message,
                item,
                claims,
                "cached",
                f"at most {longest}",
                claims.cached,
            )
    own = (
        prompt.logical
        if prompt.logical is not None or prompt.tokens is None
        else len(prompt.tokens)
    )
    if own is not None:
        tally.lengths += 1
        if own != claims.logical:
            message = f"the customer counted {own} input tokens, the receipt says {claims.logical}"
            yield _finding("count-differs", message, item, claims, "logical", own, claims.logical)
    if prompt.commitment is not None and claims.client is not None:
        tally.commitments += 1
        if prompt.commitment != claims.client:
            message = "the receipt echoes another commitment than that to this prompt"
            yield _finding(
                "commitment-differs",
                message,
                item,
                claims,
                "client",
                prompt.commitment.hex(),
                claims.client.hex(),
            )
    yield from _identifiers(prompt, item, claims, key, tally)


def _identifiers(
    prompt: Prompt, item: int, claims: Receipt, key: CacheKey | None, tally: _Tally
) -> Iterator[Finding]:
    for entry in (claims.cache_read, *claims.cache_writes, *claims.commitments):
        if entry is None:
            continue
        tally.identifiers += 1
        try:
            own = _own(entry, prompt, claims, key)
        except _Skip as reason:
            tally.skip(str(reason))
            continue
        tally.recomputed += 1
        if entry.id not in own:
            message = f"{entry.recipe} {entry.id.hex()} is not the identifier of {entry.prefix} tokens of this prompt"
            expected = own[0].hex() if len(own) == 1 else "one of this prompt's"
            yield _finding(
                "cache-id-mismatch", message, item, claims, "cache", expected, entry.id.hex()
            )


class _Skip(Exception):  # noqa: N818  # no error: the reason why an identifier is not recomputed
    pass


def _own(entry: CacheEntry, prompt: Prompt, claims: Receipt, key: CacheKey | None) -> list[bytes]:
    """The identifiers that this prompt allows for an entry; none if it is shorter than the prefix."""
    if entry.recipe in cache_id.KEYED and key is None:
        raise _Skip("no cache key was given (--cache-key)")
    try:
        secret = key.at(claims.time) if key is not None and entry.recipe in cache_id.KEYED else None
    except WrongPeriodError as error:
        raise _Skip(str(error)) from None
    if entry.recipe == cache_id.TEXT_HMAC and secret is not None:
        if prompt.body is None:
            raise _Skip("the prompt has no body")
        try:
            return cache_id.text_ids(claims.model, prompt.body, secret)
        except CanonicalError as error:
            raise _Skip(f"the body has no canonical form: {error}") from None
    if prompt.tokens is None:
        raise _Skip("the prompt has no token ids")
    if entry.recipe in (cache_id.TOKENS, cache_id.TOKENS_HMAC):
        return list(
            cache_id.token_ids(claims.model, prompt.tokens, [entry.prefix], secret).values()
        )
    parameters = cache_id.vllm_parameters(entry.recipe)
    if parameters is None:
        raise _Skip(f"the recipe {entry.recipe} is not known")
    size, seed = parameters
    if entry.prefix % size:
        return []
    return cache_id.vllm_ids(prompt.tokens[: entry.prefix], size, seed, prompt.extra)[
        entry.prefix // size - 1 :
    ]


def _checks(findings: list[Finding], tally: _Tally) -> list[Check]:
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
        Check(name, checked - failed, of, failed, reason if of else "the prompts do not say")
        for name, checked, of, code, reason in rows
        for failed in [sum(finding.code == code for finding in findings)]
    ]


def _finding(
    code: str,
    message: str,
    item: int,
    claims: Receipt,
    name: str,
    expected: str | int,
    actual: str | int,
) -> Finding:
    return Finding(
        code, message, item=item, issuer=claims.issuer, account=claims.account, stream=claims.stream,
        sequence=claims.sequence, request=claims.request, field=name, expected=expected, actual=actual,
    )  # fmt: skip
