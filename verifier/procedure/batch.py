"""The verification of a batch: the numbered procedure of spec/verification.md, from reading to the verdict.

`_procedure` is the spine; each step is a function of `verifier.procedure.steps`, in the order of the specification. Everything comes in with the
question: no clock, no network, and no other file than the sources takes part.
"""

from __future__ import annotations

from verifier.procedure import steps
from verifier.procedure.question import Question
from verifier.procedure.rows import VerifiedRows
from verifier.procedure.run import Run
from verifier.procedure.vouched import vouched_conflicts
from verifier.report.model import Report


def verify_batch(question: Question) -> Report:
    """Verify a batch.

    Raises:
        NotABatchError: a file does not begin like a batch: there is no verdict.
        OSError: a file cannot be read, or there is no room for a temporary file.
        RecordError: the customer's record cannot be read, or does not go with the batch.
        DamagedMemoryError: a known statement that was verified before is damaged.
    """
    rows = verify_rows(question)
    rows.close()
    return rows.report


def verify_rows(question: Question) -> VerifiedRows:
    """Verify a batch, and keep the columns that were asked for. Raises as `verify_batch` does."""
    if question.policy.sealed:
        rows = _procedure(question, signatures=False)
        if not rows.report.findings.counts:
            return rows
        rows.close()
    return _procedure(question, signatures=True)


def _procedure(question: Question, *, signatures: bool) -> VerifiedRows:
    with Run(question, signatures=signatures) as run:
        for span, part in steps.read(run):  # 1
            steps.open_and_collect(run, span, part)  # 2 to 9, and 10 at each statement
        steps.compare_repeated(run)  # 9: what stands twice
        steps.settle_open_streams(run)  # 10: what all of the input decides
        steps.check_chains(run)  # 11
        steps.check_completeness(run)  # 12
        steps.check_identifiers(run)  # 13
        steps.check_charges(run)  # 18
        steps.check_record(run)  # 14
        run.conflicts += vouched_conflicts(run)  # 14: what only the statement vouches for
        steps.make_figures(run)
        return steps.conclude(run)  # 15
