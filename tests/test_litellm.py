"""What LiteLLM knows of a call, in its receipt: without LiteLLM, which `tests.test_litellm_proxy` starts."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from receipts import Journal
from receipts.asgi import ReceiptMiddleware, SettingError, emitter_from_environment
from receipts.asgi.body import is_usage_only
from receipts.callers import Asked, TagContract
from receipts.emitting import Emitter, endpoint
from receipts.header import parse_byte_sequence
from receipts.litellm import Billed, Call, origin
from receipts.litellm.call import Calls, let_in
from tests.build import ACCOUNT, ISSUER, KEY
from tests.provider import completion, message, response
from tests.test_in_band import body, start
from verifier import read_item

PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
TAGS = b"""
owner = "platform"
[tags.unit]
required = true
from = ["key:team_metadata.unit"]
[tags.cost]
from = ["key:metadata.cost"]
[tags.provider]
from = ["key:provider"]
[tags.feature]
from = ["metadata:feature"]
"""


def key(**over):
    """A UserAPIKeyAuth."""
    return SimpleNamespace(**{
        "team_id": ACCOUNT, "org_id": "o1", "user_id": None, "metadata": {"cost": 4711, "logging": [{"secret": "s"}], "on": True},
        "team_metadata": {"unit": "retail"}, **over,
    })  # fmt: skip


def log(provider="openai", *, stored=None):
    """LiteLLM's log of a call."""
    details = None if stored is None else {"cache_hit": stored, "cache_duration_ms": 1.0}
    return SimpleNamespace(
        model_call_details={"custom_llm_provider": provider, "model": "gpt-1-large"},
        caching_details=details,
    )


@pytest.fixture
def journal(folder):
    with Journal(str(folder / "issuer.db"), ISSUER, KEY) as journal:
        yield journal


class Proxy:
    """The middleware around what stands for LiteLLM."""

    def __init__(self, journal, rule="team_id", *, tags=None, required=False):
        contract = None if tags is None else TagContract.from_toml(tags)
        self.emitter = Emitter(
            journal, Billed(rule, tags=tags is not None), origin=origin, tags=contract
        )
        middleware = ReceiptMiddleware(self._answer, self.emitter, required=required)
        self._app = Calls(middleware, lambda: Call(lambda name: name.removeprefix("new_")))

    async def _answer(self, _scope, receive, send):
        for one in self._calls:
            let_in(*one)
        while (await receive()).get("more_body"):
            pass
        await send(start())
        await send(body(json.dumps(self._document).encode()))

    def ask(self, document, *calls, path="/v1/chat/completions", method="POST", asked=None):
        """The claims of the receipt that comes with an answer, and what came; None: there is no receipt."""
        self._document, self._calls, sent = document, calls, []
        scope = {"type": "http", "path": path, "method": method, "headers": []}

        async def receive():
            return {"type": "http.request", "body": json.dumps(asked or {}).encode()}

        async def send(part):
            sent.append(part)

        asyncio.run(self._app(scope, receive, send))
        self.headers = dict(sent[0]["headers"])
        assert sent[0]["status"] != 200 or json.loads(sent[1]["body"]) == document
        self.status = sent[0]["status"]
        return claims_in(self.headers)

    @property
    def counted(self):
        """What became of answers, without what became of none."""
        return {name: n for name, n in self.emitter.counters.outcomes().items() if n}


def claims_in(headers):
    value = headers.get(b"token-receipt")
    return None if value is None else read_item(parse_byte_sequence(value)).claims


@pytest.mark.parametrize(
    ("rule", "account"),
    [
        ("team_id", ACCOUNT), ("org_id", "o1"), ("metadata.cost", "4711"), ("team_metadata.unit", "retail"),
        ("user_id", None), ("key_alias", None), ("metadata.none", None), ("metadata.logging", None), ("metadata.on", None),
    ],
)  # fmt: skip
def test_who_is_billed(journal, rule, account):
    """By LiteLLM's key alone; what it does not say is nobody, and is counted."""
    proxy = Proxy(journal, rule)
    claims = proxy.ask(completion(), (key(), log()), asked={"user": "evil", "metadata": {"team_id": "evil"}})  # fmt: skip
    assert (claims and claims.account) == account
    assert proxy.counted == ({"without_account": 1} if account is None else {"issued": 1})


@pytest.mark.parametrize("rule", ["end_user_id", "metadata", "metadata.", "team", "user_email", ""])
def test_no_other_rule(rule):
    with pytest.raises(
        SettingError, match=r"RECEIPT_LITELLM_ACCOUNT: expected one of team_id, .*, found"
    ):
        Billed(rule)


def test_the_environment_says_once_who_is_billed(keys, monkeypatch):
    for name, value in {"RECEIPT_KEYS": "keys", "RECEIPT_JOURNAL": "j.db", "RECEIPT_ACCOUNT": ACCOUNT}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match="RECEIPT_ACCOUNT: expected not to be set, since the server says who is billed"):  # fmt: skip
        emitter_from_environment(Billed("team_id"), origin)
    monkeypatch.delenv("RECEIPT_ACCOUNT")
    emitter = emitter_from_environment(Billed("team_id"), origin)
    assert emitter.journal.issuer == ISSUER
    emitter.journal.close()


def test_a_request_that_was_let_in_nowhere_is_nobodys(journal):
    proxy = Proxy(journal)
    assert proxy.ask(completion()) is None
    assert proxy.counted == {"without_account": 1}


def test_a_call_within_a_call_changes_nothing(journal):
    """A guardrail that asks a model with a key of its own is not who asked."""
    claims = Proxy(journal).ask(completion(), (key(), log()), (key(team_id="guard"), log("groq")))
    assert claims.account == ACCOUNT


def test_tags_are_those_of_the_contract(journal):
    """The key's stand, whatever the client says; and without a contract, what is said of a key is nobody's business."""
    asked = {"metadata": {"feature": "search", "unit": "evil", "provider": "evil"}}
    claims = Proxy(journal, tags=TAGS).ask(completion(), (key(), log("anthropic")), asked=asked)
    assert claims.tags == {"unit": "retail", "cost": "4711", "provider": "anthropic", "feature": "search"}  # fmt: skip
    assert Proxy(journal).ask(completion("chatcmpl-2"), (key(), log())).tags is None
    proxy = Proxy(journal, tags=TAGS)
    claims = proxy.ask(completion("chatcmpl-3"), (key(team_metadata=None), log()), asked=asked)
    assert claims.tags["untagged/unit"] == "missing"
    assert proxy.emitter.counters.tag_faults() == {("unit", "missing"): 1}


@pytest.mark.parametrize(
    ("api", "document", "provider", "source"),
    [
        ("chat", completion(), "anthropic", "litellm"),
        ("chat", completion(), "openai", "litellm"),
        ("responses", response(), "openai", "openai"),
        ("responses", response(), "azure", "azure.ai.openai"),
        ("responses", response(), "anthropic", "litellm"),
        ("messages", message(), "anthropic", "anthropic"),
        ("messages", message(), "openai", "litellm"),
        ("messages", message(), None, "litellm"),
    ],
)
def test_whose_usage_object_it_is(journal, api, document, provider, source):
    """That of the provider where LiteLLM passes it on, and LiteLLM's where it makes it."""
    claims = Proxy(journal).ask(document, (key(), log(provider)), path=PATHS[api])
    assert claims.source.provider == source


def test_messages_of_other_providers_leave_out_zeros(journal):
    usage = {"input_tokens": 5, "output_tokens": 2, "cache_read_input_tokens": 4}
    claims = Proxy(journal).ask(message(usage=usage), (key(), log("openai")), path=PATHS["messages"])  # fmt: skip
    assert (claims.logical, claims.cached, claims.writes) == (9, 4, None)


def test_a_response_has_one_receipt_under_whatever_name_it_is_given(journal):
    """LiteLLM encrypts the id of a response anew each time: created, retrieved, from the cache."""
    proxy = Proxy(journal)
    first = proxy.ask(response("resp_1"), (key(), log()), path=PATHS["responses"])
    assert proxy.headers[b"token-receipt-request"].decode() == first.request
    again = proxy.ask(response("new_resp_1"), (key(), log()), path="/v1/responses/x", method="GET")
    stored = proxy.ask(response("new_resp_1"), (key(), log(stored=True)), path=PATHS["responses"])
    assert again == stored == first
    assert proxy.counted == {"issued": 1, "replayed": 2}
    assert (
        proxy.ask(response("resp_2"), (key(), log()), path=PATHS["responses"]).request
        != first.request
    )


def test_a_stored_answer_is_billed_to_nobody_else(journal):
    """LiteLLM's cache answers other teams too, and other models' counts are not theirs. A required receipt is none then."""
    proxy = Proxy(journal, required=True)
    first = proxy.ask(completion(), (key(), log(stored=False)))
    assert proxy.ask(completion(), (key(), log(stored=True))) == first
    assert proxy.ask(completion(), (key(team_id="globex"), log(stored=True))) is None
    assert proxy.status == 200
    embedding = {"object": "list", "data": [], "model": "e", "usage": {"prompt_tokens": 5, "total_tokens": 5}}  # fmt: skip
    assert proxy.ask(embedding, (key(), log(stored=True)), path="/v1/embeddings") is None
    assert proxy.counted == {"issued": 1, "replayed": 1, "stored": 2}


def test_what_is_known_may_be_wrong_and_harms_no_answer(journal, caplog):
    def breaks(asked, api, name):
        raise RuntimeError("no\nsuch")

    proxy = Proxy(journal)
    proxy.emitter._origin = breaks
    assert proxy.ask(completion(), (key(), log())) is None
    assert (proxy.status, proxy.counted) == (200, {"failed": 1})
    assert "no receipt for 'chatcmpl-1': RuntimeError('no\\nsuch')" in caplog.text


def test_a_log_of_another_form_is_none():
    call = Call(str, {}, SimpleNamespace(caching_details={"cache_hit": None}))
    assert (call.stored, call.tags) == (False, {})
    asked = Asked("/v1/responses", context={"receipts.litellm": call})
    told = origin(asked, endpoint("POST", "/v1/responses"), None)
    assert (told.provider, told.request, told.stored) == ("litellm", None, False)


@pytest.mark.parametrize(
    ("choices", "left_out"),
    [
        ([], True),
        ([{"index": 0, "delta": {}}], True),
        ([{"index": 0, "delta": {}, "finish_reason": None, "logprobs": None}], True),
        ([{"index": 0, "delta": {}, "finish_reason": "stop"}], False),
        ([{"index": 0, "delta": {"content": ""}}], False),
        ([{"index": 0, "delta": {}}, {"index": 1, "delta": {"content": "x"}}], False),
        ([None], False),
        (None, False),
    ],
)
def test_which_event_only_has_usage(choices, left_out):
    """LiteLLM's has a choice that says nothing, where OpenAI's has none. What says anything goes on."""
    event = {"id": "r", "choices": choices, "usage": {"prompt_tokens": 9}}
    assert is_usage_only(b"data: " + json.dumps(event).encode() + b"\n\n") is left_out
