"""``python -m verifier``: the verifier alone, with nothing but the standard library and `cryptography`."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from verifier import (
    KeyFileError,
    NoStatementError,
    NotABatchError,
    PeriodError,
    Policy,
    Record,
    RecordError,
    Signatures,
    Source,
    UnreadableError,
    batch_file,
    batch_stream,
    by_kid,
    parse_period,
    read_jwks,
    render,
    statements_in,
    verify,
)

USAGE_ERROR = 2
INTERRUPTED = 130
BROKEN_PIPE = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify what the arguments name; return the exit code: 0 verified, 1 rejected, 2 usage, 3 incomplete."""
    options = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a report is not lost to an encoding
    try:
        report = verify(
            [_source(name) for name in options.batch],
            Policy(
                by_kid(key for name in options.keys for key in read_jwks(Path(name).read_bytes())),
                account=options.account,
                require_cache_id=options.require_cache_id,
                signatures=options.signatures,
            ),
            period=parse_period(options.period) if options.period is not None else None,
            known=statements_in([batch_file(name) for name in options.previous]),
            jobs=options.jobs,
            record=_record(options),
        )
        print(
            json.dumps(report.as_dict(), indent=2) if options.json else render(report),
            end="\n" if options.json else "",
        )
        sys.stdout.flush()
    except BrokenPipeError:
        # Nobody reads any more. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    except (
        KeyFileError,
        NoStatementError,
        NotABatchError,
        PeriodError,
        RecordError,
        UnreadableError,
        OSError,
    ) as error:
        print(f"verifier: error: {error}", file=sys.stderr)
        return USAGE_ERROR
    return report.verdict.exit_code


def _record(options: argparse.Namespace) -> Record | None:
    if not options.requests and not options.received and not options.prompts:
        return None
    requests, received, prompts = map(tuple, (options.requests, options.received, options.prompts))
    return Record(requests, received, prompts, options.cache_key)


def _source(name: str) -> Source:
    return batch_stream("-", sys.stdin.buffer) if name == "-" else batch_file(name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m verifier",
        description="Verify token receipts.",
        epilog="Exit codes: 0 verified, 1 rejected, 2 usage or unreadable input, 3 incomplete.",
    )
    parser.add_argument(
        "batch", nargs="+", help="a batch (several are read as one), a proof, or - for stdin"
    )
    parser.add_argument(
        "--keys",
        action="append",
        required=True,
        metavar="FILE",
        help="the issuer's key file (JWK Set)",
    )
    parser.add_argument(
        "--period", help="the period that you expect: 2026-11, 2026-11-22, or start/end"
    )
    parser.add_argument("--account", help="the account that you expect")
    parser.add_argument(
        "--previous",
        action="append",
        default=[],
        metavar="FILE",
        help="the batch or statement before, to check the link to it",
    )
    parser.add_argument(
        "--requests",
        action="append",
        default=[],
        metavar="FILE",
        help="your own requests: JSONL, CSV or a wallet",
    )
    parser.add_argument(
        "--received",
        action="append",
        default=[],
        metavar="FILE",
        help="the receipts that you received: a wallet",
    )
    parser.add_argument(
        "--prompts", action="append", default=[], metavar="FILE", help="your own prompts (JSONL)"
    )
    parser.add_argument("--cache-key", metavar="FILE", help="the account's cache key")
    parser.add_argument(
        "--require-cache-id",
        action="store_true",
        help="report cached receipts without a cache identifier",
    )
    parser.add_argument(
        "--signatures",
        choices=[str(which) for which in Signatures],
        default=str(Signatures.EVERY),
        help="which signatures to check (every); statement: a statement vouches for its receipts",
    )
    parser.add_argument(
        "--jobs", type=_positive, default=1, metavar="N", help="processes to use (1)"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
