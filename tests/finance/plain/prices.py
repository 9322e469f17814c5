"""What a request costs, by the source of a rate card."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction

from tests.finance.plain.numbers import PICO, half_up

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TOKENS, _THOUSAND, _HOURS = 10**6, 10**3, 36 * 10**8


@dataclass
class Line:
    name: str
    is_input: bool
    quantity: int
    amount: int


@dataclass
class Price:
    lines: list
    full: int
    full_input: int
    saving: int
    premium: int
    storage: int
    u: int
    c: int
    writes: dict
    uncertain: int = 0

    @property
    def amount(self):
        return sum(line.amount for line in self.lines)

    @property
    def input_cost(self):
        return sum(line.amount for line in self.lines if line.is_input)


def rate(text, unit):
    found = Fraction(text) * PICO / unit
    return found.numerator if found.denominator == 1 else found


def row_of(card, provider, model, terms, time, logical):
    """The one row of a request."""
    when = datetime.fromtimestamp(time // 1000, UTC)
    rows = [
        row
        for row in card["price"]
        if (row["provider"], row["model"], row.get("terms", {})) == (provider, model, terms)
        and date.fromisoformat(row.get("from", "0001-01-01")) <= when.date() < date.fromisoformat(row.get("until", "9999-01-01"))
        and row.get("above", -1) < logical
    ]  # fmt: skip
    highest = max(row.get("above", -1) for row in rows)
    rows = [row for row in rows if row.get("above", -1) == highest]
    special = [row for row in rows if ("days" in row or "hours" in row) and _is_at(row, when)]
    usual = [row for row in rows if "days" not in row and "hours" not in row]
    (row,) = special or usual
    return row


def _is_at(row, when):
    if "days" in row:
        first, last = (_DAYS.index(name) for name in row["days"].split("-"))
        if not first <= when.weekday() <= last:
            return False
    if "hours" in row:
        start, end = row["hours"].split("-")
        return start <= f"{when:%H:%M}" < end
    return True


def price(card, row):
    """The price of a request; where the receipt leaves it open, the upper bound."""
    counts = row.usage.counts
    found = row_of(
        card, row.usage.provider, row.usage.model, dict(row.usage.terms), row.usage.time, counts.logical
    )  # fmt: skip
    possible = [_priced(found, row, *choice) for choice in _choices(found, row)]
    upper = max(possible, key=lambda one: one.amount)
    upper.uncertain = upper.amount - min(one.amount for one in possible)
    return upper


def _choices(source, row):
    """What is possible: the cached tokens, those of them that are audio, the rate of writes without a TTL."""
    counts, units = row.usage.counts, row.usage.units
    written = sum((counts.writes or {}).values())
    rates = [rate(text, _TOKENS) for text in source.get("writes", {}).values()]
    for cached in (0, counts.logical - written) if counts.cached is None else (counts.cached,):
        audio = units.get("input.audio", 0)
        least = max(0, audio - (counts.logical - cached - written))
        heard = {units["cached.audio"]} if "cached.audio" in units else {least, min(audio, cached)}
        if "parts" not in source:
            heard = {0}
        for part in heard:
            for unstated in (
                {min(rates), max(rates)} if 0 in (counts.writes or {}) and rates else (None,)
            ):
                yield cached, part, unstated


def _priced(source, row, cached, heard, unstated):
    counts, units = row.usage.counts, row.usage.units
    u, c = (rate(source.get(name, "0"), _TOKENS) for name in ("input", "cached"))
    if "cached" not in source:
        c = u
    parts = {name: rate(text, _TOKENS) for name, text in source.get("parts", {}).items()}
    audio = units.get("input.audio", 0) if "input.audio" in parts else 0
    au, ac = parts.get("input.audio", u), parts.get("cached.audio", c)
    writes = {int(ttl): rate(text, _TOKENS) for ttl, text in source.get("writes", {}).items()}
    paid = {
        ttl: unstated if ttl == 0 and unstated is not None else writes.get(ttl, u)
        for ttl in counts.writes or {}
    }
    plain = counts.logical - cached - sum((counts.writes or {}).values())
    output = counts.output or 0
    lines = [
        Line("uncached", True, plain - (audio - heard), half_up((plain - (audio - heard)) * u)),
        Line("input.audio", True, audio - heard, half_up((audio - heard) * au)),
        Line("cached", True, cached - heard, half_up((cached - heard) * c)),
        Line("cached.audio", True, heard, half_up(heard * ac)),
        *(
            Line(f"write.{ttl}", True, n, half_up(n * paid[ttl]))
            for ttl, n in (counts.writes or {}).items()
        ),
        Line("output", False, output, half_up(output * rate(source["output"], _TOKENS))),
    ]
    beside = []
    for name, quantity in units.items():
        if name in source.get("units", {}):
            unit = _HOURS if name == "storage.token_seconds" else _THOUSAND
            amount = half_up(quantity * rate(source["units"][name], unit))
            beside.append(Line(name, False, quantity, amount))
    full_input = half_up((counts.logical - audio) * u + audio * au)
    storage = sum(line.amount for line in beside if line.name == "storage.token_seconds")
    rest = lines[-1].amount + sum(line.amount for line in beside) - storage
    return Price(
        [line for line in [*lines, *beside] if line.quantity], full_input + rest, full_input,
        half_up((cached - heard) * (u - c) + heard * (au - ac)),
        half_up(sum(n * (paid[ttl] - u) for ttl, n in (counts.writes or {}).items())), storage, u, c, paid,
    )  # fmt: skip
