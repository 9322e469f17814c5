"""The running example of spec/attribution.md: four requests, four teams, one prefix of 8,000 tokens that `platform` owns."""

from dataclasses import replace

from attribution.money.card import Card, CardRow
from attribution.money.registry import Prefix, Registry, Team
from attribution.money.rows import Row

DAY = 86_400_000
START = 20_362 * DAY
"""2025-10-01, in ms."""
MICRO = 10**6
"""Picounits of a millionth."""
IDENTIFIER = "ab" * 32
CARD_ROW = CardRow(
    "anthropic", "sonnet", 0, 3_000_000, 300_000, 15_000_000, writes={300: 3_750_000}
)
CARD = Card([CARD_ROW])
TEAMS = {name: Team(name) for name in ("assist", "data", "growth", "platform", "search")}
REGISTRY = Registry(
    "USD", TEAMS, prefixes={"copilot": Prefix("copilot", "platform", 8000, [IDENTIFIER])}, platform="platform",
)  # fmt: skip
_PLAIN = Row(0, START, "", "anthropic", "sonnet", {}, 0, 0, {}, 0, None, {}, frozenset(), None, {})


def request(number, team=None, **fields):
    """A request, one second after the one before; ``prefix``: whether it has the prefix. Other fields as those of `Row`."""
    has_prefix = fields.pop("prefix", False)
    tags = {**({} if team is None else {"team": team}), **fields.pop("tags", {})}
    entries = frozenset({(IDENTIFIER, 8000)}) if has_prefix else frozenset()
    row = _PLAIN._replace(
        item=number, time=START + 1000 * number, request=f"r{number:04}", entries=entries, tags=tags
    )
    return row._replace(**fields)


ROWS = [
    request(1, "search", prefix=True, logical=10_000, writes={300: 8000}, output=1000),
    request(2, "assist", prefix=True, logical=10_000, cached=8000, output=1000),
    request(3, "data", prefix=True, logical=9000, cached=8000),
    request(4, "growth", logical=5000),
]


def keeping(part):
    """The registry with a part of the net saving that the platform team keeps."""
    return replace(REGISTRY, keep=part)
