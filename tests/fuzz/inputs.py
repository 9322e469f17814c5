"""Targets: whole batches and containers, signed by nobody or by the issuer."""

from __future__ import annotations

import functools
import io
import json
import random
from collections.abc import Callable
from functools import cache
from unittest import mock

import cbor2

from receipts import equivocation
from receipts.proof import inclusion_proof
from tests.build import (
    NOON,
    NOVEMBER,
    STRANGER,
    Batch,
    Stream,
    encode,
    sign_receipt,
    sign_statement,
    statement_claims,
)
from tests.fuzz import truth
from tests.fuzz.decoders import rich
from tests.fuzz.mutation import mutated
from tests.fuzz.target import KEYS, Target, examples, vectors
from tests.vectors.chain import december_of
from verifier import NotABatchError, Policy, Signatures, Source, as_object, bytes_source, verify
from verifier.format.envelope import open_envelope
from verifier.order import fast_path
from verifier.reading.container import PROOF_HEAD, read_container, subject
from verifier.reading.framing import Batch as Reading
from verifier.report.model import Subject


@cache
def honest() -> tuple[tuple[bytes, ...], ...]:
    """Batches that are verified, as their items."""
    november = Batch()
    streams = [Stream(name, 2, over={"time": NOON + n}) for n, name in enumerate("abcdef")]
    return (
        tuple(november.items),
        tuple(november.items + december_of(november).items),
        tuple(rich().items),
        tuple(Batch(one=Stream("x", 1), two=Stream("y", 1)).items),
        *(tuple(Batch(one=one, two=two).items) for one, two in zip(streams[::2], streams[1::2], strict=True)),
    )  # fmt: skip


def batches() -> list[bytes]:
    """Those, and the inputs of the vectors."""
    stranger = Batch(one=Stream("s", 2, key=STRANGER)).data
    return [*map(b"".join, honest()), stranger, *(data for _, data in vectors()), *examples()]


class Slow(fast_path.FastPath):
    """Takes nothing: everything goes the slow way."""

    def tried(self, _span, _at):
        return fast_path.Tried(1, clean=False)


class Dribble(io.BytesIO):
    """Gives few bytes at a time."""

    def read(self, size=-1):
        return super().read(min(size, 211))


def report_of(source: Source, signatures: str) -> dict:
    return as_object(verify([source], Policy(KEYS, signatures=signatures)))


def check_batch(data: bytes) -> str:
    """A verdict, the same in every way; verified is only what consists of batches that the issuer has closed."""
    return _checked(
        data, lambda report, signatures: _is_honest(data, report["subject"], signatures)
    )


def check_signed(data: bytes) -> str:
    """The same, where the issuer signs whatever it likes; verified is only what is true as far as the receipts tell."""
    return _checked(data, lambda *_: truth.holds(data))


def _checked(data: bytes, is_right: Callable[[dict, str], bool]) -> str:
    signatures = list(Signatures)[len(data) % 2]
    try:
        report = report_of(bytes_source("b", data), signatures)
    except NotABatchError:
        return "no batch"
    verdict, found = report["verdict"], report["finding_counts"]
    assert (verdict == "verified") == (not found)
    assert (not report["findings"]) == (not found)
    if verdict == "verified":
        assert is_right(report, signatures), "verified, and it is false"
    with mock.patch("verifier.order.workers.FastPath", Slow):
        slow = report_of(Source("b", lambda: Dribble(data)), signatures)
    assert json.dumps(slow) == json.dumps(report)
    return f"{report['subject']} {verdict} {' '.join(found)}"


def _witness(raw: bytes) -> list[bytes]:
    """The signed objects of what an equivocation consists of."""
    if raw[:1] != PROOF_HEAD:
        return [raw]
    return [raw[begin:end] for begin, end in read_container(raw, Subject.PROOF)[0]]


def _parts(data: bytes) -> list[tuple[bytes, ...]]:
    """What is signed of each item; the unprotected header is not."""
    kind = subject(data[:2])
    if kind is Subject.BATCH:
        raws = [
            raw for span in Reading([bytes_source("b", data)]).spans() for *_, raw in span.items()
        ]
    else:
        raws = [data[begin:end] for begin, end in read_container(data, kind)[0]]
        raws = [one for raw in raws for one in _witness(raw)]
    envelopes = map(open_envelope, raws)
    return [(e.content, e.protected, e.signature) for e in envelopes]


@cache
def _verified() -> tuple[frozenset[tuple[bytes, ...]], ...]:
    """The parts of all inputs of the corpus that are verified: tests of their own hold these to the specification."""
    found = []
    for data in (*batches(), *containers()):
        try:
            if any(
                report_of(bytes_source("b", data), s)["verdict"] == "verified" for s in Signatures
            ):
                found.append(frozenset(_parts(data)))
        except NotABatchError:
            continue
    return tuple(found)


def _is_honest(data: bytes, kind: str, signatures: str) -> bool:
    parts = _parts(data)
    if len(set(parts)) < len(parts):
        return False
    keep = 1 if signatures == Signatures.STATEMENT and kind == "batch" else 3
    have = {part[:keep] for part in parts}  # of a sealed batch, the content is what is signed
    covered: set[tuple[bytes, ...]] = set()
    for one in _verified():
        cut = {part[:keep] for part in one}
        if cut <= have:
            covered |= cut
    return covered == have


def _by_items(seeds: list[bytes], numbers: random.Random) -> bytes:
    """Whole items dropped, repeated, moved, and taken from elsewhere; or bytes mutated."""
    if numbers.random() < 0.5:
        return mutated(seeds, numbers)
    items = list(numbers.choice(honest()))
    for _ in range(numbers.choice((1, 1, 2, 4))):
        at = numbers.randrange(len(items) + 1)
        kind = numbers.randrange(4)
        if kind == 0 and at < len(items):
            del items[at]
        elif kind == 1:
            items.insert(at, numbers.choice(numbers.choice(honest())))
        elif kind == 2:
            items[at:at] = numbers.choice(honest())
        elif kind == 3 and items:
            one = items.pop(numbers.randrange(len(items)))
            items.insert(at, one)
    data = b"".join(items)
    return mutated([data], numbers) if numbers.random() < 0.3 and data else data


def _signed_again(_seeds: list[bytes], numbers: random.Random) -> bytes:
    """A batch in which the issuer has signed something that it should not: an item whose claims, or whose bytes, were changed."""
    items = list(numbers.choice(honest()))
    for _ in range(numbers.choice((1, 1, 1, 2, 3))):
        at = numbers.randrange(len(items))
        content = open_envelope(items[at]).content
        is_statement = items[at][-68 - 130 :].find(b"token-statement") >= 0
        sign = sign_statement if is_statement else sign_receipt
        if numbers.random() < 0.6:
            try:
                value = cbor2.loads(content)
                _change(value, numbers)
                content = cbor2.dumps(value, canonical=True)
            except (cbor2.CBORError, ValueError, TypeError, AttributeError, OverflowError):
                continue
        else:
            content = mutated([content], numbers)
        items[at] = sign(content).data
    return b"".join(items)


def _closed(_seeds: list[bytes], numbers: random.Random) -> bytes:
    """Periods, closed one after the other by an issuer that is mostly honest."""
    items: list[bytes] = []
    heads: dict[str, tuple[int, bytes | None]] = {}
    previous, start = None, NOVEMBER[0]
    for number in range(numbers.choice((1, 1, 2, 3))):
        end = start + 3_600_000
        streams, firsts = {}, {}
        for name in sorted(numbers.sample(("a", "b", "gpu-7"), numbers.randrange(1, 4))):
            firsts[name], before = heads.get(name, (0, None))
            over = {"time": start + numbers.randrange(3_000_000)}
            change = functools.partial(_lie, numbers, start)
            stream = Stream(name, numbers.randrange(1, 5), firsts[name], before, change, over)
            streams[name] = stream.receipts()
            heads[name] = firsts[name] + stream.count, streams[name][-1].digest
        over = {"number": number, "previous": previous, "start": start, "end": end}
        claims = statement_claims(streams, firsts, **over)
        if numbers.random() < 0.3:
            _change(claims if numbers.random() < 0.3 else claims[numbers.choice((9, 10))], numbers)
        statement = sign_statement(encode(claims))
        receipts = [signed.data for many in streams.values() for signed in many]
        if numbers.random() < 0.1:
            numbers.shuffle(receipts)
        if numbers.random() < 0.1:
            del receipts[numbers.randrange(len(receipts))]
        if numbers.random() < 0.1:
            receipts.insert(numbers.randrange(len(receipts) + 1), numbers.choice(receipts or [b""]))
        items += [*receipts, statement.data]
        previous, start = statement.digest, end
    return b"".join(items)


def _lie(numbers: random.Random, start: int, sequence: int, claims: dict) -> dict:
    """Now and then, claims that are not what they should be."""
    if numbers.random() < 0.95:
        return claims
    lies = (
        {5: sequence + 1}, {6: bytes(32)}, {7: start - 1}, {7: start + 3_600_000}, {8: "again"}, {3: "other"}, {4: "c"},
        {10: {1: 3000, 2: 2000, 3: 999}}, {10: {1: 3000}}, {11: {1: 5, 2: 6}}, {11: {1: 0}}, {15: {"x": ""}}, {2: "https://other.example"},
    )  # fmt: skip
    return claims | numbers.choice(lies)


def _change(value: object, numbers: random.Random) -> None:
    """One value, somewhere in claims."""
    while True:
        places = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not places:
            return
        at = numbers.choice(places)
        inner = value[at]
        if isinstance(inner, list | dict) and inner and numbers.random() < 0.8:
            value = inner
            continue
        kind = numbers.randrange(4)
        if kind == 0:
            del value[at]
        elif kind == 1 and isinstance(value, dict):
            value[numbers.choice((0, 2, 17, 2**64 - 1))] = inner
        elif isinstance(inner, int):
            value[at] = max(0, inner + numbers.choice((-1, 1, -1000, 1000, 2**63, -inner, 2_592_000_000)))  # fmt: skip
        elif isinstance(inner, bytes):
            value[at] = numbers.choice((bytes(32), inner[::-1], inner + b"x", b""))
        else:
            value[at] = numbers.choice(("", "x" * 512, "x" * 513, 0, "gpu-8", "gpu-7-0", [], {}))
        return


@cache
def containers() -> tuple[bytes, ...]:
    """Proofs and equivocations that are verified."""
    one = Batch()
    two = Batch(one=Stream(over={"input": {1: 3000, 2: 1000, 3: 2000}}))
    digests = [receipt.digest for receipt in one.ones]
    return (
        *(inclusion_proof(one.ones[n].data, n, digests, one.statement.data) for n in range(3)),
        *(equivocation(one.ones[n].data, two.ones[n].data) for n in range(3)),
        equivocation(one.statement.data, two.statement.data),
    )


def _contained() -> list[bytes]:
    return [*containers(), *(data for _, data in vectors() if data[:1] == b"\x83" or data[:2] == b"\x82\x82")]  # fmt: skip


TARGETS = (
    Target("batch", batches, check_batch, _by_items, 5),
    Target(
        "signed", lambda: [b"".join(items) for items in honest()], check_signed, _signed_again, 5
    ),
    Target("closed", lambda: [Batch().data], check_signed, _closed, 5),
    Target("container", _contained, check_batch, share=2),
)
