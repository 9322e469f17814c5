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
    """How root starts a program that refuses to be started by root. It ends with this process, even if that is killed."""
    user = [] if os.getuid() else ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
    return ["setpriv", "--pdeathsig=QUIT", *user, "--"] if shutil.which("setpriv") else []


class Server:
    """One that can be stopped in every way, and started again on the same port."""

    def __init__(self, bin_folder, of=None):
        self._bin = bin_folder
        self.folder = Path(tempfile.mkdtemp(prefix="receipt-postgres-"))
        if not os.getuid():
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self._data = self.folder / "data"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        if of is None:
            self._run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale")
            hba = self._data / "pg_hba.conf"
            hba.write_text("host all guarded 127.0.0.1/32 scram-sha-256\n" + hba.read_text())
        else:
            self._run("pg_basebackup", "--write-recovery-conf", "-d", of.url().rpartition("/")[0])
        self._process = None
        self.start()

    def _run(self, program, *options):
        """Run a program that makes the folder of the data."""
        command = [*_as_somebody(), self._bin / program, "-D", self._data, *options]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder)

    def standby(self):
        """Another one that follows this one; what is committed from now on is on both."""
        follower = Server(self._bin, of=self)
        self.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.sql("SELECT pg_reload_conf()")
        ends = time.monotonic() + 60
        while self.sql("SELECT sync_state FROM pg_stat_replication") != [("sync",)]:
            assert time.monotonic() < ends
            time.sleep(0.05)
        return follower

    def promote(self):
        """It takes writes from now on."""
        self.sql("SELECT pg_promote()")

    def start(self):
        """Start it, as a child of this process: one that was killed is reaped, and its lock file seen through."""
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder} -c max_connections=50"
        command = [*_as_somebody(), self._bin / "postgres", "-D", self._data, *options.split()]
        ends = time.monotonic() + 60
        while self._process is None or self._process.poll() is not None:
            assert time.monotonic() < ends, (self.folder / "log").read_text()[-2000:]
            with (self.folder / "log").open("ab") as log:
                self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
            self._wait()

    def _wait(self):
        """Until it answers; or ends, because what was killed before is not gone yet."""
        while self._process.poll() is None:
            try:
                return self.sql("SELECT 1")
            except psycopg.OperationalError:
                time.sleep(0.05)
        return None

    def stop(self, mode="fast"):
        """``immediate`` is as good as a crash."""
        self.signal({"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode])
        self._process.wait(60)

    def signal(self, number):
        """Send a signal to the postmaster."""
        self._process.send_signal(number)

    def kill(self):
        """kill -9 of the postmaster; its children see that, and end."""
        self.signal(signal.SIGKILL)
        self._process.wait(60)

    def start_again(self):
        """Start it if it is not up."""
        if self._process.poll() is not None:
            self.start()

    def _backends(self):
        rows = self.sql("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'")  # fmt: skip
        return [pid for (pid,) in rows]

    def kill_backends(self):
        """kill -9 of all that serve somebody: the server ends all others too, and recovers."""
        for pid in self._backends():
            os.kill(pid, signal.SIGKILL)
        self._wait()

    def signal_all(self, number):
        """Send a signal to the postmaster and its children."""
        postmaster = self._process.pid
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for pid in [postmaster, *children]:
            os.kill(int(pid), number)

    def remove(self):
        """Stop it, and leave nothing behind."""
        self.stop("immediate")
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
