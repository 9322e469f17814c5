"""A dispute that is won: the correction is issued, closed and verified, and everything downstream takes the last word."""

import io
import json
from hashlib import sha256

import pytest

from receipts import (
    Charge,
    ChargeLine,
    Closing,
    Corrected,
    Counts,
    DuplicateRequestError,
    Issuer,
    Journal,
    ReceiptError,
    Span,
    close_batch,
    close_journal,
    corrected,
)
from tests.build import ACCOUNT, DECEMBER, ISSUER, KEY, NOON, NOVEMBER, jwk_set
from verifier import COLUMNS, Policy, by_kid, bytes_source, read_jwks, render, verified_rows, verify

KEYS = by_kid(read_jwks(json.dumps(jwk_set(KEY)).encode()))
CARD = sha256(b"card").digest()
WRONG, RIGHT = Counts(3000, 2000, output=500), Counts(3000, 2900, output=500)


def charge(counts):
    """At 3, 1 and 15 picounits a token."""
    plain = counts.logical - counts.cached
    return Charge("USD", CARD, [ChargeLine(0, plain, 3), ChargeLine(1, counts.cached, 1), ChargeLine(3, counts.output, 15)])  # fmt: skip


def issue(on, counts, time=NOON, request="r1", **more):
    fields = {"request": request, "model": "m", "counts": counts, "charge": charge(counts)} | more
    return on.issue(ACCOUNT, time=time, **fields)


def report_of(data, **more):
    return verify([bytes_source("b", data)], Policy(KEYS), **more)


@pytest.fixture
def month():
    """November with a wrong receipt, and December with its correction."""
    on = Issuer(ISSUER, KEY, stream="s")
    wrong = issue(on, WRONG)
    other = issue(on, WRONG, time=NOON + 1, request="r2")
    november = closed(wrong.data + other.data, NOVEMBER)
    right = issue(on, RIGHT, time=DECEMBER[0], corrects=corrected(wrong.data))
    december = closed(right.data, DECEMBER, november)
    return november, december, wrong, right


def closed(data, period, *before):
    out = io.BytesIO()
    closing = Closing(ISSUER, KEY, *period)
    close_batch(io.BytesIO(data), out, closing, previous=[io.BytesIO(one) for one in before])
    return out.getvalue()


def test_a_correction_in_the_next_period(month):
    november, december, _, _ = month
    report = report_of(november + december)
    assert report.verdict == "verified", report.findings.counts
    totals = report.accounts[0].totals
    assert (totals.logical, totals.cached) == (6000, 4000)
    assert (totals.corrected.cached, totals.corrections.cached) == (2000, 2900)
    assert totals.corrected.amounts == {"USD": 3 * 1000 + 2000 + 15 * 500}
    assert totals.corrections.amounts == {"USD": 3 * 100 + 2900 + 15 * 500}


def test_what_is_owed_is_said(month):
    lines = render(report_of(month[0] + month[1])).splitlines()
    assert "  corrected     logical 3,000, cached 2,000, output 500, 0.000000012500 USD" in lines
    assert "  instead       logical 3,000, cached 2,900, output 500, 0.000000010700 USD" in lines
    assert "  net           0.000000023200 USD" in lines
    assert all(len(line) <= 80 for line in lines)
    december = render(report_of(month[1])).splitlines()  # a credit, and nothing else
    assert "  net           -0.000000001800 USD" in december


def test_alone_it_is_incomplete(month):
    report = report_of(month[1])
    assert report.findings.counts == {"correction-unknown": 1}
    assert report.verdict == "incomplete"


@pytest.mark.parametrize("incomplete", [False, True])
def test_rows_are_the_last_words(month, incomplete):
    november, december, _, _ = month
    data = december if incomplete else november + december
    with verified_rows([bytes_source("b", data)], Policy(KEYS), COLUMNS) as rows:
        found = [
            (block.columns["request"][at], block.times[at], block.columns["cached"][at])
            for block in rows.blocks(incomplete=incomplete)
            for at in range(len(block.items))
        ]
        by_time = [
            (block.columns["request"][at], block.times[at])
            for block, at in rows.by_time(incomplete=incomplete)
        ]
    if incomplete:  # what it corrects is not here, so the time is its own
        assert found == [("r1", DECEMBER[0], 2900)]
    else:
        assert found == [("r2", NOON + 1, 2000), ("r1", NOON, 2900)]
    assert by_time == sorted([row[:2] for row in found], key=lambda row: row[1])


def test_a_correction_that_is_corrected(month):
    november, december, wrong, right = month
    on = Issuer(ISSUER, KEY, stream="later")
    last = issue(on, Counts(3000, 2950, output=500), DECEMBER[0] + 5, corrects=corrected(right.data))  # fmt: skip
    data = november + december[: december.rindex(right.data) + len(right.data)] + last.data
    with verified_rows([bytes_source("b", data)], Policy(KEYS), COLUMNS) as rows:
        assert rows.report.findings.counts == {"statement-missing": 2}
        (word,) = (
            (block.times[0], block.columns["cached"][0], block.columns["corrects"][0].receipt)
            for block in rows.blocks(incomplete=True)
            if block.columns["corrects"][0]
        )
    assert word == (NOON, 2950, right.digest)
    assert wrong.digest != right.digest


def test_a_journal_has_one_correction_of_a_receipt(folder):
    with Journal("j.db", ISSUER, KEY) as journal:
        wrong = issue(journal, WRONG)
        issue(journal, RIGHT, time=NOON + 1, corrects=corrected(wrong.data))
        with pytest.raises(DuplicateRequestError, match="corrects: expected a receipt without"):
            issue(journal, RIGHT, time=NOON + 2, corrects=corrected(wrong.data))
        with pytest.raises(DuplicateRequestError, match="request: expected one that has no"):
            issue(journal, RIGHT, time=NOON + 2)
    out = io.BytesIO()
    close_journal("j.db", out, Closing(ISSUER, KEY, *NOVEMBER), ACCOUNT)
    report = report_of(out.getvalue())
    assert (report.verdict, report.accounts[0].receipts) == ("verified", 2)


def test_two_corrections_prove_two_stories(month):
    november, december, wrong, _ = month
    again = issue(Issuer(ISSUER, KEY, stream="z"), WRONG, DECEMBER[0], corrects=corrected(wrong.data))  # fmt: skip
    report = report_of(november + december[:-1] + december[-1:] + again.data)
    assert report.findings.counts == {"correction-repeated": 1, "statement-missing": 1}
    (conflict,) = report.conflicts
    assert conflict.two == again.data
    from receipts import equivocation

    assert report_of(equivocation(conflict.one, conflict.two)).verdict == "verified"


def test_many_of_them_are_counted(folder):
    on, wrong = Issuer(ISSUER, KEY, stream="s"), issue(Issuer(ISSUER, KEY, stream="t"), WRONG)
    data = [wrong.data]
    data += [issue(on, RIGHT, NOON + n, corrects=corrected(wrong.data)).data for n in range(130)]
    report = report_of(b"".join(data))
    assert report.findings.counts["correction-repeated"] == 129
    assert len([f for f in report.findings if f.code == "correction-repeated"]) == 129


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"corrects": Corrected(b"short", corrected)}, "corrects.receipt"),
        ({"span": Span(NOON, NOON)}, "input"),
        ({"models": {"m": WRONG}, "charge": None}, "models"),
        ({"models": {"m": WRONG, "n": RIGHT}, "charge": None}, "models (logical)"),
    ],
)
def test_what_is_not_signed(over, field):
    with pytest.raises(ReceiptError) as error:
        issue(Issuer(ISSUER, KEY), WRONG, **over)
    assert error.value.field == field


def test_storage_by_the_hour(folder):
    on = Issuer(ISSUER, KEY, stream="storage")
    units = {"storage.token_seconds": 129_600_000}
    lines = [ChargeLine(4, 129_600_000, 2500, unit="storage.token_seconds", per=9)]
    fields = {"counts": Counts(0, 0, units=units), "charge": Charge("USD", CARD, lines)}
    for over, wrong in (
        ({"client": b"c"}, "client"),
        ({"counts": Counts(0, units=units), "charge": None}, "input"),
        ({"counts": Counts(0, 0, output=0, units=units)}, "output"),
        ({"counts": Counts(0, 0), "charge": None}, "units"),
        ({"span": Span(NOON, NOON)}, "span.end"),
        ({"span": Span(NOON, NOON + 1)}, "span.end"),
        ({"counts": Counts(0, 0, units={"requests.web_search": 1}), "charge": None}, "units"),
    ):
        more = fields | {"span": Span(NOON - 3_600_000, NOON)} | over
        with pytest.raises(ReceiptError) as error:
            on.issue(ACCOUNT, request="cache-7", model="m", time=NOON, **more)
        assert error.value.field == wrong
    receipt = on.issue(ACCOUNT, request="cache-7", model="m", time=NOON, span=Span(NOON - 3_600_000, NOON), **fields)  # fmt: skip
    report = report_of(closed(receipt.data, NOVEMBER))
    assert report.verdict == "verified"
    assert report.accounts[0].totals.units == units
    assert "  unit          storage.token_seconds: 129,600,000" in render(report).splitlines()
