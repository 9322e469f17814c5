"""README is true: its session is run, and its output compared; its links lead somewhere; its commands stand alone."""

import re
import socket
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

import pytest

from cli.trust_store import VARIABLE
from tests.conftest import SAMPLE

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(console|python)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def session():
    """Commands and what each prints."""
    for kind, block in BLOCKS:
        if kind == "python":
            yield block, None
        else:
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                yield command, output


def matches(expected, actual):
    """``...`` stands for the rest of a line, or, alone, for lines."""
    pattern = re.escape(expected).replace(re.escape("\n...\n"), r"\n(?:.*\n)*")
    pattern = re.sub(r"^\\\.\\\.\\\.\\?\n", r"(?:.*\\n)*", pattern).replace(r"\.\.\.", ".*")
    return re.fullmatch(pattern, actual)


@pytest.mark.parametrize(
    ("expected", "actual", "match"),
    [
        ("a\n...\nb\n", "a\nx\ny\nb\n", True),
        ("a\n...\nb\n", "a\nx\ny\nc\n", False),
        ("...\nb\n", "x\nb\n", True),
        ("key ...\n", "key abc\n", True),
        ("key ...\n", "key abc\ndef\n", False),
        ("a\n", "a\nb\n", False),
    ],
)
def test_matches(expected, actual, match):
    assert bool(matches(expected, actual)) is match


def test_session(tmp_path):
    """Every console and Python block, one after the other, in one folder."""
    (tmp_path / "usage.jsonl").write_bytes(SAMPLE.read_bytes())
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "80",
        "PYTHONWARNINGS": "error",
        VARIABLE: str(tmp_path / "trust"),
    }
    count = 0
    with ExitStack() as servers:
        for command, expected in session():
            if command.endswith(" &"):
                servers.callback(stop, start(command.removesuffix(" &"), tmp_path, environment))
                continue
            line = [sys.executable, "-c", command] if expected is None else ["sh", "-c", command]
            done = subprocess.run(
                line, cwd=tmp_path, env=environment, text=True, check=False,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            assert done.returncode == 0, (command, done.stdout)
            if expected is not None:
                assert matches(expected, done.stdout), (command, expected, done.stdout)
            count += 1
    assert count > 10


def start(command, folder, environment):
    """A server in the background, once it listens."""
    server = subprocess.Popen(["sh", "-c", f"exec env {command}"], cwd=folder, env=environment)
    port = int(re.search(r"--port (\d+)", command).group(1))
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    return server


def stop(server):
    server.terminate()
    server.wait()


def test_the_two_commands():
    """One line each, with an environment of its own; the first ends in the demo, the second in the tests."""
    lines = re.findall(r"^ {4}(python3 -m venv .*)$", README, re.MULTILINE)
    assert len(lines) == 2
    assert lines[0].endswith("receipt demo")
    assert re.search(r"-m pytest -q$", lines[1])


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *sorted((ROOT / "spec").glob("*.md"))], ids=lambda p: p.name
)
def test_links(path):
    """Every relative link is to a file that is there, and to a heading that is in it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
            slugs = {
                re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings
            }
            assert anchor in slugs, target


def test_no_figure_that_no_command_prints():
    """The speed table has the rows of ``python -m tests.bench``, in its order."""
    from tests.bench.__main__ import ratios

    printed = [row[0] for row in ratios(defaultdict(lambda: 1.0), peer=True)]
    table = re.findall(r"^\| (.+?) \| ", README[README.index("## Speed") :], re.MULTILINE)
    assert table[: len(printed)] == printed
