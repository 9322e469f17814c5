"""A document as a reader meets it: its code blocks, and a shell in a fresh clone that they are typed into."""

from __future__ import annotations

import json
import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("receipts", "verifier", "attribution", "cli")
_BLOCK = re.compile(
    r"^(?P<slow><!-- slow -->\n\n?)?```(?P<info>[^\n]*)\n(?P<text>.*?)^```$"
    r"|^ {4}(?P<line>python3 -m venv [^\n]*)$",
    re.MULTILINE | re.DOTALL,
)
_INSTALL = re.compile(
    r"python3 -m venv (?P<folder>\.venv\S*) && (?P=folder)/bin/pip install -q (?P<what>.+?)"
    r"(?: && (?P<rest>.+))?"
)
_TIMEOUT = 120
EXIT_CODES = {"verified": 0, "rejected": 1, "incomplete": 3}
DATA = {
    "json": json.loads,
    "jsonl": lambda text: [json.loads(line) for line in text.splitlines()],
    "csv": lambda text: len({line.count(",") for line in text.splitlines()}) == 1 or 1 / 0,
    "toml": tomllib.loads,
}
"""Blocks that are data, and how one of each kind is read."""


@dataclass(frozen=True)
class Block:
    """A code block. ``name``: the file that the reader is asked to put it into."""

    kind: str
    name: str | None
    text: str
    line: int
    slow: bool

    def commands(self) -> Iterator[tuple[str, str]]:
        """What is typed, and what is then seen: of a console block. ``> `` continues a command."""
        typed: list[str] = []
        seen: list[str] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                if typed:
                    yield "\n".join(typed), "".join(seen)
                typed, seen = [line[2:]], []
            elif line.startswith("> ") and not seen:
                typed.append(line[2:])
            else:
                assert typed, f"line {self.line}: output before the first command"
                seen.append(f"{line}\n")
        assert typed, f"line {self.line}: no command"
        yield "\n".join(typed), "".join(seen)


def blocks(path: Path) -> list[Block]:
    """The code blocks of a document, and the commands that stand indented, in their order."""
    text, found = path.read_text(), []
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match["line"] is not None:
            found.append(Block("console", None, f"$ {match['line']}\n", line, slow=False))
        else:
            kind, _, name = match["info"].partition(" ")
            found.append(Block(kind, name or None, match["text"], line, bool(match["slow"])))
    return found


def prose(path: Path) -> str:
    """A document without its code blocks."""
    return _BLOCK.sub("", path.read_text())


def matches(expected: str, actual: str) -> bool:
    """``...`` stands for the rest of a line, or, alone, for lines."""
    pattern = re.escape(expected).replace(re.escape("\n...\n"), r"\n(?:.*\n)*")
    pattern = re.sub(r"^\\\.\\\.\\\.\\?\n", r"(?:.*\\n)*", pattern).replace(r"\.\.\.", ".*")
    return re.fullmatch(pattern, actual) is not None


class Clone:
    """A folder that looks like a fresh clone, and a shell in it. What packages it needs are here already.

    Not everything is a copy: what nobody writes to is linked.
    """

    def __init__(self, folder: Path) -> None:
        self.root, self.home, self._aside = (folder / part for part in ("clone", "home", "aside"))
        for path in (self.root, self.home, self._aside):
            path.mkdir()
        for path in ROOT.iterdir():
            if path.name in PACKAGES:
                shutil.copytree(path, self.root / path.name)
            elif not path.name.startswith("."):
                (self.root / path.name).symlink_to(path)
        self._shell = subprocess.Popen(
            ["sh"], cwd=self.root, start_new_session=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={
                "PATH": "/usr/bin:/bin", "HOME": str(self.home), "COLUMNS": "80",
                "PYTHONWARNINGS": "error", "PYTHONUNBUFFERED": "1", "LC_ALL": "C.UTF-8",
            },
        )  # fmt: skip
        self._number = 0

    def close(self) -> None:
        """End the shell, and what it has left running."""
        os.killpg(self._shell.pid, signal.SIGKILL)
        self._shell.communicate()

    def run(self, block: Block) -> None:
        """Do with a block what its reader would."""
        if block.kind == "console":
            for command, expected in block.commands():
                self._command(command, expected, block)
        elif block.kind == "python":
            path = self._file(block) if block.name else self._aside / f"line-{block.line}.py"
            path.write_text(block.text)
            if not block.name:
                self._command(f"python {shlex.quote(str(path))}", _printed(block.text), block)
        else:
            DATA[block.kind](block.text)
            if block.name:
                self._file(block).write_text(block.text)

    def _file(self, block: Block) -> Path:
        return Path(self._typed("pwd")[0].strip(), str(block.name))

    def _command(self, command: str, expected: str, block: Block) -> None:
        if "pip install" in command:
            found = _INSTALL.fullmatch(command)
            assert found, f"line {block.line}: not the way to install: {command}"
            self._install(found["folder"], shlex.split(found["what"]))
            if not found["rest"] or "-m pytest" in found["rest"]:  # this is that run
                return
            command, expected = found["rest"], expected or "...\n"
        output, code = self._typed(command)
        where = f"line {block.line}: {command}\n"
        verdict = expected.partition(":")[0]  # of a session that ends in one, or else 0
        assert code == EXIT_CODES.get(verdict, 0), f"{where}ended with {code}:\n{output}"
        assert matches(expected, output), f"{where}expected:\n{expected}\nfound:\n{output}"

    def _typed(self, command: str) -> tuple[str, int]:
        """What a command prints, and its exit code."""
        assert self._shell.stdin
        assert self._shell.stdout
        self._number += 1
        mark = f"\n--- {self._shell.pid}.{self._number} "
        line = f"{{\n{command}\n}} </dev/null\nprintf '\\n--- {self._shell.pid}.{self._number} %d\\n' $?\n"
        self._shell.stdin.write(line.encode())
        self._shell.stdin.flush()
        seen, end, pipe = b"", time.monotonic() + _TIMEOUT, self._shell.stdout.fileno()
        while not (found := re.search(re.escape(mark) + r"(\d+)\n", seen.decode(errors="replace"))):
            ready, _, _ = select.select([pipe], [], [], max(0, end - time.monotonic()))
            more = os.read(pipe, 1 << 16) if ready else b""
            assert more, f"{command}\ndoes not end:\n{seen.decode(errors='replace')}"
            seen += more
        output = found.string[: found.start()]
        return output + "\n" * bool(output and not output.endswith("\n")), int(found[1])

    def _install(self, folder: str, what: list[str]) -> None:
        """What would be installed is here; an environment of that name, in which it is."""
        for part in what:
            if part != "-e":
                for name in _needed(part):
                    distribution(name)
        programs = self.root / folder / "bin"
        programs.mkdir(parents=True, exist_ok=True)
        python = f"PYTHONPATH={shlex.quote(str(self.root))} exec {shlex.quote(sys.executable)}"
        _program(programs / "python", f'{python} "$@"')
        _program(programs / "receipt", f'{python} -c "from cli.main import main; main()" "$@"')
        (programs / "activate").write_text(
            f"PATH={shlex.quote(str(programs))}:$PATH; export PATH\n"
        )


def _program(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def _needed(requirement: str) -> Iterator[str]:
    """The distributions that a requirement of pip stands for."""
    name, extras = re.fullmatch(r"([\w.-]+?)(?:\[([\w,-]+)\])?(?:[<>=~].*)?", requirement).groups()
    if name not in (".", "token-receipts"):
        yield name
        return
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    for extra in (extras or "").split(",") if extras else []:
        wanted += project["optional-dependencies"][extra]
    for line in wanted:
        yield from _needed(line)


def _printed(program: str) -> str:
    """What a Python block prints, as the comments beside its ``print`` say."""
    said = re.findall(r"^ *print\(.*\)(?:  # (.*))?$", program, re.MULTILINE)
    return "".join(f"{comment}\n" for comment in said)
