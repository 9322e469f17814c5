"""The customer's own prompts: identifiers recomputed, no more cached than was ever sent, commitments."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receipts.cache_id import CacheKey, text_ids, token_ids, vllm_ids, vllm_recipe
from tests.build import KEY, NOON, Batch, Stream, jwk_set
from verifier.customer.prompts import read_prompts
from verifier.customer.record import RecordError
from verifier.customer.sent_before import SentBefore

CACHE_KEY = CacheKey("acme", bytes(range(32)))
MODEL = "claude-sonnet-4-6"


def common(one, two):
    pairs = enumerate(zip(one, two, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(two)))


@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 2), max_size=12), st.integers(0, 3)),
        min_size=1,
        max_size=12,
    )
)
def test_the_longest_prefix_of_any_other(prompts):
    """And what was generated after a prompt that is a front of this one as a whole."""
    before = SentBefore()
    for tokens, output in prompts:
        before.add(tokens, output)
    for n, (tokens, _) in enumerate(prompts):
        others = [other for i, other in enumerate(prompts) if i != n]
        longest = max((common(tokens, other) for other, _ in others), default=0)
        fronts = [
            len(other) + output
            for other, output in others
            if other == tokens[: len(other)] and len(other) < len(tokens)
        ]
        assert before.longest_prefix(tokens) == min(len(tokens), max([longest, *fronts]))


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=40), st.integers(0, 39))
def test_tokens_of_any_size(tokens, at):
    before, at = SentBefore(), at % len(tokens)
    other = [*tokens[:at], tokens[at] ^ 1, *tokens[at + 1 :]]
    before.add(tokens, 0)
    before.add(other, 0)
    assert before.longest_prefix(other) == at


@pytest.fixture
def check(shell, folder):
    (folder / "k.json").write_text(json.dumps(jwk_set(KEY)))
    (folder / "acme.key").write_bytes(CACHE_KEY.to_json())

    def run(entry, prompt, more="--cache-key acme.key", first=None):
        """One request before, and one that carries the entry."""
        over = {12: {3: [entry]}} if 1 in entry else entry

        def change(n, claims):
            return claims | ({10: {1: 60, 2: 0, 3: 60}} | over if n else {10: {1: 60, 2: 0, 3: 60}})

        (folder / "b.cbor").write_bytes(Batch(one=Stream("gpu-7", 2, change=change)).data)
        rows = [{"request": "gpu-7-0", **(first or {})}, {"request": "gpu-7-1", **prompt}]
        Path("p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        result = shell(
            f"verify b.cbor --keys k.json --period 2026-11 --json --no-remember --prompts p.jsonl {more}"
        )
        if result.code == 2:
            return result.err
        report = json.loads(result.out)
        found = [(f["code"], f.get("request")) for f in report["findings"]]
        run.checks = {c["check"]: c for c in report["checks"]}
        return report["verdict"], found, run.checks["identifiers of own prompts"]

    return run


def entry(recipe, identifier, prefix=32):
    return {1: recipe, 2: identifier, 3: prefix}


TOKENS = list(range(60))
BODY = {"system": "Be brief.", "messages": [{"role": "user", "content": "hi"}]}
RECIPES = {
    "public": (entry("tokens-sha256", token_ids(MODEL, TOKENS, [32])[32]), {"tokens": TOKENS}),
    "keyed": (entry("tokens-hmac-sha256", token_ids(MODEL, TOKENS, [32], CACHE_KEY.for_time(NOON))[32]), {"tokens": TOKENS}),
    "text": (entry("text-hmac-sha256", text_ids(MODEL, BODY, CACHE_KEY.for_time(NOON))[0]), {"body": BODY}),
    "vllm": (entry(vllm_recipe(16), vllm_ids(TOKENS, 16)[1]), {"tokens": TOKENS}),
    "vllm salted": (entry(vllm_recipe(16, "42"), vllm_ids(TOKENS, 16, "42", [[["cache_salt", "s"]]])[1]), {"tokens": TOKENS, "extra": [[["cache_salt", "s"]]]}),
}  # fmt: skip


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe(check, name):
    claim, prompt = RECIPES[name]
    verdict, found, scope = check(claim, prompt)
    assert (verdict, found, scope["passed"]) == ("verified", [], 1)
    changed = (
        {"tokens": [9, *TOKENS[1:]]}
        if "tokens" in prompt
        else {"body": BODY | {"system": "Be long."}}
    )
    verdict, found, scope = check(claim, prompt | changed)
    assert (verdict, found, scope["failed"]) == ("rejected", [("cache-id-mismatch", "gpu-7-1")], 1)


@pytest.mark.parametrize(
    ("claim", "prompt", "more", "reason"),
    [
        (RECIPES["keyed"][0], {"tokens": TOKENS}, "", "no cache key was given"),
        (
            RECIPES["keyed"][0],
            {"body": BODY},
            "--cache-key acme.key",
            "the prompt has no token ids",
        ),
        (RECIPES["text"][0], {"tokens": TOKENS}, "--cache-key acme.key", "the prompt has no body"),
        (
            entry("another", bytes(32)),
            {"tokens": TOKENS},
            "--cache-key acme.key",
            "the recipe another is not known",
        ),
    ],
)
def test_what_cannot_be_recomputed_is_not_checked(check, claim, prompt, more, reason):
    verdict, found, scope = check(claim, prompt, more)
    assert (verdict, found, scope["passed"], scope["of"]) == ("verified", [], 0, 1)
    assert reason in scope["not_checked"]


@pytest.mark.parametrize(
    "claim",
    [
        entry("tokens-sha256", token_ids(MODEL, TOKENS, [32])[32], 31),
        entry("tokens-sha256", token_ids("claude-haiku-4-5", TOKENS, [32])[32]),
        entry("tokens-hmac-sha256", token_ids(MODEL, TOKENS, [32])[32]),
        entry(
            "tokens-hmac-sha256",
            token_ids(MODEL, TOKENS, [32], CacheKey("other", CACHE_KEY.secret).for_time(NOON))[32],
        ),
        entry(vllm_recipe(16), vllm_ids(TOKENS, 16)[1], 33),
        entry(vllm_recipe(16, "42"), vllm_ids(TOKENS, 16)[1]),
    ],
    ids=["length", "model", "recipe", "account", "not a block", "seed"],
)
def test_an_identifier_of_something_else(check, claim):
    assert check(claim, {"tokens": TOKENS})[1] == [("cache-id-mismatch", "gpu-7-1")]


def test_a_prefix_longer_than_the_prompt(check):
    claim = entry("tokens-sha256", token_ids(MODEL, TOKENS, [50])[50], 50)
    assert check(claim, {"tokens": TOKENS[:40], "logical": 60})[1] == [
        ("cache-id-mismatch", "gpu-7-1")
    ]


def test_a_receipt_that_does_not_state_what_was_cached(check):
    """It is no more than anything."""
    found = check({10: {1: 60}}, {"tokens": TOKENS})[1]
    assert [code for code, _ in found] == ["cached-unstated"]


def test_counts_and_commitments(check):
    committed = {16: sha256(b"n" * 32 + b"{}").digest()}
    prompt = {"nonce": (b"n" * 32).hex(), "raw": "{}", "logical": 60}
    assert check(committed | {12: {3: [RECIPES["public"][0]]}}, prompt)[1] == []
    assert check(committed | {12: {3: [RECIPES["public"][0]]}}, prompt | {"raw": "{ }"})[1] == [
        ("commitment-differs", "gpu-7-1")
    ]
    assert [_scope(check, name) for name in SCOPES] == [(0, 0, 0), (1, 1, 0), (0, 1, 1)]
    assert check(RECIPES["public"][0], {"tokens": TOKENS, "logical": 59})[1] == [
        ("count-differs", "gpu-7-1")
    ]
    assert [_scope(check, name) for name in SCOPES] == [(1, 1, 0), (0, 1, 1), (0, 0, 0)]


SCOPES = ("cached within what was sent", "own count of input tokens", "commitments to prompts")


def _scope(check, name):
    return tuple(check.checks[name][number] for number in ("passed", "of", "failed"))


def test_what_else_may_have_been_cached(check):
    """The next turn of a conversation, with the answer in its front; a prompt of another time; two at once, logged the other way round."""
    claims = {10: {1: 60, 2: 50, 3: 10}}
    assert check(claims, {"tokens": TOKENS}, first={"tokens": TOKENS[:20], "logical": 60})[1] == []
    earlier = {"request": "long ago", "tokens": TOKENS}
    assert check(claims, {"tokens": TOKENS}, first=earlier)[1] == []
    swapped = {"tokens": TOKENS, "request": "gpu-7-1"}
    assert check(claims, {"tokens": TOKENS, "request": "gpu-7-0"}, first=swapped)[1] == []


def test_cached_beyond_what_was_sent(check):
    claims = {10: {1: 60, 2: 33, 3: 27}}
    shared = {"tokens": [*range(32), *range(200, 228)]}
    assert check(claims, {"tokens": TOKENS}, first=shared)[1] == [
        ("cached-beyond-prefix", "gpu-7-1")
    ]
    claims = {10: {1: 60, 2: 32, 3: 28}}
    assert check(claims, {"tokens": TOKENS}, first=shared)[1] == []


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ({"tokens": [1.5]}, "line 2: tokens is an array of token ids"),
        ({"tokens": [-1]}, "line 2: tokens is an array"),
        ({"tokens": [2**32]}, "line 2: tokens is an array"),
        ({"body": []}, "line 2: body is the request body"),
        ({"logical": -1}, "line 2: logical is a whole number"),
        ({"nonce": "aa"}, "line 2: 'raw' is missing"),
        ({"nonce": "xx", "raw": ""}, "line 2: "),
        ({"request": 3}, "line 2: a prompt is an object with the request id"),
        ({"request": "\ud800"}, "line 2: "),
        ({"nonce": "aa", "raw": 5}, "line 2: nonce (hexadecimal) and raw are texts"),
        ({"body": {"messages": 5}}, "line 2: messages is not an array"),
        ({"body": {"messages": [1]}}, "line 2: messages.0 is not an object"),
        ({"body": {"tools": 5}}, "line 2: tools is not an array"),
        ({"body": {"system": 5}}, "line 2: system is not an array"),
        ({"body": {"messages": [{"content": 5}]}}, "line 2: content is not an array"),
        ({"body": {"system": [2**60]}}, "line 2: "),
        ({"extra": 5}, "line 2: extra is an array"),
        ({"extra": [{}, 1.5]}, "line 2: {} is no extra key"),
        ({"extra": [[2**76]]}, "is no extra key"),
    ],
)
def test_prompts_that_cannot_be_read(check, prompt, message):
    assert message in check(RECIPES["public"][0], prompt)


def test_a_prompt_is_an_object(tmp_path):
    (tmp_path / "p.jsonl").write_text("[]")
    with pytest.raises(RecordError, match="line 1: a prompt is an object"):
        list(read_prompts(str(tmp_path / "p.jsonl")))


def test_keys_that_do_not_fit(check, folder):
    (folder / "other.key").write_bytes(CacheKey("other", bytes(32)).to_json())
    (folder / "bad.key").write_bytes(b"{}")
    for name, message in (
        ("other", "is of account 'other'"),
        ("bad", "not a cache key file"),
        ("none", "none.key"),
    ):
        assert message in check(RECIPES["public"][0], {"tokens": TOKENS}, f"--cache-key {name}.key")


def test_a_key_without_prompts(shell, folder):
    result = shell("verify b.cbor --cache-key acme.key")
    assert (result.code, "--cache-key goes with --prompts" in result.err) == (2, True)
