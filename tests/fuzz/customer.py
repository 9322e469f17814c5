"""Targets: what a customer is handed, or keeps itself: key files, logs, wallets, prompts, cache keys, responses."""

from __future__ import annotations

import json
import random
import sqlite3
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

from receipts.header import byte_sequence, parse_byte_sequence
from receipts.wallet import Call, Outcome, Store
from receipts.wallet.answer import Answer
from receipts.wallet.reader import DocumentReader, EventReader
from tests.build import KEY, SECOND, Batch, Stream, jwk_set
from tests.fuzz.decoders import rich
from tests.fuzz.mutation import mutated
from tests.fuzz.target import KEYS, ROOT, Target, vectors
from verifier import (
    KeyFileError,
    Policy,
    Record,
    RecordError,
    as_object,
    by_kid,
    bytes_source,
    read_jwks,
    verify,
)
from verifier.crypto.keys import thumbprint
from verifier.customer.cache_id import CacheKeyError, WrongPeriodError, read_cache_key

BATCH = rich()


@cache
def folder() -> Path:
    """Where inputs that must be files are written, and what is read with them."""
    path = Path(tempfile.mkdtemp(prefix="receipt-fuzz-"))
    (path / "key").write_bytes(cache_key())
    return path


def cache_key(**over: object) -> bytes:
    key = urlsafe_b64encode(bytes(range(32))).rstrip(b"=").decode()
    return json.dumps({"token_receipt_cache_key": 1, "account": "acme", "period": None, "key": key, **over}).encode()  # fmt: skip


def check_jwks(data: bytes) -> str:
    """Keys, each with its own thumbprint, or `KeyFileError`."""
    try:
        keys = read_jwks(data)
        by_kid(keys)
    except KeyFileError as error:
        return "".join(c for c in str(error) if c.isalpha())[:24]
    for key in keys:
        assert key.kid == thumbprint(key.public)
        assert key.issuer.encode()
    json.loads(data, parse_float=_refuse, parse_constant=_refuse)
    return f"{len(keys)} keys"


def _refuse(number: str) -> None:
    raise AssertionError(f"{number} in a key file that was accepted")


def key_sets() -> Iterator[bytes]:
    more = {"nbf": 1761955200, "exp": 1796083200, "revoked": {"revoked_at": 1795000000}}
    for keys in ((KEY,), (KEY, SECOND)):
        yield json.dumps(jwk_set(*keys)).encode()
        yield json.dumps(jwk_set(*keys, **more), indent=1).encode()
    yield (ROOT / "spec/examples/issuer.jwks.json").read_bytes()


def compared(data: bytes, option: str, name: str) -> str:
    """A verification with the data as a file of the record: a report, or `RecordError`."""
    path = folder() / name
    path.write_bytes(data)
    files = {option: (str(path),)}
    if option == "prompts":
        files["cache_key"] = str(folder() / "key")
    try:
        report = verify([bytes_source("b", BATCH.data)], Policy(KEYS), record=Record(**files))
    except RecordError as error:
        reason = str(error).removeprefix(str(path))
        str(error).encode()
        return "".join(c for c in reason if c.isalpha())[:24]
    json.dumps(as_object(report))
    return f"{report.verdict} {' '.join(report.findings.counts)}"


def check_requests(data: bytes) -> str:
    return compared(data, "requests", "requests")


def check_received(data: bytes) -> str:
    return compared(data, "received", "received")


def check_prompts(data: bytes) -> str:
    return compared(data, "prompts", "prompts")


def logs() -> Iterator[bytes]:
    """Requests as JSON lines, as CSV, and in a wallet."""
    names = [s.data for s in BATCH.ones]
    rows = [
        {"request": f"gpu-7-{n}", "time": 1793534400000 + n, "status": 200, "commitment": "00" * 32, "logical": 3000, "cached": 2000}
        for n in range(len(names))
    ]  # fmt: skip
    yield "".join(json.dumps(row) + "\n" for row in rows).encode()
    yield json.dumps({"id": "gpu-7-0", "created": 1793534400, "usage": {"prompt_tokens": 3000, "completion_tokens": 500, "prompt_tokens_details": {"cached_tokens": 2000}}}).encode()  # fmt: skip
    tokens = {"input_tokens": 1000, "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 0, "output_tokens": 500}  # fmt: skip
    yield json.dumps({"request_id": "gpu-7-0", "time": "2026-11-01T12:00:00Z", "status": "ok", "usage": {**tokens, "iterations": [tokens, tokens]}}).encode()  # fmt: skip
    yield b"request,time,status,logical,cached\ngpu-7-0,1793534400000,200,3000,2000\ngpu-7-1,,,,\n"
    yield b'\xef\xbb\xbfrequest_id,commitment\r\n"gpu-7-0",00ff\r\n'
    yield wallet()


@cache
def wallet(rows: int = 3) -> bytes:
    """A wallet with requests, and the receipts that came with the responses; small pages, so that there are several."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "w"
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA page_size=512")
            db.execute("VACUUM")
        db.close()
        store = Store(str(path))
        for n, signed in enumerate(BATCH.ones[:rows]):
            sent = 1793534400000 + n
            store.save(
                Call(
                    sent,
                    "api.example.com",
                    "/v1/responses",
                    bytes(32),
                    bytes(32),
                    answered=sent + 50,
                    status=200,
                    outcome=Outcome.COMPLETE,
                    model="m",
                    request=f"gpu-7-{n}",
                    receipts=[signed.data],
                )
            )
        store.close()
        return path.read_bytes()


def received() -> Iterator[bytes]:
    yield wallet()
    yield b"".join(BATCH.items)
    yield BATCH.ones[0].data + Stream("gpu-9", 2).receipts()[0].data
    yield Batch(one=Stream(over={"input": {1: 3000, 2: 1000, 3: 2000}})).data
    yield from (data for _, data in vectors()[:60])


def prompts() -> Iterator[bytes]:
    tokens = list(range(3000))
    body = {
        "model": "m", "tool_choice": {"type": "auto"}, "tools": [{"name": "t", "cache_control": {"type": "ephemeral"}}], "system": "s",
        "messages": [{"role": "user", "content": "x"}, {"role": "user", "content": [{"type": "text", "text": "y"}]}],
    }  # fmt: skip
    yield json.dumps({"request": "gpu-7-0", "tokens": tokens}).encode()
    yield json.dumps({"request": "gpu-7-1", "tokens": [1, 2], "extra": [["a", 1, ["b"]], None], "logical": 2}).encode()  # fmt: skip
    yield json.dumps({"request": "gpu-7-2", "body": body, "nonce": "00" * 32, "raw": json.dumps(body)}).encode()  # fmt: skip
    yield b"\n".join(json.dumps({"request": f"gpu-7-{n}", "tokens": tokens[: n + 1]}).encode() for n in range(3))  # fmt: skip


def check_cache_key(data: bytes) -> str:
    """A key that gives one for a month, or `CacheKeyError`."""
    try:
        key = read_cache_key(data)
    except CacheKeyError as error:
        return str(error)
    try:
        assert len(key.at(1793534400000)) == 32
    except WrongPeriodError:
        return "another month"
    return "a key"


def check_header(data: bytes) -> str:
    """Bytes or none; what was written is read."""
    assert parse_byte_sequence(byte_sequence(data)) == data
    found = parse_byte_sequence(data)
    assert found is None or len(found) <= len(data)
    return "none" if found is None else "bytes"


def headers() -> Iterator[bytes]:
    yield from map(byte_sequence, (b"", b"a", bytes(32), BATCH.ones[0].data))
    yield b"  :YQ==:  "


def check_response(data: bytes) -> str:
    """A response gives the wallet the same, however it is cut; and nothing that cannot be kept."""
    numbers = random.Random(data)
    seen = []
    for stream in (True, False):
        whole = _read([data], stream)
        cuts = sorted(numbers.randrange(len(data) + 1) for _ in range(numbers.choice((1, 2, 9))))
        edges = [0, *cuts, len(data)]
        parts = [data[a:b] for a, b in pairwise(edges)]
        assert _read(parts, stream) == whole, f"cut at {cuts}"
        assert _read([data[n : n + 1] for n in range(len(data))], stream) == whole
        seen.append(f"{sum(one is not None for one in whole[0])} {min(len(whole[1]), 3)}")
    return " ".join(seen)


def _read(parts: list[bytes], stream: bool) -> tuple[tuple[object, ...], list[bytes]]:
    """What is known of a response that came in parts, and the receipts."""
    answer = Answer()
    kept: list[bytes] = []
    events = EventReader(answer, kept.append, lambda: None)
    reader = events if stream else DocumentReader(answer)
    for part in parts:
        reader.feed(part)
    reader.end()
    for text in (answer.id, answer.model, answer.usage):
        (text or "").encode()
    return (
        answer.id,
        answer.model,
        answer.usage,
        answer.failed or None,
        reader.whole or None,
    ), kept


def responses() -> Iterator[bytes]:
    value = byte_sequence(BATCH.ones[0].data[:60])
    yield b'data: {"id": "r1"}\r\n\r\n: token-receipt ' + value + b"\r\n\r\ndata: [DONE]\r\n\r\n"
    yield b'event: message_start\rdata: {"type":"message_start","message":{"id":"m"}}\r\r: token-receipt :YQ==:\r\revent: message_stop\r'  # fmt: skip
    yield b'{"id": "r2", "model": "m", "usage": {"prompt_tokens": 3}}'
    yield b'event: response.completed\r\ndata: {"type": "response.completed", "response": {"id": "r", "object": "response", "status": "completed",\r\ndata: "usage": {"a": 1}}}\r\n\r\n'  # fmt: skip
    yield b'{"response": {"id": "r3"}, "message": {"id": 4}}'


def _small_changes(seeds: list[bytes], numbers: random.Random) -> bytes:
    """Of a wallet, mostly single bytes: those of its schema and of its pages' heads."""
    if numbers.random() < 0.5:
        return mutated(seeds, numbers)
    data = bytearray(numbers.choice(seeds))
    for _ in range(numbers.choice((1, 2, 4))):
        page = 512 * numbers.randrange(max(1, len(data) // 512))
        at = min(
            page + numbers.choice((numbers.randrange(16), numbers.randrange(512))), len(data) - 1
        )
        if at >= 0:
            data[at] = numbers.choice((0, 1, 2, 5, 10, 13, 255, numbers.randrange(256)))
    return bytes(data)


def remove_folder() -> None:
    """What was written is not needed any more."""
    if folder.cache_info().currsize:
        for path in folder().iterdir():
            path.unlink()
        folder().rmdir()
        folder.cache_clear()


TARGETS = (
    Target("jwks", key_sets, check_jwks),
    Target("requests", logs, check_requests, _small_changes, 3),
    Target("received", received, check_received, _small_changes, 3),
    Target("prompts", prompts, check_prompts, share=3),
    Target("cache-key", lambda: (cache_key(), cache_key(period="2026-11")), check_cache_key),
    Target("header", headers, check_header),
    Target("response", responses, check_response),
)
