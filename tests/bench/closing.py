"""``python -m tests.bench.closing``: what it costs to close every account of a journal, and to archive them.

The unit is one receipt in the bare verification of one batch, in processor time, by the same machine in the same run. What waits for
the disk is in the seconds only.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from receipts import Counts, Issuer
from receipts.journal import open_store
from tests.build import ISSUER, KEY, NOON, jwk_set
from verifier import Policy, batch_file, by_kid, read_jwks, verify

_COUNTS = Counts(3000, 2000, {300: 600}, 500, 120)
_OCTOBER = NOON - 31 * 86_400_000
"""A month that is over, with one behind it that has begun."""
_BARE = 20_000
"""Receipts of the bare verification, at most."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.closing", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1000, help="accounts (1000)")
    parser.add_argument("--receipts", type=int, default=100, help="receipts of each (100)")
    parser.add_argument("--jobs", type=int, default=1, help="processes that close (1)")
    options = parser.parse_args()
    total = options.accounts * options.receipts
    with tempfile.TemporaryDirectory(prefix="receipt-bench-") as name:
        folder = Path(name)
        keys = make_keys(folder)
        print(f"{options.accounts:,} accounts with {options.receipts:,} receipts each", flush=True)
        bare = bare_us(folder, min(total, _BARE))
        print(f"bare verification       {bare:8.1f} us a receipt, {1e6 / bare:,.0f} receipts/s")
        fill(folder / "issuer.db", options.accounts, options.receipts)
        size = (folder / "issuer.db").stat().st_size
        line = f"--journal issuer.db --keys {keys}"
        close = f"close {line} --period 2026-10 --all --out october --jobs {options.jobs}"
        for what, command in (
            ("close --all", close),
            ("again, nothing is new", close),
            (
                "idle November",
                close.replace("2026-10", "2026-11 --early").replace("october", "november"),
            ),
            ("archive, looked at", f"archive {line} --before 2026-11 --batches october"),
            ("archive --delete", f"archive {line} --before 2026-11 --batches october --delete"),
        ):
            tell(what, folder, command, options.accounts, total, bare)
        after = (folder / "issuer.db").stat().st_size
        print(
            f"the journal             {size / 1e6:8.1f} MB, and {after / 1e6:.1f} MB when it is archived"
        )
    return 0


def make_keys(folder: Path) -> Path:
    keys = folder / "keys"
    keys.mkdir()
    (keys / "issuer.pem").write_bytes(KEY.to_pem())
    (keys / "issuer.pem").chmod(0o600)
    (keys / "issuer.jwks.json").write_text(json.dumps(jwk_set(KEY, issuer=ISSUER)))
    return keys


def bare_us(folder: Path, count: int) -> float:
    """Microseconds that a receipt takes in the verification of one batch."""
    issuer = Issuer(ISSUER, KEY, stream="s")
    path = folder / "bare.cbor"
    with path.open("wb") as batch:
        for number in range(count):
            batch.write(receipt(issuer, "acme", number).data)
    policy = Policy(by_kid(read_jwks(json.dumps(jwk_set(KEY)).encode())))
    best = float("inf")
    for _ in range(3):
        begin = time.process_time()
        verify([batch_file(str(path))], policy)
        best = min(best, time.process_time() - begin)
    return best / count * 1e6


def receipt(issuer: Issuer, account: str, number: int):
    request = f"{account}-{number}"
    return issuer.issue(account, request=request, model="m", time=_OCTOBER + number, counts=_COUNTS)


def fill(path: Path, accounts: int, receipts: int) -> None:
    """A journal in which the receipts of all accounts come one after the other, as they do in life."""
    store = open_store(str(path), ISSUER)
    issuer = Issuer(ISSUER, KEY, stream="s")
    for number in range(receipts):
        with store.transaction():
            made = [receipt(issuer, f"account-{n:05}", number) for n in range(accounts)]
            store.add((f"{one.account}-{number}", one) for one in made)
    store.close()


def tell(what: str, folder: Path, command: str, accounts: int, total: int, bare: float) -> None:
    """Run a command, and print what it took."""
    root = str(Path(__file__).parents[2])
    begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    program = "from cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, *command.split()], cwd=folder, check=False,
        env={**os.environ, "PYTHONPATH": root}, capture_output=True, text=True,
    )  # fmt: skip
    seconds = time.perf_counter() - begin
    if done.returncode:
        raise SystemExit(f"{command}\nended with {done.returncode}: {done.stderr[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    each = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / total * 1e6
    print(
        f"{what:<23} {each:8.1f} us a receipt, {each / bare:.2f} of bare; {seconds:.1f} s: {accounts / seconds:,.0f} accounts/s,"
        f" {total / seconds:,.0f} receipts/s; peak so far {after.ru_maxrss / 1024:.0f} MB",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
