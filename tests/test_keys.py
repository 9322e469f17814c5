"""Key files: what is refused, and in which words."""

import json

import pytest

from tests.build import ISSUER, KEY, SECOND, jwk_set
from verifier import KeyConflictError, KeyFileError, by_kid, kid_text, read_jwks

OWN = jwk_set(KEY)["keys"][0]
REFUSED = {
    "not JSON": (b"{", "not a JSON key file"),
    "deep": (b"[" * 100_000, "not a JSON key file"),
    "an array": ([], "key file has no member 'iss' of type str"),
    "no issuer": ({"keys": [OWN]}, "key file has no member 'iss' of type str"),
    "an issuer that is empty": ({"iss": "", "keys": [OWN]}, "iss is empty, or no Unicode text"),
    "an issuer that is no text": ({"iss": "\ud800", "keys": [OWN]}, "iss is empty, or no Unicode text"),
    "no keys": ({"iss": ISSUER}, "key file has no member 'keys' of type list"),
    "empty": ({"iss": ISSUER, "keys": []}, "keys is empty"),
    "another kty": ({"iss": ISSUER, "keys": [OWN | {"kty": "EC"}]}, "keys has none with kty 'OKP' and crv 'Ed25519'"),
    "another crv": ({"iss": ISSUER, "keys": [OWN | {"crv": "X25519"}]}, "keys has none with kty 'OKP' and crv 'Ed25519'"),
    "no key": ({"iss": ISSUER, "keys": [5]}, "keys[0] has no member 'kty' of type str"),
    "the second": ({"iss": ISSUER, "keys": [OWN, OWN | {"use": "enc"}]}, "keys[1] is not a key for Ed25519 signatures"),
    "private": ({"iss": ISSUER, "keys": [OWN | {"d": OWN["x"]}]}, "keys[0] holds a private key (member d)"),
    "no x": ({"iss": ISSUER, "keys": [{**OWN, "x": 5}]}, "keys[0] has no member 'x' of type str"),
    "padded": ({"iss": ISSUER, "keys": [OWN | {"x": OWN["x"] + "="}]}, "keys[0].x is not base64url without padding"),
    "nbf of text": ({"iss": ISSUER, "keys": [OWN | {"nbf": "5"}]}, "keys[0].nbf: expected whole seconds since 1970, found '5'"),
    "nbf of truth": ({"iss": ISSUER, "keys": [OWN | {"nbf": True}]}, "keys[0].nbf: expected whole seconds since 1970, found True"),
    "a negative exp": ({"iss": ISSUER, "keys": [OWN | {"exp": -1}]}, "keys[0].exp: expected whole seconds since 1970, found -1"),
    "exp too large": ({"iss": ISSUER, "keys": [OWN | {"exp": 2**53}]}, "keys[0].exp: expected whole seconds since 1970"),
    "a fraction": (b'{"iss": "i", "keys": [{"nbf": 1.5}]}', "1.5 is not a whole number"),
    "a member twice": (b'{"iss": "i", "keys": [], "iss": "j"}', "member 'iss' occurs twice"),
    "revoked of text": ({"iss": ISSUER, "keys": [OWN | {"revoked": 5}]}, "keys[0] has no member 'revoked' of type dict"),
    "revoked at no time": ({"iss": ISSUER, "keys": [OWN | {"revoked": {}}]}, "keys[0].revoked has no member 'revoked_at' of type int"),
    "revoked before 1970": ({"iss": ISSUER, "keys": [OWN | {"revoked": {"revoked_at": -1}}]}, "keys[0].revoked.revoked_at: expected whole"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    document, message = REFUSED[name]
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(KeyFileError) as error:
        read_jwks(data)
    assert message in str(error.value)


def test_times_are_in_seconds_up_to_the_limit():
    members = {"nbf": 0, "exp": 2**53 - 1, "revoked": {"revoked_at": 7}}
    (key,) = read_jwks(json.dumps(jwk_set(KEY, **members)).encode())
    assert (key.not_before, key.expires, key.revoked) == (0, (2**53 - 1) * 1000, 7000)
    (key,) = read_jwks(json.dumps(jwk_set(KEY)).encode())
    assert (key.not_before, key.expires, key.revoked) == (None, None, None)


def test_when_a_key_may_sign():
    (bounded,) = read_jwks(json.dumps(jwk_set(KEY, nbf=2, exp=5)).encode())
    assert bounded.may_sign(2000, 4999)
    assert not bounded.may_sign(1999, 3000)
    assert not bounded.may_sign(3000, 5000)
    (revoked,) = read_jwks(json.dumps(jwk_set(KEY, exp=9, revoked={"revoked_at": 5})).encode())
    assert revoked.may_sign(0, 4999)
    assert not revoked.may_sign(0, 5000)


def test_one_kid_is_one_key():
    keys = read_jwks(json.dumps(jwk_set(KEY, SECOND)).encode())
    assert by_kid([*keys, *keys]) == {KEY.kid: keys[0], SECOND.kid: keys[1]}
    kid = kid_text(KEY.kid)
    other = read_jwks(json.dumps(jwk_set(KEY, nbf=5)).encode())
    with pytest.raises(KeyConflictError) as error:
        by_kid([*keys, *other])
    assert str(error.value) == f"key {kid} of {ISSUER} is listed in two ways: nbf absent and 5"
    stranger = read_jwks(json.dumps(jwk_set(KEY, issuer="https://b.example")).encode())
    with pytest.raises(KeyConflictError) as error:
        by_kid([*keys, *stranger])
    assert str(error.value) == (
        f"key {kid} is listed for two issuers, '{ISSUER}' and 'https://b.example'"
    )
