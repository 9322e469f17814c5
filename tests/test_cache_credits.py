"""Credits that were due: policies, the replay, misses, rates, and a simulated day whose faults are known."""

import json
from decimal import Decimal
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree as ET  # of images that are made here

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.cache import (
    COLUMNS,
    Policies,
    PolicyError,
    Strength,
    cache_report,
    read_policy,
    render,
    shipped,
    svg,
)
from attribution.cache.misses import Reason
from attribution.cache.rates import Rates
from attribution.cache.report import percent
from cli.sample.traffic import DAY, NOON, Simulator
from receipts import Cache, CacheEntry, Charge, ChargeLine, Counts, Issuer, Source
from tests.build import ISSUER, KEY, jwk_set
from verifier import Policy, Prompt, by_kid, bytes_source, read_jwks, verified_rows

POLICIES = Policies([policy for name, policy in shipped().items() if name != "openai-extended"])
SONNET, GPT = "claude-sonnet-4-6", "gpt-5"


KEYS = by_kid(read_jwks(json.dumps(jwk_set(KEY)).encode()))


def report_of(data, *more, **options):
    with verified_rows([bytes_source("b.cbor", data)], Policy(KEYS), COLUMNS) as rows:
        return cache_report(rows, *more, **options)


class Traffic:
    """Receipts by hand: each call is a request, ``at`` seconds after the begin of the day."""

    def __init__(self, provider="anthropic", model=SONNET, recipe="tokens-hmac-sha256"):
        self.recipe = recipe
        self.issuer, self.parts, self.prompts = Issuer(ISSUER, KEY), [], {}
        self.provider, self.model = provider, model

    def __call__(
        self, name, at, cached=0, written=0, ttl=300, prefix=(), logical=10_000, prompt=None, **more
    ):
        """``prefix``: lengths and names of the prefixes that are committed to."""
        entries = {
            length: CacheEntry(self.recipe, what.encode(), length) for length, what in prefix
        }
        length = cached + written
        marked = entries.get(length)
        cache = Cache(
            marked if cached and not written else None,
            (marked,) if written and marked else (),
            tuple(entries.values()),
        )
        writes = {ttl: written} if written or more.pop("stated", True) else None
        if prompt is not None:
            self.prompts[name] = Prompt(
                name,
                prompt.get("tokens"),
                prompt.get("body"),
                None,
                None,
                [],
                "cache_control" in json.dumps(prompt),
            )
        miss, stream = more.pop("miss", None), more.pop("stream", "s")
        charge, account = more.pop("charge", None), more.pop("account", "acme")
        model = more.pop("model", self.model)
        signed = self.issuer.issue(
            account, request=name, model=model, time=DAY + round(at * 1000), stream=stream, charge=charge,
            counts=Counts(logical, more.pop("count", cached), writes, 10), cache=cache if entries else None,
            source=Source(self.provider, "messages", miss=miss), tags=more,
        )  # fmt: skip
        self.parts.append(signed.data)

    def report(self, policies=POLICIES, claimed=None):
        return report_of(
            b"".join(self.parts), policies, self.prompts, claimed, longest_request_ms=5000
        )

    def due(self, **more):
        return [(s.request, s.expected, s.credited) for s in self.report(**more).due.listed]

    def expected(self, **more):
        return [(s.request, s.expected, s.credited) for s in self.report(**more).expected.listed]

    def misses(self):
        return [
            (m.first, m.reason, m.requests)
            for m in sorted(self.report().misses, key=lambda m: m.since)
        ]


# The simulated day.


def play(**more):
    """A simulated day, and its batch."""
    out = BytesIO()
    day = Simulator(ISSUER, KEY, **more).run(out)
    return day, out.getvalue()


whole_day = pytest.mark.slow
"""For tests of a simulated day of 58,640 requests."""


@pytest.fixture(scope="module")
def played():
    return play()


@pytest.fixture(scope="module")
def day(played):
    return played[0]


@pytest.fixture(scope="module")
def report(played):
    return report_of(played[1], POLICIES, {}, longest_request_ms=10_000)


@whole_day
def test_the_withheld_credits_and_no_others(day, report):
    assert len(day.withheld) > 10
    assert {s.request for s in report.due.listed} == set(day.withheld)
    assert report.due.requests == len(day.withheld)
    assert report.due.tokens == 8000 * len(day.withheld)


@whole_day
def test_the_storm_is_expected_and_not_due(day, report):
    assert {s.request for s in report.expected.listed} == set(day.stormed)
    assert {s.strength for s in report.expected.listed} == {Strength.BEST_EFFORT}


@whole_day
def test_the_deploy_and_its_first_differing_block(day, report):
    (miss,) = [miss for miss in report.misses if miss.reason is Reason.VOLATILE]
    assert (miss.first, miss.requests) == (day.deployed[0], len(day.deployed))
    assert (miss.shared, miss.upto, miss.since) == (0, 512, NOON)
    assert dict(miss.tags) == {"feature": "agents"}


@whole_day
def test_every_miss_is_put_down_to_something(report):
    found = {}
    for miss in report.misses:
        found[miss.reason] = found.get(miss.reason, 0) + miss.requests
    assert set(found) == {Reason.VOLATILE, Reason.FIRST, Reason.NOT_CREDITED}
    assert sum(found.values()) == report.table.all.requests - report.table.all.hits


@whole_day
def test_the_figures_of_the_worked_examples(report):
    """50,000 documents a day with 1,500 tokens in common: 74,998,500 cached. 12 steps with 8,000: about 80% off."""
    documents = report.table.by["tag"]["feature=documents"]
    assert (documents.requests, documents.cached) == (50_000, 74_998_500)
    tasks = [
        rates
        for rates in report.table.by["identifier"].values()
        if (rates.requests, rates.hits) == (12, 11)
    ]
    assert len(tasks) > 100
    assert {rates.repeated_off for rates in tasks} == {1 - Fraction(18_800, 96_000)}
    assert {rates.reads_per_write for rates in tasks} == {11}
    assert percent(tasks[0].repeated_off) == "80.4%"
    assert {rates.earned_back for rates in tasks} == {True}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_other_days(seed):
    other, data = play(seed=seed, scale=0.2)
    found = report_of(data, POLICIES, {}, longest_request_ms=10_000)
    assert {s.request for s in found.due.listed} == set(other.withheld)
    assert {s.request for s in found.expected.listed} == set(other.stormed)
    assert [m.requests for m in found.misses if m.reason is Reason.VOLATILE] == [
        len(other.deployed)
    ]


def test_a_day_is_the_same_for_a_seed():
    assert play(scale=0.01) == play(scale=0.01)


# Policies.


def test_shipped_policies_name_their_source_and_date():
    policies = shipped()
    assert {"anthropic-5m", "anthropic-1h", "openai-in-memory", "openai-extended", "gemini-implicit", "deepseek", "vllm-lru"} == set(policies)  # fmt: skip
    for policy in policies.values():
        assert policy.source.startswith("https://")
        assert policy.as_of
    assert {p.name for p in policies.values() if p.strength is Strength.PROMISED} == {
        "anthropic-5m",
        "anthropic-1h",
    }
    assert policies["vllm-lru"].strength is Strength.NONE


@pytest.mark.parametrize(
    ("change", "message"),
    [({"ttl_s": 1.5}, "ttl_s: "), ({"minimum": -1}, "minimum: "), ({"strength": "sure"}, "strength: "), ({"more": 1}, "more: "), ({"step": 0}, "step: ")],
)  # fmt: skip
def test_policies_that_are_refused(change, message):
    good = shipped()["anthropic-5m"].model_dump(mode="json")
    assert read_policy(json.dumps(good).encode()) == shipped()["anthropic-5m"]
    with pytest.raises(PolicyError, match=message):
        read_policy(json.dumps(good | change).encode())
    with pytest.raises(PolicyError):
        read_policy(b"{")


@pytest.mark.parametrize(
    ("length", "credit"),
    [(0, 0), (1023, 0), (1024, 1024), (1151, 1024), (1152, 1152), (2048, 2048), (2049, 2048)],
)
def test_minimum_and_steps(length, credit):
    assert shipped()["openai-in-memory"].creditable(GPT, length) == credit


# The replay.


A = ((8000, "a"),)


@pytest.mark.parametrize(
    ("gap", "due"), [(4, False), (5, True), (100, True), (295, True), (296, False), (301, False)]
)
def test_due_within_the_lifetime_and_with_a_margin(gap, due):
    traffic = Traffic()
    traffic("w", 0, written=8000, prefix=A)
    traffic("r", gap, written=8000, prefix=A)
    assert traffic.due() == ([("r", 8000, 0)] if due else [])


def test_a_read_renews():
    traffic = Traffic()
    traffic("w", 0, written=8000, prefix=A)
    for n in range(4):
        traffic(f"r{n}", 200 * (n + 1), cached=8000, prefix=A)
    traffic("withheld", 1000, written=8000, prefix=A)
    traffic("later", 1200, written=8000, prefix=A)
    assert traffic.due() == [("withheld", 8000, 0), ("later", 8000, 0)]


def test_the_longer_lifetime():
    traffic = Traffic()
    traffic("w", 0, written=8000, ttl=3600, prefix=A)
    traffic("r", 3000, written=8000, ttl=3600, prefix=A)
    assert traffic.due() == [("r", 8000, 0)]


def test_only_what_was_marked_is_due():
    """A prefix that was sent, but not written, is not in the cache; and a longer prefix that was written is another one."""
    traffic = Traffic()
    traffic("w", 0, written=8000, prefix=((4096, "front"), (8000, "a")))
    traffic("r", 60, written=8000, prefix=((4096, "front"), (8000, "b")))
    assert traffic.due() == []


def test_partly_credited():
    traffic = Traffic()
    traffic("w1", 0, written=4096, prefix=((4096, "front"),))
    traffic("w2", 10, cached=4096, written=3904, prefix=((4096, "front"), (8000, "a")))
    traffic("r", 60, cached=4096, prefix=((4096, "front"), (8000, "a")))
    assert traffic.due() == [("r", 8000, 4096)]


def test_below_the_minimum_nothing_is_due():
    for model, due in ((SONNET, True), ("claude-haiku-4-5", False)):
        traffic = Traffic(model=model)
        traffic("w", 0, written=2000, prefix=((2000, "a"),))
        traffic("r", 60, written=2000, prefix=((2000, "a"),))
        assert bool(traffic.due()) is due


def test_a_request_that_marks_nothing_is_owed_nothing():
    """Neither read nor written: as far as the receipt tells, no prefix was marked. The customer's own body may say that one was."""
    for mark, due in ((None, []), ({"type": "ephemeral"}, [("r", 8000, 0)])):
        traffic = Traffic()
        traffic("w", 0, written=8000, prefix=A)
        system = [{"type": "text", "text": "x"} | ({"cache_control": mark} if mark else {})]
        traffic("r", 60, prefix=A, prompt={"body": {"system": system}})
        assert traffic.due() == due


@pytest.mark.parametrize(("longest", "due"), [(5, 3), (30, 2), (60, 1), (100, 0)])
def test_nothing_is_due_that_depends_on_how_long_a_request_took(longest, due):
    """Answers 20, 40 and 230 seconds after the write: the prefix may not have been there yet, or no more, when they were asked."""
    traffic = Traffic()
    for n, (at, end) in enumerate(((0, 20), (1000, 1040), (2000, 2230))):
        traffic(f"w{n}", at, written=8000, prefix=((8000, f"p{n}"),))
        traffic(f"r{n}", end, written=8000, prefix=((8000, f"p{n}"),))
    found = report_of(b"".join(traffic.parts), POLICIES, {}, longest_request_ms=1000 * longest)
    assert found.due.requests == due


def words(report):
    return render(report).splitlines()


def test_no_all_clear_where_nothing_is_known_of_a_prefix():
    traffic = Traffic()
    traffic("known", 0, written=2048, prefix=[(2048, "a")])
    traffic(
        "silent", 60
    )  # the issuer has no key, and so no identifier: a withheld credit would look like this
    traffic("short", 61, logical=20)
    traffic("unmarked", 62, prompt={"body": {"messages": []}})
    due = traffic.report().due
    assert (due.checked, due.requests, due.unknown, due.undecided) == (4, 0, 1, 0)
    said = words(traffic.report())
    assert "  none is known to be missing, of 4 requests" in said
    assert "  not known for 1 request: no identifier and no prompt says what" in said
    assert not any("none is missing" in line for line in said)
    assert traffic.report().as_dict()["due"] == {
        "requests": 0, "tokens": 0, "checked": 4, "unknown": 1, "undecided": {"requests": 0, "tokens": 0}, "listed": [],
    }  # fmt: skip


def test_what_came_too_soon_is_not_decided():
    traffic = Traffic()
    traffic("written", 0, written=2048, prefix=[(2048, "a")])
    traffic("soon", 2, prefix=[(2048, "a")], written=1, cached=0)
    due = traffic.report().due
    assert (due.requests, due.undecided, due.undecided_tokens) == (0, 1, 2048)
    said = words(traffic.report())
    assert "  none is known to be missing, of 2 requests" in said
    assert "  not decided for 1 request, 2,048 tokens: within 5 s of what" in said


def test_an_all_clear_where_all_is_known():
    traffic = Traffic()
    traffic("written", 0, written=2048, prefix=[(2048, "a")])
    traffic("read", 60, cached=2048, prefix=[(2048, "a")])
    traffic("soon", 61, cached=2048, prefix=[(2048, "a")])
    assert "  none is missing, of 3 requests" in words(traffic.report())


def test_a_provider_without_a_policy_is_named():
    traffic = Traffic("elsewhere")
    traffic("w", 0, written=8000, prefix=A)
    report = traffic.report()
    assert report.without_policy == {"elsewhere": 1}
    other = Traffic("Anthropic")
    other("w", 0, written=8000, prefix=A)
    other("r", 60, written=8000, prefix=A)
    assert other.due() == [("r", 8000, 0)]


def test_a_claim_on_nothing_is_no_discrepancy():
    assert not Traffic().report(claimed=Decimal("0.5")).claimed.discrepancy


def test_another_account_or_an_unstated_count_is_no_shortfall():
    traffic = Traffic(recipe="tokens-sha256")
    traffic("w", 0, written=8000, prefix=A)
    traffic("other", 50, written=8000, prefix=A, account="other")
    traffic("unstated", 60, prefix=A, count=None, stated=False)
    assert traffic.due() == []
    assert traffic.report().table.all.unstated == 1


def test_automatic_caches_keep_every_prefix_in_steps():
    traffic = Traffic("openai", GPT)
    traffic("first", 0, prefix=((1100, "a"), (2000, "b")))
    traffic("second", 60, prefix=((1100, "a"), (2000, "c")))
    traffic("third", 120, prefix=((1100, "a"), (2000, "b")))
    assert traffic.due() == []
    assert traffic.expected() == [("third", 1920, 0), ("second", 1024, 0)]


def test_no_promise_and_no_policy():
    for provider in ("vllm", "gcp.gemini", "elsewhere"):
        traffic = Traffic(provider, "m")
        traffic("first", 0, prefix=A)
        traffic("second", 60, prefix=A)
        report = traffic.report()
        assert (report.due.requests, report.expected.requests, report.expected.checked) == (0, 0, 0)


def test_a_policy_of_ones_own():
    strict = shipped()["openai-in-memory"].model_copy(
        update={"strength": Strength.PROMISED, "name": "contract"}
    )
    traffic = Traffic("openai", GPT)
    traffic("first", 0, prefix=A)
    traffic("second", 60, prefix=A)
    assert traffic.due(policies=Policies([strict])) == [("second", 7936, 0)]


def test_sorted_by_what_it_cost():
    """The rates of the charge say what a token costs; without them, tokens count."""
    traffic = Traffic()
    card = bytes(32)
    for n in range(3):
        prefix = ((8000 + n, f"p{n}"),)
        traffic(f"w{n}", n, written=8000 + n, prefix=prefix, stream="w")
    for n, rate in enumerate((3, 30, 0)):
        lines = (ChargeLine(0, 9_999, rate), ChargeLine(1, 1, rate // 3), ChargeLine(3, 10, 0))
        charge = Charge("USD", card, lines) if rate else None
        traffic(
            f"r{n}",
            60 + n,
            cached=1,
            prefix=((8000 + n, f"p{n}"),),
            charge=charge,
            stream="r",
            stated=False,
        )
    listed = traffic.report().due.listed
    assert [(s.request, s.cost) for s in listed] == [
        ("r1", 8000 * 20),
        ("r0", 7999 * 2),
        ("r2", None),
    ]


def test_from_the_customers_own_prompts():
    """Without commitments: the prompts say what was shared, and the counts where the mark was."""
    tokens = [n % 997 for n in range(9000)]
    traffic = Traffic()
    traffic("w", 0, written=8000, prompt={"tokens": tokens})
    traffic("r", 60, written=8000, prompt={"tokens": [*tokens[:8500], 1, 2]})
    traffic("short", 90, written=7999, prompt={"tokens": [*tokens[:7999], 999_999, 1]})
    assert traffic.due() == [("r", 8000, 0)]
    traffic = Traffic("openai", GPT)
    traffic("w", 0, prompt={"tokens": tokens})
    traffic("r", 60, prompt={"tokens": [*tokens[:2000], 999_999]})
    assert traffic.expected() == [("r", 1920, 0)]


# Misses.


def body(system="You help.", question="hi", tools=("a", "b"), **more):
    return {"body": {"tools": [{"name": name} for name in tools], "system": system, "messages": [{"role": "user", "content": question}], **more}}  # fmt: skip


CHANGES = {
    "tools": (body(), body(tools=("a", "c")), Reason.TOOLS, "block 1 (tool)"),
    "a tool less": (body(), body(tools=("a",)), Reason.TOOLS, "block 1 (system)"),
    "tools reordered": (body(), body(tools=("b", "a")), Reason.REORDERED, "block 0 (tool)"),
    "system": (body(), body("You help a lot."), Reason.SYSTEM, "block 2 (system)"),
    "a date": (body("It is 2026-11-10."), body("It is 2026-11-11."), Reason.VOLATILE, "block 2 (system)"),
    "a time": (body("Now: 09:00. You help."), body("Now: 09:01. You help."), Reason.VOLATILE, "block 2 (system)"),
    "an id": (body("id 123e4567-e89b-12d3-a456-426614174000"), body("id 123e4567-e89b-12d3-a456-426614174001"), Reason.VOLATILE, "block 2 (system)"),
    "another question": (body(), body(question="bye"), Reason.FIRST, "block 3 (message)"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_what_changed_in_the_body(name):
    one, two, reason, block = CHANGES[name]
    traffic = Traffic()
    traffic("one", 0, written=8000, prompt=one)
    traffic("two", 60, prompt=two)
    (_, miss) = sorted(traffic.report().misses, key=lambda m: m.since)
    assert (miss.reason, miss.block) == (reason, block)
    assert miss.texts is not None
    assert miss.texts[0] != miss.texts[1]


def test_model_and_account_changed():
    traffic = Traffic()
    traffic("one", 0, written=8000, prompt=body())
    traffic("two", 60, model="claude-opus-4-8", prompt=body())
    traffic("three", 90, account="other", prompt=body())
    report = traffic.report()
    assert [(m.reason, m.detail) for m in sorted(report.misses, key=lambda m: m.since)][1:] == [
        (Reason.MODEL, f"last sent to {SONNET}"), (Reason.MODEL, "last sent to claude-opus-4-8"),
    ]  # fmt: skip


def test_the_same_public_prefix_under_another_account():
    traffic = Traffic(recipe="tokens-sha256")
    traffic("one", 0, written=8000, prefix=A)
    traffic("two", 60, prefix=A, account="other")
    assert traffic.misses()[1] == ("two", Reason.ACCOUNT, 1)


def test_expired_and_not_credited_and_below_the_minimum():
    traffic = Traffic()
    traffic("w", 0, written=8000, prefix=A)
    traffic("not credited", 100, prefix=A)
    traffic("expired", 500, prefix=A)
    traffic("short", 501, prefix=((500, "x"),), logical=600)
    traffic("reason", 502, prefix=A, miss="tools_changed")
    traffic("nothing known", 503)
    found = {name: reason for name, reason, _ in traffic.misses()}
    assert found == {
        "w": Reason.FIRST, "not credited": Reason.NOT_CREDITED, "expired": Reason.EXPIRED, "short": Reason.SHORT,
        "reason": Reason.PROVIDER, "nothing known": Reason.UNKNOWN,
    }  # fmt: skip


def test_a_front_that_changes_once_is_not_volatile():
    traffic = Traffic()
    for n in range(3):
        traffic(
            f"a{n}",
            n * 10,
            cached=8000 if n else 0,
            written=0 if n else 8000,
            prefix=((512, "x"), (8000, "a")),
        )
    traffic("changed", 50, written=8000, prefix=((512, "y"), (8000, "b")))
    traffic("b", 60, cached=8000, prefix=((512, "y"), (8000, "b")))
    assert ("changed", Reason.HEAD, 1) in traffic.misses()


def test_tokens_that_go_on_after_an_early_change():
    tokens = list(range(3000))
    traffic = Traffic()
    traffic("one", 0, prompt={"tokens": tokens})
    traffic("two", 60, prompt={"tokens": [*tokens[:5], 9999, *tokens[6:]]})
    traffic("three", 90, prompt={"tokens": [*tokens[:2000], *range(5000, 6000)]})
    found = [(m.reason, m.shared) for m in sorted(traffic.report().misses, key=lambda m: m.since)]
    assert found[1:] == [(Reason.VOLATILE, 5)]


# Rates.


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100), st.booleans()), max_size=20))
def test_rates_are_within_their_intervals(rows):
    rates, traffic = Rates(), []
    for cached, rest, stated in rows:
        from attribution.cache.traffic import Request

        request = Request(
            0, "r", "a", 0, "m", "p", cached + rest, cached if stated else None, {}, {}, None, None
        )
        rates.add(request, None)
        traffic.append((cached, cached + rest, stated))
    total = sum(logical for _, logical, _ in traffic)
    if total:
        low, high = rates.token_interval
        truth = Fraction(sum(cached for cached, _, _ in traffic), total)
        assert 0 <= low <= truth <= high <= 1
    else:
        assert rates.token_interval is None


def test_writes_that_are_not_read_are_lost():
    traffic = Traffic()
    traffic("w", 0, written=8000, prefix=A)
    rates = traffic.report().table.all
    assert (rates.earned_back, rates.reads_per_write, percent(rates.repeated_off)) == (
        False,
        0,
        "-25.0%",
    )


@pytest.mark.parametrize(
    ("rate", "text"), [(None, "-"), (Fraction(1, 3), "33.3%"), (Fraction(2, 3), "66.7%"), (Fraction(1, 2000), "0.1%"), (Fraction(-1, 4), "-25.0%"), (1, "100.0%")]
)  # fmt: skip
def test_percent(rate, text):
    assert percent(None if rate is None else Fraction(rate)) == text


@pytest.mark.parametrize(
    ("claimed", "discrepancy"), [("0.6", True), ("0.4", False), ("0.401", False), ("0.402", True), ("0.5", False), ("0", True), ("1", True)]
)  # fmt: skip
def test_a_claimed_hit_rate(claimed, discrepancy):
    """40% by tokens, 50% by requests."""
    traffic = Traffic()
    traffic("w", 0, written=8000, prefix=A)
    traffic("r", 60, cached=8000, prefix=A)
    found = traffic.report(claimed=Decimal(claimed)).claimed
    assert (found.by_tokens, found.by_requests) == ((Fraction(2, 5),) * 2, (Fraction(1, 2),) * 2)
    assert found.discrepancy is discrepancy


def test_a_claim_within_what_is_not_known_is_no_discrepancy():
    traffic = Traffic()
    traffic("r", 0, cached=8000, prefix=A)
    traffic("unstated", 60, count=None, stated=False)
    found = traffic.report(claimed=Decimal("0.6")).claimed
    assert found.by_tokens == (Fraction(2, 5), Fraction(9, 10))
    assert not found.discrepancy


@whole_day
def test_the_plot(report):
    image = ET.fromstring(svg(report.table.hours))
    lines = image.findall("{http://www.w3.org/2000/svg}polyline")
    assert [len(line.get("points").split()) for line in lines] == [24, 24]
    assert ET.fromstring(svg({})).tag.endswith("svg")
    gap = {hour: rates for hour, rates in report.table.hours.items() if hour % 24 not in (5, 6)}
    assert len(ET.fromstring(svg(gap)).findall("{http://www.w3.org/2000/svg}polyline")) == 4


# The command.


@pytest.fixture
def batch(shell, folder):
    (folder / "k.json").write_text(json.dumps(jwk_set(KEY)))
    shell("trust add k.json --yes")
    (folder / "day.cbor").write_bytes(play(scale=0.02)[1])
    return shell


def test_the_command(batch, folder):
    result = batch("cache day.cbor --plot p.svg")
    assert result.code == 0, result.err
    assert result.out.startswith("hit rate: ")
    assert max(map(len, result.out.splitlines())) <= 80
    assert "wrote p.svg" in result.err
    ET.parse("p.svg")
    document = json.loads(batch("cache day.cbor --json").out)
    assert document["by_tag"]["feature=documents"]["requests"] == 1000
    assert set(document) >= {
        "due",
        "expected",
        "misses",
        "by_model",
        "by_day",
        "by_identifier",
        "by_hour",
        "policies",
    }
    assert "float" not in repr([type(value).__name__ for value in document["all"].values()])


def test_the_claim_on_the_command_line(batch):
    result = batch("cache day.cbor --claimed-hit-rate 0.1")
    assert result.code == 1
    assert "claimed hit rate 10.0%: discrepancy" in result.out
    assert (
        json.loads(batch("cache day.cbor --json --claimed-hit-rate 0.1").out)["claimed_hit_rate"][
            "discrepancy"
        ]
        is True
    )


def test_text_is_shown_with_prompts_and_never_without(batch, folder):
    traffic = Traffic()
    traffic("one", 0, written=8000, prefix=A)
    traffic("two", 60, prefix=((8000, "b"),))
    (folder / "b.cbor").write_bytes(b"".join(traffic.parts))
    rows = [
        {"request": "one", **body("It is 09:00, secret.")},
        {"request": "two", **body("It is 09:01, secret.")},
    ]
    Path("p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "secret" not in batch("cache b.cbor").out
    result = batch("cache b.cbor --prompts p.jsonl")
    assert "an early volatile value" in result.out
    assert "before: It is 09:00, secret." in result.out
    assert "now:    It is 09:01, secret." in result.out


def test_a_rejected_batch_gets_no_report(batch, folder):
    data = bytearray(Path("day.cbor").read_bytes())
    data[100] ^= 1
    (folder / "bad.cbor").write_bytes(data)
    result = batch("cache bad.cbor")
    assert (result.code, result.out) == (1, "")
    assert "the batch is rejected" in result.err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("cache day.cbor --claimed-hit-rate 2", "2 is not a hit rate"),
        ("cache day.cbor --claimed-hit-rate x", "x is not a hit rate"),
        ("cache day.cbor --claimed-hit-rate nan", "nan is not a hit rate"),
        ("cache day.cbor --claimed-hit-rate snan", "snan is not a hit rate"),
        ("cache day.cbor --claimed-hit-rate 1e-99999999", "1e-99999999 is not a hit rate"),
        ("cache day.cbor --longest-request -1", "-1 is not in the range"),
        ("cache day.cbor --policy nobody", "there is no policy nobody"),
        ("cache day.cbor --policy k.json", "k.json: "),
        ("cache day.cbor --prompts k.json", "k.json, line 1"),
        ("cache none.cbor", "none.cbor"),
    ],
)
def test_errors(batch, line, message):
    result = batch(line)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert "receipt: hint: " in result.err


def test_one_policy_for_all(batch):
    document = json.loads(batch("cache day.cbor --json --policy openai-in-memory").out)
    assert [policy["name"] for policy in document["policies"]] == ["openai-in-memory"]


@pytest.mark.slow
def test_the_demo(shell):
    steps = json.loads(shell("demo --cache --json").out)
    assert [step["exit_code"] for step in steps] == [0, 0, 0, 1]
