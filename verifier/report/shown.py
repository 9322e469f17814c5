"""Values of claims in words, for findings (spec/report-words.md, Values)."""

from __future__ import annotations

from verifier.format.claims import Span, Totals


def shown(value: object) -> str:
    """A count, a text, bytes, a map of counts, a span or totals in words; None is "nothing".

    Raises:
        TypeError: it is none of these.
    """
    match value:
        case None:
            return "nothing"
        case int():
            return str(int(value))
        case str():
            return value
        case bytes():
            return value.hex()
        case Span(start, end):
            return f"{start} to {end}"
        case Totals():
            known = {name: sum_ for name, sum_ in value._asdict().items() if sum_ is not None}
            return _map(known, list(known))
        case dict():
            return _map(value, sorted(value))
    raise TypeError(value)


def _map(value: dict[str, object], names: list[str]) -> str:
    return "{" + ", ".join(f"{name}: {shown(value[name])}" for name in names) + "}"
