"""The commands, as people use them: what they print and where, what they leave behind, and their exit codes."""

import gzip
import json
import os
import re
import resource
import stat
from pathlib import Path

import pytest

from tests.build import ISSUER
from verifier import Receipt, Statement, batch_file, read_items


def test_the_whole_way(shell, folder):
    (folder / "usage.jsonl").write_bytes(
        (Path(__file__).parents[1] / "cli/sample/usage.jsonl").read_bytes()
    )
    steps = [
        (
            "keygen --issuer https://api.example.com --out keys/ --json",
            '{\n  "issuer"',
            "keys/issuer.pem is secret",
        ),
        (
            "issue usage.jsonl --keys keys/ --account acme --out batch.cbor",
            "",
            "44 receipts in 2 streams",
        ),
        (
            "close batch.cbor --keys keys/ --period 2026-11",
            "",
            "statement 0 of acme closes 44 receipts",
        ),
        ("trust add keys/issuer.jwks.json --yes", "", "pinned https://api.example.com"),
        ("verify batch.cbor", "verified: batch.cbor", ""),
        ("verify batch.cbor --period 2026-11 --account acme", "verified: batch.cbor", ""),
        ("show batch.cbor", "item 0, byte 0: receipt", "nothing of this was checked"),
        ("prove batch.cbor --request req_42 -o proof.cbor", "", "wrote proof.cbor"),
        ("verify proof.cbor", "verified: proof.cbor (a proof for one receipt)", ""),
    ]
    for line, out, err in steps:
        result = shell(line)
        assert result.code == 0, (line, result)
        assert result.out.startswith(out)
        assert bool(result.out) == bool(out)
        assert err in result.err
    assert sorted(path.name for path in folder.iterdir()) == [
        "batch.cbor",
        "keys",
        "proof.cbor",
        "trust",
        "usage.jsonl",
    ]


def test_the_private_key_is_private(shell, folder):
    shell("keygen --issuer x --out keys")
    assert stat.S_IMODE(Path("keys/issuer.pem").stat().st_mode) == 0o600
    before = Path("keys/issuer.pem").read_bytes()
    again = shell("keygen --issuer x --out keys")
    assert (again.code, "keys/issuer.pem is there already" in again.err) == (2, True)
    assert Path("keys/issuer.pem").read_bytes() == before


def test_an_encrypted_key(shell, folder, monkeypatch, closed):
    monkeypatch.setenv("RECEIPT_KEY_PASSPHRASE", "secret")
    assert shell("keygen --issuer x --out locked --passphrase").code == 0
    assert b"ENCRYPTED" in Path("locked/issuer.pem").read_bytes()
    assert shell("issue usage.jsonl --keys locked --account acme --out b.cbor").code == 0
    monkeypatch.setenv("RECEIPT_KEY_PASSPHRASE", "wrong")
    result = shell("issue usage.jsonl --keys locked --account acme --out c.cbor")
    assert (result.code, "does not open the key" in result.err, Path("c.cbor").exists()) == (
        2,
        True,
        False,
    )
    monkeypatch.delenv("RECEIPT_KEY_PASSPHRASE")
    assert (
        "set RECEIPT_KEY_PASSPHRASE"
        in shell("issue usage.jsonl --keys locked --account acme --out c.cbor").err
    )


def test_a_window(shell, folder):
    shell("keygen --issuer x --out keys --not-before 2026-11-01 --expires 2027-11-01T00:00:00Z")
    key = json.loads(Path("keys/issuer.jwks.json").read_text())["keys"][0]
    assert (key["nbf"], key["exp"]) == (1793491200, 1825027200)
    assert (
        shell("keygen --issuer x --out other --not-before 2027-01-01 --expires 2026-01-01").code
        == 2
    )
    assert shell("keygen --issuer '' --out other").code == 2
    assert not Path("other").exists()


def lines(count=3, **over):
    usage = {
        "input_tokens": 4,
        "output_tokens": 193,
        "cache_read_input_tokens": 8845,
        "cache_creation_input_tokens": 6,
    }
    for n in range(count):
        yield {"provider": "anthropic", "api": "messages", "model": "m", "request": f"r{n}",
               "time": 1793534400000 + n, "usage": usage} | over  # fmt: skip


def write(rows, name="u.jsonl"):
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def claims_of(name):
    return [item.claims for item in read_items([batch_file(name)])]


def test_issue_orders_by_time_and_keeps_what_it_is_given(shell, keys):
    rows = list(lines())
    rows[0] |= {"time": "2026-11-20T12:00:00.5Z", "tags": {"team": "a"}, "client": "c0ffee", "stream": "x",
                "cache": {"read": {"recipe": "tokens-sha256", "id": "ab" * 32, "prefix": 8845}}}  # fmt: skip
    write(rows)
    assert shell("issue u.jsonl --keys keys --account acme --stream s --out b.cbor").code == 0
    claims = claims_of("b.cbor")
    assert [c.request for c in claims] == ["r1", "r2", "r0"]
    assert [(c.stream, c.sequence) for c in claims] == [("s", 0), ("s", 1), ("x", 0)]
    last = claims[-1]
    assert (last.time, last.tags, last.client) == (1795176000500, {"team": "a"}, b"\xc0\xff\xee")
    assert last.cache_read.prefix == 8845
    assert last.source.provider == "anthropic"


BAD_LINES = {
    "not json": ("{", "line 2: not JSON: "),
    "unknown member": ({"tag": 1}, "line 2: tag: Extra inputs are not permitted"),
    "seconds": (
        {"time": 1793534400},
        "line 2: time: expected ms since 1970; this looks like seconds",
    ),
    "float time": (
        {"time": 1793534400000.0},
        "line 2: time: expected ms since 1970 or an RFC 3339 time",
    ),
    "local time": (
        {"time": "2026-11-20T12:00:00"},
        "line 2: time: '2026-11-20T12:00:00' has no time zone",
    ),
    "usage": ({"usage": {"input_tokens": 1.5}}, "line 2: usage: input_tokens: "),
    "api": ({"api": "other"}, "line 2: usage: api: anthropic has no api 'other'"),
    "hex": ({"client": "xyz"}, "line 2: client: expected bytes in hexadecimal"),
    "tags": ({"tags": {"a": 1}}, "line 2: tags.a: Input should be a valid string"),
    "empty request": (
        {"request": ""},
        "line 2: request: expected text of 1 to 512 bytes, found 0 bytes",
    ),
    "twice": ({"request": "r0"}, "line 2: request 'r0' stands in line 1 already"),
    "nan": ('{"time": NaN}', "line 2: NaN is not JSON"),
    "surrogate": ({"request": "\ud800"}, "line 2: request: "),
    "deep": ("[" * 100000, "line 2: "),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_line_is_named_kept_and_resumed(shell, keys, name):
    """The others are issued; the line itself is kept as it was, and can be mended."""
    change, message = BAD_LINES[name]
    rows = list(lines())
    raw = change if isinstance(change, str) else json.dumps(rows[1] | change)
    Path("u.jsonl").write_text(f"{json.dumps(rows[0])}\n{raw}\n{json.dumps(rows[2])}\n")
    result = shell("issue u.jsonl --keys keys --account acme --out b.cbor")
    assert result.code == 1
    assert result.err.startswith(f"receipt: warning: u.jsonl, {message}")
    assert "1 line rejected: u.rejects.jsonl" in result.err
    assert [c.request for c in claims_of("b.cbor")] == ["r0", "r2"]
    (reject,) = map(json.loads, Path("u.rejects.jsonl").read_text().splitlines())
    assert reject["raw"] == raw
    assert reject["reject"]["line"] == 2
    assert reject["reject"]["reason"] in f"{message}{result.err}"
    if name != "twice":
        again = shell("issue u.rejects.jsonl --keys keys --account acme --out c.cbor")
        assert (again.code, Path("c.cbor").exists()) == (1, False)
        Path("u.rejects.jsonl").write_text(json.dumps(reject | {"raw": json.dumps(rows[1])}))
        assert shell("issue u.rejects.jsonl --keys keys --account acme --out c.cbor").code == 0
        assert [c.request for c in claims_of("c.cbor")] == ["r1"]


def test_a_line_that_is_not_text_is_kept_byte_for_byte(shell, keys):
    Path("u.jsonl").write_bytes(b"\xff\xfe{}\n")
    assert (
        shell("issue u.jsonl --keys keys --account acme --out b.cbor --rejects r.jsonl").code == 1
    )
    assert bytes.fromhex(json.loads(Path("r.jsonl").read_text())["raw_hex"]) == b"\xff\xfe{}"
    again = shell("ingest r.jsonl --json")
    assert json.loads(again.out)["rejects"][0]["line"] == 1
    assert json.loads(Path("r.rejects.jsonl").read_text())["raw_hex"] == "fffe7b7d"


def test_two_lines_of_a_request_with_another_usage(shell, keys):
    """Which of them is final, nobody knows; so neither is issued (VibeCodingTracker#283: one response logged many times)."""
    rows = list(lines())
    rows[1] |= {"request": "r0", "usage": rows[0]["usage"] | {"output_tokens": 1}}
    write([*rows, rows[2]])
    result = shell("issue u.jsonl --keys keys --account acme --out b.cbor")
    assert result.code == 1
    assert (
        "u.jsonl, line 1: request 'r0' has another usage in line 2: which is final?" in result.err
    )
    assert "u.jsonl, line 4: request 'r2' stands in line 3 already" in result.err
    assert [c.request for c in claims_of("b.cbor")] == ["r2"]


def test_ingest(shell, folder):
    rows = list(lines(2))
    rows.append({**rows[0], "request": "r9", "provider": "vllm", "api": "chat.completions",
                 "usage": {"prompt_tokens": 25, "completion_tokens": 1024, "total_tokens": 1049, "prompt_tokens_details": None}})  # fmt: skip
    rows.append({**rows[0], "request": "bad", "api": "other"})
    write(rows)
    result = shell("ingest u.jsonl --check")
    assert result.code == 1
    head, *body = result.out.splitlines()
    assert (
        head == "line request    api            shape    logical  cached written output reasoning"
    )
    assert body[-1].split() == ["3", "r9", "chat.completi…", "subset", "25", "-", "-", "1024", "-"]
    assert max(map(len, result.out.splitlines())) <= 80
    assert "line 4: usage: api: anthropic has no api 'other'" in result.err
    assert not Path("u.rejects.jsonl").exists()
    document = json.loads(shell("ingest u.jsonl --check --json").out)
    assert document["requests"][2]["cached"] is None
    assert document["requests"][0]["shape"] == "additive"
    assert shell("ingest u.jsonl").code == 1
    assert json.loads(Path("u.rejects.jsonl").read_text())["reject"]["line"] == 4


def test_rejects_are_never_overwritten(shell, keys):
    """Not by another run, and not because they are given the name of the usage file."""
    write([{**next(lines()), "api": "other"}])
    for _ in range(2):
        assert shell("ingest u.jsonl").code == 1
    assert {path.name for path in Path().glob("*.rejects*")} == {
        "u.rejects.jsonl",
        "u.rejects-2.jsonl",
    }
    for command in ("ingest u.jsonl", "issue u.jsonl --keys keys --account a --out b.cbor"):
        result = shell(f"{command} --rejects u.jsonl")
        assert (result.code, "u.jsonl is there already" in result.err, Path("b.cbor").exists()) == (
            2,
            True,
            False,
        )


def test_ingest_says_what_issue_would(shell, keys):
    rows = list(lines(3))
    rows[0]["request"] = "x" * 600
    rows[1]["time"] = 10**17
    rows[2]["usage"] |= {"output_tokens": 1, "output_tokens_details": {"thinking_tokens": 2}}
    write(rows)
    document = json.loads(shell("ingest u.jsonl --check --json").out)
    assert (document["requests"], [r["line"] for r in document["rejects"]]) == ([], [1, 2, 3])


@pytest.mark.parametrize(
    "line",
    [
        "keygen --out keys",
        "keygen --out keys --issuer x --new-cache-key",
        "issue u.jsonl --keys keys --account a",
        "issue u.jsonl --keys keys --account a --out b.cbor --journal j.db",
        "issue u.jsonl --keys keys --account a --previous b.cbor --journal j.db",
        "close --keys keys --period 2026-11",
        "close b.cbor --journal j.db --keys keys --period 2026-11",
        "close --journal j.db --keys keys --period 2026-11 --out b.cbor",
    ],
)
def test_options_that_do_not_go_together(shell, keys, line):
    result = shell(line)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("receipt: error: ")
    assert "receipt: hint: see receipt" in result.err


def test_two_months_with_the_batch_before(shell, keys):
    write(lines(3, stream="gpu"))
    write(
        (
            {**row, "time": row["time"] + 30 * 86_400_000, "request": f"d{row['request']}"}
            for row in lines(2, stream="gpu")
        ),
        "d.jsonl",
    )
    for line in (
        "issue u.jsonl --keys keys --account acme --out nov.cbor",
        "close nov.cbor --keys keys --period 2026-11",
        "issue d.jsonl --keys keys --account acme --previous nov.cbor --out dec.cbor",
        "close dec.cbor --keys keys --period 2026-12 --previous nov.cbor",
        "trust add keys/issuer.jwks.json --yes",
        "verify nov.cbor --period 2026-11",
        "verify dec.cbor --period 2026-12 --no-remember --previous nov.cbor",
        "verify nov.cbor dec.cbor --period 2026-11-15/2026-12-15",
    ):
        result = shell(line)
        assert result.code == 0, (line, result)
    statements = [c for c in claims_of("dec.cbor") if isinstance(c, Statement)]
    assert [(s.number, s.streams[0].first) for s in statements] == [(1, 3)]


def test_closing_month_after_month_in_one_batch(shell, keys):
    """Receipts of the next month wait behind the statement."""
    rows = list(lines(2, stream="gpu"))
    later = [
        {**row, "time": row["time"] + 30 * 86_400_000, "request": f"d{row['request']}"}
        for row in rows
    ]
    write([*rows, *later])
    shell("issue u.jsonl --keys keys --account acme --out b.cbor")
    assert shell("close b.cbor --keys keys --period 2026-11").code == 0
    assert [type(c) for c in claims_of("b.cbor")] == [Receipt, Receipt, Statement, Receipt, Receipt]
    result = shell("verify b.cbor --keys keys/issuer.jwks.json --json")
    assert (result.code, json.loads(result.out)["finding_counts"]) == (3, {"statement-missing": 2})
    assert shell("close b.cbor --keys keys --period 2026-12").code == 0
    assert shell("verify b.cbor --keys keys/issuer.jwks.json --period 2026-11/2027").code == 2
    assert (
        shell("verify b.cbor --keys keys/issuer.jwks.json --period 2026-11-01/2027-01-01").code == 0
    )


def test_late_receipts_and_idle_months(shell, keys):
    write(lines(2))
    shell("issue u.jsonl --keys keys --account acme --out b.cbor")
    shell("close b.cbor --keys keys --period 2026-11")
    write({**row, "request": f"late-{row['request']}"} for row in lines(2))
    shell("issue u.jsonl --keys keys --account acme --out late.cbor")
    assert shell("close late.cbor --keys keys --period 2026-11 --previous b.cbor").code == 2
    assert shell("close late.cbor --keys keys --period 2026-11 --previous b.cbor --late").code == 0
    Path("idle.cbor").touch()
    assert shell("close idle.cbor --keys keys --period 2026-12").code == 2
    assert (
        shell(
            "close idle.cbor --keys keys --period 2026-12 --account acme --previous b.cbor --previous late.cbor"
        ).code
        == 0
    )
    result = shell(
        "verify b.cbor late.cbor idle.cbor --keys keys/issuer.jwks.json --period 2026-11-01/2027-01-01 --json"
    )
    assert result.code == 0
    (account,) = json.loads(result.out)["accounts"]
    assert [(s["number"], s["kind"], s["receipts"]) for s in account["statements"]] == [
        (0, "regular", 2),
        (1, "late", 2),
        (2, "regular", 0),
    ]


REFUSED_CLOSINGS = {
    "again": (
        "close batch.cbor --keys keys --period 2026-11",
        "2026-11 of acme is closed already (statement 0, period 2026-11)\nreceipt: hint: what came late: --late",
    ),
    "a day inside": (
        "close batch.cbor --keys keys --period 2026-11-30",
        "2026-11-30 of acme is closed already (statement 0, period 2026-11)\nreceipt: hint: what came late: --late",
    ),
    "over its end": (
        "close batch.cbor --keys keys --period 2026-11-30/2026-12-02",
        "start: expected the end of the last period, 2026-12-01, found 2026-11-30",
    ),
    "before it": (
        "close batch.cbor --keys keys --period 2026-10",
        "start: expected the end of the last period, 2026-12-01, found 2026-10-01",
    ),
    "gap": (
        "close batch.cbor --keys keys --period 2027-01",
        "start: expected the end of the last period",
    ),
    "late open": (
        "close batch.cbor --keys keys --period 2026-12 --late",
        "end: expected a closed time",
    ),
}


@pytest.mark.parametrize("name", REFUSED_CLOSINGS)
def test_closings_that_are_refused_leave_the_batch_alone(shell, closed, name):
    line, message = REFUSED_CLOSINGS[name]
    before = closed.read_bytes()
    result = shell(line)
    assert (result.code, message in result.err) == (2, True), result
    assert closed.read_bytes() == before


def test_an_issuer_does_not_sign_for_a_damaged_batch(shell, keys):
    write(lines(3, stream="s"))
    shell("issue u.jsonl --keys keys --account acme --out b.cbor")
    items = [item.raw for item in read_items([batch_file("b.cbor")])]
    Path("b.cbor").write_bytes(items[0] + items[2])
    result = shell("close b.cbor --keys keys --period 2026-11")
    assert result.code == 2
    assert "sequence: expected 1, found 2" in result.err
    Path("b.cbor").write_bytes(items[0] + items[1][:-1] + b"x" + items[2])
    assert "would be rejected: item 1" in shell("close b.cbor --keys keys --period 2026-11").err
    shell("keygen --issuer https://api.example.com --out other")
    Path("b.cbor").write_bytes(b"".join(items))
    assert (
        "not signed by this issuer's keys"
        in shell("close b.cbor --keys other --period 2026-11").err
    )


def test_json_for_everything(shell, closed):
    for line, members in (
        ("keygen --issuer x --out other --json", {"issuer", "kid", "private", "public"}),
        (
            "issue usage.jsonl --keys keys --account acme --out b.cbor --json",
            {"batch", "receipts", "streams"},
        ),
        ("close b.cbor --keys keys --period 2026-11 --json", {"batch", "statements"}),
        ("key rotate --keys other --json", {"kid", "not_before", "private", "public"}),
        ("trust add other/issuer.jwks.json --yes --json", {"issuer", "keys"}),
        ("trust remove x --json", {"issuer", "pinned"}),
        (
            "verify batch.cbor --json",
            {"report", "verdict", "findings", "checks", "accounts", "inputs"},
        ),
        ("prove batch.cbor --request req_01 -o p.cbor --json", {"proof", "stream", "sequence"}),
    ):
        result = shell(line)
        assert result.code == 0, (line, result)
        assert members <= set(json.loads(result.out)), line
    assert json.loads(shell("trust list --json").out)[0]["issuer"] == ISSUER
    assert [row["exit_code"] for row in json.loads(shell("demo --json").out)] == [0] * 7 + [1]
    rows = [json.loads(line) for line in shell("show batch.cbor --json").out.splitlines()]
    assert [row["kind"] for row in rows] == ["receipt"] * 44 + ["statement"]


def test_quiet_says_nothing(shell, closed):
    for line in (
        "keygen --issuer x --out other -q",
        "issue usage.jsonl --keys keys --account acme --out b.cbor -q",
        "prove batch.cbor --request req_01 -o p.cbor -q",
        "show batch.cbor -q",
    ):
        assert shell(line).err == "", line


def test_show_prints_what_it_cannot_read_as_such(shell, closed):
    items = [item.raw for item in read_items([batch_file("batch.cbor")])]
    Path("odd.cbor").write_bytes(items[0] + b"\x18\x2a" + items[1] + b"\xff")
    result = shell("show odd.cbor")
    assert result.code == 2
    assert "item 1, byte" in result.out
    assert "envelope-invalid" in result.out
    assert "odd.cbor, item 3, byte" in result.err


def test_stdin_and_stdout(shell, closed, monkeypatch):
    import io
    import sys

    class Piped:
        buffer = io.BytesIO(closed.read_bytes())

        @staticmethod
        def isatty():
            return False

    monkeypatch.setattr(sys, "stdin", Piped)
    assert shell("verify - --period 2026-11").code == 0
    Piped.buffer = io.BytesIO(Path("usage.jsonl").read_bytes())
    Path("out").touch()
    assert shell("issue - --keys keys --account acme --out piped.cbor").code == 0
    assert len(claims_of("piped.cbor")) == 44


COMMANDS = [
    "", "keygen", "key", "key list", "key rotate", "key revoke", "key hash", "tags", "tags check", "ingest", "issue", "close", "publish", "archive", "journal", "journal copy", "trust", "trust add", "trust list", "trust remove",
    "verify", "dispute", "report", "report sign", "report check", "report show", "report html", "memory", "memory list", "memory export", "memory compare", "memory forget",
    "cache", "show", "prove", "demo",
]  # fmt: skip


@pytest.mark.parametrize("line", COMMANDS)
def test_help_fits_the_terminal(shell, line):
    result = shell(f"{line} --help")
    assert (result.code, result.err) == (0, "")
    assert max(len(row) for row in result.out.splitlines()) <= 80
    assert "\\b" not in result.out
    assert "\b" not in result.out


@pytest.mark.parametrize(
    "line",
    [
        "keygen",
        "key rotate",
        "key revoke",
        "tags check",
        "ratecard new",
        "ratecard check",
        "ratecard sign",
        "ratecard show",
        "ratecard diff",
        "ratecard import",
        "ingest",
        "issue",
        "close",
        "publish",
        "archive",
        "journal copy",
        "trust add",
        "verify",
        "report sign",
        "report check",
        "report show",
        "report html",
        "memory export",
        "memory compare",
        "cache",
        "show",
        "prove",
    ],
)
def test_help_has_an_example_on_a_line_of_its_own(shell, line):
    rows = shell(f"{line} --help").out.splitlines()
    assert any(row.startswith(f"  receipt {line} ") for row in rows)
    assert all(row.count(" receipt ") <= 1 for row in rows)


def test_help_says_whose_commands_they_are(shell):
    out = shell("--help").out
    sections = re.findall(r"^(For .*):\n((?:  .+\n)+)", out, re.MULTILINE)
    commands = {title: [row.split()[0] for row in rows.splitlines()] for title, rows in sections}
    assert commands == {
        "For providers": [
            "keygen",
            "key",
            "tags",
            "ingest",
            "issue",
            "correct",
            "ratecard",
            "close",
            "publish",
            "archive",
            "journal",
        ],
        "For customers and auditors": [
            "trust",
            "verify",
            "report",
            "dispute",
            "memory",
            "cache",
            "attribute",
            "reconcile",
            "export",
            "query",
        ],
        "For both": ["show", "prove", "demo"],
    }
    assert "Exit codes" in out


@pytest.mark.parametrize(
    "line", ["keygen", "issue", "close", "prove", "show", "dispute", "memory export"]
)
def test_o_works_wherever_out_does(shell, line):
    assert "-o, --out" in shell(f"{line} --help").out


def test_quiet_leaves_only_the_verdict(shell, closed):
    """The exit code is the same; with --json the report is data, and stays."""
    verified = shell("verify batch.cbor --period 2026-11 -q")
    assert (verified.code, verified.out, verified.err) == (0, "verified: batch.cbor\n", "")
    closed.write_bytes(closed.read_bytes()[:-1] + b"x")
    rejected = shell("verify batch.cbor --period 2026-11 -q --no-remember")
    assert (rejected.code, rejected.out) == (1, "rejected: batch.cbor\n")
    assert "findings" in json.loads(shell("verify batch.cbor -q --json --no-remember").out)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "png"),
        (gzip.compress(bytes(5000), mtime=0), "gzip"),
        (b"PK\x03\x04" + bytes(500), "zip"),
        (b'{"keys": []}\n' * 40, "json"),
        (b"-----BEGIN PRIVATE KEY-----\n" * 20, "pem"),
        (b"SQLite format 3\0" + bytes(4080), "wallet"),
    ],
    ids=["png", "gzip", "zip", "json", "pem", "wallet"],
)
@pytest.mark.parametrize(
    "command",
    [
        "verify x",
        "show x",
        "prove x --request r -o p",
        "cache x",
        "close x --keys keys --period 2026-11",
        "verify batch.cbor --previous x",
    ],
)
def test_a_file_that_is_no_batch(shell, closed, command, data, kind):
    """It gets no verdict, and is told what it looks like."""
    Path("x").write_bytes(data)
    result = shell(command)
    assert (result.code, result.out) == (2, "")
    error, hint = result.err.splitlines()[-2:]
    assert error.startswith("receipt: error: ")
    assert hint.startswith("receipt: hint: ")
    assert kind in hint.lower()
    assert Path("x").read_bytes() == data


def test_the_version(shell):
    assert shell("--version").out.startswith("receipt, version 0.1.0")


def test_an_existing_output_keeps_its_place_when_writing_fails(shell, keys, monkeypatch):
    """A disk that is full: the error says so, and neither half a file nor a temporary one is left."""
    write(lines(3))
    Path("b.cbor").write_bytes(b"before")

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = shell("issue u.jsonl --keys keys --account acme --out b.cbor")
    assert result.code == 2
    assert result.err.startswith("receipt: error: b.cbor: No space left on device\n")
    assert Path("b.cbor").read_bytes() == b"before"
    assert {path.name for path in Path().iterdir()} == {"b.cbor", "keys", "u.jsonl"}


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(
    "line",
    [
        "issue u.jsonl --keys keys --account acme --out x",
        "close batch.cbor --keys keys --period 2026-11 --out x",
        "prove batch.cbor --request req_01 --out x",
        "memory export --out x",
        "keygen --new-cache-key --account acme --out x",
        "ingest u.jsonl --rejects x",
    ],
)
def test_a_planted_link_is_not_followed(shell, closed, there, line):
    """Somebody who may write into the folder has put a link where the output goes, to have another file of its user replaced."""
    write([*lines(1), {"wrong": 1}])
    assert shell("verify batch.cbor").code == 0
    if line.startswith("close"):
        (Path("keys") / "closing.db").unlink()
        shell("issue usage.jsonl --keys keys --account acme --out batch.cbor")
    Path("home").mkdir()
    if there:
        Path("home/profile").write_text("mine")
    Path("x").symlink_to("home/profile")
    result = shell(line)
    assert result.code == 2
    refused = "x: it is a symbolic link: name the file that is meant" in result.err
    assert refused or "x is there already" in result.err
    assert Path("x").is_symlink()
    assert [p.read_text() for p in Path("home").iterdir()] == ["mine"] * there


def test_what_the_system_links_is_written_to(shell, keys):
    write(lines(1))
    result = shell("issue u.jsonl --keys keys --account acme --out /dev/stdout")
    assert (result.code, len(result.out) > 100) == (0, True)


def test_secrets_are_for_their_owner_only(shell, keys, folder):
    """Whatever the umask is: private keys, cache keys, the journal with its requests, and where accounts are closed."""
    before = os.umask(0)
    try:
        write(lines(2))
        for line in (
            "keygen --issuer x --out own",
            "key rotate --keys own",
            "keygen --new-cache-key --account acme --out acme.key",
            "issue u.jsonl --keys keys --account acme --journal j.db",
            "close --journal j.db --keys keys --account acme --period 2026-11 --out b.cbor",
        ):
            assert shell(line).code == 0, line
    finally:
        os.umask(before)
    secrets = [*Path("own").glob("*.pem"), Path("acme.key"), Path("keys/closing.db")]
    secrets += Path().glob("j.db*")
    assert len(secrets) >= 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}


def test_without_a_command_it_helps(shell):
    for line, usage in (
        ("", "Usage: receipt [OPTIONS] COMMAND"),
        ("trust", "Usage: receipt trust [OPTIONS] COMMAND"),
    ):
        result = shell(line)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith(usage)


def test_dispute_31_one_response_that_was_logged_many_times(shell, keys):
    """Mai0313/VibeCodingTracker#283, ClaudeBar#207: a line for each content block of a response, summed 14 times; it has one receipt."""
    (row,) = lines(1)
    write([row] * 14)
    result = shell("issue u.jsonl --keys keys --account acme --out b.cbor --json")
    assert (
        result.code,
        json.loads(result.out)["receipts"],
        json.loads(result.out)["rejected"],
    ) == (1, 1, 13)
    assert len(claims_of("b.cbor")) == 1


def test_a_folder_is_no_batch(shell, closed):
    result = shell("verify keys/ --period 2026-11")
    assert (result.code, result.err) == (
        2,
        "receipt: error: keys/ is a folder\nreceipt: hint: give the files in it: keys/*.cbor\n",
    )


def test_a_wallet_that_is_not_there(shell, keys):
    result = shell("issue --wallet missing.db --keys keys --account acme --out b.cbor")
    assert (result.code, result.err) == (
        2,
        "receipt: error: missing.db is not there\nreceipt: hint: a wallet is what receipts.wallet writes\n",
    )


@pytest.mark.parametrize("key", ["other", "none"])
def test_a_cache_key_that_is_not_the_accounts(shell, closed, key):
    """The hint is about the key, and not about the record."""
    assert shell("keygen --new-cache-key --account globex --out other").code == 0
    Path("none").write_text("{}")
    Path("prompts.jsonl").write_text('{"request": "req_01", "tokens": [1, 2, 3]}\n')
    result = shell(f"verify batch.cbor --prompts prompts.jsonl --cache-key {key} --period 2026-11")
    error, hint = result.err.splitlines()
    expected = {"other": "the cache key is of account 'globex', the receipts are of 'acme'", "none": "none: "}  # fmt: skip
    assert (result.code, error.startswith(f"receipt: error: {expected[key]}")) == (2, True), error
    assert hint == "receipt: hint: --cache-key takes the key of the account that the batch is for, or its key of one month"  # fmt: skip


def test_a_full_disk_names_the_file(shell, keys):
    """A file may not grow here; what is left of it is nothing."""
    (Path("u.jsonl")).write_bytes(
        (Path(__file__).parents[1] / "cli/sample/usage.jsonl").read_bytes()
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        result = shell("issue u.jsonl --keys keys --account acme --out b.cbor")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (result.code, result.err) == (
        2,
        (
            "receipt: error: b.cbor: File too large\n"
            "receipt: hint: check the path, the permissions and the room on the disk\n"
        ),
    )
    assert {path.name for path in Path().iterdir()} == {"keys", "u.jsonl"}


def test_a_statement_over_more_than_the_period(shell, keys):
    """Who asked for a month is told that the statement, and so the sums, are of the year."""
    write(lines(3))
    assert shell("issue u.jsonl --keys keys --account acme --out b.cbor").code == 0
    assert shell("close b.cbor --keys keys --period 2026-01-01/2027-01-01").code == 0
    line = "verify b.cbor --keys keys/issuer.jwks.json --period"
    month = shell(f"{line} 2026-11")
    assert (month.code, month.out.splitlines()[:4]) == (
        0,
        [
            "verified: b.cbor",
            "  nothing is false, and the receipts are complete for the period",
            "  more than the period is closed, and in the sums: 2026-01-01/2027-01-01",
            "  (statement 0)",
        ],
    )
    (beyond,) = json.loads(shell(f"{line} 2026-11 --json").out)["beyond"]
    (statement,) = json.loads(shell(f"{line} 2026-11 --json").out)["accounts"][0]["statements"]
    assert beyond == {"account": "acme", **statement}
    for exact in ("2026-01-01/2027-01-01", "2026-01-01/2026-12-31"):
        result = shell(f"{line} {exact}")
        assert ("more than the period" in result.out) == (exact != "2026-01-01/2027-01-01")
    assert json.loads(shell("verify b.cbor --keys keys/issuer.jwks.json --json").out)["beyond"] == []  # fmt: skip


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_statement_by_a_key_that_is_not_trusted(shell, closed, jobs):
    """It is there, so it is not said to be missing."""
    assert shell("keygen --issuer https://other.example --out other").code == 0
    line = f"verify batch.cbor --keys other/issuer.jwks.json --json --jobs {jobs}"
    result = shell(line)
    reasons = {c["check"]: c["not_checked"] for c in json.loads(result.out)["checks"]}
    assert result.code == 3
    for name in ("Merkle roots", "totals"):
        assert reasons[name] == "1 statement by a key that is not trusted"
