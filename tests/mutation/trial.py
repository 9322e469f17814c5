"""Tries mutants in a copy of the repository: which stage of the tests notices each."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.mutation.mutants import Mutant

COPIED = ("verifier", "receipts", "attribution", "cli", "spec", "tests", "pyproject.toml")
_MEMORY = 8 << 30
"""Bytes of address space: a mutant that fills the memory counts as noticed."""
_WAIT = 1800
"""Seconds after which a mutant that does nothing is ended; long, since a machine may be paused."""
_SLOW_VECTORS = "limit-lost or limit-listed or limit-statement or limit-total"
_BACKEND = "cryptography"


@dataclass(frozen=True, slots=True)
class Stage:
    """Some tests, tried together."""

    name: str
    arguments: tuple[str, ...]


VECTORS = Stage("vectors", ("tests/test_vectors.py", "-k", f"{_BACKEND} and not ({_SLOW_VECTORS})"))
TWO_WAYS = Stage(
    "two ways",
    (
        *(f"tests/test_two_paths.py::{name}" for name in (
            "test_vectors[Batches]", "test_vectors[Receipts]", "test_generated_batches[0]",
            "test_sealed_is_as_strict_but_for_signatures",
        )),
        *(f"tests/test_hostile.py::{name}" for name in (
            "test_any_other_order_of_the_items_is_not_verified_unless_streams_keep_theirs",
            "test_nothing_left_out_and_nothing_twice",
        )),
    ),
)  # fmt: skip
LIMITS = Stage("limits", ("tests/test_vectors.py", "-k", f"{_BACKEND} and ({_SLOW_VECTORS})"))
PROCESSES = Stage("processes", ("tests/test_jobs.py", "-k", "edge or across"))
FILES = {
    "format": ("cbor", "fast_decoder"),
    "crypto": ("keys", "merkle", "ed25519", "trust"),
    "item": ("scope", "attacks", "cli", "corrections"),
    "reading": ("scope", "attacks", "cli", "text"),
    "order": (
        "scope",
        "rows",
        "fast_path",
        "requests",
        "limits",
        "attacks",
        "cli",
        "text",
        "corrections",
        "found_in_units",
    ),
    "statements": ("scope", "requests", "attacks", "cli", "text"),
    "customer": (
        "two_sided",
        "usage_two_sides",
        "found_in_units",
        "two_sides",
        "cache_id",
        "prompts",
        "wallet_reader",
    ),
    "pricing": ("pricing", "ratecard", "disputes", "charging"),
    "procedure": (
        "scope",
        "rows",
        "attacks",
        "cli",
        "text",
        "two_sided",
        "corrections",
        "found_in_units",
    ),
    "report": ("scope", "text", "period", "cli", "corrections", "report"),
    "evidence": ("report", "report_check"),
    "pack": ("dispute",),
}
"""By room, the test files that concern it, besides the vectors."""
OTHERS = {
    "format": (TWO_WAYS, LIMITS),
    "item": (TWO_WAYS, LIMITS),
    "reading": (TWO_WAYS, LIMITS, PROCESSES),
    "order": (TWO_WAYS, PROCESSES),
    "statements": (TWO_WAYS,),
    "procedure": (TWO_WAYS, LIMITS),
}
"""By room, what takes longer, and is tried last."""


def stages_of(room: str) -> list[Stage]:
    """The tests that concern a room; those that notice most in least time come first."""
    return [VECTORS, _files(FILES[room]), *OTHERS.get(room, ())]


def _files(names: Iterable[str]) -> Stage:
    slow = "not hash_seed and not a_pipe_does and not an_encoding and not more_findings_than and not of_an_input"
    return Stage("files", (*(f"tests/test_{name}.py" for name in names), "-k", slow))


@dataclass
class Trial:
    """A copy of the repository, in which one mutant after the other is tried.

    Attributes:
        root: the repository.
        copy: an empty folder.
        skipped: tests that fail without any change, which take no part.
        limits: by stage, the seconds of processor time after which a mutant does not end.
    """

    root: Path
    copy: Path
    skipped: list[str] = field(default_factory=list)
    limits: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ignored = shutil.ignore_patterns("__pycache__", "bench")
        for name in COPIED:
            if (self.root / name).is_dir():
                shutil.copytree(self.root / name, self.copy / name, ignore=ignored)
            else:
                shutil.copy2(self.root / name, self.copy / name)

    def measure(self, rooms: set[str]) -> None:
        """Run what concerns some rooms without a change: which tests fail, and how long the others take. Leaves bytecode, for speed."""
        files = _files(sorted({name for room in rooms for name in FILES[room]}))
        others = {stage: None for room in sorted(rooms) for stage in OTHERS.get(room, ())}
        for stage in (VECTORS, files, *others):
            begin = _processor_time()
            done = self._pytest(stage, None, "--maxfail=20", keep=True)
            if done.returncode not in (0, 1):
                raise RuntimeError(f"the tests of stage {stage.name} do not run:\n{done.stdout}")
            self.skipped += re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
            took = _processor_time() - begin
            self.limits[stage.name] = 10 + round(2 * took)
            print(f"{took:4.0f} s  without a change: {stage.name}", file=sys.stderr, flush=True)

    def noticed(self, mutant: Mutant) -> str | None:
        """The stage and the test that notice a mutant, or None."""
        path = self.copy / mutant.module
        source = path.read_bytes()
        path.write_bytes(mutant.applied(source))
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
            compiled.unlink()
        try:
            for stage in stages_of(mutant.room):
                done = self._pytest(stage, self.limits.get(stage.name), "-x")
                if done.returncode:
                    failed = re.search(
                        r"^(?:FAILED|ERROR) tests/(\S.*?)(?: - .*)?$", done.stdout, re.MULTILINE
                    )
                    no_end = "no end" if done.returncode < 0 else "no start"
                    return f"{stage.name}: {failed[1] if failed else no_end}"
            return None
        finally:
            path.write_bytes(source)

    def _pytest(
        self, stage: Stage, seconds: int | None, *arguments: str, keep: bool = False
    ) -> subprocess.CompletedProcess[str]:
        # No bytecode is kept of a mutant: it could be taken for that of the next one.
        command = [
            sys.executable, *([] if keep else ["-B"]), "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider", *arguments, *stage.arguments,
            *(f"--deselect={name}" for name in self.skipped),
        ]  # fmt: skip
        environment = {**os.environ, "PYTHONPATH": str(self.copy), "HYPOTHESIS_STORAGE_DIRECTORY": str(self.copy / ".hypothesis")}  # fmt: skip
        process = subprocess.Popen(
            command, cwd=self.copy, env=environment, text=True, start_new_session=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, preexec_fn=partial(_bounded, seconds),
        )  # fmt: skip
        try:
            output, _ = process.communicate(timeout=_WAIT)
        except subprocess.TimeoutExpired:  # it waits for something that does not come
            output = ""
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, output)


def _bounded(seconds: int | None) -> None:
    """In the process to be: processor time, so that a busy machine makes no difference, and memory."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    if seconds is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))


def _processor_time() -> float:
    """Of all processes that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
