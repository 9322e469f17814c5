"""``receipt attribute``: 300,000 receipts by all four methods, beside the same sums in plain SQL over the same rows as Parquet."""

from __future__ import annotations

from pathlib import Path

from tests.bench.launch import launched

Row = tuple[str, str, str]
# Each in a process of its own, so that its peak memory is its own.
_MONTH = """
import sys
from pathlib import Path
from tests.finance.organisation import organisation
from tests.finance.closed import issued, write_organisation
folder, number, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
month = organisation(number, count)
if number == 0:
    write_organisation(folder, month)
    (folder / "batch.cbor").rename(folder / "batch-0.cbor")
else:
    (folder / f"batch-{number}.cbor").write_bytes(issued(month.rows, period=month.period, account=f"account-{number}"))
print(len(month.rows))
"""
_COMMAND = """
import sys, time
from pathlib import Path
from cli.main import run
begin = time.process_time()
files = [f"--{option}={sys.argv[1]}/{name}" for option, name in (
    ("keys", "keys.json"), ("card", "card.cbor"), ("config", "finance.toml"), ("trust-store", "trust"), ("out", "out.json"))]
batches = sorted(map(str, Path(sys.argv[1]).glob("batch-*.cbor")))
assert run(["attribute", *batches, *files, "--json", "--quiet"]) == 0
print(time.process_time() - begin)
"""
_LEDGER = """
import sys, time
from pathlib import Path
from attribution.money import COLUMNS, Asked, Ledger, Reports, SECTIONS, allocate_all, verified
from cli.finance.records import Inputs
from cli.finance.registry import read_registry
from verifier import Policy, batch_file, by_kid, read_card, read_jwks, verified_rows
folder = Path(sys.argv[1])
card, policy = read_card((folder / "card.cbor").read_bytes()), Policy(by_kid(read_jwks((folder / "keys.json").read_bytes())))
registry, times = read_registry(folder / "finance.toml", Inputs()).registry, [time.process_time()]
def lap():
    times.append(time.process_time())
batches = [batch_file(str(path)) for path in sorted(folder.glob("batch-*.cbor"))]
with verified_rows(batches, policy, COLUMNS) as rows, Ledger() as ledger:
    lap()
    ledger.load(verified(rows), card, registry)
    lap()
    allocate_all(ledger, registry)
    lap()
    period = rows.report.statements[0][0]
    Reports(ledger, registry, card, Asked((period.start, period.end))).document(SECTIONS)
    lap()
    for name in ("receipts", "lines", "prefixes"):
        ledger.db.execute(f"COPY {name} TO '{folder}/{name}.parquet' (FORMAT parquet)")
print(*(after - before for before, after in zip(times, times[1:])))
"""
_SQL = """
import sys, time
import duckdb
folder, begin = sys.argv[1], time.process_time()
with duckdb.connect() as db:
    for name in ("receipts", "lines", "prefixes"):
        db.execute(f"CREATE VIEW {name} AS SELECT * FROM '{folder}/{name}.parquet'")
    for by in ("team", "customer", "team, feature", "environment", "surface", "model", "day"):
        db.execute(f"SELECT {by}, sum(amount), sum(full_price), sum(full_input), sum(input_cost + storage) FROM receipts GROUP BY ALL ORDER BY ALL").fetchall()
    db.execute("SELECT r.team, sum(hit * p.share_rate) FROM prefixes p JOIN receipts r USING (item) WHERE others GROUP BY ALL").fetchall()
    db.execute("SELECT team, class, sum(quantity), sum(lines.amount) FROM lines JOIN receipts USING (item) GROUP BY ALL").fetchall()
print(time.process_time() - begin)
"""
_PARTS = ("verified rows", "priced and loaded", "four methods", "all reports")
ACCOUNT = 300_000
"""Receipts of an account, and some more that are planted."""
HEAD = ("receipt attribute", "processor time, peak memory", "target")


def finance_rows(folder: Path, accounts: int, receipts: int = ACCOUNT) -> list[Row]:
    """Seconds of processor time and peak memory for a month of some accounts.

    Args:
        folder: to write in.
        accounts: how many batches.
        receipts: of each.
    """
    count = sum(_made(folder, number, receipts) for number in range(accounts))
    rows = [
        _row(f"{count:,} receipts, all methods and reports", *launched(["-c", _COMMAND, folder]))
    ]
    printed, _ = launched(["-c", _LEDGER, folder])
    rows += [
        (f"of it {part}", f"{float(seconds):.1f} s", "")
        for part, seconds in zip(_PARTS, printed.split(), strict=True)
    ]
    sums = "the same sums in plain SQL over Parquet of the priced rows"
    return [*rows, _row(sums, *launched(["-c", _SQL, folder]), "")]


def _made(folder: Path, number: int, receipts: int) -> int:
    return int(launched(["-c", _MONTH, folder, str(number), str(receipts)])[0])


def _row(
    name: str, seconds: str, peak: int, target: str = "3,000,000: 10 times that of 300,000, 2 GB"
) -> Row:
    return name, f"{float(seconds):.1f} s, {peak / 1024:.0f} MB", target
