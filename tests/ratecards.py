"""Rate cards for tests: from a source to both sides' cards, and usage that is priced under them."""

from __future__ import annotations

from collections import Counter

from hypothesis import strategies as st

from receipts import Counts, Source
from receipts.ratecard import encode, read_card, read_source, sign
from tests.build import ISSUER, KEY, NOON
from verifier import TokenCounts, Usage
from verifier import read_card as read_to_check

HEAD = 'currency = "USD"\n'
CLAUDE = """
[[price]]
provider = "anthropic"
model = "claude-sonnet-4-5"
input = "3.00"
cached = "0.30"
output = "15.00"
writes = {"300" = "3.75", "3600" = "6.00"}
units = {"requests.web_search" = "10.00"}
"""
GEMINI = """
[[price]]
provider = "gcp.gemini"
model = "gemini-2.5-flash"
input = "0.30"
cached = "0.03"
output = "2.50"
parts = {"input.audio" = "1.00", "cached.audio" = "0.10"}
units = {"requests.web_search" = "35.00", "storage.token_seconds" = "1.00"}
"""
DEEPSEEK = """
[[price]]
provider = "deepseek"
model = "deepseek-v4-pro"
input = "0.66"
cached = "0.022"
output = "1.98"
""" + "".join(
    f"""
[[price]]
provider = "deepseek"
model = "deepseek-v4-pro"
days = "mon-fri"
hours = "{hours}"
input = "1.32"
cached = "0.044"
output = "3.96"
"""
    for hours in ("01:00-04:00", "06:00-10:00")
)
LIST = HEAD + CLAUDE + GEMINI + DEEPSEEK


def signed(source=LIST, issuer=ISSUER, name="list", key=KEY):
    """A signed card, of a source as text."""
    read = read_source(source.encode(), "card.toml")
    return sign(encode(issuer, name, read.currency, read.rows), key)


def issuing(source=LIST):
    """The card as who issues has it."""
    return read_card(signed(source).data)


def checking(source=LIST):
    """The card as who checks has it."""
    return read_to_check(signed(source).data)


def of_rows(rows):
    """Both sides' cards of rows."""
    made = sign(encode(ISSUER, "rows", "USD", rows), KEY)
    return read_card(made.data), read_to_check(made.data)


def usage(provider, model, counts, *, time=NOON, terms=None, tier=None, models=None):
    """What the verifier prices, of what the issuer does."""
    by_model = None if models is None else {name: tokens(one) for name, one in models.items()}
    return Usage(
        provider, model, terms or {}, tier, time, tokens(counts), counts.units or {}, by_model
    )


def tokens(counts):
    """The verifier's counts, of the issuer's."""
    return TokenCounts(
        counts.logical, counts.cached, counts.attributed, counts.writes, counts.output, counts.reasoning
    )  # fmt: skip


def source_of(provider, terms=None, tier=None):
    return Source(provider, "api", terms=terms, tier=tier)


def lines_of_charge(charge):
    """The lines of a charge, in any order."""
    return Counter(
        (line.line_class, line.ttl, line.quantity, line.rate, line.unit, line.per, line.model, line.amount)
        for line in charge.lines
        if line.quantity
    )  # fmt: skip


def lines_of_price(price):
    """Those of a price."""
    return Counter(
        (line.kind, line.ttl, line.quantity, line.rate, line.unit, line.per, line.model, line.amount)
        for line in price.lines
    )  # fmt: skip


RATES = st.integers(0, 10**7)
MODALITIES = ("audio", "image")
TTLS = (0, 300, 3600)


@st.composite
def part_rates(draw):
    names = [f"{count}.{kind}" for count in ("input", "cached", "output") for kind in MODALITIES]
    return draw(st.dictionaries(st.sampled_from([*names, "reasoning"]), RATES))


@st.composite
def counts(draw, *, stated=True):
    """Counts that satisfy the identities; with ``stated``, all that a price can depend on."""
    parts = {kind: draw(st.integers(0, 50)) for kind in MODALITIES if draw(st.booleans())}
    cached_parts = {kind: draw(st.integers(0, parts[kind])) for kind in parts}
    plain, cached_plain = draw(st.integers(0, 100)), draw(st.integers(0, 100))
    writes = {ttl: draw(st.integers(0, 30)) for ttl in TTLS if draw(st.booleans())}
    if stated:
        writes.pop(0, None)
    cached = cached_plain + sum(cached_parts.values())
    logical = plain + cached_plain + sum(parts.values()) + sum(writes.values())
    outputs = {kind: draw(st.integers(0, 20)) for kind in MODALITIES if draw(st.booleans())}
    reasoning, spoken = draw(st.integers(0, 20)), draw(st.integers(0, 50))
    units = {f"input.{kind}": n for kind, n in parts.items()}
    units |= {
        f"cached.{kind}": n for kind, n in cached_parts.items() if stated or draw(st.booleans())
    }
    units |= {f"output.{kind}": n for kind, n in outputs.items()}
    units |= draw(st.dictionaries(st.sampled_from(["requests.web_search", "storage.token_seconds"]), st.integers(0, 10**6)))  # fmt: skip
    return Counts(
        logical,
        cached if stated or draw(st.booleans()) else None,
        writes or None,
        spoken + reasoning + sum(outputs.values()),
        reasoning if stated or draw(st.booleans()) else None,
        units or None,
    )
