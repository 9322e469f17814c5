"""What no verdict shows, in plain words (spec/verification.md, What a verdict does not say)."""

from __future__ import annotations

from typing import Any, Final

from verifier.report.model import Report, Subject

UNPROVEN: Final = {
    "counts": "That the counts are true. Output and reasoning tokens, and what the hardware did, cannot be checked from outside.",
    "requests": "That each request was made. Only the customer's own record can tell.",
    "time": "Real time. A time is what the signer says; sequence and chain give an order, nothing more.",
    "elsewhere": "That there is no other receipt: after the last statement, under another account, or of another issuer.",
    "others": "That others were told the same. Two who hold statements of one account have to compare them.",
    "apart": "That a request is billed once in batches that are verified apart.",
    "corrected": "That a receipt was not corrected later, in a batch that is not here.",
    "price": "That the parties agreed on a price. A charge is held against the rates and the card that it names.",
    "person": "Who did it, and whether it was on purpose.",
}
"""By name, what holds of every report."""
_OBSERVED: Final = (
    "observer",
    "Anything by who bills. What an observer signed shows that the observer did not change it since.",
)
_RECORD: Final = (
    "record",
    "Anything about requests that were really made: no record of the customer's own was given.",
)
_PERIOD: Final = (
    "period",
    "That a period is complete: none was named, and the statements' own is what is reported.",
)
_SUBJECTS: Final = {
    Subject.PROOF: (
        "proof",
        "Anything about other receipts, or about totals: a proof is of one receipt.",
    ),
    Subject.EQUIVOCATION: (
        "equivocation",
        "Which of the two objects is true: only that both cannot be.",
    ),
    Subject.PACK: (
        "pack",
        "Anything about receipts that are not in the pack, and that the words and amounts of its README are right.",
    ),
}


def not_proven(report: Report) -> list[dict[str, Any]]:
    """What this report does not show: what depends on its input first, then what no report shows."""
    own = []
    if report.observed:
        own.append(_OBSERVED)
    if report.subject in _SUBJECTS:
        own.append(_SUBJECTS[report.subject])
    else:
        given = {one.role for one in report.inputs}
        own += [] if given & {"requests", "received", "prompts"} else [_RECORD]
        own += [_PERIOD] if report.period is None else []
    return [{"what": what, "text": text} for what, text in (*own, *UNPROVEN.items())]
