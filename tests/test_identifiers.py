"""Identifiers in the path of a server: what they say is true of the provider's cache, whatever is sent, and nothing is guessed."""

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from receipts import Cache, Counts, Issuer, KeyFileError, ReceiptError, Source
from receipts.cache_id import TEXT_HMAC, TOKENS_HMAC, CacheKey, text_ids, token_ids, vllm_ids
from receipts.prefixes import Identifiers, Vllm, prompt_token_ids, read_cache_keys
from receipts.prefixes.lengths import Lengths
from tests.build import ISSUER, KEY, NOON
from tests.documents import ROOT

MODEL = "claude-sonnet-4-6"
ACME = CacheKey("acme", bytes(range(32)))
OTHER = CacheKey("other", bytes(range(32)))
KEYS = {"acme": ACME, "other": OTHER}
MESSAGES = Source("anthropic", "messages")
MARK = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def text(value, mark=()):
    return {"type": "text", "text": value, **dict(mark)}


def asked(*messages, system=(), **members):
    """A request of one turn after the other: texts or blocks."""
    turns = [
        {"role": ("user", "assistant")[i % 2], "content": one if isinstance(one, list) else [text(one)]}
        for i, one in enumerate(messages)
    ]  # fmt: skip
    return {"model": MODEL, "max_tokens": 9, "system": list(system), "messages": turns, **members}


def found(identifiers, body, counts, account="acme", source=MESSAGES):
    """What the identifiers say, as lengths by the number of the block."""
    cache = identifiers.cache(account, MODEL, body, counts, NOON, None, source)
    return placed(cache, body, KEYS[account])


def placed(cache, body, key):
    if cache is None:
        return None
    ids = text_ids(MODEL, body, key.for_time(NOON))
    assert all(one.recipe == TEXT_HMAC for one in entries(cache))
    read, writes, commitments = (
        {ids.index(one.id): one.prefix for one in part}
        for part in ([cache.read] if cache.read else [], cache.writes, cache.commitments)
    )
    return read, writes, commitments


def entries(cache):
    return [one for one in (cache.read, *cache.writes, *cache.commitments) if one is not None]


def counts(logical, cached, short=0, hour=0):
    return Counts(logical, cached, {300: short, 3600: hour}, 20)


SYSTEM = (text("rules"), text("handbook", MARK))


def test_what_was_written_ends_at_the_last_breakpoint():
    identifiers = Identifiers(KEYS)
    body = asked("hello", system=SYSTEM)
    assert found(identifiers, body, counts(2100, 0, 2000)) == ({}, {1: 2000}, {})


def test_without_a_write_the_hit_ends_at_the_last_breakpoint():
    """Tracking cache performance: the input tokens are those behind the last breakpoint; no memory is needed."""
    assert found(Identifiers(KEYS), asked("hello", system=SYSTEM), counts(2100, 2000)) == (
        {1: 2000},
        {},
        {},
    )


def test_an_account_without_a_key_is_counted_where_it_read_from_a_cache(caplog):
    identifiers = Identifiers({})
    body = asked("hello", system=SYSTEM)
    assert identifiers.cache("acme", MODEL, body, counts(2100, 2000), NOON) is None
    assert identifiers.cache("acme", MODEL, body, counts(2100, 0), NOON) is None
    assert asdict(identifiers.counters) == {"read": 0, "unknown": 0, "keyless": 1, "unannounced": 0}
    assert caplog.messages == ["account 'acme' has no cache key: its receipts do not say which prefix was read"]  # fmt: skip


def test_a_hit_before_the_last_breakpoint_is_known_from_an_earlier_request():
    identifiers = Identifiers(KEYS)
    first = asked("one", system=SYSTEM, cache_control={"type": "ephemeral"})
    assert found(identifiers, first, counts(2103, 0, 2100)) == ({}, {2: 2100}, {})
    second = asked("one", "two", "three", system=SYSTEM, cache_control={"type": "ephemeral"})
    assert found(identifiers, second, counts(2403, 2100, 300)) == ({2: 2100}, {4: 2400}, {})
    third = asked("one", "two", "other", system=SYSTEM, cache_control={"type": "ephemeral"})
    assert found(identifiers, third, counts(2403, 0, 2400)) == ({}, {4: 2400}, {2: 2100})
    # A process that has not seen the first one cannot know which of four places it is.
    fresh = Identifiers(KEYS)
    assert found(fresh, second, counts(2403, 2100, 300)) == ({}, {4: 2400}, {})
    assert (fresh.counters.read, fresh.counters.unknown) == (0, 1)
    assert (identifiers.counters.read, identifiers.counters.unknown) == (1, 0)


def test_the_hour_ends_at_its_last_breakpoint():
    """Mixing different TTLs: B - A tokens for 1h, C - B for 5m."""
    body = asked([text("a", MARK)], system=(text("s", HOUR), text("t", HOUR)))
    assert found(Identifiers(KEYS), body, counts(4100, 0, 1000, 3000)) == (
        {},
        {1: 3000, 2: 4000},
        {},
    )
    assert found(Identifiers(KEYS), body, counts(4100, 500, 1000, 2500)) == (
        {},
        {1: 3000, 2: 4000},
        {},
    )
    assert found(Identifiers(KEYS), body, counts(4100, 3000, 1000)) == ({}, {2: 4000}, {})
    partly = Counts(4100, 0, {0: 500, 300: 1000, 3600: 2500}, 20)
    assert found(Identifiers(KEYS), body, partly) == ({}, {2: 4000}, {})
    hours = asked("a", system=(text("s", HOUR),))
    assert found(Identifiers(KEYS), hours, counts(4100, 0, 0, 4000)) == ({}, {0: 4000}, {})
    assert found(Identifiers(KEYS), hours, counts(4100, 0, 4000)) is None
    unsplit = Counts(4100, 0, {0: 4000}, 20)
    assert found(Identifiers(KEYS), body, unsplit) == ({}, {2: 4000}, {})


def test_where_there_is_one_place_it_is_certain():
    body = asked([text("a", MARK)], system=(text("s"),))
    assert found(Identifiers(KEYS), body, counts(3100, 2000, 1000)) == ({0: 2000}, {1: 3000}, {})
    more = asked([text("a"), text("b", MARK)], system=(text("s"),))
    assert found(Identifiers(KEYS), more, counts(3100, 2000, 1000)) == ({}, {2: 3000}, {})
    with_settings = body | {"tool_choice": {"type": "auto"}}  # no part of the prompt
    assert found(Identifiers(KEYS), with_settings, counts(3100, 2000, 1000))[0] == {1: 2000}
    inner = [{"type": "tool_result", "tool_use_id": "t", "content": [text("1"), text("2")], **MARK}]
    assert found(Identifiers(KEYS), asked(inner, system=(text("s"),)), counts(3100, 2000, 9))[0] == {}  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        counts(2100, 0, 0, 2000),  # 1h where the breakpoint is one of 5m
        counts(2100, 0, 1000, 1000),
        Counts(2100, 0, {60: 2000}, 20),  # a lifetime that does not exist
        counts(1999, 1000, 1000),  # more than the request has
        counts(2100, 0, 0),  # below the minimum
        Counts(2100, None, {300: 2000}, 20),
        Counts(2100, 2000, None, 20),
    ],
)
def test_counts_that_do_not_say_where(wrong):
    assert found(Identifiers(KEYS), asked("hello", system=SYSTEM), wrong) is None


TOOL = {"name": "f", "input_schema": {"type": "object"}}
RESULT = {"type": "tool_result", "tool_use_id": "t", "content": "4"}


@pytest.mark.parametrize(
    "body",
    [
        asked("hello", system=SYSTEM) | {"mcp_servers": []},
        asked("hello", system=SYSTEM) | {"context_management": {"edits": []}},
        asked("hello", system=SYSTEM) | {"output_config": {"format": {"type": "json_schema"}}},
        asked("hello", system=SYSTEM) | {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        asked("hello", system=SYSTEM) | {"tools": [TOOL | {"defer_loading": True}]},
        asked([{"type": "image", "source": {"type": "url", "url": "https://example.com"}}], system=SYSTEM),
        asked([{"type": "document", "citations": {"enabled": True}}], system=SYSTEM),
        asked([text("")], system=SYSTEM),
        asked([RESULT | {"content": [text("4", MARK)]}], system=SYSTEM),
        asked([RESULT | {"content": [{"type": "image"}]}], system=SYSTEM),
        asked("a", system=(text("s", HOUR | {"cache_control": {"type": "ephemeral", "ttl": "2h"}}),)),
        asked("a", system=(text("s", {"cache_control": "ephemeral"}),)),
        asked("a", system=(text("s", {"cache_control": {"type": "ephemeral", "scope": "global"}}),)),
        asked([text("a", HOUR)], system=SYSTEM),  # the provider refuses an hour behind five minutes
        asked([text(c, MARK) for c in "abcd"], system=SYSTEM),  # and five breakpoints
        asked([text("a", HOUR)], cache_control={"type": "ephemeral"}),  # and two lifetimes in one place
        asked("a", [{"type": "thinking", "thinking": "", "signature": ""}], system=SYSTEM, cache_control={"type": "ephemeral"}),
        asked("a", system=(text("s"),)),  # no breakpoint
    ],
    ids=range(18),
)  # fmt: skip
def test_requests_whose_lengths_depend_on_more(body):
    assert found(Identifiers(KEYS), body, counts(2100, 0, 2000)) is None
    assert found(Identifiers(KEYS), body, counts(2100, 2000)) is None


def test_other_providers_state_nothing_about_blocks():
    body = asked("hello", system=SYSTEM)
    for source in (None, Source("openai", "chat.completions"), Source("vllm", "messages")):
        assert found(Identifiers(KEYS), body, counts(2100, 2000), source=source) is None


def test_thinking_that_was_passed_back():
    """What stands before it has a length; what stands behind it has one only until the provider takes it out."""
    thought = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    use = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    body = asked("a", [thought, use], [RESULT | MARK], system=(text("s", HOUR),), tools=[TOOL])
    identifiers = Identifiers(KEYS)
    assert found(identifiers, body, counts(3100, 0, 1000, 2000)) == ({}, {1: 2000}, {})
    assert found(identifiers, body, counts(3100, 2000, 1000)) == ({1: 2000}, {}, {})
    assert found(identifiers, body, counts(3100, 3000)) == ({}, {}, {1: 2000})


def test_a_prefix_with_two_lengths_has_none():
    """An identifier with two lengths would be the provider's fault (R-13.1), whatever the client did to bring it about."""
    identifiers = Identifiers(KEYS)
    body = asked("hello", system=SYSTEM)
    assert found(identifiers, body, counts(2100, 0, 2000)) == ({}, {1: 2000}, {})
    assert found(identifiers, body, counts(2200, 0, 2050)) is None
    assert found(identifiers, body, counts(2100, 2000)) is None
    longer = asked("hello", system=(*SYSTEM, text("more", MARK)))
    assert found(identifiers, longer, counts(2500, 2000, 400)) == ({}, {2: 2400}, {})


def test_lengths_that_do_not_ascend_are_none():
    identifiers = Identifiers(KEYS)
    found(identifiers, asked("hello", system=SYSTEM), counts(2100, 0, 2000))
    longer = asked("hello", system=(*SYSTEM, text("more", MARK)))
    assert found(identifiers, longer, counts(2500, 0, 1900)) is None


def test_what_another_account_sent_is_not_known():
    identifiers = Identifiers(KEYS)
    first = asked("one", system=SYSTEM, cache_control={"type": "ephemeral"})
    second = asked("one", "two", "three", system=SYSTEM, cache_control={"type": "ephemeral"})
    assert found(identifiers, first, counts(2103, 0, 2100), "other") == ({}, {2: 2100}, {})
    assert found(identifiers, second, counts(2403, 2100, 300), "acme") == ({}, {4: 2400}, {})
    assert found(identifiers, second, counts(2403, 2100, 300), "other") == (
        {2: 2100},
        {4: 2400},
        {},
    )


def test_the_memory_is_bounded_and_apart():
    memory = Lengths(lengths=2, places=2)
    assert memory.learn("a", "m", {b"1": 1, b"2": 2, b"3": 3})
    assert memory.recall("a", "m", [b"1", b"2", b"3"]) == {b"2": 2, b"3": 3}
    assert memory.recall("b", "m", [b"2"]) == memory.recall("a", "n", [b"2"]) == {}
    assert not memory.learn("a", "m", {b"2": 5})
    assert memory.recall("a", "m", [b"2", b"3"]) == {b"3": 3}
    assert not memory.learn("a", "m", {b"2": 2})  # for good
    memory.learn("b", "m", {b"1": 1})
    memory.recall("a", "m", [])
    memory.learn("c", "m", {b"1": 1})  # b was not used longest
    assert memory.recall("b", "m", [b"1"]) == {}
    assert memory.recall("a", "m", [b"3"]) == {b"3": 3}


def test_commitments_are_the_longest_eight():
    identifiers = Identifiers(KEYS)
    turns = [f"turn {i}" for i in range(13)]
    for n in range(1, 14):
        body = asked(*turns[:n], cache_control={"type": "ephemeral"})
        cached = 1100 * (n - 1)
        read, writes, others = found(identifiers, body, counts(1100 * n + 3, cached, 1100))
        assert read == ({n - 2: cached} if n > 1 else {})
        assert writes == {n - 1: 1100 * n}
        assert list(others) == list(range(n - 2))[-8:]


TOKENS = list(range(5000))
CHAT = {"messages": [{"role": "user", "content": "hi"}], "return_token_ids": True}
VLLM = Source("vllm", "chat.completions")


def of_tokens(identifiers, counts, tokens=TOKENS, body=CHAT):
    return identifiers.cache("acme", "m", body, counts, NOON, tokens, VLLM)


def test_token_ids():
    cache = of_tokens(Identifiers(KEYS), Counts(5000, 1040))
    ids = token_ids("m", TOKENS, [1024, 1040, 2048, 4096, 5000], ACME.for_time(NOON))
    assert {one.recipe for one in entries(cache)} == {TOKENS_HMAC}
    assert (cache.read.id, cache.read.prefix) == (ids[1040], 1040)
    assert {one.prefix: one.id for one in cache.commitments} == {
        n: one for n, one in ids.items() if n != 1040
    }
    assert not cache.writes
    exact = of_tokens(Identifiers(KEYS), Counts(2048, 1024), TOKENS[:2048])
    assert [one.prefix for one in exact.commitments] == [2048]
    assert [one.prefix for one in of_tokens(Identifiers(KEYS), Counts(7, 0), TOKENS[:7]).commitments] == [7]  # fmt: skip
    long = of_tokens(Identifiers(KEYS), Counts(600_000), range(600_000))
    assert [one.prefix for one in long.commitments] == [2**n for n in range(13, 20)] + [600_000]


@pytest.mark.parametrize(
    "tokens", [[], TOKENS[:-1], [*TOKENS[:-1], True], [*TOKENS[:-1], -1], [*TOKENS[:-1], 2**32]]
)
def test_token_ids_that_are_not_the_prompt(tokens):
    identifiers = Identifiers(KEYS)
    assert of_tokens(identifiers, Counts(5000, 1040), tokens) is None
    assert identifiers.counters.unknown == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"choices": [{}], "prompt_token_ids": [1, 2]}, [1, 2]),  # chat
        ({"choices": [{"prompt_token_ids": [1, 2]}, {"prompt_token_ids": [1, 2]}]}, [1, 2]),
        ({"choices": [{"prompt_token_ids": [1, 2]}, {"prompt_token_ids": [3]}]}, None),
        ({"choices": [{"prompt_token_ids": None}], "prompt_token_ids": None}, None),
        ({"choices": "none", "prompt_token_ids": "1, 2"}, None),
        ({"choices": [7]}, None),
        ({}, None),
    ],
)
def test_token_ids_of_an_answer(answer, expected):
    assert prompt_token_ids(answer) == expected


class Announced(set):
    stored = set.__contains__


HASHES = vllm_ids(TOKENS, 16)


def test_the_engines_own_hash():
    cache = of_tokens(Identifiers(KEYS, vllm=Vllm(16)), Counts(5000, 1040, {0: 3200}))
    assert cache.read.recipe == "vllm-sha256-cbor;block=16;seed=vllm-none-hash"
    assert (cache.read.id, cache.read.prefix) == (HASHES[64], 1040)
    assert {one.recipe for one in cache.commitments} == {TOKENS_HMAC}
    assert 1040 in {one.prefix for one in cache.commitments}
    assert not cache.writes


def test_only_what_the_engine_announced():
    written = Counts(5000, 1040, {0: 3200})
    identifiers = Identifiers(KEYS, vllm=Vllm(16, events=Announced()))
    cache = of_tokens(identifiers, written)
    assert (cache.read.recipe, cache.writes) == (TOKENS_HMAC, ())
    assert identifiers.counters.unannounced == 2
    identifiers = Identifiers(KEYS, vllm=Vllm(16, events=Announced(HASHES)))
    cache = of_tokens(identifiers, written)
    assert cache.read.id == HASHES[64]
    assert [(one.id, one.prefix) for one in cache.writes] == [(HASHES[264], 4240)]
    assert identifiers.counters.unannounced == 0


def test_the_hash_of_a_salted_prompt():
    salted = CHAT | {"cache_salt": "grain"}
    cache = of_tokens(Identifiers(KEYS, vllm=Vllm(16)), Counts(5000, 1040), body=salted)
    assert cache.read.id == vllm_ids(TOKENS, 16, extras=[[["cache_salt", "grain"]]])[64]


@pytest.mark.parametrize(
    ("counts", "body"),
    [
        (Counts(5000, 1041), CHAT),  # no whole number of blocks
        (Counts(5000, 1040), {"prompt_embeds": "AAAA"}),
        (Counts(5000, 1040), {"input": [{"role": "user"}]}),
        (Counts(5000, 1040), {"messages": [{"content": [{"type": "image_url"}]}]}),
        (Counts(5000, 1040), {"messages": ["hi"]}),
        (Counts(5000, 1040), {"messages": "hi"}),
        (Counts(5000, 1040), CHAT | {"cache_salt": 7}),
        (Counts(5000, 1040), CHAT | {"cache_salt": "\ud800"}),
    ],
)
def test_no_hash_where_more_than_token_ids_goes_into_it(counts, body):
    cache = of_tokens(Identifiers(KEYS, vllm=Vllm(16)), counts, body=body)
    assert cache.read.recipe == TOKENS_HMAC


@pytest.mark.parametrize(("size", "seed"), [(0, "0"), (16, "s" * 500), (True, "0")])
def test_an_engine_that_no_recipe_has(size, seed):
    with pytest.raises(ReceiptError):
        Vllm(size, seed)


SALTED = [vector for vector in json.loads((ROOT / "spec/vectors/cache-id.json").read_text())["vllm"]
          if not vector["extra"] or vector["extra"][0][0][0] == "cache_salt"]  # fmt: skip


@pytest.mark.parametrize("vector", SALTED, ids=lambda v: f"{v['name']} {v['recipe']}")
def test_recorded_hashes_of_the_engine(vector):
    _, size, seed = (part.partition("=")[2] for part in vector["recipe"].split(";"))
    body = {"cache_salt": vector["extra"][0][0][1]} if vector["extra"] else {}
    for n, one in enumerate(vector["hashes"], 1):
        prefix = n * int(size)
        entry = Vllm(int(size), seed).entries(body, vector["tokens"], [prefix])[prefix]
        assert (entry.recipe, entry.id.hex(), entry.prefix) == (vector["recipe"], one, prefix)


def test_keys_from_a_folder(tmp_path):
    (tmp_path / "acme.key").write_bytes(ACME.to_json())
    (tmp_path / "other.key").write_bytes(OTHER.to_json())
    (tmp_path / "README").write_text("no key")
    assert read_cache_keys(tmp_path) == KEYS
    (tmp_path / "zweite.key").write_bytes(ACME.to_json())
    with pytest.raises(KeyFileError, match=r"zweite.key: a second key of account 'acme'"):
        read_cache_keys(tmp_path)
    (tmp_path / "zweite.key").write_bytes(ACME.for_time(NOON).to_json())
    with pytest.raises(KeyFileError, match=r"zweite.key: the key of 2026-11 already"):
        read_cache_keys(str(tmp_path))


def test_keys_by_account():
    body, hit = asked("hello", system=SYSTEM), counts(2100, 2000)
    assert Identifiers(KEYS.get).cache("acme", MODEL, body, hit, NOON, None, MESSAGES)
    assert Identifiers({}).cache("acme", MODEL, body, hit, NOON, None, MESSAGES) is None
    with pytest.raises(
        ReceiptError, match=r"cache key: expected that of account 'acme', .*'other'"
    ):
        Identifiers(lambda _: OTHER).cache("acme", MODEL, body, hit, NOON, None, MESSAGES)
    for account, model, time in (("", MODEL, NOON), ("acme", "", NOON), ("acme", MODEL, -1), ("acme", "\ud800", NOON)):  # fmt: skip
        with pytest.raises(ReceiptError):
            Identifiers(KEYS).cache(account, model, body, hit, time, None, MESSAGES)


def test_the_key_is_that_of_the_month():
    body, hit = asked("hello", system=SYSTEM), counts(2100, 2000)
    last, first = 1796083199999, 1796083200000
    for time in (last, first):
        cache = Identifiers(KEYS).cache("acme", MODEL, body, hit, time, None, MESSAGES)
        assert cache.read.id == text_ids(MODEL, body, ACME.for_time(time))[1]


ATOM = (
    st.none() | st.booleans() | st.integers(-9, 2**60) | st.floats() | st.text(max_size=3)
    | st.sampled_from(["text", "ephemeral", "1h", "tool_result", "thinking", "user"])
)  # fmt: skip
NAMES = st.sampled_from([
    "model", "messages", "system", "tools", "tool_choice", "thinking", "cache_control", "role", "content", "type", "text",
    "ttl", "name", "input", "input_schema", "tool_use_id", "cache_salt", "prompt_embeds", "prompt",
])  # fmt: skip
HOSTILE = st.recursive(
    ATOM, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=2), inner, max_size=5),
    max_leaves=25,
)  # fmt: skip
MARKS = st.sampled_from([{}, MARK, HOUR, {"cache_control": None}])
CONTENT = st.builds(lambda value, mark: {"type": "text", "text": value, **mark}, st.text(max_size=2), MARKS)  # fmt: skip
NEARLY = st.fixed_dictionaries(
    {"messages": st.lists(st.fixed_dictionaries({"role": st.just("user"), "content": st.lists(CONTENT | HOSTILE, max_size=3)}), max_size=3)},
    optional={"system": st.lists(CONTENT, max_size=3) | HOSTILE, "tools": HOSTILE, "cache_control": st.just({"type": "ephemeral"}) | HOSTILE, "tool_choice": HOSTILE},
)  # fmt: skip


@st.composite
def some_counts(draw):
    logical = draw(st.integers(0, 40))
    cached = draw(st.none() | st.integers(0, logical))
    left, writes = logical - (cached or 0), {}
    for ttl in draw(st.lists(st.sampled_from([0, 300, 3600, 60]), unique=True, max_size=3)):
        writes[ttl] = draw(st.integers(0, left))
        left -= writes[ttl]
    return Counts(logical, cached, draw(st.sampled_from([None, writes or None])))


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.dictionaries(NAMES, HOSTILE, max_size=5) | NEARLY, some_counts()), max_size=5),
    st.sampled_from([MESSAGES, VLLM, None]), st.booleans(), st.booleans(), st.sampled_from([1, 2, 16]),
)  # fmt: skip
def test_whatever_is_sent_the_receipt_is_issued(requests, source, tokens, announced, size):
    """A body that is no such request has no identifiers, and never an exception; what is found is always accepted."""
    events = Announced(HASHES) if announced else None
    identifiers = Identifiers(KEYS, vllm=Vllm(size, events=events))
    issuer = Issuer(ISSUER, KEY)
    for n, (body, counts) in enumerate(requests):
        given = list(range(counts.logical)) if tokens else None
        cache = identifiers.cache("acme", MODEL, body, counts, NOON, given, source)
        assert cache is None or isinstance(cache, Cache)
        issuer.issue("acme", time=NOON, request=f"r{n}", model=MODEL, counts=counts, cache=cache)


@given(some_counts().map(lambda one: replace(one, cached=one.logical + 1)))
def test_counts_that_no_receipt_can_have(counts):
    """The issuer says what is wrong with them."""
    assert Identifiers(KEYS).cache("acme", MODEL, CHAT, counts, NOON, TOKENS, VLLM) is None


class AtAProvider(RuleBasedStateMachine):
    """Requests to a cache that works as Anthropic documents it: whatever the order, every entry names the prefix that it was.

    The provider here counts tokens and keeps prefixes by itself, from where the marks were put and not from the body.
    """

    MINIMUM, LOOKBACK = 12, 20

    def __init__(self):
        super().__init__()
        self.identifiers = Identifiers(KEYS)
        self.cached = set()

    @rule(data=st.data(), evict=st.integers(0, 9))
    def request(self, data, evict):
        system = data.draw(st.lists(st.sampled_from("ab"), max_size=3))
        turns = data.draw(st.lists(st.sampled_from("cde"), min_size=1, max_size=5))
        blocks = [*system, *turns]
        at = sorted(data.draw(st.sets(st.integers(0, len(blocks) - 1), max_size=3)))
        hours = data.draw(st.integers(0, len(at)))
        automatic = data.draw(st.booleans()) and (hours < len(at) or not at)
        ttl = {place: HOUR if i < hours else MARK for i, place in enumerate(at)}
        marked = [text(word * 20, ttl.get(i, {})) for i, word in enumerate(blocks)]
        body = asked(*([one] for one in marked[len(system) :]), system=marked[: len(system)])
        if automatic:
            body["cache_control"] = {"type": "ephemeral"}
            ttl[len(blocks) - 1] = ttl.get(len(blocks) - 1, MARK)
        if not evict:
            self.cached.clear()
        said, hit = self.answer(blocks, len(system), ttl)
        result = found(self.identifiers, body, said)
        lengths = [self.length(blocks, i + 1) for i in range(len(blocks))]
        for part in result or ():
            assert all(lengths[i] == prefix for i, prefix in part.items())
        if result is not None:
            assert set(result[0]) <= {hit}
            assert all(i in ttl and (hit is None or i > hit) for i in result[1])
        if said.cached and not sum(said.writes.values()):
            assert result[0] == {max(ttl): said.cached}

    @staticmethod
    def length(blocks, n):
        return sum(3 + ord(word) % 5 for word in blocks[:n])

    def answer(self, blocks, system, ttl):
        """A, B and C, and the block where A is."""
        keys = [(system, *blocks[: i + 1]) if i >= system else blocks[: i + 1] for i in range(len(blocks))]  # fmt: skip
        keys = [tuple(key) for key in keys]
        hits = [i for place in ttl for i in range(max(0, place - self.LOOKBACK + 1), place + 1) if keys[i] in self.cached]  # fmt: skip
        hit = max(hits, default=None)
        a = 0 if hit is None else self.length(blocks, hit + 1)
        last = max(ttl, default=-1)
        c = self.length(blocks, last + 1)
        hours = [i for i in ttl if ttl[i] is HOUR and (hit is None or i > hit)]
        b = max([self.length(blocks, i + 1) for i in hours], default=a)
        logical = self.length(blocks, len(blocks)) + 3
        if c < self.MINIMUM:
            return counts(logical, 0), None
        self.cached |= {keys[i] for i in ttl if self.length(blocks, i + 1) >= self.MINIMUM}
        return counts(logical, a, c - b, b - a), hit


TestAtAProvider = AtAProvider.TestCase
TestAtAProvider.settings = settings(max_examples=30, stateful_step_count=15)
