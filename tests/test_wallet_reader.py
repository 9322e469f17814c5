"""What the wallet reads of a response while it passes: however it is cut, however long it is, in linear time."""

import json
from time import process_time

import pytest

from receipts.header import COMMENT, byte_sequence
from receipts.wallet import reader
from receipts.wallet.reader import MAX_BODY, MAX_LINE, BodyReader

SECONDS = 5
"""CPU time that nothing here comes near; in quadratic time each of these took half a minute."""


class Seen:
    """A reader, and what it called."""

    def __init__(self, stream):
        self.ids, self.receipts, self.finished = [], [], 0
        self.reader = BodyReader(stream, self.ids.append, self.receipts.append, self.finish)

    def finish(self):
        self.finished += 1

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
    assert Seen(False).read(body, cut).ids == ["r"]
    assert process_time() - begin < SECONDS


@pytest.mark.parametrize("cut", [100, 65_536])
def test_a_long_line(cut):
    """It is not looked at, and what comes after it is."""
    body = data_line(2_000_000) + b'\n\ndata: {"id": "s"}\n\n'
    begin = process_time()
    assert Seen(True).read(body, cut).ids == ["s"]
    assert process_time() - begin < SECONDS


def test_many_lines_in_one_part():
    body = b"data: {}\n\n" * 200_000
    begin = process_time()
    assert Seen(True).read(body, len(body)).ids == []
    assert process_time() - begin < SECONDS


@pytest.mark.parametrize("cut", [4096, MAX_LINE, MAX_LINE + 1, MAX_LINE + 2, 3 * MAX_LINE])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b""])
def test_the_limit_of_a_line(cut, end):
    assert Seen(True).read(data_line(MAX_LINE) + end, cut).ids == ["r"]
    assert Seen(True).read(data_line(MAX_LINE + 1) + end, cut).ids == []


def test_the_limit_of_a_body(monkeypatch):
    body = b'{"id": "r"}'
    monkeypatch.setattr(reader, "MAX_BODY", len(body))
    assert Seen(False).read(body, 3).ids == ["r"]
    assert Seen(False).read(body + b" ", 3).ids == []
    assert MAX_BODY > 35_000_000


def test_a_long_last_event_is_the_last_event_nevertheless():
    """A server that leaves the event's name out, and sends the whole response once more in it."""
    body = b'data: {"type":"response.completed","x":"' + b"x" * (2 * MAX_LINE) + b'"}\n'
    assert Seen(True).read(body, 65_536).finished == 2  # at the event, and at the end of the body


@pytest.mark.parametrize("cut", range(1, 60))
def test_however_it_is_cut(cut):
    receipt = bytes(range(200))
    comment = COMMENT + byte_sequence(receipt)
    body = b'event: a\r\ndata: {"id": "r"}\r\n\r\n' + comment + b"\n\ndata: [DONE]\r\r"
    seen = Seen(True).read(body, cut)
    assert (seen.ids, seen.receipts, seen.finished) == (["r"], [receipt], 2)
    assert Seen(False).read(b'{"id": "r"}', cut).ids == ["r"]


def test_a_receipt_in_the_last_line_without_an_end():
    assert Seen(True).read(COMMENT + byte_sequence(b"x"), 7).receipts == [b"x"]
