"""The middleware as ``vllm serve --middleware`` loads it, before a server that answers as vLLM does."""

import importlib
import inspect
import json
from contextlib import contextmanager
from uuid import uuid4

import fastapi
import httpx
import pytest
from fastapi.responses import JSONResponse, StreamingResponse

from receipts.asgi import ReceiptMiddleware
from receipts.header import parse_byte_sequence
from tests.build import ACCOUNT, ISSUER
from tests.server import serving
from verifier import read_item

NAME = "receipts.asgi.ReceiptMiddleware"
COUNTS = {"prompt_tokens": 48, "total_tokens": 50, "completion_tokens": 2}
PATHS = {"chat": "/v1/chat/completions", "completions": "/v1/completions", "responses": "/v1/responses", "embeddings": "/v1/embeddings"}  # fmt: skip
PREFIX = {"chat": "chatcmpl-", "completions": "cmpl-", "responses": "resp_", "embeddings": "embd-"}


def load(app, names):
    """As ``build_app`` of vLLM 0.33 does with each ``--middleware`` (entrypoints/openai/api_server.py)."""
    for name in names:
        module, _, member = name.rpartition(".")
        loaded = getattr(importlib.import_module(module), member)
        if inspect.isclass(loaded):
            app.add_middleware(loaded)
        elif inspect.iscoroutinefunction(loaded):
            app.middleware("http")(loaded)
        else:
            raise ValueError(f"Invalid middleware {name}. Must be a function or a class.")


def vllm(*, details=True, forced=False):
    """What answers as vLLM, with ``--enable-prompt-tokens-details`` and ``--enable-force-include-usage`` or without."""
    app = fastapi.FastAPI()
    usage = COUNTS | {"prompt_tokens_details": {"cached_tokens": 32} if details else None}
    of_response = {
        "input_tokens": 48, "output_tokens": 2, "total_tokens": 50,
        "input_tokens_details": {"cached_tokens": 32, "input_tokens_per_turn": [], "cached_tokens_per_turn": []},
        "output_tokens_details": {"reasoning_tokens": 0, "tool_output_tokens": 0, "output_tokens_per_turn": [], "tool_output_tokens_per_turn": []},
    }  # fmt: skip

    def name(request, asked, api):
        """vLLM takes the id that the client chose."""
        own = asked.get("request_id") or uuid4().hex
        return PREFIX[api] + request.headers.get("x-request-id", own)

    def chunks(whole, asked):
        chunk = whole | {"object": "chat.completion.chunk", "usage": usage if forced else None}
        for choice in ({"delta": {"content": "hi"}}, {"delta": {}, "finish_reason": "stop"}):
            yield f"data: {json.dumps(chunk | {'choices': [{'index': 0, **choice}]})}\n\n"
        if forced or (asked.get("stream_options") or {}).get("include_usage"):
            yield f"data: {json.dumps(chunk | {'choices': [], 'usage': usage})}\n\n"
        yield "data: [DONE]\n\n"

    @app.post("/v1/{path:path}")
    async def answer(path: str, request: fastapi.Request):
        api = next(name for name, whole in PATHS.items() if whole == f"/v1/{path}")
        asked = await request.json()
        whole = {"id": name(request, asked, api), "model": "m", "choices": [], "usage": usage}
        if api == "responses":
            whole = {"id": whole["id"], "object": "response", "status": "completed", "model": "m", "output": [], "usage": of_response}  # fmt: skip
            if asked.get("stream"):
                event = json.dumps({"type": "response.completed", "response": whole})
                return StreamingResponse(iter([f"event: response.completed\ndata: {event}\n\n"]), media_type="text/event-stream")  # fmt: skip
        if api == "embeddings":
            whole["usage"] = COUNTS | {"completion_tokens": 0, "total_tokens": 48, "prompt_tokens_details": None}  # fmt: skip
        if asked.get("stream"):
            return StreamingResponse(chunks(whole, asked), media_type="text/event-stream")
        return JSONResponse(whole)

    return app


@pytest.fixture
def settings(keys, folder, monkeypatch):
    for name, value in {
        "RECEIPT_KEYS": "keys", "RECEIPT_JOURNAL": "issuer.db", "RECEIPT_ACCOUNT": ACCOUNT, "RECEIPT_PROVIDER": "vllm",
        "RECEIPT_INCLUDE_USAGE": "1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)


@contextmanager
def served(app):
    """The URL of a server, and its middleware, once it answered."""
    load(app, [NAME])
    found = []

    def middleware():
        layer = app.middleware_stack
        while not isinstance(layer, ReceiptMiddleware):
            layer = layer.app
        found.append(layer)
        return layer

    with serving(app) as url:
        yield url, middleware
        middleware()
    if found[0].emitter is not None:
        found[0].emitter.journal.close()


def ask(url, api="chat", headers=None, **asked):
    return httpx.post(url + PATHS[api], json={"model": "m", **asked}, headers=headers)


def claims_of(answer):
    mark = ": token-receipt "
    value = answer.headers.get("token-receipt") or next(
        (line.removeprefix(mark) for line in answer.text.splitlines() if line.startswith(mark)), None
    )  # fmt: skip
    return value and read_item(parse_byte_sequence(value.encode())).claims


STREAMS = [(api, stream) for api in PATHS for stream in (False, True) if api != "embeddings"]


@pytest.mark.parametrize(("api", "stream"), [*STREAMS, ("embeddings", False)])
def test_each_api(settings, api, stream):
    with served(vllm()) as (url, _):
        answer = ask(url, api, stream=stream)
    claims = claims_of(answer)
    names = {"chat": "chat.completions"}
    assert (claims.issuer, claims.account, claims.model) == (ISSUER, ACCOUNT, "m")
    assert (claims.source.provider, claims.source.api) == ("vllm", names.get(api, api))
    expected = (48, None, None) if api == "embeddings" else (48, 32, 2)
    assert (claims.logical, claims.cached, claims.output) == expected
    assert claims.request.startswith(PREFIX[api])
    assert 'choices": [], "usage' not in answer.text or not stream


def test_without_the_details_it_is_not_known_what_was_cached(settings):
    with served(vllm(details=False)) as (url, _):
        assert claims_of(ask(url)).cached is None


@pytest.mark.parametrize("asked", [{}, {"stream_options": {"include_usage": True}}])
def test_usage_of_streams(settings, monkeypatch, asked):
    """It is asked for behind the client's back, and left out of what the client gets; or vLLM is told to give it always."""
    monkeypatch.setenv("RECEIPT_INCLUDE_USAGE", "0")
    with served(vllm()) as (url, middleware):
        first = ask(url, stream=True, **asked)
        without = middleware().emitter.counters["without_usage"]
    assert (claims_of(first) is None, without) == ((True, 1) if not asked else (False, 0))
    monkeypatch.setenv("RECEIPT_INCLUDE_USAGE", "1")
    with served(vllm()) as (url, _):
        second = ask(url, stream=True, **asked)
    assert claims_of(second).logical == 48
    assert len(second.text.split("data: ")) == len(first.text.split("data: "))
    monkeypatch.setenv("RECEIPT_INCLUDE_USAGE", "0")
    with served(vllm(forced=True)) as (url, _):
        third = ask(url, stream=True, **asked)
    assert claims_of(third).logical == 48
    assert len(third.text.split("data: ")) == 5


@pytest.mark.parametrize("chosen", [{"headers": {"X-Request-Id": "mine"}}, {"request_id": "mine"}])
@pytest.mark.parametrize("api", ["chat", "responses", "embeddings"])
def test_a_client_that_chooses_its_ids_pays_for_each_request(settings, api, chosen):
    with served(vllm()) as (url, middleware):
        answers = [ask(url, api, **chosen) for _ in range(3)]
        assert middleware().emitter.counters["issued"] == 3
    assert {answer.json()["id"] for answer in answers} == {f"{PREFIX[api]}mine"}
    requests = [claims_of(answer).request for answer in answers]
    assert requests == [answer.headers["token-receipt-request"] for answer in answers]
    assert len(set(requests)) == 3


def test_each_server_has_a_stream_of_its_own(settings):
    """``--api-server-count 2`` loads it in two processes, with one journal."""
    with served(vllm()) as (first, _), served(vllm()) as (second, _):
        claims = [claims_of(ask(url)) for url in (first, second, first)]
    assert [one.sequence for one in claims] == [0, 0, 1]
    assert claims[0].stream == claims[2].stream != claims[1].stream


def test_what_is_no_class_is_not_loaded():
    """A slip in the option is vLLM's error, before it serves."""
    with pytest.raises(ValueError, match="Must be a function or a class"):
        load(fastapi.FastAPI(), ["receipts.asgi.settings.os"])


def test_a_server_with_wrong_settings_answers(settings, monkeypatch, caplog):
    monkeypatch.delenv("RECEIPT_KEYS")
    with served(vllm()) as (url, middleware):
        answer = ask(url)
        assert middleware().emitter is None
    assert (answer.status_code, claims_of(answer)) == (200, None)
    assert "RECEIPT_KEYS is not set" in caplog.text
