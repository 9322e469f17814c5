"""What the options of ``receipt attribute`` say, in types."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from attribution.money import DIMENSIONS, OF_REQUESTS, Other, at_model, by_card, exact, with_term
from cli.finance.records import Inputs
from cli.terminal import CliError
from verifier import CardError, RateCard, read_card

Span = tuple[date, date]


class WhatIf(NamedTuple):
    """What is asked about: a hit rate, or another price, and that in words."""

    hit_rate: Fraction | None
    other: Other | None = None
    words: str = ""


def read_rate_card(path: str, inputs: Inputs) -> RateCard:
    """A rate card in a file.

    Raises:
        CliError: it is none.
        OSError: it cannot be read.
    """
    try:
        return read_card(inputs.read(Path(path)))
    except CardError as error:
        hint = "receipt ratecard sign makes one of a source in TOML"
        raise CliError(f"{path}: {error}", hint) from None


def what_if(text: str, card: RateCard, inputs: Inputs) -> WhatIf:
    """``hit-rate=0.3``, ``card=FILE``, ``model=A:B`` or ``term=NAME:VALUE``.

    Raises:
        CliError: it is none of them.
    """
    kind, _, value = text.partition("=")
    first, colon, second = value.partition(":")
    match kind:
        case "hit-rate":
            return WhatIf(fraction(value, "--what-if hit-rate=0.3"))
        case "card":
            return WhatIf(None, by_card(read_rate_card(value, inputs)), text)
        case "model" if colon and "/" in first and "/" in second:
            provider, _, model = second.partition("/")
            return WhatIf(None, at_model(card, first, provider, model), text)
        case "term" if colon and first and second:
            return WhatIf(None, with_term(card, first, second), text)
    hint = "hit-rate=0.3, card=FILE, model=PROVIDER/A:PROVIDER/B, or term=processing:batch"
    raise CliError(f"--what-if {text} is not understood", hint)


def fraction(text: str, example: str) -> Fraction:
    """A decimal number from 0 to 1.

    Raises:
        CliError: it is none.
    """
    found = exact(text)
    if found is None or not 0 <= found <= 1:
        raise CliError(f"{text} is no number from 0 to 1", f"like this: {example}")
    return found


def span(text: str | None) -> Span | None:
    """``2026-10-05..2026-10-12``: the first day, and the day after the last one.

    Raises:
        CliError: it is none.
    """
    if text is None:
        return None
    try:
        first, end = map(date.fromisoformat, text.split(".."))
    except ValueError:
        first, end = date.max, date.min
    if first >= end:
        hint = "two days, the second one is not in it: 2026-10-05..2026-10-12"
        raise CliError(f"{text} is no span of days", hint)
    return first, end


def dimensions(text: str | None) -> tuple[str, ...] | None:
    """Names with commas between them.

    Raises:
        CliError: one is no dimension, or there twice.
    """
    if text is None:
        return None
    found = tuple(text.split(","))
    for name in found:
        if name not in DIMENSIONS + OF_REQUESTS or found.count(name) > 1:
            known = ",".join(DIMENSIONS + OF_REQUESTS)
            raise CliError(f"--by {text}: {name}", f"some of {known}, each once")
    return found


def conditions(texts: tuple[str, ...]) -> list[tuple[str, str | None]]:
    """``NAME=VALUE``; without a value, those that have none.

    Raises:
        CliError: one is no such condition.
    """
    found = []
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or name not in DIMENSIONS or (name == "day" and not _is_day(value)):
            raise CliError(f"--where {text}", f"NAME=VALUE, with one of {', '.join(DIMENSIONS)}")
        found.append((name, value or None))
    return found


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return not text
    return True
