"""Charges in receipts: of files of usage, in the path of answers, and as the customer verifies them."""

import json
import logging
from pathlib import Path

import pytest

import receipts.emitting.charging
import receipts.emitting.emitter
import receipts.journal.journal
from receipts import Counts, Issuer, Journal, JournalError, Source
from receipts.asgi import ReceiptMiddleware, SettingError, emitter_from_environment
from receipts.callers import Asked, Caller
from receipts.emitting import Answer, Emitter, endpoint
from receipts.ratecard import price
from tests.build import ACCOUNT, DECEMBER, ISSUER, KEY, NOON
from tests.ratecards import CLAUDE, HEAD, LIST, checking, issuing, signed
from tests.test_emitter import READ, WRITTEN, Clock, ask, message
from tests.test_in_band import receipts_in

MIDNIGHT = DECEMBER[0]
CARD = (
    HEAD
    + """
[[price]]
provider = "anthropic"
model = "claude"
until = "2026-12-01"
input = "3.00"
cached = "0.30"
output = "15.00"
writes = {"0" = "3.75"}

[[price]]
provider = "anthropic"
model = "claude"
from = "2026-12-01"
input = "6.00"
cached = "0.60"
output = "30.00"
writes = {"0" = "7.50"}
"""
)


@pytest.fixture
def journal(folder):
    with Journal(str(folder / "issuer.db"), ISSUER, KEY) as journal:
        yield journal


def charging(journal, source=CARD):
    return Emitter(journal, ACCOUNT, card=issuing(source))


def test_a_receipt_in_the_path_of_answers_has_its_charge(journal):
    emitter = charging(journal)
    app = ReceiptMiddleware(None, emitter)
    ask(app, "a", WRITTEN)
    ask(app, "b", READ)
    written, read = receipts_in(journal)
    assert written.charge.card == read.charge.card == signed(CARD).digest
    rate = 2 if written.time >= MIDNIGHT else 1
    assert written.charge.amount == rate * (3 * 3_000_000 + 2000 * 3_750_000 + 7 * 15_000_000)
    assert read.charge.amount == rate * (3 * 3_000_000 + 2000 * 300_000 + 7 * 15_000_000)
    assert emitter.counters.uncharged == 0


def test_a_receipt_that_is_signed_when_another_price_holds_has_that_price(journal, monkeypatch):
    """The charge is made before midnight, the receipt is signed after it: it is made again."""
    monkeypatch.setattr(receipts.emitting.emitter, "time_ns", Clock(MIDNIGHT - 1, MIDNIGHT + 1))
    monkeypatch.setattr(receipts.journal.journal, "time_ns", Clock(MIDNIGHT + 1))
    ask(ReceiptMiddleware(None, charging(journal)), "a", READ)
    (claims,) = receipts_in(journal)
    assert claims.time == MIDNIGHT + 1
    assert claims.charge.lines[0].rate == 6_000_000


def order(emitter, name, usage):
    """Ask for a receipt without waiting, as the observer of a transport does."""
    answer = Answer(endpoint("POST", "/v1/messages"))
    answer.add(json.loads(message(name, usage)))
    return emitter.order(Asked("/v1/messages"), Caller(ACCOUNT), answer, name)


def test_an_order_has_the_price_of_the_time_at_which_it_is_signed(journal, monkeypatch):
    monkeypatch.setattr(receipts.emitting.charging, "time_ns", Clock(MIDNIGHT - 1, MIDNIGHT + 1))
    monkeypatch.setattr(receipts.journal.journal, "time_ns", Clock(MIDNIGHT + 1))
    emitter = charging(journal)
    assert order(emitter, "a", READ).result(10).time == MIDNIGHT + 1
    (claims,) = receipts_in(journal)
    assert claims.charge.lines[0].rate == 6_000_000
    assert emitter.counters["issued"] == 1


def test_an_order_fails_as_one_without_a_card_does(journal, monkeypatch):
    emitter = charging(journal)
    order(emitter, "a", READ).result(10)
    with pytest.raises(ValueError, match="request"):
        order(emitter, "a", READ).result(10)
    assert emitter.counters["replayed"] == 1
    monkeypatch.setattr(receipts.emitting.charging, "time_ns", Clock(MIDNIGHT - 1))
    monkeypatch.setattr(receipts.journal.journal, "time_ns", Clock(MIDNIGHT + 1))
    closes = Journal.submit

    def close_then_submit(self, *args, **kwargs):
        if tries:
            raise JournalError("the journal is closed")
        tries.append(1)
        return closes(self, *args, **kwargs)

    tries = []
    monkeypatch.setattr(Journal, "submit", close_then_submit)
    with pytest.raises(JournalError, match="closed"):
        order(emitter, "b", READ).result(10)
    assert emitter.counters["failed"] == 1


def test_an_order_without_a_price_has_no_charge(journal):
    emitter = charging(journal, LIST)
    order(emitter, "a", READ).result(10)
    (claims,) = receipts_in(journal)
    assert claims.charge is None
    assert emitter.counters.uncharged == 1


NO_PRICE = {
    "no row": (LIST, READ, "charge: expected a row of the rate card for anthropic, claude, found none"),
    "two rates of writes": (
        CARD.replace('"0" = "3.75"', '"300" = "3.75", "3600" = "6"').replace('"0" = "7.50"', '"300" = "3.75", "3600" = "6"'),
        WRITTEN, "charge: expected the TTL of what was written, on which the price depends, found nothing",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_PRICE)
def test_what_has_no_price_has_a_receipt_without_a_charge(name, journal, caplog):
    source, usage, reason = NO_PRICE[name]
    emitter = charging(journal, source)
    with caplog.at_level(logging.WARNING, "receipts.emitting"):
        ask(ReceiptMiddleware(None, emitter), "a", usage)
    (claims,) = receipts_in(journal)
    assert claims.charge is None
    assert emitter.counters.uncharged == 1
    assert emitter.counters["issued"] == 1
    (record,) = caplog.records
    assert record.getMessage() == f"no charge for 'a': '{reason}'"
    assert "token_receipts_uncharged_total 1\n" in emitter.counters.prometheus()


def test_the_card_of_the_environment(keys, folder, monkeypatch):
    Path("card.cbor").write_bytes(signed(CARD).data)
    settings = {"KEYS": "keys", "JOURNAL": "issuer.db", "ACCOUNT": ACCOUNT, "CARD": "card.cbor"}
    for name, value in settings.items():
        monkeypatch.setenv(f"RECEIPT_{name}", value)
    emitter = emitter_from_environment()
    ask(ReceiptMiddleware(None, emitter), "a", READ)
    (claims,) = receipts_in(emitter.journal)
    assert claims.charge.card == signed(CARD).digest
    emitter.journal.close()
    Path("card.cbor").write_bytes(CARD.encode())
    with pytest.raises(SettingError, match="not a signed rate card"):
        emitter_from_environment()


def test_a_card_of_the_environment_that_is_none_is_logged(keys, folder, monkeypatch, caplog):
    Path("card.cbor").write_bytes(b"x")
    for name, value in {"KEYS": "keys", "JOURNAL": "i.db", "ACCOUNT": ACCOUNT, "CARD": "card.cbor"}.items():  # fmt: skip
        monkeypatch.setenv(f"RECEIPT_{name}", value)
    ask(ReceiptMiddleware(None), "a", READ)
    assert caplog.messages == ["no receipts: 'RECEIPT_CARD: it is not a signed rate card'"]


# Files of usage, and what the customer makes of it.

SONNET = {"input_tokens": 3, "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 100,
          "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 0}, "output_tokens": 7}  # fmt: skip
UNKNOWN_TTL = {"input_tokens": 3, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 100, "output_tokens": 7}  # fmt: skip


def line(name, usage=SONNET, model="claude-sonnet-4-5"):
    return json.dumps({
        "provider": "anthropic", "api": "messages", "model": model, "request": name, "time": NOON, "usage": usage,
    }) + "\n"  # fmt: skip


@pytest.fixture
def cards(keys, folder):
    """A key folder, a signed card, and a file of usage."""
    Path("card.toml").write_text(LIST)
    Path("card.cbor").write_bytes(signed().data)
    Path("usage.jsonl").write_text(line("a") + line("b", UNKNOWN_TTL) + line("c", model="other"))
    return folder


AMOUNT = 3 * 3_000_000 + 2000 * 300_000 + 100 * 3_750_000 + 7 * 15_000_000


def closed(shell, more="--card card.cbor"):
    """A batch of what has a price, with its statement."""
    issued = shell(f"issue usage.jsonl --keys keys/ --account acme -o batch.cbor {more}")
    shell("close batch.cbor --keys keys/ --period 2026-11")
    return issued


def test_issue_charges_and_verify_computes_it_again(shell, cards):
    issued = closed(shell)
    assert issued.code == 1
    assert "expected the TTL of what was written, on which the price depends" in issued.err
    assert "expected a row of the rate card for anthropic, other" in issued.err
    rejected = [json.loads(row) for row in Path("usage.rejects.jsonl").read_text().splitlines()]
    assert len(rejected) == 2
    result = shell("verify batch.cbor --keys keys/issuer.jwks.json --period 2026-11 --card card.cbor --json")  # fmt: skip
    assert result.code == 0, result.out
    report = json.loads(result.out)
    assert report["accounts"][0]["totals"]["amounts"] == {"USD": str(AMOUNT)}
    (card,) = report["cards"]
    assert card == {
        "issuer": ISSUER, "name": "list", "currency": "USD", "digest": signed().digest.hex(),
        "charges": 1, "priced": 0, "unpriced": 0, "lower": "0", "upper": "0",
    }  # fmt: skip
    check = next(one for one in report["checks"] if one["check"] == "rate cards")
    assert check == {
        "check": "rate cards",
        "result": "passed",
        "passed": 1,
        "failed": 0,
        "of": 1,
        "not_checked": None,
    }


def test_a_correction_is_charged_by_the_card_for_the_time_of_what_it_corrects(shell, cards):
    closed(shell)
    (row,) = (json.loads(one) for one in shell("show batch.cbor --json --quiet").out.splitlines() if "request" in json.loads(one)["claims"])  # fmt: skip
    right = {"request": row["claims"]["request"], "counts": {"cached": 2003, "logical": 2103}, "time": NOON + 31 * 86_400_000}  # fmt: skip
    Path("won.jsonl").write_text(json.dumps(right) + "\n")
    asked = "--keys keys/ --account acme --card card.cbor -o"
    assert shell(f"correct won.jsonl batch.cbor {asked} won.cbor --previous batch.cbor").code == 0
    corrected = next(json.loads(one)["claims"] for one in shell("show won.cbor --json --quiet").out.splitlines())  # fmt: skip
    assert corrected["charge"]["amount"] == AMOUNT - 3 * 3_000_000 + 3 * 300_000
    shell("close won.cbor --keys keys/ --period 2026-12 --previous batch.cbor --early")
    checked = shell("verify batch.cbor won.cbor --keys keys/issuer.jwks.json --card card.cbor --json")  # fmt: skip
    assert checked.code == 0, checked.out
    (card,) = json.loads(checked.out)["cards"]
    assert (card["charges"], card["unpriced"]) == (1, 0)  # of the last word
    again = shell(f"correct won.jsonl batch.cbor won.cbor {asked} again.cbor")
    assert again.code == 1
    assert "line 1: charge: the request was corrected before; state the lines" in again.err


def test_a_correction_without_a_price(shell, cards):
    closed(shell)
    (row,) = (json.loads(one) for one in shell("show batch.cbor --json --quiet").out.splitlines() if "request" in json.loads(one)["claims"])  # fmt: skip
    Path("won.jsonl").write_text(json.dumps({"request": row["claims"]["request"], "model": "other"}))  # fmt: skip
    result = shell("correct won.jsonl batch.cbor --keys keys/ --account acme --card card.cbor -o x")
    assert result.code == 1
    assert "line 1: " in result.err
    assert "expected a row of the rate card for anthropic, other" in result.err
    assert not Path("x").exists()


def test_without_the_card_the_report_says_that_it_was_not_looked_at(shell, cards):
    closed(shell)
    result = shell("verify batch.cbor --keys keys/issuer.jwks.json --period 2026-11")
    assert result.code == 0
    assert "not given (--card FILE)" in result.out


def test_another_card_is_not_enough(shell, cards):
    closed(shell)
    Path("other.cbor").write_bytes(signed(name="other").data)
    result = shell("verify batch.cbor --keys keys/issuer.jwks.json --period 2026-11 --card other.cbor")  # fmt: skip
    assert result.code == 3
    assert "incomplete card-unknown" in result.out
    assert "1 receipt charged by a card that was not given" in " ".join(result.out.split())
    both = shell("verify batch.cbor --keys keys/issuer.jwks.json --period 2026-11 --card other.cbor --card card.cbor")  # fmt: skip
    assert both.code == 0


def test_the_customers_own_contract(shell, cards):
    """Receipts without charges, priced by whoever got them."""
    closed(shell, "")
    result = shell("verify batch.cbor --keys keys/issuer.jwks.json --period 2026-11 --card card.cbor")  # fmt: skip
    lower = AMOUNT + 3 * 3_000_000 + 100 * 3_750_000 + 7 * 15_000_000
    upper = lower + 100 * 2_250_000
    assert result.code == 0
    words = " ".join(result.out.split())
    assert f"your price 0.{lower:012d} USD to 0.{upper:012d} USD for 2 receipts without a charge: your own computation, which nobody billed" in words  # fmt: skip
    assert "no price 1 receipt without a charge" in words
    assert "charged" not in result.out


def test_a_charge_that_differs_rejects(shell, cards):
    card = issuing()
    counts = Counts(2103, 2000, {300: 100}, 7)
    source = Source("anthropic", "messages")
    right = price(card, "claude-sonnet-4-5", counts, source, NOON)
    wrong = price(issuing(HEAD + CLAUDE.replace('"0.30"', '"3.00"')), "claude-sonnet-4-5", counts, source, NOON)  # fmt: skip
    charge = type(right)(right.currency, right.card, wrong.lines)
    issuer = Issuer(ISSUER, KEY, stream="s")
    told = {"request": "r", "model": "claude-sonnet-4-5", "counts": counts, "source": source}
    issued = issuer.issue("acme", time=NOON, charge=charge, **told)
    Path("batch.cbor").write_bytes(issued.data)
    assert shell("close batch.cbor --keys keys/ --period 2026-11").code == 0
    result = shell("verify batch.cbor --keys keys/issuer.jwks.json --period 2026-11 --card card.cbor --json")  # fmt: skip
    assert result.code == 1
    (finding,) = json.loads(result.out)["findings"]
    assert (finding["code"], finding["rule"], finding["field"]) == ("charge-differs", "R-18.3", "charge.lines (cached)")  # fmt: skip
    assert (finding["expected"], finding["actual"]) == ("2,000 at 300,000", "2,000 at 3,000,000")
    assert (finding["request"], finding["sequence"], finding["item"]) == ("r", 0, 0)


USAGE_ERRORS = {
    "a source": ("verify batch.cbor --card card.toml", "card.toml: "),
    "no card": ("verify batch.cbor --card usage.jsonl", "usage.jsonl: "),
    "no card to issue by": ("issue usage.jsonl --keys keys/ --account a -o b.cbor --card card.toml", "card.toml: it is not a signed rate card"),
    "an observer": ("issue usage.jsonl --keys keys/ --account a -o b.cbor --observed --card card.cbor", "--card goes with usage that you bill"),
}  # fmt: skip


@pytest.mark.parametrize("name", USAGE_ERRORS)
def test_errors_of_usage(name, shell, cards):
    closed(shell)
    command, message = USAGE_ERRORS[name]
    result = shell(command)
    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.err
    assert result.out == ""


# receipt ratecard


def test_a_skeleton_is_a_source(shell, folder):
    result = shell("ratecard new card.toml --provider anthropic")
    assert (result.code, result.out) == (0, "")
    assert shell("ratecard check card.toml").code == 0
    text = Path("card.toml").read_text()
    again = shell("ratecard new card.toml")
    assert (again.code, again.err.splitlines()[0]) == (2, "receipt: error: card.toml is there already")  # fmt: skip
    assert Path("card.toml").read_text() == text


def test_everything_that_a_skeleton_comments_on_is_right(shell, folder):
    shell("ratecard new card.toml --provider anthropic")
    head, *rows = Path("card.toml").read_text().split("[[price]]")
    bare = [
        "[[price]]\n" + "".join(
            line.removeprefix("# ").split("  #")[0].strip() + "\n" for line in row.splitlines() if " = " in line
        ) for row in rows
    ]  # fmt: skip
    base = bare[0].replace('from = "2026-01-01"\n', "").replace('until = "2026-07-01"\n', "")
    Path("all.toml").write_text(head + base + "".join(bare[1:]))
    result = shell("ratecard check all.toml")
    assert result.code == 0, result.err
    assert result.out == "list prices of (not signed), in USD, 4 rows\n"


def test_sign_and_check(shell, cards):
    result = shell("ratecard sign card.toml --keys keys/ -o signed.cbor --json")
    digest = checking_of("signed.cbor").digest.hex()
    assert json.loads(result.out) == {"card": "signed.cbor", "digest": digest, "issuer": ISSUER}
    assert checking_of("signed.cbor").name == "card"
    assert shell("ratecard sign card.toml --keys keys/ -o signed.cbor --name x").code == 0
    assert checking_of("signed.cbor").name == "x"
    trusted = shell("ratecard check signed.cbor --keys keys/issuer.jwks.json --json")
    assert (trusted.code, json.loads(trusted.out)["signature"]) == (0, "valid")
    unknown = shell("ratecard check signed.cbor")
    assert (unknown.code, "is not trusted" in unknown.err) == (3, True)
    data = bytearray(Path("signed.cbor").read_bytes())
    data[-1] ^= 1
    Path("signed.cbor").write_bytes(data)
    false = shell("ratecard check signed.cbor --keys keys/issuer.jwks.json")
    assert (false.code, "warning: signed.cbor: " in false.err) == (1, True)


def checking_of(path):
    from verifier import read_card

    return read_card(Path(path).read_bytes())


def test_a_card_in_the_name_of_another_issuer(shell, cards):
    Path("theirs.cbor").write_bytes(signed(issuer="https://other.example").data)
    result = shell("ratecard check theirs.cbor --keys keys/issuer.jwks.json")
    assert result.code == 1
    assert "the key belongs to https://api.example.com, and the card is of https://other.example" in result.err  # fmt: skip
    Path("card.toml").write_text(f'issuer = "https://other.example"\n{LIST}')
    result = shell("ratecard sign card.toml --keys keys/ -o x.cbor")
    assert result.code == 2
    assert f"card.toml: issuer: expected {ISSUER}, found https://other.example" in result.err
    assert not Path("x.cbor").exists()


def test_errors_of_a_source_say_where(shell, folder):
    Path("card.toml").write_text(LIST.replace('"0.30"', "0.30", 1))
    for command in ("check card.toml", "show card.toml", "diff card.toml card.toml"):  # fmt: skip
        result = shell(f"ratecard {command}")
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith("receipt: error: card.toml, line 7, column 1: price[0].cached: expected a price as text")  # fmt: skip


def test_show(shell, cards):
    result = shell("ratecard show card.cbor --model deepseek-v4-pro --at 2026-11-20T02:00:00Z")
    assert result.code == 0
    assert result.out.splitlines()[3:] == [
        "deepseek deepseek-v4-pro, mon-fri, 01:00-04:00 UTC",
        "  input                    1.32 for a million",
        "  cached                   0.044 for a million",
        "  output                   3.96 for a million",
    ]
    weekend = shell("ratecard show card.toml --model deepseek-v4-pro --at 2026-11-21T02:00:00Z --json")  # fmt: skip
    (row,) = json.loads(weekend.out)["rows"]
    assert row["rates"]["input"] == {"rate": "660000", "per": "1"}
    assert row["days"] is None
    none = shell("ratecard show card.cbor --model nothing")
    assert (none.code, "has no such row" in none.err) == (2, True)


SIZES = (
    HEAD
    + '\n[[price]]\nprovider = "p"\nmodel = "m"\ninput = "1"\n\n[[price]]\nprovider = "p"\nmodel = "m"\nabove = 100\ninput = "2"\n'
)


@pytest.mark.parametrize(("options", "inputs"), [
    ("", ["1000000", "2000000"]), ("--size 100", ["1000000"]), ("--size 101", ["2000000"]), ("--at 2026-11-01", ["1000000", "2000000"]),
])  # fmt: skip
def test_show_by_size(options, inputs, shell, folder):
    Path("card.toml").write_text(SIZES)
    rows = json.loads(shell(f"ratecard show card.toml --json {options}").out)["rows"]
    assert [row["rates"]["input"]["rate"] for row in rows] == inputs


def test_diff(shell, cards):
    assert shell("ratecard diff card.cbor card.toml").code == 0
    changed = LIST.replace('"3.75"', '"3.80"').replace('"requests.web_search" = "10.00"', '"requests.web_fetch" = "1.00"')  # fmt: skip
    Path("next.toml").write_text(changed.replace("USD", "EUR") + CLAUDE.replace("sonnet", "opus"))
    result = shell("ratecard diff card.cbor next.toml")
    assert result.code == 1
    assert result.out.splitlines() == [
        "currency: USD to EUR",
        "changed: anthropic claude-sonnet-4-5",
        "  write.300                3.75 for a million -> 3.80 for a million",
        "  requests.web_search      0.01 for 1 -> none",
        "  requests.web_fetch       none -> 0.001 for 1",
        "added: anthropic claude-opus-4-5",
        "  input                    none -> 3.00 for a million",
        "  cached                   none -> 0.30 for a million",
        "  output                   none -> 15.00 for a million",
        "  write.300                none -> 3.75 for a million",
        "  write.3600               none -> 6.00 for a million",
        "  requests.web_search      none -> 0.01 for 1",
    ]
    document = json.loads(shell("ratecard diff next.toml card.cbor --model claude-opus-4-5 --json").out)  # fmt: skip
    assert [one["what"] for one in document["differences"]] == ["removed"]
    assert document["currencies"] == ["EUR", "USD"]


def test_the_card_of_the_property_tests_is_that_of_both_sides():
    assert checking().digest == issuing().digest
