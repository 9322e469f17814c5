"""Streams in every shape through the middleware, whole and byte by byte: not a byte is changed, and the receipts are right."""

import json

import pytest

from receipts import Journal
from receipts.asgi import ReceiptMiddleware
from receipts.emitting import Emitter, endpoint
from receipts.ingest import is_known, read_usage, usage_hash
from tests.asgi import EVENTS, body, came, counted, cut, run, start
from tests.build import ACCOUNT, ISSUER, KEY
from tests.streams import CHAT, DONE, GOOGLE, MESSAGES, STREAMS, chunk, lines, only, usage


@pytest.fixture
def journal(folder):
    with Journal(str(folder / "issuer.db"), ISSUER, KEY) as journal:
        yield journal


def stated(counts):
    """The counts of a receipt, or those that were read."""
    writes, units = dict(counts.writes or {}), dict(counts.units or {})
    return counts.logical, counts.cached, writes, counts.output, counts.reasoning, units


def expected(stream):
    """What a receipt states, as the usage is read by itself."""
    found = endpoint("POST", stream.path)
    provider = stream.provider or found.provider
    shape = None if is_known(provider, found.api) else found.provider
    return stated(read_usage(provider, found.api, stream.usage, shape=shape).counts)


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_a_stream(journal, stream, step):
    app = ReceiptMiddleware(None, Emitter(journal, ACCOUNT, provider=stream.provider))
    sent = run(app, [start(EVENTS), *cut(stream.data, step)], stream.path)
    whole, receipts = came(sent)
    assert whole == stream.data
    assert counted(app) == {stream.outcome: 1}
    if stream.usage is None:
        assert receipts == []
        return
    (claims,) = receipts
    assert stated(claims) == expected(stream)
    told = dict(sent[0]["headers"]).get(b"token-receipt-request", b"").decode()
    assert claims.request == (told or stream.request or "c-1")
    assert not (told and stream.request)
    assert claims.model == stream.model
    assert claims.source.usage == usage_hash(stream.usage)


@pytest.mark.parametrize("step", [1, 1 << 20])
@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_a_stream_that_is_asked_for_its_usage(journal, stream, step):
    """Only what came for the asking is left out: usage without a choice."""
    app = ReceiptMiddleware(None, Emitter(journal, ACCOUNT, provider=stream.provider), include_usage=True)  # fmt: skip
    sent = run(app, [start(EVENTS), *cut(stream.data, step)], stream.path, b'{"stream": true}')
    whole, receipts = came(sent)
    assert counted(app) == {stream.outcome: 1}
    assert len(receipts) == (stream.usage is not None)
    if stream.path not in (CHAT, "/v1/completions"):
        assert whole == stream.data
        return
    gone = b'"choices":[],"usage":{'
    events = stream.data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n")
    kept = [event for event in events if gone not in event]
    assert [e for e in _events(whole) if e] == [e for e in kept if e]


def _events(data):
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n")


@pytest.mark.parametrize(
    ("asked", "reads"),
    [
        ({"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}),
        (
            {"stream": True, "stream_options": {"include_usage": False, "x": 1}},
            {"stream": True, "stream_options": {"include_usage": True, "x": 1}},
        ),
        ({"stream": True, "stream_options": None}, {"stream": True, "stream_options": {"include_usage": True}}),
        ({"stream": True, "stream_options": {"include_usage": True}}, None),
        ({"stream": True, "stream_options": "all"}, None),
        ({"stream": False}, None),
        ({"stream": "maybe"}, None),
        ({"stream": 2}, None),
        ({}, None),
        ([True], None),
    ],
)  # fmt: skip
def test_what_the_server_behind_is_asked(journal, asked, reads):
    """It reads the body with the right length. What asks already, for no stream, or in no way that is known, is not touched."""
    app = ReceiptMiddleware(None, Emitter(journal, ACCOUNT), include_usage=True)
    sent_body = json.dumps(asked).encode()
    headers = [(b"content-length", b"%d" % len(sent_body)), (b"x", b"y")]
    data = lines(chunk(finish="stop"), only(usage(5, 1))) + DONE
    whole, receipts = came(run(app, [start(EVENTS), body(data)], CHAT, sent_body, headers))
    read, seen = app.seen
    assert json.loads(read) == (reads or asked)
    assert reads is not None or read == sent_body
    assert dict(seen)[b"content-length"] == b"%d" % len(read)
    assert dict(seen)[b"x"] == b"y"
    assert whole == (data if reads is None else lines(chunk(finish="stop")) + DONE)
    assert len(receipts) == 1


def test_a_stream_with_a_length(journal):
    """It grows by the receipt, so its length cannot be told."""
    app = ReceiptMiddleware(None, Emitter(journal, ACCOUNT))
    data = lines(chunk(finish="stop", usage=usage(5, 1))) + DONE
    length = (b"Content-Length", b"%d" % len(data))
    sent = run(app, [start(EVENTS, length, (b"x", b"y")), body(data)])
    assert sent[0]["headers"] == [(b"content-type", EVENTS), (b"x", b"y")]
    assert came(sent)[0] == data


@pytest.mark.parametrize("whole", [False, True])
def test_one_of_several_choices_does_not_end_a_stream(journal, whole):
    """Totals run along, the first choice has ended, and then the stream is cut: how much the second one took is not known."""
    first = lines(chunk(usage=usage(9, 1)), chunk(index=1, usage=usage(9, 2)), chunk(finish="stop", usage=usage(9, 3)))  # fmt: skip
    second = lines(chunk(finish="stop", index=1, usage=usage(9, 4)))
    app = ReceiptMiddleware(None, Emitter(journal, ACCOUNT))
    data = first + (second if whole else b"")
    assert came(run(app, [start(EVENTS), body(data)], CHAT, b'{"n": 2, "stream": true}'))[0] == data
    assert counted(app) == {"issued" if whole else "hung_up": 1}


def test_choices_of_gemini_and_of_several_prompts(journal):
    """Each of them ends."""
    for path, asked, one in (
        (GOOGLE, {"generationConfig": {"candidateCount": 2}},
         {"candidates": [{"index": 0, "finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}}),
        ("/v1/completions", {"prompt": ["a", "b"]}, chunk(finish="stop", usage=usage(9, 3))),
        ("/v1/completions", {"prompt": [[1, 2], [3]], "n": 1}, chunk(finish="stop", usage=usage(9, 3))),
    ):  # fmt: skip
        app = ReceiptMiddleware(None, Emitter(journal, ACCOUNT))
        run(app, [start(EVENTS), body(lines(one))], path, json.dumps(asked).encode())
        assert counted(app) == {"hung_up": 1}, path


def test_a_server_that_fails_on_the_way(journal):
    """Its exception goes on; what it said until then is no final usage."""
    app = ReceiptMiddleware(None, Emitter(journal, ACCOUNT))
    data = lines(chunk(usage=usage(9, 1)))
    with pytest.raises(RuntimeError, match="cuda"):
        run(app, [start(EVENTS), body(data, True), RuntimeError("cuda")])
    assert came(app.sent)[0] == data
    assert counted(app) == {"hung_up": 1}


def test_what_was_sent_before_the_server_failed_is_billed(journal):
    """The receipt went out before the last event, and the failure came after it."""
    app = ReceiptMiddleware(None, Emitter(journal, ACCOUNT))
    data = lines({"type": "message_start", "message": {"id": "a", "model": "m", "usage": {"input_tokens": 3, "output_tokens": 1}}},
                 {"type": "message_delta", "usage": {"output_tokens": 5}}, {"type": "message_stop"}, named=True)  # fmt: skip
    with pytest.raises(RuntimeError, match="late"):
        run(app, [start(EVENTS), body(data, True), RuntimeError("late")], MESSAGES)
    assert counted(app) == {"issued": 1}
    assert len(came(app.sent)[1]) == 1
