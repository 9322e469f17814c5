"""What a small hostile input costs: it ends, or is refused, in about the time of an honest one, and in bounded memory.

Each case runs ``python -m verifier`` in a process of its own, begun by a small one, so that the memory is its own. Time is CPU time, as a
multiple of a loop that is measured beside it; the bounds are twenty times what was measured, or more, and are there for what does not end.
"""

import json
import os
import sqlite3
import struct
import subprocess
import sys
import threading
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from receipts import jwk
from tests.build import (
    KEY,
    NOVEMBER,
    STRANGER,
    Batch,
    Stream,
    encode,
    jwk_set,
    receipt_claims,
    sign_receipt,
    sign_statement,
    statement_claims,
)

LIMIT_MB = 200
_LAUNCH = """
import json, os, sys, time
begin = time.process_time()
for number in range(1_000_000):
    str(number)
unit = time.process_time() - begin
out = (os.POSIX_SPAWN_OPEN, 1, "report", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
err = (os.POSIX_SPAWN_OPEN, 2, "errors", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
pid = os.posix_spawn(sys.executable, [sys.executable, "-m", "verifier", *sys.argv[1:]], os.environ, file_actions=[out, err])
_, status, used = os.wait4(pid, 0)
size = used.ru_maxrss // (1 << 20 if sys.platform == "darwin" else 1 << 10)
print(json.dumps([os.waitstatus_to_exitcode(status), size, (used.ru_utime + used.ru_stime) / unit]))
"""


@dataclass
class Cost:
    """How a run ended: exit code, MB, CPU time as a multiple of the loop, findings by code, and what it said of an error."""

    code: int
    size: int
    time: float
    found: dict
    error: str

    def within(self, time, size=LIMIT_MB):
        print(f"exit {self.code}, {self.size} MB, {self.time:.1f} loops, {self.found} {self.error}")
        assert "Traceback" not in self.error
        assert self.size <= size
        assert self.time <= time
        return self.code, self.found


@pytest.fixture
def cost(folder):
    (folder / "k.json").write_text(json.dumps(jwk_set(KEY)))

    def run(*arguments, **more):
        launched = subprocess.run(
            [sys.executable, "-c", _LAUNCH, *arguments, "--keys", "k.json", "--json"], text=True, stdout=subprocess.PIPE, check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, **more,
        )  # fmt: skip
        report, error = (folder / "report").read_text(), (folder / "errors").read_text()
        found = json.loads(report)["finding_counts"] if report else {}
        return Cost(*json.loads(launched.stdout), found, error)

    return run


MB = 1_000_000
HONEST = Batch()


@pytest.mark.parametrize("byte", [b"\xf6", b"\x00", b"\x82", b"\x83"])
def test_a_megabyte_of_one_byte(cost, folder, byte):
    (folder / "b").write_bytes(byte * MB)
    code, found = cost("b").within(80)
    expected = {b"\x82": (1, {"item-malformed": 1}), b"\x83": (1, {"item-malformed": 1})}
    assert (code, found) == expected.get(byte, (2, {}))


def test_a_megabyte_of_nothing_after_an_honest_beginning(cost, folder):
    (folder / "b").write_bytes(HONEST.data + b"\xf6" * MB)
    assert cost("b").within(80) == (1, {"envelope-invalid": 1000})
    assert cost("b", "--jobs", "2").within(80) == (1, {"envelope-invalid": 1000})


def test_the_same_through_a_pipe(cost, folder):
    os.mkfifo("pipe")
    data = HONEST.data + b"\xf6" * MB
    writer = threading.Thread(target=(folder / "pipe").write_bytes, args=(data,))
    writer.start()
    assert cost("pipe").within(80) == (1, {"envelope-invalid": 1000})
    writer.join()


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no endless file")
def test_an_endless_file_that_is_no_batch_is_not_read(cost):
    assert cost("/dev/zero").within(80) == (2, {})


def empty_maps(count, key):
    """A statement that has an unknown field, with as many empty maps as its limits allow."""
    claims = encode(statement_claims({}))
    content = b"\xaa" + claims[1:] + b"\x18\x63\x9a" + count.to_bytes(4) + b"\xa0" * count
    return sign_statement(content, key).data


def test_a_million_empty_maps_by_a_stranger(cost, folder):
    (folder / "b").write_bytes(empty_maps(999_000, STRANGER) * 24)
    assert cost("b").within(200) == (3, {"key-unknown": 24})


@pytest.mark.slow
def test_a_million_empty_maps_by_the_issuer(cost, folder):
    (folder / "b").write_bytes(empty_maps(999_000, KEY) * 3)
    assert cost("b").within(600) == (1, {"claims-invalid": 3})


@pytest.mark.slow
def test_many_millions_of_empty_maps_by_the_issuer(cost, folder):
    (folder / "b").write_bytes(empty_maps(999_000, KEY) * 24)
    assert cost("b").within(4800) == (1, {"claims-invalid": 24})


def by_a_stranger(count, change):
    """Receipts by a key that is not trusted: they are collected like others, and quickly made. ``change`` of sequence and claims."""
    envelope = sign_receipt(receipt_claims(0), STRANGER).data[-190:]
    parts, previous = [], None
    for sequence in range(count):
        claims = receipt_claims(sequence, previous, source=None, tags=None, output=None)
        content = encode(change(sequence, claims))
        parts += [_head(len(content)), content, envelope]
        previous = sha256(content).digest()
    return b"".join(parts)


def _head(length):
    return b"\x82\x58" + bytes([length]) if length < 256 else b"\x82\x59" + length.to_bytes(2)


HOSTILE = {
    "in bad order": (lambda n, c: c | {5: 30_000 - n, 6: bytes(32)}, "receipt-order"),
    "with one request id": (lambda _, c: c | {8: "r"}, "request-duplicate"),
    "each with a gap before it": (lambda n, c: c | {5: 2 * n + 2, 6: bytes(32)}, "statement-missing"),
    "each of another stream": (lambda n, c: {k: v for k, v in c.items() if k != 6} | {4: f"{n}", 5: 0}, "statement-missing"),
    "each of another account": (lambda n, c: {k: v for k, v in c.items() if k != 6} | {3: f"{n}", 5: 0}, "statement-missing"),
}  # fmt: skip


@pytest.mark.parametrize(
    "kind",
    [
        *list(HOSTILE)[:1],
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in list(HOSTILE)[1:]),
    ],
)
def test_20_000_receipts(cost, folder, kind):
    change, code = HOSTILE[kind]
    (folder / "b").write_bytes(by_a_stranger(20_000, change))
    exit_code, found = cost("b").within(800)
    assert (exit_code, code in found) == (3 if code == "statement-missing" else 1, True)


@pytest.mark.slow
def test_20_000_duplicates(cost, folder):
    (folder / "b").write_bytes(HONEST.items[0] * 20_000 + HONEST.statement.data)
    assert cost("b").within(400) == (1, {"receipt-duplicate": 1000})


@pytest.mark.slow
def test_repeats_of_receipts_that_each_stand_alone(cost, folder):
    """A thousand repeats are looked for in an index of many blocks: not each in each."""
    data = by_a_stranger(20_000, lambda _, c: c | {15: {"team": ""}})
    first = by_a_stranger(999, lambda _, c: c | {15: {"team": ""}})
    (folder / "b").write_bytes(data + first)
    assert cost("b").within(800)[1]["receipt-duplicate"] == 999


@pytest.mark.slow
def test_200_000_accounts_are_refused(cost, folder):
    """65,536 streams are allowed; each of them takes about 2.5 KB. And 10,000 findings are kept, for the list beside a report."""
    data = by_a_stranger(200_000, HOSTILE["each of another account"][0])
    (folder / "b").write_bytes(data)
    code, found = cost("b").within(5000, 240)
    assert (code, found["input-too-large"]) == (1, 1)


@pytest.mark.slow
def test_65_536_gaps(cost, folder):
    receipts = by_a_stranger(65_537, lambda n, c: c | {5: 2 * n + 2, 6: bytes(32)})
    entry = {1: "gpu-7", 2: 1, 3: 131_074, 4: bytes(32), 5: bytes(32)}
    statement = sign_statement(statement_claims({}) | {9: [entry]})
    (folder / "b").write_bytes(receipts + statement.data)
    code, found = cost("b").within(3000)
    assert (code, found["receipt-missing"]) == (1, 65_537)


def of_many_streams(count, **over):
    streams = [{1: f"{n:05}", 2: 5, 3: 2, 4: bytes(32), 5: bytes(32)} for n in range(count)]
    return sign_statement(statement_claims({}) | {9: streams} | over)


@pytest.mark.slow
def test_a_statement_of_65_536_streams(cost, folder):
    (folder / "b").write_bytes(of_many_streams(65_536).data)
    code, found = cost("b").within(800)
    assert (code, found) == (1, {"receipt-missing": 131_072, "first-mismatch": 65_536})


@pytest.mark.slow
def test_many_statements_of_two_numbers(cost, folder):
    """Each link was held against each statement before it."""
    zero = [sign_statement(statement_claims({}) | {7: NOVEMBER[1] + n}).data for n in range(2500)]
    claims = statement_claims({}, number=1, previous=bytes(32), start=NOVEMBER[1], end=NOVEMBER[1] + 1)  # fmt: skip
    one = [sign_statement(claims | {7: NOVEMBER[1] + 1 + n}).data for n in range(2500)]
    (folder / "b").write_bytes(b"".join([*zero, *one]))
    code, found = cost("b").within(400)
    assert (code, found["statement-chain-broken"]) == (1, 2500)


def test_a_key_file_with_many_members(cost, folder):
    """Which one stands twice was looked for in quadratic time."""
    members = ",".join(f'"m{n}":0' for n in range(100_000))
    (folder / "bad.json").write_text(f'{{"iss":"x","keys":[{{{members},"z":1,"z":2}}]}}')
    (folder / "b").write_bytes(HONEST.data)
    run = cost("b", "--keys", "bad.json")
    assert run.within(80) == (2, {})
    assert "member 'z' occurs twice" in run.error


VIEWS = """
CREATE VIEW requests AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS rowid, i AS number, 'r' AS request,
  1793534400000 AS time, 200 AS status, x'00' AS commitment, 1 AS complete, 'https://a/b' AS url FROM n;
CREATE VIEW receipts AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS rowid, x'82' AS data FROM n;
"""
TABLES = """
PRAGMA page_size = 512;
CREATE TABLE requests (number INTEGER PRIMARY KEY, request TEXT, time, status, commitment, complete, url);
CREATE TABLE receipts (number, data BLOB);
INSERT INTO requests VALUES (1, 'r', 1793534400000, 200, x'00', 1, 'https://a/b');
INSERT INTO receipts VALUES (1, x'82');
"""


def endless_views(path):
    with sqlite3.connect(path) as db:
        db.executescript(VIEWS)
    db.close()


def views_that_call_themselves_tables(path):
    with sqlite3.connect(path) as db:
        db.executescript("CREATE TABLE x (a);" + VIEWS + "PRAGMA writable_schema = ON;")
        db.execute("UPDATE sqlite_master SET type = 'table', rootpage = 2 WHERE type = 'view'")
    db.close()


def pages_that_lead_to_one_page(path):
    """Eight levels of a tree, each of which leads to the next one sixty times: more rows than can be counted."""
    with sqlite3.connect(path) as db:
        db.executescript(TABLES)
        roots = [root for (root,) in db.execute("SELECT rootpage FROM sqlite_master")]
    db.close()
    data, size = bytearray(path.read_bytes()), 512
    for root in roots:
        place = slice((root - 1) * size, root * size)
        data += data[place]
        for level in range(8):
            child = len(data) // size
            page = bytearray(size)
            page[:12] = b"\x05" + struct.pack(">HHHBI", 0, 60, size - 5, 0, child)
            page[12:132] = struct.pack(">H", size - 5) * 60
            page[-5:] = struct.pack(">IB", child, 1)
            if level < 7:
                data += page
            else:
                data[place] = page
    data[28:32] = struct.pack(">I", len(data) // size)
    path.write_bytes(data)


@pytest.mark.parametrize("option", ["--requests", "--received"])
@pytest.mark.parametrize(
    "make", [endless_views, views_that_call_themselves_tables, pages_that_lead_to_one_page]
)
def test_a_small_wallet_that_does_not_end(cost, folder, make, option):
    make(folder / "w")
    (folder / "b").write_bytes(HONEST.data)
    assert (folder / "w").stat().st_size < 12_000
    assert cost("b", option, "w").within(100) == (2, {})


@pytest.mark.slow
def test_a_million_lines_of_a_request_log(cost, folder):
    (folder / "b").write_bytes(HONEST.data)
    with (folder / "r").open("w") as log:
        for n in range(MB):
            log.write(f'{{"request": "req_{n}", "time": 1793534400000, "logical": 3000}}\n')
    code, found = cost("b", "--requests", "r").within(3000)
    assert (code, found["request-without-receipt"]) == (1, MB)


@pytest.mark.slow
def test_received_receipts_for_one_request(cost, folder):
    """Each was held against each receipt of the batch for that request."""
    (folder / "b").write_bytes(by_a_stranger(5000, HOSTILE["with one request id"][0]))
    received = Stream("gpu-9", 100, over={"request": "r"}).receipts()
    (folder / "r").write_bytes(b"".join(receipt.data for receipt in received))
    assert cost("b", "--received", "r").within(600)[0] == 1


def test_a_key_file_with_many_keys(cost, folder):
    """Each was examined, for five ms, before any was used."""
    publics = [sha256(bytes([n % 256, n // 256])).digest() for n in range(10_000)]
    document = {"iss": "https://api.example.com", "keys": [jwk(public) for public in publics]}
    (folder / "many.json").write_text(json.dumps(document))
    (folder / "b").write_bytes(HONEST.data)
    assert cost("b", "--keys", "many.json").within(80) == (0, {})
