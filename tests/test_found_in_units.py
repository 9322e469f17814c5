"""What an attack on units, models, spans and corrections found, each with what has to come of it."""

import json
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from receipts import (
    Charge,
    ChargeLine,
    Counts,
    Issuer,
    KeyFolder,
    Source,
    Span,
    corrected,
    equivocation,
)
from receipts.request import Cache, CacheEntry
from tests.build import (
    ACCOUNT,
    DECEMBER,
    ISSUER,
    KEY,
    NOON,
    NOVEMBER,
    OCTOBER,
    SECOND,
    STRANGER,
    jwk_set,
    receipt_claims,
    sign_receipt,
)
from tests.test_corrections import CARD, charge, closed, issue
from tests.wallets import TestWallet
from verifier import COLUMNS, Policy, Record, by_kid, bytes_source, read_jwks, verified_rows, verify
from verifier.item.opening import open_item
from verifier.order.corrections import Corrections

SECONDS = 5
"""CPU time that nothing here comes near."""
KEYS = by_kid(read_jwks(json.dumps(jwk_set(KEY)).encode()))
WRONG, RIGHT = Counts(3000, 2000, output=500), Counts(3000, 2900, output=500)


def report_of(data, policy=None, **more):
    return verify([bytes_source("b", data)], policy or Policy(KEYS), **more)


def lines(path, *rows):
    with open(path, "w") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return str(path)


def raw(path, *data):
    with open(path, "wb") as file:
        file.writelines(data)
    return str(path)


@pytest.fixture
def story(folder):
    """November with a wrong receipt, its correction, and one of that, in December, other streams."""
    wrong = issue(Issuer(ISSUER, KEY, stream="s"), WRONG)
    one = issue(Issuer(ISSUER, KEY, stream="c"), RIGHT, DECEMBER[0], corrects=corrected(wrong.data))
    two = issue(Issuer(ISSUER, KEY, stream="d"), Counts(3000, 2950, output=500), DECEMBER[0] + 5,
                corrects=corrected(one.data))  # fmt: skip
    return wrong, one, two


def proven(report):
    """What the conflicts of a report say when they are verified."""
    return [report_of(equivocation(c.one, c.two)).verdict.value for c in report.conflicts]


# (2) accusing the honest ---------------------------------------------------------------------------------------------------------


def test_received_correction_is_no_second_receipt(story):
    """November alone, and the customer got the correction of December already."""
    wrong, one, _ = story
    november = closed(wrong.data, NOVEMBER)
    report = report_of(november, record=Record(received=(raw("r.cbor", wrong.data, one.data),)))
    assert report.findings.counts == {}
    assert report.conflicts == []


def test_received_correction_false_proof(story):
    wrong, one, _ = story
    november = closed(wrong.data, NOVEMBER)
    report = report_of(november, record=Record(received=(raw("r.cbor", one.data),)))
    assert proven(report) == ["verified"] * len(report.conflicts)


def test_received_receipt_whose_correction_was_corrected(story):
    """December alone has two corrections in a row; the wallet has the receipt of November."""
    wrong, one, two = story
    december = closed(one.data + two.data, DECEMBER)
    report = report_of(december, record=Record(received=(raw("r.cbor", wrong.data),)))
    assert report.findings.counts == {"correction-unknown": 1}
    assert report.conflicts == []


def test_the_same_with_one_correction(story):
    wrong, one, _ = story
    december = closed(one.data, DECEMBER)
    report = report_of(december, record=Record(received=(raw("r.cbor", wrong.data),)))
    assert report.findings.counts == {"correction-unknown": 1}


def test_received_receipt_that_december_corrects(story):
    """The call shows 2900 cached; the receipt that came said 2000; December alone has the correction."""
    wrong, one, _ = story
    usage = {"prompt_tokens": 3000, "completion_tokens": 500, "total_tokens": 3500, "prompt_tokens_details": {"cached_tokens": 2900}}  # fmt: skip
    wallet = TestWallet()
    wallet.call(
        "r1", wrong.data, commitment=b"", model="m", requested_model="m", usage=json.dumps(usage)
    )
    wallet.close()
    december = closed(one.data, DECEMBER)
    report = report_of(december, record=Record(requests=("wallet.db",)))
    assert report.findings.counts == {"correction-unknown": 1}


def prompts_story():
    """A of October (not here) is corrected on 15 November; B of 1 November has the same prompt, all cached."""
    tokens = list(range(2000))
    a = issue(
        Issuer(ISSUER, KEY, stream="o"),
        Counts(2000, 0, output=5),
        OCTOBER[1] - 3_600_000,
        request="a",
    )
    b = issue(
        Issuer(ISSUER, KEY, stream="b"),
        Counts(2000, 1999, output=5),
        NOVEMBER[0] + 1000,
        request="b",
    )
    c = issue(Issuer(ISSUER, KEY, stream="c"), Counts(2000, 0, output=4), NOVEMBER[0] + 15 * 86_400_000, request="a",
              corrects=corrected(a.data))  # fmt: skip
    path = lines("p.jsonl", {"request": "a", "tokens": tokens}, {"request": "b", "tokens": tokens})
    return a, b, c, path


def test_prefix_that_a_late_correction_hides(folder):
    _, b, c, path = prompts_story()
    november = closed(b.data + c.data, NOVEMBER)
    assert report_of(closed(b.data, NOVEMBER), record=Record(prompts=(path,))).findings.counts == {}
    report = report_of(november, record=Record(prompts=(path,)))
    assert report.findings.counts == {"correction-unknown": 1}


@pytest.mark.parametrize(
    ("month", "found"), [("2026-11", {}), ("2026-12", {"cache-id-mismatch": 1})]
)
def test_cache_entry_of_a_correction(folder, month, found):
    """A correction in December: its entries are under the key of the month of what it corrects, and alone they are not looked at."""
    from verifier.customer import cache_id

    secret = bytes(range(32))
    import base64

    raw("key.json", json.dumps({"token_receipt_cache_key": 1, "account": ACCOUNT, "period": None,
                                "key": base64.urlsafe_b64encode(secret).decode().rstrip("=")}).encode())  # fmt: skip
    tokens = list(range(2000))
    path = lines(
        "p.jsonl", {"request": "r1", "tokens": tokens}, {"request": "other", "tokens": tokens}
    )

    def of(month):
        key = cache_id._month_key(secret, ACCOUNT, month)
        return CacheEntry("tokens-hmac-sha256", cache_id.token_ids("m", tokens, [2000], key)[2000], 2000)  # fmt: skip

    wrong = issue(
        Issuer(ISSUER, KEY, stream="s"),
        Counts(2000, 0, output=5),
        cache=Cache(commitments=[of("2026-11")]),
    )
    right = issue(Issuer(ISSUER, KEY, stream="c"), Counts(2000, 0, output=4), DECEMBER[0], corrects=corrected(wrong.data),
                  cache=Cache(commitments=[of(month)]))  # fmt: skip
    november = closed(wrong.data, NOVEMBER)
    december = closed(right.data, DECEMBER, november)
    record = Record(prompts=(path,), cache_key="key.json")
    both = report_of(november + december, record=record).findings.counts
    alone = report_of(december, record=record).findings.counts
    assert (both, alone) == (found, {"correction-unknown": 1})


def test_another_account_cannot_spoil_a_correction(folder):
    """Another account of the issuer corrects the receipt first; the honest correction is no second story of one account."""
    wrong = issue(Issuer(ISSUER, KEY, stream="s"), WRONG)
    evil = Issuer("https://evil.example", SECOND, stream="e").issue(
        "x", time=NOON, request="r1", model="m", counts=RIGHT, corrects=corrected(wrong.data))  # fmt: skip
    right = issue(Issuer(ISSUER, KEY, stream="c"), RIGHT, NOON + 5, corrects=corrected(wrong.data))
    keys = KEYS | by_kid(
        read_jwks(json.dumps(jwk_set(SECOND, issuer="https://evil.example")).encode())
    )
    report = report_of(evil.data + wrong.data + right.data, Policy(keys))
    assert proven(report) == ["verified"] * len(report.conflicts)
    assert "correction-repeated" not in report.findings.counts


# (1) paying more -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["correction", "receipt"])
def test_two_words_on_one_request(folder, first):
    """A receipt, and a correction of something that is not here, for one request: both are billed, one is not looked at."""
    absent = issue(Issuer(ISSUER, KEY, stream="a"), Counts(0, 0, output=0))
    good, bad = Counts(3000, 2000, output=500), Counts(900_000, 0, output=500)
    plain = issue(Issuer(ISSUER, KEY, stream="s"), bad if first == "correction" else good)
    again = issue(
        Issuer(ISSUER, KEY, stream="t"),
        good if first == "correction" else bad,
        NOON + 1,
        corrects=corrected(absent.data),
    )
    items = [again.data, plain.data] if first == "correction" else [plain.data, again.data]
    log = lines(
        "log.jsonl",
        {
            "request": "r1",
            "sent": NOON - 10,
            "answered": NOON + 10,
            "status": 200,
            "logical": 3000,
            "cached": 2000,
            "output": 500,
        },
    )
    report = report_of(closed(b"".join(items), NOVEMBER), record=Record(requests=(log,)))
    assert report.findings.counts["request-duplicate"] == 1


def test_a_strangers_correction_hides_a_wrong_receipt(folder):
    """What nobody trusts must not take a signed receipt out of the comparison."""
    wrong = issue(Issuer(ISSUER, KEY, stream="s"), Counts(900_000, 0, output=500))
    stranger = issue(
        Issuer(ISSUER, STRANGER, stream="zz"), WRONG, DECEMBER[0], corrects=corrected(wrong.data)
    )
    log = lines(
        "log.jsonl",
        {
            "request": "r1",
            "sent": NOON - 10,
            "answered": NOON + 10,
            "status": 200,
            "logical": 3000,
            "cached": 2000,
            "output": 500,
        },
    )
    report = report_of(closed(wrong.data, NOVEMBER) + stranger.data, record=Record(requests=(log,)))
    assert "count-differs" in report.findings.counts, report.findings.counts


def test_old_request_billed_as_a_span(folder):
    """A request of October, billed in November again, as a span that names its id."""
    units = {"storage.token_seconds": 1_000_000}
    lines_ = [ChargeLine(4, 1_000_000, 10_000_000_000, unit="storage.token_seconds")]
    span = Issuer(ISSUER, KEY, stream="s").issue(
        ACCOUNT, request="r-october", model="m", time=NOON, span=Span(NOON - 1, NOON), counts=Counts(0, 0, units=units),
        charge=Charge("USD", CARD, lines_))  # fmt: skip
    log = lines(
        "log.jsonl",
        {
            "request": "r-october",
            "sent": OCTOBER[0] + 10,
            "answered": OCTOBER[0] + 20,
            "status": 200,
            "model": "m",
        },
    )
    report = report_of(closed(span.data, NOVEMBER), record=Record(requests=(log,)))
    assert report.verdict != "verified"


def test_cut_call_billed_as_a_span(folder):
    """The same with a wallet, every month, for a call of which nothing was answered."""
    wallet = TestWallet()
    wallet.call(
        "r-october",
        commitment=b"c",
        sent=OCTOBER[0] + 10,
        answered=None,
        outcome="cut",
        usage=None,
        model="m",
    )
    wallet.close()
    units = {"storage.token_seconds": 1_000_000_000}
    span = Issuer(ISSUER, KEY, stream="s").issue(
        ACCOUNT, request="r-october", model="m", time=NOON, span=Span(NOON - 1, NOON), counts=Counts(0, 0, units=units))  # fmt: skip
    report = report_of(closed(span.data, NOVEMBER), record=Record(requests=("wallet.db",)))
    assert report.verdict != "verified"


def test_all_tokens_under_another_model(folder):
    """The customer asked for, and saw, the small model; the tokens are priced as those of a big one that it never saw."""
    counts = Counts(3000, 2000, output=500)
    none = Counts(0, 0, output=0)
    price = [
        ChargeLine(0, 1000, 300, model="big"),
        ChargeLine(1, 2000, 100, model="big"),
        ChargeLine(3, 500, 1500, model="big"),
    ]
    receipt = issue(Issuer(ISSUER, KEY, stream="s"), counts, model="small", models={"small": none, "big": counts},
                    charge=Charge("USD", CARD, price))  # fmt: skip
    usage = {"prompt_tokens": 3000, "completion_tokens": 500, "total_tokens": 3500, "prompt_tokens_details": {"cached_tokens": 2000}}  # fmt: skip
    wallet = TestWallet()
    wallet.call(
        "r1", commitment=b"c", model="small", requested_model="small", usage=json.dumps(usage)
    )
    wallet.close()
    report = report_of(closed(receipt.data, NOVEMBER), record=Record(requests=("wallet.db",)))
    assert report.verdict != "verified"


def test_reasoning_priced_apart_that_nobody_saw(folder):
    """All of the output is called reasoning, and priced as that; the usage object of the call has no reasoning."""
    counts = Counts(3000, 2000, {300: 600}, 500, 500)
    price = [
        ChargeLine(0, 400, 3),
        ChargeLine(1, 2000, 1),
        ChargeLine(2, 600, 4, ttl=300),
        ChargeLine(3, 500, 1500, unit="reasoning"),
    ]
    receipt = issue(
        Issuer(ISSUER, KEY, stream="s"),
        counts,
        model="claude-sonnet-4-6",
        charge=Charge("USD", CARD, price),
    )
    wallet = TestWallet()
    wallet.call("r1", commitment=b"c")
    wallet.close()
    report = report_of(closed(receipt.data, NOVEMBER), record=Record(requests=("wallet.db",)))
    assert report.verdict != "verified"


def test_two_corrections_of_which_one_was_received(story):
    """The credit that was promised in-band, dated later, is not the correction that the batch has: two stories (equivocation 5)."""
    wrong, promised, _ = story
    other = issue(Issuer(ISSUER, KEY, stream="x"), WRONG, NOON + 5, corrects=corrected(wrong.data))
    november = closed(wrong.data + other.data, NOVEMBER)
    report = report_of(november, record=Record(received=(raw("r.cbor", promised.data),)))
    assert report_of(equivocation(promised.data, other.data)).verdict == "verified"
    assert proven(report) == ["verified"], report.findings.counts


# (3) cost, tracebacks ---------------------------------------------------------------------------------------------------------------


def test_unconfirmed_tokens_beyond_sqlite(folder):
    """Two receipts with 2^63 tokens for calls without usage: the verdict must not be an error of the disk."""
    wallet = TestWallet()
    data = b""
    on = Issuer(ISSUER, KEY, stream="s")
    for n in range(2):
        wallet.call(f"r{n}", commitment=b"c%d" % n, model="m", requested_model="m", usage=None)
        data += issue(
            on, Counts(2**63 + 1, 0, output=0), NOON + n, request=f"r{n}", charge=None
        ).data
    wallet.close()
    report = report_of(data, record=Record(requests=("wallet.db",)))
    assert report.findings.counts == {"count-unconfirmed": 2, "statement-missing": 2}


def test_unconfirmed_tokens_are_said_right(folder):
    wallet = TestWallet()
    wallet.call("r0", commitment=b"c", model="m", requested_model="m", usage=None)
    wallet.close()
    data = issue(
        Issuer(ISSUER, KEY, stream="s"),
        Counts(2**64 - 1, 0, output=0),
        NOON,
        request="r0",
        charge=None,
    ).data
    report = report_of(data, record=Record(requests=("wallet.db",)))
    (finding,) = [f for f in report.findings if f.code == "count-unconfirmed"]
    assert f"{2**64 - 1:,}" in finding.message


def test_by_time_is_in_the_order_of_times(folder):
    """Corrections of receipts that are not here have their own times."""
    absent = [issue(Issuer(ISSUER, KEY, stream=f"a{n}"), WRONG, request=f"r{n}") for n in range(2)]
    here = issue(Issuer(ISSUER, KEY, stream="h"), WRONG, NOON, request="h")
    late = issue(
        Issuer(ISSUER, KEY, stream="x"),
        RIGHT,
        NOON + 9000,
        request="r0",
        corrects=corrected(absent[0].data),
    )
    early = issue(
        Issuer(ISSUER, KEY, stream="y"),
        RIGHT,
        NOON + 5000,
        request="r1",
        corrects=corrected(absent[1].data),
    )
    known = issue(
        Issuer(ISSUER, KEY, stream="z"),
        RIGHT,
        NOON + 9999,
        request="h",
        corrects=corrected(here.data),
    )
    plain = issue(Issuer(ISSUER, KEY, stream="p"), RIGHT, NOON + 7000, request="p")
    data = b"".join(one.data for one in (late, early, here, known, plain))
    with verified_rows([bytes_source("b", data)], Policy(KEYS), COLUMNS) as rows:
        times = [block.times[at] for block, at in rows.by_time(incomplete=True)]
    assert times == sorted(times)


@pytest.fixture
def cli(folder, shell):
    assert shell("keygen --issuer https://api.example.com --out keys/").code == 0
    key = KeyFolder("keys")
    return shell, key


@pytest.mark.parametrize(
    "line",
    [
        {"counts": {"logical": None}},
        {"counts": {"logical": None, "cached": None}},
        {
            "charge": {
                "currency": "USD",
                "card": "00" * 32,
                "lines": [{"class": 0, "quantity": 1, "rate": 1, "per": 0}],
            }
        },
        {
            "charge": {
                "currency": "USD",
                "card": "00" * 32,
                "lines": [{"class": 99, "quantity": 1, "rate": 1}],
            }
        },
        {"charge": {"currency": "usd", "card": "00", "lines": []}},
        {"counts": {"writes": {"-5": 1}}},
        {"counts": {"writes": {}}},
        {"counts": {"units": {}}},
        {"counts": {"output": None}},
        {"counts": {"output": None, "reasoning": None}},
        {"counts": {"units": {"input.audio": 1, "\ud800/x": 1}}},
        {"model": "\ud800"},
        {"stream": "\ud800"},
        {"counts": {"cached": 2**70}},
        {"counts": {"logical": 2**70, "cached": 5}},
        {"models": {"a": {"logical": None}, "b": {}}},
        {
            "models": {
                "a": {"logical": 3000, "cached": 2000, "output": 500},
                "b": {"logical": 0, "cached": 0},
            }
        },
        {"models": {"a": {}}},
        {"models": {"a": {"logical": 1}, "b": {"cached": 7}}},
        {"model": ""},
        {"time": 0},
        {"time": 2**63},
        {"usage": {"prompt_tokens": None}},
        {"usage": {"prompt_tokens": 2**80, "completion_tokens": 1, "total_tokens": 2**80 + 1}},
        {
            "usage": {
                "prompt_tokens": 1,
                "completion_tokens": 1,
                "total_tokens": 2,
                "prompt_tokens_details": [],
            }
        },
    ],
    ids=lambda line: json.dumps(line)[:60],
)
@pytest.mark.parametrize("charged", [True, False])
@pytest.mark.parametrize("into", ["batch", "journal"])
def test_correct_without_traceback(cli, line, charged, into):
    from receipts import Journal

    shell, folder = cli
    counts = Counts(3000, 2000, output=500)
    more = {"charge": charge(counts)} if charged else {}
    more["source"] = Source("openai", "chat.completions")
    if into == "batch":
        with open("b.cbor", "wb") as out:
            out.write(Issuer("https://api.example.com", folder, stream="s").issue(
                "acme", request="r1", model="m", time=NOON, counts=counts, **more).data)  # fmt: skip
        place = "b.cbor -o won.cbor"
    else:
        with Journal("j.db", "https://api.example.com", folder) as journal:
            journal.issue("acme", request="r1", model="m", time=NOON, counts=counts, **more)
        place = "--journal j.db"
    with open("won.jsonl", "w") as file:
        file.write(json.dumps({"request": "r1", "time": NOON + 1} | line) + "\n")
    result = shell(f"correct won.jsonl {place} --keys keys/ --account acme")
    assert result.code in (0, 1, 2), (result.code, result.err)


def test_correct_only_the_models(cli):
    """A correction that moves tokens from one model to another is not what is said already."""
    shell, folder = cli
    counts = Counts(3000, 2000, output=500)
    half = Counts(1500, 1000, output=250)
    with open("b.cbor", "wb") as out:
        out.write(Issuer("https://api.example.com", folder, stream="s").issue(
            "acme", request="r1", model="a", time=NOON, counts=counts, models={"a": half, "b": half}).data)  # fmt: skip
    lines("won.jsonl", {"request": "r1", "time": NOON + 1, "models": {
        "a": {"logical": 3000, "cached": 2000, "output": 500}, "b": {"logical": 0, "cached": 0, "output": 0}}})  # fmt: skip
    result = shell("correct won.jsonl b.cbor --keys keys/ --account acme -o won.cbor")
    assert "1 correction in 1 stream" in result.err, result.err


def test_correct_only_the_currency(cli):
    shell, folder = cli
    counts = Counts(3000, 2000, output=500)
    with open("b.cbor", "wb") as out:
        out.write(Issuer("https://api.example.com", folder, stream="s").issue(
            "acme", request="r1", model="a", time=NOON, counts=counts, charge=charge(counts)).data)  # fmt: skip
    rows = [
        {"class": 0, "quantity": 1000, "rate": 3},
        {"class": 1, "quantity": 2000, "rate": 1},
        {"class": 3, "quantity": 500, "rate": 15},
    ]
    lines(
        "won.jsonl",
        {
            "request": "r1",
            "time": NOON + 1,
            "charge": {"currency": "JPY", "card": CARD.hex(), "lines": rows},
        },
    )
    result = shell("correct won.jsonl b.cbor --keys keys/ --account acme -o won.cbor")
    assert "1 correction in 1 stream" in result.err, result.err


def test_correct_keeps_the_cache_identifier(cli):
    """A correction of the price only, where the customer requires identifiers."""
    shell, folder = cli
    counts = Counts(3000, 2000, output=500)
    entry = CacheEntry("x", b"id", 2000)
    with open("b.cbor", "wb") as out:
        out.write(Issuer("https://api.example.com", folder, stream="s").issue(
            "acme", request="r1", model="a", time=NOON, counts=counts, cache=Cache(read=entry)).data)  # fmt: skip
    lines("won.jsonl", {"request": "r1", "time": NOON + 1, "counts": {"output": 400}})
    assert shell("correct won.jsonl b.cbor --keys keys/ --account acme -o won.cbor").code == 0
    with open("won.cbor", "rb") as file, open("b.cbor", "rb") as before:
        data = before.read() + file.read()
    with open("keys/issuer.jwks.json", "rb") as file:
        keys = by_kid(read_jwks(file.read()))
    report = report_of(data, Policy(keys, require_cache_id=True))
    assert "cache-id-missing" not in report.findings.counts


@pytest.mark.slow
def test_statement_within_the_tables_is_accepted(folder):
    """Streams and totals that the tables allow: the builder signs it, and the verifier must read it (more than 1,000,000 data items)."""
    from receipts.request import Billed
    from receipts.statement import Period

    period = Period(ISSUER, ACCOUNT, *NOVEMBER)
    for n in range(65_536):
        ttls = range(16 * (n % 4096), 16 * (n % 4096) + 16)
        billed = Billed(Counts(16, 0, dict.fromkeys(ttls, 1)))
        period.add(f"s{n}", 0, bytes(32), NOON, billed, billed if n >= 4096 else None)
    data = period.sign(KEY).data
    report = report_of(data)
    assert "item-too-large" not in report.findings.counts


def test_many_corrections_of_one_receipt_are_not_quadratic():
    """The look for the repeated ones took 35 s."""
    corrections = Corrections()
    for n in range(16_000):
        block = SimpleNamespace(
            issuer="i", account="a", corrects=bytes(32), items=[n], offsets=[n], times=[n], requests=[b"r"]
        )  # fmt: skip
        corrections.add(block, n)
    corrections.locate(SimpleNamespace(blocks=lambda: iter(())))
    begin = time.process_time()
    corrections.settle([])
    assert len(list(corrections.repeated())) == 15_999
    assert time.process_time() - begin < SECONDS


def test_what_is_corrected_often_is_opened_once(monkeypatch):
    """Else a few bytes of input cost as much as the largest receipt."""
    entries = [CacheEntry("t" * 200, bytes([n]) * 64, 1 + n) for n in range(64)]
    wrong = issue(Issuer(ISSUER, KEY, stream="w"), WRONG, cache=Cache(commitments=entries))
    on, last, opened = Issuer(ISSUER, KEY, stream="s"), corrected(wrong.data), []
    data = [issue(on, RIGHT, NOON + n, corrects=last).data for n in range(300)]

    def count(raw, *more, **options):
        opened.append(raw)
        return open_item(raw, *more, **options)

    monkeypatch.setattr("verifier.procedure.corrections.open_item", count)
    report = report_of(wrong.data + b"".join(data))
    assert report.findings.counts["correction-repeated"] == 299
    assert opened.count(wrong.data) == 1


def test_cached_part_of_zero_that_nobody_saw(folder):
    """The call does not say how much of the audio was cached; to state 0 prices all of it as computed."""
    counts = Counts(2000, 1000, output=0, units={"input.audio": 1000, "cached.audio": 0})
    price = [ChargeLine(0, 1000, 1000, unit="input.audio"), ChargeLine(1, 1000, 1)]
    receipt = issue(Issuer(ISSUER, KEY, stream="s"), counts, charge=Charge("USD", CARD, price))
    usage = {"prompt_tokens": 2000, "completion_tokens": 0, "total_tokens": 2000, "prompt_tokens_details": {"cached_tokens": 1000, "audio_tokens": 1000}}  # fmt: skip
    wallet = TestWallet()
    wallet.call("r1", commitment=b"c", model="m", requested_model="m", usage=json.dumps(usage))
    wallet.close()
    report = report_of(closed(receipt.data, NOVEMBER), record=Record(requests=("wallet.db",)))
    assert report.verdict != "verified"


def test_totals_in_one_order_whatever_the_path(monkeypatch):
    """The JSON of the report is the same in every way (tests/test_two_paths.py), also of units, TTLs and currencies."""
    from tests.test_two_paths import by_all_ways

    def made(stream, sequence, previous, n, ttl, unit):
        tokens = {1: 3000, 2: 2000, 3: 1000, 4: {ttl: 1}}
        return sign_receipt(
            receipt_claims(
                sequence,
                previous,
                stream=stream,
                request=f"r{n}",
                time=NOON + n,
                units={unit: 1},
                input=tokens,
            )
        )

    first = made("a", 0, None, 0, 300, "input.audio")
    second = made("b", 0, None, 1, 3600, "requests.web_search")
    third = made("a", 1, first.digest, 2, 0, "output.audio")
    data = first.data + second.data + third.data
    by_all_ways(monkeypatch, data, Policy(KEYS))


def test_a_correction_against_the_received_receipt(story):
    """The customer holds the receipt that the correction names, and it says something else: that can be seen without the other batch."""
    wrong, _, _ = story
    lie = (
        replace(corrected(wrong.data), billed=replace(corrected(wrong.data).billed, amount=0))
        if hasattr(corrected(wrong.data), "billed")
        else None
    )
    right = issue(Issuer(ISSUER, KEY, stream="c"), RIGHT, DECEMBER[0], corrects=lie)
    report = report_of(
        closed(right.data, DECEMBER), record=Record(received=(raw("r.cbor", wrong.data),))
    )
    assert "correction-differs" in report.findings.counts, report.findings.counts


def test_correct_does_not_credit_what_was_never_signed(cli):
    """A customer's batch holds a receipt of the issuer's name with a huge amount that a stranger signed: the issuer signs a credit for it."""
    shell, _ = cli
    forged = Charge(
        "USD", CARD, [ChargeLine(0, 1000, 10**15), ChargeLine(1, 2000, 0), ChargeLine(3, 500, 0)]
    )
    with open("b.cbor", "wb") as out:
        out.write(Issuer("https://api.example.com", STRANGER, stream="s").issue(
            "acme", request="r1", model="a", time=NOON, counts=Counts(3000, 2000, output=500), charge=forged).data)  # fmt: skip
    lines("won.jsonl", {"request": "r1", "time": NOON + 1, "counts": {"cached": 3000}})
    result = shell("correct won.jsonl b.cbor --keys keys/ --account acme -o won.cbor")
    assert "1 correction in 1 stream" not in result.err


def test_correct_takes_a_receipt_that_stands_in_two_files(cli):
    shell, folder = cli
    with open("b.cbor", "wb") as out:
        out.write(Issuer("https://api.example.com", folder, stream="s").issue(
            "acme", request="r1", model="a", time=NOON, counts=Counts(3000, 2000, output=500)).data)  # fmt: skip
    lines("won.jsonl", {"request": "r1", "time": NOON + 1, "counts": {"output": 400}})
    result = shell("correct won.jsonl b.cbor b.cbor --keys keys/ --account acme -o won.cbor")
    assert result.code == 0, result.err


def test_one_bad_request_does_not_stop_the_others(cli):
    """Another request of the batch has two last words: that is no reason not to correct this one."""
    shell, folder = cli
    on = Issuer("https://api.example.com", folder, stream="s")
    with open("b.cbor", "wb") as out:
        out.writelines(
            on.issue(
                "acme", request=request, model="a", time=NOON, counts=Counts(3000, 2000, output=500)
            ).data
            for request in ("r1", "twice", "twice")
        )
    lines("won.jsonl", {"request": "r1", "time": NOON + 1, "counts": {"output": 400}})
    result = shell("correct won.jsonl b.cbor --keys keys/ --account acme -o won.cbor")
    assert result.code == 0, result.err


def test_prove_what_is_closed_though_its_correction_is_not(folder, shell):
    """The correction is not closed yet, or is a stranger's: the receipt under the statement can be proven all the same."""
    wrong = issue(Issuer(ISSUER, KEY, stream="s"), WRONG)
    stranger = issue(
        Issuer(ISSUER, STRANGER, stream="zz"), RIGHT, DECEMBER[0], corrects=corrected(wrong.data)
    )
    raw("b.cbor", closed(wrong.data, NOVEMBER), stranger.data)
    result = shell("prove b.cbor --request r1 -o proof.cbor")
    assert result.code == 0, result.err
