"""Issuing: what is refused, what is signed, and that what is signed verifies."""

import json
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receipts import (
    LATE,
    Billed,
    Cache,
    CacheEntry,
    Charge,
    ChargeLine,
    Counts,
    Head,
    Issuer,
    KeyFileError,
    PassphraseError,
    Period,
    Previous,
    ReceiptError,
    SigningKey,
    Source,
)
from tests.build import ACCOUNT, DECEMBER, ISSUER, KEY, NOON, NOVEMBER, encode, jwk_set
from tests.strategies import NAMES, SHORT_BYTES, TOKENS
from verifier import Policy, Receipt, by_kid, bytes_source, read_items, read_jwks, verify

KEYS = by_kid(read_jwks(json.dumps(jwk_set(KEY)).encode()))
COUNTS = Counts(3000, 2000, {300: 600}, 500, 120)
CARD = sha256(b"card").digest()
LINES = [
    ChargeLine(0, 400, 3),
    ChargeLine(1, 2000, 1),
    ChargeLine(2, 600, 4, ttl=300),
    ChargeLine(3, 500, 15),
]


def issuer(**kwargs):
    return Issuer(ISSUER, KEY, stream="s", **kwargs)


def issue(on=None, account=ACCOUNT, **over):
    arguments = {"request": "r", "model": "m", "time": NOON, "counts": COUNTS} | over
    return (on or issuer()).issue(account, **arguments)


def report_of(data):
    return verify([bytes_source("b", data)], Policy(KEYS))


def read(signed):
    (item,) = read_items([bytes_source("b", signed.data)])
    assert isinstance(item.claims, Receipt)
    return item.claims


def test_a_receipt_with_every_field():
    entry = CacheEntry("tokens-sha256", CARD, 2000)
    receipt = issue(
        source=Source("anthropic", "messages", CARD, "standard", "tools_changed"),
        cache=Cache(entry, [CacheEntry("r", b"x", 2600)], [entry]),
        charge=Charge("USD", CARD, LINES), tags={"team": "search", "a": ""}, client=b"nonce",
    )  # fmt: skip
    claims = read(receipt)
    assert (claims.logical, claims.cached, claims.attributed, claims.writes) == (
        3000,
        2000,
        1000,
        {300: 600},
    )
    assert claims.charge.amount == 400 * 3 + 2000 + 600 * 4 + 500 * 15
    assert (claims.cache_read.id, claims.client, claims.tags) == (
        CARD,
        b"nonce",
        {"a": "", "team": "search"},
    )
    assert report_of(receipt.data).findings.counts == {"statement-missing": 1}


def test_the_plain_encoding_is_the_deterministic_one():
    tags = {"bb": "1", "a": "2", "aa": "3", "é": "4", "z": "5"}
    content = cbor2.loads(issue(tags=tags, client=b"x").data)[0]
    assert content == encode(cbor2.loads(content))


REFUSED = {
    "cached": ({"counts": Counts(10, 11)}, "input.cached", "at most logical, 10", "11"),
    "negative": ({"counts": Counts(-1, 0)}, "input.logical", "an integer from 0 to 18446744073709551615", "-1"),
    "bool": ({"counts": Counts(True, 0)}, "input.logical", "an integer from 0 to 18446744073709551615", "True"),
    "float": ({"counts": Counts(10, 5.0)}, "input.cached", "an integer from 0 to 18446744073709551615", "5.0"),
    "2^64": ({"counts": Counts(2**64, 0)}, "input.logical", "an integer from 0 to 18446744073709551615", str(2**64)),
    "writes": ({"counts": Counts(10, 5, {300: 6})}, "input.writes", "at most the computed tokens, 5", "6"),
    "no writes": ({"counts": Counts(10, 5, {})}, "input.writes", "1 to 16 entries", "0"),
    "reasoning": ({"counts": Counts(10, 5, None, 3, 4)}, "output.reasoning", "at most 3", "4"),
    "reasoning alone": ({"counts": Counts(10, 5, None, None, 4)}, "output.reasoning", "nothing without output tokens", "4"),
    "read": ({"cache": Cache(CacheEntry("r", b"x", 1999))}, "cache.read.prefix", "the cached tokens, 2000", "1999"),
    "read nothing": ({"counts": Counts(10, 0), "cache": Cache(CacheEntry("r", b"x", 1))}, "cache.read.prefix", "no read", "1"),
    "empty cache": ({"cache": Cache()}, "cache", "at least one entry", "none"),
    "long prefix": ({"cache": Cache(commitments=[CacheEntry("r", b"x", 3001)])}, "cache.commitments.0.prefix", "an integer from 1 to 3000", "3001"),
    "long id": ({"cache": Cache(commitments=[CacheEntry("r", bytes(65), 1)])}, "cache.commitments.0.id", "1 to 64 bytes", "65 bytes"),
    "name": ({"model": ""}, "model", "text of 1 to 512 bytes", "0 bytes"),
    "long name": ({"request": "é" * 257}, "request", "text of 1 to 512 bytes", "514 bytes"),
    "surrogate": ({"request": "\ud800"}, "request", "text without lone surrogates", "'\\ud800'"),
    "bytes": ({"request": b"r"}, "request", "text", "b'r'"),
    "time": ({"time": 253402300800000}, "time", "an integer from 0 to 253402300799999", "253402300800000"),
    "client": ({"client": bytes(65)}, "client", "1 to 64 bytes", "65 bytes"),
    "usage": ({"source": Source("p", "a", bytes(31))}, "source.usage", "32 to 32 bytes", "31 bytes"),
    "terms": ({"source": Source("p", "a", terms={"\ud800": "x"})}, "source.terms key", "text without lone surrogates", "'\\ud800'"),
    "tags": ({"tags": {"": "x"}}, "tags key", "text of 1 to 512 bytes", "0 bytes"),
    "currency": ({"charge": Charge("usd", CARD, LINES)}, "charge.currency", "three capital letters", "'usd'"),
    "ttl": ({"charge": Charge("USD", CARD, [ChargeLine(2, 600, 4)])}, "charge.lines.0.ttl", "a TTL for cache writes, and only for them", "None"),
    "uncharged": ({"charge": Charge("USD", CARD, LINES[:3])}, "charge.lines (class 3)", "500 tokens", "0"),
    "overcharged": ({"charge": Charge("USD", CARD, [ChargeLine(0, 401, 3), *LINES[1:]])}, "charge.lines (class 0)", "400 tokens", "401"),
    "other ttl": ({"charge": Charge("USD", CARD, [*LINES, ChargeLine(2, 1, 4, ttl=3600)])}, "charge.lines (class 2, TTL 3600 s)", "0 tokens", "1"),
    "unknown cached": ({"counts": Counts(10), "charge": Charge("USD", CARD, LINES)}, "input.cached", "a number, since there is a charge", "nothing"),
    "no lines": ({"charge": Charge("USD", CARD, [])}, "charge.lines", "1 to 64 lines", "0"),
    "too large": ({"tags": {f"{n:02}" * 200: "x" * 512 for n in range(64)}, "cache": Cache(commitments=[CacheEntry("r" * 512, b"x", 1)] * 64)}, "receipt", "at most 65536 bytes of claims", None),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_and_no_sequence_used_up(name):
    over, field, expected, actual = REFUSED[name]
    on = issuer()
    with pytest.raises(ReceiptError) as error:
        issue(on, **over)
    assert (error.value.field, error.value.expected) == (field, expected)
    assert actual is None or error.value.actual == actual
    assert issue(on).sequence == 0


def test_time_must_not_go_back():
    on = issuer()
    issue(on, time=NOON)
    with pytest.raises(
        ReceiptError, match=f"time: expected at least that of sequence 0, {NOON}, found {NOON - 1}"
    ):
        issue(on, time=NOON - 1)
    assert issue(on, time=NOON).sequence == 1


def test_each_issuer_has_a_stream_of_its_own():
    one, two = Issuer(ISSUER, KEY), Issuer(ISSUER, KEY)
    assert issue(one).stream != issue(two).stream


def test_streams_are_continued():
    first = issue(issuer())
    on = issuer(heads={(ACCOUNT, "s"): Head(first.sequence, first.digest, first.time)})
    second = issue(on, request="r2")
    assert (second.sequence, read(second).previous) == (1, first.digest)


def test_many_threads_make_one_chain():
    on = issuer()
    with ThreadPoolExecutor(16) as pool:
        issued = list(pool.map(lambda n: issue(on, request=f"r{n}"), range(500)))
    issued.sort(key=lambda one: one.sequence)
    assert [one.sequence for one in issued] == list(range(500))
    period = Period(ISSUER, ACCOUNT, *NOVEMBER)
    for one in issued:
        period.add(one.stream, one.sequence, one.digest, one.time, Billed(COUNTS))
    data = b"".join(one.data for one in issued) + period.sign(KEY).data
    assert report_of(data).verdict == "verified"


@st.composite
def requests(draw):
    cached, attributed = draw(TOKENS), draw(TOKENS)
    output = draw(st.none() | TOKENS)
    reasoning = None if output is None else draw(st.none() | st.integers(0, output))
    writes = draw(st.none() | st.just({300: draw(st.integers(0, attributed))}))
    charge = draw(st.booleans())
    counts = Counts(cached + attributed, cached, writes, output, reasoning)
    lines = [
        ChargeLine(0, attributed - sum((writes or {}).values()), draw(st.integers(0, 1000))),
        ChargeLine(1, cached, 7), ChargeLine(3, output or 0, 9),
        *(ChargeLine(2, tokens, 5, ttl) for ttl, tokens in (writes or {}).items()),
    ]  # fmt: skip
    return {
        "counts": counts, "model": draw(NAMES), "client": draw(st.none() | SHORT_BYTES),
        "tags": draw(st.none() | st.dictionaries(NAMES, NAMES, min_size=1, max_size=3)),
        "stream": draw(st.sampled_from(["s", "t", "a longer stream"])),
        "charge": Charge(draw(st.sampled_from(["USD", "EUR"])), CARD, lines) if charge else None,
    }  # fmt: skip


@given(st.lists(requests(), max_size=12))
def test_whatever_is_issued_and_closed_is_verified_and_conserved(many):
    """Round trip and conservation: the report's totals are the sums of what was issued."""
    on, period, data = issuer(), Period(ISSUER, ACCOUNT, *NOVEMBER), []
    for n, request in enumerate(many):
        receipt = issue(on, request=f"r{n}", time=NOON + n, **request)
        claims = read(receipt)
        charge = claims.charge
        period.add(
            receipt.stream, receipt.sequence, receipt.digest, receipt.time,
            Billed(request["counts"], charge and charge.currency, charge and charge.amount),
        )  # fmt: skip
        data.append(receipt.data)
    report = report_of(b"".join(data) + period.sign(KEY).data)
    assert report.verdict == "verified", [f.as_dict() for f in report.findings]
    totals = report.accounts[0].totals
    assert (totals.logical or 0) == sum(r["counts"].logical for r in many)
    assert (totals.cached or 0) + (totals.attributed or 0) == (totals.logical or 0)
    amounts = {}
    for request in many:
        if charge := request["charge"]:
            amount = sum(line.amount for line in charge.lines)
            amounts[charge.currency] = amounts.get(charge.currency, 0) + amount
    assert (totals.amounts or {}) == amounts


def closing(**kwargs):
    return Period(ISSUER, ACCOUNT, *NOVEMBER, **kwargs)


def test_a_period_takes_its_own_receipts_only():
    period = closing()
    for over, field in (
        ({"time": NOVEMBER[1]}, "time"),
        ({"time": NOVEMBER[0] - 1}, "time"),
        ({"sequence": 1}, "sequence of the first receipt of stream 's'"),
        ({"digest": b"short"}, "digest"),
    ):
        arguments = {
            "stream": "s",
            "sequence": 0,
            "digest": CARD,
            "time": NOON,
            "billed": Billed(COUNTS),
        } | over
        with pytest.raises(ReceiptError) as error:
            period.add(**arguments)
        assert error.value.field == field
    period = closing()
    period.add("s", 0, CARD, NOON, Billed(COUNTS))
    with pytest.raises(ReceiptError, match="sequence: expected 1, found 2"):
        period.add("s", 2, CARD, NOON, Billed(COUNTS))


def test_periods_follow_each_other():
    previous = Previous(0, CARD, NOVEMBER[1], {"s": 5})
    Period(ISSUER, ACCOUNT, *DECEMBER, previous=previous)
    Period(ISSUER, ACCOUNT, *NOVEMBER, kind=LATE, previous=previous)
    for arguments, field in (
        ({"start": DECEMBER[0] + 1, "end": DECEMBER[1], "previous": previous}, "start"),
        ({"start": DECEMBER[0], "end": DECEMBER[1], "kind": LATE, "previous": previous}, "end"),
        ({"start": NOVEMBER[0], "end": NOVEMBER[1], "kind": LATE}, "kind"),
        ({"start": NOVEMBER[0], "end": NOVEMBER[0]}, "end"),
    ):
        with pytest.raises(ReceiptError) as error:
            Period(ISSUER, ACCOUNT, **arguments)
        assert error.value.field == field
    period = Period(ISSUER, ACCOUNT, *DECEMBER, previous=previous)
    with pytest.raises(ReceiptError, match="of stream 's': expected 5, found 4"):
        period.add("s", 4, CARD, DECEMBER[0], Billed(COUNTS))


def test_totals_that_do_not_fit_are_refused():
    period = closing()
    for sequence in range(2):
        period.add("s", sequence, CARD, NOON, Billed(Counts(2**63, 0)))
    with pytest.raises(ReceiptError, match="total: "):
        period.sign(KEY)


def test_amounts_of_more_than_18_million_units_fit():
    period = closing()
    for sequence in range(3):
        period.add("s", sequence, CARD, NOON, Billed(COUNTS, "USD", 2**63))
    claims = cbor2.loads(cbor2.loads(period.sign(KEY).data)[0])
    assert claims[10][7] == {"USD": list(divmod(3 * 2**63, 10**12))}


def test_keys_are_stored_with_and_without_a_passphrase():
    key = SigningKey.generate()
    assert SigningKey.from_pem(key.to_pem()).public == key.public
    locked = key.to_pem(b"secret")
    assert SigningKey.from_pem(locked, b"secret").public == key.public
    for passphrase in (None, b"wrong"):
        with pytest.raises(PassphraseError):
            SigningKey.from_pem(locked, passphrase)
    with pytest.raises(KeyFileError, match="PKCS#8"):
        SigningKey.from_pem(b"nothing")
