"""Reconciliation: each class of a difference, the tolerance, names, and that planted errors are found, and no others."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attribution.money import KINDS, InvoiceError, Key, Known, Naming, What, compare, reconciled
from attribution.money.reconcile.invoice import amount_of, count_of, day_of
from tests.finance.reconciling import against, ledger, micros, read, told  # noqa: F401
from tests.finance.running import request

HEAD = "day,model,class,quantity,amount"
LINES = """\
2025-10-01,anthropic/sonnet,cached,8000,0.002400
2025-10-01,anthropic/sonnet,output,2003,0.030045
2025-10-01,anthropic/sonnet,requests.web_search,3,0.030000
2025-10-01,anthropic/sonnet,uncached,4001,0.012003
2025-10-01,anthropic/sonnet,write.300,5000,0.018750
2025-10-01,anthropic/sonnet,write.3600,3000,0.018000
2025-10-01,openai/sol,cached,1000,0.000400
2025-10-01,openai/sol,output,77,0.001540
2025-10-01,openai/sol,uncached,3500,0.014000
2025-10-01,openai/sol,write.1800,2000,0.010000
2025-10-01,openai/sol,write.43200,500,0.005000
2025-10-02,anthropic/sonnet,cached,8000,0.002400
2025-10-02,anthropic/sonnet,output,1000,0.015000
2025-10-02,anthropic/sonnet,uncached,2000,0.006000
""".splitlines()


def sheet(*lines, head=HEAD):
    return "".join(f"{line}\n" for line in (head, *lines))


def changed(old, new):
    assert old in "\n".join(LINES)
    return sheet(*(line.replace(old, new) for line in LINES))


def test_they_agree():
    found = against("csv", sheet(*LINES))
    assert (found["differences"], found["known"], found["rounding"]) == ([], [], "0.000000000000")
    assert (found["lines"], found["tolerance"]) == (14, "0.000000500000")
    assert found["receipts"] == found["invoice"] == "0.165538000000"
    assert found["elsewhere"] == "0.000000000000"


def test_each_class_of_a_difference():
    assert told(against("csv", changed("cached,8000,0.002400", "cached,8010,0.002403"))) == [
        ("2025-10-01", "anthropic/sonnet", "cached", "receipts missing", 10, "0.000003000000"),
        ("2025-10-02", "anthropic/sonnet", "cached", "receipts missing", 10, "0.000003000000"),
    ]
    assert told(against("csv", changed("77,0.001540", "70,0.001540"))) == [
        ("2025-10-01", "openai/sol", "output", "invoice counts less", -7, "0.000000000000")
    ]
    assert told(against("csv", changed("5000,0.018750", "5000,0.030000"))) == [
        ("2025-10-01", "anthropic/sonnet", "write.300", "price difference", 0, "0.011250000000")
    ]
    assert told(against("csv", sheet(*LINES, "2025-10-03,anthropic/opus,output,1,0.000025"))) == [
        ("2025-10-03", "anthropic/opus", "output", "invoice line without receipts", 1, "0.000025000000"),
    ]  # fmt: skip
    assert told(against("csv", sheet(*LINES[:-1]))) == [
        ("2025-10-02", "anthropic/sonnet", "uncached", "not on the invoice", -2000, "-0.006000000000"),
    ]  # fmt: skip


FIFTEEN = [request(1, logical=5)]  # 0.000015
FIFTEEN_LINE = "2025-10-01,anthropic/sonnet,uncached,5,"


@pytest.mark.parametrize(
    ("billed", "kinds", "rounding"),
    [
        ("0.00001", [], "-0.000005000000"),
        ("0.00002", [], "0.000005000000"),
        ("0.00000", ["price difference"], "0.000000000000"),
        ("0.00003", ["price difference"], "0.000000000000"),
        ("0.000020", ["price difference"], "0.000000000000"),
        ("0", [], "-0.000015000000"),
    ],
)
def test_half_of_the_last_decimal_is_rounding(billed, kinds, rounding):
    """The tolerance is of the export's amounts: more decimals make it finer."""
    found = against("csv", sheet(FIFTEEN_LINE + billed), rows=FIFTEEN)
    assert ([one[3] for one in told(found)], found["rounding"]) == (kinds, rounding)


def test_the_finest_amount_of_the_column_says_what_its_last_decimal_is():
    other = "2025-10-03,openai/sol,output,0,0.000000"
    found = against("csv", sheet(f"{FIFTEEN_LINE}0.00001", other), rows=FIFTEEN)
    assert found["tolerance"] == "0.000000500000"
    assert [one[3] for one in told(found)] == ["price difference"]


def test_no_decimal_is_finer_than_a_picounit():
    other = "2025-10-03,openai/sol,output,0,0.000000000000000000"
    found = against("csv", sheet(f"{FIFTEEN_LINE}0.0000150000005", other), rows=FIFTEEN)
    assert (found["differences"], found["tolerance"]) == ([], "0.000000000001")
    assert told(against("csv", sheet(f"{FIFTEEN_LINE}0.0000150000006"), rows=FIFTEEN)) != []


def test_rounding_is_summed_with_its_sign():
    rows = [request(1, logical=5, output=1)]  # 0.000015 each
    output = "2025-10-01,anthropic/sonnet,output,1,"
    for second, rounding in (("0.00002", "0.000010000000"), ("0.00001", "0.000000000000")):
        found = against("csv", sheet(f"{FIFTEEN_LINE}0.00002", output + second), rows=rows)
        assert (found["differences"], found["rounding"]) == ([], rounding)


def test_rows_of_one_key_are_summed_and_each_may_be_rounded():
    rows = [request(1, logical=2, provider="openai", model="sol")]  # 0.000008
    line = "2025-10-01,openai/sol,uncached,1,0.00000"
    assert told(against("csv", sheet(line, line), rows=rows)) == []
    empty = "2025-10-01,openai/sol,uncached,0,0.00000"
    for billed, kinds in (("0.00001", []), ("0.00002", ["price difference"])):
        lines = line, f"2025-10-01,openai/sol,uncached,1,{billed}", *[empty] * 9
        found = against("csv", sheet(*lines), rows=rows)
        assert [one[3] for one in told(found)] == kinds
    double = against("csv", sheet(*LINES, LINES[0]))
    assert told(double) == [
        ("2025-10-01", "anthropic/sonnet", "cached", "receipts missing", 8000, "0.002400000000")
    ]


def test_a_map_says_what_the_columns_models_and_classes_are_called():
    naming = Naming(
        {"day": "Date", "amount": "Cost"}, {"gpt": "openai/sol"}, {"prompt": "uncached"}
    )
    rows = [request(1, logical=3500, provider="openai", model="sol")]
    text = sheet("2025-10-01,gpt,prompt,3500,0.014,x", head="Date,model,class,quantity,Cost,note")
    found = against("csv", text, naming=naming, rows=rows)
    assert (found["differences"], found["not_read"]) == ([], ["column note"])


def test_writes_whose_ttl_no_receipt_states_are_compared_together():
    rows = [request(1, logical=5000, writes={0: 2000, 300: 1000})]
    lines = [
        "2025-10-01,anthropic/sonnet,uncached,2000,0.006000",
        "2025-10-01,anthropic/sonnet,write.300,2500,0.009375",
        "2025-10-01,anthropic/sonnet,write.3600,500,0.003000",
    ]
    found = against("csv", sheet(*lines), rows=rows)
    assert told(found) == []
    (known,) = found["known"]
    assert (known["class"], known["cause"]) == ("write", "the receipts leave the price open")
    assert (known["kind"], known["amount"]) == ("price difference", "-0.003375000000")
    dear = against("csv", sheet(lines[0], "2025-10-01,anthropic/sonnet,write.300,3000,0.020000"), rows=rows)  # fmt: skip
    assert [one[2:5] for one in told(dear)] == [("write", "price difference", 0)]
    low = against("csv", sheet(lines[0], "2025-10-01,anthropic/sonnet,write.300,3000,0.010000"), rows=rows)  # fmt: skip
    assert [one[2:5] for one in told(low)] == [("write", "price difference", 0)]


def test_a_known_cause_is_of_an_amount_as_it_is_told():
    key = Key(date(2025, 10, 1), "anthropic/sonnet", "uncached")
    text = sheet(f"{FIFTEEN_LINE}0.0000250000004")
    for amount, told_differences in ((10_000_000, 0), (10_000_001, 1)):
        known = Known(key, What.PRICE, 0, amount, "agreed")
        found = against("csv", text, rows=FIFTEEN, known=[known])
        assert len(found["differences"]) == told_differences


def test_a_known_cause_is_of_one_difference_to_the_last_digit():
    key = Key(date(2025, 10, 1), "openai/sol", "output")
    text = changed("77,0.001540", "70,0.001400")
    known = Known(key, What.LESS, -7, -140_000_000, "a blocked request is not billed")
    found = against("csv", text, known=[known])
    assert found["differences"] == []
    assert [one["cause"] for one in found["known"]] == ["a blocked request is not billed"]
    for other in (
        Known(key, What.LESS, -6, -140_000_000, "x"),
        Known(key, What.LESS, -7, -140_000_001, "x"),
        Known(key, What.PRICE, -7, -140_000_000, "x"),
        Known(key._replace(line="cached"), What.LESS, -7, -140_000_000, "x"),
        Known(key, What.LESS, -7, None, "x"),
    ):
        found = against("csv", text, known=[other])
        assert (len(found["differences"]), found["known"]) == (1, [])


@pytest.mark.parametrize(
    ("text", "line", "column", "field", "expected"),
    [
        ("", 1, 1, "header", "a column day"),
        ("day,model,class,quantity,day\n", 1, 26, "header", "each column once"),
        (sheet(LINES[0], "2025-10-32,m,c,1,1"), 3, 1, "day", "a day like 2025"),
        (sheet("2025-10-01T00:00:00+02:00,m,c,1,1"), 2, 1, "day", "a day like"),
        (sheet('2025-10-01,"a,b",c,1.5,1'), 2, 20, "quantity", "a whole number"),
        (sheet('2025-10-01,"a\nb",c,1,1', "2025-10-01,m,c,1,x"), 4, 18, "amount", "a decimal number"),
        (sheet('2025-10-01,"a\nb",c,1,x'), 3, 8, "amount", "a decimal number"),
        (sheet("2025-10-01,,c,1,1"), 2, 12, "model", "a value"),
        (sheet("2025-10-01,m,c,1,NaN"), 2, 18, "amount", "a decimal number"),
        (sheet("2025-10-01,m,c,1"), 2, 1, "row", "5 cells"),
        (sheet('2025-10-01,m,c,1,"1'), 2, 1, "row", "CSV"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(text, line, column, field, expected):
    with pytest.raises(InvoiceError) as told:
        read("csv", text)
    error = told.value
    assert (error.line, error.column, error.field) == (line, column, field)
    assert error.expected.startswith(expected.replace("2025", "2026"))
    assert str(error).startswith(f"1.txt, line {line}, column {column}: {field}: expected ")


def test_bytes_that_are_no_text():
    with pytest.raises(InvoiceError, match=r"^f, line 2, column 3: file: expected text in UTF-8, found byte 0xff$"):  # fmt: skip
        KINDS["csv"].read("f", b"day\nab\xff", Naming(), read("csv", sheet()))


@pytest.mark.parametrize(
    ("text", "value", "decimals"),
    [("1", 10**12, 0), ("-0.50", -5 * 10**11, 2), ("1.5e-05", 15 * 10**6, 6)],
)  # fmt: skip
def test_amounts(text, value, decimals):
    assert amount_of(text) == (value, decimals)
    assert amount_of(text, 100) == (Fraction(value, 100), decimals + 2)
    assert amount_of("2E3") == (2 * 10**15, 0)


@pytest.mark.parametrize(
    "text", ["", "1,5", "0x1", "inf", "1e999", "\u0661", "1_0", " 1", "+1", ".5"]
)
def test_what_is_no_number(text):
    assert amount_of(text) is None
    assert count_of(text) is None


def test_days():
    assert day_of("2026-10-01T23:59:59.5Z") == day_of("2026-10-01 00:00 UTC") == date(2026, 10, 1)
    assert day_of("2026-13-01") is day_of("2026-10-01T00:00:00-08:00") is day_of("10/1/26") is None


KINDS_OF_ERROR = st.sampled_from([*What])


@st.composite
def planted(draw):
    """Errors by the number of the line that they are planted in, with a size each."""
    at = draw(st.lists(st.integers(0, len(LINES) - 1), unique=True, max_size=6))
    return {
        one: (draw(KINDS_OF_ERROR), draw(st.integers(1, 50)), draw(st.integers(2, 10**6)))
        for one in at
    }


def spoilt(line, what, count, micro):
    """A line of the invoice with an error in it, and what has to be told of it."""
    day, model, name, quantity, amount = line.split(",")
    pico = int(amount.replace(".", "")) * 10**6
    key = (day, model, name)
    match what:
        case What.MISSING:
            return f"{day},{model},{name},{int(quantity) + count},{amount}", (*key, what, count)
        case What.LESS:
            return f"{day},{model},{name},{int(quantity) - count},{amount}", (*key, what, -count)
        case What.PRICE:
            dear = micros(pico + micro * 10**6)
            return f"{day},{model},{name},{quantity},{dear}", (*key, what, 0)
        case What.ABSENT:
            return None, (*key, what, -int(quantity))
    strange = f"{day},{model}-x,{name},{count},{amount}"
    return f"{line}\n{strange}", (day, f"{model}-x", name, what, count)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(errors=planted())
def test_planted_errors_are_named_and_exactly_those(ledger, errors):  # noqa: F811
    lines, expected = [], []
    for number, line in enumerate(LINES):
        if number in errors:
            line, due = spoilt(line, *errors[number])
            expected.append(due)
        if line is not None:
            lines.append(line)
    invoice = read("csv", sheet(*lines))
    found = reconciled(compare(ledger, invoice, KINDS["csv"]), invoice)
    assert [one[:5] for one in told(found)] == sorted(expected, key=lambda one: one[:3])
    assert found["rounding"] == "0.000000000000"


def test_receipts_of_nothing_and_an_invoice_of_nothing():
    assert len(told(against("csv", sheet()))) == len(LINES)
    assert len(told(against("csv", sheet(*LINES), rows=[]))) == len(LINES)
    zero = against("csv", sheet("2025-10-01,a/b,output,0,0.00"), rows=[])
    assert (zero["differences"], zero["lines"]) == ([], 1)
