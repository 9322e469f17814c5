"""What the wallet reads of a response while it passes: however it is cut, however long it is, in linear time."""

import json
from time import process_time

import pytest

from receipts.header import COMMENT, byte_sequence
from receipts.wallet import reader
from receipts.wallet.answer import Answer
from receipts.wallet.reader import MAX_PART, DocumentReader, EventReader

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
        b"event: a", b'data: {"id": "r"}', b"", COMMENT + byte_sequence(receipt), b"",
        b"event: response.completed", b"data: " + json.dumps({"response": response}).encode(), b"", b"",
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
    seen.reader.feed(b'data: {"response": {"id": "r", "usage": {"a": 1}}}\n\n')
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
