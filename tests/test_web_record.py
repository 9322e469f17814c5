"""Two verifiers say the same of batches held against the customer's record (step 14), with a few changes in both."""

import json
from pathlib import Path

import pytest

from tests.test_web_differential import second as second
from tests.web.records import case_of_record
from verifier import (
    KeyFileError,
    NotABatchError,
    Policy,
    Record,
    RecordError,
    by_kid,
    bytes_source,
    read_jwks,
    verify,
)

COMPARED = {
    "receipts with a request", "commitments echoed", "customer's own counts", "models", "tiers", "usage objects",
    "receipts received", "receipts fit their calls", "identifiers of own prompts", "cached within what was sent", "own count of input tokens",
    "commitments to prompts",
}  # fmt: skip
"""Checks whose figures are compared. What is due, where lines of one id are for a request and for a span, is counted in two ways, and so are times of spans."""


def of_python(case):
    """Verdict and findings of the first verifier."""
    names = {}
    for name, text in (("requests", case.requests), ("prompts", case.prompts)):
        if text is not None:
            Path(f"{name}.txt").write_bytes(text.encode())
            names[name] = (f"{name}.txt",)
    if case.received is not None:
        Path("received.cbor").write_bytes(case.received)
        names["received"] = ("received.cbor",)
    if case.cache_key is not None:
        Path("cache.key").write_text(case.cache_key)
        names["cache_key"] = "cache.key"
    if case.margin is not None:
        names["margin"] = case.margin
    options = case.options
    keys = by_kid([key for jwks in case.keys for key in read_jwks(json.dumps(jwks).encode())])
    policy = Policy(keys, options.get("account"), signatures=options.get("signatures", "every"), observers=frozenset(options.get("observers", ())))  # fmt: skip
    try:
        report = verify([bytes_source("input", case.data)], policy, period=options.get("period"), record=Record(aliases=case.aliases, **names))  # fmt: skip
    except (KeyFileError, NotABatchError, RecordError) as error:
        return None, str(error), []
    checks = [[c.name, c.passed, c.of, c.failed, c.not_checked] for c in report.checks]
    return str(report.verdict), sorted([f.code, f.rule, -1 if f.item is None else f.item, float(f.count)] for f in report.findings), checks  # fmt: skip


def of_second(case, second):
    record = {"requests": case.requests, "prompts": case.prompts, "received": case.received and case.received.hex()}  # fmt: skip
    record = {name: [text] for name, text in record.items() if text is not None}
    record |= {"aliases": case.aliases} | ({} if case.margin is None else {"margin": str(case.margin)})  # fmt: skip
    if case.received == b"":
        record["received"] = [""]
    if case.cache_key is not None:
        record["cacheKey"] = case.cache_key
    answer = second.verify([case.data], case.keys, **case.options, record=record)
    if answer["verdict"] is None:
        return None, answer["error"], []
    found = sorted([code, rule, -1 if item is None else item, float(count)] for code, rule, item, count in answer["findings"])  # fmt: skip
    return answer["verdict"], found, answer["checks"]


def compare(numbers, second):
    verdicts, codes = set(), set()
    for number in numbers:
        case = case_of_record(number)
        first, other = of_python(case), of_second(case, second)
        assert other[0] == first[0], f"case {number}: {first} {other}"
        if first[0] is None:
            verdicts.add(None)
            continue
        assert other[1] == first[1], f"case {number}"
        counted = [check for check in other[2] if check[0] in COMPARED]
        assert [check for check in counted if check not in first[2]] == [], f"case {number}"
        verdicts.add(first[0])
        codes |= {code for code, *_ in first[1]}
    return verdicts, codes


def test_a_hundred_records(second, folder):
    verdicts, codes = compare(range(100), second)
    assert verdicts >= {"verified", "rejected", "incomplete"}
    assert len(codes) > 20


@pytest.mark.slow
def test_a_few_thousand_records(second, folder):
    verdicts, codes = compare(range(100, 2050), second)
    assert verdicts == {"verified", "rejected", "incomplete", None}
    assert len(codes) > 40
