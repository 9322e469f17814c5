"""The verification of a batch: the numbered procedure of spec/verification.md, from reading to the verdict.

`verify_batch` is the procedure; steps 2 to 8 are in `verifier.item`, step 9 in `verifier.segment`, step 10 in `verifier.settlement`,
step 11 in `verifier.chain`, step 12 in `verifier.completeness`, step 13 in `verifier.cache_view`, step 14 in `verifier.two_sided` and `verifier.prompt_check`. Everything that the procedure needs comes in as arguments; it opens what `BatchFile` opens and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

from verifier import scope
from verifier.batch import Batch, BatchFile, UnreadableError
from verifier.completeness import beyond
from verifier.findings import Finding
from verifier.item import Policy
from verifier.known import Known, nothing_known
from verifier.record import Record
from verifier.report import AccountSummary, Input, Report, Subject
from verifier.requests import RequestLog
from verifier.spans import Checker, in_this_process
from verifier.verification import Verification


def verify_batch(
    sources: Sequence[BatchFile],
    policy: Policy,
    *,
    period: tuple[int, int] | None = None,
    known: Known = nothing_known,
    checker: Checker = in_this_process,
    record: Record | None = None,
) -> Report:
    """Verify a batch (spec/verification.md).

    Args:
        sources: the files of the batch, in order.
        policy: what the caller trusts and demands.
        period: the period that the caller expects, in ms, end exclusive.
        known: the signed statements that the caller knows from earlier.
        checker: who checks the spans of plain receipts: this process, or several.
        record: the customer's own record.

    Raises:
        OSError: a file cannot be read, or there is no room for the temporary file.
        RecordError: the record cannot be read.
    """
    batch = Batch(sources)
    with RequestLog() as requests:
        run = Verification(policy, requests)
        try:
            for span, shard in checker(batch, policy, run.bases):  # 1 to 9
                if shard is None:
                    run.take(span)  # 2 to 10
                else:
                    run.add(span, shard)
        except UnreadableError as fault:
            run.unreadable = True
            message = str(fault)
            found = Finding(fault.code, message, item=fault.number, offset=fault.offset)
            run.findings.add(found)
        run.finish(sources)  # 9
    run.check_chains(known)  # 11
    run.check_completeness(period)  # 12
    run.check_identifiers(sources)  # 13
    if record is not None:
        run.check_record(record, sources, period)  # 14
    return _report(run, batch, period)  # 15


def _report(run: Verification, batch: Batch, period: tuple[int, int] | None) -> Report:
    for finding in run.findings:
        finding.file = _file_of(batch, finding.item)
    ledgers = run.ledgers.items()
    accounts = [
        AccountSummary(
            *account, one.receipts, len(one.streams), one.totals.as_totals(), one.summaries
        )
        for account, one in sorted(ledgers)
    ]
    settlements = [settlement for _, one in ledgers for settlement in one.settlements]
    statements = [summary for account in accounts for summary in account.statements]
    streams = sum(len(summary.claims.streams) for summary in statements)
    collected = sum(account.receipts for account in accounts)
    checks = [
        *scope.item_checks(run.open.counts, run.findings),
        *scope.order_checks(collected, run.open.lost, run.findings),
        *scope.statement_checks(settlements, streams, run.findings),
        scope.chain_check(
            sum(one.chain.linked for _, one in ledgers), len(statements), run.findings
        ),
        scope.period_check(period, len(accounts), beyond(period, statements), run.findings),
        *run.identifier_checks,
        *run.record_checks,
    ]
    inputs = [Input(file.name, file.size, file.sha256) for file in batch.files]
    return Report(
        Subject.BATCH,
        inputs,
        run.signers(),
        period,
        run.policy.account,
        accounts,
        checks,
        run.findings,
        conflicts=run.conflicts,
        statements=run.raw_statements,
    )


def _file_of(batch: Batch, item: int | None) -> str | None:
    """The file that holds an item."""
    names = [file.name for file in batch.files if item is not None and file.first_item <= item]
    return names[-1] if names else None
