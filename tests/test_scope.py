"""The scope of a report, and the places of its findings: how much passed each check, and where exactly something is wrong."""

import json

import pytest

from tests.build import DECEMBER, NOON, STRANGER, Batch, Stream, jwk_set
from tests.test_vectors import DOCUMENTS, input_of, run
from verifier import Policy, by_kid, bytes_source, read_items, read_jwks, verify

VECTORS = {v["id"]: (d, v) for d in DOCUMENTS.values() for v in d["vectors"]}
UNNAMED = "no period was named (--period); the statements' own is reported"
HONEST = {
    "format": (6, 6, 0, None),
    "signatures": (6, 6, 0, None),
    "arithmetic": (5, 5, 0, None),
    "cache identifiers stated": (
        0, 5, 0, "5 receipts with cached tokens, without an identifier of the prefix"
    ),
    "sequence and chain": (5, 5, 0, None),
    "one receipt a request": (5, 5, 0, None),
    "receipts as listed": (1, 1, 0, None),
    "Merkle roots": (2, 2, 0, None),
    "totals": (1, 1, 0, None),
    "link to the statement before": (1, 1, 0, None),
    "period": (0, 1, 0, UNNAMED),
    "customer's own record": (0, 0, 0, "no record of the customer's own requests was given"),
}  # fmt: skip
"""Passed, of, failed, and why the rest was not checked."""
TWELVE = {
    "format": (12, 12, 0, None), "signatures": (12, 12, 0, None), "arithmetic": (10, 10, 0, None),
    "sequence and chain": (10, 10, 0, None), "one receipt a request": (10, 10, 0, None),
    "receipts as listed": (2, 2, 0, None), "Merkle roots": (4, 4, 0, None), "totals": (2, 2, 0, None),
    "link to the statement before": (2, 2, 0, None),
}  # fmt: skip
"""Two months."""
FELL_OUT = {
    "sequence and chain": (4, 4, 0, "1 item fell out before"),
    "one receipt a request": (4, 4, 0, "1 item fell out before"),
    "Merkle roots": (1, 2, 0, "1 receipt not here, and items of the input are lost"),
    "totals": (0, 1, 0, "1 receipt not here, and items of the input are lost"),
}
"""A receipt is lost."""
UNREADABLE = FELL_OUT | {"arithmetic": (4, 5, 0, "1 receipt not readable")}
NO_STATEMENT = dict.fromkeys(
    ("receipts as listed", "Merkle roots", "totals"), (0, 0, 0, "there is no statement")
) | {"link to the statement before": (0, 0, 0, None)}
ENDED = "reading ended at a fault; what follows is unknown"
UNDECODED = "1 item not decoded, for the reasons that the findings name"
UNLINKED = "1 statement without the one before at hand (--previous FILE)"
SCOPES = {
    "batch-honest": {},
    "receipt-cached-unstated": {"arithmetic": (4, 5, 0, "1 receipt without a count of cached tokens")},
    "receipt-everything": {
        "rate cards": (0, 1, 0, "the rate cards that the charges name were not given (--card FILE)"),
        "one identifier, one prefix": (3, 3, 0, "1 read of a prefix that is seen here for the first time"),
    },
    "receipt-line-amount": {
        "arithmetic": (4, 5, 1, None),
        "rate cards": (0, 1, 0, "the rate cards that the charges name were not given (--card FILE)"),
    },
    "receipt-claims-version": UNREADABLE | {"format": (5, 6, 0, UNDECODED)},
    "receipt-encoding-trailing": UNREADABLE | {"format": (5, 6, 1, None)},
    "receipt-claims-attributed-missing": UNREADABLE | {"format": (5, 6, 1, None)},
    "header-eddsa": FELL_OUT | {"format": (5, 6, 1, None), "signatures": (5, 6, 0, None), "arithmetic": (4, 4, 0, None)},
    "key-identity": UNREADABLE | {"format": (5, 6, 0, UNDECODED), "signatures": (5, 6, 1, None)},
    "key-unknown": {"signatures": (5, 6, 0, "1 item signed by keys that are not trusted")},
    "key-expired": {"signatures": (5, 6, 1, None)},
    "batch-cut": NO_STATEMENT | {"format": (5, 6, 1, ENDED), "signatures": (5, 5, 0, None)},
    "batch-break": {"format": (6, 7, 1, ENDED)},
    "order-duplicate": {
        "format": (7, 7, 0, None), "signatures": (7, 7, 0, None), "arithmetic": (6, 6, 0, None),
        "sequence and chain": (4, 5, 1, "1 item fell out before"), "one receipt a request": (5, 5, 0, "1 item fell out before"),
    },
    "order-swapped": FELL_OUT | {"sequence and chain": (3, 4, 1, "1 item fell out before")},
    "order-request-twice": {"one receipt a request": (4, 5, 1, None)},
    "order-broken-and-reversed": {
        "sequence and chain": (3, 5, 2, None),
        "Merkle roots": (1, 2, 0, "a chain of receipts is broken"), "totals": (0, 1, 0, "a chain of receipts is broken"),
    },
    "missing-middle": {
        "format": (5, 5, 0, None), "signatures": (5, 5, 0, None), "arithmetic": (4, 4, 0, None),
        "sequence and chain": (4, 4, 0, None), "one receipt a request": (4, 4, 0, None),
        "receipts as listed": (0, 1, 1, None),
        "Merkle roots": (1, 2, 0, "1 receipt not here"), "totals": (0, 1, 0, "1 receipt not here"),
    },
    "missing-explained": UNREADABLE | {"format": (5, 6, 0, UNDECODED), "signatures": (5, 6, 1, None)},
    "statement-root": {"Merkle roots": (1, 2, 1, None)},
    "statement-total-logical": {"totals": (0, 1, 1, None)},
    "statement-skips-tail": {
        "receipts as listed": (0, 1, 1, None), "Merkle roots": (2, 2, 0, "there are receipts that are not listed"),
        "totals": (0, 1, 0, "there are receipts that are not listed"),
    },
    "statement-timestamps": {
        "timestamps": (0, 1, 0, "this version does not check timestamps and transparency receipts")
    },
    "statement-header-account": NO_STATEMENT | {
        "format": (5, 6, 1, None), "sequence and chain": (5, 5, 0, "1 item fell out before"),
        "one receipt a request": (5, 5, 0, "1 item fell out before"),
    },
    "splice-account": {
        "format": (7, 7, 0, None), "signatures": (7, 7, 0, None), "arithmetic": (6, 6, 0, None),
        "sequence and chain": (6, 6, 0, None), "one receipt a request": (6, 6, 0, None), "period": (0, 2, 0, UNNAMED),
    },
    "chain-two-months": TWELVE,
    "chain-gap": TWELVE | {"link to the statement before": (1, 2, 1, None)},
    "chain-number-missing": TWELVE | {"link to the statement before": (0, 2, 1, UNLINKED)},
    "chain-behind-gap": {"link to the statement before": (0, 1, 0, UNLINKED), "period": (1, 1, 0, None)},
    "chain-copy": {"format": (7, 7, 0, None), "signatures": (7, 7, 0, None)},
    "period-exact": {"period": (1, 1, 0, None)},
    "period-longer": {"period": (0, 1, 1, None)},
    "period-inside": {"period": (1, 1, 0, "1 statement also of a time outside it")},
    "period-two": TWELVE | {"period": (1, 1, 0, None)},
    "sealed-honest": {
        "signatures": (1, 6, 0, "5 receipts vouched for by the statement, their own signatures not checked")
    },
    "cache-id-two-lengths": {
        "one identifier, one prefix": (0, 1, 1, "1 read of a prefix that is seen here for the first time")
    },
}  # fmt: skip
"""What differs from an honest batch."""


def scope(vector):
    document, vector = VECTORS[vector]
    checks = run(document, vector).checks
    return {
        check.name: (check.passed, check.of, check.failed, check.not_checked) for check in checks
    }


@pytest.mark.parametrize("name", SCOPES)
def test_of_a_batch(folder, name):
    found, expected = scope(name), HONEST | SCOPES[name]
    found.pop("cache identifiers stated")
    expected.pop("cache identifiers stated")
    assert found == expected


@pytest.mark.parametrize(
    ("name", "stated"),
    [
        ("receipt-everything", (1, 5)),
        ("receipt-minimal", (0, 4)),
        ("receipt-cached-unstated", (0, 4)),
        ("receipt-read-shorter", (1, 5)),
        ("order-duplicate", (0, 6)),
        ("cache-id-two-accounts-keyed", (2, 5)),
    ],
)
def test_of_cache_identifiers(folder, name, stated):
    passed, of, failed, reason = scope(name)["cache identifiers stated"]
    assert ((passed, of), failed) == (stated, 0)
    assert reason.startswith(f"{of - passed} receipt")


@pytest.mark.parametrize(("read", "first"), [(0, 1), (999, 1), (1000, 0), (5000, 0)])
def test_what_was_seen_before_goes_by_the_time(read, first):
    """And not by the order of the file, which is that of the streams as they were put together."""
    batch = seen_at(read)
    policy = Policy(by_kid(read_jwks(json.dumps(jwk_set()).encode())))
    (check,) = (one for one in verify([bytes_source("b.cbor", batch.data)], policy).checks if one.name == "one identifier, one prefix")  # fmt: skip
    words = "1 read of a prefix that is seen here for the first time" if first else None
    assert (check.passed, check.of, check.not_checked) == (1, 1, words)


def seen_at(read):
    """An identifier that the first item reads, at a time in ms, and the second one commits to a second after noon."""
    entry = {1: "tokens-hmac-sha256", 2: bytes(32), 3: 2000}
    reads = Stream("gpu-7", 1, change=lambda _, claims: claims | {7: NOON + read, 12: {1: entry}})
    commits = Stream("gpu-8", 1, change=lambda _, claims: claims | {7: NOON + 1000, 12: {3: [entry]}})  # fmt: skip
    return Batch(one=reads, two=commits)


CONTAINER = {
    "format": (2, 2, 0, None),
    "signatures": (2, 2, 0, None),
    "arithmetic": (1, 1, 0, None),
    "inclusion in the statement": (1, 1, 0, None),
    "other receipts, totals": (0, 0, 0, "a proof does not show it"),
    "period": (0, 0, 0, "a proof does not show it"),
}
CONTAINERS = {
    "proof-1": {},
    "proof-path-bit": {"inclusion in the statement": (0, 1, 1, None)},
    "proof-unlisted-sequence": {"inclusion in the statement": (0, 1, 1, None)},
    "proof-key-unknown": {"signatures": (1, 2, 0, "1 item signed by keys that are not trusted")},
    "proof-signature": {
        "format": (1, 2, 0, UNDECODED),
        "signatures": (1, 2, 1, None),
        "arithmetic": (0, 1, 0, "1 receipt not readable"),
        "inclusion in the statement": (0, 1, 0, "receipt or statement could not be read"),
    },
    "equivocation-receipts": {"arithmetic": (2, 2, 0, None), "contradiction": (1, 1, 0, None)},
    "equivocation-none": {"arithmetic": (0, 0, 0, None), "contradiction": (0, 1, 1, None)},
    "equivocation-signature": {
        "format": (1, 2, 0, UNDECODED),
        "signatures": (1, 2, 1, None),
        "arithmetic": (0, 0, 0, None),
        "contradiction": (0, 1, 0, "one of the two could not be read"),
    },
    "equivocation-cut": {
        "format": (0, 1, 1, None),
        "signatures": (0, 0, 0, None),
        "arithmetic": (0, 0, 0, None),
    },
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_of_a_proof_and_an_equivocation(folder, name):
    found, expected = scope(name), CONTAINER | CONTAINERS[name]
    found.pop("cache identifiers stated")
    if name.startswith("equivocation"):
        unchecked = (0, 0, 0, "an equivocation does not show it")
        del expected["inclusion in the statement"]
        expected |= {"other receipts, totals": unchecked, "period": unchecked}
    assert found == expected


def test_no_more_passes_or_fails_the_format_than_there_is(folder):
    """Also where the reading ends at something that is too large, or a container has a fault of its own."""
    for document, vector in VECTORS.values():
        if vector["verdict"] is not None and "input" in vector:
            check = run(document, vector).checks[0]
            rest = check.of - check.passed - check.failed
            assert rest >= 0, vector["id"]
            assert rest == 0 or check.not_checked, vector["id"]


PLACES = {
    # Code, item, offset in the item, and what else is named.
    "receipt-attributed-too-small": [("attributed-mismatch", 2, 0, "gpu-7", 1, "gpu-7-1", None, "input.attributed", "1000", "900", 1)],
    "receipt-charge-ttl-moved": [
        ("charge-mismatch", 2, 0, "gpu-7", 1, "gpu-7-1", None, "charge.lines (class 2, TTL 300 s)", "600", "0", 1),
        ("charge-mismatch", 2, 0, "gpu-7", 1, "gpu-7-1", None, "charge.lines (class 2, TTL 3600 s)", "0", "600", 1),
    ],
    "receipt-read-without-hit": [
        ("cache-entry-mismatch", 2, 0, "gpu-7", 1, "gpu-7-1", None, "cache.read.prefix", "absent", "2000", 1)
    ],
    "receipt-read-shorter": [
        ("cache-entry-mismatch", 2, 0, "gpu-7", 1, "gpu-7-1", None, "cache.read.prefix", "2000", "1999", 1)
    ],
    "receipt-commitment-longer": [
        ("cache-entry-mismatch", 2, 0, "gpu-7", 1, "gpu-7-1", None, "cache.commitments.1.prefix", "at most 3000", "3001", 1)
    ],
    "receipt-claims-version": [("version-unknown", 2, 4, None, None, None, None, "version", "1", "2", 1)],
    "receipt-encoding-long-integer": [("content-malformed", 2, 122, None, None, None, None, "content", None, None, 1)],
    "receipt-encoding-trailing": [("content-malformed", 2, 232, None, None, None, None, "content", None, None, 1)],
    "receipt-claims-attributed-missing": [("claims-invalid", 2, 0, None, None, None, None, "input.attributed", "this field", "nothing", 1)],
    "envelope-attached": [("envelope-invalid", 2, 355, None, None, None, None, "payload", "nil", "5820463d", 1)],
    "envelope-short-signature": [("envelope-invalid", 2, 356, None, None, None, None, "signature", "a byte string of 64", "583f82bd", 1)],
    "envelope-unprotected": [("envelope-invalid", 2, 354, None, None, None, None, "unprotected", "an empty map", "a1044100f6584082...", 1)],
    "envelope-integer": [("envelope-invalid", 2, 0, None, None, None, None, "envelope", "an array of two", "182a", 1)],
    "key-expired": [("key-outside-window", 2, 0, "gpu-7", 1, "gpu-7-1", None, "time", "before 2026-11-01T12:00:01Z", "2026-11-01T12:00:01Z", 1)],
    "signature-bit": [("signature-invalid", 2, 0, None, None, None, None, None, None, None, 1)],
    "order-equivocation": [("receipt-equivocation", 3, 0, "gpu-7", 1, "gpu-7-1", None, None, None, None, 1)],
    "order-again-later": [("receipt-duplicate", 6, 0, "gpu-7", 0, "gpu-7-0", None, None, None, None, 1)],
    "order-request-twice": [("request-duplicate", 2, 0, "gpu-7", 1, "gpu-8-0", None, None, None, None, 1)],
    "order-broken-and-reversed": [
        ("chain-broken", 2, 0, "gpu-7", 1, "gpu-7-1", None, "previous", None, None, 1),
        ("time-reversed", 2, 0, "gpu-7", 1, "gpu-7-1", None, "time", None, None, 1),
    ],
    "missing-more-than-lost": [
        ("signature-invalid", 1, 0, None, None, None, None, None, None, None, 1),
        ("receipt-missing", 3, None, "gpu-7", 1, None, 0, None, None, None, 1),
        ("receipt-missing", 3, None, "gpu-8", 0, None, 0, None, None, None, 2),
    ],
    "statement-total-logical": [("totals-mismatch", 5, None, None, None, None, 0, "totals.logical", "15000", "15001", 1)],
    "statement-lists-two-later": [
        ("time-outside-period", 2, 0, "gpu-7", 1, None, 0, "time", "within 2026-11", "2026-12-01T00:00:00.001Z", 1)
    ],
    "statement-skips-stream": [("stream-unstated", 1, None, "gpu-8", 0, None, 0, None, None, None, 2)],
    "statement-between": [
        ("receipt-uncovered", 0, None, "gpu-7", 0, None, 1, None, None, None, 1),
        ("receipt-uncovered", 3, None, "gpu-7", 3, None, 1, None, None, None, 1),
    ],
    "chain-copy": [("statement-duplicate", 6, 0, None, None, None, 0, None, None, None, 1)],
    "chain-gap": [("period-gap", 11, None, None, None, None, 1, None, None, None, 1)],
    "splice-account": [("statement-missing", 2, None, None, None, None, None, None, None, None, 1)],
    "period-longer": [
        ("period-uncovered", None, None, None, None, None, None, None, "2026-11-01/2026-12-01T00:00:00.001Z",
         "not 2026-12-01/2026-12-01T00:00:00.001Z", 1)
    ],
    "cache-id-two-lengths": [
        ("cache-id-conflict", 4, None, None, None, None, None, "cache", "2000 tokens of claude-sonnet-4-6", "00" * 32, 1)
    ],
    "proof-unlisted-sequence": [("proof-mismatch", 0, 0, "gpu-7", 3, "gpu-7-3", 0, "sequence", "0 to 2", "3", 1)],
    "proof-other-time": [
        ("proof-mismatch", 0, 0, "gpu-7", 1, "gpu-7-1", 0, "time", "within 2026-11", "2026-12-01", 1)
    ],
    "equivocation-signature": [("signature-invalid", 1, 0, None, None, None, None, None, None, None, 1)],
}  # fmt: skip


@pytest.mark.parametrize("name", PLACES)
def test_where_a_fault_is(folder, name):
    document, vector = VECTORS[name]
    starts = _starts(vector)
    found = [
        (
            f.code, f.item, None if f.offset is None else f.offset - starts[f.item], f.stream, f.sequence, f.request,
            f.number, f.field, f.expected, f.actual, f.count,
        )
        for f in run(document, vector).findings
    ]  # fmt: skip
    assert found == PLACES[name]


def _starts(vector):
    """Where the items begin; of a proof the first one only counts, since a path follows."""
    data = input_of(vector)
    if vector["id"].startswith(("proof", "equivocation")):
        first = next(iter(read_items([bytes_source("without its head", data[1:])])))
        return [1, 1 + len(first.raw)]
    return [item.offset for item in read_items([bytes_source("input", data)])]


@pytest.mark.parametrize(
    ("name", "item", "offset"),
    [("batch-cut", 5, 2458), ("batch-huge-length", 2, 775), ("batch-break", 6, 2524), ("batch-deep", 2, 782)],
)  # fmt: skip
def test_where_the_reading_ends(folder, name, item, offset):
    (finding,) = (f for f in run(*VECTORS[name]).findings if f.rule.startswith("R-1."))
    assert (finding.item, finding.offset) == (item, offset)


def test_no_period_is_passed_whose_statement_is_not_trusted():
    policy = Policy(
        by_kid(read_jwks(json.dumps(jwk_set(STRANGER, issuer="https://other")).encode()))
    )
    report = verify([bytes_source("b.cbor", Batch().data)], policy, period=DECEMBER)
    assert report.verdict == "incomplete"
    (check,) = [check for check in report.checks if check.name == "period"]
    assert (check.passed, check.failed) == (0, 0)
    assert check.not_checked == "items of the input are lost that are or may be statements"
