"""Requests with their prices, leaves and prefixes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.finance.plain.numbers import none_first, summed
from tests.finance.plain.prices import price


@dataclass
class Request:
    row: Any
    price: Any
    team: str | None
    model: str
    day: str
    rule: int = 4
    prefix: str | None = None
    identifier: str | None = None
    owner: str | None = None
    length: int = 0
    hit: int = 0
    missed: int = 0
    inside: int = 0
    inner: int = 0

    def __getattr__(self, name):
        """What the receipt says, by tag."""
        if name in ("feature", "environment", "customer", "surface", "session"):
            return self.row.tags.get(name)
        raise AttributeError(name)

    @property
    def time(self):
        return self.row.usage.time

    @property
    def counts(self):
        return self.row.usage.counts

    @property
    def writes(self):
        return self.counts.writes or {}

    @property
    def leaf(self):
        return (
            self.team,
            self.feature,
            self.environment,
            self.customer,
            self.surface,
            self.model,
            self.day,
        )

    @property
    def reads(self):
        """What a token of the prefix saves."""
        return self.price.u - self.price.c

    @property
    def excess(self):
        return self.missed * self.reads + self.inner


class Month:
    """Requests in order, and the registry as TOML says it."""

    def __init__(self, rows, card, finance, period):
        self.card, self.finance, self.period = card, finance, period
        self.teams = {team["name"]: team for team in finance.get("team", [])}
        self.registered = {prefix["name"]: prefix for prefix in finance.get("prefix", [])}
        self.deploys = finance.get("deploy", [])
        ordered = sorted(rows, key=lambda row: (row.usage.time, row.request, row.item))
        self.requests = [self._request(row) for row in ordered]
        self._find_prefixes()

    def _request(self, row):
        team = row.tags.get("team")
        day = str(datetime.fromtimestamp(row.usage.time // 1000, UTC).date())
        return Request(
            row,
            price(self.card, row),
            team if team in self.teams else None,
            f"{row.usage.provider}/{row.usage.model}",
            day,
        )

    def _find_prefixes(self):
        owners = {
            key: prefix for prefix in self.registered.values() for key in prefix.get("ids", [])
        }
        readers = {}
        for request in self.requests:
            for key, _ in request.row.entries:
                readers.setdefault(key, set()).update({request.team} - {None})
        shared = {key for key, teams in readers.items() if len(teams) > 1}
        for request in self.requests:
            if request.counts.logical:
                self._find_prefix(request, owners, shared)
                look_inside(request)

    def _find_prefix(self, request, owners, shared):
        longest = sorted(((length, key) for key, length in request.row.entries), reverse=True)
        tag = request.row.tags.get("prefix")
        for length, key in longest:
            if key in owners:
                request.rule, request.identifier, request.length = 1, key, length
                request.prefix, request.owner = owners[key]["name"], owners[key]["owner"]
                return
        if tag in self.registered:
            prefix = self.registered[tag]
            request.rule, request.prefix, request.owner = 2, tag, prefix["owner"]
            request.length = min(prefix["tokens"], request.counts.logical)
            return
        for length, key in longest:
            if key in shared:
                request.rule, request.prefix, request.length = 3, f"id:{key}", length
                return

    def sums(self, key, value):
        """Sums over requests by a key, in order."""
        return summed((key(request), value(request)) for request in self.requests)

    def keys(self, name):
        return sorted({getattr(request, name) for request in self.requests}, key=none_first)


def look_inside(request):
    """Hit, missed, written inside, inner premium."""
    request.hit = min(request.counts.cached or 0, request.length)
    request.missed = request.length - request.hit
    left = request.inside = min(sum(request.writes.values()), request.missed)
    for ttl in sorted(request.writes, reverse=True):
        taken = min(left, request.writes[ttl])
        request.inner += taken * (request.price.writes[ttl] - request.price.u)
        left -= taken
