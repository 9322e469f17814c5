"""Receipts by an observer: what a customer's own wallet saw of calls to providers that issue nothing.

A receipt of an observer states what the provider's usage object said, and that its issuer does not bill
(spec/receipt.md, 13).
"""

from receipts.observing.observation import (
    Observation,
    Places,
    check_call,
    first_answers,
    left_out,
    observe,
)
from receipts.observing.prefixes import Prefixes, is_one_pass, token_prefixes

__all__ = [
    "Observation",
    "Places",
    "Prefixes",
    "check_call",
    "first_answers",
    "is_one_pass",
    "left_out",
    "observe",
    "token_prefixes",
]
