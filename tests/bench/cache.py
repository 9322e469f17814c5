"""``receipt cache`` and cache identifiers: the cost grows with the receipts, and with the prompt, and not faster."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from receipts.cache_id import CacheKey, token_ids
from tests.bench.launch import launched
from tests.bench.signature import TARGET, signature_us, told

Row = tuple[str, str, str]
SIZES = (10_000, 100_000, 1_000_000)
_OF_A_DAY = 58_640
_DAY = """
import sys
from cli.sample.traffic import Simulator
from tests.build import ISSUER, KEY
with open(sys.argv[1], "wb") as stream:
    print(Simulator(ISSUER, KEY, scale=float(sys.argv[2])).run(stream).receipts)
"""
# What the verification costs is in other rows.
_REPORT = """
import sys, time
from pathlib import Path
from attribution.cache import COLUMNS, Policies, cache_report, shipped
from verifier import Policy, batch_file, by_kid, read_jwks, verified_rows
policy = Policy(by_kid(read_jwks(Path(sys.argv[2]).read_bytes())), signatures="statement")
with verified_rows([batch_file(sys.argv[1])], policy, COLUMNS) as rows:
    begin = time.process_time()
    cache_report(rows, Policies(list(shipped().values())), {})
    print(time.process_time() - begin)
"""


def report_rows(folder: Path, sizes: tuple[int, ...] = SIZES) -> list[Row]:
    """Time for a receipt and peak memory of the report, for simulated days of three sizes."""
    rows = []
    for size in sizes:
        path = folder / f"day-{size}.cbor"
        made = subprocess.run([sys.executable, "-c", _DAY, path, str(size / _OF_A_DAY)], check=True, capture_output=True, text=True)  # fmt: skip
        receipts = int(made.stdout)
        signature = signature_us()
        printed, peak = launched(["-c", _REPORT, path, folder / "keys.json"])
        path.unlink()
        rows.append((
            f"receipt cache, {receipts:,} receipts",
            told(float(printed) / receipts * 1e6, (signature + signature_us()) / 2, peak), TARGET,
        ))  # fmt: skip
    return rows


def identifier_rows() -> list[Row]:
    """All prefixes of a prompt in steps of 128 tokens."""
    key, rows = CacheKey("acme", bytes(32)).for_time(0), []
    for size in (25_000, 100_000):
        tokens, lengths = [n * 7919 % 100_003 for n in range(size)], range(128, size, 128)
        best = min(_seconds(tokens, lengths, key) for _ in range(5))
        rows.append((
            f"{len(lengths)} identifiers of a prompt of {size:,} tokens",
            f"{best * 1000:.1f} ms, {best / size * 1e9:.0f} ns a token", "linear",
        ))  # fmt: skip
    return rows


def _seconds(tokens, lengths, key) -> float:
    begin = time.perf_counter()
    token_ids("m", tokens, lengths, key)
    return time.perf_counter() - begin
