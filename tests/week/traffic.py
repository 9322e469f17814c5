"""Lets the week happen, and closes its two months of both accounts, from all journals together."""

from __future__ import annotations

import heapq
import json
import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from cli.main import run
from receipts import Journal, KeyFolder, jwk, kid_text
from receipts.wallet import Wallet
from tests.build import ISSUER, KEY, SECOND
from tests.week.clock import WeekClock
from tests.week.customer import Customer
from tests.week.network import Network
from tests.week.plans import ACCOUNTS, DAY, GATEWAYS, ROTATION, START, Plan, plans
from tests.week.provider import Provider

MONTHS = ("2026-10", "2026-11")
_TOGETHER = 4
"""Async calls at once."""


@dataclass
class Week:
    """An honest week, closed: a folder with ``wallet.db``, ``keys``, and a batch for each account and month."""

    folder: Path
    plans: list[Plan]
    provider: Provider
    gave_up: int

    @property
    def wallet(self) -> Path:
        return self.folder / "wallet.db"

    @property
    def trusted(self) -> Path:
        return self.folder / "keys/issuer.jwks.json"

    def batch(self, account: str, month: int) -> Path:
        return self.folder / f"{account}-{MONTHS[month]}.cbor"


def happens(folder: Path, count: int, seed: int) -> Week:
    """Simulate a week of so many calls."""
    clock, made = WeekClock(START), plans(count, seed)
    _make_keys(folder / "keys")
    with clock.everywhere(seed), ExitStack() as opened:
        keys = KeyFolder(folder / "keys")
        journals = [
            opened.enter_context(Journal(str(folder / f"{n}.db"), ISSUER, keys))
            for n in range(GATEWAYS)
        ]
        for n, journal in enumerate(journals):
            journal.stream = f"gateway-{n}"
        provider = Provider(made, journals, clock)
        wallet = Wallet(str(folder / "wallet.db"))
        network = Network(provider)
        customer = Customer(wallet, network)
        _all_calls(made, customer, clock)
        wallet.close()
        network.loop.close()
        assert wallet.store.failed == 0
        for journal in journals:
            journal.close()
        _close(folder)
    return Week(folder, made, provider, customer.gave_up)


def _all_calls(made: list[Plan], customer: Customer, clock: WeekClock) -> None:
    later: list[tuple[int, int]] = []
    waiting: list[Plan] = []
    for plan in made:
        while later and later[0][0] <= plan.time:
            customer.fetch(made[heapq.heappop(later)[1]])
        clock.now = max(clock.now, plan.time)
        if plan.kind == "async":
            waiting.append(plan)
            if len(waiting) == _TOGETHER:
                customer.call_together(waiting)
                waiting.clear()
            continue
        customer.call(plan)
        if plan.kind in ("background", "batch"):
            hours = 1 if plan.kind == "background" else 20
            heapq.heappush(later, (plan.time + hours * DAY // 24, plan.number))
    customer.call_together(waiting)
    while later:
        time, number = heapq.heappop(later)
        clock.now = max(clock.now, time)
        customer.fetch(made[number])


def _make_keys(folder: Path) -> None:
    """Two keys: the second takes over in the middle of the week."""
    folder.mkdir()
    (folder / "issuer.pem").write_bytes(KEY.to_pem())
    (folder / f"issuer-{kid_text(SECOND.kid)}.pem").write_bytes(SECOND.to_pem())
    for path in folder.iterdir():
        os.chmod(path, 0o600)
    keys = [jwk(KEY.public, expires=ROTATION), jwk(SECOND.public, not_before=ROTATION)]
    (folder / "issuer.jwks.json").write_text(json.dumps({"iss": ISSUER, "keys": keys}))


def _close(folder: Path) -> None:
    journals = [word for n in range(GATEWAYS) for word in ("--journal", str(folder / f"{n}.db"))]
    for account in ACCOUNTS:
        for month in MONTHS:
            out = str(folder / f"{account}-{month}.cbor")
            code = run(
                [
                    "close",
                    *journals,
                    "--account",
                    account,
                    "--period",
                    month,
                    "--keys",
                    str(folder / "keys"),
                    "--out",
                    out,
                    "--quiet",
                ]
            )
            assert code == 0
