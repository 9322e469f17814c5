"""Rate cards: what a source may say, which row a request has, and what a card must not be (spec/rate-card.md)."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receipts.ratecard import PriceRow, Rate, RateCardError, encode, read_card, read_source, sign
from receipts.ratecard import UnpricedError as NotCharged
from receipts.ratecard.amounts import decimal, quoted, read_rate, show_rate
from receipts.ratecard.checks import RowError, check_rows
from receipts.ratecard.days import read_day, read_hours, read_weekdays, show_hours, show_weekdays
from receipts.signing import RATE_CARD, RECEIPT, STATEMENT, Signer
from receipts.toml_file import TomlFileError, read_toml
from receipts.units import BESIDE
from tests.build import ISSUER, KEY, NOON, receipt_claims, sign_receipt
from tests.ratecards import CLAUDE, HEAD, LIST, checking, issuing, signed, source_of, usage
from verifier import CardError, TokenCounts
from verifier import read_card as read_to_check
from verifier.format.fields import ClaimsError
from verifier.pricing.selection import Selection


def at(text):
    """A time in ms."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def price_toml(**members):
    """A source of one row, with some members replaced, or left out (None)."""
    row = {"provider": '"p"', "model": '"m"', "input": '"3.00"', "output": '"15.00"'} | members
    lines = [f"{name} = {value}" for name, value in row.items() if value is not None]
    return HEAD + "\n[[price]]\n" + "\n".join(lines) + "\n"


def rows_of(source):
    return read_source(source.encode(), "card.toml").rows


def test_a_row_of_a_source():
    (row,) = rows_of(price_toml(
        aliases='["a", "b"]', terms='{processing = "batch"}', **{"from": '"2026-01-01"'}, until="2026-10-16", cached='"0.30"',
        writes='{"300" = "3.75"}', parts='{"input.audio" = "1"}', units='{"requests.web_search" = "10.00", "example.com/seat" = {price = "1", for = 3}}',
    ))  # fmt: skip
    assert row == PriceRow(
        "p", "m", ("a", "b"), {"processing": "batch"}, 20454, 20742, None, None, None, 3_000_000, 300_000, {300: 3_750_000}, 15_000_000,
        {"input.audio": 1_000_000}, {"requests.web_search": Rate(10**10), "example.com/seat": Rate(10**12, 3)},
    )  # fmt: skip


UNITS = "a unit beside the tokens, or a private one with a /"
PRICE = 'a price as text, for instance "3.00"'
REFUSED = {
    "a float": (price_toml(input="3.0"), (6, 1), "price[0].input", f"{PRICE}, since a float is not exact", "the float 3.0"),
    "a float in a table": (price_toml(units='{"requests.web_search" = 10.0}'), (8, 10), "price[0].units.'requests.web_search'", f"{PRICE}, since a float is not exact", "the float 10.0"),
    "an integer": (price_toml(input="3"), (6, 1), "price[0].input", PRICE, "3"),
    "a price of words": (price_toml(input='"three"'), (6, 1), "price[0].input", PRICE, "'three'"),
    "a negative price": (price_toml(input='"-3"'), (6, 1), "price[0].input", PRICE, "'-3'"),
    "an exponent": (price_toml(input='"3e2"'), (6, 1), "price[0].input", PRICE, "'3e2'"),
    "a price beyond 2^64": (price_toml(input='"99999999999999999999"'), (6, 1), "price[0].input", PRICE, "'99999999999999999999'"),
    "a price of a tenth of a picounit": (price_toml(input='"0.0000001"'), (6, 1), "price[0].input", "a whole number of picounits a token: at most 6 decimals for a million", "'0.0000001'"),
    "float noise": (price_toml(input='"0.18000000000000002"'), (6, 1), "price[0].input", "a whole number of picounits a token: at most 6 decimals for a million", "'0.18000000000000002'"),
    "an unknown member": (price_toml(cache='"1"'), (8, 1), "price[0].cache", "one of provider, model, aliases, terms, from, until, above, days, hours, input, cached, writes, output, parts, units", "an unknown member"),
    "an unknown member of the file": ("card = 1\n" + LIST, (1, 1), "card", "one of currency, price, name, issuer", "an unknown member"),
    "no model": (price_toml(model=None), (3, 1), "price[0].model", "a value", "none"),
    "no currency": (LIST.removeprefix(HEAD), None, "currency", "a value", "none"),
    "a currency of two": (LIST.replace("USD", "US"), (1, 1), "currency", "three capital letters", "'US'"),
    "no rows": (HEAD, None, "price", "a value", "none"),
    "no day": (price_toml(until='"2026-02-30"'), (8, 1), "price[0].until", "a date, 2026-10-16", "'2026-02-30'"),
    "a time": (price_toml(until="2026-02-03T00:00:00Z"), (8, 1), "price[0].until", "a date, 2026-10-16", "2026-02-03 00:00:00+00:00"),
    "dates of no day": (price_toml(until='"2026-02-03"', **{"from": '"2026-02-03"'}), (8, 1), "price[0].until", "a later day than from", "no later one"),
    "no weekdays": (price_toml(days='"mo-fr"'), (8, 1), "price[0].days", "weekdays, mon-fri or sat", "'mo-fr'"),
    "hours over midnight": (price_toml(hours='"22:00-02:00"'), (8, 1), "price[0].hours", "hours of a day, 01:00-04:00 or 22:00-24:00", "'22:00-02:00'"),
    "a size of text": (price_toml(above='"200k"'), (8, 1), "price[0].above", "a number of tokens", "'200k'"),
    "a TTL of words": (price_toml(writes='{"5m" = "1"}'), (8, 11), "price[0].writes.5m", "a TTL in seconds", "'5m'"),
    "no terms": (price_toml(terms="{}"), (8, 1), "price[0].terms", "at least one", "none"),
    "a term of a number": (price_toml(terms="{speed = 1}"), (8, 10), "price[0].terms.speed", "text", "1"),
    "a part that is none": (price_toml(parts='{"input.smell" = "1"}'), (8, 10), "price[0].parts.'input.smell'", "a part of the tokens: input.audio, ...", "another name"),
    "a unit that is none": (price_toml(units='{"input.smell" = "1"}'), (8, 10), "price[0].units.'input.smell'", UNITS, "another name"),
    "a unit for nothing": (price_toml(units='{"a/b" = {price = "1", for = 0}}'), (8, 32), "price[0].units.'a/b'.for", "a quantity of at least 1", "0"),
    "an alias twice": (price_toml(aliases='["m"]'), (8, 1), "price[0].aliases", "each name of the model once", "one twice"),
    "no price": (price_toml(input=None, output=None), (3, 1), "price[0]", "a price of input, output or a unit", "none"),
    "writes without input": (price_toml(input=None, writes='{"300" = "1"}'), (3, 1), "price[0]", "a price, since other input has one", "none"),
    "reasoning without output": (price_toml(output=None, parts='{reasoning = "1"}'), (3, 1), "price[0]", "a price, since a part of it has one", "none"),
    "cached parts without cached": (price_toml(parts='{"cached.audio" = "1"}'), (3, 1), "price[0]", "a price, since a part of it has one", "none"),
    "17 aliases": (price_toml(aliases=str([f"a{n}" for n in range(17)])), (8, 1), "price[0].aliases", "1 to 16 entries", "17"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    source, place, field, expected, found = REFUSED[name]
    with pytest.raises(TomlFileError) as raised:
        read_source(source.encode(), "card.toml")
    error = raised.value
    assert (error.field, error.expected, error.found) == (field, expected, found)
    assert (error.line, error.column) == (place or (None, None))
    where = "card.toml" if place is None else f"card.toml, line {place[0]}, column {place[1]}"
    assert str(error) == f"{where}: {field}: expected {expected}, found {found}"


def source_of_rows(*rows):
    """A source of rows of one model, each with some members of its own; row n begins in line 3 + 6 n or so."""
    return HEAD + "".join(
        '\n[[price]]\nprovider = "p"\nmodel = "m"\ninput = "1"\n' + "".join(f"{line}\n" for line in row)
        for row in rows
    )  # fmt: skip


ALWAYS = ()
TOGETHER = {
    "two equal rows": ((ALWAYS, ALWAYS), 8, 1, "price[1]", "another time, size or name than row 0", "one for the same request"),
    "dates that overlap": ((['until = "2026-10-16"'], ['from = "2026-10-15"']), 9, 1, "price[1]", "another time, size or name than row 0", "one for the same request"),
    "a gap": ((['until = "2026-10-16"'], ['from = "2026-10-17"']), 13, 1, "price[1].from", "2026-10-16, where row 0 ends", "a gap to 2026-10-17"),
    "sizes that are equal": ((ALWAYS, ["above = 5"], ["above = 5"]), 14, 1, "price[2]", "another time, size or name than row 1", "one for the same request"),
    "hours that overlap": ((ALWAYS, ['hours = "01:00-04:00"'], ['hours = "03:59-05:00"']), 14, 1, "price[2]", "another time, size or name than row 1", "one for the same request"),
    "days that overlap": ((ALWAYS, ['days = "sat-mon"'], ['days = "mon"']), 14, 1, "price[2]", "another time, size or name than row 1", "one for the same request"),
    "an alias that is a model": ((ALWAYS, ['aliases = ["x"]', 'until = "2026-01-01"']), 8, 1, "price[1]", "another time, size or name than row 0", "one for the same request"),
    "only a window": ((['hours = "01:00-04:00"'],), 3, 1, "price[0]", "a row of the same model and terms without above, days and hours as well", "none"),
    "only a size": ((["above = 5"],), 3, 1, "price[0]", "a row of the same model and terms without above, days and hours as well", "none"),
    "a size before all others": ((['from = "2026-10-16"'], ["above = 5"]), 9, 1, "price[1]", "2026-10-16 or later, where the row for all sizes and times begins", "no bound"),
    "a size after all others": ((['until = "2026-10-16"'], ["above = 5", 'until = "2026-10-17"']), 14, 1, "price[1].until", "2026-10-16 or earlier, where the row for all sizes and times ends", "2026-10-17"),
}  # fmt: skip


@pytest.mark.parametrize("name", TOGETHER)
def test_rows_that_do_not_go_together(name):
    rows, line, column, field, expected, found = TOGETHER[name]
    with pytest.raises(TomlFileError) as raised:
        read_source(source_of_rows(*rows).encode(), "card.toml")
    error = raised.value
    assert (error.line, error.column, error.field) == (line, column, field)
    assert (error.expected, error.found) == (expected, found)


GOOD = {
    "dates that meet": (['until = "2026-10-16"'], ['from = "2026-10-16"']),
    "hours that meet": (ALWAYS, ['hours = "01:00-04:00"'], ['hours = "04:00-05:00"']),
    "days that meet": (ALWAYS, ['days = "sat-mon"'], ['days = "tue-fri"']),
    "one hour on other days": (ALWAYS, ['hours = "01:00-04:00"', 'days = "mon"'], ['hours = "01:00-04:00"', 'days = "tue"']),
    "a window that is there on no day of the dates": (ALWAYS, ['days = "mon"'], ['days = "mon-tue"', 'from = "2026-11-24"', 'until = "2026-11-25"']),
    "a size for a while": (ALWAYS, ["above = 5", 'until = "2026-10-16"']),
    "other terms": (ALWAYS, ['terms = {processing = "batch"}']),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_rows_that_go_together(name):
    signed(source_of_rows(*GOOD[name]))
    issuing(source_of_rows(*GOOD[name]))
    assert len(checking(source_of_rows(*GOOD[name])).rows) == len(GOOD[name])


DEEPSEEK_TIMES = {
    "2026-11-20 00:59:59.999": 660_000,  # Friday
    "2026-11-20 01:00": 1_320_000,
    "2026-11-20 03:59:59.999": 1_320_000,
    "2026-11-20 04:00": 660_000,
    "2026-11-20 09:59": 1_320_000,
    "2026-11-20 10:00": 660_000,
    "2026-11-21 02:00": 660_000,  # Saturday
    "2026-11-22 02:00": 660_000,
    "2026-11-23 02:00": 1_320_000,
}


@pytest.mark.parametrize("time", DEEPSEEK_TIMES)
def test_weekdays_and_hours(time):
    source = source_of("deepseek")
    assert issuing().row(source, "deepseek-v4-pro", 5, at(time)).input == DEEPSEEK_TIMES[time]
    row = checking().row(used("deepseek", "deepseek-v4-pro", at(time)), 5)
    assert row.input == DEEPSEEK_TIMES[time]


def used(provider, model, time, **over):
    from receipts import Counts

    return usage(provider, model, Counts(1, 0), time=time, **over)


TIERS = source_of_rows(
    ALWAYS,
    ["above = 199999", 'output = "2"'],
    ["above = 200000", 'output = "3"'],
    ['from = "2026-11-01"', 'days = "mon-sun"', 'output = "4"'],
    ['terms = {processing = "batch"}', 'output = "5"'],
    ['terms = {processing = "batch", tier = "flex"}', 'output = "6"'],
    ['terms = {tier = "priority"}', 'output = "7"'],
)
SELECTED = {
    "below": (199_999, "2026-10-01", {}, None, None),
    "above the first": (200_000, "2026-10-01", {}, None, 2),
    "above the second": (200_001, "2026-10-01", {}, None, 3),
    "a size wins over a window": (200_001, "2026-11-01", {}, None, 3),
    "a window wins over none": (1, "2026-11-01", {}, None, 4),
    "terms": (1, "2026-11-01", {"processing": "batch"}, None, 5),
    "a tier that no row names": (1, "2026-10-01", {}, "standard", None),
    "a tier that a row names": (1, "2026-10-01", {}, "priority", 7),
    "terms and a tier": (1, "2026-10-01", {"processing": "batch"}, "flex", 6),
    "terms and another tier": (1, "2026-10-01", {"processing": "batch"}, "priority", 5),
    "a tier as a term": (1, "2026-10-01", {"tier": "priority"}, "standard", 7),
}


@pytest.mark.parametrize("name", SELECTED)
def test_selection(name):
    logical, day, terms, tier, output = SELECTED[name]
    row = issuing(TIERS).row(source_of("p", terms, tier), "m", logical, at(day))
    assert row.output == (output and output * 1_000_000)
    row = checking(TIERS).row(used("p", "m", at(day), terms=terms, tier=tier), logical)
    assert row.output == (output and output * 1_000_000)


NO_ROW = {
    "another provider": ("q", "m", {}),
    "another model": ("p", "M", {}),
    "another term": ("p", "m", {"processing": "flex"}),
    "a term too many": ("p", "m", {"processing": "batch", "speed": "fast"}),
}


@pytest.mark.parametrize("name", NO_ROW)
def test_no_row(name):
    provider, model, terms = NO_ROW[name]
    with pytest.raises(NotCharged, match="a row of the rate card for"):
        issuing(TIERS).row(source_of(provider, terms), model, 1, NOON)
    assert checking(TIERS).row(used(provider, model, NOON, terms=terms), 1) is None


def test_a_receipt_of_nobody_has_no_row():
    with pytest.raises(NotCharged, match="for nobody, m"):
        issuing(TIERS).row(None, "m", 1, NOON)
    assert checking(TIERS).row(used(None, "m", NOON), 1) is None


def test_no_row_before_and_after_its_dates():
    source = price_toml(**{"from": '"2026-11-01"'}, until='"2026-12-01"')
    for time, there in (("2026-10-31 23:59:59.999", False), ("2026-11-01", True), ("2026-11-30 23:59:59.999", True), ("2026-12-01", False)):  # fmt: skip
        assert (checking(source).row(used("p", "m", at(time)), 1) is not None) is there
        if there:
            issuing(source).row(source_of("p"), "m", 1, at(time))
        else:
            with pytest.raises(NotCharged):
                issuing(source).row(source_of("p"), "m", 1, at(time))


def test_aliases_select():
    source = price_toml(aliases='["other"]')
    assert checking(source).row(used("p", "other", NOON), 1).model == "m"
    assert issuing(source).row(source_of("p"), "other", 1, NOON).model == "m"


DAYS = st.integers(0, 9)


@st.composite
def any_rows(draw):
    """A few rows of one model, which may go together or not."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        start, length = draw(st.none() | DAYS), draw(st.none() | st.integers(1, 9))
        begin = draw(st.integers(0, 5)) * 240
        found.append(PriceRow(
            "p", draw(st.sampled_from("mn")), draw(st.sampled_from([(), ("o",)])), start=start,
            end=None if length is None else (start or 0) + length, above=draw(st.sampled_from([None, None, 0, 5])),
            days=draw(st.none() | st.tuples(st.integers(1, 7), st.integers(1, 7))),
            hours=draw(st.none() | st.just((begin, begin + 240))), input=len(found),
        ))  # fmt: skip
    return found


def judged(rows):
    """Whether who issues takes the rows."""
    try:
        check_rows(rows)
    except RowError:
        return False
    return True


@given(
    any_rows(),
    st.integers(0, 20),
    st.integers(0, 1439),
    st.sampled_from([0, 5, 6]),
    st.sampled_from("mno"),
)
def test_both_sides_take_the_same_cards_and_select_the_same_rows(rows, day, minute, logical, model):
    content = unchecked(rows)
    try:
        checker = read_to_check(Signer(KEY.private, RATE_CARD).sign(content).data)
    except CardError:
        assert not judged(rows)
        return
    assert judged(rows)
    issuer = read_card(Signer(KEY.private, RATE_CARD).sign(content).data)
    time = (day * 1440 + minute) * 60_000
    found = checker.row(used("p", model, time), logical)
    fitting = [
        row for row in rows
        if model in row.names and row.is_on(day) and row.is_at(day, minute)
        and (row.above is None or row.above < logical)
    ]  # fmt: skip
    best = [row for row in fitting if row.rank == max(row.rank for row in fitting)]
    assert len(best) <= 1, "one row or none"
    assert (found.input if found else None) == (best[0].input if best else None)
    if found is None:
        with pytest.raises(NotCharged):
            issuer.row(source_of("p"), model, logical, time)
    else:
        assert issuer.row(source_of("p"), model, logical, time).input == found.input


def unchecked(rows):
    """The content of a card whose rows may not go together."""
    from receipts.ratecard.content import _row_claims

    claims = {1: 1, 2: ISSUER, 3: "rows", 4: "USD", 5: [_row_claims(row) for row in rows]}
    return cbor2.dumps(claims, canonical=True)


@given(any_rows(), st.integers(0, 20 * 1440), st.integers(0, 1440))
def test_a_price_holds_until_the_time_that_the_card_says(rows, minute, later):
    if not judged(rows):
        return
    card = read_card(sign(encode(ISSUER, "rows", "USD", rows), KEY).data)
    time = minute * 60_000
    end = card.holds_until(time)
    if end is None:
        assert not any(row.rank[1] for row in rows)
        end = time + 2**40
    assert end > time
    at_last = min(end - 1, time + later * 60_000)
    for model in "mno":
        assert selected(card, model, time) == selected(card, model, at_last)


def selected(card, model, time):
    try:
        return card.row(source_of("p"), model, 3, time).input
    except NotCharged:
        return None


# Bytes.


def test_the_same_source_gives_the_same_bytes():
    assert signed().data == signed().data
    assert signed().digest == hashlib.sha256(cbor2.loads(signed().data)[0]).digest()
    assert signed(name="other").digest != signed().digest
    assert signed(LIST.replace("3.75", "3.750")).digest == signed().digest


def test_a_card_says_what_its_source_does():
    card = checking()
    assert (card.issuer, card.name, card.currency, len(card.rows)) == (ISSUER, "list", "USD", 5)
    assert card.rows[1].units["storage.token_seconds"] == (2500, 9)
    assert card.digest == issuing().digest == signed().digest


def test_no_card_passes_for_a_receipt_or_a_statement():
    content = cbor2.loads(signed().data)[0]
    for kind in (RECEIPT, STATEMENT):
        subject = (ISSUER, "acme") if kind == STATEMENT else None
        data = Signer(KEY.private, kind, subject).sign(content).data
        with pytest.raises(CardError, match="the protected header is not that of a rate card"):
            read_to_check(data)
        with pytest.raises(RateCardError, match="not a signed rate card"):
            read_card(data)
    receipt = sign_receipt(receipt_claims()).data
    with pytest.raises(CardError):
        read_to_check(receipt)


BROKEN = {
    "nothing": (lambda _: b"", "the data ends where an item should begin, at byte 0"),
    "bytes after it": (lambda data: data + b"\x00", "1 bytes after the rate card"),
    "a cut one": (lambda data: data[:-1], "a string of 64 bytes ends after the data"),
    "text": (lambda _: b'currency = "USD"', "a string of 3 bytes|expected an array|bytes after"),
    "a large one": (lambda _: bytes(4_194_304 + 513), "are more than a rate card may have"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_bytes_that_are_no_card(name):
    change, message = BROKEN[name]
    with pytest.raises(CardError, match=message):
        read_to_check(change(signed().data))
    with pytest.raises(RateCardError):
        read_card(change(signed().data))


def claims_with(**over):
    """The claims of a card with one row, with members of it replaced, by label."""
    row = {1: "p", 2: "m", 10: 3, 13: 15} | {int(label[1:]): value for label, value in over.items()}
    row = {label: value for label, value in row.items() if value is not None}
    return {1: 1, 2: ISSUER, 3: "n", 4: "USD", 5: [row]}


ROWS = {
    "an unknown key": (claims_with(_16=1), "rows.0.16: expected no such field here, found 1"),
    "no provider": (claims_with(_1=None), "rows.0.provider: expected this field, found nothing"),
    "a float": (claims_with(_10=3.0), "a simple value or float is not allowed in claims"),
    "a negative rate": (claims_with(_10=-1), "a negative integer is not allowed in claims"),
    "a rate of text": (claims_with(_10="3"), "rows.0.input: expected an unsigned integer, found '3'"),
    "no alias": (claims_with(_3=[]), "rows.0.aliases: expected an array of 1 to 16, found an array of 0"),
    "an alias twice": (claims_with(_3=["a", "a"]), "rows.0.aliases: expected each name once, found an array of 2"),
    "no terms": (claims_with(_4={}), "rows.0.terms: expected a map of 1 to 16 entries, found a map of 0"),
    "a day too late": (claims_with(_6=2_932_897), "rows.0.until: expected days before the year 10000, less than 2932897, found 2932897"),
    "no day": (claims_with(_5=5, _6=5), "rows.0.until: expected more than from, 5, found 5"),
    "a weekday 8": (claims_with(_8=[1, 8]), "rows.0.days: expected two weekdays, 1 to 7, found an array of 2"),
    "one weekday": (claims_with(_8=[1]), "rows.0.days: expected an array of two, found an array of 1"),
    "hours over midnight": (claims_with(_9=[60, 30]), "rows.0.hours: expected two minutes of a day, the second one later, at most 1440, found an array of 2"),
    "a 25th hour": (claims_with(_9=[60, 1441]), "rows.0.hours: expected two minutes of a day, the second one later, at most 1440, found an array of 2"),
    "cached alone": (claims_with(_10=None, _11=1), "rows.0.input: expected a rate, since other input has one, found nothing"),
    "no rate": (claims_with(_10=None, _13=None), "rows.0: expected a rate for input, output or a unit, found nothing"),
    "a unit as a part": (claims_with(_14={"requests.model": 1}), "rows.0.parts.requests.model: expected a part of the tokens, found 'requests.model'"),
    "a part as a unit": (claims_with(_15={"input.audio": [1, 1]}), "rows.0.units.input.audio: expected a unit beside the tokens, found 'input.audio'"),
    "not lowest terms": (claims_with(_15={"audio.ms": [2, 4]}), "rows.0.units.audio.ms: expected a rate and for how many it is, in lowest terms, found an array of 2"),
    "for none": (claims_with(_15={"audio.ms": [2, 0]}), "rows.0.units.audio.ms: expected a rate and for how many it is, in lowest terms, found an array of 2"),
    "reasoning without output": (claims_with(_13=None, _14={"reasoning": 1}), "rows.0.output: expected a rate, since a part of the output has one, found nothing"),
    "cached parts without cached": (claims_with(_14={"cached.audio": 1}), "rows.0.cached: expected a rate, since cached parts have one, found nothing"),
    "no rows": (claims_with() | {5: []}, "rows: expected an array of 1 to 16384, found an array of 0"),
    "version 2": (claims_with() | {1: 2}, "version: expected 1, found 2"),
    "a small currency": (claims_with() | {4: "usd"}, "currency: expected three capital letters, found 'usd'"),
    "no name": ({k: v for k, v in claims_with().items() if k != 3}, "name: expected this field, found nothing"),
    "a sixth claim": (claims_with() | {6: 1}, "6: expected no such field here, found 1"),
    "two equal rows": (claims_with() | {5: claims_with()[5] * 2}, "rows.1: expected another time or size than row 0, found 'the same'"),
    "a gap": (claims_with() | {5: [claims_with(_6=5)[5][0], claims_with(_5=6)[5][0]]}, "rows.1.from: expected day 5, where row 0 ends, found 6"),
    "only a size": (claims_with(_7=5), "rows.0: expected a row of this model and its terms without above, days and hours, found nothing"),
    "a size before": (claims_with() | {5: [claims_with(_5=5)[5][0], claims_with(_7=5)[5][0]]}, "rows.1.from: expected day 5, where row 0 begins, or later, found nothing"),
    "a size after": (claims_with() | {5: [claims_with(_6=5)[5][0], claims_with(_7=5)[5][0]]}, "rows.1.until: expected day 5, where row 0 ends, or earlier, found nothing"),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_claims_that_are_no_card(name):
    claims, message = ROWS[name]
    data = Signer(KEY.private, RATE_CARD).sign(cbor2.dumps(claims, canonical=True)).data
    with pytest.raises(CardError) as raised:
        read_to_check(data)
    assert message in str(raised.value)
    with pytest.raises(RateCardError):
        read_card(data)


CONTENT = cbor2.loads(signed().data)[0]


@given(
    st.lists(
        st.tuples(st.integers(0, len(CONTENT) - 1), st.integers(0, 255)), min_size=1, max_size=3
    )
)
def test_both_sides_take_and_refuse_the_same_bytes(changes):
    """Whatever bytes of a card are changed: an error of its own, or a card with other prices, on both sides."""
    content = bytearray(CONTENT)
    for place, byte in changes:
        content[place] = byte
    data = Signer(KEY.private, RATE_CARD).sign(bytes(content)).data
    try:
        checked = read_to_check(data)
    except CardError:
        with pytest.raises(RateCardError):
            read_card(data)
    else:
        assert read_card(data).digest == checked.digest


@given(
    st.binary(max_size=40)
    | st.recursive(
        st.integers() | st.text() | st.booleans() | st.none() | st.floats() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.integers(0, 16) | st.text(), inner),
    ).map(cbor2.dumps)
)
def test_any_content_is_a_card_or_an_error(content):
    data = Signer(KEY.private, RATE_CARD).sign(content).data
    with pytest.raises(CardError):
        read_to_check(data)
    with pytest.raises(RateCardError):
        read_card(data)


def test_many_rows_of_one_model_are_refused():
    rows = [PriceRow("p", "m", input=1)] + [PriceRow("p", "m", above=n, input=1) for n in range(128)]  # fmt: skip
    check_rows(rows[:-1])
    with pytest.raises(RowError, match="at most 128 rows"):
        check_rows(rows)
    data = Signer(KEY.private, RATE_CARD).sign(unchecked(rows)).data
    with pytest.raises(CardError, match="128 rows of one model"):
        read_to_check(data)
    assert len(read_to_check(Signer(KEY.private, RATE_CARD).sign(unchecked(rows[:-1])).data).rows) == 128  # fmt: skip


def test_a_card_of_the_issuing_side_is_taken_by_the_other():
    assert encode("i", "n", "USD", rows_of(LIST)) == cbor2.loads(signed(name="n", issuer="i").data)[0]  # fmt: skip


# Amounts, days, hours.


@given(st.integers(0, 2**64 - 1), st.sampled_from([1, 1000, 10**6, 3_600_000, 3_600_000_000]))
def test_a_rate_is_shown_as_it_was_read(picounits, quantity):
    text = decimal(picounits, 12)
    rate = read_rate(text, quantity)
    assert rate is not None
    assert show_rate(rate, quantity) == text


def test_prices_are_exact():
    assert read_rate("0.1", 1000) == Rate(100_000_000)
    assert read_rate("1.00", 3_600_000_000) == Rate(2500, 9)
    assert read_rate("0.39", 3_600_000) == Rate(325_000, 3)
    assert read_rate("1", 3) == Rate(333333333333 * 3 + 1, 3)
    assert show_rate(Rate(1, 3), 1) is None
    for text in ("", ".5", "5.", "1_000", "+1", " 1", "1 ", "٣", "1,5", "NaN", "1" * 21):
        assert read_rate(text, 1) is None, text


def test_every_unit_has_a_usual_quantity():
    assert {quoted(unit) for unit in BESIDE} == {1, 1000, 10**6, 3600, 3_600_000, 3_600_000_000}
    assert quoted("example.com/seat") == 1


def test_days_and_hours():
    assert read_day("1970-01-01") == 0
    assert read_day("2026-01-01") == 20454
    for text in ("1969-12-31", "2026-1-1", "20260101", "2026-W01-1", "x"):
        assert read_day(text) is None, text
    assert read_weekdays("mon-fri") == (1, 5)
    assert read_weekdays("sat-mon") == (6, 1)
    assert read_weekdays("sun") == (7, 7)
    for text in ("", "mon-", "-mon", "Mon", "mon-tue-wed"):
        assert read_weekdays(text) is None, text
    assert read_hours("22:00-24:00") == (1320, 1440)
    for text in ("1:00-4:00", "01:00-01:00", "01:60-02:00", "23:00-24:01", "01:00"):
        assert read_hours(text) is None, text
    assert show_weekdays((6, 6)) == "sat"
    assert show_weekdays((6, 1)) == "sat-mon"
    assert show_hours((60, 240)) == "01:00-04:00"


def test_places_in_inline_tables_and_arrays():
    text = 'a = {b.c = 1, "d e" = [0, {f = 2}]} # {g = 1}\nh = ["x,y", "z"]\n'
    places = read_toml(text.encode(), "t").places
    assert places == {
        ("a",): (1, 1), ("a", "b", "c"): (1, 6), ("a", "d e"): (1, 15), ("a", "d e", 0): (1, 24), ("a", "d e", 1): (1, 27),
        ("a", "d e", 1, "f"): (1, 28), ("h",): (2, 1), ("h", 0): (2, 6), ("h", 1): (2, 13),
    }  # fmt: skip


def test_selection_refuses_by_itself():
    with pytest.raises(ClaimsError, match=r"rows\.1: expected another time or size than row 0"):
        Selection([*checking(HEAD + CLAUDE).rows, checking(HEAD + CLAUDE).rows[0]._replace(number=1)])  # fmt: skip
    assert TokenCounts(1, 0, 1, None, None, None).logical == 1


VECTORS = json.loads((Path(__file__).parents[1] / "spec/vectors/rate-cards.json").read_text())


@pytest.mark.parametrize("vector", VECTORS["cards"], ids=lambda vector: vector["id"])
def test_vectors_of_cards(vector):
    data = bytes.fromhex(vector["card"])
    if vector["field"] is None:
        assert read_to_check(data).digest == read_card(data).digest
        cddl(data)
        return
    with pytest.raises(CardError) as raised:
        read_to_check(data)
    if vector["field"] not in ("content", "protected"):
        assert str(raised.value).startswith(f"{vector['field']}: expected ")
    with pytest.raises(RateCardError):
        read_card(data)


def cddl(data):
    """What is valid fits the CDDL."""
    from tests.test_spec import validate

    validate("rate-card", data)


@pytest.mark.parametrize("vector", VECTORS["prices"], ids=lambda vector: vector["id"])
def test_vectors_of_prices(vector):
    from receipts import Counts
    from receipts.ratecard import price as charge
    from verifier import price

    writes = vector["writes"] and {int(ttl): n for ttl, n in vector["writes"].items()}
    told = Counts(*(vector[name] for name in ("logical", "cached")), writes, vector["output"], vector["reasoning"], vector["units"] or None)  # fmt: skip
    data = bytes.fromhex(VECTORS["card"])
    found = price(read_to_check(data), usage(vector["provider"], vector["model"], told, time=vector["time"]))  # fmt: skip
    assert (str(found.lower), str(found.amount)) == (vector["lower"], vector["upper"])
    source, card = source_of(vector["provider"]), read_card(data)
    if found.uncertain:
        with pytest.raises(NotCharged):
            charge(card, vector["model"], told, source, vector["time"])
    else:
        made = charge(card, vector["model"], told, source, vector["time"])
        assert str(sum(line.amount for line in made.lines)) == vector["upper"]
