r"""A sample server: answers like OpenAI and Anthropic, with recorded usage, and with a receipt on every response.

    RECEIPT_KEYS=keys RECEIPT_JOURNAL=issuer.db RECEIPT_ACCOUNT=acme \
        python -m cli.sample.server --port-file port

serves on a free port of this machine (extra ``server``). The application is `app`; without the middleware it is `replay`.
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import resources
from itertools import cycle
from pathlib import Path
from typing import Any
from uuid import uuid4

from cli.files import output_file
from receipts.asgi import App, Message, ReceiptMiddleware, Receive, Scope, Send

_PREFIXES = {"messages": "msg_", "chat.completions": "chatcmpl-", "responses": "resp_"}
_PATHS = {
    "/v1/messages": "messages",
    "/v1/chat/completions": "chat.completions",
    "/v1/responses": "responses",
}


Usage = Callable[[str, dict[str, Any]], dict[str, Any]]
"""The usage object that answers a request, by its API and body."""


def recorded() -> Usage:
    """Recorded usage, one object after the other for each API."""
    lines = resources.files("cli").joinpath("sample/usage.jsonl").read_text().splitlines()
    documents = [json.loads(line) for line in lines]
    objects = {
        api: cycle([one["usage"] for one in documents if one["api"] == api]) for api in _PREFIXES
    }
    return lambda api, _: next(objects[api])


class Replay:
    """An ASGI application that answers requests without a model.

    Args:
        usage: what the answers state; default: the next recorded usage of the API.
    """

    def __init__(self, usage: Usage | None = None) -> None:
        self._usage = recorded() if usage is None else usage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI 3)."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        request = json.loads(await _body(receive))
        api = _PATHS.get(scope["path"])
        if api is None:
            await _answer(
                send, 404, "application/json", [b'{"error": {"message": "no such path"}}']
            )
            return
        name = request.get("request_id") or _PREFIXES[api] + uuid4().hex
        answer = _ANSWERS[api](name, request["model"], self._usage(api, request))
        if request.get("stream"):
            await _answer(
                send, 200, "text/event-stream", [event.encode() for event in _STREAMS[api](answer)]
            )
        else:
            await _answer(send, 200, "application/json", [json.dumps(answer).encode()])


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message: Message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


async def _answer(send: Send, status: int, kind: str, parts: list[bytes]) -> None:
    headers = [(b"content-type", kind.encode())]
    if len(parts) == 1:
        headers.append((b"content-length", str(len(parts[0])).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _message(name: str, model: str, usage: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": name, "type": "message", "role": "assistant", "model": model, "usage": usage,
        "content": [{"type": "text", "text": "hello"}], "stop_reason": "end_turn", "stop_sequence": None,
    }  # fmt: skip


def _completion(name: str, model: str, usage: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": "hello"}
    return {
        "id": name, "object": "chat.completion", "created": 1793534400, "model": model, "usage": usage,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }  # fmt: skip


def _response(name: str, model: str, usage: dict[str, Any]) -> dict[str, Any]:
    text = {"type": "output_text", "text": "hello", "annotations": []}
    return {
        "id": name, "object": "response", "created_at": 1793534400, "model": model, "status": "completed",
        "output": [{"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": [text]}],
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "usage": usage,
    }  # fmt: skip


def _named(kind: str, **members: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n"


def _message_events(answer: dict[str, Any]) -> Iterator[str]:
    usage = answer["usage"]
    first = answer | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 1}}
    yield _named("message_start", message=first)
    yield _named("content_block_start", index=0, content_block={"type": "text", "text": ""})
    yield _named("content_block_delta", index=0, delta={"type": "text_delta", "text": "hello"})
    yield _named("content_block_stop", index=0)
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    yield _named("message_delta", delta=delta, usage=usage)
    yield _named("message_stop")


def _completion_events(answer: dict[str, Any]) -> Iterator[str]:
    chunk = answer | {"object": "chat.completion.chunk", "usage": None}
    for delta in ({"role": "assistant"}, {"content": "hello"}):
        choices = [{"index": 0, "delta": delta, "finish_reason": None}]
        yield f"data: {json.dumps(chunk | {'choices': choices})}\n\n"
    yield f"data: {json.dumps(chunk | {'choices': [], 'usage': answer['usage']})}\n\n"
    yield "data: [DONE]\n\n"


def _response_events(answer: dict[str, Any]) -> Iterator[str]:
    begun = answer | {"status": "in_progress", "output": [], "usage": None}
    yield _named("response.created", response=begun, sequence_number=0)
    yield _named(
        "response.output_text.delta",
        item_id="m",
        output_index=0,
        content_index=0,
        delta="hello",
        logprobs=[],
        sequence_number=1,
    )
    yield _named("response.completed", response=answer, sequence_number=2)


_ANSWERS = {"messages": _message, "chat.completions": _completion, "responses": _response}
_STREAMS = {
    "messages": _message_events,
    "chat.completions": _completion_events,
    "responses": _response_events,
}

replay = Replay()
app = ReceiptMiddleware(replay)


def main() -> None:
    """Serve on a free port of this machine; the port file is there as long as the server listens."""
    parser = argparse.ArgumentParser(
        prog="python -m cli.sample.server",
        description="A sample server: recorded usage, and a receipt on every response.",
    )
    parser.add_argument(
        "--port-file", required=True, metavar="FILE", help="where the number of the port is written"
    )
    serve(app, parser.parse_args().port_file)


def serve(application: App, port_file: str) -> None:
    """Serve an application until SIGTERM or Ctrl-C."""
    place = Path(port_file)
    import uvicorn  # of the extra `server`: the application itself needs no server

    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # uvicorn raises it once more at its end
    place.unlink(missing_ok=True)
    with socket.socket() as listener, suppress(KeyboardInterrupt):
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        try:
            with output_file(str(place)) as stream:
                stream.write(b"%d\n" % listener.getsockname()[1])
            config = uvicorn.Config(application, log_level="warning")
            uvicorn.Server(config).run([listener])
        finally:
            place.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
