"""The exports that can be read, and what each of them can say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from attribution.money.reconcile import plain
from attribution.money.reconcile.invoice import Invoice, Naming


def as_it_is(line: str) -> str:
    """A line by its own name."""
    return line


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of export.

    Attributes:
        read: adds a file to an invoice.
        fold: the name under which it has a line of a price; None: it does not have such lines.
        providers: whose requests it is about; none: those of all.
        binary: whether its amounts went through a double.
        counts, amounts: whether it states quantities and amounts.
    """

    read: Callable[[str, bytes, Naming, Invoice], None]
    fold: Callable[[str], str | None] = as_it_is
    providers: frozenset[str] = frozenset()
    binary: bool = False
    counts: bool = True
    amounts: bool = True


KINDS: Final = {"csv": Kind(plain.read)}
"""By the names of ``--kind``."""
