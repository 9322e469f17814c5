"""The document as tables: each list of rows is one, and each group of figures is one of a single row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from attribution.money.registry import Rule

Cell = str | int | None
_NONE: Final = "-"
_NAMED_BY_DATA: Final = {"provider_reasons", *map(str, Rule)}
"""Groups of a row whose members are called as a reason or a team is."""


class Table(NamedTuple):
    """A table: its name, and its rows by column."""

    name: str
    rows: list[dict[str, Cell]]

    @property
    def columns(self) -> list[str]:
        """All columns, in the order in which they come first; a group that a row does not have is none of its own."""
        names = dict.fromkeys(column for row in self.rows for column in row)
        groups = {name.partition(".")[0] for name in names if "." in name}
        return [name for name in names if name not in groups]


def tables(document: Mapping[str, Any], skipped: Sequence[str] = ()) -> Iterator[Table]:
    """The tables of a document, in its order.

    Args:
        document: as `Reports.document` makes it.
        skipped: members that are no figures.
    """
    shown = {name: value for name, value in document.items() if name not in skipped}
    loose = {name: value for name, value in shown.items() if not isinstance(value, dict | list)}
    if loose:
        yield Table("figures", [loose])
    for name, value in shown.items():
        if name not in loose:
            yield from _tables(name.replace("_", " "), value)


def _tables(name: str, value: dict[str, Any] | list[Any]) -> Iterator[Table]:
    if isinstance(value, list):
        if value and isinstance(value[0], dict):
            yield Table(name, [_flat(row) for row in value])
        return
    single = {key: inner for key, inner in value.items() if not _is_tables(inner)}
    if single:
        yield Table(name, [_flat(single)])
    for key, inner in value.items():
        if _is_tables(inner):
            yield from _tables(f"{name}: {key.replace('_', ' ')}", inner)


def _is_tables(value: Any) -> bool:
    """Whether a member is tables of its own: rows, or groups of them."""
    if isinstance(value, list):
        return not value or isinstance(value[0], dict)
    return isinstance(value, dict)


def _flat(row: Mapping[str, Any]) -> dict[str, Cell]:
    """A row with no groups in it: a group's members are columns of their own; whose names are data, they are one text."""
    found: dict[str, Cell] = {}
    for name, value in row.items():
        if name in _NAMED_BY_DATA:
            found[name] = ", ".join(f"{key} {inner}" for key, inner in value.items()) or None
        elif isinstance(value, Mapping):
            found |= {f"{name}.{inner}": cell for inner, cell in _flat(value).items()}
        elif isinstance(value, list):
            found[name] = " ".join(str(one) for one in value)
        else:
            found[name] = value
    return found


def shown(cell: Cell) -> str:
    """A cell as text; none is ``-``."""
    return _NONE if cell is None else str(cell)
