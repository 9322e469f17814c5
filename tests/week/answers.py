"""The forms in which OpenAI and Anthropic answer, whole and as events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.provider import named
from tests.week.plans import MODELS, Plan

Document = dict[str, Any]


def _completion(plan: Plan) -> Document:
    call = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    message = {"role": "assistant", **({"tool_calls": [call]} if plan.tool else {"content": "hello"})}  # fmt: skip
    return {
        "id": plan.id, "object": "chat.completion", "created": plan.time // 1000, "model": MODELS["chat"][1], "usage": plan.usage,
        "service_tier": "default",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if plan.tool else "stop"}],
    }  # fmt: skip


def _response(plan: Plan) -> Document:
    text = {"type": "output_text", "text": "hello", "annotations": []}
    said = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [text],
    }
    call = {
        "id": "f",
        "type": "function_call",
        "call_id": "c",
        "name": "look_up",
        "arguments": "{}",
        "status": "completed",
    }
    return {
        "id": plan.id, "object": "response", "created_at": plan.time // 1000, "model": MODELS["responses"][1], "status": "completed",
        "error": None, "background": plan.kind == "background", "output": [call if plan.tool else said], "parallel_tool_calls": True,
        "tool_choice": "auto", "tools": [], "usage": plan.usage,
    }  # fmt: skip


def _message(plan: Plan) -> Document:
    use = {"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": {}}
    return {
        "id": plan.id, "type": "message", "role": "assistant", "model": MODELS["messages"][1], "usage": plan.usage,
        "content": [use if plan.tool else {"type": "text", "text": "hello"}], "stop_reason": "tool_use" if plan.tool else "end_turn",
        "stop_sequence": None,
    }  # fmt: skip


def _chunks(plan: Plan, answer: Document) -> Iterator[str]:
    chunk = answer | {"object": "chat.completion.chunk", "usage": None}
    message = answer["choices"][0]["message"]
    if plan.tool:
        message = {"role": "assistant", "tool_calls": [{"index": 0, **message["tool_calls"][0]}]}
    for delta, end in (({"role": "assistant"}, None), (message, None), ({}, "stop")):
        choices = [{"index": 0, "delta": delta, "finish_reason": end}]
        yield f"data: {json.dumps(chunk | {'choices': choices})}\n\n"
    if plan.kind != "without usage":
        yield f"data: {json.dumps(chunk | {'choices': [], 'usage': answer['usage']})}\n\n"
    yield "data: [DONE]\n\n"


def _response_events(plan: Plan, answer: Document) -> Iterator[str]:
    begun = answer | {"status": "in_progress", "output": [], "usage": None}
    delta = {"item_id": "m", "output_index": 0, "content_index": 0, "delta": "hello", "logprobs": []}  # fmt: skip
    yield named("response.created", response=begun, sequence_number=0)
    for number in (1, 2):
        yield named("response.output_text.delta", **delta, sequence_number=number)
    yield named("response.completed", response=answer, sequence_number=3)


def _message_events(plan: Plan, answer: Document) -> Iterator[str]:
    usage = answer["usage"]
    first = answer | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 1}}
    yield named("message_start", message=first)
    yield named("content_block_start", index=0, content_block=answer["content"][0])
    if plan.kind == "error event":
        yield named("error", error={"type": "overloaded_error", "message": "later"})
        return
    yield named("content_block_stop", index=0)
    delta = {"stop_reason": answer["stop_reason"], "stop_sequence": None}
    yield named("message_delta", delta=delta, usage={"output_tokens": usage["output_tokens"]})
    yield named("message_stop")


DOCUMENTS = {"chat": _completion, "responses": _response, "messages": _message}
EVENTS = {"chat": _chunks, "responses": _response_events, "messages": _message_events}


def events(plan: Plan) -> list[bytes]:
    """The answer as a stream, up to where it breaks off."""
    whole = list(EVENTS[plan.api](plan, DOCUMENTS[plan.api](plan)))
    kept = 2 if plan.kind in ("cut", "unfinished") or (plan.kind == "cancelled" and plan.number % 2) else len(whole)  # fmt: skip
    return [event.encode() for event in whole[:kept]]
