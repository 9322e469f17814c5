"""Bodies of every API through the middleware, plain and compressed, and streams that have no room for a receipt."""

import gzip
import json
import struct
import zlib
from base64 import b64encode

import brotli
import pytest
import zstandard

from receipts import Journal
from receipts.asgi import ReceiptMiddleware
from receipts.emitting import Emitter, event_document
from tests.asgi import EVENTS, FRAMES, JSON, body, came, counted, cut, run, start
from tests.build import ACCOUNT, ISSUER, KEY
from tests.streams import CACHED, CHAT, DONE, META, chunk, gemini, lines, usage
from tests.test_in_band import receipts_in


@pytest.fixture
def journal(folder):
    with Journal(str(folder / "issuer.db"), ISSUER, KEY) as journal:
        yield journal


@pytest.fixture
def app(journal):
    return ReceiptMiddleware(None, Emitter(journal, ACCOUNT))


CONVERSE = {"output": {}, "stopReason": "end_turn", "usage": {"inputTokens": 30, "outputTokens": 6, "totalTokens": 1036, "cacheReadInputTokens": 1000}}  # fmt: skip
CLAUDE = {"input_tokens": 3, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 0, "output_tokens": 7}  # fmt: skip
USED = {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11}
SEARCHED = [{"type": "web_search_call", "action": {"type": "search"}}, {"type": "web_search_call", "action": {"type": "open_page"}}, {"type": "message"}]  # fmt: skip
BODIES = {
    "embeddings without an id": ("/v1/embeddings", {"object": "list", "model": "e", "usage": {"prompt_tokens": 8, "total_tokens": 8}}, None, (8, None, None), {}),
    "legacy completions": ("/v1/completions", {"id": "c", "model": "m", "choices": [], "usage": usage(5, 2)}, "c", (5, None, 2), {}),
    "several choices": (CHAT, {"id": "c", "model": "m", "choices": [{}, {}], "usage": CACHED}, "c", (900, 640, 20), {}),
    "priced tools": ("/v1/responses", {"id": "r", "object": "response", "status": "completed", "model": "m", "output": SEARCHED, "usage": USED}, "r", (9, None, 2), {"requests.web_search": 1}),
    "Messages": ("/v1/messages", {"id": "m", "type": "message", "model": "c", "usage": {**CLAUDE, "server_tool_use": {"web_search_requests": 2}}}, "m", (103, 100, 7), {"requests.web_search": 2}),
    "Converse": ("/model/anthropic.claude-v1%3A0/converse", CONVERSE, None, (1030, 1000, 6), {}),
    "InvokeModel": ("/model/anthropic.claude-v1/invoke", {"id": "i", "model": "c", "usage": CLAUDE}, "i", (103, 100, 7), {}),
    "Gemini": ("/v1beta/models/m:generateContent", gemini("STOP"), "g-1", (70, 0, 8), {}),
    "an array of Gemini": ("/v1beta/models/m:generateContent", [gemini(), gemini("STOP")], "g-1", (70, 0, 8), {}),
}  # fmt: skip


@pytest.mark.parametrize("step", [1, 1 << 20])
@pytest.mark.parametrize("name", BODIES)
def test_a_body(app, name, step):
    path, document, request, counts, units = BODIES[name]
    data = json.dumps(document).encode()
    sent = run(app, [start(JSON, (b"content-length", b"%d" % len(data))), *cut(data, step)], path)
    whole, (claims,) = came(sent)
    headers = dict(sent[0]["headers"])
    assert whole == data
    assert headers[b"content-length"] == b"%d" % len(data)
    assert claims.request == (request or headers[b"token-receipt-request"].decode())
    assert (claims.logical, claims.cached, claims.output) == counts
    assert dict(claims.units or {}) == units
    assert counted(app) == {"issued": 1}


def test_the_model_of_the_path(app):
    """Bedrock's Converse does not name it in its answer."""
    path, document, *_ = BODIES["Converse"]
    _, (claims,) = came(run(app, [start(), body(json.dumps(document).encode())], path))
    assert claims.model == "anthropic.claude-v1:0"


def test_a_response_in_the_background(app, journal):
    """It gets its receipt when it is retrieved whole, and the same one when that is done again."""
    queued = {"id": "resp", "object": "response", "status": "queued", "model": "m", "usage": None, "background": True}  # fmt: skip
    done = {**queued, "status": "completed", "usage": USED, "output": []}
    path = "/v1/responses/resp"
    for status, messages, method, at in (
        ("pending", queued, "POST", "/v1/responses"),
        ("pending", {**queued, "status": "in_progress"}, "GET", path),
        ("issued", done, "GET", path),
        ("replayed", done, "GET", path),
    ):
        before = app.emitter.counters[status]
        _, receipts = came(run(app, [start(), body(json.dumps(messages).encode())], at, method=method))  # fmt: skip
        assert app.emitter.counters[status] == before + 1
        assert len(receipts) == (status in ("issued", "replayed"))
    (claims,) = receipts_in(journal)
    assert claims.request == receipts[0].request == "resp"


@pytest.mark.parametrize(
    ("event", "document"),
    [
        (b'event: x\r\ndata:{\r\ndata: "a":\r\nid: 3\r\ndata:1}\r\n\r\n', {"a": 1}),
        (b"data: 1\ndata: 2\n\n", None), (b"data: [DONE]\n\n", None), (b": ping\n\n", None), (b"data: " + b"[" * 99_999, None),
    ],
)  # fmt: skip
def test_the_data_of_an_event(event, document):
    assert event_document(event) == document


def deflate_raw(data):
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return raw.compress(data) + raw.flush()


def two_members(data):
    half = len(data) // 2
    return gzip.compress(data[:half]) + gzip.compress(data[half:])


def zstd_frames(data):
    half = len(data) // 2
    return b"".join(zstandard.ZstdCompressor().compress(part) for part in (data[:half], data[half:]))  # fmt: skip


CODINGS = [
    (b"gzip", gzip.compress), (b"x-gzip", gzip.compress), (b" GZIP ", gzip.compress), (b"gzip", two_members), (b"deflate", zlib.compress),
    (b"deflate", deflate_raw), (b"br", brotli.compress), (b"zstd", zstandard.ZstdCompressor().compress), (b"zstd", zstd_frames),
    (b"identity", bytes), (b"gzip", lambda data: gzip.compress(data) + bytes(8)),
]  # fmt: skip


@pytest.mark.parametrize("step", [1, 1 << 20])
@pytest.mark.parametrize(("coding", "compress"), CODINGS)
def test_a_compressed_body_is_the_same(app, coding, compress, step):
    data = compress(json.dumps({"id": "c", "model": "m", "usage": CACHED}).encode())
    sent = run(app, [start(JSON, (b"content-encoding", coding)), *cut(data, step)])
    whole, (claims,) = came(sent)
    assert whole == data
    assert dict(sent[0]["headers"])[b"content-encoding"] == coding
    assert claims.cached == 640


@pytest.mark.parametrize("step", [1, 1 << 20])
@pytest.mark.parametrize(("coding", "compress"), CODINGS)
def test_a_compressed_stream_goes_on_plain(app, coding, compress, step):
    """Its content is the same, and the headers say what it is now."""
    plain = lines(chunk(), chunk(finish="stop", usage=CACHED)) + DONE
    data = compress(plain)
    headers = [(b"content-encoding", coding), (b"content-length", b"%d" % len(data)), (b"vary", b"accept-encoding")]  # fmt: skip
    sent = run(app, [start(EVENTS, *headers), *cut(data, step)])
    whole, receipts = came(sent)
    assert whole == plain
    left = dict(sent[0]["headers"])
    assert b"content-length" not in left
    assert left.get(b"content-encoding", b"identity") == b"identity"
    assert left[b"vary"] == b"accept-encoding"
    assert len(receipts) == 1


@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"br", b"zstd", b"compress", b"gzip, br"])
@pytest.mark.parametrize("step", [1, 1 << 20])
@pytest.mark.parametrize("kind", [JSON, EVENTS, FRAMES])
def test_what_has_not_the_coding_that_it_names_goes_on_as_it_came(app, kind, coding, step):
    data = lines(chunk(finish="stop", usage=CACHED)) + DONE
    first = start(kind, (b"content-encoding", coding), (b"content-length", b"%d" % len(data)))
    sent = run(app, [first, *cut(data, step)])
    assert sent[0] == first
    assert came(sent) == (data, [])
    assert counted(app) == {"unreadable": 1}


@pytest.mark.parametrize("compress", [gzip.compress, brotli.compress, zstandard.ZstdCompressor().compress])  # fmt: skip
def test_a_body_that_is_inflated_without_end(app, monkeypatch, compress):
    """The limit is one for all parts of a body. Of a stream, which nobody keeps, it is one for each part."""
    monkeypatch.setattr("receipts.coding.MAX_INFLATED", 1 << 20)
    name = {gzip.compress: b"gzip", brotli.compress: b"br"}.get(compress, b"zstd")
    text = json.dumps({"id": "c", "model": "m", "usage": CACHED}) + " " * (3 << 20)
    data = compress(text.encode())
    first = start(JSON, (b"content-encoding", name))
    assert came(run(app, [first, *cut(data, max(len(data) // 9, 1))])) == (data, [])
    assert counted(app) == {"unreadable": 1}


def test_a_long_stream_has_no_limit_but_of_its_parts(app, monkeypatch):
    monkeypatch.setattr("receipts.coding.MAX_INFLATED", 1 << 20)
    plain = lines(chunk()) + b": " + b" " * (3 << 20) + b"\n\n" + lines(chunk(finish="stop", usage=CACHED)) + DONE  # fmt: skip
    data = gzip.compress(plain)
    sent = run(app, [start(EVENTS, (b"content-encoding", b"gzip")), *cut(data, 200)])
    assert came(sent)[0] == plain
    assert counted(app) == {"issued": 1}


@pytest.mark.parametrize("kind", [JSON, EVENTS])
def test_a_body_of_very_many_members(app, kind):
    data = gzip.compress(b"") * 9_999
    first = start(kind, (b"content-encoding", b"gzip"))
    run(app, [first, body(data)])
    assert counted(app) == {"unreadable" if kind == JSON else "hung_up": 1}


def test_a_compressed_stream_that_breaks_on_the_way(app):
    """No client could read on: the connection breaks, as it would have without the middleware."""
    plain = lines(chunk(), chunk(usage=CACHED))
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    data = packer.compress(plain) + packer.flush(zlib.Z_SYNC_FLUSH)
    messages = [start(EVENTS, (b"content-encoding", b"gzip")), body(data, True), body(b"\xff" * 50, True), body(b"x")]  # fmt: skip
    with pytest.raises(ValueError, match="a stream has not the coding that it names"):
        run(app, messages)
    assert came(app.sent) == (plain, [])
    assert counted(app) == {"unreadable": 1}


def frame(payload, kind="chunk"):
    """A frame of AWS."""
    name = b":event-type"
    headers = struct.pack("!B", len(name)) + name + b"\x07" + struct.pack("!H", len(kind)) + kind.encode()  # fmt: skip
    data = json.dumps(payload).encode()
    head = struct.pack("!II", len(headers) + len(data) + 16, len(headers))
    head += struct.pack("!I", zlib.crc32(head))
    return head + headers + data + struct.pack("!I", zlib.crc32(head + headers + data))


def packed(document):
    return frame({"bytes": b64encode(json.dumps(document).encode()).decode()})


METRICS = {"inputTokenCount": 3, "outputTokenCount": 7, "cacheReadInputTokenCount": 100, "cacheWriteInputTokenCount": 0}  # fmt: skip
FRAMED = {
    "ConverseStream": (
        "/model/m/converse-stream",
        frame({"role": "assistant"}, "messageStart") + frame({"delta": {"text": "usage"}}) + frame({"usage": CONVERSE["usage"], "metrics": {"latencyMs": 1}}, "metadata"),
        (1030, 1000, 6),
    ),
    "Claude by InvokeModel": (
        "/model/m/invoke-with-response-stream",
        packed({"type": "message_start", "message": {"id": "i", "model": "c", "usage": CLAUDE}}) + packed({"type": "message_delta", "usage": {"output_tokens": 7}})
        + packed({"type": "message_stop", "amazon-bedrock-invocationMetrics": METRICS}),
        (103, 100, 7),
    ),
}  # fmt: skip


@pytest.mark.parametrize("compress", [None, gzip.compress])
@pytest.mark.parametrize("step", [1, 1 << 20])
@pytest.mark.parametrize("name", FRAMED)
def test_frames_of_bedrock(app, journal, name, step, compress):
    """They have no room: the receipt stays in the journal."""
    path, data, counts = FRAMED[name]
    coded = data if compress is None else compress(data)
    coding = () if compress is None else ((b"content-encoding", b"gzip"),)
    first = start(FRAMES, *coding)
    sent = run(app, [first, *cut(coded, step)], path)
    assert sent == [first, *cut(coded, step)]
    (claims,) = receipts_in(journal)
    assert (claims.logical, claims.cached, claims.output) == counts
    assert counted(app) == {"issued": 1}
    assert app.emitter.counters.undelivered == 1


@pytest.mark.parametrize("name", FRAMED)
def test_frames_that_are_cut(app, journal, name):
    path, data, _ = FRAMED[name]
    run(app, [start(FRAMES), body(data[:-1])], path)
    assert receipts_in(journal) == []
    assert counted(app) == {"hung_up": 1}


def test_frames_that_are_none(app):
    data = b"\xff" * 100
    assert came(run(app, [start(FRAMES), body(data)], "/model/m/converse-stream"))[0] == data
    assert counted(app) == {"hung_up": 1}


@pytest.mark.parametrize("step", [1, 1 << 20])
def test_a_stream_of_gemini_as_an_array(app, journal, step):
    """It comes as it is made; nothing waits for its end."""
    data = json.dumps([gemini(meta={"promptTokenCount": 70, "totalTokenCount": 70}), gemini("STOP")]).encode()  # fmt: skip
    messages = [start(), *cut(data, step)]
    assert run(app, messages, "/v1beta/models/m:streamGenerateContent") == messages
    (claims,) = receipts_in(journal)
    assert (claims.logical, claims.output, claims.request) == (70, META["candidatesTokenCount"], "g-1")  # fmt: skip
    assert app.emitter.counters.undelivered == 1


def test_a_stream_of_gemini_that_is_cut_in_its_array(app):
    data = json.dumps([gemini(), gemini("STOP")]).encode()[:-1]
    run(app, [start(), body(data)], "/v1beta/models/m:streamGenerateContent")
    assert counted(app) == {"unreadable": 1}


@pytest.mark.parametrize(
    ("accepted", "asked"),
    [(b"gzip, br", b"gzip, br"), (b"dcb, gzip", b"gzip"), (b"compress", b"identity")],
)
def test_a_coding_that_cannot_be_read_is_not_asked_for(app, accepted, asked):
    """Else a client would choose what has no receipt."""
    data = json.dumps({"id": "c", "model": "m", "usage": CACHED}).encode()
    run(app, [start(), body(data)], headers=[(b"accept-encoding", accepted), (b"x", b"compress")])
    assert app.seen[1] == [(b"accept-encoding", asked), (b"x", b"compress")]
