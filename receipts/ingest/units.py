"""The units of a response: the parts of its counts by modality, and what bills beside the tokens.

A part that cannot be true is not among them; the counts, which are known, are not spoilt by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from receipts.ingest.expressions import names, parsed
from receipts.ingest.members import Members, Names, generic
from receipts.request import Counts

if TYPE_CHECKING:
    from receipts.ingest.form import Form

_SPELLINGS: Final = {
    "text": ("text", "TEXT", "1"),
    "image": ("image", "IMAGE", "2"),
    "video": ("video", "VIDEO", "3"),
    "audio": ("audio", "AUDIO", "4"),
    "document": ("document", "DOCUMENT", "5"),
}
"""The modalities, as they are written; the numbers are those of Google's protobuf (Modality)."""
_OF_INPUT: Final = ("audio", "image", "video", "document")
_UNITS: Final = {"input": _OF_INPUT, "cached": _OF_INPUT, "output": ("audio", "image", "video")}

_Parts = dict[str, int]


def units_beside(form: Form, members: Members) -> dict[str, int]:
    """What is stated beside the tokens and is not zero, by unit.

    Raises:
        UsageError: one is no count.
    """
    if not members.among(form.unit_names) and not form.seconds and not form.fees:
        return {}
    units = {
        unit: sum(members.first(part) or 0 for part in parsed(where))
        for unit, where in form.units.items()
    }
    units |= {u: members.milliseconds(where) or 0 for u, where in form.seconds.items()}
    units |= {u: int(members.amount(names(where))) for u, where in form.fees.items()}
    units = {unit: number for unit, number in units.items() if number}
    if any(unit.startswith("requests.") for unit in units):
        members.first(names(form.calls))  # the units say it more exactly
    return units


def parts(form: Form, members: Members, counts: Counts) -> tuple[dict[str, int], dict[str, str]]:
    """The parts by modality, by unit; and the members that state parts which cannot be, with the reason.

    Raises:
        UsageError: one is no count.
    """
    stated = {whole: _stated(members, template) for whole, template in form.parts.items()}
    if not any(count for by in stated.values() for count in by.values()):
        return {}, {}
    doubts: dict[str, str] = {}
    for whole, check in (("input", _check), ("cached", _check), ("output", _check), ("cached", _check_cached), ("input", _check_input)):  # fmt: skip
        reason = check(whole, stated, counts)
        if reason is not None:
            doubts |= _members(members, form.parts[whole], reason)
            stated[whole] = {}
    for whole, by in stated.items():
        for modality in set(by) - set(_UNITS[whole]) - {"text"}:
            if by[modality]:
                doubts |= _members(members, form.parts[whole], "has no unit", modality)
    return _units(stated, counts), doubts


def _units(stated: Mapping[str, _Parts], counts: Counts) -> dict[str, int]:
    """The parts that are not zero; and which part of an input was not read from the cache though something was."""
    units = {
        f"{whole}.{modality}": by[modality]
        for whole, by in stated.items()
        for modality in _UNITS[whole]
        if by.get(modality)
    }
    cached = stated.get("cached", {})
    rest = None if sum(cached.values()) != counts.cached else 0
    for modality in _OF_INPUT:
        if f"input.{modality}" in units and counts.cached and cached.get(modality, rest) == 0:
            units[f"cached.{modality}"] = 0
    return units


def _check(whole: str, stated: Mapping[str, _Parts], counts: Counts) -> str | None:
    """The parts of a count are no more than it; reasoning is a part of the output that is none of the others."""
    by = stated.get(whole, {})
    limit = {"input": counts.logical, "cached": counts.cached, "output": counts.output}[whole]
    total = sum(by.values())
    if total > (limit or 0):
        return f"the parts of the {whole} add up to {total}, and it is {limit}"
    others = total - by.get("text", 0)
    if whole == "output" and others and others + (counts.reasoning or 0) > (limit or 0):
        return f"the parts of the output and its reasoning add up to {others + (counts.reasoning or 0)}, and it is {limit}"
    return None


def _check_cached(whole: str, stated: Mapping[str, _Parts], counts: Counts) -> str | None:  # noqa: ARG001
    """What was read of a modality is no more than what came in of it."""
    came = stated.get("input", {})
    for modality, read in stated.get(whole, {}).items():
        if read > came.get(modality, read):
            return f"{read} of {modality} were read, and {came[modality]} came in"
    return None


def _check_input(whole: str, stated: Mapping[str, _Parts], counts: Counts) -> str | None:
    """What came in and was not read is no more than the input that was not read."""
    read = stated.get("cached", {})
    rest = sum(
        came - read[modality]
        for modality, came in stated.get(whole, {}).items()
        if modality in read and modality != "text"
    )
    if counts.attributed is not None and rest > counts.attributed:
        return f"{rest} came in and were not read, and the input that was not read is {counts.attributed}"
    return None


def _members(
    members: Members, template: str, reason: str, modality: str | None = None
) -> dict[str, str]:
    """The members that state parts, each with the reason why it is left out."""
    places = _places(template)
    wanted = [modality] if modality else list(places)
    stated = [part for one in wanted for part in places[one] if members.count(part)]
    return {generic(members.where(part)): reason for part in stated}


def _stated(members: Members, template: str) -> _Parts:
    """The parts of a count by modality, as far as they are stated."""
    known = _modalities(template)
    places = _places(template)
    parts: _Parts = {}
    for modality in {known[path] for path in members.among(known.keys())}:
        parts[modality] = sum(members.count(part) or 0 for part in places[modality])
    return parts


@lru_cache(maxsize=256)
def _modalities(template: str) -> dict[str, str]:
    """The modality of each place."""
    return {
        name: modality
        for modality, places in _places(template).items()
        for part in places
        for name in part
    }


@lru_cache(maxsize=256)
def _places(template: str) -> dict[str, tuple[Names, ...]]:
    """By modality, where its count stands."""
    return {
        modality: tuple(
            tuple(name.replace("{}", spelling) for name in part for spelling in spellings)
            for part in parsed(template)
        )
        for modality, spellings in _SPELLINGS.items()
    }
