"""The running example of spec/attribution.md: four requests, four teams, one prefix of 8,000 tokens that `platform` owns."""

from dataclasses import replace

from attribution.money import Prefix, Registry, Row, Team
from tests.finance.cards import card
from verifier import TokenCounts, Usage

DAY = 86_400_000
START = 20_362 * DAY
"""2025-10-01, in ms."""
MICRO = 10**6
"""Picounits of a millionth."""
IDENTIFIER = "ab" * 32
SONNET = {
    "provider": "anthropic", "model": "sonnet", "input": 3_000_000, "cached": 300_000, "output": 15_000_000,
    "writes": {300: 3_750_000},
}  # fmt: skip
CARD = card(SONNET)
TEAMS = {name: Team(name) for name in ("assist", "data", "growth", "platform", "search")}
REGISTRY = Registry(
    "USD", TEAMS, prefixes={"copilot": Prefix("copilot", "platform", 8000, [IDENTIFIER])}, platform="platform",
)  # fmt: skip


PLACE = ("https://api.example.com", "acme", "s", 0)


def request(number, team=None, *, logical=0, cached=0, writes=None, output=0, **fields):
    """A request, one second after the one before, by `team`.

    Other fields: ``prefix`` (whether it has the prefix), ``entries``, ``tags``, ``time``, ``miss``, ``provider``, ``model``, ``units``.
    """
    entries = fields.get("entries", {(IDENTIFIER, 8000)} if fields.get("prefix") else set())
    tags = {**({} if team is None else {"team": team}), **fields.get("tags", {})}
    counts = TokenCounts(
        logical, cached, None if cached is None else logical - cached, writes or {}, output, None
    )
    usage = Usage(
        fields.get("provider", "anthropic"), fields.get("model", "sonnet"), {}, None,
        fields.get("time", START + 1000 * number), counts, fields.get("units", {}),
    )  # fmt: skip
    return Row(number, f"r{number:04}", usage, frozenset(entries), fields.get("miss"), tags, PLACE)


ROWS = [
    request(1, "search", prefix=True, logical=10_000, writes={300: 8000}, output=1000),
    request(2, "assist", prefix=True, logical=10_000, cached=8000, output=1000),
    request(3, "data", prefix=True, logical=9000, cached=8000),
    request(4, "growth", logical=5000),
]


def keeping(part):
    """The registry with a part of the net saving that the platform team keeps."""
    return replace(REGISTRY, keep=part)
