"""The template: the bytes are those of cbor2 over the claims, and what is wrong is said in the same words."""

from dataclasses import replace
from types import MappingProxyType

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receipts import (
    Billed,
    Cache,
    CacheEntry,
    Corrected,
    Counts,
    Head,
    Issuer,
    ReceiptError,
    Signed,
    Source,
    Span,
)
from receipts.claims import request_claims
from receipts.encoded_claims import _by_template, _UnusualError, encoded_claims
from receipts.signing import RECEIPT, Signer
from tests.build import ACCOUNT, ISSUER, KEY, NOON, encode

EDGES = [0, 1, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**63, 2**64 - 1]
"""Where the head of an integer grows, and the last one."""
SIZES = [1, 2, 23, 24, 255, 256, 511, 512]
DIGEST = bytes(range(32))


class Text(str):
    """Equal to a text, and none."""

    __slots__ = ()


uints = st.sampled_from(EDGES) | st.integers(0, 2**64 - 1) | st.integers(0, 300)


@st.composite
def texts(draw, least=1):
    """Texts of one to four bytes a sign, often of a size at which the head grows."""
    size = draw(st.sampled_from(SIZES) | st.integers(1, 40) | st.just(least))
    sign = draw(st.sampled_from(["x", "é", "€", "𝄞", "\0", "%", "%b"]))
    text = sign * (size // len(sign.encode()))
    return text + "y" * (size - len(text.encode()))


@st.composite
def counts(draw):
    logical = draw(uints)
    cached = draw(st.none() | st.integers(0, logical) | st.just(logical) | st.just(0))
    writes = None
    if cached is not None and draw(st.booleans()):
        left, writes = logical - cached, {}
        for ttl in draw(st.lists(uints, min_size=1, max_size=16, unique=True)):
            writes[ttl] = draw(st.integers(0, left) | st.sampled_from([0, left]))
            left -= writes[ttl]
    output = draw(st.none() | uints)
    reasoning = None if output is None else draw(st.none() | st.integers(0, output))
    return Counts(logical, cached, writes, output, reasoning)


@st.composite
def caches(draw, counts):
    """What can be said of a request with these counts; None: nothing."""

    def entries(prefixes):
        return st.builds(CacheEntry, texts(), st.binary(min_size=1, max_size=64), prefixes)

    if not counts.logical:
        return None
    prefixes = st.integers(1, counts.logical) | st.just(counts.logical)
    parts = st.lists(entries(prefixes), max_size=4)
    reads = st.none() | entries(st.just(counts.cached)) if counts.cached else st.none()
    cache = Cache(draw(reads), draw(parts), draw(parts))
    return None if cache == Cache(None, [], []) else cache


@st.composite
def requests(draw):
    """Requests as most are."""
    counted = draw(counts())
    source = st.builds(
        Source, texts(), texts(), st.binary(min_size=32, max_size=32), st.none() | texts()
    )
    optional = {
        "source": st.none() | source,
        "tags": st.none() | st.dictionaries(texts(), texts(0), max_size=6),
        "cache": st.none() | caches(counted),
        "client": st.none() | st.binary(min_size=1, max_size=64) | st.sampled_from([bytes(23), bytes(24), bytes(64)]),
    }  # fmt: skip
    return draw(
        st.fixed_dictionaries(
            {"request": texts(), "model": texts(), "counts": st.just(counted)}, optional=optional
        )
    )


def by_library(request):
    claims = request_claims(**request)
    return len(claims), encode(claims)[1:], None


@given(requests())
def test_the_template_makes_the_bytes_of_the_library(request):
    assert _by_template(**request) == by_library(request) == encoded_claims(request)


@pytest.mark.parametrize("tags", [1, 23, 24, 64])
@pytest.mark.parametrize("writes", [1, 16])
def test_the_template_of_the_largest_maps(tags, writes):
    entries = [CacheEntry("r", bytes(64), 10**7)] * tags
    request = {
        "request": "r", "model": "m", "counts": Counts(10**7, 0, dict.fromkeys(range(writes, 0, -1), 2**16), 5),
        "tags": {f"{n:03}": "" for n in range(tags, 0, -1)}, "cache": Cache(None, entries, tuple(entries)),
    }  # fmt: skip
    assert _by_template(**request) == by_library(request)


def test_bytes_of_a_ttl_that_mean_something_in_a_template():
    ttls = [int.from_bytes(b"%" * size) for size in (8, 4, 2, 1)] + [int.from_bytes(b"%b")]
    request = {
        "request": "%b",
        "model": "%c",
        "counts": Counts(99, 0, dict.fromkeys(ttls, 0x25 // 5)),
    }
    assert _by_template(**request) == by_library(request)


COUNTS = Counts(3000, 2000, {300: 600}, 500, 120)
ENTRY = CacheEntry("tokens-sha256", DIGEST, 2000)
ORDINARY = {
    "request": "r", "model": "m", "counts": COUNTS, "source": Source("openai", "responses", DIGEST, "default"),
    "tags": {"team": "search"}, "client": b"nonce", "cache": Cache(ENTRY, [replace(ENTRY, prefix=2600)], (replace(ENTRY, prefix=900),)),
}  # fmt: skip
STRANGE = [
    None, True, False, -1, 0, 1, 24, 2**63, 2**64, 1.0, 2000.0, float("nan"), "", "x", "\ud800", "é" * 257, "x" * 513, Text("x"), b"", b"x",
    bytes(32), bytes(65), bytearray(32), [], ["x"], {}, {"x": "y"}, {300: 600}, {300: -1, 3600: 601}, {300: 1001}, {300: 600, "x": 1},
    {True: 1}, {300: True}, {300: 1.0}, {2**64: 1}, {"": "x"}, {"x": ""}, {"x": Text("y")}, {Text("x"): "y"}, {"x": "\ud800"}, {1: "x"},
    {"x": 1}, {"x": None}, {f"{n}": "" for n in range(65)}, dict.fromkeys(range(17), 1), MappingProxyType({"x": "y"}), MappingProxyType({300: 1}),
    COUNTS, Source("p", "a"), Source("p", "a", DIGEST, None, "miss"), Source("p", "a", DIGEST, terms={"speed": "fast"}),
    Cache(), Cache(None, [replace(ENTRY, prefix=3001)]), ENTRY, [ENTRY] * 65, [replace(ENTRY, prefix=True)], [replace(ENTRY, prefix=0)],
    *(replace(ENTRY, **{name: value}) for name, value in (("recipe", ""), ("recipe", Text("x")), ("id", b""), ("id", bytearray(32)), ("prefix", 1999), ("prefix", 2000.0))),
]  # fmt: skip
PLACES = [
    *ORDINARY,
    *(f"counts.{name}" for name in ("logical", "cached", "writes", "output", "reasoning", "units")),
    *(f"source.{name}" for name in ("provider", "api", "usage", "tier", "miss", "terms")),
    *(f"cache.{name}" for name in ("read", "writes", "commitments")),
]


def changed(request, place, value):
    name, _, inner = place.partition(".")
    return request | {name: replace(request[name], **{inner: value}) if inner else value}


def outcome(encoding, request):
    """The bytes, or what kind of error it is and what that says."""
    try:
        return encoding(request)
    except ReceiptError as error:
        return error.field, error.expected, error.actual
    except (
        AttributeError,
        IndexError,
        TypeError,
    ) as error:  # of arguments that no type checker lets through
        return type(error)


@pytest.mark.parametrize("place", PLACES)
def test_what_is_strange_comes_out_as_without_the_template(place):
    results = []
    for value in STRANGE:
        request = changed(ORDINARY, place, value)
        results.append(outcome(encoded_claims, request))
        assert results[-1] == outcome(by_library, request), value
    assert any(isinstance(result, tuple) and result[0] != 6 for result in results)


@pytest.mark.parametrize(
    ("counts", "field"),
    [
        (Counts(10, 11), "input.cached"),
        (Counts(10, 5, {300: 3, 3600: 3}), "input.writes"),
        (Counts(10, 5, None, 7, 8), "output.reasoning"),
    ],
)
def test_one_too_many(counts, field):
    assert outcome(encoded_claims, ORDINARY | {"counts": counts})[0] == field


@given(requests(), st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(STRANGE)), min_size=1, max_size=3))  # fmt: skip
def test_of_several_wrong_fields_the_same_one_is_named(request, changes):
    for place, value in changes:
        name, _, inner = place.partition(".")
        # A change before may have left another class of object in the place.
        if name in request and (not inner or type(request[name]) is type(ORDINARY[name])):
            request = changed(request, place, value)
    assert outcome(encoded_claims, request) == outcome(by_library, request)


@pytest.mark.parametrize(
    "unusual",
    [
        {"counts": replace(COUNTS, units={"requests.web_search": 1})},
        {"source": Source("p", "a")},
        {"source": Source("p", "a", DIGEST, "t", "miss", {"speed": "fast"})},
        {"corrects": Corrected(DIGEST, Billed(Counts(1)))},
        {"charge": None, "models": None, "span": None, "corrects": None},
        {"tags": MappingProxyType({"b": "1", "a": "2"})},
    ],
)
def test_what_is_unusual_goes_through_the_library(unusual):
    request = ORDINARY | unusual
    with pytest.raises(_UnusualError):
        _by_template(**request)
    assert encoded_claims(request) == by_library(request)


def test_a_span_ends_before_its_receipt():
    request = {
        "request": "r", "model": "m", "counts": Counts(0, 0, units={"storage.token_seconds": 5}), "span": Span(NOON - 1, NOON),
    }  # fmt: skip
    assert encoded_claims(request)[2] == NOON
    issuer = Issuer(ISSUER, KEY, stream="s")
    with pytest.raises(ReceiptError) as error:
        issuer.issue(ACCOUNT, time=NOON - 1, **request)
    assert (error.value.field, error.value.actual) == ("span.end", f"{NOON}")
    assert issuer.issue(ACCOUNT, time=NOON, **request).sequence == 0


@given(
    requests(), texts(), texts(), texts(), st.sampled_from([*EDGES, 2**64 - 2]) | uints,
    st.integers(0, 253402300799999) | st.sampled_from(EDGES[:-2]),
)  # fmt: skip
def test_a_whole_receipt_is_the_library_s(request, issuer, account, stream, sequence, time):
    heads = {(account, stream): Head(sequence - 1, DIGEST, 0)} if sequence else {}
    issued = Issuer(issuer, KEY, stream=stream, heads=heads).issue(account, time=time, **request)
    claims = {1: 1, 2: issuer, 3: account, 4: stream, 5: sequence, 6: DIGEST, 7: time}
    if not sequence:
        del claims[6]
    content = encode(claims | request_claims(**request))
    assert cbor2.loads(issued.data)[0] == content
    assert Signed(issued.data, issued.digest) == Signer(KEY.private, RECEIPT).sign(content)


def test_the_last_sequence():
    heads = {(ACCOUNT, "s"): Head(2**64 - 1, DIGEST, 0)}
    with pytest.raises(ReceiptError) as error:
        Issuer(ISSUER, KEY, stream="s", heads=heads).issue(ACCOUNT, time=NOON, **ORDINARY)
    assert (error.value.field, error.value.actual) == ("sequence", str(2**64))


def test_names_that_are_wrong_are_refused_also_after_the_right_ones():
    issuer = Issuer(ISSUER, KEY, stream="s")
    issuer.issue(ACCOUNT, time=NOON, **ORDINARY)
    for account, stream, field in (
        (Text(ACCOUNT), "s", "account"), (ACCOUNT, Text("s"), "stream"), ([], "s", "account"), ("x" * 513, "s", "account"),
    ):  # fmt: skip
        with pytest.raises(ReceiptError) as error:
            issuer.issue(account, time=NOON, stream=stream, **ORDINARY)
        assert error.value.field == field
    assert issuer.issue(ACCOUNT, time=NOON, **ORDINARY).sequence == 1


@pytest.mark.parametrize(
    "change",
    [
        {"tags": {"team": Text("search")}},
        {"tags": {Text("team"): "search"}},
        {"source": Source("openai", "responses", DIGEST, Text("default"))},
        {"source": Source(Text("openai"), "responses", DIGEST, "default")},
    ],
)  # fmt: skip
def test_what_is_kept_of_a_text_is_not_for_its_equals(change):
    encoded_claims(ORDINARY)
    with pytest.raises(ReceiptError, match="expected text"):
        encoded_claims(ORDINARY | change)
