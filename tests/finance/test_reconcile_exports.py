"""Billing exports of clouds, FOCUS, and LiteLLM's spend logs: small ones that agree with the receipts, and what is told of others."""

import json

import pytest

from attribution.money import InvoiceError, Naming
from tests.finance.cards import card
from tests.finance.reconciling import against, read, told
from tests.finance.running import SONNET, request

RATES = {name: value for name, value in SONNET.items() if name not in ("provider", "model")}
CLOUDS = card(
    *({"provider": provider, "model": "m", **RATES} for provider in ("aws.bedrock", "gcp.gemini"))
)


def rows(provider):
    """10,000 tokens, of which 2,000 are cached and 1,000 written, and 500 of output; 20 µ apart: 0.021 + 0.0006 + 0.00375 + 0.0075."""
    return [
        request(1, logical=10_000, cached=2000, writes={300: 1000}, output=500, provider=provider, model="m"),
    ]  # fmt: skip


@pytest.fixture(autouse=True)
def _clouds(monkeypatch):
    monkeypatch.setattr("tests.finance.reconciling.CARD", CLOUDS)


CUR = (
    "identity_line_item_id,line_item_usage_start_date,line_item_line_item_type,line_item_product_code,line_item_usage_type,"
    "line_item_usage_amount,line_item_unblended_cost,line_item_currency_code,pricing_unit"
)  # fmt: skip
BEDROCK = Naming(models={"USE1-Claude4.6Sonnet": "aws.bedrock/m"})


def cur(kind, quantity, cost, **more):
    product, unit = more.get("product", "AmazonBedrock"), more.get("unit", "1K tokens")
    line, model = more.get("type", "Usage"), more.get("model", "USE1-Claude4.6Sonnet")
    return f"x,2025-10-01T05:00:00Z,{line},{product},{model}-{kind},{quantity},{cost},USD,{unit}"


HOURS = [
    cur("input-tokens", "3.5", "0.0105"), cur("input-tokens", "3.5", "0.0105000000"),
    cur("cache-read-input-token-count", "2.0000000000", "0.0006"), cur("cache-write-input-token-count", "1", "0.00375"),
    cur("output-tokens", "0.5", "0.0075"),
]  # fmt: skip


def bedrock(*lines):
    text = "".join(f"{line}\n" for line in (CUR, *lines))
    return against("cur2", text, naming=BEDROCK, rows=rows("aws.bedrock"))


def test_cur2():
    found = bedrock(*HOURS)
    assert (found["differences"], found["not_compared"]) == ([], [])
    assert (found["lines"], found["invoice"]) == (4, "0.032850000000")
    assert found["not_read"] == ["column identity_line_item_id"]
    assert told(bedrock(*HOURS[1:])) == [
        ("2025-10-01", "aws.bedrock/m", "uncached", "invoice counts less", -3500, "-0.010500000000"),
    ]  # fmt: skip
    dear = cur("output-tokens", "0.5", "0.0085")
    assert told(bedrock(*HOURS[:-1], dear)) == [
        ("2025-10-01", "aws.bedrock/m", "output", "price difference", 0, "0.001000000000")
    ]


def test_cur2_rows_that_are_not_compared_or_not_for_usage():
    found = bedrock(
        *HOURS,
        cur("input-tokens", "1", "1", model="EUW1-Nova"),
        cur("input-tokens", "1", "1", unit="Hrs"),
        cur("input-tokens", "1", "9", product="AmazonS3", model="x"),
        cur("tax", "1", "0.5", type="Tax"),
        cur("promised", "1", "-2", type="Credit"),
        cur("platform", "1", "7", type="Fee"),
    )
    assert found["differences"] == []
    assert [one["what"] for one in found["not_compared"]] == [
        "usage type EUW1-Nova-input-tokens",
        "pricing_unit Hrs of USE1-Claude4.6Sonnet-input-tokens",
        "Fee: USE1-Claude4.6Sonnet-platform",
    ]
    assert [(one["cause"], one["amount"]) for one in found["known"]] == [
        ("Tax", "0.500000000000"),
        ("Credit", "-2.000000000000"),
    ]
    assert "rows of product AmazonS3" in found["not_read"]


def test_cur2_quantities_are_whole_tokens():
    with pytest.raises(InvoiceError) as error:
        bedrock(cur("input-tokens", "0.0005", "0"))
    assert str(error.value) == (
        "1.txt, line 2, column 78: line_item_usage_amount: expected a whole number of 1/1000, found '0.0005'"
    )  # fmt: skip


GCP = "usage_start_time,sku.id,sku.description,usage.amount,usage.unit,cost,currency,cost_type"
SKUS = {
    "Gemini input": ("gcp.gemini/m", "uncached"), "AAAA-1": ("gcp.gemini/m", "cached"),
    "Gemini write": ("gcp.gemini/m", "write.300"), "Gemini output": ("gcp.gemini/m", "output"),
}  # fmt: skip
BILLED = [
    "2025-10-01 07:00:00 UTC,1,Gemini input,7000,count,0.021000000000000001,USD,regular",
    "2025-10-01 07:00:00 UTC,AAAA-1,Gemini cached,2000,count,0.0006,USD,regular",
    "2025-10-01 07:00:00 UTC,2,Gemini write,1000.0,count,3.75e-3,USD,regular",
    "2025-10-01 08:00:00 UTC,3,Gemini output,500,count,0.0075,USD,regular",
]


def google(*lines):
    text = "".join(f"{line}\n" for line in (GCP, *lines))
    return against("gcp", text, naming=Naming(items=SKUS), rows=rows("gcp.gemini"))


def test_gcp():
    found = google(*BILLED)
    assert (found["differences"], found["not_compared"]) == ([], [])
    assert found["invoice"] == "0.032850000000"
    assert told(google(*BILLED[:3])) == [
        ("2025-10-01", "gcp.gemini/m", "output", "not on the invoice", -500, "-0.007500000000")
    ]
    found = google(
        *BILLED,
        "2025-10-01 08:00:00 UTC,9,Gemini storage,5,count,0.1,USD,regular",
        "2025-10-01 08:00:00 UTC,3,Gemini output,5,gibibyte,0.1,USD,regular",
        "2025-10-31 08:00:00 UTC,,,0,,0.19,USD,tax",
        "2025-10-31 08:00:00 UTC,,off,0,,0.19,USD,adjustment",
    )
    assert [one["what"] for one in found["not_compared"]] == [
        "SKU Gemini storage", "usage.unit gibibyte of Gemini output", "adjustment: off",
    ]  # fmt: skip
    assert [one["cause"] for one in found["known"]] == ["tax"]


FOCUS = (
    "ChargePeriodStart,ChargeCategory,ChargeDescription,SkuId,SkuMeter,ConsumedQuantity,ConsumedUnit,BilledCost,"
    "BillingCurrency,x_ReceiptId"
)  # fmt: skip
METERS = [("in", 7000, "0.021"), ("read", 2000, "0.0006"), ("write", 1000, "0.00375"), ("out", 500, "0.0075")]  # fmt: skip
NAMES = Naming(
    models={"sku-m": "aws.bedrock/m"},
    classes={"in": "uncached", "read": "cached", "write": "write.300", "out": "output"},
    items={"sku-y": ("aws.bedrock/m", "output")},
)


def metered(meter, quantity, cost, unit="Tokens", sku="sku-m", category="Usage"):
    return f"2025-10-01T00:00:00Z,{category},text,{sku},{meter},{quantity},{unit},{cost},USD,r"


def focus(*lines):
    text = "".join(f"{line}\n" for line in (FOCUS, *lines))
    return against("focus", text, naming=NAMES, rows=rows("aws.bedrock"))


def test_focus():
    lines = [metered(meter, f"{quantity}.0", cost) for meter, quantity, cost in METERS]
    found = focus(*lines)
    assert (found["differences"], found["not_compared"]) == ([], [])
    assert found["not_read"] == ["column x_ReceiptId"]
    assert focus(metered("in", "7.0", "0.021", "1000 Tokens"), *lines[1:])["differences"] == []
    assert told(focus(*lines, metered("", "1", "0.000015", sku="sku-y"))) == [
        ("2025-10-01", "aws.bedrock/m", "output", "receipts missing", 1, "0.000015000000")
    ]
    found = focus(
        *lines,
        metered("seats", 1, 5),
        metered("in", 1, 5, "Hours"),
        metered("", 0, 5, category="Purchase"),
        metered("", 0, -5, category="Credit"),
    )
    assert [one["what"] for one in found["not_compared"]] == [
        "SKU sku-m, meter seats", "ConsumedUnit Hours of sku-m", "Purchase: text",
    ]  # fmt: skip
    assert [one["cause"] for one in found["known"]] == ["Credit"]


def test_focus_of_our_own():
    """Its columns name what the map does not; the map comes first, and half a name is none."""
    own = FOCUS.replace("x_ReceiptId", "x_Model,x_Line")
    lines = [
        metered(line, quantity, cost, sku="m").removesuffix(",r") + f",aws.bedrock/m,{line}"
        for line, (_, quantity, cost) in zip(("uncached", "cached", "write.300", "output"), METERS, strict=True)
    ]  # fmt: skip
    found = against("focus", "\n".join([own, *lines]), rows=rows("aws.bedrock"))
    assert (found["differences"], found["not_compared"], found["not_read"]) == ([], [], [])
    half = lines[0].replace("aws.bedrock/m,", ",")
    found = against("focus", "\n".join([own, half, *lines[1:]]), rows=rows("aws.bedrock"))
    assert found["not_compared"] == [{"what": "SKU m, meter uncached", "rows": 1}]
    mapped = Naming(items={"m": ("aws.bedrock/m", "output")})
    found = against("focus", "\n".join([own, *lines]), naming=mapped, rows=rows("aws.bedrock"))
    assert [one[2] for one in told(found)] == ["cached", "output", "uncached", "write.300"]


def spend(amount, **more):
    return {
        "request_id": "r", "startTime": "2025-10-01T10:00:00.123000Z", "model": "m", "custom_llm_provider": "aws.bedrock",
        "spend": amount, "prompt_tokens": 10_000, "completion_tokens": 500, **more,
    }  # fmt: skip


def litellm(*logs, lines=False):
    text = "\n".join(map(json.dumps, logs)) if lines else json.dumps(logs)
    return against("litellm", text, rows=rows("aws.bedrock"))


@pytest.mark.parametrize("lines", [True, False])
def test_litellm(lines):
    """A whole request is one line there."""
    found = litellm(spend(0.03285), spend(0, cache_hit="True"), lines=lines)
    assert (found["differences"], found["lines"], found["not_read"]) == ([], 1, [])
    assert told(litellm(spend(0.04), lines=lines)) == [
        ("2025-10-01", "aws.bedrock/m", "request", "price difference", None, "0.007150000000")
    ]
    found = litellm(
        spend(0.03285), spend(0.1, custom_llm_provider=None), spend(0.1, model="aws.bedrock/x", team_id="t")
    )  # fmt: skip
    assert found["not_compared"] == [{"what": "model m without custom_llm_provider", "rows": 1}]
    assert found["not_read"] == ["member team_id"]
    assert [one[1:4] for one in told(found)] == [("aws.bedrock/x", "request", "invoice line without receipts")]  # fmt: skip


@pytest.mark.parametrize("kind", ["cur2", "gcp", "focus"])
def test_a_file_that_is_another(kind):
    with pytest.raises(InvoiceError) as error:
        read(kind, "day,model\n")
    assert (error.value.field, error.value.line, error.value.found) == ("header", 1, "day, model")
