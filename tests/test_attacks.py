"""Ways in which a provider with the key tried to get past the verifier, and did once. Each stays closed."""

import io
import json
import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import cbor2
import pytest

from receipts import equivocation
from receipts.proof import inclusion_proof
from tests.build import (
    ISSUER,
    KEY,
    NOVEMBER,
    OCTOBER,
    SECOND,
    STRANGER,
    Batch,
    Stream,
    jwk_set,
    receipt_claims,
    sign_receipt,
    sign_statement,
    statement_claims,
)
from tests.conftest import SAMPLE
from tests.vectors.chain import december_of as _december
from verifier import (
    KeyFileError,
    KnownStatement,
    NotABatchError,
    PeriodError,
    Policy,
    Record,
    RecordError,
    Source,
    as_object,
    batch_file,
    by_kid,
    bytes_source,
    kid_text,
    read_jwks,
    verify,
)
from verifier.crypto import ed25519

KEYS = by_kid(read_jwks(json.dumps(jwk_set(KEY)).encode()))


@pytest.fixture
def check(shell, folder):
    """Writes a batch, verifies it with the pinned key, and returns the exit code and the codes of the findings."""
    (folder / "k.json").write_text(json.dumps(jwk_set(KEY)))
    shell("trust add k.json --yes")

    def run(data, more="", name="b.cbor"):
        (folder / name).write_bytes(data)
        result = shell(f"verify {name} --json {more}")
        return result.code, [f["code"] for f in json.loads(result.out)["findings"]]

    return run


NOVEMBER_BATCH = Batch()
CHAINS = {
    "statement-chain-broken": _december(NOVEMBER_BATCH, previous=bytes(32)),
    "first-mismatch": _december(NOVEMBER_BATCH, first=5),
    "statement-rollback": _december(NOVEMBER_BATCH, start=NOVEMBER[0] + 1, end=NOVEMBER[1]),
}


@pytest.mark.parametrize("code", CHAINS)
def test_a_bad_batch_is_as_bad_the_second_time(check, code):
    """Its own statements are remembered by then; they must not stand in for those of the input."""
    data = NOVEMBER_BATCH.data + CHAINS[code].data
    first = check(data)
    assert (first[0], code in first[1]) == (1, True)
    assert check(data) == first
    assert check(data, "--previous b.cbor") == first


def test_a_gap_is_a_gap_the_second_time(check):
    data = NOVEMBER_BATCH.data + _december(NOVEMBER_BATCH, number=2, previous=bytes(32)).data
    assert check(data) == check(data) == (3, ["statement-gap"])


def double_billing():
    return Batch(two=Stream("gpu-8", 2, change=lambda n, c: c | {8: "gpu-7-0"} if n == 1 else c))


def test_a_pipe_does_not_hide_double_billing(shell, folder):
    """What can be read only once is copied before the first pass, also where it is named as a file."""
    (folder / "k.json").write_text(json.dumps(jwk_set(KEY)))
    (folder / "empty").write_bytes(b"")
    os.mkfifo("pipe")
    for command in ("cli.main", "verifier"):
        for more in ([], ["empty"]):
            writer = threading.Thread(
                target=Path("pipe").write_bytes, args=(double_billing().data,)
            )
            writer.start()
            code = (
                "from cli.main import main; main()"
                if command == "cli.main"
                else "import sys; from verifier.__main__ import main; sys.exit(main())"
            )
            arguments = ["verify"] if command == "cli.main" else []
            run = subprocess.run(
                [sys.executable, "-c", code, *arguments, "pipe", *more, "--keys", "k.json", "--json"],
                capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )  # fmt: skip
            writer.join()
            assert run.returncode == 1, run.stderr
            assert [f["code"] for f in json.loads(run.stdout)["findings"]] == ["request-duplicate"]


def test_input_that_changes_after_it_was_read_is_an_error(folder):
    """What is fetched once more, for the names of what stands twice, must be what was read."""
    other = sign_receipt(cbor2.loads(cbor2.loads(Batch().items[2])[0]) | {9: "other"})
    told_twice = b"".join([*Batch().receipts[:3], other.data, *Batch().receipts[3:]])
    versions = [told_twice, *[Batch(two=Stream("gpu-8", 1)).data] * 2]

    def reopen():
        Path("now").write_bytes(versions.pop(0))
        return Path("now").open("rb")

    with pytest.raises(OSError, match="changed while it was read"):
        verify([Source("b", reopen)], Policy(KEYS))


def told_again(key=KEY):
    return Batch(one=Stream(over={"input": {1: 3000, 2: 1000, 3: 2000}}), key=key)


def test_memory_outlives_the_key(shell, folder, check):
    """A story under the old key, another one under the new key, while only the new one is trusted."""
    assert check(NOVEMBER_BATCH.data) == (0, [])
    (folder / "k2.json").write_text(json.dumps(jwk_set(SECOND)))
    code, found = check(told_again(SECOND).data, "--keys k2.json")
    assert (code, found) == (1, ["statement-equivocation"])


def test_a_memory_slot_cannot_be_taken(shell, folder, check):
    """A stranger's statement of the same issuer and number is not kept: neither in the place of the honest one nor beside it."""
    (folder / "k2.json").write_text(json.dumps(jwk_set(STRANGER)))
    assert check(told_again(STRANGER).data, "--keys k2.json")[0] == 0
    check(NOVEMBER_BATCH.data)
    again = Batch(one=Stream(over={"input": {1: 3000, 2: 500, 3: 2500}}))
    assert check(again.data)[1] == ["statement-equivocation"]
    kept = list((folder / "trust/statements").rglob("*.cbor"))
    assert len(kept) == 2


@pytest.mark.parametrize("damage", [b"", b"\x82\xff", b"\x82\x5a\x00", None])
def test_damaged_memory_is_an_error(shell, folder, check, damage):
    check(NOVEMBER_BATCH.data)
    (kept,) = (folder / "trust/statements").rglob("*.cbor")
    kept.write_bytes(kept.read_bytes()[:-1] if damage is None else damage)
    result = shell("verify b.cbor")
    assert (result.code, result.out) == (2, "")
    assert "receipt: error: a remembered statement is damaged" in result.err
    assert "receipt: hint: look below" in result.err


def test_a_revoked_key_does_not_poison_the_memory(shell, folder, check):
    revoked = jwk_set(KEY, revoked={"revoked_at": NOVEMBER[0] // 1000})
    both = {"iss": ISSUER, "keys": [*revoked["keys"], *jwk_set(SECOND)["keys"]]}
    (folder / "both.json").write_text(json.dumps(both))
    assert check(told_again().data, "--keys both.json")[0] == 1
    assert not list((folder / "trust/statements").rglob("*.cbor"))
    assert check(Batch(key=SECOND).data, "--keys both.json") == (0, [])


UNPROTECTED = {
    "an array": b"\x82\x19\x01\x0e\x41\x00",
    "a byte string": b"\x45\x19\x01\x0e\x41\x00",
    "a text": b"\x65\x19\x01\x0e\x41\x00",
    "a byte string that is no CBOR": b"\x41\xff",
    "a short byte string": b"\x43\x19\x00\x01",
}


@pytest.mark.parametrize("name", UNPROTECTED)
def test_an_unprotected_header_is_a_map(check, name):
    honest = NOVEMBER_BATCH.statement.data
    assert honest[-68:-64] == b"\xa0\xf6\x58\x40"[-4:]
    data = b"".join(NOVEMBER_BATCH.items[:-1]) + honest[:-68] + UNPROTECTED[name] + honest[-67:]
    code, found = check(data)
    assert (code, found) == (1, ["envelope-invalid"])


def test_a_huge_header_is_no_traceback(check):
    claims = statement_claims({}) | {2: "x" * 70_000}
    code, found = check(sign_statement(claims).data)
    assert (code, found) == (1, ["header-invalid"])


def test_a_container_that_is_too_large_is_refused(shell, folder, check):
    batch = NOVEMBER_BATCH
    proof = inclusion_proof(
        batch.ones[0].data, 0, [r.digest for r in batch.ones], batch.statement.data
    )
    assert check(proof)[0] == 0
    assert check(proof + bytes(34_000_000)) == (1, ["item-too-large"])


def test_the_smaller_digest_comes_first(check):
    one, two = (sign_receipt(c) for c in ({**cbor2.loads(cbor2.loads(NOVEMBER_BATCH.ones[0].data)[0]), 9: m} for m in "ab"))  # fmt: skip
    proof = equivocation(one.data, two.data)
    assert check(proof)[0] == 0
    first, second = sorted((one, two), key=lambda signed: signed.digest)
    assert check(b"\x82" + second.data + first.data) == (1, ["envelope-invalid"])


def test_a_proof_under_another_statement_than_the_known_one(check):
    assert check(NOVEMBER_BATCH.data)[0] == 0
    batch = told_again()
    proof = inclusion_proof(
        batch.ones[0].data, 0, [r.digest for r in batch.ones], batch.statement.data
    )
    assert check(proof) == (1, ["statement-equivocation"])


def test_sequences_are_not_used_again_behind_a_missing_statement(check):
    """December as number 2, while number 1 is not at hand: its streams may not begin before November's end."""
    check(NOVEMBER_BATCH.data)
    again = _december(NOVEMBER_BATCH, first=1, number=2, previous=bytes(32))
    assert check(again.data) == (1, ["first-mismatch"])


def test_a_period_that_holds_more_than_was_asked(shell, check):
    whole = Batch(statement_over={"start": OCTOBER[0]})
    assert check(whole.data, "--period 2026-11")[0] == 0
    assert "1 statement also of a time outside it" in shell("verify b.cbor --period 2026-11").out


@pytest.mark.parametrize("x", ["A", "é", "", "A" * 5])
def test_a_key_file_with_a_bad_point(x):
    document = jwk_set(KEY)
    document["keys"][0]["x"] = x
    with pytest.raises(KeyFileError, match="x"):
        read_jwks(json.dumps(document).encode())


def test_an_encoding_does_not_lose_the_report(folder):
    (folder / "k.json").write_text(json.dumps(jwk_set(KEY)))
    over = {"account": "漢"}
    batch = Batch(one=Stream(over=over), two=Stream("gpu-8", 2, over=over), statement_over=over)
    (folder / "b.cbor").write_bytes(batch.data)
    for program in (
        ["-m", "verifier"],
        ["-c", "from cli.main import main; main()", "verify", "--no-remember"],
    ):
        run = subprocess.run(
            [sys.executable, *program, "b.cbor", "--keys", "k.json"], capture_output=True, check=False,
            env={**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        assert b"\\u6f22" in run.stdout


def test_a_proof_that_cannot_be_written_does_not_change_the_verdict(
    shell, folder, check, monkeypatch
):
    check(NOVEMBER_BATCH.data)

    def refuse(*_args, **_more):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("cli.proofs.output_file", refuse)
    (folder / "c.cbor").write_bytes(told_again().data)
    result = shell("verify c.cbor --proofs .")
    assert result.code == 1
    assert "the proof could not be written" in result.err


def test_an_escape_sequence_does_not_reach_the_terminal(shell, folder):
    row = json.loads(SAMPLE.read_text().splitlines()[0]) | {"\x1b[31mred": 1}
    (folder / "u.jsonl").write_text(json.dumps(row))
    result = shell("ingest u.jsonl --check")
    assert "\x1b" not in result.err
    assert "\\x1b[31mred" in result.err


def whole(batch):
    """All of a batch that is larger than usual."""
    return b"".join(signed.data for signed in [*batch.ones, *batch.twos, batch.statement])


def count_checks(monkeypatch, data, name):
    """Signature checks that a verification makes."""
    made = []
    original = ed25519.verifier

    def counting(public, backend):
        library = original(public, backend)

        def check(signature, message):
            made.append(1)
            return library(signature, message)

        return check

    monkeypatch.setattr("verifier.crypto.keys.ed25519.verifier", counting)
    Path(name).write_bytes(data)
    assert verify([batch_file(name)], Policy(by_kid(read_jwks(json.dumps(jwk_set(KEY)).encode())))).verdict == "verified"  # fmt: skip
    return len(made)


def test_signature_checks_grow_with_the_receipts(folder, monkeypatch):
    """Receipts that the fast way leaves to the slow one: at most two checks each, wherever they stand."""
    for count in (50, 200):
        slow = Batch(
            one=Stream("gpu-7", count, over={"tags": {"team": ""}}), two=Stream("gpu-8", 1)
        )
        mixed = Batch(one=Stream("gpu-7", count, change=lambda n, c: c | {15: {"team": ""}} if n % 2 else c), two=Stream("gpu-8", 1))  # fmt: skip
        assert count_checks(monkeypatch, whole(slow), "b.cbor") <= 2 * count + 10
        assert count_checks(monkeypatch, whole(mixed), "b.cbor") <= 2 * count + 10


def test_the_same_verdict_with_one_process_and_two(folder):
    """Old receipts, a gap, and listed ones with a wrong root: the tree begins elsewhere in each way."""
    old = Stream("gpu-7", 2, over={"time": OCTOBER[0]}).receipts()
    new = Stream("gpu-7", 3, 3, before=bytes(32)).receipts()
    claims = statement_claims({"gpu-7": new})
    claims[9][0] |= {2: 3, 4: bytes(32)}
    data = b"".join(r.data for r in [*old, *new]) + sign_statement(claims).data
    Path("b.cbor").write_bytes(data)
    reports = [
        as_object(verify([batch_file("b.cbor")], Policy(KEYS), jobs=jobs)) for jobs in (1, 2)
    ]
    assert reports[0] == reports[1]
    assert "root-mismatch" in [f["code"] for f in reports[0]["findings"]]


def test_swapped_receipts_and_a_wrong_root(folder):
    """Both are told: a stream that is not whole does not keep the other ones' roots from being compared."""
    batch = Batch()
    claims = {**batch.claims, 9: [batch.claims[9][0], batch.claims[9][1] | {4: bytes(32)}]}
    items = batch.items
    swapped = [items[2], items[1], items[0], *items[3:-1], sign_statement(claims).data]
    Path("b.cbor").write_bytes(b"".join(swapped))
    for jobs in (1, 2):
        report = verify([batch_file("b.cbor")], Policy(KEYS), jobs=jobs)
        assert {"receipt-order", "root-mismatch"} == set(report.findings.counts)


def test_a_large_item_is_too_large_wherever_it_is_read(folder):
    """26 MB in the unsigned header of a statement; read whole or in parts."""
    honest = NOVEMBER_BATCH.statement.data
    part = b"\x5a" + (9_000_000).to_bytes(4) + bytes(9_000_000)
    padded = honest[:-68] + b"\xa1\x19\x01\x8a\x83" + part * 3 + honest[-67:]
    Path("a.cbor").write_bytes(b"".join(NOVEMBER_BATCH.items[:-1]) + padded)
    Path("b.cbor").write_bytes(b"".join(NOVEMBER_BATCH.items[:-1]))
    Path("c.cbor").write_bytes(padded)
    for names in (["a.cbor"], ["b.cbor", "c.cbor"]):
        report = verify([batch_file(name) for name in names], Policy(KEYS))
        assert list(report.findings.counts) == ["item-too-large"]


def test_the_report_does_not_depend_on_the_hash_seed(folder):
    """More repeated requests than are named: which ones, and how many, is the same in every run."""
    (folder / "k.json").write_text(json.dumps(jwk_set(KEY)))
    batch = Batch(one=Stream("gpu-7", 1200, change=lambda n, c: c | {8: f"r{n // 2}"}), two=Stream("gpu-8", 600, change=lambda n, c: c | {8: f"r{n}"}))  # fmt: skip
    (folder / "b.cbor").write_bytes(whole(batch))
    reports = {
        subprocess.run(
            [sys.executable, "-m", "verifier", "b.cbor", "--keys", "k.json", "--json"], capture_output=True, check=False,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        ).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert len(reports) == 1


def test_an_empty_period_is_no_period(shell, check, folder):
    check(NOVEMBER_BATCH.data)
    run = subprocess.run(
        [sys.executable, "-m", "verifier", "b.cbor", "--keys", "k.json", "--period", ""], capture_output=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert run.returncode == shell("verify b.cbor --period ''").code == 2


def test_a_strangers_statement_does_not_soften_the_verdict(check):
    """It closes nothing, so the issuer's own false statement is still held against its receipts."""
    lying = Batch(statement_over={"totals": {1: 1}})
    stranger = sign_statement(Batch().claims, STRANGER)
    receipts, statement = lying.items[:-1], lying.items[-1]
    code, found = check(b"".join([*receipts, stranger.data, statement]))
    assert code == 1
    assert {"key-unknown", "totals-mismatch"} <= set(found)
    assert "receipt-missing" not in found


def test_a_strangers_statement_is_not_known(check, folder):
    """Given as the one before, it cannot accuse the issuer of a second story."""
    other = {**NOVEMBER_BATCH.claims, 10: {1: 1}}
    (folder / "p.cbor").write_bytes(sign_statement(other, STRANGER).data)
    assert check(NOVEMBER_BATCH.data, "--no-remember --previous p.cbor") == (0, [])
    (folder / "p.cbor").write_bytes(sign_statement(other).data)
    found = check(NOVEMBER_BATCH.data, "--no-remember --previous p.cbor")[1]
    assert found == ["statement-equivocation"]


def test_many_statements_with_one_number(folder):
    """Each is told once, and compared with the first."""
    items = [sign_statement(statement_claims({}) | {7: NOVEMBER[1] + n}).data for n in range(400)]
    Path("b.cbor").write_bytes(b"".join(items))
    report = verify([batch_file("b.cbor")], Policy(KEYS))
    assert report.findings.counts["statement-equivocation"] == 399


def alone(*arguments, **more):
    """The verifier alone, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "verifier", *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, **more,
    )  # fmt: skip


@pytest.mark.parametrize("option", ["--requests", "--received", "--prompts", "--cache-key"])
def test_a_record_that_can_be_read_only_once_is_refused(folder, option):
    """It was read twice, and what the first look had taken was silently gone: the verdict was "verified"."""
    (folder / "k.json").write_text(json.dumps(jwk_set(KEY)))
    (folder / "b.cbor").write_bytes(NOVEMBER_BATCH.data)
    (folder / "p.jsonl").touch()
    reading, writing = os.pipe()
    os.write(writing, Stream("gpu-9", 1).receipts()[0].data)
    os.close(writing)
    more = ("--prompts", "p.jsonl") if option == "--cache-key" else ()
    run = alone(
        "b.cbor", "--keys", "k.json", option, f"/dev/fd/{reading}", *more, pass_fds=(reading,)
    )
    os.close(reading)
    assert (run.returncode, run.stdout) == (2, "")
    assert (
        run.stderr
        == f"verifier: error: /dev/fd/{reading} is no file; a record is read more than once\n"
    )


def test_what_a_sealed_batch_hides_from_the_record_is_found(folder):
    """The second pass reads the record as the first one did."""
    (folder / "r.cbor").write_bytes(Stream("gpu-9", 1).receipts()[0].data)
    (folder / "b.cbor").write_bytes(NOVEMBER_BATCH.data)
    for signatures in ("every", "statement"):
        policy = Policy(KEYS, signatures=signatures)
        report = verify([batch_file("b.cbor")], policy, record=Record(received=("r.cbor",)))
        assert report.findings.counts == {"received-omitted": 1}


def test_a_batch_that_changes_does_not_accuse(folder):
    """A stranger's receipt in the place of the honest one, which is back when the bytes are fetched once more."""
    honest = NOVEMBER_BATCH.ones[1].data
    claims = cbor2.loads(cbor2.loads(honest)[0]) | {9: "claude-sonnet-4-7"}
    swapped = NOVEMBER_BATCH.data.replace(honest, sign_receipt(claims, STRANGER).data)
    versions = [swapped, NOVEMBER_BATCH.data]
    (folder / "r.cbor").write_bytes(honest)
    source = Source("b", lambda: io.BytesIO(versions.pop(0)))
    with pytest.raises(OSError, match="changed while it was read"):
        verify([source], Policy(KEYS), record=Record(received=("r.cbor",)))


def test_a_key_that_only_claims_to_have_signed_is_not_named(folder):
    """In a sealed batch, receipts' own signatures are not checked: only the statement's key has shown itself."""
    batch = Batch(one=Stream(key=SECOND))
    receipts = [s.data[:-1] + bytes([s.data[-1] ^ 1]) for s in [*batch.ones, *batch.twos]]
    data = b"".join([*receipts, batch.statement.data])
    both = by_kid(read_jwks(json.dumps(jwk_set(KEY, SECOND)).encode()))
    report = verify([bytes_source("b", data)], Policy(both, signatures="statement"))
    assert (report.verdict, [one.kid for one in report.signers]) == (
        "verified",
        [kid_text(KEY.kid)],
    )


def lost(count):
    return b"".join(s.data[:-1] + bytes([s.data[-1] ^ 1]) for s in Stream(count=count).receipts())


@pytest.mark.parametrize("first", [b"\x82\xf9", lost(1000)], ids=["at a fault", "at 1,000 lost"])
def test_a_file_that_is_no_batch_is_none_wherever_the_reading_ends(folder, first):
    """With two processes it was refused, with one it was not looked at."""
    for jobs in (1, 2):
        with pytest.raises(NotABatchError, match="b begins with 7b7d"):
            verify([bytes_source("a", first), bytes_source("b", b"{}")], Policy(KEYS), jobs=jobs)


def test_every_unknown_key_is_named():
    """Also behind a hundred items by another one."""
    receipts = [*Stream(count=150, key=STRANGER).receipts(), *Stream("gpu-8", 1, key=SECOND).receipts()]  # fmt: skip
    report = verify([bytes_source("b", b"".join(r.data for r in receipts))], Policy(KEYS))
    found = [(f.actual, f.item, f.count) for f in report.findings if f.code == "key-unknown"]
    assert found == [(kid_text(STRANGER.kid), 0, 150), (kid_text(SECOND.kid), 150, 1)]


def test_more_processes_than_there_can_be(folder):
    (folder / "k.json").write_text(json.dumps(jwk_set(KEY)))
    (folder / "b.cbor").write_bytes(NOVEMBER_BATCH.data)
    assert alone("b.cbor", "--keys", "k.json", "--jobs", str(10**30)).returncode == 0


def test_a_process_that_is_ended_is_no_verdict(folder, monkeypatch):
    """A traceback ends with 1, which means rejected."""
    monkeypatch.setattr("verifier.order.workers.open_span", lambda *_: os._exit(9))
    with pytest.raises(OSError, match="a process that checked receipts was ended"):
        verify([bytes_source("b", NOVEMBER_BATCH.data)], Policy(KEYS), jobs=2)


@pytest.mark.parametrize("option", ["--requests", "--prompts"])
def test_a_full_disk_is_no_verdict(folder, option):
    """SQLite's error for it is another one than the system's. A traceback ends with 1, which means rejected."""
    (folder / "k.json").write_text(json.dumps(jwk_set(KEY)))
    (folder / "b.cbor").write_bytes(NOVEMBER_BATCH.data)
    rows = [json.dumps({"request": f"r{n}" * 40, "tokens": [n] * 40}) for n in range(30_000)]
    (folder / "r.jsonl").write_text("\n".join(rows))
    limit = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        " resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16));"
        " import sys; from verifier.__main__ import main; sys.exit(main())"
    )
    run = subprocess.run(
        [sys.executable, "-c", limit, "b.cbor", "--keys", "k.json", option, "r.jsonl"],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (
        2,
        "verifier: error: a temporary file: disk I/O error\n",
    )


def test_numbers_that_no_receipt_states_are_no_count(folder):
    """Their sum had more digits than Python turns into text."""
    most = "9" * 4300
    parts = f'"input_tokens": {most}, "cache_read_input_tokens": {most}, "cache_creation_input_tokens": 0'
    (folder / "r.jsonl").write_text(f'{{"request": "a", {parts}}}\n')
    with pytest.raises(RecordError, match="input_tokens is a whole number below 2"):
        verify([bytes_source("b", NOVEMBER_BATCH.data)], Policy(KEYS), record=Record(("r.jsonl",)))


@pytest.mark.parametrize("where", ['"body": {"messages": [{"content": [%s]}]}', '"extra": [%s]'])
def test_prompts_are_not_nested_too_deeply_for_any_step(folder, where):
    """What could just be read could not be compared."""
    for depth in (90, 101, 400, 480, 490, 500, 900, 5000):
        row = '{"request": "gpu-7-0", "tokens": [1], %s}' % (where % ("[" * depth + "]" * depth))
        (folder / "p.jsonl").write_text(row)
        record = Record(prompts=("p.jsonl",))
        if depth < 100:
            verify([bytes_source("b", NOVEMBER_BATCH.data)], Policy(KEYS), record=record)
        else:
            with pytest.raises(
                RecordError, match=r"line 1: (nested deeper than 100|maximum recur)"
            ):
                verify([bytes_source("b", NOVEMBER_BATCH.data)], Policy(KEYS), record=record)


def test_a_key_file_cannot_write_to_the_terminal(folder):
    document = jwk_set(KEY)
    document["keys"][0]["kid"] = "\x1b[2J"
    (folder / "k.json").write_text(json.dumps(document))
    run = alone("b.cbor", "--keys", "k.json")
    assert (run.returncode, "\x1b" in run.stderr) == (2, False)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_key_file_is_json(number):
    document = json.dumps(jwk_set(KEY))[:-1] + f', "x": {number}}}'
    with pytest.raises(KeyFileError, match="not a JSON key file"):
        read_jwks(document.encode())


def test_a_stream_too_many_is_of_no_account(monkeypatch):
    """The receipt is not collected, and its account has nothing in the input."""
    monkeypatch.setattr("verifier.order.collection.MAX_STREAMS", 1)
    receipts = [*Stream(count=1).receipts(), *Stream(count=1, over={"account": "b"}).receipts()]
    report = verify([bytes_source("b", b"".join(r.data for r in receipts))], Policy(KEYS))
    assert report.findings.counts == {"input-too-large": 1}
    assert [account.account for account in report.accounts] == ["acme"]


def test_a_known_statement_that_goes_on_elsewhere_is_told_at_the_earlier_one():
    """R-11.5: the later statement is only known, so the finding names the one that is in the input."""
    batch = NOVEMBER_BATCH
    claims = statement_claims({"gpu-8": batch.twos[1:]}, {"gpu-8": 1}, number=1,
                              previous=batch.statement.digest, start=NOVEMBER[1], end=NOVEMBER[1] + 1)  # fmt: skip
    later = KnownStatement(sign_statement(claims).data, verified=False)
    report = verify([bytes_source("b", batch.data)], Policy(KEYS), known=lambda *_: [later])
    assert [(f.code, f.item, f.number) for f in report.findings if f.severity == "rejected"] == [
        ("first-mismatch", 5, 0)
    ]


def test_received_receipts_of_another_account_are_not_missed(folder):
    """An idle month has a statement and no receipt: it is of its account all the same."""
    Path("received.cbor").write_bytes(sign_receipt(receipt_claims(account="globex")).data)
    statement = sign_statement(statement_claims({})).data
    record = Record(received=("received.cbor",))
    report = verify([bytes_source("b", statement)], Policy(KEYS), record=record)
    assert report.findings.counts == {}
    assert any("another issuer or account" in (c.not_checked or "") for c in report.checks)


def test_a_statement_behind_the_named_period_covers_nothing_of_it(folder):
    """What it covers begins where the period ends: that does not make the last hour of the period a matter of now."""
    first = sign_statement(statement_claims({}))
    later = (NOVEMBER[1] + 31 * 86_400_000, NOVEMBER[1] + 62 * 86_400_000)
    second = sign_statement(
        statement_claims({}, number=1, previous=first.digest, start=later[0], end=later[1])
    )
    line = {"request": "r", "time": NOVEMBER[1] - 1_800_000}
    Path("requests.jsonl").write_text(json.dumps(line) + "\n")
    report = verify(
        [bytes_source("b", first.data + second.data)], Policy(KEYS), period=(NOVEMBER[0], later[0]),
        record=Record(requests=("requests.jsonl",)),
    )  # fmt: skip
    assert "request-without-receipt" not in report.findings


def test_a_period_that_ends_before_it_begins_is_none():
    with pytest.raises(PeriodError, match="the end is not after the start"):
        verify([bytes_source("b", NOVEMBER_BATCH.data)], Policy(KEYS), period=(5, 5))


PROGRAMS = {
    "verifier": "-m verifier",
    "receipt": "-c 'import sys; sys.argv[0] = \"receipt\"; from cli.main import main; main()' verify",
}


def closed_by_the_shell(program, rest):
    """The exit code, and what was said."""
    line = f"{shlex.quote(sys.executable)} {PROGRAMS[program]} {rest}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(["sh", "-c", line], capture_output=True, check=False, env=environment)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(
    ("closing", "code"),
    [(">&-", 0), ("2>&-", 0), ("<&- >&- 2>&-", 0), (">/dev/full", 2), (">/dev/full 2>/dev/full", 2), ("--jobs 2 >&-", 0)],
)  # fmt: skip
def test_without_an_output_the_exit_code_is_no_other(folder, program, closing, code):
    """A traceback ends with 1, which means rejected."""
    (folder / "k.json").write_text(json.dumps(jwk_set(KEY)))
    (folder / "b.cbor").write_bytes(NOVEMBER_BATCH.data)
    run = closed_by_the_shell(program, f"b.cbor --keys k.json {closing}")
    assert (run.returncode, b"Traceback" in run.stderr) == (code, False)


@pytest.mark.parametrize("program", PROGRAMS)
def test_without_an_input_nothing_is_verified(folder, program):
    """It is an empty one."""
    (folder / "k.json").write_text(json.dumps(jwk_set(KEY)))
    run = closed_by_the_shell(program, "- --keys k.json <&-")
    empty = closed_by_the_shell(program, "- --keys k.json </dev/null")
    assert (run.returncode, run.stdout, run.stderr) == (3, empty.stdout, empty.stderr)


def test_a_sealed_batch_does_not_hide_another_story_behind_a_bad_signature(folder):
    """The receipt of the batch has a signature of no use, so that it is no proof; the received one is another story all the same."""
    batch, told = NOVEMBER_BATCH, NOVEMBER_BATCH.ones[1]
    other = receipt_claims(1, batch.ones[0].digest, model="other", time=NOVEMBER[1] + 5)
    Path("received.cbor").write_bytes(sign_receipt(other).data)
    broken = batch.data.replace(told.data, told.data[:-1] + bytes((told.data[-1] ^ 1,)))
    record = Record(received=("received.cbor",))
    for signatures in ("every", "statement"):
        report = verify(
            [bytes_source("b", broken)], Policy(KEYS, signatures=signatures), record=record
        )
        assert [(f.code, f.item) for f in report.findings] == [("signature-invalid", 2)]
