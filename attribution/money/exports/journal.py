"""The chargeback as a transaction of Beancount (spec/exports.md, Journal)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from verifier import escape

_EXPENSES: Final = "Expenses:Tokens"
_OWED: Final = "Liabilities:Tokens"
_NONE: Final = "Untagged"
_LONGEST: Final = 1000


def beancount(
    rows: Sequence[Mapping[str, Any]], days: tuple[date, date], currency: str, head: Iterable[str]
) -> str:
    """The journal.

    Args:
        rows: of the chargeback: ``team``, ``cost_center`` and ``amount``, in cents as decimal text.
        days: the first of the period, and its last.
        currency: of the amounts.
        head: lines that say on what it rests.
    """
    first, last = days
    names = _accounts([row["team"] for row in rows])
    lines = [f"; {escape(line, _LONGEST)}" for line in head]
    lines += ["", *(f"{first} open {name} {currency}" for name in (_OWED, *names)), ""]
    lines.append(f'{last} * "Token receipts" "chargeback of {first} to {last}"')
    for name, row in zip(names, rows, strict=True):
        lines.append(f"  {name}  {row['amount']} {currency}")
        lines += [f"    {key}: {json.dumps(row[of], ensure_ascii=False)}" for key, of in _MORE if row[of] is not None]  # fmt: skip
    total = sum((Decimal(row["amount"]) for row in rows), Decimal("0.00"))
    return "\n".join([*lines, f"  {_OWED}  {-total} {currency}", ""])


_MORE: Final = (("team", "team"), ("cost-center", "cost_center"))


def _accounts(teams: Iterable[str | None]) -> list[str]:
    """An account for each team; what becomes the same gets a number."""
    found: dict[str, None] = {}
    for team in teams:
        base = _component(team)
        name, number = base, 2
        while name in found:
            name, number = f"{base}-{number}", number + 1
        found[name] = None
    return [f"{_EXPENSES}:{name}" for name in found]


def _component(team: str | None) -> str:
    """A part of a name of an account: it begins with a capital or a digit."""
    plain = re.sub(r"[^A-Za-z0-9]", "-", team or _NONE).lstrip("-")
    return plain[:1].upper() + plain[1:] if plain else "Team"
