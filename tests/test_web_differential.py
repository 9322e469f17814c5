"""Two verifiers, of which each was written from the specification alone, say the same of thousands of damaged inputs."""

import json
from collections import Counter

import pytest

from tests.web.differ import case_of
from tests.web.node import second_verifier
from verifier import (
    KeyFileError,
    KnownStatement,
    NotABatchError,
    Policy,
    by_kid,
    bytes_source,
    read_jwks,
    verify,
)

KEPT = 10_000
"""Findings of one code that the first verifier keeps."""


@pytest.fixture(scope="module")
def second():
    with second_verifier() as verifier:
        yield verifier


def of_python(case):
    """Verdict and findings of the first verifier, in the form of the second."""
    options = case.options
    listed = [KnownStatement(raw, verified=False) for raw in options.get("known", [])]
    try:
        keys = by_kid([key for jwks in case.keys for key in read_jwks(json.dumps(jwks).encode())])
        policy = Policy(
            keys,
            options.get("account"),
            options.get("require_cache_id", False),
            signatures=options.get("signatures", "every"),
            observers=frozenset(options.get("observers", ())),
        )
        report = verify(
            [bytes_source("input", case.data)],
            policy,
            period=options.get("period"),
            known=lambda _issuer, _account: listed,
        )
    except (KeyFileError, NotABatchError):
        return None, []
    return str(report.verdict), sorted([f.code, f.rule, -1 if f.item is None else f.item, f.count] for f in report.findings)  # fmt: skip


def of_second(case, second):
    options = {**case.options, "known": [raw.hex() for raw in case.options.get("known", [])]}
    options["requireCacheId"] = options.pop("require_cache_id", False)
    answer = second.verify([case.data], case.keys, **options)
    listed, seen = [], Counter()
    for code, rule, item, count in answer.get("findings", []):
        seen[code] += 1
        if seen[code] <= KEPT:
            listed.append([code, rule, -1 if item is None else item, count])
    return answer["verdict"], sorted(listed)


def compare(numbers, second):
    verdicts, codes = set(), set()
    for number in numbers:
        case = case_of(number)
        first = of_python(case)
        assert of_second(case, second) == first, f"case {number}"
        verdicts.add(first[0])
        codes |= {code for code, *_ in first[1]}
    return verdicts, codes


def test_a_hundred(second):
    verdicts, codes = compare(range(100), second)
    assert verdicts >= {"rejected", "incomplete"}
    assert len(codes) > 30


@pytest.mark.slow
def test_a_few_thousand(second):
    verdicts, codes = compare(range(100, 2100), second)
    assert verdicts == {"verified", "rejected", "incomplete", None}
    assert len(codes) > 50
