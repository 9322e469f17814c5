"""Disputes over real bills: the right figure is accepted and the wrong one rejected, to the last digit.

The counts and figures are those of public threads, which each case names; the rates are the list prices of their time.
"""

from dataclasses import dataclass

import pytest

from receipts import Counts
from receipts.ingest import take_parts
from receipts.ratecard import UnpricedError as NotCharged
from receipts.ratecard import price as charge
from tests.build import KEY, NOON, Batch, Stream, jwk_set
from tests.ratecards import HEAD, issuing, signed, source_of, usage
from tests.vectors.cards import charge_of
from verifier import Policy, by_kid, bytes_source, price, read_card, read_jwks, verify

SATURDAY = 1_795_226_400_000
"""2026-11-21T02:00:00Z."""


def card(provider, model, **rates):
    lines = [f'provider = "{provider}"', f'model = "{model}"']
    return HEAD + "\n[[price]]\n" + "\n".join([*lines, *(f"{k} = {v}" for k, v in rates.items())]) + "\n"  # fmt: skip


SONNET = {"input": '"3.00"', "cached": '"0.30"', "writes": '{"300" = "3.75"}', "output": '"15.00"'}
OPUS = {"input": '"5.00"', "cached": '"0.50"', "writes": '{"300" = "6.25", "3600" = "10.00"}', "output": '"25.00"'}  # fmt: skip
DEEPSEEK = (
    HEAD
    + """
[[price]]
provider = "deepseek"
model = "m"
input = "0.66"
cached = "0.022"
output = "1.98"

[[price]]
provider = "deepseek"
model = "m"
days = "mon-fri"
hours = "01:00-04:00"
input = "1.32"
cached = "0.044"
output = "3.96"
"""
)


@dataclass
class Case:
    """A dispute: what was used, and the lines of the wrong bill (class, TTL, quantity, rate)."""

    source: str
    card: str
    counts: Counts
    right: str
    wrong: str
    lines: list[tuple[int, int | None, int, int]]
    codes: set[str]
    provider: str = "anthropic"
    time: int = NOON


BOTH = {"charge-mismatch", "charge-differs"}
RATE = {"charge-differs"}
CASES = {
    "writes are billed as input too": Case(
        "BerriAI/litellm#9812", card("anthropic", "m", **SONNET), Counts(12_307, 0, {300: 12_304}, 550), "0.054399", "0.091311",
        [(0, None, 12_307, 3_000_000), (2, 300, 12_304, 3_750_000), (3, None, 550, 15_000_000)], BOTH,
    ),
    "reads of a stream are billed as input": Case(
        "BerriAI/litellm#11789", card("anthropic", "m", input='"0.80"', cached='"0.08"', output='"4.00"'), Counts(2459, 2455, None, 23),
        "0.0002916", "0.0020592", [(0, None, 2459, 800_000), (3, None, 23, 4_000_000)], BOTH,
    ),
    "a prompt all at the full price": Case(
        "BerriAI/litellm#6215", card("openai", "m", input='"2.50"', cached='"1.25"', output='"10.00"'), Counts(2006, 1920, None, 300),
        "0.005615", "0.008015", [(0, None, 2006, 2_500_000), (3, None, 300, 10_000_000)], BOTH, "openai",
    ),
    "reads are billed twice": Case(
        "BerriAI/litellm#40006", card("openai", "m", input='"2.00"', cached='"0.50"', output='"8.00"'), Counts(1000, 800, None, 10),
        "0.00088", "0.00128", [(0, None, 200, 2_000_000), (1, None, 1600, 500_000), (3, None, 10, 8_000_000)], BOTH, "openai",
    ),
    "cached tokens are counted twice": Case(
        "langfuse/langfuse#10592", card("anthropic", "m", **SONNET), Counts(17_903, 17_817, None, 0), "0.0056031", "0.0590541",
        [(0, None, 17_903, 3_000_000), (1, None, 17_817, 300_000)], BOTH,
    ),
    "writes of an hour at the price of five minutes": Case(
        "can1357/oh-my-pi#6876", card("anthropic", "m", **OPUS), Counts(344_139, 0, {3600: 344_139}, 0), "3.44139", "2.15086875",
        [(2, 3600, 344_139, 6_250_000)], RATE,
    ),
    "writes of a stream are billed as input too": Case(
        "maximhq/bifrost#3451", card("anthropic", "m", **OPUS), Counts(159_223, 0, {300: 159_217}, 2745), "1.06376125", "1.85984625",
        [(0, None, 159_223, 5_000_000), (2, 300, 159_217, 6_250_000), (3, None, 2745, 25_000_000)], BOTH,
    ),
    "what was compacted is not billed": Case(
        "a recorded compaction, priced by genai-prices 0.2.3", card("anthropic", "m", **SONNET), Counts(55_425, 0, {300: 55_096}, 136),
        "0.209637", "0.000762", [(0, None, 229, 3_000_000), (3, None, 5, 15_000_000)], BOTH,
    ),
    "the price of a weekday on a Saturday": Case(
        "pydantic/genai-prices#571", DEEPSEEK, Counts(563, 512, None, 116), "0.000274604", "0.000549208",
        [(0, None, 51, 1_320_000), (1, None, 512, 44_000), (3, None, 116, 3_960_000)], RATE, "deepseek", SATURDAY,
    ),
    "cached tokens are input and cached": Case(
        "earendil-works/pi#2148", card("google", "m", input='"0.50"', cached='"0.05"', output='"3.00"'), Counts(20_212, 16_298, None, 931),
        "0.0055649", "0.0137139", [(0, None, 20_212, 500_000), (1, None, 16_298, 50_000), (3, None, 931, 3_000_000)], BOTH, "google",
    ),
    "a million tokens, and most of them once more": Case(
        "Osmantic/ODS#2519", card("openai", "m", input='"2.50"', cached='"1.25"', output='"10.00"'), Counts(1_000_000, 900_000, None, 0),
        "1.3750", "3.6250", [(0, None, 1_000_000, 2_500_000), (1, None, 900_000, 1_250_000)], BOTH, "openai",
    ),
    "writes at the price of input": Case(
        "coder/mux#3705", card("openai", "m", input='"5.00"', cached='"0.50"', writes='{"1800" = "6.25"}', output='"30.00"'),
        Counts(3207, 0, {1800: 3207}, 0), "0.02004375", "0.016035", [(2, 1800, 3207, 5_000_000)], RATE, "openai",
    ),
}  # fmt: skip


def picounits(figure):
    whole, _, rest = figure.partition(".")
    return int(whole) * 10**12 + int(rest.ljust(12, "0"))


def batch_of(case, claim):
    """A batch in which sequence 1 is the receipt with a charge."""
    counts = case.counts
    over = {
        7: case.time, 9: "m", 10: {1: counts.logical, 2: counts.cached, 3: counts.attributed, 4: counts.writes},
        11: {1: counts.output}, 13: {1: case.provider, 2: "api"}, 14: claim, 17: counts.units,
    }  # fmt: skip
    over[10] = {label: value for label, value in over[10].items() if value is not None}

    def put(sequence, old):
        changed = old | over if sequence == 1 else old | {7: case.time + sequence - 1}
        return {label: value for label, value in changed.items() if value is not None}

    return Batch(one=Stream(change=put)).data


def verified(case, claim):
    """The codes that come of a charge, with the card at hand."""
    policy = Policy(by_kid(read_jwks(jwks())))
    given = [read_card(signed(case.card).data)]
    return set(verify([bytes_source("b", batch_of(case, claim))], policy, cards=given).findings.counts)  # fmt: skip


def jwks():
    import json

    return json.dumps(jwk_set(KEY)).encode()


def claim_of(case, lines):
    return charge_of(lines, signed(case.card).digest)


def right_lines(case):
    """The lines that the issuing side makes."""
    made = charge(issuing(case.card), "m", case.counts, source_of(case.provider), case.time)
    return [(line.line_class, line.ttl, line.quantity, line.rate) for line in made.lines]


@pytest.mark.parametrize("name", CASES)
def test_the_right_figure_is_accepted(name):
    case = CASES[name]
    claim = claim_of(case, right_lines(case))
    assert claim[3] == picounits(case.right)
    assert verified(case, claim) == set()
    told = usage(case.provider, "m", case.counts, time=case.time)
    found = price(read_card(signed(case.card).data), told)
    assert (found.lower, found.amount) == (claim[3], claim[3])


@pytest.mark.parametrize("name", CASES)
def test_the_wrong_figure_is_rejected(name):
    case = CASES[name]
    claim = claim_of(case, case.lines)
    assert claim[3] == picounits(case.wrong)
    assert verified(case, claim) == case.codes


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("off", [-1, 1])
def test_a_picounit_more_or_less_is_rejected(name, off):
    case = CASES[name]
    claim = claim_of(case, right_lines(case))
    total = claim | {3: claim[3] + off}
    assert verified(case, total) == {"charge-mismatch"}
    first = claim[4][0] | {4: claim[4][0][4] + off}
    first[5] = first[3] * first[4]
    lines = [first, *claim[4][1:]]
    rate = claim | {3: sum(line[5] for line in lines), 4: lines}
    assert verified(case, rate) == {"charge-differs"}


HAIKU = card("anthropic", "m", input='"1.00"', cached='"0.10"', writes='{"300" = "1.25", "3600" = "2.00"}', output='"5.00"')  # fmt: skip
UNKNOWN = Counts(27_506, 14_942, {0: 12_229}, 690)


def test_a_split_of_nothing_is_an_interval():
    """anthropics/anthropic-sdk-java#353: 12,229 tokens written, of which 0 for 5 minutes and 0 for an hour."""
    object_ = {
        "input_tokens": 335, "output_tokens": 690, "cache_creation_input_tokens": 12_229, "cache_read_input_tokens": 14_942,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
    }  # fmt: skip
    reading, _ = take_parts("anthropic", "messages", object_, {})
    assert (reading.counts.logical, reading.counts.cached) == (27_506, 14_942)
    assert {ttl: n for ttl, n in reading.counts.writes.items() if n} == {0: 12_229}
    found = price(read_card(signed(HAIKU).data), usage("anthropic", "m", reading.counts))
    rest = 335 * 1_000_000 + 14_942 * 100_000 + 690 * 5_000_000
    assert (found.lower, found.amount) == (rest + 12_229 * 1_250_000, rest + 12_229 * 2_000_000)
    with pytest.raises(NotCharged):
        charge(issuing(HAIKU), "m", reading.counts, source_of("anthropic"), NOON)


@pytest.mark.parametrize(("rate", "codes"), [
    (1_250_000, set()), (2_000_000, set()), (1_000_000, {"charge-differs"}), (1_600_000, {"charge-differs"}),
])  # fmt: skip
def test_a_charge_within_the_interval(rate, codes):
    case = Case("", HAIKU, UNKNOWN, "", "", [], set())
    lines = [(0, None, 335, 1_000_000), (1, None, 14_942, 100_000), (2, 0, 12_229, rate), (3, None, 690, 5_000_000)]  # fmt: skip
    assert verified(case, claim_of(case, lines)) == codes
