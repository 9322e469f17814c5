"""What the wallet reads of a response while it passes: however it is cut, however long it is, in linear time."""

import json
from time import process_time

import pytest

from receipts.header import COMMENT, byte_sequence
from receipts.wallet import reader
from receipts.wallet.answer import Answer, Form, form_of
from receipts.wallet.reader import MAX_PART, DocumentReader, EventReader, OpaqueReader, OpenReader

SECONDS = 5
"""CPU time that nothing here comes near; in quadratic time each of these took half a minute."""


class Seen:
    """A reader, and what it called."""

    def __init__(self, stream):
        self.answer, self.receipts, self.finished = Answer(), [], 0
        events = EventReader(self.answer, self.receipts.append, self.finish)
        self.reader = events if stream else DocumentReader(self.answer)

    def finish(self):
        self.finished += 1

    @property
    def id(self):
        return self.answer.id

    def read(self, data, cut):
        for start in range(0, len(data), cut):
            self.reader.feed(data[start : start + cut])
        self.reader.end()
        return self


def data_line(size):
    """A line of an event stream, of so many bytes, that has an id."""
    line = b'data: {"id": "r", "x": "%s"}'
    return line % (b"x" * (size - len(line % b"")))


@pytest.mark.parametrize("size", [1 << 20, 35_000_000])
@pytest.mark.parametrize("cut", [1000, 65_536])
def test_a_large_answer(size, cut):
    body = json.dumps({"id": "r", "data": "x" * size}).encode()
    begin = process_time()
    assert Seen(False).read(body, cut).id == "r"
    assert process_time() - begin < SECONDS


@pytest.mark.parametrize("cut", [100, 65_536])
def test_a_long_line(monkeypatch, cut):
    """It is not looked at, and what comes after it is."""
    monkeypatch.setattr(reader, "MAX_PART", 1 << 20)
    body = data_line(2_000_000) + b'\n\ndata: {"id": "s"}\n\n'
    begin = process_time()
    assert Seen(True).read(body, cut).id == "s"
    assert process_time() - begin < SECONDS


@pytest.mark.parametrize("line", [b"data: {}\n\n", b"data: {}\n", b'"usage"\n', b"\r\n"])
def test_many_lines_in_one_part(line):
    body = line * 200_000
    begin = process_time()
    assert Seen(True).read(body, len(body)).id is None
    assert process_time() - begin < SECONDS


@pytest.mark.parametrize("cut", [50, 64, 100, 101, 102, 300])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b""])
def test_the_limit_of_an_event(monkeypatch, cut, end):
    monkeypatch.setattr(reader, "MAX_PART", 100)
    assert Seen(True).read(data_line(100) + end, cut).id == "r"
    assert Seen(True).read(data_line(101) + end, cut).id is None
    assert Seen(True).read(b"data: \n" * 20 + data_line(99) + end, cut).id is None


def test_the_limit_of_a_body(monkeypatch):
    body = b'{"id": "r"}'
    monkeypatch.setattr(reader, "MAX_PART", len(body))
    assert Seen(False).read(body, 3).id == "r"
    assert Seen(False).read(body + b" ", 3).id is None
    assert MAX_PART > 35_000_000


def test_a_long_last_event_is_the_last_event_nevertheless(monkeypatch):
    """A server that leaves the event's name out, and sends the whole response once more in it."""
    monkeypatch.setattr(reader, "MAX_PART", 1000)
    body = b'data: {"type":"response.completed","x":"' + b"x" * 2000 + b'"}\n\n'
    seen = Seen(True).read(body, 64)
    assert (seen.finished, seen.reader.whole) == (1, True)


USAGE = {"input_tokens": 9, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 2}


@pytest.mark.parametrize("cut", range(1, 60))
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_however_it_is_cut(cut, end):
    receipt = bytes(range(200))
    response = {"object": "response", "id": "r", "model": "m", "usage": USAGE}
    lines = [
        b"event: a", b'data: {"type": "response.created", "response": {"id": "r"}}', b"", COMMENT + byte_sequence(receipt), b"",
        b"event: response.completed", b"data: " + json.dumps({"type": "response.completed", "response": response}).encode(), b"", b"",
    ]  # fmt: skip
    seen = Seen(True).read(end.join(lines), cut)
    assert (seen.id, seen.answer.model, seen.receipts) == ("r", "m", [receipt])
    assert (json.loads(seen.answer.usage), seen.finished) == (USAGE, 1)
    assert Seen(False).read(b'{"id": "r"}', cut).id == "r"


def test_data_in_several_lines():
    assert Seen(True).read(b'data: {"id":\ndata: "r"}\n\n', 7).id == "r"


def test_a_receipt_in_the_last_line_without_an_end():
    assert Seen(True).read(COMMENT + byte_sequence(b"x"), 7).receipts == [b"x"]


def test_the_last_event_is_read_before_the_stream_is_finished():
    """A client may read no further; the usage must be known by then."""
    seen = Seen(True)
    seen.reader.feed(b"event: response.completed\n")
    assert (seen.finished, seen.reader.whole) == (0, False)
    event = {"type": "response.completed", "response": {"id": "r", "usage": {"a": 1}}}
    seen.reader.feed(b"data: %s\n\n" % json.dumps(event).encode())
    assert (seen.finished, seen.reader.whole, seen.answer.usage) == (1, True, '{"a": 1}')


@pytest.mark.parametrize(
    "usage",
    [
        b'{"a": 1e999}', b'{"a": NaN}', b'{"a": ' + b"9" * 5000 + b"}", b'{"a": "' + b"x" * 70_000 + b'"}',
        b'{"a": ' * 400 + b"1" + b"}" * 400, b'{"a": ' * 100_000, b"{}", b"[]", b"3", b"null",
    ],
)  # fmt: skip
def test_usage_that_cannot_be_kept(usage):
    seen = Seen(False).read(b'{"id": "r", "usage": ' + usage + b"}", 1000)
    assert seen.answer.usage is None or len(json.loads(seen.answer.usage)) == 1


@pytest.mark.parametrize("text", ["", "\ud800", "x" * 513, 3, None, ["r"]])
def test_an_id_that_no_receipt_could_name(text):
    seen = Seen(False).read(json.dumps({"id": text, "model": text}).encode(), 1000)
    assert (seen.id, seen.answer.model) == (None, None)


SMALL, HUGE = {"input_tokens": 1}, {"input_tokens": 90_000, "more": 1}
BEGUN = {"type": "message_start", "message": {"id": "m", "model": "c", "usage": SMALL}}
DELTA = {"type": "message_delta", "usage": {"output_tokens": 2}}


def events(*documents):
    """A stream of events, each named by its type."""
    names = ((one.get("type"), one) for one in documents)
    return "".join((f"event: {name}\n" if name else "") + f"data: {json.dumps(one)}\n\n" for name, one in names).encode()  # fmt: skip


def usage_of(form, body, stream=True):
    answer = Answer(form)
    reader = EventReader(answer, print, lambda: None) if stream else DocumentReader(answer)
    reader.feed(body)
    reader.end()
    return answer.usage and json.loads(answer.usage)


@pytest.mark.parametrize("form", [Form.MESSAGES, None])
@pytest.mark.parametrize(
    "extra",
    [
        {"type": "ping", "usage": HUGE}, {"type": "ping", "message": {"usage": HUGE}}, {"usage": HUGE}, {"type": "new", "usage": HUGE},
        {"type": "content_block_stop", "usage": HUGE}, BEGUN | {"message": {"usage": HUGE}}, {"type": "message_stop", "usage": HUGE},
        {"type": "response.completed", "response": {"usage": HUGE}}, {"type": "message_delta", "message": {"usage": HUGE}},
    ],
)  # fmt: skip
def test_usage_that_no_client_of_anthropic_shows(form, extra):
    expected = {"input_tokens": 1, "output_tokens": 2}
    for n in (1, 2):
        parts = [BEGUN, DELTA]
        parts.insert(n, extra)
        assert usage_of(form, events(*parts)) == expected
    if "type" not in extra and form:
        assert usage_of(form, events(extra, BEGUN, DELTA)) == expected


@pytest.mark.parametrize("form", [Form.RESPONSES, None])
@pytest.mark.parametrize(
    "extra",
    [
        {"type": "ping", "response": {"usage": HUGE}}, {"type": "response.in_progress", "response": {"usage": HUGE}}, {"usage": HUGE},
        {"type": "response.output_text.delta", "usage": HUGE}, BEGUN | {"message": {"usage": HUGE}},
    ],
)  # fmt: skip
def test_usage_that_no_client_of_the_responses_api_shows(form, extra):
    begun = {"type": "response.created", "response": {"id": "r", "model": "m"}}
    done = {"type": "response.completed", "response": {"usage": SMALL}}
    assert usage_of(form, events(begun, extra, done)) == SMALL


@pytest.mark.parametrize("form", [Form.CHAT, None])
@pytest.mark.parametrize(
    "extra",
    [
        {"message": {"usage": HUGE}}, {"response": {"usage": HUGE}}, {"usageMetadata": HUGE}, BEGUN | {"message": {"usage": HUGE}},
        {"type": "response.completed", "response": {"usage": HUGE}}, {"type": "thread.x", "usage": HUGE},
    ],
)  # fmt: skip
def test_usage_that_no_client_of_chats_shows(form, extra):
    chunk = {"id": "c", "model": "m", "usage": SMALL}
    assert usage_of(form, events(chunk, extra)) == SMALL
    assert usage_of(form, json.dumps(chunk | {k: v for k, v in extra.items() if k not in ("type", "usage")}).encode(), False) == SMALL  # fmt: skip


def test_google_has_a_name_of_its_own():
    body = json.dumps({"usage": HUGE, "usageMetadata": SMALL}).encode()
    assert usage_of(Form.GOOGLE, body, False) == SMALL
    assert usage_of(Form.GOOGLE, b"data: " + body + b"\n\n") == SMALL
    assert usage_of(None, body, False) == HUGE
    assert usage_of(None, b'{"usageMetadata": {"a": 1}}', False) is None
    assert usage_of(None, b'[{"usage": {"a": 1}}]', False) is None


def test_the_name_of_a_member_may_be_escaped():
    chunk = json.dumps({"id": "c", "model": "m", "usage": HUGE})
    last = '{"us\\u0061ge": {"input_tokens": 1, "more": 0}}'
    assert usage_of(Form.CHAT, f"data: {chunk}\n\ndata: {last}\n\n".encode()) == {"input_tokens": 1, "more": 0}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/v1/chat/completions", Form.CHAT), ("/openai/deployments/x/chat/completions", Form.CHAT), ("/v1/responses", Form.RESPONSES),
        ("/v1/responses/resp_1", Form.RESPONSES), ("/v1/messages", Form.MESSAGES), ("/v1/messages/batches", None), ("/v1/completions", None),
        ("/v1beta/models/g:generateContent", Form.GOOGLE), ("/v1beta/models/g:streamGenerateContent", Form.GOOGLE), ("/v1beta/models/g:countTokens", None),
    ],
)  # fmt: skip
def test_the_form_of_a_path(path, form):
    assert form_of(path) is form


CHUNK = b'data: {"id": "r", "usage": {"a": 1}}\n\ndata: [DONE]\n\n'


@pytest.mark.parametrize("cut", [1, 2, 5, 1000])
@pytest.mark.parametrize(
    "head", [b"", b"\r\n\n", b": ping\n\n", b"id: 3\n", b"event: x\n", b"retry: 3\n"]
)
def test_a_stream_is_known_by_how_it_begins(cut, head):
    seen = Seen(True)
    reader = OpenReader(seen.reader, OpaqueReader())
    body = head + CHUNK
    for start in range(0, len(body), cut):
        reader.feed(body[start : start + cut])
    assert (seen.answer.usage, seen.finished, reader.is_stream, reader.whole) == ('{"a": 1}', 1, True, True)  # fmt: skip


@pytest.mark.parametrize("body", [b"", b"\n", b"dat", b"\x89PNG", b"{", b"event"])
def test_what_is_no_stream(body):
    reader = OpenReader(Seen(True).reader, OpaqueReader())
    reader.feed(body)
    assert (reader.is_stream, reader.whole) == (False, False)
    reader.end()
    assert (reader.is_stream, reader.whole) == (False, True)


@pytest.mark.parametrize(
    ("usage", "kept"),
    [
        ({"service_tier": "\ud800"}, False), ({"\ud800": 1}, False), ({"a": "\U0001f600"}, True), ({"a": "\x00"}, True), ({"a": "x" * 65_000}, True),
        ({"a": "x" * 65_536}, False), ({"a": json.loads("[" * 49 + "]" * 49)}, True), ({"a": json.loads("[" * 50 + "]" * 50)}, False),
        ({"a": json.loads('{"a":' * 49 + "3" + "}" * 49)}, True), ({"a": json.loads('{"a":' * 50 + "3" + "}" * 50)}, False),
    ],
)  # fmt: skip
def test_usage_that_everybody_can_read(usage, kept):
    assert usage_of(None, json.dumps({"id": "r", "usage": usage}).encode(), False) == (usage if kept else None)  # fmt: skip


def items(*kinds):
    return [{"type": kind} for kind in kinds]


CALLED = {
    "responses": (Form.RESPONSES, {"usage": {"input_tokens": 1}, "output": [
        *items("web_search_call", "message", "file_search_call", "file_search_call"),
        {"type": "web_search_call", "action": {"type": "open_page"}}, {"type": "web_search_call", "action": {"type": "search"}}]},
        {"web_search_call": 2, "file_search_call": 2}),
    "google": (Form.GOOGLE, {"usageMetadata": {"promptTokenCount": 1}, "candidates": [{"groundingMetadata": {"webSearchQueries": ["a", "b"]}}]},
               {"google_search": 2}),
    "chat": (Form.CHAT, {"usage": {"prompt_tokens": 1}, "choices": [{"message": {"tool_calls": [{"type": "function"}]}}]}, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLED)
def test_tools_that_the_usage_does_not_count(name):
    form, body, expected = CALLED[name]
    answer = Answer(form)
    answer.add_text(json.dumps(body).encode())
    assert answer.tools == expected


def test_tools_of_a_stream():
    """As the last event of the response has them, and not those of the events before."""
    answer = Answer(Form.RESPONSES)
    _, body, expected = CALLED["responses"]
    for kind, response in (
        ("created", {"id": "r", "model": "m", "output": []}),
        ("completed", body),
    ):
        event = {"type": f"response.{kind}", "response": response}
        answer.add_event(json.dumps(event).encode())
    assert answer.tools == expected
