"""The script that changes the verifier's code mechanically (`python -m tests.mutation`)."""

import json
from pathlib import Path

import pytest

from tests.mutation.__main__ import main
from tests.mutation.equivalents import listed
from tests.mutation.mutants import modules, mutants_of
from tests.mutation.selection import WEIGHTS, chosen
from tests.mutation.trial import FILES

ROOT = Path(__file__).parents[1]
CODE = '''
"""Not 1 < 2."""
__all__ = ["a", "b"]
CODES: frozenset[str] = frozenset({"a", "b"})
def f(x: int = 3) -> bool:
    """Not 1 < 2."""
    message = f"{x + 1}" + str(x - 1)
    if x < 2 and not g(x):
        raise ValueError(f"{x}" if x else "")
    self.findings.add(x)
    return x[1:y] == min(x, y)
'''
CHANGES = {
    'CODES: frozenset[str] = frozenset({ "b"})', 'CODES: frozenset[str] = frozenset({"a", })',
    "def f(x: int = 4) -> bool:", "def f(x: int = 2) -> bool:",
    "if x <= 2 and not g(x):", "if x < 3 and not g(x):", "if x < 1 and not g(x):", "if x < 2 or not g(x):",
    "if x < 2 and (g(x)):", "if True:", "if False:", "if True and not g(x):", "if x < 2 and True:",
    "pass",
    "return not (x[1:y] == min(x, y))", "return x[1:y] != min(x, y)", "return x[2:y] == min(x, y)",
    "return x[0:y] == min(x, y)", "return x[1:] == min(x, y)", "return x[1:y] == max(x, y)",
}  # fmt: skip


def test_what_is_changed_and_what_is_left_alone(tmp_path):
    (tmp_path / "m.py").write_text(CODE)
    found = mutants_of(tmp_path, "m.py")
    assert {" ".join(mutant.after.split()) for mutant in found} == {
        " ".join(c.split()) for c in CHANGES
    }
    assert [mutant.after for mutant in found].count("pass") == 2
    assert all(mutant.compiles(tmp_path) for mutant in found)


def test_the_choice_is_the_same_every_time_and_of_all_rooms():
    everything = [mutant for module in modules(ROOT) for mutant in mutants_of(ROOT, module)]
    assert len({mutant.key for mutant in everything}) == len(everything)
    one, two = (chosen(everything, 300, seed) for seed in (1, 2))
    assert one == chosen(everything, 300, 1) != two
    assert {mutant.room for mutant in one} == set(FILES) == set(WEIGHTS)
    assert len(one) == pytest.approx(300, abs=5)


def test_what_is_listed_as_equivalent_is_still_there():
    """Whoever changes a line that is listed lists it again, or writes the test."""
    everything = {mutant.key for module in modules(ROOT) for mutant in mutants_of(ROOT, module)}
    assert listed().keys() <= everything


@pytest.mark.slow
def test_three_mutants(capsys):
    arguments = ["--only", "verifier/report/period.py", "--count", "3", "--json"]
    code = main(arguments)
    result = json.loads(capsys.readouterr().out)
    assert (result["tried"], result["listed_but_gone"], result["listed_but_noticed"]) == (3, [], [])
    assert result["noticed"] + len(result["survivors"]) + len(result["equivalent"]) == 3
    assert code == (1 if result["survivors"] else 0)
