"""Verify token receipts: signatures, arithmetic, completeness. Needs the standard library and `cryptography`.

    from pathlib import Path
    from verifier import Policy, batch_file, by_kid, parse_period, read_jwks, verify

    policy = Policy(by_kid(read_jwks(Path("issuer.jwks.json").read_bytes())))
    report = verify([batch_file("batch.cbor")], policy, period=parse_period("2026-11"))
    print(report.verdict)  # verified, rejected or incomplete

The procedure is `verifier.procedure`, the list of findings `verifier.report.codes`; both follow spec/verification.md. What is imported from
outside is imported from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from verifier.crypto.keys import (
    KeyConflictError,
    KeyFileError,
    TrustedKey,
    by_kid,
    kid_text,
    read_jwks,
)
from verifier.crypto.merkle import PathError, root_from_path
from verifier.crypto.merkle import root as merkle_root
from verifier.customer.cache_id import blocks as prompt_blocks
from verifier.customer.calls import Call
from verifier.customer.jcs import canonical
from verifier.customer.log import log_rows
from verifier.customer.prompts import Prompt, read_prompts
from verifier.customer.record import Record, RecordError, WrongKeyError, check_files, read_calls
from verifier.evidence.document import MAX_REPORT, ReportError, read_report
from verifier.evidence.signed import ReportSignatureError, SignedReport, read_signed_report
from verifier.format.card import PriceRow, Rate
from verifier.format.claims import (
    LATE,
    REGULAR,
    CacheEntry,
    Charge,
    ChargeLine,
    Corrected,
    Receipt,
    Span,
    Statement,
    StreamEntry,
    TokenCounts,
    Totals,
)
from verifier.format.envelope import Kind
from verifier.item.policy import Policy, Signatures
from verifier.order.block import COLUMNS
from verifier.order.index import RowBlock
from verifier.order.workers import Workers, in_processes, in_this_process
from verifier.pack.claims import finding_texts
from verifier.pack.manifest import Standing
from verifier.pack.standings import standing
from verifier.pack.verification import verify_pack
from verifier.pricing.card import CardError, CardSignatureError, RateCard, check_card, read_card
from verifier.pricing.line import PricedLine, UnpricedError
from verifier.pricing.price import Price, price
from verifier.pricing.usage import PRICED_COLUMNS, Usage, usage_at, usage_of
from verifier.procedure.batch import verify_batch, verify_rows
from verifier.procedure.container import verify_container
from verifier.procedure.question import Question
from verifier.procedure.rows import NotVerifiedError, VerifiedRows
from verifier.reading.binding import bound
from verifier.reading.container import HEAD, subject
from verifier.reading.framing import UnreadableError
from verifier.reading.recognise import NotABatchError
from verifier.reading.sources import Source, batch_file, batch_stream, bytes_source
from verifier.reading.unverified import UnverifiedItem, read_item, read_items
from verifier.report.cards import CardSummary
from verifier.report.codes import RULES, Rule, Severity
from verifier.report.escape import escape
from verifier.report.findings import Conflict, Finding, Findings, plural
from verifier.report.form import as_object, findings_csv
from verifier.report.model import AccountSummary, Check, Input, Report, Subject, Verdict
from verifier.report.period import PeriodError, show_instant
from verifier.report.period import parse as parse_period
from verifier.report.period import show as show_period
from verifier.report.text import render
from verifier.statements.comparison import Comparison, compare_statements
from verifier.statements.completeness import Period
from verifier.statements.known import (
    DamagedMemoryError,
    Known,
    KnownStatement,
    NoStatementError,
    nothing_known,
    statements_in,
)

__all__ = [
    "COLUMNS",
    "LATE",
    "MAX_REPORT",
    "PRICED_COLUMNS",
    "REGULAR",
    "RULES",
    "AccountSummary",
    "CacheEntry",
    "Call",
    "CardError",
    "CardSignatureError",
    "CardSummary",
    "Charge",
    "ChargeLine",
    "Check",
    "Comparison",
    "Conflict",
    "Corrected",
    "DamagedMemoryError",
    "Finding",
    "Findings",
    "Input",
    "KeyConflictError",
    "KeyFileError",
    "Kind",
    "Known",
    "KnownStatement",
    "NoStatementError",
    "NotABatchError",
    "NotVerifiedError",
    "PathError",
    "Period",
    "PeriodError",
    "Policy",
    "Price",
    "PriceRow",
    "PricedLine",
    "Prompt",
    "Rate",
    "RateCard",
    "Receipt",
    "Record",
    "RecordError",
    "Report",
    "ReportError",
    "ReportSignatureError",
    "RowBlock",
    "Rule",
    "Severity",
    "Signatures",
    "SignedReport",
    "Source",
    "Span",
    "Standing",
    "Statement",
    "StreamEntry",
    "Subject",
    "TokenCounts",
    "Totals",
    "TrustedKey",
    "UnpricedError",
    "UnreadableError",
    "UnverifiedItem",
    "Usage",
    "Verdict",
    "VerifiedRows",
    "WrongKeyError",
    "as_object",
    "batch_file",
    "batch_stream",
    "bound",
    "by_kid",
    "bytes_source",
    "canonical",
    "check_card",
    "compare_statements",
    "escape",
    "finding_texts",
    "findings_csv",
    "kid_text",
    "log_rows",
    "merkle_root",
    "parse_period",
    "plural",
    "price",
    "prompt_blocks",
    "read_calls",
    "read_card",
    "read_item",
    "read_items",
    "read_jwks",
    "read_prompts",
    "read_report",
    "read_signed_report",
    "render",
    "root_from_path",
    "show_instant",
    "show_period",
    "standing",
    "statements_in",
    "usage_at",
    "usage_of",
    "verified_rows",
    "verify",
]


def verify(
    sources: Sequence[Source],
    policy: Policy,
    *,
    period: Period | None = None,
    known: Known = nothing_known,
    jobs: int = 1,
    record: Record | None = None,
    cards: Sequence[RateCard] = (),
    figures: bool = False,
) -> Report:
    """Verify a batch (one source or more), a proof, an equivocation or a pack: spec/verification.md.

    Args:
        sources: the inputs, in order; a proof, an equivocation or a pack comes alone.
        policy: the trusted keys, and what else the caller demands.
        period: the period that the caller expects, in ms, end exclusive (`parse_period`).
        known: the signed statements of an issuer and account that the caller knows from earlier.
        jobs: processes that check receipts; the report is the same.
        record: the customer's own record, to compare with a batch.
        cards: rate cards: charges that name one are computed again, and receipts without one are priced.
        figures: whether the report gets figures, and its findings their worth.

    Raises:
        PeriodError: the period ends before it begins.
        NotABatchError: a source does not begin like a batch, a proof or an equivocation.
        OSError: a file cannot be read, or there is no room for a temporary file.
        RecordError: the record cannot be read, or does not go with the input.
        DamagedMemoryError: a known statement that was verified before is damaged.
    """
    if record is not None:
        check_files(record)
    _check_period(period)
    question = Question(sources, policy, period, known, record, cards=cards, figures=figures, workers=_workers(jobs))  # fmt: skip
    with _closed_after(sources):
        kind = subject(sources[0].first(HEAD)) if len(sources) == 1 else Subject.BATCH
        return verify_batch(question) if kind is Subject.BATCH else _verify_alone(question, kind)


def _verify_alone(question: Question, kind: Subject) -> Report:
    """What comes alone, and without a record."""
    if question.record is not None:
        name = question.sources[0].name
        raise RecordError(f"a record is compared with a batch; {name} is a {kind}")
    return verify_pack(question) if kind is Subject.PACK else verify_container(question, kind)


def verified_rows(
    sources: Sequence[Source],
    policy: Policy,
    columns: Sequence[str],
    *,
    period: Period | None = None,
    known: Known = nothing_known,
    jobs: int = 1,
) -> VerifiedRows:
    """Verify a batch, and keep what its receipts say, in columns; close it when it is not needed any more.

    Args:
        sources: the inputs, in order.
        policy: the trusted keys, and what else the caller demands.
        columns: which fields of the receipts are wanted, of `COLUMNS`.
        period: the period that the caller expects, in ms, end exclusive.
        known: the signed statements of an issuer and account that the caller knows from earlier.
        jobs: processes that check receipts.

    Raises:
        PeriodError: the period ends before it begins.
        NotABatchError: a source does not begin like a batch.
        OSError: a file cannot be read, or there is no room for a temporary file.
        DamagedMemoryError: a known statement that was verified before is damaged.
    """
    _check_period(period)
    wanted = frozenset(columns)
    with _closed_after(sources):
        question = Question(sources, policy, period, known, columns=wanted, workers=_workers(jobs))
        return verify_rows(question)


def _check_period(period: Period | None) -> None:
    if period is not None and not 0 <= period[0] < period[1]:
        raise PeriodError(f"{period}: the end is not after the start")


@contextmanager
def _closed_after(sources: Sequence[Source]) -> Iterator[None]:
    try:
        yield
    finally:
        for source in sources:
            source.close()


def _workers(jobs: int) -> Workers:
    return in_this_process if jobs == 1 else in_processes(jobs)
