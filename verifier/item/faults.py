"""How the faults of numbers are told."""

from __future__ import annotations

from verifier.format.envelope import Fault


def unequal(code: str, field: str, expected: str | int, actual: str | int) -> Fault:
    """The fault of a field that is not what it should be."""
    message = f"{field}: expected {expected}, found {actual}"
    return Fault(code, message, field=field, expected=str(expected), actual=str(actual))
