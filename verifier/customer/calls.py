"""A call of the customer: what the record says of it, and what follows for its receipt (spec/record.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from verifier.customer.usage import Usage

DAY_MS: Final = 86_400_000
MARGIN_MS: Final = 300_000
"""How far the clocks of both sides may be apart, unless the caller says otherwise."""
OUTCOMES: Final = frozenset({"complete", "unfinished", "cut", "cancelled", "failed", "pending"})
COMPLETE: Final = "complete"

_BILLED: Final = re.compile(
    r"(^|/)(chat/completions|responses|messages|converse|converse-stream)$|:(generateContent|streamGenerateContent)$"
)
_NEVER_BILLED: Final = re.compile(
    r"(^|/)(batches|files|uploads|moderations|messages/count_tokens|messages/batches|fine_tuning/jobs|vector_stores|assistants|threads"
    r"|uploads/[^/]+/(parts|complete)|(responses|batches)/[^/]+/cancel)$|:countTokens$"
)


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request to a model. What the record does not say is None.

    Attributes:
        where: file and line, or number.
        request: the id that the response names.
        sent, answered: ms.
        host, path: where it was sent.
        account: whose it is, as the record states it.
        source: calls with one source are of one account; None: nothing is known of that.
        ok: whether the HTTP status is a success.
        outcome: one of `OUTCOMES`.
        replay: whether the answer was a stored one.
        commitment: what went along as claim 16.
        requested_model, model: that was asked for, that the response names.
        usage: counts, tier and hash.
        receipts: the signed objects that came with it.
    """

    where: str
    request: str | None = None
    sent: int | None = None
    answered: int | None = None
    host: str | None = None
    path: str | None = None
    account: str | None = None
    source: str | None = None
    ok: bool | None = None
    outcome: str | None = None
    replay: bool = False
    commitment: bytes | None = None
    requested_model: str | None = None
    model: str | None = None
    usage: Usage = field(default_factory=Usage)
    receipts: tuple[bytes, ...] = ()

    @property
    def billed(self) -> bool | None:
        """Whether calls of this kind are billed; None: that is not known."""
        if self.path is None:
            return True  # a log of model calls
        if _NEVER_BILLED.search(self.path):
            return False
        return True if _BILLED.search(self.path) else None

    @property
    def closed(self) -> bool:
        """Whether it cannot have a receipt."""
        failed = self.ok is False or (self.ok is None and self.outcome == "failed")
        return failed or self.billed is False

    @property
    def is_due(self) -> bool:
        """Whether it must have one, unless its answer was a stored one."""
        return (
            not self.closed
            and self.outcome in (None, COMPLETE)
            and (self.request is not None or self.commitment is not None)
            and bool(self.billed)
            and (self.path is None or bool(self.usage.counts))
        )

    @property
    def shown(self) -> bool:
        """Whether the provider had to show what it counted: the record has the response, and it was not broken off on the way."""
        return self.path is not None and self.outcome not in ("cut", "cancelled")

    def window(self, margin: int) -> tuple[int | None, int | None]:
        """The first and the last ms that its receipt can be of."""
        if self.sent is None:
            return None, None
        last = self.answered
        if last is None or self.outcome not in (None, COMPLETE):
            last = self.sent + DAY_MS
        return self.sent - margin, last + margin


_DATED: Final = re.compile(r"[-@](20\d{6}|20\d\d-\d\d-\d\d)$")


def is_one_model(one: str, other: str, aliases: Mapping[str, str]) -> bool:
    """Whether two names are of one model: equal, or one is the other with a date behind it, or the caller says so."""
    one, other = (_DATED.sub(_one_form, aliases.get(name, name)) for name in (one, other))
    return one == other or _DATED.sub("", one) == other or _DATED.sub("", other) == one


def _one_form(date: re.Match[str]) -> str:
    """``@2025-05-14`` as ``-20250514``."""
    return "-" + date[1].replace("-", "")
