"""The second verifier (verifier/web/verifier.js) in one process of Node, which answers JSON lines."""

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

REQUIRED = "RECEIPT_TESTS_REQUIRE_NODE"
"""The environment variable that makes a missing Node a failure."""
LEAST = 20
"""The first version whose WebCrypto has Ed25519 without an option."""
MISSING = f"there is no Node.js {LEAST} or later on this machine: apt-get install nodejs"


def has_node():
    """Whether there is a Node that can run the module."""
    if not shutil.which("node"):
        return False
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    return int(version.stdout.lstrip("v").split(".")[0]) >= LEAST


def skip_or_fail():
    """What becomes of a test that needs Node where there is none."""
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{MISSING} ({REQUIRED} is set)")
    pytest.skip(MISSING)


class Second:
    """The second verifier."""

    def __init__(self, process):
        self._process = process

    def verify(self, files, keys, **options):
        """Verdict and findings of files, by key sets (JSON-ready data): {"verdict", "findings": [[code, rule, item, count]], "cards", "error"}."""
        question = {"files": [file.hex() for file in files], "keys": [json.dumps(jwks) for jwks in keys], "options": options}  # fmt: skip
        answer = self._ask(question)
        assert answer["verdict"] != "CRASH", answer["error"]
        return answer

    def card(self, data):
        """What becomes of the bytes of a rate card: {"digest"}, or {"field"} of what is wrong with it."""
        return self._ask({"card": data.hex()})

    def report(self, files, keys, *, record=None, **options):
        """The report on files ({name: bytes}), by key files: its canonical text and the CSV file beside it; (None, why) without a verdict.

        ``record``: files by role, and ``margin`` in ms.
        """
        named = _all_named(options) | {"record": record and _all_named(record)}
        answer = self._ask({"report": _named(files), "keys": _named(keys), "options": named})
        assert not answer.get("error", "").startswith("CRASH"), answer["error"]
        return answer.get("text"), answer.get("csv", answer.get("error"))

    def _ask(self, question):
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def _all_named(options):
    return {name: _named(one) if isinstance(one, dict) else one for name, one in options.items()}


def _named(files):
    return [[name, data.hex()] for name, data in files.items()]


@contextmanager
def second_verifier():
    """It, as long as it is needed."""
    if not has_node():
        skip_or_fail()
    command = ["node", "--no-warnings", str(Path(__file__).with_name("run.mjs"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # fmt: skip
        yield Second(process)
        process.stdin.close()
