"""``receipt export``: what is split sums to what it was, and each file is what its readers expect."""

import csv
import json
import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from attribution.money import (
    FOCUS_COLUMNS,
    Billing,
    Ledger,
    Method,
    Registry,
    Version,
    allocate_all,
    focus_rows,
    write_csv,
)
from attribution.money.exports.charges import Charge, Part, charges, parts
from attribution.money.exports.journal import beancount
from attribution.money.ledger.leaves import DIMENSIONS, table
from attribution.money.reconcile.invoice import Billed
from tests.cli import Shell
from tests.finance import reconciling
from tests.finance.closed import FINANCE, write_month
from tests.finance.months import CARD, REGISTRY, month
from tests.finance.running import DAY, ROWS, START, request
from verifier.format.units import BESIDE

RUN = "export batch.cbor --keys keys.json --card card.cbor --config finance.toml"
TABLES = ["receipts", "lines", "leaves", "prefixes"]


@pytest.fixture
def shell(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECEIPT_TRUST_STORE", str(tmp_path / "trust"))
    write_month(tmp_path, ROWS)
    return Shell(capfd)


def exported(shell, line, run=RUN):
    result = shell(f"{run} {line} -o out --json")
    assert result.code == 0, result.err
    return json.loads(result.out)


def focus(shell, line):
    exported(shell, line)
    with Path("out/cost-and-usage.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


# Charges, and what methods make of them.


@pytest.fixture(scope="module", params=[1, 2, 3])
def ledger(request):
    registry = replace(REGISTRY, keep=Fraction(1, 7), owner_share=Fraction(3, 10))
    with Ledger() as ledger:
        ledger.load(month(request.param), CARD, registry)
        allocate_all(ledger, registry)
        yield ledger


@pytest.mark.parametrize("method", Method)
def test_the_parts_of_a_charge_sum_to_it_and_those_of_a_leaf_to_what_it_pays(ledger, method):
    leaves = defaultdict(int)
    for charge, found in parts(ledger, method):
        assert sum(part.amount for part in found) == charge.amount
        own, *moved = found
        assert own == (charge.leaf, charge.amount, True, bool(moved))
        assert {(part.is_own, part.is_split) for part in moved} <= {(False, True)}
        assert [part.amount for part in moved[::2]] == [-part.amount for part in moved[1::2]]
        assert moved == [] or method != Method.DIRECT
        for part in found:
            leaves[part.leaf] += part.amount
    given = {tuple(key): amount for *key, amount in table(ledger, method, DIMENSIONS)}
    assert {k: v for k, v in leaves.items() if v} == {k: v for k, v in given.items() if v}


def test_charges_sum_to_what_attribution_says(ledger):
    found = list(charges(ledger))
    query = "SELECT sum(amount), sum(saving), sum(premium) FROM receipts"
    assert ledger.one(query) == (
        sum(one.amount for one in found), sum(one.saved for one in found), sum(one.extra for one in found),
    )  # fmt: skip
    assert len({one.id for one in found}) == len(found)


def test_the_example_of_the_specification():
    """spec/exports.md: search pays 20 directly and 25 by the method, assist 10 and 5; search has charges of 12 and 8."""
    rows = [
        request(1, "search", logical=4, output=0), request(2, "assist", logical=1, output=0),
    ]  # fmt: skip
    with Ledger() as ledger:
        ledger.load(rows, CARD, REGISTRY)
        allocate_all(ledger, REGISTRY, [])
        day = next(charges(ledger)).leaf[-1]
        leaf = {team: (team, None, None, None, None, "anthropic/sonnet", day) for team in ("search", "assist")}  # fmt: skip
        direct = dict.fromkeys(leaf.values(), 0)
        for charge in charges(ledger):
            direct[charge.leaf] += charge.amount
        by = {"search": 5, "assist": -5}
        ledger.bulk("allocated", [("pooled", *leaf[team], direct[leaf[team]] + more) for team, more in by.items()])  # fmt: skip
        split = {
            charge.leaf[0]: [(part.leaf[0], part.amount - charge.amount * part.is_own, part.is_own) for part in found]
            for charge, found in parts(ledger, Method.POOLED)
        }  # fmt: skip
    assert split == {
        "search": [("search", 0, True), ("search", 5, False), ("assist", -5, False)],
        "assist": [("assist", 0, True)],
    }


# FOCUS.


def test_a_row_of_focus(shell):
    rows = focus(shell, "--to focus-1.4 --invoice-id INV-7")
    assert len(rows) == 9
    (read,) = (
        row for row in rows if row["SkuMeter"] == "cached" and json.loads(row["Tags"])["team"] == "data"
    )  # fmt: skip
    assert {name: value for name, value in read.items() if value} == {
        "BilledCost": "0.002400000000", "BillingAccountId": "acme", "BillingAccountName": "acme", "BillingCurrency": "USD",
        "BillingPeriodEnd": "2025-11-01T00:00:00Z", "BillingPeriodStart": "2025-10-01T00:00:00Z", "ChargeCategory": "Usage",
        "ChargeDescription": "sonnet cached", "ChargeFrequency": "Usage-Based", "ChargePeriodEnd": "2025-10-02T00:00:00Z",
        "ChargePeriodStart": "2025-10-01T00:00:00Z", "ConsumedQuantity": "8000.0", "ConsumedUnit": "Tokens",
        "ContractedCost": "0.002400000000", "ContractedUnitPrice": "0.000000300000", "EffectiveCost": "0.002400000000",
        "InvoiceId": "INV-7", "InvoiceIssuerName": "example.com", "ListCost": "0.002400000000", "ListUnitPrice": "0.000000300000",
        "PricingCategory": "Standard", "PricingQuantity": "8000.0", "PricingUnit": "Tokens",
        "ServiceCategory": "AI and Machine Learning", "ServiceName": "anthropic", "ServiceSubcategory": "Generative AI",
        "SkuId": "sonnet", "SkuMeter": "cached", "SkuPriceDetails": '{"x_Rate": "300000", "x_Per": "1"}', "SkuPriceId": "sonnet/cached",
        "Tags": '{"team": "data"}', "HostProviderName": "anthropic", "ServiceProviderName": "example.com",
        "x_Model": "anthropic/sonnet", "x_Line": "cached", "x_TokenDirection": "Input", "x_TokenCacheAction": "Read", "x_CacheSaving": "0.021600000000", "x_CachePremium": "0.000000000000",
        "x_Receipts": "1.0", "x_ChargeId": read["x_ChargeId"], "x_Card": read["x_Card"], "x_Verdict": "verified",
    }  # fmt: skip
    written = next(row for row in rows if row["SkuMeter"] == "write.300")
    assert (written["x_TokenCacheAction"], written["x_CacheTtl"], written["x_CachePremium"]) == ("Write", "300.0", "0.006000000000")  # fmt: skip
    output = next(row for row in rows if row["SkuMeter"] == "output")
    assert (output["x_TokenDirection"], output["x_TokenCacheAction"]) == ("Output", "")


@pytest.mark.parametrize("method", [str(method) for method in Method])
def test_allocated_rows_sum_to_their_origin_and_to_the_invoice(shell, method):
    direct = {row["x_ChargeId"]: row for row in focus(shell, "--to focus-1.4")}
    rows = focus(shell, f"--to focus-1.4 --method {method}")
    assert sum(Decimal(row["BilledCost"]) for row in rows) == Decimal("0.0948")
    sums = defaultdict(Decimal)
    for row in rows:
        origin = direct[row["x_ChargeId"]]
        sums[row["x_ChargeId"]] += Decimal(row["BilledCost"])
        same = ("SkuMeter", "SkuId", "Tags", "ChargePeriodStart", "InvoiceIssuerName", "x_Model", "x_Line")  # fmt: skip
        assert [row[name] for name in same] == [origin[name] for name in same]
        priced = ("ListUnitPrice", "ContractedUnitPrice", "SkuPriceId", "SkuPriceDetails")
        if Decimal(row["PricingQuantity"]):
            assert [row[name] for name in priced] == [origin[name] for name in priced]
            assert Decimal(row["ListUnitPrice"]) * Decimal(row["PricingQuantity"]) == Decimal(row["ListCost"])  # fmt: skip
        else:
            assert ([row[name] for name in priced], row["AllocatedMethodId"]) == ([""] * 4, method)
    assert sums == {name: Decimal(row["BilledCost"]) for name, row in direct.items()}
    split = [row for row in rows if row["AllocatedMethodId"]]
    assert {row["AllocatedMethodId"] for row in split} == (
        set() if method == "direct" else {method}
    )
    if method == "warmup-adjusted":
        taken = [row for row in split if row["AllocatedResourceId"] == "platform"]
        assert {(row["ConsumedQuantity"], row["x_Receipts"], row["AllocatedTags"]) for row in taken} == {("0.0", "0.0", '{"team": "platform"}')}  # fmt: skip
        assert sum(Decimal(row["BilledCost"]) for row in taken) == Decimal("-0.00864")


def test_the_projection_to_1_2_has_the_columns_of_1_2(shell):
    (row, *_) = focus(shell, "--to focus-1.2")
    assert (row["ProviderName"], row["PublisherName"]) == ("example.com", "anthropic")
    assert not {name for name in row if name.startswith("Allocated")}
    assert not {"HostProviderName", "ServiceProviderName"} & set(row)


def test_an_observer_does_not_bill(shell):
    rows = focus(shell, "--to focus-1.4 --observer example.com")
    assert {(row["InvoiceIssuerName"], row["ServiceProviderName"]) for row in rows} == {("anthropic", "anthropic")}  # fmt: skip


def test_focus_in_parquet_is_the_same(shell):
    rows = focus(shell, "--to focus-1.4 --method pooled")
    found = pq.read_table("out/cost-and-usage.parquet")
    assert str(found.schema.field("BilledCost").type) == "decimal128(38, 12)"
    assert str(found.schema.field("ChargePeriodStart").type) == "timestamp[ms, tz=UTC]"
    assert [str(cost) for cost in found["BilledCost"].to_pylist()] == [row["BilledCost"] for row in rows]  # fmt: skip
    assert found["Tags"].to_pylist() == [row["Tags"] for row in rows]


@pytest.mark.parametrize("form", ["focus-1.4 --method warmup-adjusted", "focus-1.2"])
def test_what_is_exported_reconciles_with_the_receipts(shell, form):
    """Without a map; and what is changed in it is found."""
    exported(shell, f"--to {form}")
    found = reconciled(shell)
    assert (found["verdict"], found["differences"], found["not_compared"]) == ("verified", [], [])
    path = Path("out/cost-and-usage.csv")
    path.write_text(path.read_text().replace("0.002400000000", "0.002400001000", 1))
    found = reconciled(shell)
    assert (found["verdict"], [one["kind"] for one in found["differences"]]) == ("rejected", ["price difference"])  # fmt: skip


def test_units_beside_the_tokens_reconcile_too():
    registry, end = Registry("USD"), START + 2 * DAY
    billing = Billing((START, end), "USD", "", "verified", frozenset(), None, Method.DIRECT)
    out = BytesIO()
    with Ledger() as ledger:
        ledger.load(reconciling.ROWS, reconciling.CARD, registry)
        allocate_all(ledger, registry)
        write_csv(out, [*FOCUS_COLUMNS[Version.V1_4]], focus_rows(ledger, billing, Version.V1_4))
    text = out.getvalue().decode()
    assert ",3.0,Requests," in text
    found = reconciling.against("focus", text)
    assert (found["differences"], found["not_compared"]) == ([], [])
    assert found["receipts"] == found["invoice"]


def reconciled(shell):
    line = "reconcile batch.cbor --keys keys.json --card card.cbor --kind focus --json"
    return json.loads(shell(f"{line} --invoice out/cost-and-usage.csv").out)


@pytest.mark.parametrize(
    ("rate", "per", "price"), [(2500, 9, None), (2500, 5, Decimal("0.0000000005")), (9, 2, None)]
)
def test_a_rate_that_is_no_decimal_has_no_unit_price(rate, per, price):
    """A price of 2,500 picounits for 9 cannot be said of one."""
    leaf = (None, None, None, None, None, "p/m", date(2025, 10, 1))
    charge = Charge(leaf, "i", "a", "p", "m", "storage.token_seconds", 4, False, None, rate, per, "[{}, null]", 1, 18, 5000, 0, 0)  # fmt: skip
    billing = Billing((0, 1), "USD", "", "verified", frozenset(), None, Method.DIRECT)
    row = {name: of(charge, Part(leaf, 5000, True, False), billing) for name, of in FOCUS_COLUMNS[Version.V1_4].items()}  # fmt: skip
    assert (row["ListUnitPrice"], row["ContractedUnitPrice"], row["ConsumedUnit"]) == (price, price, "Token-Seconds")  # fmt: skip
    named = (None, None) if price is None else ("m/storage.token_seconds", f'{{"x_Rate": "{rate}", "x_Per": "{per}"}}')  # fmt: skip
    assert (row["SkuPriceId"], row["SkuPriceDetails"]) == named
    assert (row["x_TokenDirection"], row["x_TokenCacheAction"]) == (None, None)


@pytest.mark.parametrize("name", [*BESIDE, "example.com/rooms"])
def test_each_unit_is_one_of_focus_and_is_read_back(name):
    """FOCUS, Unit Format: a word, or a word and a span of time."""
    leaf = (None, None, None, None, None, "p/m", date(2025, 10, 1))
    charge = Charge(leaf, "i", "a", "p", "m", name, 4, False, None, 2, 1, "[{}, null]", 1, 18, 36, 0, 0)  # fmt: skip
    billing = Billing((0, 1), "USD", "", "verified", frozenset(), None, Method.DIRECT)
    columns = FOCUS_COLUMNS[Version.V1_2]
    row = {column: of(charge, Part(leaf, 36, True, False), billing) for column, of in columns.items()}  # fmt: skip
    assert re.fullmatch("[A-Z][a-z]+(-Seconds)?", row["PricingUnit"])
    out = BytesIO()
    write_csv(out, [*columns], [row])
    invoice = reconciling.read("focus", out.getvalue().decode())
    assert (invoice.lines, invoice.unread) == ({(leaf[-1], "p/m", name): Billed(18, 36, 1)}, {})


# Tables.


def test_the_tables(shell):
    found = exported(shell, "--to parquet")
    assert [one["name"] for one in found["files"]] == [f"out/{name}.parquet" for name in TABLES]
    for one in found["files"]:
        data = Path(one["name"]).read_bytes()
        assert (one["size"], one["sha256"]) == (len(data), sha256(data).hexdigest())
    receipts = pq.read_table("out/receipts.parquet")
    assert str(receipts.schema.field("amount").type) == "decimal128(38, 12)"
    assert sum(receipts["amount"].to_pylist()) == Decimal("0.0948")
    first = receipts.to_pylist()[0]
    place = ("issuer", "account", "stream", "sequence", "request", "team", "logical", "amount")
    assert [first[name] for name in place] == ["example.com", "acme", "s", 0, "r0001", "search", 10_000, Decimal("0.051")]  # fmt: skip
    metadata = {name.decode(): value.decode() for name, value in receipts.schema.metadata.items()}
    assert metadata["receipts.verdict"] == "verified"
    assert metadata["receipts.currency"] == "USD"
    batch = sha256(Path("batch.cbor").read_bytes()).hexdigest()
    assert metadata["receipts.inputs"].splitlines()[0] == f"{batch}  batch.cbor"
    lines = pq.read_table("out/lines.parquet")
    assert sum(lines["amount"].to_pylist()) == Decimal("0.0948")
    assert sum(lines["saved"].to_pylist()) == Decimal("0.0432")
    leaves = pq.read_table("out/leaves.parquet").to_pylist()
    assert {method: sum(row["amount"] for row in leaves if row["method"] == method) for method in map(str, Method)} == dict.fromkeys(map(str, Method), Decimal("0.0948"))  # fmt: skip


def test_the_same_input_gives_the_same_bytes(shell):
    first = exported(shell, "--to parquet")["files"]
    assert exported(shell, "--to parquet")["files"] == first


# Journal and statement.


@pytest.mark.parametrize("method", [str(method) for method in Method])
def test_beancount_takes_the_journal(shell, method):
    """The program itself says so: the transaction balances."""
    Path("finance.toml").write_text(FINANCE.replace('"search"', '"search & co"'))
    exported(shell, f"--to journal --method {method}")
    path = Path("out/chargeback.beancount")
    checked = subprocess.run(
        [sys.executable, "-m", "beancount.scripts.check", str(path)], capture_output=True, text=True, check=False
    )  # fmt: skip
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    assert "  Liabilities:Tokens  -0.09 USD" in path.read_text()


def test_names_that_become_the_same_get_a_number():
    rows = [{"team": team, "cost_center": None, "amount": "0.01"} for team in ("a b", "a-b", None, "日本", '"\n; x')]  # fmt: skip
    days = (date(2025, 10, 1), date(2025, 10, 31))
    text = beancount(rows, days, "USD", ["a\nname"])
    accounts = [line.split()[0] for line in text.splitlines() if line.startswith("  Expenses")]
    assert accounts == [f"Expenses:Tokens:{name}" for name in ("A-b", "A-b-2", "Untagged", "Team", "X")]  # fmt: skip
    assert text.splitlines()[0] == "; a\\nname"
    assert '    team: "\\"\\n; x"' in text


def test_a_statement_shows_nothing_of_another_customer(tmp_path, shell):
    rows = [
        request(1, "search", prefix=True, logical=10_000, writes={300: 8000}, output=1000, tags={"customer": "c1", "feature": "chat"}),
        request(2, "assist", prefix=True, logical=10_000, cached=8000, output=1000, tags={"customer": "c2-secret"}),
        request(3, "search", prefix=True, logical=9000, cached=8000, tags={"customer": "c1", "feature": "chat"}),
    ]  # fmt: skip
    write_month(tmp_path, rows)
    exported(shell, "--to statement --customer c1")
    text = Path("out/statement.csv").read_text()
    assert text == (
        "day,feature,model,class,quantity,rate,per,amount\n"
        "2025-10-01,chat,sonnet,cached,8000,0.000000300000,1,0.002400000000\n"
        "2025-10-01,chat,sonnet,output,1000,0.000015000000,1,0.015000000000\n"
        "2025-10-01,chat,sonnet,uncached,3000,0.000003000000,1,0.009000000000\n"
        "2025-10-01,chat,sonnet,write.300,8000,0.000003750000,1,0.030000000000\n"
        "total,,,,,,,0.056400000000\n"
    )
    for word in ("secret", "search", "assist", "copilot"):
        assert word not in text
    result = shell(f"{RUN} --to statement --customer nobody -o out")
    assert result.code == 2
    assert "error: customer nobody has no request in the period" in result.err


# What is not good enough.


def test_what_is_not_verified_is_refused_or_marked(tmp_path, shell):
    write_month(tmp_path, ROWS, closed=False)
    result = shell(f"{RUN} --to focus-1.4 -o out")
    assert (result.code, Path("out").exists()) == (3, False)
    assert "error: the batch is incomplete (statement-missing" in result.err
    result = shell(f"{RUN} --to focus-1.4 --include-unverified -o out")
    assert result.code == 0
    assert "warning: not verified: incomplete (" in result.err
    with Path("out/cost-and-usage.csv").open(newline="") as stream:
        assert {row["x_Verdict"] for row in csv.DictReader(stream)} == {"incomplete"}
    metadata = pq.read_schema("out/cost-and-usage.parquet").metadata
    assert metadata[b"receipts.verdict"] == b"incomplete"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--to statement -o out", "--to statement and --customer go together"),
        ("--to parquet --customer c -o out", "--to statement and --customer go together"),
        ("--to focus-1.2 --method pooled -o out", "--method goes with focus-1.4 and journal, and not with focus-1.2"),
        ("--to parquet --method pooled -o out", "--method goes with focus-1.4 and journal, and not with parquet"),
        ("--to journal --invoice-id 1 -o out", "--invoice-id goes with focus-1.4 and focus-1.2"),
        ("--to parquet -o batch.cbor", "batch.cbor: File exists"),
        ("--to parquet -o out --period 2024-01", "the batch is incomplete (period-uncovered)"),
    ],
)  # fmt: skip
def test_wrong_use(shell, line, message):
    result = shell(f"{RUN} {line}")
    assert (result.code, result.out) == (3 if "incomplete" in message else 2, "")
    assert message in result.err


def test_without_a_registry_no_team_is_registered(shell):
    exported(shell, "--to parquet", RUN.replace(" --config finance.toml", ""))
    rows = pq.read_table("out/receipts.parquet").to_pylist()
    assert {(row["team"], row["stated_team"]) for row in rows} == {(None, team) for team in ("search", "assist", "data", "growth")}  # fmt: skip
    assert rows[0]["time"] == START + 1000
