"""Whatever of ours fails, the answer is not harmed; and where answers need a receipt, none is given without."""

import json

import pytest

from receipts import Journal, JournalError
from receipts.asgi import ReceiptMiddleware, ReceiptRequiredError
from receipts.callers import Caller, TagContract
from receipts.emitting import Answer, Emitter
from receipts.prefixes import Identifiers
from tests.asgi import EVENTS, FRAMES, JSON, body, came, counted, cut, run, start
from tests.build import ACCOUNT, ISSUER, KEY
from tests.streams import CACHED, CHAT, DONE, chunk, lines, usage
from tests.test_every_answer import FRAMED
from tests.test_in_band import receipts_in


@pytest.fixture
def journal(folder):
    with Journal(str(folder / "issuer.db"), ISSUER, KEY) as journal:
        yield journal


STREAM = lines(chunk(), chunk(finish="stop", usage=CACHED)) + DONE
BODY = json.dumps({"id": "c-1", "model": "m-1", "usage": CACHED}).encode()
ANSWERS = {
    "body": ([start(), body(BODY)], BODY, CHAT),
    "stream": ([start(EVENTS), *cut(STREAM, 9)], STREAM, CHAT),
    "frames": ([start(FRAMES), *cut(FRAMED["ConverseStream"][1], 9)], FRAMED["ConverseStream"][1], "/model/m/converse-stream"),
}  # fmt: skip


def raising(*_args, **_more):
    raise RuntimeError("ours\nfailed")


class FailingTags(TagContract):
    def __init__(self):
        pass

    tags = raising


class FailingIdentifiers(Identifiers):
    def __init__(self):
        pass

    cache = raising


def read_fails(journal, monkeypatch):
    monkeypatch.setattr(Answer, "_count", raising)
    return Emitter(journal, ACCOUNT)


def journal_fails(journal, monkeypatch):
    monkeypatch.setattr(journal, "_order", raising)
    return Emitter(journal, ACCOUNT)


def disk_is_full(journal, monkeypatch):
    def full(*_args, **_more):
        raise JournalError("the disk is full")

    monkeypatch.setattr(journal._store, "add", full)
    return Emitter(journal, ACCOUNT)


def closed(journal, _):
    journal.close()
    return Emitter(journal, ACCOUNT)


FAULTS = {
    "account": lambda journal, _: Emitter(journal, raising),
    "account of another type": lambda journal, _: Emitter(journal, lambda _: 42),
    "tags of the caller": lambda journal, _: Emitter(journal, lambda _: Caller(ACCOUNT, 42)),
    "contract": lambda journal, _: Emitter(journal, ACCOUNT, tags=FailingTags()),
    "identifiers": lambda journal, _: Emitter(journal, ACCOUNT, identifiers=FailingIdentifiers()),
    "reading": read_fails,
    "journal": journal_fails,
    "disk": disk_is_full,
    "closed journal": closed,
}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_ours(journal, monkeypatch, caplog, fault, answer):
    """The answer is that of the server, it is counted once, and one line of the log says why."""
    app = ReceiptMiddleware(None, FAULTS[fault](journal, monkeypatch))
    messages, whole, path = ANSWERS[answer]
    sent = run(app, messages, path)
    assert came(sent) == (whole, [])
    assert counted(app) == {"failed": 1}
    (record,) = caplog.records
    assert "\n" not in record.getMessage()
    assert record.levelname == "ERROR"


@pytest.mark.parametrize("answer", ANSWERS)
def test_tags_that_no_receipt_can_hold(journal, caplog, answer):
    """That is no fault of the code, and the message says it all."""
    app = ReceiptMiddleware(None, Emitter(journal, lambda _: Caller(ACCOUNT, {"": "x"})))
    messages, whole, path = ANSWERS[answer]
    assert came(run(app, messages, path)) == (whole, [])
    assert counted(app) == {"refused": 1}
    assert len(caplog.records) == 1


def required(journal, account=ACCOUNT, **more):
    return ReceiptMiddleware(None, Emitter(journal, account), required=True, **more)


def error_of(sent):
    return sent[0]["status"], json.loads(sent[1]["body"])["error"]["type"], len(sent)


@pytest.mark.parametrize("answer", ANSWERS)
def test_required_and_there(journal, answer):
    messages, whole, path = ANSWERS[answer]
    app = required(journal)
    assert came(run(app, messages, path))[0] == whole
    assert counted(app) == {"issued": 1}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("account", [lambda _: None, raising])
def test_required_and_nobody_is_billed(journal, account, answer):
    messages, _, path = ANSWERS[answer]
    assert error_of(run(required(journal, account), messages, path)) == (403, "receipt_required", 2)
    assert receipts_in(journal) == []


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (JSON, b'{"id": "c", "model": "m"}'),
        (JSON, b"{"),
        (JSON, json.dumps({"id": "c", "model": "m", "usage": usage(9, 1) | {"total_tokens": 1}}).encode()),
        (b"text/html", b"<p>"),
        (b"", BODY),
    ],
)  # fmt: skip
def test_required_and_a_body_without(journal, kind, data):
    """It is refused before a byte of it went."""
    assert error_of(run(required(journal), [start(kind), body(data)])) == (503, "receipt_required", 2)  # fmt: skip


def test_required_and_a_stream_without(journal):
    """It is broken off before its last event: the client sees that it is not whole."""
    data = lines(chunk(), chunk(finish="stop")) + DONE
    app = required(journal)
    with pytest.raises(ReceiptRequiredError):
        run(app, [start(EVENTS), *cut(data, 9)])
    assert came(app.sent)[0] == data.removesuffix(DONE)
    assert all(message.get("more_body", True) for message in app.sent)
    assert counted(app) == {"without_usage": 1}


def test_required_and_frames_without(journal):
    messages, whole, path = ANSWERS["frames"]
    app = required(journal)
    with pytest.raises(ReceiptRequiredError):
        run(app, [*messages[:-3], body(b"")], path)
    assert whole.startswith(came(app.sent)[0])
    assert counted(app) == {"hung_up": 1}


@pytest.mark.parametrize(
    ("status", "data"),
    [
        (429, b'{"error": {"message": "slow down"}}'),
        (200, b'{"id": "r", "object": "response", "status": "queued"}'),
        (200, b'{"error": {"message": "x"}}'),
    ],
)
def test_required_does_not_hide_errors_nor_what_is_pending(journal, status, data):
    sent = run(required(journal), [start(status=status), body(data)], "/v1/responses")
    assert sent[0]["status"] == status
    assert came(sent)[0] == data


def test_required_and_an_error_in_a_stream(journal):
    data = lines(chunk()) + b'event: error\ndata: {"error": {"message": "x"}}\n\n'
    assert came(run(required(journal), [start(EVENTS), body(data)]))[0] == data


def test_required_with_the_usage_asked_for(journal):
    """The two together: whoever asks for no usage gets a receipt all the same."""
    data = lines(chunk(finish="stop"), {**chunk(), "choices": [], "usage": CACHED}) + DONE
    app = required(journal, include_usage=True)
    whole, receipts = came(run(app, [start(EVENTS), body(data)], asked=b'{"stream": true}'))
    assert (whole, len(receipts)) == (lines(chunk(finish="stop")) + DONE, 1)


def test_required_where_the_application_catches_everything(journal):
    """An application that sends on after the refusal sends nowhere."""
    messages = [start(), body(b"{}"), body(BODY)]
    assert error_of(run(required(journal), messages)) == (503, "receipt_required", 2)
