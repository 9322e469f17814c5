"""``python -m verifier``, alone in a folder: the same verdict, report and exit code, and no socket."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_vectors import DOCUMENTS, input_of, key_sets, record_of
from verifier import batch_file, read_items, show_instant

ROOT = Path(__file__).parents[1]

GUARD = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"receipts", "cli", "cbor2", "click", "pydantic", "rfc8785", "nacl"}:
            raise ModuleNotFoundError(name)

def audit(event, arguments):
    if event.startswith("socket."):
        raise RuntimeError(f"{event} {arguments}")

sys.meta_path.insert(0, Refuse())
sys.addaudithook(audit)
"""


@pytest.fixture(scope="session")
def alone(tmp_path_factory):
    """A folder with the package and a guard that refuses all others but cryptography, and all sockets."""
    folder = tmp_path_factory.mktemp("alone")
    shutil.copytree(
        ROOT / "verifier", folder / "verifier", ignore=shutil.ignore_patterns("__pycache__")
    )
    (folder / "sitecustomize.py").write_text(GUARD)

    def run(*arguments):
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)}
        command = [sys.executable, "-P", "-m", "verifier", *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, env=environment, cwd=folder, check=False
        )

    return run


def test_the_guard_works(alone, tmp_path):
    probe = subprocess.run(
        [sys.executable, "-c", "import verifier, sys; print(verifier.__file__, 'nacl' in sys.modules)"],
        capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(next(cell.cell_contents for cell in alone.__closure__))}, cwd=tmp_path,
    )  # fmt: skip
    assert "alone" in probe.stdout
    assert probe.stdout.endswith("False\n")


@pytest.mark.parametrize("form", ["", "--json"])
def test_the_same_report_and_exit_code(alone, shell, closed, form):
    items = [item.raw for item in read_items([batch_file(str(closed))])]
    Path("faulty.cbor").write_bytes(closed.read_bytes()[:5000] + closed.read_bytes()[6000:])
    Path("missing.cbor").write_bytes(b"".join(items[:7] + items[8:]))
    for name in ("batch.cbor", "faulty.cbor", "missing.cbor"):
        path = closed.parent / name
        for more in ([], ["--period", "2026-11"], ["--account", "acme", "--require-cache-id"]):
            here = shell(
                f"verify {path} --keys keys/issuer.jwks.json --no-remember {' '.join(more)} {form}"
            )
            there = alone(
                path, "--keys", closed.parent / "keys/issuer.jwks.json", *more, *form.split()
            )
            assert there.stderr == ""
            assert (there.stdout, there.returncode) == (here.out, here.code)


def demands(options):
    """What the caller of a vector demands, as arguments."""
    more = []
    if "period" in options:
        more += ["--period", "/".join(show_instant(ms) for ms in options["period"])]
    if "account" in options:
        more += ["--account", options["account"]]
    if options.get("require_cache_id"):
        more += ["--require-cache-id"]
    for issuer in options.get("observers", ()):
        more += ["--observer", issuer]
    return more


@pytest.mark.parametrize("step", [60, pytest.param(5, marks=pytest.mark.slow)])
@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=lambda d: d["title"])
def test_some_vectors(alone, shell, folder, document, step):
    told = [vector for vector in document["vectors"] if "signatures" not in vector["options"]]
    for vector in told[::step]:
        names = []
        for n, jwks in enumerate(key_sets(document, vector)):
            (folder / f"keys{n}.json").write_text(json.dumps(jwks))
            names += ["--keys", str(folder / f"keys{n}.json")]
        path = folder / "input.cbor"
        path.write_bytes(input_of(vector))
        options = vector["options"]
        more = [*names, *demands(options)]
        if "known" in options:
            (folder / "known.cbor").write_bytes(
                b"".join(bytes.fromhex(known) for known in options["known"])
            )
            more += ["--previous", str(folder / "known.cbor")]
        record = record_of(options)
        for option in ("requests", "received", "prompts"):
            for name in getattr(record, option, ()):
                more += [f"--{option}", str(folder / name)]
        for n, given in enumerate(options.get("cards", ())):
            (folder / f"card{n}.cbor").write_bytes(bytes.fromhex(given))
            more += ["--card", str(folder / f"card{n}.cbor")]
        if record and record.cache_key:
            more += ["--cache-key", str(folder / record.cache_key)]
        there = alone(path, *more, "--json")
        here = shell(f"verify {path} --json --no-remember", *more)
        assert (there.stdout, there.returncode) == (here.out, here.code), vector["id"]
        verdict = json.loads(there.stdout)["verdict"] if there.stdout else None
        assert verdict == vector["verdict"], vector["id"]


def test_usage_errors(alone, closed):
    for arguments in (["nothing.cbor", "--keys", "x"], [closed], [closed, "--keys", "nothing"], [closed, "--keys", closed],
                      [closed, "--keys", closed.parent / "keys/issuer.jwks.json", "--period", "x"], [closed, "--jobs", "0"],
                      [closed, "--keys", closed.parent / "keys/issuer.jwks.json", "--card", closed]):  # fmt: skip
        result = alone(*arguments)
        assert result.returncode == 2, arguments
        assert result.stdout == ""
        assert "error: " in result.stderr
        assert "Traceback" not in result.stderr
