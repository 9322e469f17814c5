"""A key file that one of the two verifiers uses, the other one uses, too: those of issuers, and those of cache keys."""

import json
from hashlib import sha256

import cbor2
import pytest

from tests.build import ISSUER, KEY, Batch, jwk_set
from tests.test_web_differential import second as second
from verifier import KeyFileError, by_kid, kid_text, read_jwks
from verifier.customer.cache_id import CacheKeyError, read_cache_key

CACHE_KEY = {"token_receipt_cache_key": 1, "account": "a", "period": None, "key": "A" * 43}


def with_member(member):
    return f'{{"more": {member}, {json.dumps(jwk_set(KEY))[1:]}'


def of_size(size):
    """A key of that size, under its thumbprint. It is weak, and does not make the others useless."""
    public = b"\x01" * size
    thumbprint = sha256(cbor2.dumps({1: 1, -1: 6, -2: public})).digest()
    weak = {"kty": "OKP", "crv": "Ed25519", "x": kid_text(public), "kid": kid_text(thumbprint)}
    return json.dumps({"iss": ISSUER, "keys": [*jwk_set(KEY)["keys"], weak]})


KEY_FILES = {
    "an integer of 4300 digits": (with_member("-" + "1" * 4300), True),
    "an integer of 4301 digits": (with_member("1" * 4301), False),
    "a text of 12 MB": (with_member(json.dumps("\\n" * 6_000_000)), True),
    "a text without an end": ('{"iss": "abc\\"}', False),
    "a text with a control character": (with_member('"\x1f"'), False),
    "a backslash at the end of a text": (with_member(r'"\\"'), True),
    "an escape that there is not": (with_member(r'"\x"'), False),
    "a kid of 300,000 characters": (json.dumps(jwk_set(KEY, kid="A" * 300_000)), False),
    **{f"a key of {size} bytes": (of_size(size), True) for size in (1, 23, 24, 31, 33, 255, 256, 65_535, 65_536)},
}  # fmt: skip


@pytest.mark.parametrize("name", KEY_FILES)
def test_of_an_issuer(name, second):
    text, is_used = KEY_FILES[name]
    try:
        by_kid(read_jwks(text.encode()))
        mine = True
    except KeyFileError:
        mine = False
    question = {"files": [Batch().data.hex()], "keys": [text], "options": {}}
    theirs = second._ask(question)["verdict"]
    assert (mine, theirs) == ((True, "verified") if is_used else (False, None))


@pytest.mark.parametrize("account", ["a" * 512, "a" * 513, "é" * 256, "é" * 257, "\U0001f600" * 129], ids=len)  # fmt: skip
def test_of_a_cache(account, second):
    text = json.dumps(CACHE_KEY | {"account": account})
    is_used = len(account.encode()) <= 512
    if is_used:
        assert read_cache_key(text.encode()).account == account
    else:
        with pytest.raises(CacheKeyError):
            read_cache_key(text.encode())
    record = {"prompts": ['{"request": "gpu-7-0", "body": {"messages": []}}\n'], "cacheKey": text}
    error = second.verify([Batch().data], [jwk_set(KEY)], record=record)["error"]
    other, none = "the cache key is of account ", ": account is no text of 1 to 512 bytes"
    assert error.startswith(other) if is_used else error.endswith(none)
