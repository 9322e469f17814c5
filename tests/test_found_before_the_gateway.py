"""What got past the emitting side, or brought it to a stop, in an attack on it: each test fails while its hole is there."""

import asyncio
import gzip
import json
import time
from contextlib import nullcontext

import httpx
import pytest

from receipts import Counts, Journal, JournalError
from receipts.asgi import ReceiptMiddleware
from receipts.asgi.body import MAX_BODY
from receipts.callers import Asked
from receipts.emitting import Emitter, endpoint
from receipts.gateway import transport
from receipts.key_folder import KeyFolder
from tests.asgi import EVENTS, JSON, body, came, counted, cut, run, start
from tests.build import ACCOUNT, ISSUER, KEY
from tests.streams import CACHED, DONE, GOOGLE, chunk, lines, only
from tests.test_in_band import receipts_in


@pytest.fixture
def journal(folder):
    with Journal(str(folder / "issuer.db"), ISSUER, KEY) as journal:
        yield journal


def asked_of(journal, number):
    return journal.submit(ACCOUNT, request=f"r-{number}", model="m", counts=Counts(1))


def test_whoever_signs_survives_every_error(journal, monkeypatch):
    """One exception that was not expected ended the thread, and each later answer waited for ever."""
    sign = journal._issuer.issue_claims

    def broken(*_):
        raise RuntimeError("odd")

    monkeypatch.setattr(journal._issuer, "issue_claims", broken)
    expected = r"the receipts could not be signed or written: RuntimeError\('odd'\)"
    with pytest.raises(JournalError, match=expected):
        asked_of(journal, 1).result(10)
    monkeypatch.setattr(journal._issuer, "issue_claims", sign)
    assert asked_of(journal, 1).result(10).sequence == 0


@pytest.mark.parametrize("instead", ["a file", "a loop of links"])
def test_a_key_folder_that_cannot_be_looked_at(folder, keys, caplog, instead):
    """What was read before goes on, as it does where the file is gone."""
    place = folder / "keys"
    with Journal(str(folder / "issuer.db"), ISSUER, KeyFolder(place)) as journal:
        keys.rename(folder / "away")
        if instead == "a file":
            place.write_bytes(b"")
        else:
            place.symlink_to("keys")
        assert asked_of(journal, 1).result(10).sequence == 0
    assert f"{place}/issuer.jwks.json has changed and cannot be used" in caplog.text


ANSWER = {"id": "chatcmpl-x", "object": "chat.completion", "model": "m-1", "usage": CACHED}


@pytest.mark.parametrize(
    "asked",
    [
        b'{"request_id": "x", "user": "a", "user": "b"}',
        b'{"rid": "x"}',
        b'{"rid": ["y", "x"]}',
        b'[{"request_id": "x"}]',
        b"request_id=x",
        pytest.param(b'{"request_id": "x", "p": "' + b"a" * MAX_BODY + b'"}', id="too long"),
    ],
)
def test_an_id_that_the_client_may_have_chosen(journal, asked):
    """Where the name could not be seen, the second answer with the same counts was a stored one, and free."""
    app = ReceiptMiddleware(None, Emitter(journal, ACCOUNT, provider="vllm"))
    for _ in range(2):
        run(app, [start(), body(json.dumps(ANSWER).encode())], asked=asked)
    assert counted(app) == {"issued": 2}


def test_a_body_that_was_not_kept_is_said_to_be():
    assert [Asked("/", (), one).is_open for one in (b"", b"{}", b'{"a":1,"a":1}', b"[]", b"{")] == [True, True, False, False, False]  # fmt: skip
    assert not Asked("/", kept=False).is_open


@pytest.mark.parametrize(
    "asked",
    [
        {"stream": 1},
        {"stream": 1.0},
        {"stream": "True"},
        {"stream": "yes"},
        {"stream": True, "stream_options": {"include_usage": "false"}},
        {"stream": True, "stream_options": {"include_usage": 0}},
    ],
)
def test_usage_that_a_client_tries_to_leave_out(journal, asked):
    """Pydantic reads these as true and as false: the server streamed, and was not asked for its usage."""
    app = ReceiptMiddleware(None, Emitter(journal, ACCOUNT), include_usage=True)
    data = lines(chunk(finish="stop"), only(CACHED)) + DONE
    whole, receipts = came(run(app, [start(EVENTS), body(data)], asked=json.dumps(asked).encode()))
    assert json.loads(app.seen[0]) == asked | {"stream_options": {"include_usage": True}}
    assert (whole, len(receipts)) == (lines(chunk(finish="stop")) + DONE, 1)


USED = [body(lines(chunk(), chunk(finish="stop")), more=True), body(lines(only(CACHED)), more=True)]


@pytest.mark.parametrize("ends", [[], [RuntimeError("gone")], [asyncio.CancelledError()]])
def test_a_client_that_hangs_up_when_it_has_all(journal, ends):
    """All was said but the end of the stream: it was free for whoever hung up there."""
    app = ReceiptMiddleware(None, Emitter(journal, ACCOUNT))
    with pytest.raises(type(ends[0])) if ends else nullcontext():
        run(app, [start(EVENTS), *USED, *ends])
    assert counted(app) == {"issued": 1}
    assert app.emitter.counters.undelivered == 1
    (claims,) = receipts_in(journal)
    assert (claims.request, claims.logical) == ("c-1", CACHED["prompt_tokens"])


def test_a_client_that_hangs_up_before(journal):
    app = ReceiptMiddleware(None, Emitter(journal, ACCOUNT))
    run(app, [start(EVENTS), body(lines(chunk(usage=CACHED)), more=True)])
    assert counted(app) == {"hung_up": 1}
    assert app.emitter.counters.undelivered == 0


@pytest.mark.parametrize("asked", [b'{"n": 2}', b'{"prompt": ["a", "b"]}'])
def test_members_of_another_api(journal, asked):
    """A server of Gemini's passes over them, and each stream that asked for two answers was taken for cut."""
    data = lines({"candidates": [{"index": 0, "finishReason": "STOP"}], "modelVersion": "m", "responseId": "r",
                  "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}})  # fmt: skip
    app = ReceiptMiddleware(None, Emitter(journal, ACCOUNT))
    assert len(came(run(app, [start(EVENTS), body(data)], GOOGLE, asked))[1]) == 1


def test_prompts_of_a_chat(journal):
    app = ReceiptMiddleware(None, Emitter(journal, ACCOUNT))
    run(app, [start(EVENTS), body(lines(chunk(finish="stop", usage=CACHED)))], asked=b'{"prompt": ["a", "b"]}')  # fmt: skip
    assert counted(app) == {"issued": 1}


ARN = "arn:aws:bedrock:us-east-1:1:inference-profile/us.m"


@pytest.mark.parametrize(
    ("path", "api", "model", "streams"),
    [
        (f"/model/{ARN}/converse", "converse", ARN, False),
        (f"/model/{ARN.replace('/', '%2F')}/converse", "converse", ARN, False),
        (f"/model/{ARN}/invoke-with-response-stream", "invoke", ARN, True),
        ("/model/my-stream/converse", "converse", "my-stream", False),
        ("/v1beta/tunedModels/t-1:generateContent", "generateContent", "t-1", False),
        ("/v1/projects/p/locations/l/endpoints/12:streamGenerateContent", "generateContent", "12", True),
        ("/v1beta/models/streamer:generateContent", "generateContent", "streamer", False),
    ],
)  # fmt: skip
def test_models_of_other_names(path, api, model, streams):
    """These were no calls of a model, and free; and a model with `stream` in its name had no receipt with its answer."""
    found = endpoint("POST", path)
    assert (found.api, found.model, found.streams) == (api, model, streams)


@pytest.mark.parametrize("kind", [JSON, EVENTS])
def test_the_receipt_of_a_server_behind(journal, kind):
    """It is the gateway's own. With two, a client would keep neither, and the name of another request is no name of this one."""
    app = ReceiptMiddleware(None, Emitter(journal, ACCOUNT))
    theirs = (b"Token-Receipt", b":AAAA:"), (b"Token-Receipt-Request", b"theirs")
    data = json.dumps(ANSWER).encode() if kind == JSON else lines(chunk(usage=CACHED)) + DONE
    sent = run(app, [start(kind, *theirs), body(data)])
    ours = [(name, value) for name, value in sent[0]["headers"] if name.lower().startswith(b"token")]  # fmt: skip
    assert [name for name, _ in ours] == ([b"token-receipt"] if kind == JSON else [])
    assert (b"Token-Receipt", b":AAAA:") not in ours


def test_a_body_with_a_length_is_not_in_pieces_as_well(journal):
    """An application that hands both headers on has the next server read another request out of the body."""
    app = ReceiptMiddleware(None, Emitter(journal, ACCOUNT), include_usage=True)
    run(app, [start(EVENTS), body(DONE)], asked=b'{"stream": true}', headers=[(b"transfer-encoding", b"chunked")])  # fmt: skip
    read, seen = app.seen
    assert seen == [(b"content-length", b"%d" % len(read))]


def test_a_first_event_that_is_long(journal):
    """Each part of it was copied with all parts before: 16 MB, a picture in a stream of Gemini's, held the loop up for 8 s."""
    app = ReceiptMiddleware(None, Emitter(journal, ACCOUNT))
    part = b"a" * 16_384
    data = b'data: {"x":"' + part * 4_000 + b'"}\n\n' + lines(chunk(usage=CACHED)) + DONE
    begun = time.process_time()
    whole, receipts = came(run(app, [start(EVENTS), *cut(data, len(part))]))
    assert (whole == data, len(receipts)) == (True, 1)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("line", [b"\n", b"\r\n", b"\r"])
def test_many_empty_lines(journal, line):
    """Each was an event: one megabyte of them held the loop up for 11 s."""
    app = ReceiptMiddleware(None, Emitter(journal, ACCOUNT))
    data = line * 1_000_000 + lines(chunk(usage=CACHED)) + line * 1_000_000 + DONE
    begun = time.process_time()
    whole, receipts = came(run(app, [start(EVENTS), *cut(data, 16_384)]))
    assert (whole == data, len(receipts)) == (True, 1)
    assert time.process_time() - begun < 5


def test_long_embeddings(journal):
    """2,048 of 3,072 numbers are 84 MB: whoever asked for them in gzip got them free."""
    vector = b"[" + b",".join([b"0.0123456789"] * 3072) + b"]"
    data = b'{"object":"list","model":"m","data":[' + b",".join([vector] * 2048) + b'],"usage":{"prompt_tokens":9,"total_tokens":9}}'  # fmt: skip
    app = ReceiptMiddleware(None, Emitter(journal, ACCOUNT))
    packed = gzip.compress(data, 1)
    run(app, [start(JSON, (b"content-encoding", b"gzip")), body(packed)], "/v1/embeddings")
    assert (len(data) > 64 << 20, counted(app)) == (True, {"issued": 1})


def test_a_file_that_goes_up_is_not_read(emitter_of_a_gateway):
    """All of it was in memory before its first byte went."""
    came_to = []

    def parts():
        for number in range(3):
            came_to.append(number)
            yield b"x"

    class Sender(httpx.BaseTransport):
        def handle_request(self, _):
            return httpx.Response(200, json={"seen": list(came_to)})

    sender = transport(httpx, emitter_of_a_gateway, Sender())
    with httpx.Client(transport=sender) as client:
        assert client.post("https://api.openai.com/v1/files", content=parts()).json() == {"seen": []}  # fmt: skip


@pytest.fixture
def emitter_of_a_gateway(journal):
    return Emitter(journal, ACCOUNT)
