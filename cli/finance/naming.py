"""MAP.toml: how an export calls things, and which differences from the receipts are legitimate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from attribution.money import Key, Known, Naming, What, picounits
from cli.finance.records import Inputs
from receipts import TomlMember, read_toml

_COLUMNS: Final = ("day", "model", "class", "quantity", "amount")
_KNOWN: Final = ("day", "model", "class", "kind", "cause")


@dataclass(frozen=True, slots=True)
class MapFile:
    """What the file says."""

    naming: Naming = Naming()  # noqa: RUF009  # it does not change
    known: tuple[Known, ...] = ()


def read_map(path: str | None, inputs: Inputs) -> MapFile:
    """The map; without a file an empty one.

    Raises:
        TomlFileError: something in it is wrong, or unknown.
        OSError: it cannot be read.
    """
    if path is None:
        return MapFile()
    top = read_toml(inputs.read(Path(path)), path)
    members = top.members((), ("columns", "models", "classes", "item", "known"))
    columns = members["columns"].members((), _COLUMNS) if "columns" in members else {}
    items = (one.members(("text", "model", "class")) for one in _array(members, "item"))
    naming = Naming(
        {name: member.text() for name, member in columns.items()},
        {name: _model(member) for name, member in _table(members, "models").items()},
        {name: member.text() for name, member in _table(members, "classes").items()},
        {one["text"].text(): (_model(one["model"]), one["class"].text()) for one in items},
    )
    return MapFile(naming, tuple(_known(one) for one in _array(members, "known")))


def _table(members: dict[str, TomlMember], name: str) -> dict[str, TomlMember]:
    return members[name].table() if name in members else {}


def _array(members: dict[str, TomlMember], name: str) -> list[TomlMember]:
    return members[name].items() if name in members else []


def _model(member: TomlMember) -> str:
    provider, slash, model = member.text().partition("/")
    if not slash or not provider or not model:
        raise member.error("provider/model")
    return f"{provider}/{model}"


def _known(one: TomlMember) -> Known:
    members = one.members(_KNOWN, ("quantity", "amount"))
    kind = members["kind"]
    if kind.text() not in set(What):
        raise kind.error(f"one of {', '.join(What)}")
    key = Key(_day(members["day"]), _model(members["model"]), members["class"].text())
    quantity, amount = members.get("quantity"), members.get("amount")
    return Known(
        key,
        What(kind.text()),
        None if quantity is None else _whole(quantity),
        None if amount is None else _amount(amount),
        members["cause"].text(),
    )


def _day(member: TomlMember) -> date:
    if type(member.value) is not date:
        raise member.error("a day, like 2026-10-01")
    return member.value


def _whole(member: TomlMember) -> int:
    if type(member.value) is not int:
        raise member.error("a whole number")
    return member.value


def _amount(member: TomlMember) -> int:
    found = picounits(member.value) if isinstance(member.value, str) else None
    if found is None:
        raise member.error('a decimal text of at most 12 places, like "-0.012500000000"')
    return found
