"""``python -m tests.bench``: speed and memory, as ratios measured in the same run.

Every figure is the best of several rounds on both sides of the ratio. Needs the ``test`` extra; the comparison with python-cwt
installs it from the package index into a temporary environment (``--no-peer`` leaves it out).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cbor2

from receipts.keys import jwk, jwks
from tests.bench import data
from tests.bench.cache import SIZES, identifier_rows, report_rows
from tests.bench.customer import record_rows
from tests.bench.finance import HEAD, finance_rows
from tests.bench.launch import launched
from tests.bench.middleware import middleware_rows
from tests.bench.path import journal_rows, lone_rows
from tests.build import ISSUER, KEY

SMALL, LARGE, HUGE = 30_000, 100_000, 1_000_000
PEER = "cwt==3.3.0"
HERE = Path(__file__).parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=4, help="passes over all benchmarks (4)")
    parser.add_argument(
        "--no-peer", action="store_true", help="leave out python-cwt, which is installed for it"
    )
    parser.add_argument(
        "--no-memory", action="store_true", help="leave out the batch of a million receipts"
    )
    parser.add_argument(
        "--money", action="store_true", help="attribute 3,000,000 receipts, and not only 300,000"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="receipt-bench-") as name:
        folder = Path(name)
        say("writing batches")
        data.write_batch(folder / "small.cbor", SMALL)
        data.write_batch(folder / "large.cbor", LARGE)
        (folder / "keys.json").write_bytes(jwks(ISSUER, [jwk(KEY.public)]))
        peer = None if options.no_peer else Peer(folder)
        best: dict[str, float] = {}
        for number in range(options.rounds):
            say(f"round {number + 1} of {options.rounds}")
            for test, seconds in one_round(folder, peer):
                best[test] = min(seconds, best.get(test, seconds))
        print_table(ratios(best, peer is not None))
        print_table(
            iter(
                [
                    ("the request path", "measured", "target"),
                    *journal_rows(folder),
                    *lone_rows(folder),
                    *middleware_rows(folder),
                ]
            )
        )
        head = ("the customer's record", "measured", "target")
        sizes = SIZES[:2] if options.no_memory else SIZES
        print_table(iter([head, *record_rows(folder, sizes)]))
        head = ("cache", "measured", "target")
        print_table(
            iter(
                [
                    head,
                    *identifier_rows(),
                    *report_rows(folder, SIZES[:2] if options.no_memory else SIZES),
                ]
            )
        )
        print_table(iter([HEAD, *_finance(10 if options.money else 1)]))
        if not options.no_memory:
            print_table(memory(folder))
    return 0


def _finance(most: int) -> Iterator[Row]:
    """One account, and if asked for as many as are wanted."""
    for accounts in sorted({1, most}):
        with tempfile.TemporaryDirectory(prefix="receipt-bench-") as name:
            yield from finance_rows(Path(name), accounts)


def say(words: str) -> None:
    print(f"bench: {words}", file=sys.stderr)


class Peer:
    """python-cwt in a virtual environment of its own, with as many plain COSE_Sign1 messages as the small batch has receipts."""

    def __init__(self, folder: Path) -> None:
        say(f"installing {PEER} into a temporary environment")
        self.python = folder / "peer/bin/python"
        subprocess.run([sys.executable, "-m", "venv", folder / "peer"], check=True)
        subprocess.run([self.python, "-m", "pip", "install", "-q", PEER], check=True)
        self.work = folder / "peer.json"
        messages = [plain_cose(content).hex() for content in data.contents(folder / "small.cbor")]
        self.work.write_text(json.dumps({"x": jwk(KEY.public)["x"], "messages": messages}))

    def seconds(self) -> float:
        command = [self.python, HERE / "peer_cwt.py", self.work]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def plain_cose(payload: bytes) -> bytes:
    """A plain COSE_Sign1 with an attached payload, as python-cwt verifies it (alg -8: it does not know -19)."""
    protected = cbor2.dumps({1: -8})
    signed = KEY.private.sign(cbor2.dumps(["Signature1", protected, b"", payload]))
    return cbor2.dumps(cbor2.CBORTag(18, [protected, {4: b"1"}, payload, signed]))


def one_round(folder: Path, peer: Peer | None) -> Iterator[tuple[str, float]]:
    """Seconds of every benchmark."""
    result = folder / "result.json"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", HERE / "bench_speed.py", f"--benchmark-json={result}", "-p", "no:cacheprovider"],
        check=True, env={**os.environ, "RECEIPT_BENCH": str(folder)}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    for benchmark in json.loads(result.read_text())["benchmarks"]:
        yield benchmark["name"], benchmark["stats"]["min"]
    if peer is not None:
        yield "peer", peer.seconds()


Row = tuple[str, str, str]
"""What was measured, the figure, the target."""


def ratios(best: dict[str, float], peer: bool) -> Iterator[Row]:
    yield "speed, best of all rounds", "measured", "target"
    for backend, target in (("cryptography", "0.85"), ("pynacl", "0.70")):
        ratio = best[f"test_bare_verify[{backend}]"] / best[f"test_verify[{backend}]"]
        yield f"verify / bare signature loop, {backend}", f"{ratio:.2f}", f">= {target}"
    ratio = best["test_bare_verify[cryptography]"] / best["test_sealed"]
    yield "verify, sealed by the statement / bare signature loop, cryptography", f"{ratio:.1f}", ""
    for backend, target in (("cryptography", "1.0"), ("pynacl", "1.5")):
        if peer:
            ratio = best["peer"] / best[f"test_verify[{backend}]"]
            yield (
                f"verify / python-cwt on plain COSE_Sign1, {backend}",
                f"{ratio:.2f}",
                f">= {target}",
            )
    for backend in ("cryptography", "pynacl"):
        ratio = best[f"test_jobs[{backend}-1]"] / best[f"test_jobs[{backend}-2]"]
        yield f"verify --jobs 2 / one process, {backend}", f"{ratio:.2f}", ">= 1.8"
    for backend in ("cryptography", "pynacl"):
        ratio = best[f"test_bare_sign[{backend}]"] / best[f"test_issue[{backend}]"]
        yield f"issue / bare sign loop, {backend}", f"{ratio:.2f}", ">= 0.75"
    ratio = best["test_bare_sign[cryptography]"] / best["test_issue[pynacl]"]
    yield "issue with pynacl / bare sign loop of cryptography", f"{ratio:.2f}", ""
    for test, name in (
        ("test_verify[cryptography]", "verify, cryptography"),
        ("test_verify[pynacl]", "verify, pynacl"),
        ("test_issue[cryptography]", "issue, cryptography"),
        ("test_issue[pynacl]", "issue, pynacl"),
    ):
        yield f"{name}, receipts a second on this machine", f"{SMALL / best[test]:,.0f}", ""


def memory(folder: Path) -> Iterator[Row]:
    """Peak resident memory of ``receipt verify``."""
    say(f"writing {HUGE:,} receipts")
    data.write_batch(folder / "huge.cbor", HUGE)
    say("verifying them")
    large, huge = (peak(folder, f"{name}.cbor") for name in ("large", "huge"))
    yield "memory of receipt verify", "measured", "target"
    yield f"peak for {HUGE:,} receipts", f"{huge / 1024:.0f} MB", "<= 150 MB"
    yield f"peak for {HUGE:,} / for {LARGE:,}", f"{huge / large:.2f}", "<= 1.2"


def peak(folder: Path, name: str) -> int:
    """Peak memory of one verification, in KiB."""
    verify = "from cli.main import main; main()"
    command = ["-c", verify, "verify", folder / name, "--keys", folder / "keys.json"]
    return launched([*command, "--no-remember", "--quiet"])[1]


def print_table(rows: Iterator[Row]) -> None:
    head, *body = rows
    print(f"| {head[0]} | {head[1]} | {head[2]} |\n|---|---|---|")
    for row in body:
        print(f"| {row[0]} | {row[1]} | {row[2]} |")
    print(flush=True)


if __name__ == "__main__":
    sys.exit(main())
