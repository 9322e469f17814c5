"""Hypothesis strategies: the claims of honest receipts, by the tables of spec/receipt.md."""

from math import gcd

from hypothesis import strategies as st

from tests.build import NOVEMBER

TOKENS = st.one_of(
    st.integers(0, 2**20), st.sampled_from([0, 23, 24, 255, 256, 65535, 65536, 2**32, 2**53])
)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20) | st.sampled_from(
    ["x" * 512, "n" * 24, "n" * 256]
)
DIGESTS = st.binary(min_size=32, max_size=32)
SHORT_BYTES = st.binary(min_size=1, max_size=64)


def optional(strategy):
    return st.none() | strategy


@st.composite
def inputs(draw):
    """Logical, cached, attributed and writes that agree."""
    cached, attributed = draw(TOKENS), draw(TOKENS)
    claims = {1: cached + attributed, 2: cached, 3: attributed}
    if draw(st.booleans()):
        ttls = draw(
            st.lists(st.sampled_from([0, 300, 1800, 3600, 43200, 2**40]), min_size=1, unique=True)
        )
        left = attributed
        claims[4] = {}
        for ttl in ttls:
            claims[4][ttl] = draw(st.integers(0, left))
            left -= claims[4][ttl]
    return claims


@st.composite
def outputs(draw):
    tokens = draw(TOKENS)
    return {1: tokens, 2: draw(st.integers(0, tokens))} if draw(st.booleans()) else {1: tokens}


def entries(prefix):
    return st.fixed_dictionaries({1: NAMES, 2: SHORT_BYTES, 3: prefix})


@st.composite
def caches(draw, logical, cached):
    claims = {}
    if cached and draw(st.booleans()):
        claims[1] = draw(entries(st.just(cached)))
    for label in (2, 3):
        if logical and draw(st.booleans()):
            claims[label] = draw(st.lists(entries(st.integers(1, logical)), min_size=1, max_size=3))
    return claims or None


SOURCES = st.fixed_dictionaries(
    {1: NAMES, 2: NAMES},
    optional={
        3: DIGESTS, 4: NAMES, 5: NAMES, 6: st.dictionaries(NAMES, NAMES, min_size=1, max_size=3)
    },
)  # fmt: skip
TAGS = st.dictionaries(
    NAMES, st.text(st.characters(codec="utf-8"), max_size=20), min_size=1, max_size=5
)


BESIDE = (
    "requests.web_search",
    "audio.ms",
    "input.characters",
    "storage.token_seconds",
    "example.com/seat",
)


@st.composite
def units(draw, counts, output):
    """Quantities beside, and parts that fit the counts."""
    found = {unit: draw(TOKENS) for unit in draw(st.sets(st.sampled_from(BESIDE), max_size=3))}
    if draw(st.booleans()):
        found["cached.audio"] = draw(st.integers(0, counts[2]))
        found["input.audio"] = found["cached.audio"] + draw(st.integers(0, counts[3]))
    if output is not None and draw(st.booleans()):
        found["output.image"] = draw(st.integers(0, output[1] - output.get(2, 0)))
    return found or None


@st.composite
def charges(draw, counts, output, found):
    """A charge in which every token has a price, some parts one of their own, and so have units beside."""
    writes = counts.get(4, {})
    plain = counts[3] - sum(writes.values())
    lines = [(0, None, plain, None), (1, None, counts[2], None), (3, None, (output or {1: 0})[1], None)]  # fmt: skip
    lines += [(2, ttl, tokens, None) for ttl, tokens in writes.items()]
    for unit, quantity in (found or {}).items():
        if unit in BESIDE and draw(st.booleans()):
            lines.append((4, None, quantity, unit))
    if found and "cached.audio" in found and draw(st.booleans()):
        audio = found["cached.audio"]
        lines[1:2] = [(1, None, counts[2] - audio, None), (1, None, audio, "cached.audio")]
    encoded = [line for kind, ttl, quantity, unit in lines for line in draw(priced(kind, ttl, quantity, unit))]  # fmt: skip
    amount = sum(line[5] for line in encoded)
    most = max(line[5] for line in encoded)
    if max(amount, most) >= 2**64:
        return None
    return {1: draw(st.sampled_from(["USD", "EUR"])), 2: draw(DIGESTS), 3: amount, 4: encoded}


@st.composite
def priced(draw, kind, ttl, quantity, unit):
    """Lines of one price, or two."""
    first = draw(st.integers(0, quantity)) if draw(st.booleans()) else quantity
    found = []
    for part in (first, quantity - first) if first < quantity else (quantity,):
        rate, per = draw(st.integers(0, 1000)), draw(st.sampled_from([1, 1, 9, 1000]))
        rate, per = rate // gcd(rate, per), per // gcd(rate, per)
        line = {1: kind, 2: ttl, 3: part, 4: rate, 5: (2 * part * rate + per) // (2 * per), 6: unit, 7: per if per > 1 else None}  # fmt: skip
        found.append({label: value for label, value in line.items() if value is not None})
    return found


@st.composite
def receipts(draw):
    """The claims of a receipt, under their integer keys."""
    counts, output = draw(inputs()), draw(optional(outputs()))
    found = draw(optional(units(counts, output)))
    sequence = draw(st.integers(0, 2**33))
    claims = {
        1: 1, 2: draw(NAMES), 3: draw(NAMES), 4: draw(NAMES), 5: sequence,
        6: draw(DIGESTS) if sequence else None,
        7: draw(st.integers(0, NOVEMBER[1])), 8: draw(NAMES), 9: draw(NAMES), 10: counts,
        11: output, 12: draw(caches(counts[1], counts[2])),
        13: draw(optional(SOURCES)), 14: draw(optional(charges(counts, output, found))), 15: draw(optional(TAGS)), 16: draw(optional(SHORT_BYTES)), 17: found,
    }  # fmt: skip
    if claims[14] is None and 3 in (claims[13] or {}) and draw(st.booleans()):
        claims[13] = claims[13] | {7: 1}
    return {label: value for label, value in claims.items() if value is not None}
