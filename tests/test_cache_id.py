"""Cache identifiers: two implementations, the vectors, and what an identifier is bound to."""

import json
import stat
from pathlib import Path

import cbor2
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from receipts import ReceiptError
from receipts.cache_id import CacheKey, blocks, text_ids, token_ids, vllm_ids, vllm_recipe
from receipts.canonical import CanonicalError as NoFormError
from receipts.canonical import canonical_json
from verifier.customer import cache_id as check
from verifier.customer.cache_id import _head
from verifier.customer.jcs import CanonicalError, canonical

VECTORS = json.loads((Path(__file__).parents[1] / "spec/vectors/cache-id.json").read_text())
KEY = CacheKey("acme", bytes(range(32)))
TIME = 1793534400000
TOKENS = st.lists(st.integers(0, 2**32), min_size=1, max_size=80)


@pytest.mark.parametrize("vector", VECTORS["keys"], ids=lambda v: f"{v['account']} {v['period']}")
def test_period_keys(vector):
    key = check.CacheKey(vector["account"], None, bytes.fromhex(vector["key"]))
    time = {"2026-11": 1793491200000, "2026-12": 1796083200000}[vector["period"]]
    assert key.at(time).hex() == vector["period_key"]


@pytest.mark.parametrize("vector", VECTORS["tokens"], ids=lambda v: v["name"])
def test_token_vectors(vector):
    key = vector["period_key"] and bytes.fromhex(vector["period_key"])
    ids = check.token_ids(vector["model"], vector["tokens"], map(int, vector["ids"]), key)
    assert {str(n): one.hex() for n, one in ids.items()} == vector["ids"]


def test_text_vector():
    vector = VECTORS["text"]
    ids = check.text_ids(vector["model"], vector["body"], bytes.fromhex(vector["period_key"]))
    assert [one.hex() for one in ids] == vector["ids"]
    assert [canonical(block).decode() for block in check.blocks(vector["body"])] == vector["blocks"]


@pytest.mark.parametrize("vector", VECTORS["vllm"], ids=lambda v: f"{v['name']} {v['recipe']}")
def test_vllm_vectors(vector):
    size, seed = check.vllm_parameters(vector["recipe"])
    hashes = check.vllm_ids(vector["tokens"], size, seed, vector["extra"])
    assert [one.hex() for one in hashes] == vector["hashes"]


def test_vllm_itself():
    """Figures of vllm 0.33.0 (vllm/utils/hashing.py, kv_cache_utils.py): tokens 0 to 31, blocks of 16, no seed set."""
    for ids in (vllm_ids(range(32), 16), check.vllm_ids(range(32), 16, "vllm-none-hash")):
        assert ids[0].hex().startswith("dc918a88b139e5af")
        assert ids[1].hex().startswith("c300ec275d7bf08a")
        assert ids[1].hex().endswith("84ef0c")


@given(TOKENS, st.sets(st.integers(1, 80)), st.booleans())
def test_both_ways_and_each_length_alone(tokens, lengths, keyed):
    lengths = {n for n in lengths if n <= len(tokens)}
    key = KEY.for_time(TIME) if keyed else None
    ids = token_ids("m", tokens, lengths, key)
    assert ids == check.token_ids("m", tokens, lengths, key and key.secret)
    for n in lengths:
        assert token_ids("m", tokens[:n], [n], key)[n] == ids[n]
    assert len(set(ids.values())) == len(lengths)


@given(TOKENS, st.integers(1, 20), st.text(max_size=9))
def test_vllm_both_ways(tokens, size, seed):
    assert vllm_ids(tokens, size, seed) == check.vllm_ids(tokens, size, seed)
    assert check.vllm_parameters(vllm_recipe(size, seed)) == (size, seed)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_canonical_json_as_the_library_has_it(value):
    """The verifier's own, and the issuing side's, which is the standard library's where that is the same."""
    assert canonical(value) == rfc8785.dumps(value) == canonical_json(value)


@pytest.mark.parametrize(
    "value",
    [
        '\x00\x1f\x7f\x80\u2028\u2029\ufeff\ufffe\U0001f600"\\/\b\f\n\r\t',
        {"\uffff": 1, "\U00010000": 2, "z": 3},  # in UTF-16, the second key comes first
        [2**53 - 1, 1 - 2**53, True, False, None, 1.0, 1e21, -0.0],
    ],
)
def test_canonical_json_where_libraries_differ(value):
    assert canonical(value) == rfc8785.dumps(value) == canonical_json(value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([2**53], "9007199254740992 exceeds safe integer domain for JSON floats"),
        ([float("nan")], "nan is not representable in JCS"),
        (["\ud800"], "input contains non-UTF-8 codepoints"),
        ({"\ud800": 1}, "input contains non-UTF-8 codepoints"),
        ({1: 2}, "object keys must be strings"),
        ([b"bytes"], "unsupported type: <class 'bytes'>"),
        (json.loads("[" * 91 + "1" + "]" * 91), "more than 90 levels of nesting"),
    ],
    ids=str,
)  # fmt: skip
def test_what_the_issuing_side_has_no_form_for(value, reason):
    with pytest.raises(NoFormError) as raised:
        canonical_json(value)
    assert str(raised.value) == reason


def test_a_block_without_a_form_has_no_identifier():
    expected = "body: expected JSON with a form of RFC 8785, found 9007199254740992 exceeds safe integer domain for JSON floats"
    with pytest.raises(ReceiptError) as raised:
        blocks({"messages": [{"role": "user", "content": [{"n": 2**53}]}]})
    assert str(raised.value) == expected


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"tools": "bash"}, "body.tools"),
        ({"tools": 0}, "body.tools"),
        ({"system": {"type": "text"}}, "body.system"),
        ({"system": 1}, "body.system"),
        ({"messages": {}}, "body.messages"),
        ({"messages": [{"role": "user"}, "hello"]}, "body.messages.1"),
        ({"messages": [{"content": 7}]}, "body.messages.0.content"),
    ],
)
def test_a_body_of_another_shape_has_no_blocks(body, field):
    """On both sides: nothing is read into it."""
    with pytest.raises(ReceiptError, match=f"^{field}: expected an "):
        blocks(body)
    with pytest.raises(check.BodyError):
        check.blocks(body)


@pytest.mark.parametrize(
    ("number", "text"),
    [(1e-7, "1e-7"), (1.5e-7, "1.5e-7"), (1e-6, "0.000001"), (1e20, "100000000000000000000"), (1e21, "1e+21"), (123456789.5, "123456789.5"), (-0.0, "0"), (5e-324, "5e-324")],
)  # fmt: skip
def test_numbers_as_ecmascript_writes_them(number, text):
    assert canonical(number) == text.encode() == rfc8785.dumps(number)


@pytest.mark.parametrize(
    "value", [2**53, -(2**53), float("inf"), float("nan"), "\ud800", {"\ud800": 1}]
)
def test_what_has_no_canonical_form(value):
    with pytest.raises(CanonicalError):
        canonical(value)


BODIES = st.fixed_dictionaries(
    {"messages": st.lists(st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": st.none() | st.text(max_size=4) | st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": st.text(st.characters(exclude_categories=["Cs"]), max_size=4)}), max_size=3)}), max_size=4)},
    optional={"tools": st.lists(st.fixed_dictionaries({"name": st.text(max_size=3)}), max_size=2), "system": st.text(max_size=5)},
)  # fmt: skip


@given(BODIES)
def test_text_both_ways(body):
    key = KEY.for_time(TIME)
    assert text_ids("m", body, key) == check.text_ids("m", body, key.secret)
    assert [canonical(block) for block in check.blocks(body)] == blocks(body)


def test_a_mark_is_no_content():
    marked = {"system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]}
    assert (
        blocks(marked)
        == blocks({"system": "a"})
        == blocks({"system": [{"type": "text", "text": "a"}]})
    )


def test_what_an_identifier_is_bound_to():
    """Another model, account, key, month, recipe or length has another one."""
    tokens, keys = (
        list(range(100)),
        [KEY, CacheKey("other", KEY.secret), CacheKey("acme", bytes(32))],
    )
    found = [token_ids(model, tokens, [n], key.for_time(time))[n]
             for model in ("a", "b") for key in keys for time in (TIME, TIME + 31 * 86_400_000) for n in (50, 51)]  # fmt: skip
    found += [
        token_ids("a", tokens, [50])[50],
        text_ids("a", {"system": "x"}, KEY.for_time(TIME))[0],
    ]
    assert len(set(found)) == len(found)


def test_wrong_lengths():
    for n in (0, 101, -1):
        with pytest.raises(ReceiptError, match="prefix: expected 1 to 100 tokens"):
            token_ids("m", list(range(100)), [n])
    with pytest.raises(ReceiptError, match="token id: expected at least 0"):
        token_ids("m", [1, -1], [2])


def test_extra_keys_of_any_size():
    most = 2**64 - 1
    values = [None, "salt", b"\x00", 0, 23, 24, most, -1, -24, -25, -(2**64), [], [[1], None]]
    assert check.extra_keys(values) == cbor2.dumps(values)
    for value in (most + 1, -(2**64) - 1, True, 1.5, {}):
        with pytest.raises(ValueError, match="is no extra key of vLLM"):
            check.extra_keys([value])


@pytest.mark.parametrize(
    "recipe", ["vllm-sha256-cbor", "vllm-sha256-cbor;block=16", "vllm-sha256-cbor;block=\u0661;seed=", "vllm-sha256-cbor;block=0;seed=", "vllm-sha256-cbor;block=x;seed=", "vllm;block=1;seed=", "tokens-sha256"]
)  # fmt: skip
def test_other_recipes(recipe):
    assert check.vllm_parameters(recipe) is None


def test_cache_keys_on_the_command_line(shell, folder):
    assert shell("keygen --new-cache-key --account acme --out acme.key").code == 0
    assert stat.S_IMODE(Path("acme.key").stat().st_mode) == 0o600
    assert shell("keygen --new-cache-key --root acme.key --month 2026-11 --out nov.key").code == 0
    root, november = (
        check.read_cache_key(Path(name).read_bytes()) for name in ("acme.key", "nov.key")
    )
    assert root.at(TIME) == november.at(TIME) == november.secret
    assert root.secret != november.secret
    with pytest.raises(check.WrongPeriodError, match="for 2026-11, not for 2026-12"):
        november.at(TIME + 31 * 86_400_000)
    assert shell("keygen --new-cache-key --account acme --out acme.key").code == 2
    for line in ("--root nov.key --month 2026-11 --out x", "--root acme.key --month 2026-13 --out x", "--root missing --month 2026-11 --out x",
                 "--account a --root acme.key --out x", "--out x", "--account a --issuer y --out x"):  # fmt: skip
        result = shell(f"keygen --new-cache-key {line}")
        assert (result.code, result.out, Path("x").exists()) == (2, "", False), line
    assert (
        json.loads(shell("keygen --new-cache-key --account b --out b.key --json").out)["account"]
        == "b"
    )


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"[" * 100_000, b'{"token_receipt_cache_key": 1, "account": "\\ud800", "period": null, "key": "' + b"A" * 43 + b'"}', b'{"token_receipt_cache_key": 2, "account": "a", "period": null, "key": ""}',
     b'{"token_receipt_cache_key": 1, "account": "a", "period": null, "key": "AAAA"}',
     b'{"token_receipt_cache_key": 1, "account": "a", "period": 3, "key": "' + b"A" * 43 + b'"}'],
)  # fmt: skip
def test_files_that_are_no_cache_key(data):
    with pytest.raises(check.CacheKeyError):
        check.read_cache_key(data)


KEY_FILE = {"token_receipt_cache_key": 1, "account": "a", "period": None, "key": "A" * 43}


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"token_receipt_cache_key": True}, "not a cache key file of version 1"),
        ({"account": ""}, "the account is no text of 1 to 512 bytes"),
        ({"account": "é" * 257}, "the account is no text of 1 to 512 bytes"),
        ({"period": "2026-13"}, "the period is a month, YYYY-MM, or null"),
        ({"period": "2026-1"}, "the period is a month, YYYY-MM, or null"),
        ({"key": "A" * 42 + "B"}, "the key is no base64url of 32 bytes, without padding"),
        ({"key": "A" * 43 + "="}, "the key is no base64url of 32 bytes, without padding"),
        ({"key": "A" * 42 + "+"}, "the key is no base64url of 32 bytes, without padding"),
        ({"key": ""}, "the key is no base64url of 32 bytes, without padding"),
        ({"key": None}, "the key is no base64url of 32 bytes, without padding"),
    ],
)
def test_what_a_cache_key_file_must_not_hold(over, said):
    assert check.read_cache_key(json.dumps(KEY_FILE).encode()) == check.CacheKey("a", None, bytes(32))  # fmt: skip
    with pytest.raises(check.CacheKeyError) as refused:
        check.read_cache_key(json.dumps(KEY_FILE | over).encode())
    assert str(refused.value) == said


def test_a_member_of_a_cache_key_file_that_stands_twice():
    twice = json.dumps(KEY_FILE).replace('"period": null', '"period": null, "period": "2026-11"')
    with pytest.raises(check.CacheKeyError, match="not a cache key file"):
        check.read_cache_key(twice.encode())


@pytest.mark.parametrize("size", [8, 16, 32])
def test_a_number_has_its_shortest_head(size):
    for number in (0, 23, 24, 2**size - 1, 2**size):
        assert _head(0, number) == cbor2.dumps(number)
