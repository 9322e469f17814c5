"""direct: everyone pays what its requests cost."""

from __future__ import annotations

from typing import Final

from attribution.money.ledger.leaves import Method, check
from attribution.money.ledger.ledger import Ledger

_DIRECT: Final = """
INSERT INTO allocated
SELECT 'direct', team, feature, environment, customer, surface, model, day, amount FROM leaves
"""


def direct(ledger: Ledger) -> None:
    """Allocate directly."""
    ledger.db.execute(_DIRECT)
    check(ledger, Method.DIRECT)
