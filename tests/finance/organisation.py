"""A month of an organisation, made by a seed: 6 teams, 40 customers, and what goes wrong in such months, at times that are known."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from attribution.money import Row
from tests.finance.running import DAY, PLACE, START
from verifier import TokenCounts, Usage

HOUR = DAY // 24
TEAMS = ("assist", "data", "growth", "platform", "search", "support")
CUSTOMERS = [f"c{number:02}" for number in range(1, 41)]
HAIKU, SONNET, GPT, FLASH, BEDROCK, DEEPSEEK = (
    ("anthropic", "haiku"), ("anthropic", "sonnet"), ("openai", "sol"), ("google", "flash"), ("aws.bedrock", "sonnet"),
    ("deepseek", "pro"),
)  # fmt: skip
MODELS = ("flash", "haiku", "pro", "sonnet")
PREFIXES = {
    "agent": ("assist", 8000),
    "copilot": ("platform", 6000),
    "docs": ("data", 1500),
    "support-kb": ("support", 4000),
}
UNOWNED = "ee" * 32
FEATURES = {  # team, prefix, model, surface, share of the sessions
    "agent": ("assist", "agent", SONNET, "api", 3), "copilot-chat": ("assist", "copilot", SONNET, "web", 4),
    "smart-search": ("search", "copilot", SONNET, "api", 4), "reply": ("support", "support-kb", HAIKU, "web", 4),
    "email": ("growth", "support-kb", HAIKU, "batch", 4), "docs-qa": ("data", "docs", FLASH, "web", 3),
    "enrich": ("data", "unowned", GPT, "batch", 2), "lead-score": ("growth", "unowned", GPT, "batch", 2),
    "evals": ("platform", "copilot", SONNET, "api", 1),
}  # fmt: skip


def identifier(name, model, version):
    """An identifier of a prefix: it is another one at each model, and when the prefix has changed."""
    return f"{f'{name}/{model}'.encode().hex():0<60}{version:04x}"


CARD = """\
currency = "USD"

[[price]]
provider = "anthropic"
model = "sonnet"
input = "3.00"
cached = "0.30"
output = "15.00"
writes = {"300" = "3.75", "3600" = "6.00"}
units = {"requests.web_search" = "10.00"}

[[price]]
provider = "anthropic"
model = "sonnet"
above = 20000
input = "6.00"
cached = "0.60"
output = "22.50"
writes = {"300" = "7.50", "3600" = "12.00"}
units = {"requests.web_search" = "10.00"}

[[price]]
provider = "anthropic"
model = "haiku"
until = "TURN"
input = "1.00"
cached = "0.10"
output = "5.00"
writes = {"300" = "1.25", "3600" = "2.00"}

[[price]]
provider = "anthropic"
model = "haiku"
from = "TURN"
input = "0.80"
cached = "0.08"
output = "4.00"
writes = {"300" = "1.00", "3600" = "1.60"}

[[price]]
provider = "anthropic"
model = "haiku"
terms = {"processing" = "batch"}
input = "0.50"
cached = "0.05"
output = "2.50"
writes = {"300" = "0.625", "3600" = "1.00"}

[[price]]
provider = "openai"
model = "sol"
input = "4.00"
cached = "0.40"
output = "20.00"
writes = {"1800" = "5.00", "43200" = "10.00"}

[[price]]
provider = "google"
model = "flash"
input = "0.30"
cached = "0.03"
output = "2.50"
parts = {"input.audio" = "1.00", "cached.audio" = "0.10"}
units = {"requests.web_search" = "35.00", "storage.token_seconds" = "1.00"}

[[price]]
provider = "aws.bedrock"
model = "sonnet"
input = "2.85"
cached = "0.285"
output = "14.25"

[[price]]
provider = "deepseek"
model = "pro"
input = "0.66"
cached = "0.022"
output = "1.98"

[[price]]
provider = "deepseek"
model = "pro"
days = "mon-fri"
hours = "06:00-10:00"
input = "1.32"
cached = "0.044"
output = "3.96"
"""


@dataclass
class Events:
    """What was planted, and on which days of the month (from 0)."""

    schema: tuple[int, int] = (11, 14)
    template: tuple[int, int] = (6, 17)
    flagship: int = 19
    storm: int = 24
    storm_customer: str = "c07"
    misspelt: int = 2
    stormed: int = 0


@dataclass
class Organisation:
    """Requests, and the files beside them."""

    start: int
    days: int
    rows: list = field(default_factory=list)
    files: dict = field(default_factory=dict)
    events: Events = field(default_factory=Events)

    @property
    def period(self):
        return self.start, self.start + self.days * DAY

    def day(self, number):
        """A day as text."""
        return str(self.moment(number).date())

    def moment(self, number, hour=0):
        return datetime.fromtimestamp(self.start // 1000, UTC) + timedelta(days=number, hours=hour)


class _Maker:
    def __init__(self, seed, made):
        self.random, self.made, self.events = Random(seed), made, made.events

    def month(self, count):
        """Sessions in the order of their times, until there are so many requests; then what is beside them."""
        names = [name for name, (*_, share) in FEATURES.items() for _ in range(share)]
        while len(self.made.rows) < count:
            day = self.random.randrange(self.made.days)
            time = (
                self.made.start + day * DAY + int(self.random.triangular(0, DAY - HOUR, 14 * HOUR))
            )
            self.session(time, day, self.random.choice(names))
        self.storm(count // 25)
        for day in range(self.made.days):
            time = self.made.start + day * DAY + HOUR // 2
            self.row(time, FLASH, TokenCounts(0, 0, 0, None, None, None), {"team": "data", "surface": "batch", "environment": "production"},
                     units={"storage.token_seconds": 10**8 + self.random.randrange(10**7)})  # fmt: skip

    def row(self, time, where, counts, tags, entries=(), miss=None, **more):
        number = len(self.made.rows)
        usage = Usage(*where, more.get("terms", {}), None, time, counts, more.get("units", {}))
        self.made.rows.append(
            Row(number, f"r{number:07}", usage, frozenset(entries), miss, tags, PLACE)
        )

    def session(self, time, day, feature):
        random, (team, prefix, where, surface, _) = self.random, FEATURES[feature]
        if feature == "reply" and day >= self.events.flagship:
            where = SONNET
        tags = {
            "team": team,
            "feature": feature,
            "environment": "production",
            "surface": surface,
            "session": f"s{len(self.made.rows)}",
        }
        if feature == "evals":
            tags["environment"] = "eval"
        elif random.random() < 0.95:
            tags["customer"] = CUSTOMERS[min(39, int(random.expovariate(1 / 12)))]
        if random.random() < 0.03:
            del tags["team"], tags["feature"]
        elif random.random() < 0.03:
            del tags["environment"]
        elif self.events.misspelt and team == "search":
            tags["team"], self.events.misspelt = "serch", self.events.misspelt - 1
        if prefix in PREFIXES and random.random() < 0.8:
            tags["prefix"] = prefix
        terms = {"processing": "batch"} if feature == "email" and random.random() < 0.3 else {}
        self.steps(time, where, prefix, tags, terms)

    def steps(self, time, where, prefix, tags, terms):
        """Requests after each other, each longer than the one before; some sessions move to another backend."""
        random = self.random
        length = PREFIXES[prefix][1] if prefix in PREFIXES else 2500
        size, read = length + random.randrange(100, 2500), 0
        for step in range(random.choice((1, 1, 2, 3, 5))):
            if tags.get("feature") == "copilot-chat" and step and random.random() < 0.05:
                where, read = random.choice((BEDROCK, DEEPSEEK)), 0
            broken = self.broken(prefix, time)
            warm = not broken and random.random() < 0.85
            part = length if random.random() < 0.95 else length // 2
            cached = 0 if broken else max(read, part if warm else 0)
            read = self.step(
                time, where, (prefix, length, broken), tags, terms, size, min(cached, size)
            )
            time += random.randrange(2000, 200_000)
            size += random.randrange(50, 1500)

    def broken(self, prefix, time):
        """The provider's reason, where the prefix is broken."""
        at = time - self.made.start
        for name, (first, end), reason in (
            ("copilot", self.events.schema, "tools_changed"), ("support-kb", self.events.template, "system_changed"),
        ):  # fmt: skip
            if prefix == name and first * DAY + 9 * HOUR <= at < end * DAY + 9 * HOUR:
                return reason
        return None

    def step(self, time, where, prefix, tags, terms, size, cached):
        """One request; what it leaves in the cache for the next."""
        random, (name, length, broken) = self.random, prefix
        written, writes = size - cached - random.randrange(0, 60), None
        if where[0] == "anthropic":
            long = 3600 if random.random() < 0.1 else 300
            writes = {long: max(0, written)}
        elif where == GPT:
            writes = {1800: max(0, written)}
        units = {}
        if where == FLASH and random.random() < 0.3:
            units["input.audio"] = random.randrange(1, size + 1)
            if cached and random.random() < 0.5:
                least = max(0, units["input.audio"] - (size - cached))
                units["cached.audio"] = random.randrange(
                    least, min(cached, units["input.audio"]) + 1
                )
        if where == SONNET and random.random() < 0.05:
            units["requests.web_search"] = random.randrange(1, 4)
        key = UNOWNED if name == "unowned" else identifier(name, where[1], 1 if broken else 0)
        entries = {(key, length)}
        if random.random() < 0.05:
            entries = set()
        output = random.randrange(20, 900)
        counts = TokenCounts(
            size, cached, size - cached, writes, output, random.choice((None, output // 2))
        )
        self.row(
            time,
            where,
            counts,
            tags,
            entries,
            broken if not cached else None,
            terms=terms,
            units=units,
        )
        return cached + sum((writes or {}).values())

    def storm(self, count):
        """A client that asks the same again and again, a few seconds apart."""
        events, random = self.events, self.random
        time = self.made.start + events.storm * DAY + 15 * HOUR
        tags = {"team": "growth", "feature": "lead-score", "environment": "production", "surface": "batch",
                "customer": events.storm_customer, "session": "storm"}  # fmt: skip
        events.stormed = count
        for _ in range(count):
            counts = TokenCounts(9000, 2500, 6500, {1800: 0}, 700, None)
            self.row(time, GPT, counts, tags, {(UNOWNED, 2500)})
            time += random.randrange(1000, 9000)


def finance(made, *, deploys=True, pools=True, engineering=False):
    """finance.toml."""
    events = made.events
    lines = [
        'currency = "USD"', "[tags]", 'required = ["team", "feature", "environment", "surface"]', 'owner = "platform"',
        "[methods.warmup-adjusted]", 'owner_share = "0.20"', "[methods.platform-tax]", 'team = "platform"', 'keep = "0.10"',
    ]  # fmt: skip
    for number, team in enumerate(TEAMS):
        lines += ["[[team]]", f'name = "{team}"', f'cost_center = "CC-{100 + number}"']
        if engineering and team == "platform":
            lines.append('engineering = "1.50"')
    for name, (owner, tokens) in PREFIXES.items():
        known = [identifier(name, model, version) for model in MODELS for version in range(2)]
        ids = ", ".join(f'"{one}"' for one in known)
        lines += [
            "[[prefix]]",
            f'name = "{name}"',
            f'owner = "{owner}"',
            f"tokens = {tokens}",
            f"ids = [{ids}]",
        ]
    for day, team, what, prefix in (
        (events.template[0], "growth", "date line in the template", "support-kb"),
        (events.schema[0], "search", "tool schema v2", "copilot"),
        (events.schema[1], "search", "stable tool order", "copilot"),
        (events.template[1], "support", "date line moved to the end", "support-kb"),
        (made.days - 8, "assist", "agent prompt v2", "agent"),
        (2, "growth", "landing page", None),
    ):  # fmt: skip
        if deploys:
            lines += [
                "[[deploy]]",
                f"time = {made.moment(day, 9):%Y-%m-%dT%H:%M:%SZ}",
                f'team = "{team}"',
                f'what = "{what}"',
            ]
            lines += [f'prefixes = ["{prefix}"]'] if prefix else []
    for name, amount, by, more in (
        ("vector-db", "12.50", "driver", "capacity = 500"), ("parsing", "3.33", "driver", ""), ("gateway", "1.00", "requests", ""),
        ("tuning", "0.70", "tokens", ""), ("committed-use discount", "-0.25", "spend", ""),
    ):  # fmt: skip
        if pools:
            lines += ["[[pool]]", f'name = "{name}"', f'amount = "{amount}"', f'by = "{by}"', more]
    return "\n".join([*lines, ""])


def organisation(seed, count=3000, *, start=START, days=31, events=None, **choices):
    """A month of so many requests and some more.

    Args:
        seed: of what is drawn.
        count: of requests of the usual traffic.
        start: of the month, in ms.
        days: of the month.
        events: when things go wrong; None: at the usual times.
        choices: of `finance`.
    """
    made = Organisation(start, days, events=events or Events())
    random = Random(seed)
    revenue = [f"customer,{name},{random.randrange(40, 400) / 100:.2f}" for name in CUSTOMERS]
    revenue += [f"feature,{name},{random.randrange(200, 1500) / 100:.2f}" for name in FEATURES]
    drivers = [f"vector-db,{name},{random.randrange(20)}" for name in CUSTOMERS]
    drivers += [
        f"parsing,{name},{random.randrange(50)}" for name in CUSTOMERS if random.random() < 0.6
    ]
    made.files = {
        "card.toml": CARD.replace("TURN", made.day(15)),
        "finance.toml": finance(made, **choices),
        "revenue.csv": "\n".join(["dimension,value,revenue", *revenue, ""]),
        "drivers.csv": "\n".join(
            ["pool,customer,quantity", *(drivers if choices.get("pools", True) else []), ""]
        ),
    }
    _Maker(seed, made).month(count)
    return made
