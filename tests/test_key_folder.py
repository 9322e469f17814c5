"""Keys in their time: made, rotated, revoked; and a server that signs with the right one, or not at all."""

import asyncio
import json
import logging
import stat
from pathlib import Path

import cbor2
import httpx
import pytest

from cli.sample.server import replay
from receipts import Counts, Journal, KeyFileError, KeyFolder, NoKeyError, PassphraseError, kid_text
from receipts.asgi import ReceiptMiddleware
from tests.build import ACCOUNT, DECEMBER, ISSUER, KEY, NOVEMBER, SECOND, jwk_set
from tests.clock import DAY, Clock
from verifier import Receipt, batch_file, read_items

START = NOVEMBER[0]
COUNTS = Counts(3000, 2000)


@pytest.fixture
def clock(monkeypatch):
    """The first of November; whoever wants it later sets ``clock.now``."""
    return Clock(monkeypatch, START)


def published(folder="keys"):
    return json.loads(Path(folder, "issuer.jwks.json").read_bytes())["keys"]


def mode(path):
    return stat.S_IMODE(Path(path).stat().st_mode)


# Commands.


def test_keygen_prints_the_kid_that_trust_add_compares(shell, folder):
    made = shell("keygen --issuer https://api.example.com --out keys")
    kid = published()[0]["kid"]
    assert (made.code, made.out) == (0, f"{kid}\n")
    assert shell(f"trust add keys/issuer.jwks.json --kid {made.out}").code == 0
    assert json.loads(shell("keygen --issuer x --out other --json").out)["kid"] == published("other")[0]["kid"]  # fmt: skip


def test_rotation_publishes_before_it_signs(shell, keys, clock):
    """The successor is in the key file a day before its first signature, and the old key ends where it begins."""
    rotated = shell("key rotate --keys keys")
    old, new = published()
    begins = (START + DAY) // 1000
    assert (rotated.code, rotated.out) == (0, f"{new['kid']}\n")
    assert (old["exp"], new["nbf"], "exp" in new) == (begins, begins, False)
    assert "signs from 2026-11-02; give keys/issuer.jwks.json to your customers" in rotated.err
    (path,) = Path("keys").glob("issuer-*.pem")
    assert mode(path) == 0o600
    folder = KeyFolder("keys")
    assert folder.for_receipt(START + DAY - 1).kid == KEY.kid
    assert kid_text(folder.for_receipt(START + DAY).kid) == new["kid"]


def test_a_rotation_in_words_and_as_data(shell, keys, clock):
    made = json.loads(
        shell("key rotate --keys keys --from 2026-12-01 --expires 2027-12-01 --json").out
    )
    assert made["ended"] == [kid_text(KEY.kid)]
    assert (made["not_before"], made["expires"]) == (DECEMBER[0], DECEMBER[0] + 365 * DAY)
    listed = shell("key list --keys keys")
    assert listed.out == (
        f"{kid_text(KEY.kid)}  signs until 2026-12-01\n"
        f"{made['kid']}  signs from 2026-12-01 until 2027-12-01\n"
    )
    clock.now = DECEMBER[0]
    states = [row["state"] for row in json.loads(shell("key list --keys keys --json").out)["keys"]]
    assert states == ["ended 2026-12-01", "signs until 2027-12-01"]


def test_rotations_that_are_refused_change_nothing(shell, keys, clock):
    before = {path: path.read_bytes() for path in Path("keys").iterdir()}
    for line, message in (
        ("--from 2026-10-31", "--from 2026-10-31 is not in the future, and a key has signed since"),
        ("--from 2026-11-10 --expires 2026-11-10", "the successor would end before it may sign"),
    ):
        result = shell(f"key rotate --keys keys {line}")
        assert (result.code, message in result.err, "receipt: hint: " in result.err) == (
            2,
            True,
            True,
        )
        assert {path: path.read_bytes() for path in Path("keys").iterdir()} == before
    assert shell("key rotate --keys keys").code == 0
    again = shell("key rotate --keys keys")
    assert (again.code, "a successor that begins at 2026-11-02 is there already" in again.err) == (
        2,
        True,
    )
    assert shell("key rotate --keys nowhere").code == 2


def test_a_rotation_after_the_end_begins_at_once(shell, keys, clock):
    clock.now = START + 10 * DAY
    write(keys, exp=(START + 5 * DAY) // 1000)
    late = shell("key rotate --keys keys")
    assert published()[1]["nbf"] == clock.now // 1000
    assert "from 2026-11-06 to 2026-11-11 no key may sign" in late.err
    assert "customers miss its key until they have keys/issuer.jwks.json" in late.err


def test_a_theft_while_a_successor_waits(shell, keys, clock):
    """Nobody signs until the successor begins, so another one fills the gap, and ends there."""
    assert shell("key rotate --keys keys").code == 0
    clock.now += 1000
    assert shell(f"key revoke {kid_text(KEY.kid)} --keys keys").code == 0
    assert shell("key rotate --keys keys").code == 0
    _, waiting, gap = published()
    assert (gap["nbf"], gap["exp"]) == (clock.now // 1000, waiting["nbf"])
    assert "exp" not in waiting
    same = shell("key rotate --keys keys --from 2026-11-02")
    assert (same.code, "it begins 2026-11-02: name another --from" in same.err) == (2, True)


def test_a_rotation_begins_at_the_latest_when_the_old_key_ends(shell, keys, clock):
    write(keys, exp=(START + DAY // 2) // 1000)
    shell("key rotate --keys keys")
    assert published()[1]["nbf"] == (START + DAY // 2) // 1000


def test_rotation_keeps_the_passphrase(shell, folder, clock, monkeypatch):
    monkeypatch.setenv("RECEIPT_KEY_PASSPHRASE", "secret")
    assert shell("keygen --issuer x --out locked --passphrase").code == 0
    assert shell("key rotate --keys locked").code == 0
    for path in Path("locked").glob("*.pem"):
        assert b"ENCRYPTED" in path.read_bytes()
    assert len(KeyFolder("locked", b"secret").keys) == 2
    with pytest.raises(PassphraseError):
        KeyFolder("locked")
    monkeypatch.delenv("RECEIPT_KEY_PASSPHRASE")
    refused = shell("key rotate --keys locked")
    assert (refused.code, "set RECEIPT_KEY_PASSPHRASE" in refused.err) == (2, True)


def test_a_stolen_key_is_revoked(shell, keys, clock):
    """What the thief signs from then on is rejected; the successor goes on at once."""
    kid = kid_text(KEY.kid)
    clock.now = START + 3 * DAY
    revoked = shell(f"key revoke {kid} --keys keys --at 2026-11-03 --reason compromised")
    assert revoked.code == 0
    assert published()[0]["revoked"] == {"revoked_at": (START + 2 * DAY) // 1000, "reason": "compromised"}  # fmt: skip
    assert "no key may sign now: receipt key rotate --keys keys" in revoked.err
    assert shell("key list --keys keys").out == f"{kid}  revoked from 2026-11-03\n"
    assert shell("key rotate --keys keys --from 2026-11-03").code == 0
    write_usage(START + DAY, START + 2 * DAY)
    assert shell("issue u.jsonl --keys keys --account acme --out b.cbor").code == 0
    verified = shell("verify b.cbor --keys keys/issuer.jwks.json --json")
    assert json.loads(verified.out)["finding_counts"] == {"statement-missing": 2}
    assert len(json.loads(verified.out)["parties"][0]["signers"]) == 2
    forged = Journal("thief.db", ISSUER, KEY)
    forged.issue(ACCOUNT, request="r", model="m", counts=COUNTS, time=START + 2 * DAY)
    forged.close()
    clock.now = DECEMBER[0]
    closed = shell(
        "close --journal thief.db --keys keys --account acme --period 2026-11 --out t.cbor"
    )
    assert (closed.code, "would be rejected: item 0: " in closed.err) == (2, True)


def test_the_key_that_signs_is_revoked(shell, keys, clock):
    """Once a key was rotated, the first in the list has ended: to revoke that stops no thief, and is warned of."""
    old = kid_text(KEY.kid)
    new = shell("key rotate --keys keys").out.strip()
    clock.now = START + 2 * DAY
    ended = shell(f"key revoke {old} --keys keys")
    assert (ended.code, ended.err) == (0,
        (f"receipt: key {old} is revoked from 2026-11-03; give keys/issuer.jwks.json to your customers\n"
        f"receipt: warning: key {old} had ended 2026-11-02 already: that changes nothing; the key that signs now is {new} (--signing)\n"),
    )  # fmt: skip
    revoked = shell("key revoke --signing --keys keys --reason compromised")
    assert (revoked.code, revoked.err) == (0,
        (f"receipt: key {new} is revoked from 2026-11-03; give keys/issuer.jwks.json to your customers\n"
        "receipt: warning: no key may sign now: receipt key rotate --keys keys\n"),
    )  # fmt: skip
    assert [one["revoked"]["reason"] for one in published()] == ["unspecified", "compromised"]
    none = shell("key revoke --signing --keys keys")
    assert (none.code, none.err) == (2,
        "receipt: error: no key in keys may sign now\nreceipt: hint: receipt key list prints its keys; name one\n",
    )  # fmt: skip
    clock.now += DAY
    again = shell(f"key revoke {old} --keys keys --at 2026-11-02")
    assert (again.code, again.err.count("changes nothing")) == (0, 1)
    earlier = shell(f"key revoke {old} --keys keys --at 2026-11-01")
    assert (earlier.code, earlier.err.count("changes nothing")) == (0, 0)


@pytest.mark.parametrize("line", ["", "KID --signing"])
def test_one_key_is_named(shell, keys, line):
    result = shell(f"key revoke {line} --keys keys")
    assert (result.code, result.err) == (2,
        "receipt: error: give either KID or --signing\nreceipt: hint: see receipt key revoke --help\n",
    )  # fmt: skip


def test_of_two_keys_that_may_sign_the_youngest_is_revoked(shell, keys, clock):
    """As for receipts (`KeyFolder.for_receipt`)."""
    shell("key rotate --keys keys --from 2026-11-05")
    document = json.loads(Path("keys/issuer.jwks.json").read_bytes())
    del document["keys"][0]["exp"]
    Path("keys/issuer.jwks.json").write_text(json.dumps(document))
    clock.now = START + 10 * DAY
    signs = kid_text(KeyFolder("keys").for_receipt(clock.now).kid)
    assert json.loads(shell("key revoke --signing --keys keys --json").out)["kid"] == signs
    assert signs != kid_text(KEY.kid)


def test_a_revocation_is_not_taken_back(shell, keys, clock):
    kid = kid_text(KEY.kid)
    assert shell(f"key revoke {kid} --keys keys --at 2026-11-10").code == 0
    later = shell(f"key revoke {kid} --keys keys --at 2026-11-11")
    assert (later.code, "is revoked from 2026-11-10 already" in later.err) == (2, True)
    assert shell(f"key revoke {kid} --keys keys --at 2026-11-09 --json").code == 0
    unknown = shell("key revoke nothing --keys keys")
    assert (unknown.code, "has no key nothing" in unknown.err) == (2, True)


def test_a_key_file_is_replaced_whole(shell, keys, clock, monkeypatch):
    """A disk that is full at the wrong moment: customers and servers read the old key file, and no key is lost."""
    before = (keys / "issuer.jwks.json").read_bytes()
    replace = Path.replace

    def full(path, target):
        if str(target).endswith("issuer.jwks.json"):
            raise OSError(28, "No space left on device")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", full)
    for line in ("key rotate --keys keys", f"key revoke {kid_text(KEY.kid)} --keys keys"):
        assert shell(line).code == 2
        assert (keys / "issuer.jwks.json").read_bytes() == before
    assert not list(keys.glob(".issuer*"))
    assert KeyFolder(keys).for_receipt(START).kid == KEY.kid


def test_members_of_the_key_file_that_are_not_known_stay(shell, keys, clock):
    document = json.loads((keys / "issuer.jwks.json").read_bytes())
    document["note"] = "ours"
    document["keys"].append({"kty": "EC", "crv": "P-256", "kid": "other"})
    (keys / "issuer.jwks.json").write_text(json.dumps(document))
    assert shell("key rotate --keys keys").code == 0
    changed = json.loads((keys / "issuer.jwks.json").read_bytes())
    assert (changed["note"], changed["keys"][1]) == ("ours", document["keys"][1])


# Which key signs.


def write(folder, *keys, **members):
    Path(folder, "issuer.jwks.json").write_text(
        json.dumps(jwk_set(*keys, issuer=ISSUER, **members))
    )


def write_usage(*times, name="u.jsonl"):
    usage = {"input_tokens": 4, "output_tokens": 1}
    rows = [
        {"provider": "anthropic", "api": "messages", "model": "m", "request": f"r{time}", "time": time, "usage": usage | {"cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}}
        for time in times
    ]  # fmt: skip
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def two_keys(keys, handover):
    """The key of the vectors until a time, then another one."""
    (keys / "issuer-next.pem").write_bytes(SECOND.to_pem())
    document = jwk_set(KEY, issuer=ISSUER, exp=handover // 1000)
    document["keys"] += jwk_set(SECOND, nbf=handover // 1000)["keys"]
    (keys / "issuer.jwks.json").write_text(json.dumps(document))
    return KeyFolder(keys)


def test_no_key_outside_of_its_window(keys, clock):
    write(keys, nbf=START // 1000, exp=DECEMBER[0] // 1000)
    folder = KeyFolder(keys)
    assert folder.for_receipt(START).kid == KEY.kid
    for time in (START - 1, DECEMBER[0]):
        with pytest.raises(
            NoKeyError, match=f"time: expected one for which a key in {keys} may sign"
        ):
            folder.for_receipt(time)
    with pytest.raises(NoKeyError, match=r"end: expected .*, found 2026-12-01T00:00:00Z"):
        folder.for_statement(DECEMBER[0])  # it would have to be signed after the key has ended
    assert folder.for_statement(DECEMBER[0] - 1000).kid == KEY.kid


def test_a_statement_is_signed_by_a_key_of_today(keys, clock):
    folder = two_keys(keys, DECEMBER[0])
    clock.now = DECEMBER[0] + DAY
    assert folder.for_statement(NOVEMBER[0]).kid == SECOND.kid
    clock.now = START
    assert folder.for_statement(NOVEMBER[0]).kid == KEY.kid
    assert folder.for_statement(DECEMBER[0]).kid == SECOND.kid  # the period is closed early


def test_folders_that_do_not_belong_together(keys, folder):
    write(keys, SECOND)
    with pytest.raises(KeyFileError, match=r"does not list the key in issuer\.pem"):
        KeyFolder(keys)
    (keys / "issuer.jwks.json").write_text("{}")
    with pytest.raises(KeyFileError, match="is not the key file that receipt keygen wrote"):
        KeyFolder(keys)


def test_an_old_key_that_is_destroyed_is_not_needed(shell, keys, clock):
    """The safest place for a key that signs no more is none."""
    two_keys(keys, START + DAY)
    clock.now = START + 2 * DAY
    (keys / "issuer.pem").unlink()
    write_usage(START + DAY)
    assert shell("issue u.jsonl --keys keys --account acme --out b.cbor").code == 0
    assert shell("key rotate --keys keys").code == 0
    (first, *_) = shell("key list --keys keys").out.splitlines()
    assert first == f"{kid_text(KEY.kid)}  ended 2026-11-02"
    for path in keys.glob("*.pem"):
        path.unlink()
    gone = shell("issue u.jsonl --keys keys --account acme --out c.cbor")
    assert (gone.code, "keys/issuer.pem is not there" in gone.err) == (2, True)


def test_a_log_is_signed_with_the_keys_of_its_times(shell, keys, clock):
    two_keys(keys, START + 5 * DAY)
    write_usage(START, START + 4 * DAY, START + 5 * DAY, START + 9 * DAY)
    assert shell("issue u.jsonl --keys keys --account acme --out b.cbor").code == 0
    report = json.loads(shell("verify b.cbor --keys keys/issuer.jwks.json --json").out)
    assert (len(report["parties"][0]["signers"]), set(report["finding_counts"])) == (
        2,
        {"statement-missing"},
    )


def test_a_log_of_a_time_without_a_key_is_rejected_line_by_line(shell, keys, clock):
    write(keys, exp=(START + DAY) // 1000)
    write_usage(START, START + 2 * DAY)
    result = shell("issue u.jsonl --keys keys --account acme --out b.cbor")
    assert (result.code, "line 2: time: expected one for which a key in keys may sign" in result.err) == (1, True)  # fmt: skip
    assert len(list(read_items([batch_file("b.cbor")]))) == 1


# A server that runs.


@pytest.fixture
def server(keys, clock, monkeypatch):
    """Asks the sample server, in this process and with its settings in the environment; the journal is issuer.db."""
    for name, value in (("KEYS", "keys"), ("JOURNAL", "issuer.db"), ("ACCOUNT", ACCOUNT)):
        monkeypatch.setenv(f"RECEIPT_{name}", value)
    app = ReceiptMiddleware(replay)

    def ask():
        async def send():
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
                body = {"model": "sample", "messages": [{"role": "user", "content": "hello"}]}
                return await client.post("/v1/chat/completions", json=body)

        answer = asyncio.run(send())
        assert answer.status_code == 200
        assert answer.json()["choices"]
        return "token-receipt" in answer.headers

    ask.app = app
    yield ask
    if app.emitter is not None:
        app.emitter.journal.close()


def signers(path="all.cbor"):
    """The keys of the receipts of a batch, in order."""
    items = [i for i in read_items([batch_file(path)]) if isinstance(i.claims, Receipt)]
    return [cbor2.loads(cbor2.loads(i.raw)[1].value[0])[4] for i in items]


def test_a_server_stops_at_its_key_s_end_and_goes_on_after_a_rotation(shell, keys, server, clock, caplog):  # fmt: skip
    write(keys, exp=(START + 20 * DAY) // 1000)
    assert server() is True
    clock.now = START + 20 * DAY
    assert server() is False  # and the answer is whole
    assert (server.app.emitter.counters["issued"], server.app.emitter.counters["failed"]) == (1, 1)
    assert "time: expected one for which a key in keys may sign, found 2026-11-21T00:00:00Z" in caplog.text  # fmt: skip
    assert shell("key rotate --keys keys").code == 0
    assert server() is True  # without a restart
    clock.now = DECEMBER[0] + DAY
    closed = shell(
        "close --journal issuer.db --keys keys --account acme --period 2026-11 --out all.cbor"
    )
    assert closed.code == 0, closed.err
    assert signers()[0] == KEY.kid
    assert signers()[1] not in (None, KEY.kid)
    verified = shell("verify all.cbor --keys keys/issuer.jwks.json --period 2026-11 --json")
    assert (verified.code, len(json.loads(verified.out)["parties"][0]["signers"])) == (0, 2)


def test_a_server_takes_the_successor_at_its_time_and_not_before(shell, keys, server, clock):
    assert server() is True
    assert shell("key rotate --keys keys").code == 0
    for now in (START + DAY - 1, START + DAY):
        clock.now = now
        assert server() is True
    clock.now = DECEMBER[0] + DAY
    assert shell("close --journal issuer.db --keys keys --account acme --period 2026-11 --out all.cbor").code == 0  # fmt: skip
    first, second, third = signers()
    assert (first, second, third == KEY.kid) == (KEY.kid, KEY.kid, False)
    assert shell("verify all.cbor --keys keys/issuer.jwks.json --period 2026-11").code == 0


def test_a_server_stops_when_its_key_is_revoked(shell, keys, server, clock):
    assert server() is True
    clock.now += 1000
    assert shell(f"key revoke {kid_text(KEY.kid)} --keys keys").code == 0
    assert server() is False
    assert server.app.emitter.counters["failed"] == 1


def test_a_key_file_that_is_spoilt_is_logged_and_the_old_keys_go_on(keys, server, clock, caplog):
    assert server() is True
    (keys / "issuer.jwks.json").write_text("{")
    assert server() is True
    assert "issuer.jwks.json has changed and cannot be used" in caplog.text
    caplog.clear()
    assert server() is True
    assert caplog.text == ""
    write(keys, issuer := SECOND)  # of another key than issuer.pem
    assert issuer is SECOND
    assert server() is True


def test_a_server_warns_a_week_before_once_a_day(shell, keys, server, clock, caplog):
    write(keys, exp=(START + 10 * DAY) // 1000)
    caplog.set_level(logging.WARNING, "receipts.keys")
    told = []
    for hour in range(0, 10 * 24, 6):
        clock.now = START + hour * DAY // 24
        caplog.clear()
        assert server() is True
        if (
            "no key in keys may sign from 2026-11-11T00:00:00Z on: receipt key rotate"
            in caplog.text
        ):
            told.append(hour // 24)
    assert told == [3, 4, 5, 6, 7, 8, 9]


def test_a_server_whose_successor_is_published_does_not_warn(shell, keys, server, clock, caplog):
    write(keys, exp=(START + 3 * DAY) // 1000)
    assert shell("key rotate --keys keys").code == 0
    assert server() is True
    assert caplog.text == ""


def test_a_key_folder_in_code(keys, folder, clock):
    signing = two_keys(keys, START + DAY)
    with Journal("j.db", signing.issuer, signing) as journal:
        journal.issue(ACCOUNT, request="a", model="m", counts=COUNTS)
        clock.now = START + DAY
        journal.issue(ACCOUNT, request="b", model="m", counts=COUNTS)
    (keys / "issuer-next.pem").unlink()  # what is gone cannot sign
    with pytest.raises(NoKeyError):
        KeyFolder(keys).for_receipt(START + DAY)
