"""LiteLLM's proxy, really started: receipts with the answers of its three APIs, billed by its keys, and verified by the customer."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count

import anthropic
import httpx
import openai
import pytest

from receipts.header import parse_byte_sequence
from receipts.wallet import Wallet
from tests.build import ISSUER, KEY, jwk_set
from tests.provider import named
from tests.server import serving
from tests.test_in_band import ASK, HTTP, kept
from verifier import read_item

pytestmark = pytest.mark.slow

CHAT = {"prompt_tokens": 1200, "completion_tokens": 2, "total_tokens": 1202, "prompt_tokens_details": {"cached_tokens": 1024}}  # fmt: skip
RESPONSE = {
    "input_tokens": 1300, "input_tokens_details": {"cached_tokens": 1280}, "output_tokens": 3,
    "output_tokens_details": {"reasoning_tokens": 1}, "total_tokens": 1303,
}  # fmt: skip
MESSAGE = {
    "input_tokens": 4, "cache_read_input_tokens": 900, "cache_creation_input_tokens": 300, "output_tokens": 7,
    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200}, "service_tier": "standard",
}  # fmt: skip
WRITES = {300: 100, 3600: 200}
AUTH = """
from litellm.proxy._types import ProxyException, UserAPIKeyAuth

KEYS = {
    "sk-acme": {"team_id": "acme", "metadata": {"cost_center": 4711, "secret": "s"}, "team_metadata": {"unit": "retail"}},
    "sk-globex": {"team_id": "globex", "key_alias": "nightly"},
    "sk-initech": {"team_id": "initech", "key_alias": "all"},
    "sk-nobody": {"user_id": "u1"},
}

async def user(request, api_key):
    if api_key not in KEYS:
        raise ProxyException("no such key", "auth_error", "api_key", 401)
    return UserAPIKeyAuth(api_key=api_key, **KEYS[api_key])
"""
CONFIG = """
model_list:
  - {model_name: fast, litellm_params: {model: openai/gpt-5, api_base: URL/v1, api_key: x}}
  - {model_name: kind, litellm_params: {model: anthropic/claude-sonnet-4-5, api_base: URL, api_key: x}}
general_settings: {custom_auth: auth.user}
litellm_settings:
  callbacks: other.callback
  num_retries: 0
  cache: true
  cache_params: {type: local, mode: default_off}
"""
OTHER = "from litellm.integrations.custom_logger import CustomLogger\ncallback = CustomLogger()\n"
TAGS = """
owner = "platform"
[tags.unit]
required = true
from = ["key:team_metadata.unit", "key:key_alias"]
[tags.cost_center]
from = ["key:metadata.cost_center"]
[tags.feature]
from = ["metadata:feature"]
[tags.provider]
from = ["key:provider"]
[tags.model]
from = ["key:model"]
"""


def chat(name):
    whole = {"id": f"chatcmpl-{name}", "object": "chat.completion", "created": 1793534400, "model": "gpt-5-2026-11-01"}  # fmt: skip
    chunk = whole | {"object": "chat.completion.chunk"}
    message = {"role": "assistant", "content": "hello"}
    events = [
        chunk | {"choices": [{"index": 0, "delta": message, "finish_reason": None}]},
        chunk | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        chunk | {"choices": [], "usage": CHAT},
    ]
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    lines = [f"data: {json.dumps(event)}\n\n" for event in events]
    return whole | {"choices": choices, "usage": CHAT}, [*lines, "data: [DONE]\n\n"]


def responses(name):
    part = {"type": "output_text", "text": "hello", "annotations": []}
    output = [{"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [part]}]  # fmt: skip
    whole = {
        "id": f"resp_{name}", "object": "response", "created_at": 1793534400, "model": "gpt-5-2026-11-01", "status": "completed",
        "error": None, "output": output, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "usage": RESPONSE,
    }  # fmt: skip
    begun = whole | {"status": "in_progress", "output": [], "usage": None}
    delta = {"item_id": "m", "output_index": 0, "content_index": 0, "delta": "hello", "logprobs": []}  # fmt: skip
    return whole, [
        named("response.created", response=begun, sequence_number=0),
        named("response.output_text.delta", **delta, sequence_number=1),
        named("response.completed", response=whole, sequence_number=2),
    ]


def messages(name):
    whole = {
        "id": f"msg_{name}", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929", "usage": MESSAGE,
        "content": [{"type": "text", "text": "hello"}], "stop_reason": "end_turn", "stop_sequence": None,
    }  # fmt: skip
    begun = whole | {"content": [], "stop_reason": None, "usage": MESSAGE | {"output_tokens": 1}}
    return whole, [
        named("message_start", message=begun),
        named("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        named("content_block_delta", index=0, delta={"type": "text_delta", "text": "hello"}),
        named("content_block_stop", index=0),
        named("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 7}),
        named("message_stop"),
    ]  # fmt: skip


class Upstream:
    """OpenAI and Anthropic, as LiteLLM sees them."""

    def __init__(self):
        self._names = count(1)
        self.asked = []

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            while (kind := (await receive())["type"]) != "lifespan.shutdown":
                await send({"type": f"{kind}.complete"})
            await send({"type": f"{kind}.complete"})
            return
        data, more = b"", True
        while more:
            part = await receive()
            data, more = data + part.get("body", b""), part.get("more_body", False)
        path, asked = scope["path"], json.loads(data or b"{}")
        self.asked.append(path)
        last = path.rsplit("/", 1)[-1]
        if scope["method"] == "GET":
            whole, events = responses(last.removeprefix("resp_"))
        else:
            make = {"completions": chat, "responses": responses, "messages": messages}[last]
            whole, events = make(next(self._names))
        if asked.get("stream") and last == "completions" and not asked.get("stream_options"):
            del events[-2]
        parts = events if asked.get("stream") else [json.dumps(whole)]
        kind = b"text/event-stream" if asked.get("stream") else b"application/json"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})  # fmt: skip
        for one in parts:
            await send({"type": "http.response.body", "body": one.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b""})


@contextmanager
def proxy(place, url):
    """The proxy as the guide starts it; gives its URL."""
    (place / "keys").mkdir()
    (place / "keys/issuer.pem").write_bytes(KEY.to_pem())
    os.chmod(place / "keys/issuer.pem", 0o600)
    (place / "keys/issuer.jwks.json").write_text(json.dumps(jwk_set(KEY, issuer=ISSUER)))
    for name, text in (("config.yaml", CONFIG.replace("URL", url)), ("auth.py", AUTH), ("other.py", OTHER), ("tags.toml", TAGS)):  # fmt: skip
        (place / name).write_text(text)
    settings = {
        "CONFIG_FILE_PATH": "config.yaml", "LITELLM_MASTER_KEY": "sk-of-no-one-0123456789abcdef", "HOME": str(place),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "NO_DOCS": "True",
        "RECEIPT_KEYS": "keys", "RECEIPT_JOURNAL": "issuer.db", "RECEIPT_TAGS": "tags.toml", "RECEIPT_INCLUDE_USAGE": "1",
        "RECEIPT_METRICS": "/receipts/metrics", "PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path),
    }  # fmt: skip
    port_file = place / "port"
    program = (
        "import socket, uvicorn, pathlib\n"
        "s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(64)\n"
        f"pathlib.Path({str(port_file)!r}).write_text(str(s.getsockname()[1]))\n"
        "c = uvicorn.Config('receipts.litellm:app', factory=True, log_level='warning')\n"
        "uvicorn.Server(c).run(sockets=[s])\n"
    )
    with (place / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", program], cwd=place, env=settings, stdout=log, stderr=log)  # fmt: skip
    try:
        yield ready(process, port_file, place / "log")
    finally:
        process.terminate()
        process.wait(30)


def ready(process, port_file, log):
    """The URL, once it answers. Importing LiteLLM takes seconds, on a busy machine a minute."""
    ends = time.monotonic() + 300
    while time.monotonic() < ends and process.poll() is None:
        if port_file.exists() and port_file.read_text():
            url = f"http://127.0.0.1:{port_file.read_text()}"
            try:
                if httpx.get(f"{url}/health/liveliness", timeout=60).status_code == 200:
                    return url
            except httpx.HTTPError:
                pass
        time.sleep(0.2)
    raise AssertionError(log.read_text(errors="replace")[-4000:])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("litellm")


@pytest.fixture(scope="module")
def upstream():
    return Upstream()


@pytest.fixture(scope="module")
def url(place, upstream):
    if find_spec("litellm") is None:
        pytest.skip("needs the extra litellm")
    with serving(upstream) as behind, proxy(place, behind) as url:
        yield url


def post(url, path, key="sk-acme", **document):
    return httpx.post(f"{url}/v1/{path}", headers={"authorization": f"Bearer {key}"}, json=document, timeout=60)  # fmt: skip


def claims_of(answer):
    """Of the receipt that came with an answer; None: there is none."""
    mark = ": token-receipt "
    value = answer.headers.get("token-receipt") or next(
        (line.removeprefix(mark) for line in answer.text.splitlines() if line.startswith(mark)), None
    )  # fmt: skip
    return value and read_item(parse_byte_sequence(value.encode())).claims


def counted(url, outcome):
    name = f'token_receipts_answers_total{{outcome="{outcome}"}} '
    lines = httpx.get(f"{url}/receipts/metrics").text.splitlines()
    return int(next(line.removeprefix(name) for line in lines if line.startswith(name)))


ASKED = {
    "chat/completions": {"messages": ASK, "metadata": {"feature": "search", "unit": "evil"}, "user": "evil"},
    "responses": {"input": "hi", "metadata": {"feature": "search"}},
    "messages": {"messages": ASK, "max_tokens": 9},
}  # fmt: skip
SAID = {
    ("chat/completions", "fast"): ((1200, 1024, None, 2), ("litellm", "chat.completions")),
    ("chat/completions", "kind"): ((1204, 900, WRITES, 7), ("litellm", "chat.completions")),
    ("responses", "fast"): ((1300, 1280, None, 3), ("openai", "responses")),
    # LiteLLM makes a response of a message, and drops the TTLs.
    ("responses", "kind"): ((1204, 900, {0: 300}, 7), ("litellm", "responses")),
    ("messages", "fast"): ((1300, 1280, None, 3), ("litellm", "messages")),
    ("messages", "kind"): ((1204, 900, WRITES, 7), ("anthropic", "messages")),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("path", "model"), SAID)
def test_every_answer_has_its_receipt(url, path, model, stream):
    answer = post(url, path, model=model, stream=stream, **ASKED[path])
    assert answer.status_code == 200
    claims = claims_of(answer)
    counts, source = SAID[path, model]
    if (path, model, stream) == ("messages", "fast", True):
        counts = (*counts[:2], {0: 0}, counts[3])  # a stream begins with zeros
    assert (claims.logical, claims.cached, claims.writes, claims.output) == counts
    assert (claims.source.provider, claims.source.api) == source
    if (path, stream) == (
        "responses",
        True,
    ):  # here LiteLLM does not put its own name in the place of the provider's
        model_said = {"fast": "gpt-5-2026-11-01", "kind": "claude-sonnet-4-5"}[model]
    else:
        model_said = model
    assert (claims.account, claims.model, claims.issuer) == ("acme", model_said, ISSUER)
    called = {"fast": ("openai", "gpt-5"), "kind": ("anthropic", "claude-sonnet-4-5")}[model]
    tags = {"unit": "retail", "cost_center": "4711", "provider": called[0], "model": called[1]}
    assert claims.tags == tags | ({"feature": "search"} if "metadata" in ASKED[path] else {})
    named_id = answer.headers.get("token-receipt-request") or claims.request
    assert claims.request == named_id
    assert named_id.startswith("req_") if path == "responses" else named_id in answer.text


def test_no_client_chooses_who_is_billed(url):
    """With nothing that LiteLLM reads from a request."""
    claimed = {"user_api_key_team_id": "evil", "team_id": "evil", "tags": ["evil"]}
    answer = httpx.post(
        f"{url}/v1/chat/completions", timeout=60,
        headers={
            "authorization": "Bearer sk-acme", "x-litellm-team-id": "evil", "x-litellm-user-id": "evil", "x-litellm-tags": "evil",
            "x-litellm-end-user-id": "evil", "x-account": "evil", "x-request-id": "chatcmpl-evil", "x-litellm-call-id": "evil",
        },
        json={
            "model": "fast", "messages": ASK, "user": "evil", "metadata": claimed, "litellm_metadata": claimed, "team_id": "evil",
            "litellm_call_id": "evil",
        },
    )  # fmt: skip
    assert answer.status_code == 200
    claims = claims_of(answer)
    assert claims.account == "acme"
    assert "evil" not in json.dumps([claims.request, claims.tags])


def test_other_keys_other_accounts(url):
    claims = claims_of(post(url, "chat/completions", "sk-globex", model="fast", messages=ASK))
    assert (claims.account, claims.tags["unit"]) == ("globex", "nightly")
    before = counted(url, "without_account")
    answer = post(url, "chat/completions", "sk-nobody", model="fast", messages=ASK)
    assert (answer.status_code, claims_of(answer)) == (200, None)
    assert counted(url, "without_account") == before + 1
    refused = post(url, "chat/completions", "sk-none", model="fast", messages=ASK)
    assert (refused.status_code, claims_of(refused)) == (401, None)


def test_a_stream_that_did_not_ask_for_usage_looks_as_it_would(url):
    """The event with usage that was asked for behind the client's back is left out, whatever LiteLLM makes of it."""
    for model in ("fast", "kind"):
        asked = {"model": model, "messages": ASK, "stream": True}
        plain = post(url, "chat/completions", **asked).text
        full = post(url, "chat/completions", **asked, stream_options={"include_usage": True}).text
        events = [line for line in plain.splitlines() if line.startswith("data: {")]
        assert len(events) == 2
        assert '"usage"' not in "".join(events)
        assert len([line for line in full.splitlines() if line.startswith("data: {")]) == 3


def test_a_response_that_is_retrieved_has_the_receipt_that_it_has(url):
    first = post(url, "responses", model="fast", input="hi")
    name = first.json()["id"]
    again = [httpx.get(f"{url}/v1/responses/{name}", headers={"authorization": "Bearer sk-acme"}, timeout=60) for _ in range(2)]  # fmt: skip
    assert len({name, *(one.json()["id"] for one in again)}) == 3
    assert [claims_of(one) for one in again] == [claims_of(first)] * 2


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["chat/completions", "responses"])
def test_an_answer_from_the_cache_is_billed_once(url, upstream, path, stream):
    model = {"chat/completions": "kind", "responses": "fast"}[path]
    asked = ASKED[path] | {"model": model, "stream": stream, "cache": {"use-cache": True}}
    first = claims_of(post(url, path, **asked))
    before, stored = len(upstream.asked), counted(url, "stored")
    assert claims_of(post(url, path, **asked)) == first
    other = post(url, path, "sk-globex", **asked)
    assert (other.status_code, claims_of(other)) == (200, None)
    assert counted(url, "stored") == stored + 1
    assert len(upstream.asked) == before, "the cache answered"


def call(client, api, stream):
    """With the official client; of OpenAI's streams the usage is asked for, since the customer's record is to show it."""
    if api == "messages":
        asked = {"model": "kind", "max_tokens": 9, "messages": ASK}
        if not stream:
            client.messages.create(**asked)
            return
        with client.messages.stream(**asked) as events:
            assert events.get_final_text() == "hello"
        return
    if api == "responses":
        answer = client.responses.create(model="fast", input="hi", stream=stream)
    else:
        more = {"stream_options": {"include_usage": True}} if stream else {}
        answer = client.chat.completions.create(model="kind", messages=ASK, stream=stream, **more)
    if stream:
        with answer:
            list(answer)


def test_the_customer_verifies_both_sides(url, place, shell, folder):
    """The official clients with a wallet, then the month is closed from the proxy's journal."""
    wallet = Wallet(str(folder / "wallet.db"))
    with HTTP["openai"].Client(transport=wallet.transport(HTTP["openai"])) as http:
        client = openai.OpenAI(base_url=f"{url}/v1", api_key="sk-initech", http_client=http, max_retries=0)  # fmt: skip
        for api in ("chat", "responses"):
            for stream in (False, True):
                call(client, api, stream)
    with HTTP["anthropic"].Client(transport=wallet.transport(HTTP["anthropic"])) as http:
        client = anthropic.Anthropic(base_url=url, auth_token="sk-initech", http_client=http, max_retries=0)  # noqa: S106  # fmt: skip
        for stream in (False, True):
            call(client, "messages", stream)
    rows = kept(wallet)
    claims = [read_item(row[4]).claims for row in rows]
    assert len(rows) == 6
    assert [row[0] for row in rows] == [one.request for one in claims]
    assert [row[3] for row in rows] == [one.client for one in claims]
    wallet.close()
    journal, keys, month = place / "issuer.db", place / "keys", time.strftime("%Y-%m", time.gmtime())  # fmt: skip
    closed = shell(f"close --journal {journal} --keys {keys} --account initech --period {month} --early --out initech.cbor")  # fmt: skip
    assert closed.code == 0, closed.err
    told = shell(f"verify initech.cbor --keys {keys}/issuer.jwks.json --period {month} --no-remember --received wallet.db --requests wallet.db --json")  # fmt: skip
    report = json.loads(told.out)
    assert (report["verdict"], report["findings"]) == ("verified", [])
