"""Keys and signatures at the edges: both backends refuse and accept alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.build import KEY, Batch
from tests.vectors.receipts import mixed_order_key, small_order_r
from verifier.crypto import ed25519
from verifier.crypto.ed25519 import BACKENDS, SMALL_ORDER, SignatureError, verifier, weakness
from verifier.format.envelope import open_envelope, to_be_signed

# RFC 8032 section 7.1: public key, message, signature.
RFC8032 = [
    ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
    ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
]  # fmt: skip
ORDER = 2**252 + 27742317777372353535851937790883648493


def accepts(public, signature, message, backend):
    try:
        verifier(public, backend)(signature, message)
    except SignatureError:
        return False
    return True


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("public", "message", "signature"), RFC8032)
def test_rfc_8032(public, message, signature, backend):
    public, message, signature = (bytes.fromhex(text) for text in (public, message, signature))
    assert weakness(public) is None
    assert accepts(public, signature, message, backend)
    assert not accepts(public, signature, message + b"!", backend)
    s = int.from_bytes(signature[32:], "little")
    assert not accepts(
        public, signature[:32] + (s + ORDER).to_bytes(32, "little"), message, backend
    )


def test_both_backends_are_tested():
    assert BACKENDS == ("pynacl", "cryptography")


@pytest.mark.parametrize("backend", BACKENDS)
def test_small_order_r_is_refused_although_the_equation_holds(backend):
    envelope = open_envelope(small_order_r(Batch().ones[1].data))
    message = to_be_signed(envelope.protected, envelope.digest)
    with pytest.raises(SignatureError, match="R is a point of small order"):
        verifier(KEY.public, backend)(envelope.signature, message)


def test_small_order_encodings_are_all_of_them():
    """Decoded and multiplied by 8, each is the identity; and there are 14, non-canonical ones included."""
    assert len(SMALL_ORDER) == 14
    for encoding in SMALL_ORDER:
        encoded = int.from_bytes(encoding, "little")
        y = (encoded & ~(1 << 255)) % ed25519._P
        x = ed25519._recover_x(y)
        assert x is not None
        assert ed25519._is_identity(ed25519._multiply(8, (x, y)))


WEAK = {
    "01" + "00" * 31: "small order",
    "ec" + "ff" * 30 + "7f": "small order",
    "00" * 32: "small order",
    "00" * 31 + "80": "small order",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05": "small order",
    "01" + "00" * 30 + "80": "zero with the sign bit set",
    "ec" + "ff" * 31: "zero with the sign bit set",
    "ed" + "ff" * 30 + "7f": "not reduced",
    "ff" * 32: "not reduced",
    "02" + "00" * 31: "not a point",
    "": "0 bytes",
    "00" * 31: "31 bytes",
}


@pytest.mark.parametrize(("public", "why"), WEAK.items())
def test_weak_keys(public, why):
    assert why in weakness(bytes.fromhex(public))


LOW = [public for public, why in WEAK.items() if why == "small order"]


@pytest.mark.parametrize("low", LOW[1:])  # the first one is the identity, which changes nothing
def test_a_key_of_mixed_order_is_weak(low):
    assert "prime-order" in weakness(mixed_order_key(bytes.fromhex(low)))


@given(st.binary(min_size=64, max_size=64), st.binary(max_size=64))
def test_the_backends_agree_on_any_signature(signature, message):
    assert len({accepts(KEY.public, signature, message, backend) for backend in BACKENDS}) == 1


@given(st.binary(max_size=100), st.integers(0, 511))
def test_the_backends_agree_on_flipped_bits(message, bit):
    signature = bytearray(KEY.private.sign(message))
    assert all(accepts(KEY.public, bytes(signature), message, backend) for backend in BACKENDS)
    signature[bit // 8] ^= 1 << bit % 8
    assert not any(accepts(KEY.public, bytes(signature), message, backend) for backend in BACKENDS)
