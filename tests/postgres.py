"""A server of PostgreSQL for the tests: from Debian's packages, in a temporary folder, on a loopback port."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

REQUIRED = "RECEIPT_TESTS_REQUIRE_POSTGRES"
"""The environment variable that makes a missing server a failure."""
MISSING = "there is no PostgreSQL on this machine: apt-get install postgresql"


def programs():
    """The folder with initdb and pg_ctl; None: they are not installed."""
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")  # Debian's are not on the path
    newest = max(versions, key=lambda path: float(path.parts[-3]), default=shutil.which("initdb"))
    return newest and Path(newest).resolve().parent


def skip_or_fail():
    """What becomes of a test that needs a server where there is none."""
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{MISSING} ({REQUIRED} is set)")
    pytest.skip(MISSING)


def _as_somebody():
    """How root starts a program that refuses to be started by root."""
    if os.getuid():
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]


class Server:
    """One that can be stopped in every way, and started again on the same port."""

    def __init__(self, bin_folder):
        self._bin = bin_folder
        self.folder = Path(tempfile.mkdtemp(prefix="receipt-postgres-"))
        if not os.getuid():
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self._data = self.folder / "data"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._run("initdb", "-D", self._data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale")  # fmt: skip
        hba = self._data / "pg_hba.conf"
        hba.write_text("host all guarded 127.0.0.1/32 scram-sha-256\n" + hba.read_text())
        self.start()

    def _run(self, program, *arguments, check=True):
        command = [*_as_somebody(), self._bin / program, *arguments]
        return subprocess.run(command, check=check, capture_output=True, text=True, cwd=self.folder)

    def start(self):
        """Start it, or wait until what was killed is gone, and start it then."""
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder} -c max_connections=50 -c deadlock_timeout=100ms"
        for _ in range(100):
            log = self.folder / "log"
            run = self._run("pg_ctl", "-D", self._data, "-l", log, "-w", "-o", options, "start", check=False)  # fmt: skip
            if run.returncode == 0:
                return
            time.sleep(0.1)
        raise AssertionError(log.read_text()[-2000:])

    def stop(self, mode="fast"):
        """``immediate`` is as good as a crash."""
        self._run("pg_ctl", "-D", self._data, "-m", mode, "-w", "stop")

    def signal(self, number):
        """Send a signal to the postmaster."""
        os.kill(int((self._data / "postmaster.pid").read_text().split()[0]), number)

    def kill(self):
        """kill -9 of the postmaster; its children see that, and end."""
        self.signal(signal.SIGKILL)

    def remove(self):
        """Stop it, and leave nothing behind."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop", check=False)
        shutil.rmtree(self.folder)

    def url(self, database="postgres", port=None, user="postgres"):
        """Where a database is, and through which port."""
        return f"postgresql://{user}@127.0.0.1:{port or self.port}/{database}"

    def sql(self, statement, database="postgres"):
        """Run one statement as the superuser; its rows, if it has any."""
        with psycopg.connect(self.url(database), autocommit=True) as db:
            done = db.execute(statement)
            return done.fetchall() if done.description else None

    def new_database(self):
        """The name of an empty database."""
        name = f"t{uuid4().hex}"
        self.sql(f"CREATE DATABASE {name}")
        return name
