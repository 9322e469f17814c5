"""Months made by seeds: every figure of the document is that of the plain computation, whatever the month is."""

import csv
import tomllib
from io import StringIO
from random import Random

import pytest

from attribution.money import SECTIONS, Asked, Ledger, Reports, allocate_all
from cli.finance.records import Inputs
from cli.finance.registry import read_registry
from tests.finance.organisation import TEAMS, Events, organisation
from tests.finance.plain import document
from tests.finance.running import DAY, START
from tests.ratecards import checking

FEBRUARY = 1_769_904_000_000
"""2026-02-01, in ms."""
HOSTILE = (
    "",
    "none",
    "NULL",
    "-",
    "é\u2028",
    "'; DROP TABLE receipts; --",
    "<script>",
    "=1+1",
    "\U0001f600",
    "Z",
    "id:",
)


def made(folder, month):
    """The document of the ledger."""
    for name, text in month.files.items():
        (folder / name).write_text(text)
    registry = read_registry(folder / "finance.toml", Inputs()).registry
    card = checking(month.files["card.toml"])
    with Ledger() as ledger:
        ledger.load(month.rows, card, registry)
        allocate_all(ledger, registry)
        return Reports(ledger, registry, card, Asked(month.period)).document(SECTIONS)


def computed(month):
    """The document of the plain computation."""
    finance = tomllib.loads(month.files["finance.toml"])
    for name in ("revenue", "drivers"):
        finance[name] = list(csv.DictReader(StringIO(month.files[f"{name}.csv"])))
    return document(month.rows, tomllib.loads(month.files["card.toml"]), finance, month.period)


def same(folder, month):
    found, expected = made(folder, month), computed(month)
    for name, value in expected.items():
        assert found.get(name) == value, name
    return found


def test_a_month(tmp_path):
    found = same(tmp_path, organisation(0, 1200))
    assert [one["prefix"] for one in found["breaks"]][:1] == ["copilot"]


def spoilt(month, seed):
    """Requests at midnight, at one time, without counts, with a write of an unknown lifetime, without tags, with odd names."""
    random = Random(seed)
    for at, row in enumerate(month.rows):
        usage, counts, tags = row.usage, row.usage.counts, dict(row.tags)
        match random.randrange(12):
            case 0:
                usage = usage._replace(time=usage.time // DAY * DAY)
            case 1:
                usage = usage._replace(time=month.rows[at - 1].usage.time if at else usage.time)
            case 6:
                usage = usage._replace(
                    time=usage.time // DAY * DAY + 9 * DAY // 24
                )  # as deploys are
            case 2 if usage.model == "flash":
                usage = usage._replace(
                    counts=counts._replace(cached=None, attributed=None), units={}
                )
            case 3 if counts.writes:
                usage = usage._replace(
                    counts=counts._replace(writes={0: sum(counts.writes.values())})
                )
            case 4:
                tags.pop(random.choice([*tags]))
            case 5:
                tags[random.choice([*tags])] = random.choice(HOSTILE)
        month.rows[at] = row._replace(usage=usage, tags=tags)
    random.shuffle(month.rows)
    return month


@pytest.mark.parametrize(
    "choices",
    [
        {"start": FEBRUARY, "days": 28},
        {"days": 30, "deploys": False},
        {"days": 31, "pools": False},
        {"days": 10, "events": Events((4, 6), (5, 8), 7, 8)},
        {"engineering": True},
        {"count": 1},
    ],
    ids=str,
)
def test_other_months(tmp_path, choices):
    same(tmp_path, spoilt(organisation(5, **{"count": 300, **choices}), 5))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 20))
def test_many_months(tmp_path, seed):
    choices = Random(seed)
    days = choices.choice((28, 30, 31))
    first = choices.randrange(3, 8)
    events = Events(
        (first + 4, choices.randrange(first + 5, days)),
        (first, choices.randrange(first + 1, days)),
        12,
        20,
    )
    month = organisation(
        seed, choices.randrange(400, 2500), start=START + choices.randrange(300) * DAY, days=days, events=events,
        deploys=choices.random() < 0.8, pools=choices.random() < 0.8, engineering=choices.random() < 0.3,
    )  # fmt: skip
    settings = {
        'owner_share = "0.20"': f'owner_share = "{choices.choice(("0", "0.333", "1"))}"',
        'keep = "0.10"': f'keep = "{choices.choice(("0", "0.37", "1"))}"\n[breakage]\ndrop = "{choices.choice(("0.3", "0.9"))}"\n'
        f'recover = "{choices.choice(("0.5", "1"))}"\nmin_requests = {choices.choice((1, 4, 12))}',
        "capacity = 500": f"capacity = {choices.choice((0, 10**9))}",
    }  # fmt: skip
    for usual, other in settings.items():
        month.files["finance.toml"] = month.files["finance.toml"].replace(usual, other)
    same(tmp_path, spoilt(month, seed))


def even(month, **counts):
    """The month with requests that are all the same, each of another customer; and pools of next to nothing."""
    first = month.rows[0]
    usage = first.usage._replace(
        provider="anthropic", model="haiku", terms={}, units={}, time=month.start
    )
    usage = usage._replace(counts=first.usage.counts._replace(**counts))
    month.rows[:] = [
        first._replace(item=at, request=f"r{at}", usage=usage, entries=frozenset(), miss=None,
                       tags={"team": TEAMS[at % 5], "customer": f"c{at:02}"})
        for at in range(11)
    ]  # fmt: skip
    for name, amount, by in (
        ("a little", "0.000000000005", "requests"), ("back", "-0.000000000005", "spend"), ("nothing", "0", "tokens"),
        ("cent", "0.01", "tokens"),
    ):  # fmt: skip
        month.files["finance.toml"] += (
            f'[[pool]]\nname = "{name}"\namount = "{amount}"\nby = "{by}"\n'
        )
    return month


@pytest.mark.parametrize(
    "counts",
    [
        {"logical": 7, "cached": 0, "attributed": 7, "writes": {}, "output": 1, "reasoning": None},  # nothing saved
        {"logical": 7, "cached": 7, "attributed": 0, "writes": {}, "output": 0, "reasoning": None},
        {"logical": 7, "cached": 0, "attributed": 7, "writes": {3600: 7}, "output": 0, "reasoning": 0},  # a loss
    ],
    ids=["plain", "cached", "written"],
)  # fmt: skip
def test_ties_go_to_the_lower_key(tmp_path, counts):
    """And one team of six has no request."""
    month = even(organisation(0, 1, pools=False), **counts)
    found = same(tmp_path, month)
    assert [row["team"] for row in found["compare"]] == [*TEAMS[:5]]
    bits = {row["customer"]: row["amount"] for row in found["pools"] if row["pool"] == "a little"}
    assert [customer for customer, amount in bits.items() if amount != "0.000000000000"] == [
        f"c{at:02}" for at in range(5)
    ]
