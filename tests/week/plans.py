"""What is asked in the week, and what goes wrong with it: plans, by a seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.build import NOVEMBER

DAY = 86_400_000
START = NOVEMBER[0] - 3 * DAY
"""Thursday, 2026-10-29: the month ends in the middle of the week."""
END = START + 7 * DAY
ROTATION = NOVEMBER[0] + DAY
"""When the second key takes over."""
ACCOUNTS = ("acme", "globex")
GATEWAYS = 3
SHARES = {
    "limited": 0.02, "broken": 0.01, "overloaded": 0.01, "given up": 0.003, "dropped": 0.004, "error event": 0.003,
    "cut": 0.015, "unfinished": 0.005, "without usage": 0.03, "cancelled": 0.02, "redirected": 0.01, "replayed": 0.004,
    "upload": 0.01, "batch": 0.004, "count": 0.02, "moderation": 0.01, "background": 0.01, "other": 0.05, "async": 0.02,
}  # fmt: skip
"""Of each special kind of call, how many; all others are plain. An async one is plain too, but for its client."""
_MANY = 1000
"""With so many calls, each special kind happens with each of its APIs in each account and month; with fewer, with one of them."""
OFFICIAL = 0.25
"""Of the plain calls, how many are made with the official clients."""
_BILLED = ("chat", "responses", "messages")
_APIS = {
    "upload": ("files",),
    "count": ("count",),
    "moderation": ("moderations",),
    "background": ("responses",),
    "without usage": ("chat",),
    "batch": ("chat", "messages"),
    "overloaded": ("messages",),
    "error event": ("messages",),
    "other": ("chat",),
}
_STREAMED = frozenset({"error event", "cut", "unfinished", "without usage", "cancelled"})
_FAULTS = {"limited": [429], "broken": [500], "overloaded": [529, 529], "given up": [429, 429, 429], "dropped": [0]}  # fmt: skip
"""The answers to the first attempts; 0: the connection breaks before there is any."""
PREFIXES = {"chat": "chatcmpl-", "responses": "resp_", "messages": "msg_", "files": "file-", "moderations": "modr-", "count": "count-"}  # fmt: skip
MODELS = {"chat": ("gpt-5.2", "gpt-5.2-2025-12-11"), "responses": ("gpt-5.2", "gpt-5.2-2025-12-11"),
          "messages": ("claude-sonnet-4-6", "claude-sonnet-4-6")}  # fmt: skip
"""What is asked for, and what answers."""


@dataclass
class Plan:
    """One thing that the customer asks for, and how it goes."""

    number: int
    kind: str
    api: str
    account: str
    time: int
    gateway: int
    stream: bool
    official: bool
    tool: bool
    billed: bool
    """Of a stream that did not come to its end: whether it is billed all the same."""
    usage: dict[str, Any]
    faults: list[int] = field(default_factory=list)
    attempts: int = 0

    @property
    def id(self) -> str:
        """What the response names."""
        return f"{PREFIXES[self.api]}{self.number:05}"

    @property
    def month(self) -> int:
        return int(self.time >= NOVEMBER[0])


def plans(count: int, seed: int) -> list[Plan]:
    """The plans of a week, in the order of their times."""
    random = Random(seed)
    step = (END - START) // count
    places = [(START + step * n, random.choices(ACCOUNTS, (7, 3))[0]) for n in range(count)]
    kinds = _kinds(places, random)
    return [
        _plan(n, *kinds.get(n, ("plain", random.choice(_BILLED))), *place, random)
        for n, place in enumerate(places)
    ]


def _kinds(places: list[tuple[int, str]], random: Random) -> dict[int, tuple[str, str]]:
    """Which of the plans are special: kind and API."""
    free: dict[tuple[str, bool], list[int]] = {}
    for n, (time, account) in enumerate(places):
        free.setdefault((account, time >= NOVEMBER[0]), []).append(n)
    for numbers in free.values():
        random.shuffle(numbers)
    kinds = {}
    for kind, share in SHARES.items():
        apis = _APIS.get(kind, _BILLED)
        least = 4 * len(apis) if len(places) >= _MANY else 4
        for n in range(max(least, round(share * len(places)))):
            kinds[free[ACCOUNTS[n % 2], n % 4 > 1].pop()] = kind, apis[n // 4 % len(apis)]
    return kinds


def _plan(number: int, kind: str, api: str, time: int, account: str, random: Random) -> Plan:
    usage = _USAGES[api](random) if api in _USAGES else {}
    return Plan(
        number, kind, api, account, time, random.randrange(GATEWAYS),
        stream=kind in _STREAMED or (kind in ("plain", "async", "limited") and random.random() < 0.4),
        official=kind != "plain" or random.random() < OFFICIAL, tool=random.random() < 0.2, billed=number % 3 > 0,
        usage=usage, faults=list(_FAULTS.get(kind, ())),
    )  # fmt: skip


# Usage objects.


def _chat(random: Random) -> dict[str, Any]:
    logical, output = random.randrange(200, 20_000), random.randrange(20, 3_000)
    cached = random.randrange(logical) // 128 * 128
    return {
        "prompt_tokens": logical, "completion_tokens": output, "total_tokens": logical + output,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": random.randrange(output), "audio_tokens": 0},
    }  # fmt: skip


def _responses(random: Random) -> dict[str, Any]:
    logical, output = random.randrange(200, 20_000), random.randrange(20, 3_000)
    cached = random.randrange(logical) // 128 * 128
    return {
        "input_tokens": logical, "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": (logical - cached) // 2},
        "output_tokens": output, "output_tokens_details": {"reasoning_tokens": random.randrange(output)},
        "total_tokens": logical + output,
    }  # fmt: skip


def _messages(random: Random) -> dict[str, Any]:
    short, long = random.randrange(1, 2_000), random.choice((0, random.randrange(2_000)))
    return {
        "input_tokens": random.randrange(1, 500), "cache_read_input_tokens": random.randrange(10_000),
        "cache_creation_input_tokens": short + long,
        "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long},
        "output_tokens": random.randrange(20, 3_000), "service_tier": random.choice(("standard", "standard", "priority")),
    }  # fmt: skip


_USAGES = {"chat": _chat, "responses": _responses, "messages": _messages}
