"""The benchmarks proper, for pytest-benchmark. `python -m tests.bench` runs them and prints ratios; no time is asserted."""

import json
import os
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from nacl.bindings import crypto_sign_open

from receipts import Issuer
from receipts.signing import signing
from tests.bench import data
from tests.build import ACCOUNT, ISSUER, KEY, jwk_set
from verifier import Policy, batch_file, verify

FOLDER = Path(os.environ["RECEIPT_BENCH"])
"""Holds small.cbor and large.cbor."""
KEYS = data.trusted(json.dumps(jwk_set(KEY)).encode())
BACKENDS = ("cryptography", "pynacl")


def measure(benchmark, function, *arguments):
    benchmark.pedantic(function, arguments, rounds=3, iterations=1, warmup_rounds=1)


def bare_loop(backend, pairs):
    if backend == "cryptography":
        check = Ed25519PublicKey.from_public_bytes(KEY.public).verify
        for signature, message in pairs:
            check(signature, message)
    else:
        for signature, message in pairs:
            crypto_sign_open(signature + message, KEY.public)


def full(backend, name, jobs, signatures="every"):
    policy = Policy(KEYS, backend=backend, signatures=signatures)
    report = verify([batch_file(str(FOLDER / name))], policy, jobs=jobs)
    assert report.verdict == "verified"


@pytest.mark.parametrize("backend", BACKENDS)
def test_bare_verify(benchmark, backend):
    measure(benchmark, bare_loop, backend, data.signatures(FOLDER / "small.cbor"))


@pytest.mark.parametrize("backend", BACKENDS)
def test_verify(benchmark, backend):
    measure(benchmark, full, backend, "small.cbor", 1)


def test_sealed(benchmark):
    measure(benchmark, full, "cryptography", "small.cbor", 1, "statement")


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("backend", BACKENDS)
def test_jobs(benchmark, backend, jobs):
    benchmark.pedantic(full, (backend, "large.cbor", jobs), rounds=1, iterations=1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_bare_sign(benchmark, backend):
    messages = [message for _, message in data.signatures(FOLDER / "small.cbor")]
    sign = signing(KEY.private, backend)

    def loop():
        for message in messages:
            sign(message)

    measure(benchmark, loop)


@pytest.mark.parametrize("backend", BACKENDS)
def test_issue(benchmark, backend, monkeypatch):
    requests = list(data.requests(len(data.signatures(FOLDER / "small.cbor"))))
    monkeypatch.setattr("receipts.signing.signing", partial(signing, backend=backend))

    def loop():
        issuer = Issuer(ISSUER, KEY)
        for request in requests:
            issuer.issue(ACCOUNT, **request)

    measure(benchmark, loop)
