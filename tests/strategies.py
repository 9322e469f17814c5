"""Hypothesis strategies: the claims of honest receipts, by the tables of spec/receipt.md."""

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


SOURCES = st.fixed_dictionaries({1: NAMES, 2: NAMES}, optional={3: DIGESTS, 4: NAMES, 5: NAMES})
TAGS = st.dictionaries(
    NAMES, st.text(st.characters(codec="utf-8"), max_size=20), min_size=1, max_size=5
)


@st.composite
def receipts(draw):
    """The claims of a receipt without a charge, under their integer keys."""
    counts = draw(inputs())
    sequence = draw(st.integers(0, 2**33))
    claims = {
        1: 1, 2: draw(NAMES), 3: draw(NAMES), 4: draw(NAMES), 5: sequence,
        6: draw(DIGESTS) if sequence else None,
        7: draw(st.integers(0, NOVEMBER[1])), 8: draw(NAMES), 9: draw(NAMES), 10: counts,
        11: draw(optional(outputs())), 12: draw(caches(counts[1], counts[2])),
        13: draw(optional(SOURCES)), 15: draw(optional(TAGS)), 16: draw(optional(SHORT_BYTES)),
    }  # fmt: skip
    return {label: value for label, value in claims.items() if value is not None}
