"""The receipts against the customer's own prompts (verification step 14): identifiers, common prefixes, commitments."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from verifier import cache_id
from verifier.batch import BatchFile
from verifier.cache_id import CacheKey, WrongPeriodError
from verifier.claims import CacheEntry, Receipt
from verifier.findings import Finding
from verifier.prompts import TOKEN_WIDTH, Prompt, read_prompts
from verifier.reading import readable_items
from verifier.record import RecordError
from verifier.report import Check
from verifier.words import plural

CONCURRENT_MS: Final = 600_000
"""A prompt whose receipt is at most so much later may have been sent, and cached, before."""


class SentBefore:
    """Prompts that were sent, sorted; so the one that shares the longest prefix with another stands next to it.

    Whatever was sent counts, under any model: a name may be an alias. What an engine generated may be in its cache too, and
    belongs to the front of the next turn.
    """

    def __init__(self) -> None:
        self._sorted: list[bytes] = []
        self._answers: dict[int, dict[bytes, int]] = {}
        """By the length of a prompt in bytes and by its hash: the tokens that were generated after it."""

    def add(self, tokens: Sequence[int], output: int) -> None:
        """A prompt that was sent, and how many tokens were generated after it."""
        packed = _packed(tokens)
        insort(self._sorted, packed)
        known = self._answers.setdefault(len(packed), {})
        key = sha256(packed).digest()
        known[key] = max(output, known.get(key, 0))

    def longest_prefix(self, tokens: Sequence[int]) -> int:
        """How many tokens a prompt, which was added too, shares with any other, and with what was generated after it."""
        packed = _packed(tokens)
        at = bisect_left(self._sorted, packed)
        others = self._sorted[max(0, at - 1) : at] + self._sorted[at + 1 : at + 2]
        shared = max((_common(packed, other) for other in others), default=0)
        return min(max(shared, self._with_answer(packed)), len(tokens))

    def _with_answer(self, packed: bytes) -> int:
        """The same for prompts that are a front of this one as a whole, with their answers."""
        longest, done, state = 0, 0, sha256()
        for length in sorted(length for length in self._answers if length < len(packed)):
            state.update(packed[done:length])
            done = length
            output = self._answers[length].get(state.copy().digest())
            if output is not None:
                longest = max(longest, length // TOKEN_WIDTH + output)
        return longest


def _packed(tokens: Sequence[int]) -> bytes:
    """Token ids as bytes that sort as the ids do."""
    packed = array("I", tokens)
    if sys.byteorder == "little":
        packed.byteswap()
    return packed.tobytes()


def _common(one: bytes, two: bytes) -> int:
    """Equal tokens at the beginning, by halving the distance."""
    low, high = 0, min(len(one), len(two)) // TOKEN_WIDTH
    while low < high:
        middle = (low + high + 1) // 2
        if (
            one[low * TOKEN_WIDTH : middle * TOKEN_WIDTH]
            == two[low * TOKEN_WIDTH : middle * TOKEN_WIDTH]
        ):
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
    sources: Sequence[BatchFile], paths: Sequence[str], key: CacheKey | None
) -> tuple[list[Finding], list[Check]]:
    """Hold the receipts against the customer's prompts.

    Raises:
        RecordError: a prompts file cannot be read, or the key is another account's.
        OSError: a file cannot be read.
    """
    asked = {prompt.request for path in paths for prompt in read_prompts(path)}
    receipts = {
        item.claims.request: (item.number, item.claims)
        for item in readable_items(sources)
        if isinstance(item.claims, Receipt) and item.claims.request in asked
    }
    for _, claims in receipts.values():
        if key is not None and key.account != claims.account:
            raise RecordError(
                f"the cache key is of account {key.account!r}, the receipts are of {claims.account!r}"
            )
    findings: list[Finding] = []
    tally, before = _Tally(), SentBefore()
    answered: list[tuple[int, Prompt]] = []
    for prompt in (prompt for path in paths for prompt in read_prompts(path)):
        if prompt.request in receipts:
            answered.append((receipts[prompt.request][1].time, prompt))
        elif (
            prompt.tokens is not None
        ):  # of another time, or without an answer: it was sent all the same
            before.add(prompt.tokens, 0)
    answered.sort(key=lambda one: one[0])
    late = answered[::-1]
    for time, prompt in answered:
        while late and late[-1][0] <= time + CONCURRENT_MS:
            sent = late.pop()[1]
            if sent.tokens is not None:
                before.add(sent.tokens, receipts[sent.request][1].output or 0)
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
        longest = before.longest_prefix(prompt.tokens)
        tally.prefixes += 1
        if claims.cached is not None and claims.cached > longest:
            message = f"{claims.cached} tokens cached, but no other prompt shares more than {longest} with this one"
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
        return cache_id.text_ids(claims.model, prompt.body, secret)
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
