"""From a run to its report (verification step 15)."""

from __future__ import annotations

from verifier.order.collection import Account, AccountName
from verifier.procedure import checks
from verifier.procedure.run import Run
from verifier.report.model import AccountSummary, Check, Input, Report, Subject
from verifier.statements.completeness import Ledger, beyond


def report_of(run: Run) -> Report:
    """All that a run has to say."""
    for finding in run.findings:
        if finding.item is not None:
            finding.file = run.batch.file_of(finding.item).name
    question = run.question
    names = sorted({*run.collection.accounts, *run.ledgers})
    accounts = [_account(run, name) for name in names]
    return Report(
        Subject.BATCH,
        [Input(file.name, file.size, file.sha256) for file in run.batch.files],
        question.signers(run.opened.signers),
        question.signers(run.opened.named),
        question.asked,
        accounts,
        _checks(run),
        run.findings,
        conflicts=run.conflicts,
        statements=run.raw_statements,
        figures=run.figures,
        cards=list(run.charge_checks.summaries.values()),
    )


def _account(run: Run, name: AccountName) -> AccountSummary:
    collected = run.collection.accounts.get(name, Account())
    summaries = run.ledgers.get(name, Ledger()).summaries
    sums = collected.total_sums
    return AccountSummary(
        *name, collected.total_receipts, collected.total_streams, sums.as_totals(), sums.uncounted, summaries,
        sums.observed,
    )  # fmt: skip


def _checks(run: Run) -> list[Check]:
    ledgers = run.ledgers.values()
    settlements = [settlement for ledger in ledgers for settlement in ledger.settlements]
    statements = [seen for ledger in ledgers for seen in ledger.seen]
    covered = [period for ledger in ledgers for period in ledger.covered]
    streams = sum(len(seen.claims.streams) for seen in statements)
    collected = sum(account.total_receipts for account in run.collection.accounts.values())
    accounts = len({*run.collection.accounts, *run.ledgers})
    period = run.question.period
    charged = run.opened.counts.charged
    charges = run.charge_checks.check(charged) if run.question.cards else None
    return [
        *checks.of_items(
            run.opened,
            run.findings,
            charges,
            early=run.ending.told,
            sealed=not run.demand.signatures,
        ),
        *checks.of_billers(
            collected, sum(a.total_sums.observed for a in run.collection.accounts.values())
        ),
        *checks.of_order(collected, run.opened.lost, run.findings),
        *checks.of_statements(settlements, streams, run.opened.untrusted_statements, run.findings),
        checks.of_chain(
            sum(ledger.chain.linked for ledger in ledgers), len(statements), run.findings
        ),
        checks.of_period(
            period, accounts, beyond(period, covered), run.findings, whole=run.holds_every_statement
        ),
        *run.identifier_checks,
        *run.record_checks,
    ]
