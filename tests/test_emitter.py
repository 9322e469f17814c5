"""What goes into the receipt of an answer: identifiers of the month in which it is signed, tags by contract, who is billed."""

import asyncio
import json

import pytest

import receipts.emitting.emitter
import receipts.journal.journal
from receipts import Journal, TooLateError
from receipts.asgi import ReceiptMiddleware
from receipts.cache_id import TEXT_HMAC, CacheKey, month_end, text_ids
from receipts.callers import Caller, TagContract
from receipts.emitting import Emitter
from receipts.prefixes import Identifiers
from tests.build import ACCOUNT, DECEMBER, ISSUER, KEY, NOVEMBER
from tests.test_in_band import body, drive, receipts_in, start

MIDNIGHT = DECEMBER[0]
SECRET = CacheKey(ACCOUNT, bytes(range(32)))
ASK = {
    "model": "claude", "max_tokens": 9,
    "system": [{"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": "hi"}],
}  # fmt: skip
WRITTEN = {"input_tokens": 3, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 2000, "output_tokens": 7}  # fmt: skip
READ = {"input_tokens": 3, "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 0, "output_tokens": 7}  # fmt: skip


@pytest.fixture
def journal(folder):
    with Journal(str(folder / "issuer.db"), ISSUER, KEY) as journal:
        yield journal


def message(name, usage):
    return json.dumps({"id": name, "type": "message", "model": "claude", "usage": usage}).encode()


def ask(app, name, usage, asked=ASK, headers=()):
    """Send a request through the middleware, with its body."""
    sent = []

    async def inner(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        for part in (start(), body(message(name, usage))):
            await send(part)

    async def send(part):
        sent.append(part)

    parts = [json.dumps(asked).encode()[i : i + 50] for i in range(0, 10_000, 50)]
    parts = [part for part in parts if part]

    async def receive():
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    app.app = inner
    scope = {"type": "http", "path": "/v1/messages", "method": "POST", "headers": list(headers)}
    asyncio.run(app(scope, receive, send))
    return sent


def test_the_cached_prefix_is_named(journal):
    app = ReceiptMiddleware(None, Emitter(journal, ACCOUNT, identifiers=Identifiers({ACCOUNT: SECRET})))  # fmt: skip
    ask(app, "a", WRITTEN)
    ask(app, "b", READ)
    written, read = receipts_in(journal)
    (entry,) = written.cache_writes
    assert (entry.recipe, entry.prefix) == (TEXT_HMAC, 2000)
    assert read.cache_read == entry
    assert entry.id == text_ids("claude", ASK, SECRET.for_time(written.time))[0]


class Clock:
    """Nanoseconds that are given one after the other; the last one again and again."""

    def __init__(self, *times_ms):
        self.times = list(times_ms)

    def __call__(self):
        return (self.times.pop(0) if len(self.times) > 1 else self.times[0]) * 1_000_000


def test_a_receipt_that_is_signed_in_the_next_month_has_its_identifiers(journal, monkeypatch):
    """The identifier is made before midnight, the receipt is signed after it: it is made again."""
    monkeypatch.setattr(receipts.emitting.emitter, "time_ns", Clock(MIDNIGHT - 1, MIDNIGHT + 1))
    monkeypatch.setattr(receipts.journal.journal, "time_ns", Clock(MIDNIGHT + 1))
    app = ReceiptMiddleware(None, Emitter(journal, ACCOUNT, identifiers=Identifiers({ACCOUNT: SECRET})))  # fmt: skip
    ask(app, "a", WRITTEN)
    (claims,) = receipts_in(journal)
    assert (claims.time, claims.sequence) == (MIDNIGHT + 1, 0)
    assert claims.cache_writes[0].id == text_ids("claude", ASK, SECRET.for_time(MIDNIGHT))[0]


def test_the_end_of_a_month():
    assert month_end(NOVEMBER[0]) == month_end(MIDNIGHT - 1) == MIDNIGHT
    assert month_end(MIDNIGHT) - MIDNIGHT == 31 * 86_400_000


def test_a_receipt_that_would_be_too_late_is_not_signed(journal):
    with pytest.raises(TooLateError, match="time: expected before 5, found 5"):
        journal.issue(ACCOUNT, time=5, before=5, request="r", model="m", counts=receipts.Counts(1))
    assert journal.issue(ACCOUNT, time=4, before=5, request="r", model="m", counts=receipts.Counts(1)).sequence == 0  # fmt: skip


CONTRACT = b"""
owner = "platform"
[tags.team]
required = true
from = ["key:team", "header:x-team"]
allowed = ["search"]
[tags.feature]
from = ["metadata:feature"]
"""


def test_tags_by_contract(journal):
    emitter = Emitter(journal, lambda _: Caller(ACCOUNT, {}), tags=TagContract.from_toml(CONTRACT))
    app = ReceiptMiddleware(None, emitter)
    ask(app, "a", READ, {**ASK, "metadata": {"feature": "chat"}}, [(b"x-team", b"search")])
    ask(app, "b", READ, headers=[(b"x-team", b"sales")])
    first, second = receipts_in(journal)
    assert first.tags == {"team": "search", "feature": "chat"}
    assert second.tags == {"untagged": "platform", "untagged/team": "not-allowed"}
    assert emitter.counters.tag_faults() == {("team", "not-allowed"): 1}


@pytest.mark.parametrize("is_async", [False, True])
def test_an_account_function_that_raises_harms_no_answer(journal, caplog, is_async):
    async def awaited(asked):
        raise RuntimeError("no\nsuch line")

    def plain(asked):
        raise RuntimeError("no\nsuch line")

    app = ReceiptMiddleware(None, Emitter(journal, awaited if is_async else plain))
    sent = ask(app, "a", READ)
    assert sent == [start(), body(message("a", READ))]
    assert app.emitter.counters["failed"] == 1
    (record,) = caplog.records
    assert "RuntimeError('no\\nsuch line')" in record.getMessage()
    assert "\n" not in record.getMessage()


def test_an_async_account(journal):
    async def account(asked):
        await asyncio.sleep(0)
        return asked.context["state"]["account"]

    app = ReceiptMiddleware(None, Emitter(journal, account))

    async def sets(scope, receive, send):
        scope["state"]["account"] = ACCOUNT
        await send(start())
        await send(body(message("a", READ)))

    sent = []

    async def send(part):
        sent.append(part)

    app.app = sets
    scope = {"type": "http", "path": "/v1/messages", "method": "POST", "headers": []}
    asyncio.run(app(scope, None, send))
    assert b"token-receipt" in dict(sent[0]["headers"])


def test_the_counters_at_a_path(journal):
    app = ReceiptMiddleware(None, Emitter(journal, ACCOUNT), metrics="/receipts/metrics")
    ask(app, "a", READ)
    sent = drive(app, [], "/receipts/metrics", method="GET")
    assert b'token_receipts_answers_total{outcome="issued"} 1\n' in sent[1]["body"]
    other = ReceiptMiddleware(None, Emitter(journal, ACCOUNT))
    assert drive(other, [start(404)], "/receipts/metrics", method="GET") == [start(404)]
