"""The fuzz targets run, a finding ends a run, and what was a finding once is none."""

import random
from pathlib import Path

import pytest

from tests.fuzz.__main__ import FOUND, TARGETS, fuzz, main
from tests.fuzz.mutation import mutated
from tests.fuzz.target import Target


@pytest.mark.parametrize("path", sorted(FOUND.glob("*.hex")), ids=lambda path: path.stem)
def test_what_was_found_once(path):
    name = next(name for name in sorted(TARGETS, key=len, reverse=True) if path.stem.startswith(f"{name}-"))  # fmt: skip
    assert TARGETS[name].check(bytes.fromhex(path.read_text()))


@pytest.mark.parametrize("name", TARGETS)
def test_each_target_runs(name, folder):
    assert main([name, "--runs", "30"]) == 0
    assert not list(folder.iterdir())


def test_a_finding_is_written_down_and_ends_the_run(folder, capsys, monkeypatch):
    def check(data: bytes) -> str:
        assert b"\xff" not in data
        return "fine"

    monkeypatch.setitem(TARGETS, "weak", Target("weak", lambda: [b"abc", b"xyz"], check))
    assert main(["weak", "--runs", "100000", "--findings", str(folder)]) == 1
    (path,) = folder.iterdir()
    assert b"\xff" in bytes.fromhex(path.read_text())
    assert f"is a finding: {path}" in capsys.readouterr().out
    with pytest.raises(AssertionError):
        main(["weak", "--replay", str(path)])


def test_a_run_can_be_repeated(folder):
    seen: list[list[bytes]] = []
    for _ in range(2):
        inputs: list[bytes] = []
        target = Target("same", lambda: [b"abc", b"xyz"], lambda data, to=inputs: to.append(data) or "fine")  # fmt: skip
        fuzz(target, "7", 0, 50, Path())
        seen.append(inputs)
    assert seen[0] == seen[1]
    assert len(set(seen[0])) > 20


def test_mutations_differ_by_their_numbers_only():
    seeds = [bytes(range(64)), b'{"id": 1}']
    some = [mutated(seeds, random.Random(n)) for n in range(50)]
    assert some == [mutated(seeds, random.Random(n)) for n in range(50)]
    assert len(set(some)) > 40
