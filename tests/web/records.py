"""Batches and the customer's record of them, on which two verifiers are compared: a record that agrees, with a few changes.

Each follows from its number alone. What only a batch can be is in `tests.web.differ`.
"""

import csv
import io
import json
import random
from dataclasses import dataclass, field
from functools import cache

import cbor2

from receipts.cache_id import CacheKey, token_ids
from tests.build import (
    ACCOUNT,
    DECEMBER,
    KEY,
    NOON,
    NOVEMBER,
    SECOND,
    STRANGER,
    Batch,
    Stream,
    jwk_set,
    sign_receipt,
)
from tests.test_vectors import DOCUMENTS
from tests.web.differ import _changed, _closed_again, is_receipt, items_of, opened_of

CACHE_KEY = CacheKey(ACCOUNT, bytes(range(32)))
HOSTS = ("api.example.com", "api.example.com", "other.example.com", "api.perplexity.ai")
PATHS = ("/v1/chat/completions", "/v1/messages", "/v1/messages/count_tokens", "/v1/files", "/v1/rerank", "/v1/models/x:generateContent", "/v1/batches/b/cancel", "/v1/uploads/u/parts")  # fmt: skip
OUTCOMES = ("complete", "complete", "unfinished", "cut", "cancelled", "failed", "pending")
STATUSES = (200, "200", "200 OK", "ok", 204, 429, 500, "error")
MODELS = ("claude-sonnet-4-6", "claude-sonnet-4-6-20251001", "claude-sonnet-4-6@2025-10-01", "claude-sonnet-4-6-20251002", "claude-opus-4-6", "fast")  # fmt: skip
UNITS = ("requests.web_search", "input.audio", "cached.audio", "output.audio", "storage.token_seconds", "audio.ms")  # fmt: skip


@dataclass
class RecordCase:
    """A batch and the record that it is held against, as texts of files."""

    data: bytes
    requests: str | None = None
    received: bytes | None = None
    prompts: str | None = None
    cache_key: str | None = None
    margin: int | None = None
    aliases: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)
    keys: list = field(default_factory=lambda: [jwk_set(KEY, SECOND)])


@cache
def batches():
    """The items of batches with a record in the vectors, and of one with much in it."""
    found = [Batch(one=Stream("gpu-7", 3, change=lambda n, c: c | {16: bytes([n]) * 32})).items]
    for name in ("record", "units", "corrections"):
        for vector in DOCUMENTS[f"{name}.json"]["vectors"]:
            data = bytes.fromhex(vector.get("input", ""))
            if 0 < len(data) < 8_000 and vector["verdict"] == "verified":
                found.append(items_of(data))
    return [list(items) for items in {tuple(items) for items in found if items}]


def case_of_record(number):
    """The case with a number."""
    numbers = random.Random(f"records/{number}")
    if numbers.random() < 0.2:
        return _with_prompts(numbers)
    items = list(numbers.choice(sorted(batches())))
    was = list(items)
    for _ in range(numbers.choice((0, 0, 1, 1, 2))):
        at = numbers.randrange(len(items))
        items[at] = _changed(items[at], numbers) if numbers.random() < 0.8 else items[numbers.randrange(len(items))]  # fmt: skip
    if numbers.random() < 0.6:
        items = _closed_again(items)
    told = was if numbers.random() < 0.5 else items
    case = RecordCase(b"".join(items), options=_demands(numbers))
    rows = _rows(told, numbers)
    kind = numbers.random()
    if kind < 0.85:
        case.requests = _written(_mutated_rows(rows, numbers), numbers)
    if kind > 0.7:
        case.received = b"".join(_received([*told, *was], numbers))
    if numbers.random() < 0.2:
        case.margin = numbers.choice((0, 1000, 3_600_000))
    if numbers.random() < 0.2:
        case.aliases = {"fast": "claude-sonnet-4-6"}
    return case


def _demands(numbers):
    options = {}
    if numbers.random() < 0.2:
        options["period"] = numbers.choice((NOVEMBER, DECEMBER, (NOON - 60_000, NOON + 60_000)))
    if numbers.random() < 0.1:
        options["account"] = numbers.choice((ACCOUNT, "other"))
    if numbers.random() < 0.1:
        options["signatures"] = "statement"
    if numbers.random() < 0.5:
        options["observers"] = ["https://api.example.com"]
    return options


def _claims(raw):
    opened = opened_of(raw)
    try:
        claims = cbor2.loads(opened[0]) if opened and is_receipt(raw) else None
    except (cbor2.CBORDecodeError, ValueError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


def _rows(items, numbers):
    """What an honest customer has of the receipts, as far as the claims can be read; in one of several ways for all of them."""
    way = {name: numbers.random() < 0.5 for name in ("host", "path", "counts", "usage", "answered", "receipts", "commitment", "model")}  # fmt: skip
    way["form"] = numbers.choice((_chat, _responses, _messages, _google))
    return [row for raw in items if (row := _row(raw, way)) is not None]


def _row(raw, way):  # noqa: C901  # one column after the other
    claims = _claims(raw)
    try:
        input_, output, units = claims[10], claims.get(11) or {}, claims.get(17) or {}
        row = {"request": claims[8], "time": claims[7] if 20 not in claims else NOON}
        if way["counts"] or 19 in claims:
            row |= {"units": units} if units else {}
            if 19 not in claims:
                row |= {"logical": input_[1], "cached": input_.get(2), "output": output.get(1), "reasoning": output.get(2), "writes": {str(t): n for t, n in input_.get(4, {}).items()}}  # fmt: skip
        if way["usage"] and 19 not in claims:
            row["usage"] = way["form"](input_, output)
        if way["host"]:
            row |= {"host": "api.example.com", "credential": "k1"}
        if way["path"] and 19 not in claims:
            row["path"] = "/v1/messages"
        if way["answered"]:
            row |= {"answered": row["time"] + 2000, "outcome": "complete"}
        if way["commitment"] and 16 in claims:
            row["commitment"] = claims[16].hex()
        if way["model"]:
            row |= {"model": claims[9], "tier": (claims.get(13) or {}).get(4), "usage_sha256": claims[13][3].hex() if 3 in claims.get(13, {}) else None}  # fmt: skip
        if way["receipts"]:
            row["receipts"] = [raw.hex()]
    except (KeyError, IndexError, TypeError, AttributeError):
        return None
    return row


def _chat(input_, output):
    made, reasoned = output.get(1, 0), output.get(2, 0)
    details = {"cached_tokens": input_.get(2), "cache_write_tokens": sum(input_.get(4, {}).values())}  # fmt: skip
    return {"prompt_tokens": input_[1], "completion_tokens": made, "total_tokens": input_[1] + made, "prompt_tokens_details": details, "completion_tokens_details": {"reasoning_tokens": reasoned}}  # fmt: skip


def _responses(input_, output):
    return {"input_tokens": input_[1], "input_tokens_details": {"cached_tokens": input_.get(2)}, "output_tokens": output.get(1, 0), "output_tokens_details": {"reasoning_tokens": output.get(2)}}  # fmt: skip


def _messages(input_, output):
    read, writes = input_.get(2) or 0, input_.get(4, {})
    written = sum(writes.values())
    return {"input_tokens": input_[1] - read - written, "cache_read_input_tokens": read, "cache_creation_input_tokens": written, "output_tokens": output.get(1, 0), "cache_creation": {"ephemeral_5m_input_tokens": writes.get(300), "ephemeral_1h_input_tokens": writes.get(3600)}, "service_tier": "standard"}  # fmt: skip


def _google(input_, output):
    made, thought = output.get(1, 0), output.get(2, 0)
    return {"promptTokenCount": input_[1], "cachedContentTokenCount": input_.get(2), "candidatesTokenCount": made - thought, "thoughtsTokenCount": thought, "totalTokenCount": input_[1] + made}  # fmt: skip


def _mutated_rows(rows, numbers):
    rows = [dict(row) for row in rows]
    for _ in range(numbers.choice((0, 1, 1, 2, 3, 5))):
        if not rows or numbers.random() < 0.1:
            rows.append({"request": numbers.choice(("more", "gpu-7-1")), "time": NOON})
            continue
        at = numbers.randrange(len(rows))
        change = numbers.random()
        if change < 0.08:
            del rows[at]
        elif change < 0.16:
            rows.append(dict(rows[at]) | ({"replay": True} if numbers.random() < 0.5 else {}))
        elif change < 0.3:
            other = numbers.choice(rows)
            name = numbers.choice(("request", "commitment", "receipts", "time", "usage", "model"))
            rows[at][name] = other.get(name)
        else:
            _change_cell(rows[at], numbers)
    return rows


def _change_cell(row, numbers):
    values = {
        "request": (None, "gpu-7-0", "x", ""), "time": (None, NOON, NOON + 301_000, NOON - 86_400_000, NOVEMBER[0], NOVEMBER[1] - 1000, DECEMBER[0], "2026-11-01T12:00:00Z", "2026-11-01T12:00:00.5+01:00"),
        "answered": (None, NOON + 1000, NOON + 400_000, NOON - 400_000), "sent": (None, NOON, NOON - 301_000), "host": (None, *HOSTS), "path": (None, *PATHS),
        "credential": (None, "k1", "k2"), "account": (None, ACCOUNT, "other"), "status": (None, *STATUSES), "outcome": (None, *OUTCOMES), "replay": (None, True, False),
        "commitment": (None, "00" * 32, "01" * 32, "ab" * 32), "requested_model": (None, *MODELS), "model": (None, *MODELS), "logical": (None, 0, 3000, 2999),
        "cached": (None, 0, 2000, 2001), "output": (None, 0, 500, 501), "reasoning": (None, 0, 120, 121), "tier": (None, "standard", "batch"),
        "writes": (None, {}, {"300": 600}, {"0": 600}, {"0": 1, "300": 599}, {"0": 599, "3600": 1}, {"300": 600, "3600": 0}),
        "units": (None, {}, {"requests.web_search": 2}, {"input.audio": 7}, {"input.audio": 7, "cached.audio": 0}, {"storage.token_seconds": 129600000}, {"audio.ms": 0}),
        "receipts": (None, [], ["00"], ["8200"]), "usage_sha256": (None, "ab" * 32), "usage": (None, {}),
    }  # fmt: skip
    name = numbers.choice(list(values))
    if isinstance(row.get("usage"), dict) and row["usage"] and numbers.random() < 0.4:
        return _change_usage(row, numbers)
    row[name] = numbers.choice(values[name])
    return None


def _change_usage(row, numbers):
    usage = json.loads(json.dumps(row["usage"], default=str))
    inside = [one for one in usage.values() if isinstance(one, dict) and one]
    place = numbers.choice([usage, usage, *inside])
    if place and numbers.random() < 0.5:
        place[numbers.choice(list(place))] = numbers.choice((None, 0, 1, 7, 120, 600, 2000, 3000))
    else:
        more = {
            "audio_tokens": 7, "image_tokens": 3, "text_tokens": 2993, "cached_tokens_details": {"audio_tokens": 5}, "reasoning_tokens": 120, "cached_tokens": 2000,
            "citation_tokens": 5, "total_tokens": 3620, "prompt_cache_hit_tokens": 2000, "service_tier": "batch", "server_tool_use": {"web_search_requests": 2},
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 7}, {"modality": "TEXT", "tokenCount": 2993}], "cacheTokensDetails": [{"modality": "AUDIO"}],
            "iterations": [{"input_tokens": 400, "output_tokens": 500, "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 600, "model": "small"}, {"input_tokens": 1, "output_tokens": 2}],
            "cache_creation_input_tokens": 600, "cache_read_input_tokens": 2000,
        }  # fmt: skip
        name = numbers.choice(list(more))
        place[name] = more[name]
    row["usage"] = usage


def _written(rows, numbers):
    """As JSON lines, or as CSV."""
    if numbers.random() < 0.7 or not rows:
        return "".join(json.dumps(row, default=str) + "\n" for row in rows)
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list({name: 0 for row in rows for name in row}))
    writer.writeheader()
    for row in rows:
        writer.writerow({n: json.dumps(v, default=str) if isinstance(v, dict | list) else v for n, v in row.items() if v is not None})  # fmt: skip
    return stream.getvalue()


def _received(items, numbers):
    """Some of the items, as they are or not."""
    found = []
    for raw in items:
        change = numbers.random()
        if change < 0.5:
            continue
        if change < 0.7:
            found.append(raw)
        elif change < 0.9 and is_receipt(raw):
            found.append(_changed(raw, numbers))
        elif change < 0.93:
            found.append(raw[:-1] + bytes([raw[-1] ^ 1]))
        elif change < 0.95:
            found.append(sign_receipt({1: 1}, STRANGER).data)
    return found


def _with_prompts(numbers):
    """Prompts that share prefixes, and receipts that say what of it was cached."""
    model = "claude-sonnet-4-6"
    count = numbers.choice((2, 3, 5))
    common = [numbers.randrange(300) for _ in range(40)]
    tokens = []
    for n in range(count):
        if tokens and numbers.random() < 0.3:
            front = tokens[numbers.randrange(len(tokens))]
        else:
            front = common[: numbers.choice((0, 8, 16, 32, 40))]
        tokens.append(front + [1000 + n] * numbers.choice((0, 1, 8, 20)))
    bodies = [{"messages": [{"role": "user", "content": "hello"}, {"role": "user", "content": f"question {n}"}]} for n in range(count)]  # fmt: skip

    def change(n, claims):
        own = tokens[n] or [0]
        cached = numbers.choice((0, 0, min(8, len(own)), min(16, len(own)), len(own) // 2, len(own)))  # fmt: skip
        changed = claims | {9: model, 10: {1: len(own), 2: cached, 3: len(own) - cached}, 11: {1: numbers.choice((0, 3, 20))}}  # fmt: skip
        changed[7] = NOON + n * numbers.choice((1, 400_000, 700_000, 86_400_000))
        if cached:
            changed[12] = {1: _entry(model, own, cached, changed[7], numbers)}
        return {label: value for label, value in changed.items() if label != 14}

    items = Batch(one=Stream("gpu-7", count, change=change)).items
    prompts = []
    for n, own in enumerate(tokens):
        row = {"request": f"gpu-7-{n}"}
        row |= numbers.choice(({"tokens": own}, {"tokens": own}, {"tokens": own}, {"body": bodies[n]}, {"tokens": own, "body": bodies[n]}, {}))  # fmt: skip
        extras = ({}, {}, {}, {"logical": len(own)}, {"logical": 7}, {"extra": [[["lora", "a", "b"]]]}, {"nonce": "00" * 32, "raw": "x"}, {"request": "gpu-7-0"}, {"request": "no"})  # fmt: skip
        prompts.append(row | numbers.choice(extras))
    if numbers.random() < 0.2:
        prompts.append(numbers.choice(prompts))
    keys = (CACHE_KEY, CACHE_KEY, CACHE_KEY.for_period("2026-11"), CACHE_KEY.for_period("2026-12"), CacheKey("other", bytes(32)))  # fmt: skip
    text = "".join(json.dumps(row) + "\n" for row in prompts)
    case = RecordCase(b"".join(items), prompts=text, options=_demands(numbers))
    if numbers.random() < 0.8:
        case.cache_key = numbers.choice(keys).to_json()
        case.cache_key = case.cache_key if isinstance(case.cache_key, str) else case.cache_key.decode()  # fmt: skip
    return case


def _entry(model, tokens, length, time, numbers):
    kind = numbers.random()
    if kind < 0.6:
        own = token_ids(model, tokens, [length], CACHE_KEY.for_time(time))[length]
        entry = {1: "tokens-hmac-sha256", 2: own, 3: length}
    elif kind < 0.8:
        entry = {1: "tokens-sha256", 2: token_ids(model, tokens, [length])[length], 3: length}
    else:
        recipe = numbers.choice(("vllm-sha256-cbor;block=8;seed=x", "text-hmac-sha256", "unknown", "vllm-sha256-cbor;block=0;seed=x"))  # fmt: skip
        entry = {1: recipe, 2: bytes(32), 3: length}
    if numbers.random() < 0.2:
        entry[2] = bytes([entry[2][0] ^ 1]) + entry[2][1:]
    return entry
