"""``python -m verifier``: the verifier alone, with nothing but the standard library and `cryptography`."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final

from verifier import (
    CardError,
    Input,
    KeyConflictError,
    KeyFileError,
    NoStatementError,
    NotABatchError,
    PeriodError,
    Policy,
    Record,
    RecordError,
    Report,
    Signatures,
    Source,
    UnreadableError,
    as_object,
    batch_file,
    batch_stream,
    bound,
    by_kid,
    parse_period,
    read_card,
    read_jwks,
    render,
    statements_in,
    verify,
)

USAGE_ERROR = 2
INTERRUPTED = 130
BROKEN_PIPE = 141
DEFECT = 70
_REFUSED: Final = (
    CardError, KeyFileError, NoStatementError, NotABatchError, PeriodError, RecordError, UnreadableError
)  # fmt: skip
"""Input that gets no verdict."""
_ONE_WAY: Final = "of an issuer's old and new key file give the new one only; a key has one owner"


def _tell_defect(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """What nobody caught must not end with Python's exit code 1, which is a verdict here."""
    try:
        sys.__excepthook__(kind, error, trace)
        print("verifier: error: this is a defect of the program, no verdict", file=sys.stderr)
        sys.stderr.flush()
    finally:  # also where nobody reads that
        os._exit(DEFECT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify what the arguments name; return the exit code: 0 verified, 1 rejected, 2 usage, 3 incomplete."""
    sys.excepthook = _tell_defect
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if (
            getattr(sys, name) is None
        ):  # closed by the caller: what goes there is not wanted, what comes from there is empty
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115  # until the end
    options = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a report is not lost to an encoding
    try:
        report = _verified(options)
        _print(report, options)
    except BrokenPipeError:
        _discard_output()  # nobody reads any more
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    except (*_REFUSED, OSError) as error:
        looks_like = getattr(error, "looks_like", None)
        kind = f"; it looks like {looks_like}" if looks_like else ""
        with suppress(OSError):
            print(f"verifier: error: {error}{kind}", file=sys.stderr)
            if isinstance(error, KeyConflictError):
                print(f"verifier: hint: {_ONE_WAY}", file=sys.stderr)
        _discard_output()
        return USAGE_ERROR
    return report.verdict.exit_code


def _discard_output() -> None:
    """What cannot be printed, Python would try to print once more at exit, and end with an exit code of its own."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _verified(options: argparse.Namespace) -> Report:
    if not options.keys and not _is_pack(options.batch):
        _parser().error("--keys is required, but for a pack, which has keys of its own")
    keys = by_kid(key for name in options.keys for key in read_jwks(Path(name).read_bytes()))
    report = verify(
        [_source(name) for name in options.batch],
        Policy(
            keys,
            account=options.account,
            require_cache_id=options.require_cache_id,
            signatures=options.signatures,
            observers=frozenset(options.observer),
        ),
        period=parse_period(options.period) if options.period is not None else None,
        known=statements_in([batch_file(name) for name in options.previous]),
        jobs=options.jobs,
        record=_record(options),
        figures=options.json,
        cards=[read_card(Path(name).read_bytes()) for name in options.card],
    )
    report.inputs += _bound(options)
    return report


def _is_pack(names: Sequence[str]) -> bool:
    """Whether it is one file that may be a pack, by its first bytes. What stdin has is not known before it is read."""
    return len(names) == 1 and names[0] != "-" and batch_file(names[0]).first(2) == b"PK"


def _bound(options: argparse.Namespace) -> list[Input]:
    """The files besides the batch, which the report names too."""
    files = {
        option.removeprefix("--"): getattr(options, option.removeprefix("--")) for option in _FILES
    }
    files["cache-key"] = [] if options.cache_key is None else [options.cache_key]
    return [one for role, names in files.items() for one in bound(role, names)]


def _record(options: argparse.Namespace) -> Record | None:
    if not options.requests and not options.received and not options.prompts:
        return None
    requests, received, prompts = map(tuple, (options.requests, options.received, options.prompts))
    return Record(requests, received, prompts, options.cache_key)


def _source(name: str) -> Source:
    if name != "-":
        return batch_file(name)
    return batch_stream("-", sys.stdin.buffer)


_FILES: Final = {
    "--keys": "the issuer's key file (JWK Set); a pack can be looked at without",
    "--previous": "the batch or statement before, to check the link to it",
    "--requests": "your own requests: JSONL, CSV or a wallet",
    "--received": "the receipts that you received: a wallet",
    "--prompts": "your own prompts (JSONL)",
    "--card": "a rate card: charges that name it are computed again",
}
"""Options that name a file, and may be given more than once."""


def _print(report: Report, options: argparse.Namespace) -> None:
    """The report, as it is made: of many accounts it is large."""
    if options.json:
        sys.stdout.writelines(json.JSONEncoder(indent=2).iterencode(as_object(report)))
        sys.stdout.write("\n")
    else:
        sys.stdout.write(render(report))
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m verifier",
        description="Verify token receipts.",
        epilog="Exit codes: 0 verified, 1 rejected, 2 usage or unreadable input, 3 incomplete.",
    )
    add = parser.add_argument
    add(
        "batch",
        nargs="+",
        help="a batch (several are read as one), a proof, a pack, or - for stdin",
    )
    for name, words in _FILES.items():
        add(name, action="append", default=[], metavar="FILE", help=words)
    add("--period", help="the period that you expect: 2026-11, 2026-11-22, or start/end")
    add("--account", help="the account that you expect")
    add("--cache-key", metavar="FILE", help="the account's cache key")
    cache_id = "report cached receipts without a cache identifier"
    add("--require-cache-id", action="store_true", help=cache_id)
    observer = "an issuer that is an observer, and need not bill"
    add("--observer", action="append", default=[], metavar="ISSUER", help=observer)
    signatures = "which to check (every); with statement, a statement vouches for its receipts"
    add("--signatures", choices=list(map(str, Signatures)), default="every", help=signatures)
    add("--jobs", type=_positive, default=1, metavar="N", help="processes to use (1)")
    add("--json", action="store_true", help="print the report as JSON")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
