"""A provider that answers what a test says, in the forms of OpenAI and Anthropic, and remembers what it was asked."""

from __future__ import annotations

import json
from dataclasses import dataclass

from cli.sample.server import Replay

CHAT_USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11, "prompt_tokens_details": {"cached_tokens": 4}}  # fmt: skip
RESPONSE_USAGE = {
    "input_tokens": 9, "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0}, "output_tokens": 2,
    "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 11,
}  # fmt: skip
MESSAGE_USAGE = {"input_tokens": 4, "cache_read_input_tokens": 9, "cache_creation_input_tokens": 0, "output_tokens": 7, "service_tier": "standard"}  # fmt: skip


@dataclass
class Seen:
    """A request that came."""

    path: str
    headers: dict[str, str]
    body: bytes


class Provider:
    """An ASGI application that gives its answers in the order in which they were asked for."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self._answers: list[tuple[int, dict[str, str], list[bytes], str]] = []

    def replies(self, document, status=200, headers=None):
        """Answer with JSON."""
        self.gives(json.dumps(document).encode(), "application/json", status, headers)

    def gives(self, body, kind, status=200, headers=None):
        """Answer with bytes."""
        self._answers.append((status, {"content-type": kind, **(headers or {})}, [body], "end"))

    def streams(self, events, *, hang=False, breaks=False):
        """Answer with events, and then end, or stay silent, or break the connection."""
        end = "hang" if hang else "break" if breaks else "end"
        parts = [event.encode() for event in events]
        self._answers.append((200, {"content-type": "text/event-stream"}, parts, end))

    async def __call__(self, scope, receive, send):
        """Answer a request (ASGI 3)."""
        if scope["type"] == "lifespan":
            await Replay()(scope, receive, send)
            return
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.seen.append(Seen(scope["path"], headers, body))
        status, answer, parts, end = self._answers.pop(0)
        pairs = [(name.encode(), value.encode()) for name, value in answer.items()]
        if not parts:
            await receive()  # until the client hangs up
            return
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        if end == "hang":
            await receive()
        elif end == "end":
            await send({"type": "http.response.body", "body": b""})
        # An answer that just stops is broken off by the server.


def completion(name="chatcmpl-1", **over):
    message = {"role": "assistant", "content": "hello"}
    return {
        "id": name, "object": "chat.completion", "created": 1793534400, "model": "gpt-1", "usage": CHAT_USAGE,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], **over,
    }  # fmt: skip


def response(name="resp_1", **over):
    return {
        "id": name, "object": "response", "created_at": 1793534400, "model": "gpt-1", "status": "completed", "error": None,
        "output": [], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "usage": RESPONSE_USAGE, **over,
    }  # fmt: skip


def message(name="msg_1", **over):
    return {
        "id": name, "type": "message", "role": "assistant", "model": "claude-1", "usage": MESSAGE_USAGE,
        "content": [{"type": "text", "text": "hello"}], "stop_reason": "end_turn", "stop_sequence": None, **over,
    }  # fmt: skip


def named(kind, **members):
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n"


def chat_events():
    chunk = completion() | {"object": "chat.completion.chunk", "usage": None}
    choices = [{"index": 0, "delta": {"role": "assistant", "content": "hello"}, "finish_reason": None}]  # fmt: skip
    return [
        f"data: {json.dumps(chunk | {'choices': choices})}\n\n",
        f"data: {json.dumps(chunk | {'choices': choices})}\n\n",
        f"data: {json.dumps(chunk | {'choices': [], 'usage': CHAT_USAGE})}\n\n",
        "data: [DONE]\n\n",
    ]


def response_events():
    begun = response(status="in_progress", usage=None)
    delta = {"item_id": "m", "output_index": 0, "content_index": 0, "delta": "hello", "logprobs": []}  # fmt: skip
    return [
        named("response.created", response=begun, sequence_number=0),
        named("response.output_text.delta", **delta, sequence_number=1),
        named("response.completed", response=response(), sequence_number=2),
    ]


def message_events(content=None):
    first = message(usage=MESSAGE_USAGE | {"output_tokens": 1}, content=[], stop_reason=None)
    return [
        named("message_start", message=first),
        named("content_block_start", index=0, content_block=content or {"type": "text", "text": "hello"}),
        named("content_block_stop", index=0),
        named("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 7}),
        named("message_stop"),
    ]  # fmt: skip
