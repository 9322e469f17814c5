"""``python -m tests.fuzz``: decoders under mutated input, for a minute or as long as asked.

Each input follows from the seed, the target and its number alone, so that a run can be repeated. An input that gives what none before it gave
joins the corpus. The first finding is written to a file as hexadecimal, and ends the run with 1; ``--replay`` checks such a file.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
import traceback
from hashlib import sha256
from pathlib import Path

from tests.fuzz import customer, decoders, inputs
from tests.fuzz.target import Target

TARGETS = {t.name: t for t in (*decoders.TARGETS, *inputs.TARGETS, *customer.TARGETS)}
FOUND = Path(__file__).parent / "found"
"""Inputs that were findings once, named after their target."""
HANG = 30
"""Seconds that no input takes."""
_CORPUS = 5000
"""Inputs that a corpus grows to."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", nargs="*", help=f"which ones (all): {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=float, default=60, help="for all together (60)")
    parser.add_argument("--seed", default="0", help="of the mutations (0)")
    parser.add_argument("--runs", type=int, help="inputs for each target, instead of a time")
    parser.add_argument("--findings", type=Path, default=Path(), help="the folder for a finding")
    parser.add_argument("--replay", type=Path, help="check one input, for one target")
    parser.add_argument("--atheris", action="store_true", help="with libFuzzer's coverage, if atheris is installed: one target, until ended")  # fmt: skip
    options = parser.parse_args(arguments)
    names = options.target or list(TARGETS)
    if not set(names) <= set(TARGETS):
        parser.error(f"no such target: {', '.join(sorted(set(names) - set(TARGETS)))}")
    if (options.replay or options.atheris) and len(names) != 1:
        parser.error("which target?")
    try:
        if options.replay:
            print(TARGETS[names[0]].check(bytes.fromhex(options.replay.read_text())))
            return 0
        if options.atheris:
            return with_atheris(TARGETS[names[0]])
        whole = sum(TARGETS[name].share for name in names)
        for name in names:
            seconds = options.seconds * TARGETS[name].share / whole
            if not fuzz(TARGETS[name], options.seed, seconds, options.runs, options.findings):
                return 1
        return 0
    finally:
        customer.remove_folder()


def fuzz(target: Target, seed: str, seconds: float, runs: int | None, findings: Path) -> bool:
    """Whether no input was a finding."""
    corpus, outcomes, number = list(target.seeds()), set(), 0
    initial = len(corpus)
    end = time.monotonic() + seconds
    while number < runs if runs is not None else time.monotonic() < end:
        turn, rest = divmod(number, 4)
        if rest or turn >= initial:
            data = target.mutate(corpus, random.Random(f"{seed}/{target.name}/{number}"))
        else:
            data = corpus[turn]
        number += 1
        try:
            outcome = guarded(target, data)
        except Exception:  # noqa: BLE001  # whatever it is, it is a finding
            traceback.print_exc()
            path = findings / f"{target.name}-{sha256(data).hexdigest()[:8]}.hex"
            path.write_text(data.hex() + "\n")
            print(f"{target.name}: input {number - 1} of seed {seed} is a finding: {path}")
            return False
        if outcome not in outcomes and len(corpus) < _CORPUS:
            corpus.append(data)
        outcomes.add(outcome)
    print(f"{target.name}: {number:,} inputs, {len(outcomes):,} outcomes, no finding", flush=True)
    return True


def guarded(target: Target, data: bytes) -> str:
    """A check that does not go on for ever."""
    signal.signal(signal.SIGALRM, _hangs)
    signal.alarm(HANG)
    try:
        return target.check(data)
    finally:
        signal.alarm(0)


def _hangs(_number: int, _frame: object) -> None:
    raise TimeoutError(f"more than {HANG} s")


def with_atheris(target: Target) -> int:
    """Mutations that are led by coverage, beginning with the same corpus."""
    import atheris  # optional

    corpus = list(target.seeds())

    def check(data: bytes) -> None:
        target.check(data)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        numbers = random.Random(seed)
        if numbers.random() < 0.5:
            return atheris.Mutate(data, most)
        return target.mutate([*corpus, data], numbers)[:most]

    atheris.instrument_all()
    atheris.Setup([sys.argv[0]], check, custom_mutator=mutate)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
