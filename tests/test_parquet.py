"""Logs in Parquet, through the command."""

import json
import sys
from pathlib import Path

import duckdb
import pytest

from tests.build import KEY, NOON, USAGE, jwk_set
from tests.test_two_sides import HONEST, REQUESTS

SELECT = """
SELECT request, {sent} AS sent, 'claude-sonnet-4-6' AS model, {usage} AS usage, MAP {{300: 600}} AS writes,
       rpad(request, 32, '.')::BLOB AS commitment, 7 AS note
FROM (VALUES {requests}) AS calls (request)
"""
_SENT = "to_timestamp({noon} / 1000.0)"


@pytest.fixture
def verify(shell, folder):
    (folder / "k.json").write_text(json.dumps(jwk_set(KEY)))
    (folder / "b.cbor").write_bytes(HONEST.data)

    def run(noon=NOON, sent=_SENT):
        requests = ", ".join(f"('{request}')" for request in REQUESTS)
        counts = ", ".join(f"'{name}': {n}" for name, n in USAGE.items() if type(n) is int)
        sql = SELECT.format(sent=sent.format(noon=noon), usage=f"{{{counts}}}", requests=requests)
        with duckdb.connect() as db:
            db.execute(f"COPY ({sql}) TO 'r.parquet' (FORMAT parquet)")
        return shell("verify b.cbor --keys k.json --no-remember --requests r.parquet --json")

    return run


def test_a_log_in_parquet(verify):
    result = verify()
    assert result.code == 0, result.err
    checks = {check["check"]: check for check in json.loads(result.out)["checks"]}
    assert checks["requests with a receipt"]["not_checked"] == "columns that are not used: note"
    for name in (
        "requests with a receipt",
        "customer's own counts",
        "commitments echoed",
        "times of the calls",
    ):
        assert (checks[name]["passed"], checks[name]["of"]) == (5, 5), name


def test_what_differs_is_found(verify):
    result = verify(noon=NOON + 86_400_000)
    assert result.code == 1
    found = json.loads(result.out)["findings"]
    assert [(f["code"], f["request"]) for f in found] == [
        ("time-differs", r) for r in ("gpu-7-0", "gpu-8-0", "gpu-7-1", "gpu-8-1", "gpu-7-2")
    ]


def test_times_in_milliseconds(verify):
    assert verify(sent="{noon}").code == 0


def test_times_without_a_zone_are_refused(verify):
    result = verify(sent="make_timestamp_ms({noon})")
    assert (result.code, result.out) == (2, "")
    assert "r.parquet: column 'sent' has times without a time zone" in result.err


def test_without_duckdb(verify, monkeypatch, shell):
    verify()
    monkeypatch.setitem(sys.modules, "duckdb", None)
    result = shell("verify b.cbor --keys k.json --no-remember --requests r.parquet")
    assert (result.code, "r.parquet is in Parquet, which takes DuckDB" in result.err) == (2, True)


def test_a_damaged_file(shell, verify):
    verify()
    data = Path("r.parquet").read_bytes()
    Path("r.parquet").write_bytes(data[: len(data) // 2])
    result = shell("verify b.cbor --keys k.json --no-remember --requests r.parquet")
    assert (result.code, result.out) == (2, "")
    assert "r.parquet: " in result.err
