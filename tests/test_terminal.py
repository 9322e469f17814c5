"""The command as a process: pipes that close, Ctrl-C, a terminal and none."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.test_jobs import large

RECEIPT = [sys.executable, "-c", "from cli.main import main; main()"]
AT_ONCE = [
    sys.executable,
    "-c",
    "from cli import main, terminal; terminal._LONG = 0; main.main()",  # all work is long work
]
# As a shell starts what it waits for: whoever runs the tests may ignore Ctrl-C, and a child inherits that.
INTERRUPTIBLE = [
    sys.executable,
    "-c",
    "import signal, sys; signal.signal(2, signal.default_int_handler); from cli.main import main; print('begins', file=sys.stderr, flush=True); main()",
]
ROOT = str(Path(__file__).parents[1])


def environment(**more):
    """That of the tests, without what would change the output."""
    inherited = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
    return {**inherited, "PYTHONPATH": ROOT, "COLUMNS": "80", **more}


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """A batch that takes some seconds to verify."""
    folder = tmp_path_factory.mktemp("big")
    (folder / "big.cbor").write_bytes(b"".join(large(60_000)))
    return folder


def test_a_pipe_that_closes(big):
    """The output is more than a pipe holds, so that it is not all written when nobody reads any more."""
    for command in (["show", str(big / "big.cbor")], ["show", str(big / "big.cbor"), "--json"]):
        process = subprocess.Popen(
            [*RECEIPT, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
        )
        process.stdout.readline()
        process.stdout.close()
        error = process.stderr.read().decode()
        process.stderr.close()
        assert process.wait() == 141
        assert "Traceback" not in error
        assert "Exception" not in error


def test_a_pipe_that_was_closed_before(closed):
    script = f"exec {sys.executable} -c 'from cli.main import main; main()' verify batch.cbor | true; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(
        ["bash", "-c", script], env=environment(), capture_output=True, text=True, check=False
    )
    assert result.returncode in (0, 141)
    assert "Traceback" not in result.stderr
    assert "Exception" not in result.stderr


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted(big, jobs, sent, code):
    command = [*INTERRUPTIBLE, "verify", "big.cbor", "--jobs", jobs]
    process = subprocess.Popen(
        command,
        cwd=big,
        env=environment(RECEIPT_TRUST_STORE=str(big / "trust")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stderr.readline() == b"begins\n"
    time.sleep(0.3)
    process.send_signal(sent)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    dropped = b"Exception ignored in" in err  # by Python, in a destructor: the run goes on
    assert dropped or (out == b"" and b"Traceback" not in err), (out, err)


_STOPPED = """
import sys
from cli import key_folder, main
from cli.commands import close

def stopped(*_):
    raise KeyboardInterrupt

key_folder.load = stopped
sys.argv = ["receipt", *sys.argv[1:]]
main.main()
"""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("close b.cbor --keys keys --period 2026-01", "receipt: stopped; type the same again\n"),
        ("issue u.jsonl --keys keys --out b.cbor", "receipt: stopped; type the same again\n"),
        ("key list --keys keys", ""),
    ],
)
def test_what_goes_on_says_so_when_it_is_stopped(folder, line, said):
    command = [sys.executable, "-c", _STOPPED, *line.split()]
    result = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", said)


_LOST = """
import os, signal, sys
from cli import key_folder, main

def dropped(sent):
    class Ends:
        def __del__(self):
            os.kill(os.getpid(), sent)
            sum(range(1000))
    Ends()
    raise key_folder.CliError("the run went on", "or not")

def turned(sent):
    try:
        os.kill(os.getpid(), sent)
        sum(range(1000))
    except BaseException:
        raise RuntimeError("cannot release un-acquired lock")

way, sent, sys.argv = locals()[sys.argv[1]], int(sys.argv[2]), ["receipt", *sys.argv[3:]]
signal.signal(signal.SIGINT, signal.default_int_handler)
key_folder.load = lambda *_: way(sent)
main.main()
"""


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("way", ["dropped", "turned"])
def test_a_signal_whose_exception_is_lost_is_no_verdict(folder, way, sent, code):
    """Python drops an exception in a destructor, and makes another one of it where a lock is being taken."""
    line = ["key", "list", "--keys", "keys"]
    command = [sys.executable, "-c", _LOST, way, str(int(sent)), *line]
    result = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (code, "")
    assert ("the run went on" in result.stderr) == (way == "dropped")


def on_a_terminal(command, cwd, receipt=RECEIPT, **more):
    """Run a command on a pseudo terminal of 80 columns; return what it wrote there, and its exit code."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [*receipt, *command],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        cwd=cwd,
        env=environment(**{"TERM": "xterm", **more}),
    )
    os.close(terminal)
    written = b""
    while True:
        ready, _, _ = select.select([controller], [], [], 60)
        try:
            chunk = os.read(controller, 65536) if ready else b""
        except OSError:
            chunk = b""
        if not chunk:
            break
        written += chunk
    os.close(controller)
    return written.decode(), process.wait()


def test_a_terminal_has_a_progress_bar_and_colours(closed, folder):
    written, code = on_a_terminal(["verify", "batch.cbor", "--no-remember"], folder, AT_ONCE)
    assert code == 0
    assert "verifying  [" in written
    assert "\x1b[32m\x1b[1mverified\x1b[0m" in written


def test_short_work_has_no_progress_bar(closed, folder):
    written, code = on_a_terminal(["verify", "batch.cbor", "--no-remember"], folder)
    assert (code, "verifying" in written) == (0, False)


@pytest.mark.slow
@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_who_wants_no_colours_gets_none(closed, folder, variable):
    """In reports, errors and warnings."""
    for command, code, words in (
        (["verify", "batch.cbor", "--no-remember"], 0, "verified: batch.cbor"),
        (["verify", "missing.cbor"], 2, "receipt: error: missing.cbor"),
        (["verify", "--nothing"], 2, "receipt: error: "),
        (["show", "batch.cbor"], 0, "receipt: warning: nothing of this was checked"),
        (["demo"], 0, "# A provider makes a key"),
    ):
        written, exit_code = on_a_terminal(command, folder, **variable)
        assert (exit_code, "\x1b" in written) == (code, False), command
        assert words in written
    plain, _ = on_a_terminal(["verify", "batch.cbor", "--no-remember"], folder, NO_COLOR="")
    assert "\x1b[32m\x1b[1mverified\x1b[0m" in plain


@pytest.mark.slow
def test_a_dumb_terminal_has_no_progress_bar(closed, folder):
    written, code = on_a_terminal(
        ["verify", "batch.cbor", "--no-remember"], folder, AT_ONCE, TERM="dumb"
    )
    assert (code, "\x1b" in written, "verifying" in written) == (0, False, False)


def test_quiet_has_no_progress_bar(closed, folder):
    written, code = on_a_terminal(
        ["verify", "batch.cbor", "--no-remember", "--quiet"], folder, AT_ONCE
    )
    assert (code, "verifying" in written) == (0, False)


def test_no_terminal_has_neither(closed):
    result = subprocess.run(
        [*RECEIPT, "verify", "batch.cbor"], env=environment(), capture_output=True, check=False
    )
    assert result.returncode == 0
    assert b"\x1b" not in result.stdout + result.stderr
    assert result.stderr == b""


def test_completion_is_offered():
    for shell, word in (("bash", "complete"), ("zsh", "compdef"), ("fish", "complete")):
        script = subprocess.run(
            RECEIPT,
            env=environment(_RECEIPT_COMPLETE=f"{shell}_source"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert script.returncode == 0
        assert word in script.stdout


@pytest.mark.parametrize(
    "code",
    [
        "import cli.main; cli.main.run = lambda _: 1 / 0; cli.main.main()",
        "import sys, verifier.__main__ as v; v._verified = lambda _: 1 / 0; sys.exit(v.main(['b', '--keys', 'k']))",
    ],
)
def test_a_defect_is_no_verdict(code):
    """An exception that nobody caught ends with 70, and not with the 1 that means rejected."""
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (70, "")
    assert "ZeroDivisionError" in result.stderr
    assert "a defect of the program" in result.stderr
