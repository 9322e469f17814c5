"""Our signatures, verified from the digest by a COSE library that knows nothing of this format: python-cwt."""

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import cbor2
import pytest

from receipts.publishing import scitt_statement
from tests.build import ACCOUNT, ISSUER, KEY, Batch

BATCH = Batch()
STATEMENT, RECEIPT = BATCH.statement, BATCH.ones[0]


def cose(signed):
    """The COSE_Sign1 of a signed object: what stands behind the content."""
    content, _ = cbor2.loads(signed.data)
    return signed.data[1 + len(cbor2.dumps(content)) :]


def test_a_scitt_statement_as_rfc_9943_has_it():
    """A COSE_Sign1 whose protected header has alg, kid, and issuer and subject as CWT claims; hash envelope, so no label 3."""
    message = scitt_statement(STATEMENT.data, STATEMENT.digest)
    tag = cbor2.loads(message)
    protected, unprotected, payload, signature = tag.value
    header = cbor2.loads(protected)
    assert tag.tag == 18
    assert header[1] == -19
    assert header[4] == KEY.kid
    assert dict(header[15]) == {1: ISSUER, 2: ACCOUNT}
    assert (header[16], header[258], header[259]) == (
        "application/vnd.token-statement+cose", -16, "application/vnd.token-statement+cbor",
    )  # fmt: skip
    assert 3 not in header
    assert (dict(unprotected), payload) == ({}, STATEMENT.digest)
    assert signature == STATEMENT.data[-64:]


def test_it_is_the_same_message_but_for_the_payload():
    message = scitt_statement(STATEMENT.data, STATEMENT.digest)
    nil = b"\xf6" + STATEMENT.data[-66:]
    assert cose(STATEMENT).endswith(nil)
    assert message == cose(STATEMENT).removesuffix(nil) + b"\x58\x20" + STATEMENT.digest + nil[1:]


def test_receipts_of_transparency_services_stay_in_it():
    """A statement that was registered carries the receipts in its unprotected header (394)."""
    content, tag = cbor2.loads(STATEMENT.data)
    protected, _, _, signature = tag.value
    registered = cbor2.CBORTag(18, [protected, {394: [b"receipt"]}, None, signature])
    message = scitt_statement(cbor2.dumps([content, registered]), STATEMENT.digest)
    assert dict(cbor2.loads(message).value[1]) == {394: (b"receipt",)}


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    """Asks python-cwt, which is installed from the package index into an environment of its own."""
    folder = tmp_path_factory.mktemp("peer")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin/python"
    subprocess.run([python, "-m", "pip", "install", "-q", "cwt>=3.3"], check=True)

    def ask(*messages):
        told = [[message.hex(), payload and payload.hex()] for message, payload in messages]
        work = json.dumps({"x": KEY.public.hex(), "kid": KEY.kid.hex(), "messages": told})
        script = Path(__file__).with_name("peer_cose.py")
        done = subprocess.run(
            [python, script], input=work, capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout)

    return ask


@pytest.mark.slow
def test_a_generic_library_verifies_what_we_sign(peer):
    scitt = scitt_statement(STATEMENT.data, STATEMENT.digest)
    honest = [(cose(one), one.digest) for one in (STATEMENT, RECEIPT)]
    assert peer(*honest, (scitt, None)) == [
        STATEMENT.digest.hex(), RECEIPT.digest.hex(), STATEMENT.digest.hex(),
    ]  # fmt: skip
    other = sha256(b"another content").digest()
    altered = scitt.replace(STATEMENT.digest, other)
    swapped = cose(STATEMENT).replace(b"acme", b"acne")  # the account, in the protected header
    assert peer((cose(RECEIPT), other), (altered, None), (swapped, STATEMENT.digest)) == [
        "VerifyError", "VerifyError", "VerifyError",
    ]  # fmt: skip
