"""Rate cards as commands read and show them: a source or a signed card, its rows, and what differs between two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli.files import read_bytes
from cli.terminal import CliError, RefusedError
from receipts import ReceiptError
from receipts.ratecard import RateCard as IssuedBy
from receipts.ratecard import (
    RateCardError,
    TomlFileError,
    encode,
    read_source,
    show_day,
    show_hours,
    show_weekdays,
)
from receipts.ratecard import read_card as read_to_issue
from verifier import CardError, PriceRow, RateCard, TokenCounts, Usage, escape, read_card

_PICOUNITS: Final = 10**12
_MILLION: Final = 10**6
UNSIGNED: Final = "(not signed)"
"""The issuer of a source that does not name one."""
_SOURCE_HINT: Final = (
    "receipt ratecard new makes a source with comments; spec/rate-card.md has all that it can say"
)
_CARD_HINT: Final = "a card is the file that receipt ratecard sign wrote"


@dataclass(frozen=True, slots=True)
class Read:
    """A card that a command was given.

    Attributes:
        card: with its rows.
        data: the bytes of the file.
        signed: whether it is a signed card, and not a source.
    """

    card: RateCard
    data: bytes
    signed: bool


def read(path: str) -> Read:
    """A source or a signed card, by what it is.

    Raises:
        CliError: it is neither, or cannot be used.
    """
    data = read_bytes(path)
    if data[:1] == b"\x82":
        return Read(_checked(data, path), data, signed=True)
    return Read(RateCard(content(data, path)), data, signed=False)


def content(data: bytes, path: str, issuer: str | None = None, name: str | None = None) -> bytes:
    """The content of the card that a source makes.

    Args:
        data: of the source.
        path: its name; without another one, the card is named after it.
        issuer: who signs it; None: nobody does.
        name: of the card; None: as the source says.

    Raises:
        CliError: the source is wrong, or names another issuer.
    """
    try:
        source = read_source(data, path)
    except TomlFileError as error:
        raise CliError(str(error), _SOURCE_HINT) from None
    if issuer is not None and source.issuer not in (None, issuer):
        hint = "sign with that issuer's keys, or take the line out"
        raise CliError(f"{path}: issuer: expected {issuer}, found {source.issuer}", hint)
    title = name or source.name or Path(path).stem
    try:
        return encode(issuer or source.issuer or UNSIGNED, title, source.currency, source.rows)
    except ReceiptError as error:
        raise CliError(f"{path}: {error}", _SOURCE_HINT) from None


def to_check(paths: Sequence[str]) -> list[RateCard]:
    """Signed cards to verify with.

    Raises:
        CliError: one is none.
    """
    return [_checked(read_bytes(path), path) for path in paths]


def to_issue(path: str | None) -> IssuedBy | None:
    """The signed card to charge by; None: no card.

    Raises:
        CliError: it is none.
    """
    if path is None:
        return None
    try:
        return read_to_issue(read_bytes(path))
    except RateCardError as error:
        raise CliError(f"{path}: {error}", _CARD_HINT) from None


def _checked(data: bytes, path: str) -> RateCard:
    try:
        return read_card(data)
    except CardError as error:
        raise RefusedError(f"{path}: {error}", _CARD_HINT) from None


def selected(
    card: RateCard, model: str | None, time: int | None, size: int | None
) -> list[PriceRow]:
    """The rows of a model, or of all.

    Args:
        card: with its rows.
        model: its name or an alias; None: all models.
        time: in ms: those that a request then has; None: at any time.
        size: its input tokens; None: of any size.
    """
    rows = [row for row in card.rows if model is None or model in row.names]
    if time is None:
        return rows
    found: dict[int, PriceRow] = {}
    for one in rows:
        logical = size if size is not None else 0 if one.above is None else one.above + 1
        counts = TokenCounts(logical, None, None, None, None, None)
        row = card.row(Usage(one.provider, one.model, one.terms, None, time, counts, {}), logical)
        if row is not None:
            found[row.number] = row
    return [found[number] for number in sorted(found)]


def key_of(row: PriceRow) -> tuple[Any, ...]:
    """What a row is for."""
    return (
        row.provider, row.model, tuple(sorted(row.terms.items())), row.start, row.end, row.above, row.days, row.hours,
    )  # fmt: skip


def as_dict(row: PriceRow) -> dict[str, Any]:
    """A row as JSON-ready data: rates as decimal text of picounits, since they may not fit the integers of a JSON reader."""
    return {
        "provider": row.provider,
        "model": row.model,
        "aliases": list(row.aliases),
        "terms": row.terms,
        "from": None if row.start is None else show_day(row.start),
        "until": None if row.end is None else show_day(row.end),
        "above": row.above,
        "days": None if row.days is None else show_weekdays(row.days),
        "hours": None if row.hours is None else show_hours(row.hours),
        "rates": {name: {"rate": str(rate), "per": str(per)} for name, (rate, per) in rates_of(row).items()},
    }  # fmt: skip


def rates_of(row: PriceRow) -> dict[str, tuple[int, int]]:
    """The rates of a row by the names of lines: picounits, and for how many."""
    plain = {"input": row.input, "cached": row.cached, "output": row.output}
    found = {name: (rate, 1) for name, rate in plain.items() if rate is not None}
    found |= {f"write.{ttl}": (rate, 1) for ttl, rate in sorted(row.writes.items())}
    found |= {part: (rate, 1) for part, rate in sorted(row.parts.items())}
    return found | {unit: (rate.rate, rate.per) for unit, rate in sorted(row.units.items())}


def lines_of(row: PriceRow) -> Iterator[str]:
    """A row in words: what it is for, then its rates."""
    yield title_of(row)
    for name, (rate, per) in rates_of(row).items():
        yield f"  {escape(name):<24} {shown(name, rate, per)}"


def title_of(row: PriceRow) -> str:
    """What a row is for, in words."""
    words = [f"{escape(row.provider)} {escape(row.model)}"]
    words += [f"{escape(name)} {escape(term)}" for name, term in sorted(row.terms.items())]
    if row.start is not None:
        words.append(f"from {show_day(row.start)}")
    if row.end is not None:
        words.append(f"until {show_day(row.end)}")
    if row.above is not None:
        words.append(f"above {row.above:,} tokens")
    words += [show_weekdays(row.days)] if row.days is not None else []
    words += [f"{show_hours(row.hours)} UTC"] if row.hours is not None else []
    return ", ".join(words)


def shown(name: str, rate: int, per: int) -> str:
    """A rate in words: of tokens for a million, of units for one or for what it is for."""
    if per == 1 and not (name.startswith(("requests.", "storage.", "container.")) or "/" in name):
        return f"{_decimal(rate * _MILLION)} for a million"
    return f"{_decimal(rate)} for {per:,}"


def _decimal(picounits: int) -> str:
    whole, rest = divmod(picounits, _PICOUNITS)
    return f"{whole:,}." + f"{rest:012d}".rstrip("0").ljust(2, "0")


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that two cards do not have alike; None: one does not have it."""

    before: PriceRow | None
    after: PriceRow | None

    @property
    def row(self) -> PriceRow:
        """What it is for."""
        row = self.after or self.before
        assert row is not None  # noqa: S101  # one of the two is there
        return row

    @property
    def what(self) -> str:
        """``added``, ``removed`` or ``changed``."""
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"


def differences(one: Sequence[PriceRow], two: Sequence[PriceRow]) -> list[Difference]:
    """What is not the same in two cards, in the order of what the rows are for; the order of rows plays no part."""
    before, after = ({key_of(row): row for row in rows} for rows in (one, two))
    keys = [*before, *(key for key in after if key not in before)]
    return [
        Difference(before.get(key), after.get(key))
        for key in keys
        if _said(before.get(key)) != _said(after.get(key))
    ]


def _said(row: PriceRow | None) -> PriceRow | None:
    """A row without its place, and its aliases in one order."""
    return None if row is None else row._replace(number=0, aliases=tuple(sorted(row.aliases)))
