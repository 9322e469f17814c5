"""Verify token receipts: signatures, arithmetic, completeness. Needs the standard library and `cryptography`.

    from pathlib import Path
    from verifier import Policy, by_kid, batch_file, read_jwks, verify

    policy = Policy(by_kid(read_jwks(Path("issuer.jwks.json").read_bytes())))
    report = verify([batch_file("batch.cbor")], policy, period=parse_period("2026-11"))
    print(report.verdict)  # verified, rejected or incomplete

The procedure is `verifier.procedure`, the list of findings `verifier.findings`; both follow spec/verification.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from verifier.batch import BatchFile, UnreadableError
from verifier.claims import Receipt, Statement
from verifier.containers import subject, verify_container
from verifier.files import batch_file, batch_stream
from verifier.findings import RULES, Finding, Severity
from verifier.item import Policy
from verifier.keys import KeyFileError, TrustedKey, by_kid, read_jwks
from verifier.known import Known, KnownStatement, NoStatementError, nothing_known, statements_in
from verifier.memory import DamagedMemoryError
from verifier.period import PeriodError
from verifier.period import parse as parse_period
from verifier.procedure import verify_batch
from verifier.reading import UnverifiedItem, read_items
from verifier.record import Record, RecordError
from verifier.report import Report, Subject, Verdict
from verifier.spans import Checker, in_processes, in_this_process
from verifier.text import render

__all__ = [
    "RULES",
    "BatchFile",
    "DamagedMemoryError",
    "Finding",
    "KeyFileError",
    "KnownStatement",
    "NoStatementError",
    "PeriodError",
    "Policy",
    "Receipt",
    "Record",
    "RecordError",
    "Report",
    "Severity",
    "Statement",
    "Subject",
    "TrustedKey",
    "UnreadableError",
    "UnverifiedItem",
    "Verdict",
    "batch_file",
    "batch_stream",
    "by_kid",
    "parse_period",
    "read_items",
    "read_jwks",
    "render",
    "statements_in",
    "verify",
]


def verify(
    sources: Sequence[BatchFile],
    policy: Policy,
    *,
    period: tuple[int, int] | None = None,
    known: Known = nothing_known,
    jobs: int = 1,
    record: Record | None = None,
) -> Report:
    """Verify a batch (one file or more), a proof or an equivocation: spec/verification.md.

    Args:
        sources: the files, in order; a proof or an equivocation comes alone.
        policy: the trusted keys, and what else the caller demands.
        period: the period that the caller expects, in ms, end exclusive (`parse_period`).
        known: the signed statements of an issuer and account that the caller knows from earlier.
        jobs: processes that check receipts; the report is the same.
        record: the customer's own record, to compare with; not for a proof or an equivocation.

    Raises:
        OSError: a file cannot be read, or there is no room for the temporary file.
        RecordError: the record cannot be read, or does not go with the input.
        DamagedMemoryError: a known statement that was verified before is damaged.
    """
    if len(sources) == 1:
        with closing(sources[0].open()) as stream:
            kind = subject(stream.read(2))
        if kind is not Subject.BATCH:
            if record is not None:
                raise RecordError(
                    f"a record is compared with a batch; {sources[0].name} is a {kind}"
                )
            return verify_container(sources[0], policy, kind, period, known)
    checker: Checker = in_this_process if jobs == 1 else in_processes(jobs, sources)
    return verify_batch(sources, policy, period=period, known=known, checker=checker, record=record)
