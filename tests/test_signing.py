"""Signing: the libraries make the same bytes, and what signs shows nothing of its key."""

import subprocess
import sys

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receipts import Counts, Issuer, SigningKey
from receipts.signing import (
    BACKENDS,
    CRYPTOGRAPHY,
    PYNACL,
    RECEIPT,
    STATEMENT,
    Signer,
    byte_string,
    signing,
)
from tests.build import ACCOUNT, ISSUER, KEY, KEYS, NOON


@given(st.binary(max_size=300), st.sampled_from([*KEYS.values(), SigningKey.generate()]))
def test_both_libraries_make_the_same_signature(message, key):
    assert BACKENDS == (PYNACL, CRYPTOGRAPHY)
    one, other = (signing(key.private, backend)(message) for backend in BACKENDS)
    assert one == other
    assert len(one) == 64


@pytest.mark.parametrize("kind", [RECEIPT, STATEMENT])
def test_without_pynacl_the_bytes_are_the_same(kind):
    program = f"""
import sys
sys.modules["nacl"] = sys.modules["nacl.bindings"] = None
from receipts.signing import BACKENDS, Signer
from tests.build import KEY
assert BACKENDS == ("cryptography",)
print(Signer(KEY.private, {kind!r}).sign(b"content").data.hex())
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    assert run.stdout.strip() == Signer(KEY.private, kind).sign(b"content").data.hex()


@pytest.mark.parametrize("size", [0, 23, 24, 255, 256, 257, 65535, 65536])
def test_a_byte_string_is_the_library_s(size):
    assert byte_string(b"x" * size) == cbor2.dumps(b"x" * size)


def test_what_signs_does_not_show_its_key():
    issuer, signer = Issuer(ISSUER, KEY), Signer(KEY.private, RECEIPT)
    issuer.issue(ACCOUNT, time=NOON, request="r", model="m", counts=Counts(1))
    secret = KEY.private.private_bytes_raw()
    for shown in (repr(issuer), repr(signer), repr(vars(signer)), repr(vars(issuer)), repr(signing(KEY.private))):  # fmt: skip
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown
