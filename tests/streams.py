"""Streams in the shapes that providers and hosts send, each peculiarity once. They are written by hand, and the figures are made up."""

import json
from dataclasses import dataclass

DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Stream:
    """A stream: what the host is called, where it is asked, what it sends, and the usage that counts; None: it gets no receipt."""

    name: str
    path: str
    data: bytes
    usage: dict | None
    provider: str | None = None
    request: str | None = None
    """The id of its receipt; None: it depends on how much of the stream comes at once."""
    model: str = "m-1"
    outcome: str = "issued"


def lines(*documents, named=False, end=b"\n"):
    """Events with these documents, named by their type or not."""
    out = b""
    for one in documents:
        name = b"event: " + one["type"].encode() + end if named else b""
        out += name + b"data: " + json.dumps(one, separators=(",", ":")).encode() + end + end
    return out


def chunk(delta="x", finish=None, index=0, **more):
    choice = {"index": index, "delta": {"content": delta}, "finish_reason": finish}
    head = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m-1"}
    return {**head, "choices": [choice], **more}


def usage(prompt, completion, **more):
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion, **more}  # fmt: skip


def only(used):
    return {**chunk(), "choices": [], "usage": used}


CACHED = usage(900, 20, prompt_tokens_details={"cached_tokens": 640})
INPUT = {"input_tokens": 12, "cache_read_input_tokens": 300, "cache_creation_input_tokens": 40}
BEGUN = {"type": "message_start", "message": {"id": "msg-1", "type": "message", "model": "m-1", "usage": {**INPUT, "output_tokens": 1}}}  # fmt: skip
PING = {"type": "ping"}
ENDED = {
    "type": "message_delta",
    "delta": {"stop_reason": "end_turn"},
    "usage": {"output_tokens": 57},
}
STOP = {"type": "message_stop"}
USED = {"input_tokens": 50, "input_tokens_details": {"cached_tokens": 32}, "output_tokens": 9, "output_tokens_details": {"reasoning_tokens": 4}, "total_tokens": 59}  # fmt: skip


def response(kind, status, **more):
    held = {"object": "response", "id": "resp-1", "model": "m-1", "status": status, "usage": None}
    return {"type": f"response.{kind}", "response": {**held, **more}}


CREATED, ADDED = response("created", "in_progress"), {"type": "response.output_text.delta", "delta": "x"}  # fmt: skip
COMPLETED = response("completed", "completed", usage=USED)
META = {"promptTokenCount": 70, "candidatesTokenCount": 8, "totalTokenCount": 78}


def gemini(finish=None, meta=META, **more):
    part = {"content": {"parts": [{"text": "x"}], "role": "model"}, "index": 0}
    candidate = part if finish is None else {**part, "finishReason": finish}
    return {"candidates": [candidate], "usageMetadata": meta, "modelVersion": "m-1", "responseId": "g-1", **more}  # fmt: skip


CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
GOOGLE = "/v1beta/models/m-1:streamGenerateContent"
ASKED = (chunk(), chunk(finish="stop", usage=None), only(CACHED))
_ERROR = b'event: error\ndata: {"error":{"message":"x","status_code":400}}\n\n'

STREAMS = [
    Stream("usage in an event of its own", CHAT, lines(*ASKED) + DONE, CACHED, request="c-1"),
    Stream("CRLF", CHAT, lines(*ASKED, end=b"\r\n") + b"data: [DONE]\r\n\r\n", CACHED, request="c-1"),
    Stream("CR", CHAT, lines(*ASKED, end=b"\r") + b"data: [DONE]\r\r", CACHED, request="c-1"),
    Stream("no space after the colon", CHAT, lines(*ASKED).replace(b"data: ", b"data:") + b"data:[DONE]\n\n", CACHED, request="c-1"),
    Stream("blank lines before it", CHAT, b"\n\n\n\n" + lines(*ASKED) + DONE, CACHED, request="c-1"),
    Stream("a comment between", CHAT, lines(*ASKED[:1]) + b": keep-alive\n\n" + lines(*ASKED[1:]) + DONE, CACHED, request="c-1"),
    Stream("a comment before it", CHAT, b": PROCESSING\n\n" + lines(*ASKED) + DONE, CACHED),
    Stream("no [DONE]", CHAT, lines(*ASKED), CACHED, request="c-1"),
    Stream("no last empty line", CHAT, lines(*ASKED) + b"data: [DONE]", CACHED, request="c-1"),
    Stream("no [DONE], no empty line", CHAT, lines(*ASKED)[:-2], CACHED, request="c-1"),
    Stream("usage with the finish", CHAT, lines(chunk(), chunk(finish="stop", usage=CACHED)) + DONE, CACHED, request="c-1"),
    Stream("running totals", CHAT, lines(chunk(usage=usage(9, 1)), chunk(usage=usage(9, 2)), chunk(finish="stop", usage=usage(9, 3))) + DONE,
           usage(9, 3), request="c-1"),
    Stream("usage beside a choice after the finish", CHAT, lines(chunk(finish="stop"), chunk("", usage=CACHED)) + DONE, CACHED, request="c-1"),
    Stream("usage on top and in x_groq", CHAT, lines(chunk(x_groq={"id": "q"}), chunk(finish="stop", x_groq={"id": "q", "usage": CACHED}), only(CACHED)) + DONE,
           CACHED, "groq", "c-1"),
    Stream("usage in x_groq alone", CHAT, lines(chunk(), chunk(finish="stop", x_groq={"id": "q", "usage": usage(7, 3)})) + DONE,
           usage(7, 3), "groq", "c-1"),
    Stream("an empty id at first", CHAT, lines({"id": "", "model": "", "choices": [], "prompt_filter_results": []}, *ASKED) + DONE, CACHED),
    Stream("several choices", CHAT, lines(chunk(), chunk(index=1), chunk(finish="stop"), chunk(finish="length", index=1), only(CACHED)) + DONE, CACHED, request="c-1"),
    Stream("tool calls", CHAT, lines(chunk(None, tool_calls=[{"function": {"name": "usage", "arguments": '{"usage": {"prompt_tokens": 1}}'}}]),
           chunk(finish="tool_calls"), only(CACHED)) + DONE, CACHED, request="c-1"),
    Stream("an error on the way", CHAT, lines(chunk(usage=CACHED)) + _ERROR, None, outcome="without_usage"),
    Stream("an error without a name", CHAT, lines(chunk(usage=CACHED), {"error": {"message": "x"}}) + DONE, None, outcome="without_usage"),
    Stream("no usage", CHAT, lines(chunk(), chunk(finish="stop")) + DONE, None, outcome="without_usage"),
    Stream("null usage", "/v1/completions", lines({**chunk(), "usage": None}) + DONE, None, outcome="without_usage"),
    Stream("cut", CHAT, lines(chunk(usage=usage(9, 1))), None, outcome="hung_up"),
    Stream("legacy completions", "/v1/completions", lines({"id": "c-1", "model": "m-1", "choices": [{"text": "x", "index": 0, "finish_reason": "stop"}]}, only(usage(5, 2))) + DONE,
           usage(5, 2), request="c-1"),
    Stream("another host", CHAT, lines(*ASKED) + DONE, CACHED, "example.com", "c-1"),
    Stream("Responses", RESPONSES, lines(CREATED, ADDED, COMPLETED, named=True), USED, request="resp-1"),
    Stream("Responses without names", RESPONSES, lines(CREATED, ADDED, COMPLETED), USED, request="resp-1"),
    Stream("Responses with [DONE]", RESPONSES, lines(CREATED, ADDED, COMPLETED) + DONE, USED, request="resp-1"),
    Stream("data before the name", RESPONSES, lines(CREATED, ADDED) + lines(COMPLETED)[:-1] + b"event: response.completed\n\n", USED, request="resp-1"),
    Stream("Responses, incomplete", RESPONSES, lines(CREATED, response("incomplete", "incomplete", usage=USED), named=True), USED, request="resp-1"),
    Stream("Responses, failed", RESPONSES, lines(CREATED, response("failed", "failed", usage=USED), named=True), None, outcome="without_usage"),
    Stream("Responses, cut", RESPONSES, lines(CREATED, ADDED, named=True), None, outcome="hung_up"),
    Stream("Responses in the background, cut", RESPONSES, lines(response("queued", "queued"), named=True), None, outcome="hung_up"),
    Stream("Messages", MESSAGES, lines(BEGUN, PING, ENDED, STOP, named=True), {**INPUT, "output_tokens": 57}, request="msg-1"),
    Stream("Messages without names", MESSAGES, lines(BEGUN, ENDED, STOP), {**INPUT, "output_tokens": 57}, request="msg-1"),
    Stream("Messages, whose end repeats the input", MESSAGES, lines(BEGUN, {**ENDED, "usage": {**INPUT, "input_tokens": 15, "output_tokens": 57}}, STOP, named=True),
           {**INPUT, "input_tokens": 15, "output_tokens": 57}, request="msg-1"),
    Stream("Messages, cut", MESSAGES, lines(BEGUN, PING, named=True), None, outcome="hung_up"),
    Stream("Messages, cut behind its usage", MESSAGES, lines(BEGUN, ENDED, named=True), {**INPUT, "output_tokens": 57}, request="msg-1"),
    Stream("Messages, overloaded", MESSAGES, lines(BEGUN, {"type": "error", "error": {"type": "overloaded_error"}}, named=True), None, outcome="without_usage"),
    Stream("Gemini", GOOGLE, lines(gemini(meta={"promptTokenCount": 70, "totalTokenCount": 70}), gemini("STOP"), end=b"\r\n"), META, request="g-1"),
    Stream("Gemini, whose last usage leaves out what is zero", GOOGLE,
           lines(gemini(meta={"promptTokenCount": 70, "candidatesTokenCount": 5, "totalTokenCount": 75}), gemini("SAFETY", {"promptTokenCount": 70, "totalTokenCount": 70})),
           {"promptTokenCount": 70, "totalTokenCount": 70}, request="g-1"),
    Stream("Gemini, a refused prompt", GOOGLE, lines({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 70, "totalTokenCount": 70}, "responseId": "g-1"}),
           {"promptTokenCount": 70, "totalTokenCount": 70}, request="g-1"),
    Stream("Gemini, cut", GOOGLE, lines(gemini()), None, outcome="hung_up"),
]  # fmt: skip
