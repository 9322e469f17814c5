"""What got past the emitting side, or brought it to a stop, in an attack on it: each test fails while its hole is there."""

import json

import pytest

from receipts import Counts, Journal, JournalError
from receipts.asgi import ReceiptMiddleware
from receipts.asgi.body import MAX_BODY
from receipts.callers import Asked
from receipts.emitting import Emitter
from receipts.key_folder import KeyFolder
from tests.asgi import EVENTS, body, came, counted, run, start
from tests.build import ACCOUNT, ISSUER, KEY
from tests.streams import CACHED, DONE, chunk, lines, only


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
