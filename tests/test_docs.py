"""The documents are true: what they say to type is typed, in a fresh clone, and comes out as they say; their links lead somewhere."""

import re
import shlex
from collections import defaultdict
from dataclasses import replace

import click
import pytest

from cli import main
from tests.documents import DATA, ROOT, Clone, blocks, matches, prose

README = ROOT / "README.md"
GUIDES = [README, *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"]
PAGES = [*GUIDES, ROOT / "SECURITY.md", ROOT / "CHANGELOG.md"]
SPEC = sorted((ROOT / "spec").glob("*.md"))


def ids(paths):
    return [path.name for path in paths]


@pytest.mark.parametrize(
    ("expected", "actual", "match"),
    [
        ("a\n...\nb\n", "a\nx\ny\nb\n", True),
        ("a\n...\nb\n", "a\nx\ny\nc\n", False),
        ("...\nb\n", "x\nb\n", True),
        ("...\n", "x\ny\n", True),
        ("key ...\n", "key abc\n", True),
        ("key ...\n", "key abc\ndef\n", False),
        ("a\n", "a\nb\n", False),
        ("", "b\n", False),
    ],
)
def test_matches(expected, actual, match):
    assert matches(expected, actual) is match


def play(path, folder, *, slow, instead=("", "")):
    """Type a whole document into one shell; what is marked as slow only if asked for.

    ``instead``: a text that is typed otherwise, and how.
    """
    clone = Clone(folder)
    try:
        for block in blocks(path):
            if slow or not block.slow:
                clone.run(replace(block, text=block.text.replace(*instead)))
    finally:
        clone.close()
    assert not list(clone.home.iterdir()), "the reader's own folder was written to"


@pytest.mark.slow
def test_a_gateway_on_many_machines(url, tmp_path):
    """What the guide says: with PostgreSQL nothing else changes."""
    page = ROOT / "docs" / "gateway.md"
    assert "JOURNAL=issuer.db" in page.read_text()
    play(page, tmp_path, slow=False, instead=("JOURNAL=issuer.db", f"JOURNAL={url}"))


WITH_BLOCKS = [path for path in GUIDES if blocks(path)]
SLOW = [path for path in WITH_BLOCKS if any(block.slow for block in blocks(path))]


LONG = {f"{name}.md" for name in ("auditor", "cache", "finance", "gateway", "rate-cards", "runbook", "start-alone", "third-parties")}  # fmt: skip
"""Those that .ci/run types, and the quick tests do not."""


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=pytest.mark.slow) if p.name in LONG else p for p in WITH_BLOCKS],
    ids=ids(WITH_BLOCKS),
)
def test_what_is_typed(path, tmp_path):
    play(path, tmp_path, slow=False)


@pytest.mark.slow
@pytest.mark.parametrize("path", SLOW, ids=ids(SLOW))
def test_what_takes_long(path, tmp_path):
    play(path, tmp_path, slow=True)


@pytest.mark.parametrize("path", PAGES, ids=ids(PAGES))
def test_every_block_can_be_run(path):
    """A block is a session, a program or data; in pages that are not run, there is none."""
    for block in blocks(path):
        assert path in GUIDES, block
        assert block.kind in {"console", "python", *DATA}, block
        if block.kind == "console":
            assert list(block.commands()), block
    assert not re.search(r"^ *```|^\n {4,}[^ *-]", prose(path), re.MULTILINE), (
        "a block of another form"
    )


def test_the_two_commands():
    """One line each, with an environment of its own; the first ends in the demo, the second in the tests."""
    lines = re.findall(r"^ {4}(python3 -m venv .*)$", README.read_text(), re.MULTILINE)
    assert len(lines) == 2
    assert lines[0].endswith("receipt demo")
    assert re.search(r"-m pytest -q -n auto$", lines[1])


def slugs(path):
    """The anchors of a page."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE):
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        found.add(re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-"))
    return found


@pytest.mark.parametrize("path", [*PAGES, *SPEC], ids=ids([*PAGES, *SPEC]))
def test_links(path):
    """Every relative link is to a file that is there, and to a heading that is in it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        assert file.is_relative_to(ROOT), target
        assert file.exists(), target
        assert not anchor or anchor in slugs(file), target


def test_every_page_can_be_reached():
    """README leads to every guide."""
    linked = set(re.findall(r"\]\(([^)#\s]+)", README.read_text()))
    assert {str(path.relative_to(ROOT)) for path in PAGES[1:]} <= linked


@pytest.mark.parametrize("path", PAGES, ids=ids(PAGES))
def test_lines_are_short(path):
    """Prose is wrapped at 100 columns; tables and commands may be as long as they are."""
    for line in prose(path).splitlines():
        assert len(line) <= 100 or line.startswith("|"), line


@pytest.mark.parametrize("path", PAGES, ids=ids(PAGES))
def test_commands_in_the_text(path):
    """A command that the text names is one, and has the options that it is named with."""
    for span in re.findall(r"`(receipt [a-z][^`]*)`", prose(path).replace("\n", " ")):
        command, words = main.receipt, shlex.split(span)[1:]
        while isinstance(command, click.Group) and words and words[0] != "...":
            command = command.get_command(click.Context(command), words.pop(0))
            assert command, span
        options = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
        options |= {"--help", "-h"}
        assert {word.split("=")[0] for word in words if word.startswith("-")} - {"-"} <= options, (
            span
        )


def test_no_figure_that_no_command_prints():
    """The speed table has the rows of ``python -m tests.bench``, in its order."""
    from tests.bench.__main__ import ratios

    printed = [row[0] for row in ratios(defaultdict(lambda: 1.0), peer=True)]
    text = (ROOT / "docs/performance.md").read_text()
    table = re.findall(r"^\| (.+?) \| ", text, re.MULTILINE)
    assert table[: len(printed)] == printed
