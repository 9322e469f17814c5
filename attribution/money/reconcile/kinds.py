"""The exports that can be read, and what each of them can say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from attribution.money.reconcile import (
    anthropic_cost,
    anthropic_usage,
    cur2,
    focus,
    gcp,
    litellm,
    openai_costs,
    openai_usage,
    plain,
)
from attribution.money.reconcile.invoice import Invoice, Naming


def as_it_is(model: str, line: str) -> tuple[str, str]:
    """A line by its own name."""
    return model, line


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of export.

    Attributes:
        read: adds a file to an invoice.
        fold: model and line under which it has a line of a price; None: it does not have such lines.
        providers: whose requests it is about; none: those of all.
        binary: whether its amounts went through a double.
        counts, amounts: whether it states quantities and amounts.
    """

    read: Callable[[str, bytes, Naming, Invoice], None]
    fold: Callable[[str, str], tuple[str, str] | None] = as_it_is
    providers: frozenset[str] = frozenset()
    binary: bool = False
    counts: bool = True
    amounts: bool = True


_ANTHROPIC: Final = frozenset({"anthropic"})
_OPENAI: Final = frozenset({"openai"})
_GOOGLE: Final = frozenset({"gcp.gemini", "gcp.gen_ai", "gcp.vertex_ai", "google"})
KINDS: Final = {
    "anthropic-cost": Kind(anthropic_cost.read, anthropic_cost.fold, _ANTHROPIC, counts=False),
    "anthropic-usage": Kind(anthropic_usage.read, anthropic_usage.fold, _ANTHROPIC, amounts=False),
    "openai-costs": Kind(openai_costs.read, openai_costs.fold, _OPENAI, binary=True),
    "openai-usage": Kind(openai_usage.read, openai_usage.fold, _OPENAI, amounts=False),
    "cur2": Kind(cur2.read, cur2.fold, frozenset({"aws.bedrock"})),
    "gcp": Kind(gcp.read, providers=_GOOGLE, binary=True),
    "litellm": Kind(litellm.read, litellm.fold, binary=True, counts=False),
    "focus": Kind(focus.read),
    "csv": Kind(plain.read),
}
"""By the names of ``--kind``."""
