"""Whatever way a batch takes, the whole report is the same: the fast path and the slow one, one process and two, large reads and small ones."""

import json
import random
from io import BytesIO

import pytest

from tests.build import (
    DECEMBER,
    KEY,
    NOVEMBER,
    SECOND,
    STRANGER,
    Batch,
    Stream,
    jwk_set,
    receipt_claims,
    sign_receipt,
    sign_statement,
    statement_claims,
)  # fmt: skip
from tests.test_vectors import DOCUMENTS, input_of, known, trusted
from verifier import (
    KeyFileError,
    NotABatchError,
    Policy,
    Source,
    as_object,
    by_kid,
    bytes_source,
    read_jwks,
    verify,
)
from verifier.order import fast_path

KEYS = by_kid(read_jwks(json.dumps(jwk_set(KEY)).encode()))


class Slow(fast_path.FastPath):
    """Takes nothing: everything goes the slow way."""

    def tried(self, _span, _at):
        return fast_path.Tried(1, clean=False)


class Dribble(BytesIO):
    """Gives few bytes at a time."""

    def __init__(self, data, most):
        super().__init__(data)
        self.most = most

    def read(self, size=-1):
        return super().read(min(size, self.most))


def whole(report):
    return json.dumps(as_object(report), indent=1), [
        (conflict.code, conflict.one, conflict.two) for conflict in report.conflicts
    ]


def by_all_ways(monkeypatch, data, policy, *, jobs=False, **options):
    """The report, which is the same in every way."""

    def run(source=None, **more):
        return whole(verify([source or bytes_source("b", data)], policy, **options, **more))

    fast = run()
    assert run(Source("b", lambda: Dribble(data, 700))) == fast
    if jobs:
        assert run(jobs=2) == fast
    with monkeypatch.context() as patch:
        patch.setattr("verifier.order.workers.FastPath", Slow)
        assert run() == fast
        assert run(Source("b", lambda: Dribble(data, 150))) == fast
    return json.loads(fast[0])


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=lambda document: document["title"])
def test_vectors(document, monkeypatch):
    for number, vector in enumerate(document["vectors"]):
        options = vector["options"]
        data = input_of(vector)
        if vector["verdict"] is None or len(data) > 1 << 17 or "received" in options:
            continue
        policy = Policy(
            by_kid(trusted(document, vector)), options.get("account"),
            options.get("require_cache_id", False), signatures=options.get("signatures", "every"),
            observers=frozenset(options.get("observers", ())),
        )  # fmt: skip
        period = options.get("period")
        by_all_ways(
            monkeypatch, data, policy, jobs=number % 25 == 0, period=tuple(period) if period else None,
            known=known(options),
        )  # fmt: skip


def changed(numbers, claims):
    """Claims with one thing changed, which may be a fault."""
    field = numbers.choice((5, 6, 7, 8, 9, 10, 11, 15, 2, 3, 4, 1))
    if field == 10:
        claims[10] = {
            1: 3000,
            2: numbers.choice((2000, 2000, 3001)),
            3: numbers.choice((1000, 999)),
        }
    elif field == 7:
        claims[7] += numbers.choice((-1500, -1000, 1500, NOVEMBER[1] - NOVEMBER[0]))
    elif field == 5:
        claims[5] = numbers.randrange(6)
    elif field == 6:
        claims[6] = bytes(32)
    elif field == 8:
        claims[8] = numbers.choice(("gpu-7-0", "gpu-8-1", "x"))
    elif field == 11:
        claims[11] = {1: 5, 2: numbers.choice((4, 6))}
    elif field == 1:
        claims[1] = 2
    elif field == 15:
        claims[15] = {"team": numbers.choice(("", "other"))}
    elif field in (2, 3, 4):
        claims[field] = numbers.choice(("other", "gpu-8", "gpu-9"))
    else:
        claims[9] = "another-model"
    return claims


def month(numbers):
    """A month in which a few claims may be wrong, and its statement, which may be."""
    where = {(numbers.choice("78"), numbers.randrange(6)) for _ in range(numbers.randrange(3))}

    def change(name):
        return lambda n, claims: changed(numbers, claims) if (name, n) in where else claims

    key = SECOND if numbers.random() < 0.05 else KEY
    one = Stream("gpu-7", numbers.randrange(1, 6), change=change("7"), key=key)
    november = Batch(one=one, two=Stream("gpu-8", numbers.randrange(1, 4), change=change("8")))
    claims = november.claims
    if numbers.random() < 0.3:  # receipts that are not listed, around the listed ones
        listed = {"gpu-7": november.ones[1:] or november.ones, "gpu-8": november.twos}
        claims = statement_claims(listed, {"gpu-7": 1 if len(november.ones) > 1 else 0})
    if numbers.random() < 0.15:
        entry, totals = claims[9][0], claims[10]
        place, field, value = numbers.choice((
            (entry, 4, bytes(32)), (entry, 5, bytes(32)), (totals, 1, 5), (claims, 6, claims[6] + 500_000),
            (entry, 3, entry[3] + 1),
        ))  # fmt: skip
        place[field] = value
    return [*november.receipts, sign_statement(claims).data]


def removed(_numbers, items, at):
    del items[at]


def repeated(numbers, items, at):
    items.insert(numbers.randrange(len(items) + 1), items[at])


def moved(numbers, items, at):
    items.insert(numbers.randrange(len(items) + 1), items.pop(at))


def flipped(numbers, items, at):
    item, spot = items[at], numbers.randrange(len(items[at]))
    items[at] = item[:spot] + bytes((item[spot] ^ 1 << numbers.randrange(8),)) + item[spot + 1 :]


def foisted(numbers, items, at):
    sequence = numbers.randrange(6)
    previous = bytes(32) if sequence else None
    items.insert(
        at, sign_receipt(receipt_claims(sequence, previous, request="again", tags=None)).data
    )


def continued(numbers, items, _at):
    number, previous = numbers.choice((0, 1, 2)), numbers.choice((None, bytes(32)))
    over = {"number": number, "previous": previous, "start": DECEMBER[0], "end": DECEMBER[1]}
    items.append(sign_statement(statement_claims({}, **over)).data)


def generated(seed):
    """A batch that is signed with the issuer's key, in which a few things are wrong."""
    numbers = random.Random(seed)
    items = month(numbers)
    for _ in range(numbers.choice((0, 0, 0, 1, 2))):
        act = numbers.choice((removed, repeated, moved, flipped, foisted, continued))
        act(numbers, items, numbers.randrange(len(items)))
    return b"".join(items)


@pytest.mark.parametrize(
    "block", [0, *(pytest.param(block, marks=pytest.mark.slow) for block in (1, 2, 3))]
)
def test_generated_batches(block, monkeypatch):
    verdicts = set()
    for seed in range(100 * block, 100 * (block + 1)):
        data = generated(seed)
        for signatures in ("every", "statement"):
            policy = Policy(KEYS, signatures=signatures)
            try:
                report = by_all_ways(monkeypatch, data, policy, period=NOVEMBER)
            except (NotABatchError, KeyFileError):
                continue
            verdicts.add(report["verdict"])
    assert verdicts == {"verified", "rejected", "incomplete"}


def test_sealed_is_as_strict_but_for_signatures():
    """A batch that is verified by its statement alone is verified with every signature, or one of those is all that is wrong."""
    for seed in range(300):
        data = generated(seed)
        try:
            sealed, every = (
                verify([bytes_source("b", data)], Policy(KEYS, signatures=which), period=NOVEMBER)
                for which in ("statement", "every")
            )
        except NotABatchError:
            continue
        if sealed.verdict == "verified":
            assert set(every.findings.counts) <= {"signature-invalid"}, seed
        else:
            sealed.asked = every.asked  # the one option that differs
            assert whole(sealed) == whole(every), seed


@pytest.mark.parametrize("back", range(1, 9))
def test_a_time_that_goes_back_at_the_edge_of_a_read(monkeypatch, back):
    """By less than a block of receipts takes: what counts is the last one before, not the first."""

    def change(n, claims):
        return claims | {7: claims[7] - (1500 if n == back else 0)}

    batch = Batch(one=Stream("gpu-7", 10, change=change), two=Stream("gpu-8", 1))
    report = by_all_ways(monkeypatch, b"".join(r.data for r in batch.ones), Policy(KEYS))
    assert [f["sequence"] for f in report["findings"] if f["code"] == "time-reversed"] == [back]


def test_totals_of_an_account_are_over_all_its_statements():
    """And over what no statement closes."""
    batch = Batch()
    later = Stream("gpu-7", 2, 3, batch.ones[-1].digest).receipts()
    report = verify([bytes_source("b", batch.data + b"".join(r.data for r in later))], Policy(KEYS))
    (account,) = report.accounts
    count = len(batch.receipts) + len(later)
    assert (account.receipts, account.totals.logical, account.totals.output) == (count, 3000 * count, 500 * count)  # fmt: skip
    assert account.totals.writes == {300: 600 * count}


def test_receipts_by_keys_that_nobody_trusts(monkeypatch):
    """They are taken as they are, whichever of two strangers signed them, beside honest ones."""
    ones = [Stream(f"s{n}", 40, key=key).receipts() for n, key in enumerate((STRANGER, SECOND))]
    mixed = [one.data for pair in zip(*ones, strict=True) for one in pair]
    last = Batch(key=STRANGER, two=Stream("other", 5)).items
    for items in (mixed, [*mixed, *last], [*Batch().items, *mixed[1:]], [one.data for one in ones[1]]):  # fmt: skip
        report = by_all_ways(monkeypatch, b"".join(items), Policy(KEYS), jobs=True)
        assert report["finding_counts"]["key-unknown"] >= 39
