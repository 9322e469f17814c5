"""The document as tables: each list of rows is one, and each group of figures is one of a single row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

Cell = str | int | None
_NONE: Final = "-"


class Table(NamedTuple):
    """A table: its name, and its rows by column."""

    name: str
    rows: list[dict[str, Cell]]

    @property
    def columns(self) -> list[str]:
        """All columns, in the order in which they come first."""
        return list(dict.fromkeys(column for row in self.rows for column in row))


def tables(document: Mapping[str, Any], skipped: Sequence[str] = ()) -> Iterator[Table]:
    """The tables of a document, in its order.

    Args:
        document: as `Reports.document` makes it.
        skipped: members that are no figures.
    """
    loose: dict[str, Cell] = {}
    for name, value in document.items():
        if name in skipped:
            continue
        if isinstance(value, dict | list):
            yield from _tables(name.replace("_", " "), value)
        else:
            loose[name] = value
    if loose:
        yield Table("figures", [loose])


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
    """A row with no groups in it: a group's members are columns of their own."""
    found: dict[str, Cell] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            found |= {f"{name}.{inner}": cell for inner, cell in _flat(value).items()}
        elif isinstance(value, list):
            found[name] = " ".join(str(one) for one in value)
        else:
            found[name] = value
    return found


def shown(cell: Cell) -> str:
    """A cell as text; none is ``-``."""
    return _NONE if cell is None else str(cell)
