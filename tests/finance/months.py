"""A month of an organisation, made by a seed: traffic of some teams with sessions, prefixes, breaks, moves, gaps in tags, storage."""

from random import Random

from attribution.money import Deploy, Pool, Prefix, Registry, Row, Tagging, Team
from tests.finance.cards import card
from tests.finance.running import DAY, PLACE, SONNET, START
from verifier import TokenCounts, Usage

HOUR = DAY // 24
CARD = card(
    {**SONNET, "writes": {300: 3_750_000, 3600: 6_000_000}, "units": {"requests.web_search": [10**10, 1]}},
    {**SONNET, "above": 9000, "input": 6_000_000, "cached": 600_000, "writes": {300: 7_500_000, 3600: 12_000_000}},
    {**SONNET, "terms": {"processing": "batch"}, "input": 1_500_000, "cached": 150_000},
    {"provider": "google", "model": "flash", "input": 300_000, "cached": 30_000, "output": 2_500_000,
     "units": {"storage.token_seconds": [2500, 9]}},
    {"provider": "reseller", "model": "sonnet", "input": 2_850_000, "cached": 285_000, "output": 14_250_000},
)  # fmt: skip
TEAMS = ("assist", "data", "growth", "platform", "search")
_PREFIXES = {"agent": ("assist", 5000), "copilot": ("platform", 3000), "docs": ("data", 1500)}
_UNOWNED = "ee" * 32
_HOSTILE = (
    'a,"b"\n',
    "=1+1",
    "\x00\x1b[31m",
    "é\u2028",
    "'; DROP TABLE receipts; --",
    "none",
    "NULL",
)


def identifier(name, version):
    """An identifier of a prefix."""
    return f"{name.encode().hex():0<60}{version:04x}"


REGISTRY = Registry(
    "USD", {name: Team(name, f"CC-{name}") for name in TEAMS},
    Tagging(("team", "feature", "environment"), "platform"),
    {
        name: Prefix(name, owner, tokens, [identifier(name, version) for version in range(3)])
        for name, (owner, tokens) in _PREFIXES.items()
    },
    [
        Deploy(START + 9 * DAY + 10 * HOUR, "search", "new tools", ["copilot"]),
        Deploy(START + 20 * DAY, "assist", "agent prompt v2", ["agent"]),
        Deploy(START + 20 * DAY + HOUR, "data", "agent prompt v3", ["agent"]),
        Deploy(START + 12 * DAY, "growth", "landing page"),
    ],
    [Pool("gateway", 10**12, "requests"), Pool("vector", 3 * 10**12, "driver", {"c1": 5, "c2": 9}, 20)],
    {"customer": {"c1": 10**12, "c9": 5}, "feature": {"chat": 10**12}}, platform="platform",
)  # fmt: skip


class _Maker:
    def __init__(self, seed):
        self.random = Random(seed)
        self.rows = []

    def row(self, time, **fields):
        random, number = self.random, len(self.rows)
        logical = fields.get("logical", 0)
        cached, writes = fields.get("cached", 0), fields.get("writes", {})
        if random.random() < 0.02 and fields["provider"] == "google":
            cached = None
        output = random.choice([None, 0, random.randrange(900)])
        counts = TokenCounts(logical, cached, None, writes, output, None)
        usage = Usage(
            fields["provider"], fields["model"], fields.get("terms", {}), None, time, counts, fields.get("units", {})
        )  # fmt: skip
        entries = frozenset(fields.get("entries", ()))
        tags = fields["tags"]
        miss = random.choice(["tools_changed", None]) if cached == 0 and entries else None
        self.rows.append(
            Row(number, f"r{random.randrange(10**6):06}", usage, entries, miss, tags, PLACE)
        )

    def tags(self):
        random = self.random
        team = random.choice([*TEAMS, "unheard-of"])
        tags = {
            "team": team, "feature": random.choice(["chat", "mail", *_HOSTILE]), "environment": random.choice(["production", "eval"]),
            "customer": random.choice(["c1", "c2", "c3", *_HOSTILE]), "surface": random.choice(["web", "api"]),
        }  # fmt: skip
        return {name: value for name, value in tags.items() if random.random() > 0.06}

    def session(self, time, broken):
        """Some requests after each other, on one prefix."""
        random, tags = self.random, self.tags()
        name = random.choice([*_PREFIXES, "unowned", "none"])
        length = {"unowned": 2500, "none": 0}.get(name) or _PREFIXES.get(name, (None, 0))[1]
        where = random.choice(
            [("anthropic", "sonnet"), ("anthropic", "sonnet"), ("google", "flash")]
        )
        tags["session"] = f"s{time}-{random.randrange(10**6)}"
        if random.random() < 0.5 and name in _PREFIXES:
            tags["prefix"] = name
        warm = name not in broken and random.random() < 0.9
        size = length + random.randrange(100, 6000)
        for step in range(random.randrange(1, 5)):
            self.step(
                time, where, tags, (name, length), size, warm or (step > 0 and name not in broken)
            )
            time += random.randrange(1000, 400_000)
            size += random.randrange(50, 900)
            if random.random() < 0.1:
                where = ("reseller", "sonnet")

    def step(self, time, where, tags, prefix, size, hit):
        random, (name, length) = self.random, prefix
        provider, model = where
        cached = 0
        if hit:
            cached = random.choice([length, length, size - random.randrange(0, 50), length // 2])
        writes = {}
        if provider == "anthropic":
            written = random.randrange(0, size - cached + 1)
            writes = random.choice(
                [
                    {300: written},
                    {3600: written // 2, 300: written - written // 2},
                    {0: written},
                    {},
                ]
            )
        entries = (
            {("aa" * 30 + f"{random.randrange(10**6):04x}"[-4:], size)}
            if random.random() < 0.3
            else set()
        )
        if name == "unowned":
            entries.add((_UNOWNED, length))
        elif name != "none" and random.random() < 0.8:
            entries.add((identifier(name, random.randrange(3)), length))
        terms = (
            {"processing": "batch"}
            if provider == "anthropic" and not writes and random.random() < 0.2
            else {}
        )
        units = (
            {"requests.web_search": 1}
            if provider == "anthropic" and not terms and random.random() < 0.1
            else {}
        )
        self.row(
            time, provider=provider, model=model, logical=size, cached=cached, writes=writes, entries=entries, tags=tags,
            terms=terms, units=units,
        )  # fmt: skip


def month(seed, sessions=700, days=30):
    """The requests of a month, in no order."""
    maker = _Maker(seed)
    for _ in range(sessions):
        time = START + maker.random.randrange(days * DAY)
        day = (time - START) // DAY
        broken = {"copilot"} if 9 <= day < 19 else {"docs"} if day in (12, 13) else set()
        maker.session(time, broken)
    for day in range(0, days, 7):
        maker.row(START + day * DAY, provider="google", model="flash", tags={"team": "data"},
                  units={"storage.token_seconds": 10**8 + day})  # fmt: skip
    maker.random.shuffle(maker.rows)
    return maker.rows
