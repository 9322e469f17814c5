"""``python -m tests.mutation``: change the verifier in some hundred places, one at a time, and tell which changes no test notices.

Exit code 1 if there is one that tests/mutation/equivalent.toml does not list, or the list is wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutation.equivalents import listed
from tests.mutation.mutants import Key, Mutant, modules, mutants_of
from tests.mutation.selection import chosen, matching
from tests.mutation.trial import Trial

ROOT = Path(__file__).parents[2]


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="how many (default: 300)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (default: 1)")
    parser.add_argument("--only", metavar="GLOB", help="modules, or module:line")
    parser.add_argument("--listed", action="store_true", help="those that equivalent.toml lists")
    parser.add_argument("--jobs", type=int, default=1, help="so many at once (default: 1)")
    parser.add_argument("--json", action="store_true", help="the result as JSON")
    parser.add_argument("--show", action="store_true", help="list the mutants, and try none")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    options = arguments(given)
    everything = [mutant for module in modules(ROOT) for mutant in mutants_of(ROOT, module)]
    reasons = listed()
    gone = sorted(reasons.keys() - {mutant.key for mutant in everything})
    mutants = matching(everything, options.only) if options.only else everything
    if options.listed:
        mutants = [mutant for mutant in mutants if mutant.key in reasons]
    else:
        mutants = chosen(mutants, options.count, options.seed)
    mutants = [mutant for mutant in mutants if mutant.compiles(ROOT)]
    if options.show:
        for mutant in mutants:
            print(_told(mutant))
        return 0
    begin = time.monotonic()
    results = tried(mutants, options.jobs)
    seconds = time.monotonic() - begin
    return report(results, reasons, gone, seconds, as_json=options.json)


def tried(mutants: Sequence[Mutant], jobs: int) -> list[tuple[Mutant, str | None]]:
    """What notices each mutant, or None."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        trials: SimpleQueue[Trial] = SimpleQueue()
        measured = Trial(ROOT, Path(folder) / "0")
        measured.measure({mutant.room for mutant in mutants})
        for name in measured.skipped:
            print(f"fails without any change, and takes no part: {name}", file=sys.stderr)
        trials.put(measured)
        for number in range(1, jobs):
            copy = Path(folder) / f"{number}"
            trials.put(Trial(ROOT, copy, measured.skipped, measured.limits))

        def one(mutant: Mutant) -> tuple[Mutant, str | None]:
            trial = trials.get()
            begin = time.monotonic()
            stage = trial.noticed(mutant)
            trials.put(trial)
            took = f"{time.monotonic() - begin:4.0f} s"
            print(f"{took}  {stage or 'NOT NOTICED'}: {_told(mutant)}", file=sys.stderr, flush=True)
            return mutant, stage

        with ThreadPoolExecutor(jobs) as pool:
            return list(pool.map(one, mutants))


def report(
    results: Sequence[tuple[Mutant, str | None]], reasons: dict[Key, str], gone: Sequence[Key],
    seconds: float, *, as_json: bool,
) -> int:  # fmt: skip
    """Print what came of it; 1 if there is something to do."""
    survivors = [m for m, stage in results if stage is None and m.key not in reasons]
    equivalent = [m for m, stage in results if stage is None and m.key in reasons]
    wrong = [m for m, stage in results if stage is not None and m.key in reasons]
    noticed = sum(stage is not None for _, stage in results)
    if as_json:
        document = {
            "tried": len(results), "noticed": noticed, "seconds": round(seconds),
            "survivors": [_as_dict(mutant) for mutant in survivors],
            "equivalent": [_as_dict(m) | {"reason": reasons[m.key]} for m in equivalent],
            "listed_but_noticed": [_as_dict(mutant) for mutant in wrong],
            "listed_but_gone": [list(key) for key in gone],
        }  # fmt: skip
        print(json.dumps(document, indent=1))
    else:
        _table(results)
        print(
            f"noticed {noticed} of {len(results)}; {len(equivalent)} of the others are equivalent; {seconds:.0f} s"
        )
        for title, found in (("not noticed", survivors), ("listed, but noticed", wrong)):
            for mutant in found:
                print(f"\n{title}: {mutant.module}:{mutant.line} {mutant.function}")
                print(f"  before  {mutant.before}\n  after   {mutant.after}")
        for module, function, before, after, nth in gone:
            print(f"\nlisted, but not there any more: {module} {function} ({nth})")
            print(f"  before  {before}\n  after   {after}")
    return 1 if survivors or wrong or gone else 0


def _table(results: Sequence[tuple[Mutant, str | None]]) -> None:
    """How many of each room, and which stage noticed them."""
    print(f"{'room':<24} {'tried':>6} {'noticed':>8}")
    for room in sorted({mutant.room for mutant, _ in results}):
        stages = [stage for mutant, stage in results if mutant.room == room]
        print(f"{room:<24} {len(stages):>6} {len(stages) - stages.count(None):>8}")


def _told(mutant: Mutant) -> str:
    return f"{mutant.module}:{mutant.line}  {mutant.before}  ->  {mutant.after}"


def _as_dict(mutant: Mutant) -> dict[str, str | int]:
    names = ("module", "line", "function", "before", "after", "nth")
    return {name: getattr(mutant, name) for name in names}


if __name__ == "__main__":
    sys.exit(main())
