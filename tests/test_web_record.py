"""Two verifiers say the same of batches held against the customer's record (step 14), with a few changes in both."""

import json
from pathlib import Path

import pytest

from tests.build import ACCOUNT, KEY, NOON, Batch, jwk_set
from tests.test_vectors import DOCUMENTS, input_of, key_sets, run
from tests.test_web_differential import second as second
from tests.test_web_vectors import record_of
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
from verifier.pack.claims import finding_texts
from verifier.report.record_codes import RECORD_RULES

RECORDED = [
    pytest.param(document, vector, id=vector["id"])
    for document in DOCUMENTS.values()
    for vector in document["vectors"]
    if {"requests", "received", "prompts"} & set(vector["options"]) and vector["verdict"]
]


def of_python(case):
    """Verdict and findings of the first verifier."""
    names = {}
    for name, text in (("requests", case.requests), ("prompts", case.prompts)):
        if text is not None:
            Path(f"{name}.jsonl").write_bytes(text.encode())
            names[name] = (f"{name}.jsonl",)
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
        return None, str(error), [], []
    checks = [[c.name, c.passed, c.of, c.failed, c.not_checked] for c in report.checks]
    found = sorted([f.code, f.rule, -1 if f.item is None else f.item, float(f.count)] for f in report.findings)  # fmt: skip
    return str(report.verdict), found, checks, told(report)


def told(report):
    """Each finding as a claim of a pack has it, with its item and its message, in an order."""
    more = [{"message": f.message} | ({} if f.item is None else {"item": str(f.item)}) for f in report.findings]  # fmt: skip
    return in_order(finding_texts(f) | one for f, one in zip(report.findings, more, strict=True))


def in_order(findings):
    return sorted(findings, key=lambda one: json.dumps(one, sort_keys=True))


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
        return None, answer["error"], [], []
    found = sorted([code, rule, -1 if item is None else item, float(count)] for code, rule, item, count in answer["findings"])  # fmt: skip
    return answer["verdict"], found, answer["checks"], in_order(answer["told"])


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
        assert other[3] == first[3], f"case {number}"
        assert other[2] != []
        assert [check for check in other[2] if check not in first[2]] == [], f"case {number}"
        verdicts.add(first[0])
        codes |= {code for code, *_ in first[1]}
    return verdicts, codes


@pytest.mark.parametrize(("document", "vector"), RECORDED)
def test_the_words_of_vectors(document, vector, second, folder):
    """Fields, values and messages of the findings are the same in both."""
    options = dict(vector["options"])
    options["record"] = record_of(options)
    answer = second.verify([input_of(vector)], key_sets(document, vector), **options)
    assert in_order(answer["told"]) == told(run(document, vector))


def test_the_words_of_vectors_are_of_every_code():
    found = {code for param in RECORDED for code in (param.values[1]["finding"], *param.values[1]["also"])}  # fmt: skip
    assert found >= set(RECORD_RULES)


@pytest.mark.parametrize("path", [{}, {"path": "/v1/messages"}])
def test_counts_by_model(path, second, folder):
    """One finding of each model that the call has other counts of."""
    (vector,) = [one for one in DOCUMENTS["units.json"]["vectors"] if one["id"] == "units-record-models-unseen"]  # fmt: skip
    *others, row = vector["options"]["requests"]
    parts = [
        {"model": "small", "input_tokens": 1000, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0, "output_tokens": 201},
        {"input_tokens": 2000, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0, "output_tokens": 299},
    ]  # fmt: skip
    row = {"request": row["request"], "time": row["time"], "model": "large", "usage": {"iterations": parts}} | path  # fmt: skip
    changed = vector | {"options": {"requests": [*others, row]}}
    document = DOCUMENTS["units.json"]
    answer = second.verify([input_of(vector)], key_sets(document, vector), record=record_of(dict(changed["options"])))  # fmt: skip
    assert in_order(answer["told"]) == told(run(document, changed))
    by_model = [one for one in answer["told"] if one.get("field", "").startswith("models.")]
    assert [(one["field"], one["expected"], one["actual"]) for one in by_model] == [
        ("models.large", "(2000, 299)", "(2000, 300)"),
        ("models.small", "(1000, 201)", "(1000, 200)"),
    ]


@pytest.mark.parametrize("rows", ["lines of JSON", "CSV"])
def test_a_text_of_12_megabytes(rows, second):
    """A picture in a prompt is one."""
    text = "A" * 12_000_000
    if rows == "CSV":
        record = {"requests": [f'request,picture\ngpu-7-0,"{text}"\n']}
    else:
        content = [{"type": "image", "data": text}]
        body = {"temperature": 0.5, "messages": [{"role": "user", "content": content}]}
        record = {"prompts": [json.dumps({"request": "gpu-7-0", "body": body}) + "\n"]}
    answer = second.verify([Batch().data], [jwk_set(KEY)], record=record)
    assert answer["verdict"] == ("rejected" if rows == "CSV" else "verified")


def test_a_stored_answer_to_a_call_without_an_id(second, folder):
    """To which call it was given first, nothing says: so it counts as not stated, and its receipt is looked at."""
    batch = Batch()
    row = {"time": NOON, "output": 501, "receipts": [batch.ones[0].data.hex()]}
    rows = [row | {"request": "gpu-7-0"}, row | {"replay": True}]
    text = "".join(json.dumps(one) + "\n" for one in rows)
    Path("requests.jsonl").write_text(text)
    policy = Policy(by_kid(read_jwks(json.dumps(jwk_set(KEY)).encode())))
    given = Record(("requests.jsonl",))
    report = verify([bytes_source("input", batch.data)], policy, record=given)
    answer = second.verify([batch.data], [jwk_set(KEY)], record={"requests": [text]})
    assert in_order(answer["told"]) == told(report)
    assert [f.field for f in report.findings if f.code == "received-differs"] == ["output"]


OF_WHOM = {
    "neither host nor credential, and a credential alone": [
        {"request": "gpu-7-0"}, {"request": "gpu-7-1", "host": "h", "credential": "l"}, {"request": "more", "credential": "k"},
    ],
    "one of two states the account, and nothing else is known": [
        {"request": "more", "host": "h", "credential": "k", "account": ACCOUNT}, {"request": "and more", "host": "h", "credential": "k"},
    ],
    "one of two states the account, at another host": [
        {"request": "gpu-7-0", "host": "i", "credential": "k"},
        {"request": "more", "host": "h", "credential": "k", "account": ACCOUNT}, {"request": "and more", "host": "h", "credential": "k"},
    ],
}  # fmt: skip
"""Calls of which not all are named by receipts."""


@pytest.mark.parametrize(
    ("name", "rule", "count"),
    [*zip(OF_WHOM, ["R-14.16", "R-14.1", "R-14.16"], [0, 2, 2], strict=True)],
)
def test_whose_a_call_is(name, rule, count, second, folder):
    batch = Batch()
    text = "".join(json.dumps({"time": NOON, "output": 500} | row) + "\n" for row in OF_WHOM[name])
    Path("requests.jsonl").write_text(text)
    policy = Policy(by_kid(read_jwks(json.dumps(jwk_set(KEY)).encode())))
    given = Record(("requests.jsonl",))
    report = verify([bytes_source("input", batch.data)], policy, record=given)
    answer = second.verify([batch.data], [jwk_set(KEY)], record={"requests": [text]})
    assert in_order(answer["told"]) == told(report)
    assert sum(f.count for f in report.findings if f.rule == rule) == count


def test_a_hundred_records(second, folder):
    verdicts, codes = compare(range(100), second)
    assert verdicts >= {"verified", "rejected", "incomplete"}
    assert len(codes) > 20


@pytest.mark.slow
def test_a_few_thousand_records(second, folder):
    verdicts, codes = compare(range(100, 2050), second)
    assert verdicts == {"verified", "rejected", "incomplete", None}
    assert len(codes) > 40
