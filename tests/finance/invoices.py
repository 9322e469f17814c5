"""Exports of a month in each kind, of lines by day, model and class; and errors that are planted in them."""

import json
from collections import defaultdict
from fractions import Fraction
from random import Random

from attribution.money import Naming
from tests.finance.reconciling import micros

_TOKEN_TYPES = {
    "uncached": "uncached_input_tokens", "cached": "cache_read_input_tokens", "write.300": "cache_creation.ephemeral_5m_input_tokens",
    "write.3600": "cache_creation.ephemeral_1h_input_tokens", "output": "output_tokens",
}  # fmt: skip
_ITEMS = {"uncached": "input", "cached": "cached input", "write": "cache write", "output": "output"}
_COUNTS = {
    "uncached": "input_uncached_tokens", "cached": "input_cached_tokens", "write": "input_cache_write_tokens",
    "output": "output_tokens",
}  # fmt: skip
_USAGE_TYPES = {
    "uncached": "input-tokens", "cached": "cache-read-input-token-count", "output": "output-tokens",
}  # fmt: skip
_FLASH = ("uncached", "cached", "output", "input.audio", "cached.audio", "storage.token_seconds")
NAMING = Naming(
    models={"SKU": "aws.bedrock/sonnet", **{model.replace("/", "-"): model for model in (
        "anthropic/haiku", "anthropic/sonnet", "openai/sol", "google/flash", "aws.bedrock/sonnet", "deepseek/pro", "example/new")}},
    classes={f"meter {line}": line for line in (
        *_TOKEN_TYPES, *_FLASH, "write.1800", "requests.web_search", "unheard-of")},
    items={f"flash {line}": ("google/flash", line) for line in (*_FLASH, "unheard-of")},
)  # fmt: skip


def folded(month, kind):
    """The lines of the receipts as the export calls them: quantity and amount by day, model and class."""
    lines = defaultdict(lambda: [0, 0])
    for request in month.requests:
        for line in request.price.lines:
            provider = request.row.usage.provider
            name, model = line.name, request.model
            if (
                kind.startswith("anthropic")
                and name == "requests.web_search"
                and kind == "anthropic-cost"
            ):
                name, model = "web_search", "anthropic/*"
            if kind.startswith("openai") and name.startswith("write."):
                name = "write"
            if kind == "litellm":
                name = "request"
            if provider in PROVIDERS.get(kind, {provider}):
                found = lines[request.day, model, name]
                found[0] += line.quantity
                found[1] += line.amount
    return {
        key: (quantity, Fraction(micros(amount)))
        for key, (quantity, amount) in sorted(lines.items())
    }


PROVIDERS = {
    "anthropic-cost": {"anthropic"}, "anthropic-usage": {"anthropic"}, "openai-costs": {"openai"}, "openai-usage": {"openai"},
    "cur2": {"aws.bedrock"}, "gcp": {"google"},
}  # fmt: skip
EXTRA = {
    "anthropic-cost": ("anthropic/opus", "output"), "anthropic-usage": ("anthropic/opus", "output"),
    "openai-costs": ("openai/mini", "output"), "openai-usage": ("openai/mini", "output"), "cur2": ("aws.bedrock/sonnet", "output"),
    "gcp": ("google/flash", "unheard-of"), "focus": ("example/new", "output"), "csv": ("example/new", "output"),
    "litellm": ("example/new", "request"),
}  # fmt: skip


def planted(lines, kind, seed, day):
    """The lines with five errors, and the differences that are to be told."""
    random, wrong, told = Random(seed), dict(lines), []
    counts, amounts = kind not in ("anthropic-cost", "litellm"), not kind.endswith("-usage")
    large = [
        key
        for key, (quantity, amount) in lines.items()
        if amount >= Fraction(1, 1000) and quantity > 2000
        and (counts or key[1] != "google/flash")  # within what its receipts leave open
    ]  # fmt: skip
    missing, more, less, price = random.sample(large, 4)
    del wrong[missing]
    # A result of OpenAI's usage has all counts of a model: one that is missing there is 0.
    gone = "invoice counts less" if kind == "openai-usage" else "not on the invoice"
    told.append((missing, gone, -lines[missing][0]))
    extra = (day, *EXTRA[kind])
    wrong[extra] = (12_345, Fraction("0.308625"))
    told.append((extra, "invoice line without receipts", 12_345))
    for key, tokens, what in (
        (more, 1000, "receipts missing"),
        (less, -500, "invoice counts less"),
    ):
        quantity, amount = lines[key]
        wrong[key] = quantity + tokens, amount + Fraction(tokens, 10**6)
        told.append((key, what if counts else "price difference", tokens))
    wrong[price] = lines[price][0], lines[price][1] * Fraction(8, 5)
    wrong[price] = wrong[price][0], Fraction(micros(wrong[price][1] * 10**12))
    if amounts:
        told.append((price, "price difference", 0))
    return wrong, sorted((*key, what, quantity if counts else None) for key, what, quantity in told)


def written(lines, kind):
    """The export as text, in the form of its kind."""
    rows = [
        (day, model, line, quantity, str_of(amount))
        for (day, model, line), (quantity, amount) in lines.items()
    ]
    return _WRITERS[kind](rows)


def str_of(amount):
    return micros(amount * 10**12)


def _csv(rows):
    return "".join(
        f"{','.join(map(str, row))}\n"
        for row in [("day", "model", "class", "quantity", "amount"), *rows]
    )


def _pages(rows, result, start):
    days = defaultdict(list)
    for row in rows:
        days[row[0]].append(result(*row[1:]))
    data = [{**start(day), "results": results} for day, results in sorted(days.items())]
    return json.dumps({"data": data, "has_more": False})


def _iso(day):
    return {"starting_at": f"{day}T00:00:00Z"}


def _unix(day):
    from datetime import UTC, datetime

    return {
        "start_time": int(datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=UTC).timestamp())
    }


def _anthropic_cost(model, line, _, amount):
    cents = str_of(Fraction(amount) * 100).rstrip("0")
    cents += "0" * (4 - len(cents.partition(".")[2]))
    common = {"amount": cents, "currency": "USD"}
    if line == "web_search":
        return {**common, "cost_type": line, "token_type": None, "model": None}
    return {
        **common,
        "cost_type": "tokens",
        "token_type": _TOKEN_TYPES[line],
        "model": model.removeprefix("anthropic/"),
    }


def _anthropic_usage(model, line, quantity, _):
    name = {**_TOKEN_TYPES, "requests.web_search": "server_tool_use.web_search_requests"}[line]
    outer, dot, inner = name.partition(".")
    return {
        "model": model.removeprefix("anthropic/"),
        outer: {inner: quantity} if dot else quantity,
    }


def _openai_costs(model, line, quantity, amount):
    return {
        "amount": {"value": float(amount), "currency": "usd"}, "line_item": f"{model.removeprefix('openai/')}, {_ITEMS[line]}",
        "quantity": quantity, "quantity_unit": "tokens",
    }  # fmt: skip


def _openai_usage(rows):
    """All counts of a model in one result."""
    results = defaultdict(lambda: {"output_tokens": 0})
    for day, model, line, quantity, _ in rows:
        results[day, model][_COUNTS[line]] = quantity
    whole = [
        (
            day,
            model,
            {
                **counts,
                "input_tokens": sum(n for name, n in counts.items() if name.startswith("input")),
            },
        )
        for (day, model), counts in results.items()
    ]
    return _pages(
        whole, lambda model, counts: {"model": model.removeprefix("openai/"), **counts}, _unix
    )


def _cur2(rows):
    head = (
        "line_item_usage_start_date,line_item_line_item_type,line_item_product_code,line_item_usage_type,line_item_usage_amount,"
        "line_item_unblended_cost,line_item_currency_code,pricing_unit\n"
    )  # fmt: skip
    return head + "".join(
        f"{day}T05:00:00Z,Usage,AmazonBedrock,SKU-{_USAGE_TYPES[line]},{quantity / 1000},{amount},USD,1K tokens\n"
        for day, _, line, quantity, amount in rows
    )


def _gcp(rows):
    head = (
        "usage_start_time,sku.id,sku.description,usage.amount,usage.unit,cost,currency,cost_type\n"
    )
    return head + "".join(
        f"{day} 07:00:00 UTC,1,flash {line},{quantity},count,{float(amount)!r},USD,regular\n"
        for day, _, line, quantity, amount in rows
    )


def _focus(rows):
    head = "ChargePeriodStart,ChargeCategory,ChargeDescription,SkuId,SkuMeter,ConsumedQuantity,ConsumedUnit,BilledCost,BillingCurrency\n"
    return head + "".join(
        f"{day}T00:00:00Z,Usage,text,{model.replace('/', '-')},meter {line},{quantity}.0,Tokens,{amount},USD\n"
        for day, model, line, quantity, amount in rows
    )


def _litellm(rows):
    return json.dumps([
        {"startTime": f"{day}T10:00:00.5Z", "model": model.partition("/")[2], "custom_llm_provider": model.partition("/")[0],
         "spend": float(amount)}
        for day, model, _, _, amount in rows
    ])  # fmt: skip


_WRITERS = {
    "csv": _csv, "cur2": _cur2, "gcp": _gcp, "focus": _focus, "litellm": _litellm,
    "anthropic-cost": lambda rows: _pages(rows, _anthropic_cost, _iso),
    "anthropic-usage": lambda rows: _pages(rows, _anthropic_usage, _iso),
    "openai-costs": lambda rows: _pages(rows, _openai_costs, _unix),
    "openai-usage": _openai_usage,
}  # fmt: skip
