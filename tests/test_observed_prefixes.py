"""Identifiers in an observer's receipts: noted when a call is sent, or computed from prompts; lengths are known or not there."""

import json
import sqlite3
from pathlib import Path

import httpx2
import pytest

from receipts import CacheEntry, Counts, Source
from receipts.cache_id import TEXT_HMAC, TOKENS_HMAC, CacheKey, text_ids, token_ids
from receipts.observing import Prefixes, is_one_pass, token_prefixes
from receipts.prefixes import Identifiers, is_billed_by_marks
from receipts.wallet import Wallet, WalletError, sent_prefixes, wallet_prefixes
from tests.build import ISSUER, NOON
from tests.test_observing import ISSUE, receipts
from tests.wallets import TestWallet

KEY = CacheKey("acme", bytes(range(32)))
MODEL = "claude-sonnet-4-5"
MARK = {"cache_control": {"type": "ephemeral"}}
SYSTEM = {"type": "text", "text": "You answer from the handbook. ..."}
TEXT_OF_IT = "the handbook of the house"
MINUTE = 60_000


def body(*turns, marked=True, **over):
    system = [SYSTEM, {"type": "text", "text": TEXT_OF_IT, **(MARK if marked else {})}]
    messages = [{"role": "user", "content": turn} for turn in turns or ("hello",)]
    return {"model": MODEL, "max_tokens": 9, "system": system, "messages": messages} | over


def ids(of, model=MODEL, time=NOON):
    return text_ids(model, of, KEY.for_time(time))


def usage(cached, written, rest=10):
    return {
        "input_tokens": rest, "cache_read_input_tokens": cached, "cache_creation_input_tokens": written, "output_tokens": 5,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
    }  # fmt: skip


def sent(of, **more):
    return sent_prefixes(of, **{"model": MODEL, "time": NOON, "key": KEY} | more)


def counts(cached, written, rest=10):
    return Counts(cached + written + rest, cached, {300: written}, 5)


def entries(cache):
    """What a receipt says of prefixes: read, written, committed to; by length."""
    pairs = [[(one.id, one.prefix) for one in part] for part in ((cache.read,) if cache.read else (), cache.writes, cache.commitments)]  # fmt: skip
    return [dict(map(reversed, part)) for part in pairs]


def test_where_the_last_mark_is():
    found = sent(json.dumps(body()).encode())
    assert (found.ids, found.marks.last) == (tuple(ids(body())[:2]), 1)
    assert (found.account, found.period, found.model) == ("acme", "2026-11", MODEL)
    assert sent(body(marked=False)) is None
    tools = [{"name": "a", **MARK}, {"name": "b"}]
    assert sent(body(marked=False, tools=tools)).marks.last == 0
    assert sent(body(marked=False, tools=tools, tool_choice={"type": "auto"})).marks.last == 1
    later = [{"role": "user", "content": "a"}, {"role": "user", "content": [{"type": "text", "text": "b", **MARK}]}]  # fmt: skip
    assert sent(body(messages=later)).marks.last == 3
    assert sent(body(cache_control={"type": "ephemeral"})).marks.last == 2  # automatic
    assert sent(body(anthropic_version="vertex-2023-10-16")).marks.last == 1
    thought = [{"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": "s"}]}]  # fmt: skip
    assert sent(body(messages=thought)).marks.certain == 2


IMAGE = {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://example.com"}}]}  # fmt: skip


@pytest.mark.parametrize(
    "of",
    [
        b"{", b"[]", b"{}", b"[" * 99_999, {"messages": 5}, {"messages": ["x"]}, {"messages": [{"content": 5}]},
        body(tools=5), body(tools={"a": 1}), body(system=7), body(x=1, tools=[{"n": 2**60}]), body(tools=[{"n": "\ud800"}]),
        body(context_management={"edits": []}), body(mcp_servers=[{}]), body(output_format={"type": "json_schema"}), body(messages=[IMAGE]),
        body(tools=[{"type": "web_search_20250305", "name": "web_search"}]),
    ],
)  # fmt: skip
def test_a_body_whose_prefixes_are_not_known(of):
    assert sent(of) is None


def test_a_mark_elsewhere_may_end_a_prefix_too():
    inner = {"type": "tool_result", "content": [{"type": "text", "text": "x", **MARK}]}
    assert sent(body(messages=[{"role": "user", "content": [inner]}])) is None
    assert sent(body(messages=[{"role": "user", "content": "a", **MARK}])) is None
    assert sent(body(tools=[{"name": "a", "cache_control": None}])).marks.last == 2  # which is none
    said = [{"role": "user", "content": json.dumps(MARK)}]
    assert sent(body(messages=said)).marks.last == 1  # nor is a text of it


def test_a_length_is_what_was_counted_up_to_the_last_mark():
    lengths, one = Prefixes(), sent(body())
    end = one.ids[1]
    assert entries(lengths.of(one, counts(0, 2000))) == [{}, {2000: end}, {}]
    assert entries(lengths.of(one, counts(2000, 0))) == [{2000: end}, {}, {}]
    # Nothing was credited, and nothing written: the length is still that of the same prefix.
    assert entries(lengths.of(one, counts(0, 0, 2010))) == [{}, {}, {2000: end}]
    assert Prefixes().of(one, counts(0, 0, 2010)) is None


def test_what_was_read_ended_where_an_earlier_request_was_marked():
    first = [{"role": "user", "content": [{"type": "text", "text": "a", **MARK}]}]
    then = [*first, {"role": "user", "content": [{"type": "text", "text": "b", **MARK}]}]
    lengths = Prefixes()
    one, two = sent(body(marked=False, messages=first)), sent(body(marked=False, messages=then))
    lengths.of(one, counts(0, 2000))
    assert entries(lengths.of(two, counts(2000, 300))) == [{2000: one.ids[2]}, {2300: two.ids[3]}, {}]  # fmt: skip
    assert two.ids[2] == one.ids[2]
    # Where that is not known, it is left open.
    assert entries(Prefixes().of(two, counts(2000, 300))) == [{}, {2300: two.ids[3]}, {}]
    # What was read is no prefix whose length is known; both breakpoints are behind it.
    assert entries(lengths.of(two, counts(1999, 301))) == [{}, {2000: one.ids[2], 2300: two.ids[3]}, {}]  # fmt: skip


def test_a_prefix_with_two_lengths_has_none():
    """Which of them is right is not known; and the observer's own batch would be rejected (R-13.1), for what the provider counted."""
    lengths, one = Prefixes(), sent(body())
    lengths.know("acme", MODEL, CacheEntry(TEXT_HMAC, one.ids[1], 2000))
    assert entries(lengths.of(one, counts(2000, 0))) == [{2000: one.ids[1]}, {}, {}]
    for counted in (counts(0, 2100), counts(2000, 0), counts(0, 2000), counts(0, 0, 2010)):
        assert lengths.of(one, counted) is None


def test_no_length_is_forgotten():
    """However many there are: a second length of one would have the batch rejected."""
    lengths, one = Prefixes(), sent(body())
    lengths.know("acme", MODEL, CacheEntry(TEXT_HMAC, one.ids[1], 2000))
    for n in range(300):
        lengths.know("acme", MODEL, CacheEntry(TEXT_HMAC, n.to_bytes(32), 1))
    assert lengths.of(one, counts(0, 2001)) is None


def test_what_was_written_is_named_once():
    tokens = list(range(2048))
    cache = token_prefixes(tokens, MODEL, Counts(2048, 0, {300: 2048}), KEY.for_time(NOON))
    assert [[one.prefix for one in part] for part in (cache.writes, cache.commitments)] == [[2048], [1024]]  # fmt: skip
    assert token_prefixes(tokens[1:], MODEL, counts(0, 2000, 48), KEY.for_time(NOON)) is None


def test_counts_that_do_not_belong_to_the_marks():
    hour = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    one = sent(body(system=[SYSTEM | hour]))
    assert Prefixes().of(one, counts(0, 2000)) is None  # for 5m
    assert entries(Prefixes().of(one, Counts(2010, 0, {3600: 2000}))) == [{}, {2000: one.ids[0]}, {}]  # fmt: skip


SIDES = {
    "5m": body(), "image": body(messages=[IMAGE]), "automatic": body(cache_control={"type": "ephemeral"}),
    "1h": body(system=[SYSTEM | {"cache_control": {"type": "ephemeral", "ttl": "1h"}}]), "output": body(output_format={"type": "json"}),
    "thinking": body(messages=[{"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": "s"}]}]),
}  # fmt: skip


@pytest.mark.parametrize("name", SIDES)
@pytest.mark.parametrize("source", [("anthropic", "messages"), ("anthropic", "messages-batch"), ("gcp.vertex_ai", "rawPredict"), ("aws.bedrock", "invoke")])  # fmt: skip
def test_a_gateway_says_the_same_as_an_observer(name, source):
    """Of the same requests, in the same order, whatever they are; also when a prefix was counted twice, and differently."""
    identifiers, lengths, of = Identifiers({"acme": KEY}), Prefixes(), SIDES[name]
    for seen, counted in enumerate((counts(0, 2000), counts(2000, 0), counts(0, 2100), counts(2000, 0))):  # fmt: skip
        emitted = identifiers.cache("acme", MODEL, of, counted, NOON, None, Source(*source))
        noted = sent(of) if is_billed_by_marks(Source(*source)) else None
        assert emitted == (None if noted is None else lengths.of(noted, counted))
        told = name in ("5m", "automatic", "thinking") and source[0] != "aws.bedrock"
        if name != "1h":  # whose writes are none of these
            assert (emitted is not None) is (told and seen < 2)


def test_counts_that_are_no_prefix():
    assert is_one_pass({}, counts(1, 1))
    assert is_one_pass({"iterations": [{}]}, counts(1, 1))
    assert not is_one_pass({"iterations": [{}, {}]}, counts(1, 1))
    assert not is_one_pass({}, Counts(10, 1, units={"requests.web_search": 1}))
    assert is_one_pass({}, Counts(10, 1, units={"requests.web_search": 0, "input.image": 1}))
    assert Prefixes().of(sent(body()), Counts(2000, None, {300: 500})) is None


class Provider(httpx2.BaseTransport):
    """Answers each request with the next usage object."""

    def __init__(self, *usages, **answer):
        self.usages, self.answer = list(usages), answer
        self.asked = 0

    def handle_request(self, _request):
        self.asked += 1
        answer = {"id": f"msg_{self.asked}", "type": "message", "model": MODEL, "usage": self.usages.pop(0)} | self.answer  # fmt: skip
        return httpx2.Response(200, json=answer)


def talk(provider, *bodies, key=KEY):
    """Calls through a wallet."""
    wallet = Wallet("wallet.db")
    transport = wallet.transport(httpx2, provider, account="acme", cache_key=key)
    with httpx2.Client(transport=transport) as client:
        for of in bodies:
            client.post("https://api.anthropic.com/v1/messages", json=of)
    wallet.close()


def test_a_wallet_notes_identifiers_and_no_text(folder):
    talk(Provider(usage(0, 2000), usage(0, 0), model=MODEL), body(), {"model": "m", "input": "x"})
    ((number, found),) = wallet_prefixes("wallet.db").items()
    (time,) = next(iter(sqlite3.connect("wallet.db").execute("SELECT answered FROM calls")))
    assert number == 1
    assert (found.ids, found.marks) == (tuple(ids(body(), time=time)[:2]), sent(body()).marks)
    assert TEXT_OF_IT.encode() not in Path("wallet.db").read_bytes()


@pytest.mark.parametrize(
    "marks",
    ["5", "[", "[[], 0, 3, false]", "[[[0, 300]], 0, 3, false]", "[[[1, 60]], 0, 3, false]", "[[[1, true]], 0, 3, false]",
     "[[[1, 300]], -1, 3, false]", "[[[1, 300]], 0, 3, 0]", "[[[-1, 300], [1, 300]], 0, 3, false]", "[[[1, [300]]], 0, 3, false]", "[" * 99_999],
)  # fmt: skip
def test_marks_that_somebody_else_wrote(folder, marks):
    talk(Provider(usage(0, 2000)), body())
    with sqlite3.connect("wallet.db") as db:
        db.execute("UPDATE prefixes SET marks = ?", (marks,))
    with pytest.raises(WalletError, match="the prefixes of call 1 are damaged"):
        wallet_prefixes("wallet.db")


def test_without_a_key_nothing_is_noted(folder):
    talk(Provider(usage(0, 2000)), body(), key=None)
    assert wallet_prefixes("wallet.db") == {}


def test_a_call_that_is_not_complete_has_none(folder):
    talk(Provider(usage(0, 2000), error={"type": "overloaded_error"}, type="error"), body())
    assert wallet_prefixes("wallet.db") == {}


def test_what_was_noted_is_issued(shell, keys, folder):
    """Also by another run, which takes the lengths from the journal."""
    talk(Provider(usage(0, 2000), usage(2000, 0)), body(), body())
    more = "--json --journal j.db"
    assert json.loads(shell(f"{ISSUE} {more}").out)["receipts"] == 2
    talk(Provider(usage(0, 0, 2010), model=MODEL, id="msg_3"), body())
    assert json.loads(shell(f"{ISSUE} {more}").out)["receipts"] == 1
    assert shell("show j.db --out all.cbor").code == 0
    found = receipts("all.cbor")
    end = wallet_prefixes("wallet.db")[1].ids[1]
    assert [(one.id, one.prefix) for one in found["msg_1"].cache_writes] == [(end, 2000)]
    assert found["msg_2"].cache_read == (TEXT_HMAC, end, 2000)
    assert [(one.id, one.prefix) for one in found["msg_3"].commitments] == [(end, 2000)]


def test_another_wallet_into_the_same_journal(shell, keys, folder):
    """The lengths of earlier receipts are known: a second one of an identifier would have the batch rejected."""
    for n, counted in enumerate((usage(0, 2000), usage(0, 2001)), 1):
        Path("wallet.db").unlink(missing_ok=True)
        talk(Provider(counted, id=f"msg_{n}"), body())
        assert shell(f"{ISSUE} --journal j.db").code == 0
    assert shell("show j.db --out all.cbor").code == 0
    two = receipts("all.cbor")["msg_2"]
    assert (two.cache_writes, two.commitments) == ((), ())


def test_identifiers_of_another_account_month_or_model_are_not_used(shell, keys, folder):
    for change in ("account = 'other'", "period = '2026-10'", "model = 'claude'"):
        Path("wallet.db").unlink(missing_ok=True)
        talk(Provider(usage(0, 2000)), body())
        with sqlite3.connect("wallet.db") as db:
            db.execute(f"UPDATE prefixes SET {change}")  # noqa: S608
        assert shell(f"{ISSUE} --out b.cbor").code == 0
        assert receipts()["msg_1"].cache_writes == ()


@pytest.fixture
def prompted(keys, folder):
    """A wallet of calls, the customer's prompts for them, and its key."""
    Path("acme.key").write_bytes(KEY.to_json())
    wallet = TestWallet()

    def call(request, of, counted, minutes=0, **over):
        time = NOON + minutes * MINUTE
        wallet.call(
            request, host="api.anthropic.com", model=MODEL, usage=json.dumps(counted), sent=time - 900, answered=time, **over
        )  # fmt: skip
        with open("prompts.jsonl", "a") as file:
            file.write(json.dumps({"request": request, **of}) + "\n")

    yield call
    wallet.close()


PROMPTED = f"{ISSUE} --cache-key acme.key --prompts prompts.jsonl"


def test_identifiers_of_prompts(shell, prompted):
    tokens = list(range(2010))
    prompted("msg_1", {"body": body()}, usage(0, 2000))
    prompted("msg_2", {"tokens": tokens}, usage(1500, 500), 1)
    prompted("msg_3", {"tokens": tokens[:-1]}, usage(1500, 500), 2)
    prompted("msg_4", {"body": body()}, usage(0, 2000), account="other")
    assert shell(f"{PROMPTED} --out b.cbor").code == 0
    found = receipts()
    assert [(one.id, one.prefix) for one in found["msg_1"].cache_writes] == [(ids(body())[1], 2000)]
    ends = (1500, 2000, 1024, 2010)
    expected = token_ids(MODEL, tokens, ends, KEY.for_time(NOON))
    two = found["msg_2"]
    said = [two.cache_read, *two.cache_writes, *two.commitments]
    assert [tuple(one) for one in said] == [(TOKENS_HMAC, expected[n], n) for n in ends]  # fmt: skip
    assert found["msg_3"].cache_read is None  # another number of tokens than was counted
    assert found["msg_4"].cache_writes == ()  # another account than that of the key


def test_an_api_that_may_not_heed_the_marks(shell, prompted):
    """What it reads and writes ends somewhere else."""
    chat = {"prompt_tokens": 2010, "prompt_tokens_details": {"cached_tokens": 1024}, "completion_tokens": 5, "total_tokens": 2015}  # fmt: skip
    prompted("gen_1", {"body": body()}, chat)
    with sqlite3.connect("wallet.db") as db:
        db.execute("UPDATE calls SET host = 'openrouter.ai', path = '/api/v1/chat/completions'")
    assert shell(f"{PROMPTED} --out b.cbor").code == 0
    assert receipts()["gen_1"].cache_read is None
    assert receipts()["gen_1"].commitments == ()


def test_the_customer_recomputes_them(shell, prompted, folder):
    prompted("msg_1", {"body": body()}, usage(0, 2000))
    prompted("msg_2", {"body": body()}, usage(2000, 0), 2)
    assert shell(f"{PROMPTED} --journal j.db").code == 0
    assert shell("close --journal j.db --keys keys --account acme --period 2026-11 --out b.cbor").code == 0  # fmt: skip
    shell("trust add keys/issuer.jwks.json --yes")
    verify = f"verify b.cbor --observer {ISSUER} --requests wallet.db --prompts prompts.jsonl --cache-key acme.key --no-remember"  # fmt: skip
    assert shell(verify).code == 0
    Path("prompts.jsonl").write_text(Path("prompts.jsonl").read_text().replace("handbook of the house", "law"))  # fmt: skip
    result = shell(f"{verify} --json")
    assert json.loads(result.out)["finding_counts"] == {"cache-id-mismatch": 2}


def test_a_credit_that_was_held_back(shell, prompted, folder):
    """The policy promises five minutes from the last use: of four calls, one was due a credit and got none."""
    prompted("msg_1", {"body": body()}, usage(0, 2000))
    prompted("msg_2", {"body": body()}, usage(2000, 0), 2)
    prompted("msg_3", {"body": body()}, usage(0, 2000), 5)
    prompted("msg_4", {"body": body()}, usage(0, 2000), 60)
    assert shell(f"{PROMPTED} --journal j.db").code == 0
    assert shell("close --journal j.db --keys keys --account acme --period 2026-11 --out b.cbor").code == 0  # fmt: skip
    shell("trust add keys/issuer.jwks.json --yes")
    result = shell(f"cache b.cbor --observer {ISSUER}")
    assert result.code == 0
    assert "incomplete" not in result.err
    assert result.out.startswith(
        "signed by the observer, not by the biller\n"
        "  it rests on the provider's usage objects, as they were observed\n"
    )
    report = json.loads(shell(f"cache b.cbor --observer {ISSUER} --json").out)
    assert (report["observed"], report["receipts"]) == (4, 4)
    assert [(one["request"], one["expected"], one["credited"]) for one in report["due"]["listed"]] == [("msg_3", 2000, 0)]  # fmt: skip
    assert "receipt-observed" in shell("cache b.cbor").err


def test_files_that_are_none(shell, prompted):
    prompted("msg_1", {"body": body()}, usage(0, 2000))
    Path("bad").write_text("{}")
    for more, words in (
        ("--cache-key bad --prompts prompts.jsonl", "bad: not a cache key file"),
        ("--cache-key acme.key --prompts bad", "bad, line 1"),
    ):
        result = shell(f"{ISSUE} --out b.cbor {more}")
        assert result.code == 2
        assert words in result.err
