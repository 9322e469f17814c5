"""The entry point: the table of commands, and what becomes of errors, Ctrl-C and a pipe that closes.

Exit codes: 0 done or verified, 1 rejected, 2 usage, unreadable input or unwritable output, 3 incomplete, 130 interrupted
(143 terminated), 141 nobody reads the output, 70 a defect of the program, which is no verdict.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import FrameType, TracebackType

import click

from cli.terminal import CliError, colours, complain

INTERRUPTED, TERMINATED, BROKEN_PIPE, DEFECT = 130, 143, 141, 70
_REPORT = (
    "report it with the lines above (SECURITY.md says how, if a file from somebody else did it)"
)

_GO_ON = ("issue", "close", "archive")
"""Commands that go on where they were, if they are run again."""

_SECTIONS = {
    "For providers": {
        "keygen": "make an issuer's key",
        "key": "list, rotate and revoke an issuer's keys; hash an API key",
        "tags": "check a tagging contract and a key table",
        "ingest": "read recorded usage, without signing",
        "issue": "turn recorded usage into signed receipts",
        "correct": "issue what is right in place of a receipt",
        "ratecard": "make, check, sign, show and compare rate cards",
        "close": "close a period with a signed statement",
        "publish": "publish statements in a log that all customers see",
        "archive": "move closed periods out of a journal",
        "journal": "copy a journal",
    },
    "For customers and auditors": {
        "trust": "pin, list and remove the issuers that you trust",
        "verify": "verify a batch, a proof, an equivocation or a pack",
        "report": "sign, check and show the report of a verification",
        "dispute": "pack findings with their evidence, for the other side",
        "memory": "list, compare and forget the statements that you have seen",
        "cache": "show hit rates, misses, and the credits that were due",
        "attribute": "say who pays, and what the cache saved or cost whom",
        "reconcile": "compare receipts with an invoice",
        "export": "write receipts and costs for the tools of others",
        "query": "ask receipts in SQL",
    },
    "For both": {
        "show": "print a batch without checking it",
        "prove": "cut out one receipt with its proof",
        "demo": "run all of it on a bundled sample",
    },
}
_COMMANDS = [name for section in _SECTIONS.values() for name in section]


class _Commands(click.Group):
    """Commands that are imported when they are called, so that each starts as fast as it can."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return _COMMANDS

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"cli.commands.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        for title, commands in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog="Exit codes: 0 verified or done, 1 rejected, 2 usage or unreadable input, 3 incomplete.",
)
@click.version_option(package_name="token-receipts", prog_name="receipt")
def receipt() -> None:
    """Signed receipts for the tokens that a language model provider bills.

    A provider issues a receipt per request and closes the period; the customer pins the provider's key and runs
    `receipt verify batch.cbor`.
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command line in this process and return its exit code. Errors are printed, not raised."""
    try:
        # Not receipt.main(): that turns a pipe that closes into exit code 1, which is a verdict here.
        with receipt.make_context("receipt", list(arguments), color=colours()) as ctx:
            receipt.invoke(ctx)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except CliError as error:
        complain(error.format_message(), error.hint)
        return error.exit_code
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "receipt"
        complain(error.format_message(), f"see {command} --help")
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        complain(
            f"{where}{error.strerror or error}",
            "check the path, the permissions and the room on the disk",
        )
        return 2
    return 0


class _Stop:
    """Ends the run on a signal by an exception, so that temporary files are removed.

    The signal is remembered. Where the exception comes in a destructor, Python drops it; where a lock is being taken, another one comes
    out. Neither may end in an exit code that is a verdict.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        """The exit code of the signal that came; None: none came."""
        signal.signal(signal.SIGTERM, self._terminate)
        if (
            signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):  # else it is ignored, as nohup has it
            signal.signal(signal.SIGINT, self._interrupt)

    def _terminate(self, _signal: int, _frame: FrameType | None) -> None:
        self.code = TERMINATED
        raise SystemExit(TERMINATED)

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        self.code = INTERRUPTED
        raise KeyboardInterrupt


def _tell_defect(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """What nobody caught must not end with Python's exit code 1, which is a verdict here."""
    try:
        sys.__excepthook__(kind, error, trace)
        complain("this is a defect of the program, and says nothing about the input", _REPORT)
        sys.stderr.flush()
    finally:  # also where nobody reads that
        os._exit(DEFECT)


def _flushed(code: int) -> int:
    """The exit code, when all that was printed has come to where it goes."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        if code != 2:  # else it is said already
            complain(f"standard output: {error.strerror}", "is there room on the disk?")
        return 2
    return code


def _discard_output() -> None:
    """What cannot be printed, Python would try to print once more at exit, and end with an exit code of its own."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def main() -> None:
    """The console script."""
    sys.excepthook = _tell_defect
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if (
            getattr(sys, name) is None
        ):  # closed by the caller: what goes there is not wanted, what comes from there is empty
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115  # until the end
    stop = _Stop()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a report is not lost to an encoding
    if "_RECEIPT_COMPLETE" in os.environ:
        receipt.main(prog_name="receipt")
    try:
        code = _flushed(run(sys.argv[1:]))
    except KeyboardInterrupt:
        code = INTERRUPTED
        if sys.argv[1:2] and sys.argv[1] in _GO_ON:
            with suppress(OSError):
                click.echo("receipt: stopped; type the same again", err=True)
    except BrokenPipeError:
        code = BROKEN_PIPE  # nobody reads any more
    except RuntimeError:
        if stop.code is None:
            raise
        code = stop.code
    _discard_output()
    sys.exit(code if stop.code is None else stop.code)
