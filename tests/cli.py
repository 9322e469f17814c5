"""Running the command in this process, as a user would in a folder of its own."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from cli.main import run


@dataclass
class Result:
    code: int
    out: str
    err: str


class Shell:
    """Runs command lines; ``receipt`` is left out."""

    def __init__(self, capfd) -> None:
        self._capfd = capfd

    def __call__(self, line: str, *more: str) -> Result:
        self._capfd.readouterr()
        code = run([*shlex.split(line), *more])
        out, err = self._capfd.readouterr()
        return Result(code, out, err)
