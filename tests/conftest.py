"""Fixtures: a folder to work in, with a trust store of its own and the demo's sample."""

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from cli.trust_store import VARIABLE
from tests.build import ISSUER, KEY, jwk_set
from tests.cli import Shell
from tests.postgres import MISSING, Server, programs, skip_or_fail
from tests.proxy import Proxy

# Deadlines would be timed assertions; the machines are noisy. The same examples in each run, so that a
# red test is one that the change at hand made red; `--hypothesis-profile=explore` looks for new ones.
settings.register_profile(
    "repeated", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.register_profile("explore", settings.get_profile("repeated"), derandomize=False, max_examples=1000)  # fmt: skip
settings.load_profile("repeated")

_SPRING = 1_803_859_200_000
"""2027-03-01, in ms."""
SAMPLE = Path(__file__).parents[1] / "cli/sample/usage.jsonl"


def pytest_terminal_summary(terminalreporter):
    """What was not tested is said, and why: a dot that is an s is easily overlooked."""
    skipped = terminalreporter.stats.get("skipped", [])
    missing = [report for report in skipped if MISSING in str(report.longrepr)]
    if missing:
        terminalreporter.write_line(f"{len(missing)} tests of the journal were skipped: {MISSING}")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder; nothing of the user's own is read or written."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "trust"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("RECEIPT_KEY_PASSPHRASE", raising=False)
    # The months of the samples are over, whenever the tests run.
    monkeypatch.setattr("cli.key_folder.now", lambda: max(_SPRING, time.time_ns() // 1_000_000))
    return tmp_path


@pytest.fixture
def shell(folder, capfd):
    """The command, in the empty folder."""
    return Shell(capfd)


@pytest.fixture
def keys(folder):
    """A key folder with the key of the vectors."""
    path = folder / "keys"
    path.mkdir()
    (path / "issuer.pem").write_bytes(KEY.to_pem())
    os.chmod(path / "issuer.pem", 0o600)
    (path / "issuer.jwks.json").write_text(json.dumps(jwk_set(KEY, issuer=ISSUER)))
    return path


@pytest.fixture
def closed(shell, keys, folder):
    """A closed batch of the sample, batch.cbor, by the issuer of the vectors, who is pinned."""
    (folder / "usage.jsonl").write_bytes(SAMPLE.read_bytes())
    assert shell("issue usage.jsonl --keys keys --account acme --out batch.cbor").code == 0
    assert shell("close batch.cbor --keys keys --period 2026-11").code == 0
    assert shell("trust add keys/issuer.jwks.json --yes").code == 0
    return folder / "batch.cbor"


@pytest.fixture(scope="session")
def server():
    """A server of PostgreSQL, one for each worker. A test that stops it starts it again."""
    where = programs()
    if where is None:
        skip_or_fail()
    running = Server(where)
    yield running
    running.remove()


@pytest.fixture
def database(server):
    """The name of an empty database."""
    return server.new_database()


@pytest.fixture(params=["sqlite", "postgres"])
def location(request, folder):
    """Where a new journal goes: both backends must do."""
    if request.param == "sqlite":
        return str(folder / "issuer.db")
    server = request.getfixturevalue("server")
    return server.url(request.getfixturevalue("database"))


@pytest.fixture
def url(server, database):
    """Where an empty database is."""
    return server.url(database)


@pytest.fixture
def proxy(server):
    """Between a journal and the server."""
    between = Proxy(server.port)
    yield between
    between.close()
