"""The closed list of finding codes, and the findings of one verification.

spec/verification.md holds the same list; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """What one finding makes of the verdict (spec/verification.md, step 15)."""

    REJECTED = "rejected"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Rule:
    """One finding code: its severity, its meaning, and the next step for the reader."""

    severity: Severity
    meaning: str
    hint: str
    grouped: bool = False


def _rejected(meaning: str, hint: str) -> Rule:
    return Rule(Severity.REJECTED, meaning, hint)


def _incomplete(meaning: str, hint: str, *, grouped: bool = False) -> Rule:
    return Rule(Severity.INCOMPLETE, meaning, hint, grouped)


_ASK = "ask the issuer for a new copy of the batch; keep this one as evidence"
_DISPUTE = "dispute it: the item is signed by the issuer and contradicts itself"
_CHAIN = "ask the issuer for the missing receipts; the signed statement proves what there should be"

RULES: dict[str, Rule] = {
    # Steps 1 to 7: one item.
    "item-malformed": _rejected(
        "the bytes are not a CBOR item in shortest form",
        "is this a receipt batch? if it is, the file is damaged: fetch it again",
    ),
    "item-truncated": _rejected("the file ends inside an item", "fetch the file again"),
    "item-too-large": _rejected(
        "the item exceeds the limits of the format", "is this a receipt batch?"
    ),
    "envelope-invalid": _rejected("the item is not a signed object", _ASK),
    "header-invalid": _rejected(
        "the protected header is neither that of a receipt nor that of a statement", _ASK
    ),
    "key-unknown": _incomplete(
        "signed by a key that is not trusted",
        "if the key is the issuer's, get its key file on another way than the batch, "
        "and pin it: receipt trust add FILE",
        grouped=True,
    ),
    "key-weak": _rejected(
        "signed by a weak key, with which anybody can sign", "ask the issuer for a sound key"
    ),
    "signature-invalid": _rejected(
        "the signature does not hold: the item was changed after it was signed",
        "compare with the receipt that you received in-band; ask the issuer for a new copy",
    ),
    "content-withheld": _incomplete(
        "the claims are withheld: only digest and signature could be checked",
        "ask whoever gave you the file for the full receipts",
        grouped=True,
    ),
    "content-malformed": _rejected("the claims are not deterministic CBOR", _DISPUTE),
    "claims-invalid": _rejected(
        "a field of the claims is missing, unknown or of a wrong type", _DISPUTE
    ),
    "issuer-mismatch": _rejected(
        "the issuer in the claims is not the one that the key belongs to", _DISPUTE
    ),
    "account-unexpected": _rejected(
        "the item is for another account than the expected one", "is this your batch?"
    ),
    "key-outside-window": _rejected(
        "the key was not valid at the time of the item",
        "if the issuer has extended the key, get its new key file and pin it again",
    ),
    "key-revoked": _rejected(
        "the key was revoked before the time of the item",
        "ask the issuer to sign again with a valid key",
    ),
    # Step 8: identities of a receipt.
    "cached-exceeds-logical": _rejected("more tokens cached than the request had", _DISPUTE),
    "attributed-mismatch": _rejected("cached + attributed is not logical", _DISPUTE),
    "writes-exceed-attributed": _rejected(
        "more tokens written to a cache than were computed", _DISPUTE
    ),
    "reasoning-exceeds-output": _rejected("more reasoning tokens than output tokens", _DISPUTE),
    "cache-entry-mismatch": _rejected(
        "a cache entry has another prefix length than the counts allow", _DISPUTE
    ),
    "charge-mismatch": _rejected("the charge is not the sum of counts times rates", _DISPUTE),
    "cached-unstated": _incomplete(
        "the receipt does not state how many tokens were cached",
        "ask the issuer to state it (vLLM: --enable-prompt-tokens-details)",
        grouped=True,
    ),
    "cache-id-missing": _incomplete(
        "cached tokens without the identifier of the prefix, which the caller requires",
        "ask the issuer for cache identifiers",
        grouped=True,
    ),
    # Step 9: order.
    "receipt-duplicate": _rejected("the receipt is in the input twice", "remove the copy"),
    "receipt-equivocation": _rejected(
        "two different signed receipts for one sequence",
        "keep both: they prove that the issuer told two stories",
    ),
    "receipt-order": _rejected("the receipt stands after a later one of its stream", _ASK),
    "chain-broken": _rejected(
        "the receipt names another predecessor than the one that is here",
        "one of the two was replaced: compare with the receipts that you received in-band",
    ),
    "time-reversed": _rejected("the time goes back within the stream", _DISPUTE),
    "withheld-unplaced": _rejected("a withheld receipt has no receipt before it", _ASK),
    "request-duplicate": _rejected("two receipts for one request", "dispute the second charge"),
    # Step 10: a statement against the receipts before it.
    "statement-duplicate": _rejected("the statement is in the input twice", "remove the copy"),
    "receipt-missing": _rejected("the statement lists receipts that are not here", _CHAIN),
    "stream-unstated": _rejected(
        "receipts of a stream that the statement of their period does not list", _CHAIN
    ),
    "receipt-unstated": _rejected("receipts that the statement of their period leaves out", _CHAIN),
    "receipt-uncovered": _incomplete(
        "receipts of a time that no statement here covers",
        "add the batch or the statement that closes that time",
    ),
    "root-mismatch": _rejected("the Merkle root is not that of the receipts", _CHAIN),
    "head-mismatch": _rejected("the head is not the last receipt of the stream", _CHAIN),
    "time-outside-period": _rejected(
        "a receipt's time is outside its statement's period", _DISPUTE
    ),
    "totals-mismatch": _rejected("a total is not the sum over the receipts", _DISPUTE),
    # Step 11: the chain of statements.
    "statement-equivocation": _rejected(
        "two different signed statements with one number",
        "keep both: they prove that the issuer told two stories",
    ),
    "statement-chain-broken": _rejected(
        "the statement names another predecessor than the one that is known",
        "keep both: they prove that the issuer told two stories",
    ),
    "statement-rollback": _rejected(
        "a later number for an earlier or overlapping period",
        "keep both: they prove that the issuer told two stories",
    ),
    "period-gap": _rejected("the periods of two statements do not meet", _CHAIN),
    "first-mismatch": _rejected("a stream does not continue where it was last closed", _CHAIN),
    "statement-gap": _incomplete(
        "a statement is missing between two others", "add the batch of the missing number"
    ),
    # Step 12: completeness.
    "statement-missing": _incomplete(
        "no statement closes the receipts",
        "ask the issuer for the statement of the period, or wait until the period is closed",
        grouped=True,
    ),
    "batch-empty": _incomplete("there is no receipt and no statement", "is this the right file?"),
    "period-uncovered": _incomplete(
        "the statements do not cover the period that the caller named",
        "ask the issuer for the statements of the missing time",
    ),
    "statement-replayed": _incomplete(
        "the batch is older than a statement that is already known",
        "if you mean the older period, name it: --period",
    ),
    # Step 13: cache identifiers.
    "cache-id-conflict": _rejected(
        "one cache identifier for prefixes of two lengths or two models",
        "dispute it: an identifier is of one prefix",
    ),
    "cache-id-shared": _rejected(
        "one cache identifier under the keys of two accounts",
        "dispute it: under two keys, no prefix has the same identifier",
    ),
    # Step 14: the customer's own record.
    "request-without-receipt": _rejected(
        "the customer's record has a request that no receipt is for",
        "ask the issuer for its receipt; the statement says that there are no others",
    ),
    "receipt-without-request": _rejected(
        "a receipt for a request that the customer's record does not have",
        "is the record complete? if it is, dispute the charge",
    ),
    "received-invalid": _incomplete(
        "a receipt that was received with a response is not validly signed",
        "it proves nothing; ask the issuer what signed it",
    ),
    "received-omitted": _rejected(
        "a receipt that was received with its response is not in the batch",
        "dispute it: the received receipt is signed by the issuer",
    ),
    "count-differs": _rejected(
        "a count of the receipt is not the customer's own",
        "compare the provider's usage object with the hash in the receipt",
    ),
    "commitment-differs": _rejected(
        "the receipt echoes another commitment than the customer sent",
        "dispute it: the receipt is for another request than it says",
    ),
    "cache-id-mismatch": _rejected(
        "the cache identifier is not of the customer's prompt",
        "dispute it: another prefix, length, model or key was credited",
    ),
    "cached-beyond-prefix": _rejected(
        "more tokens cached than the prompt shares with anything sent before",
        "do the prompts reach back far enough? if they do, dispute the count",
    ),
    # Proof and equivocation.
    "proof-mismatch": _rejected("receipt and statement of the proof do not belong together", _ASK),
    "path-invalid": _rejected("the Merkle path does not lead to the root", _ASK),
    "conflict-unproven": _rejected(
        "the two objects do not contradict each other", "this file proves nothing"
    ),
}

DETAILED = 100
"""So many findings of one code are kept in detail; the rest is counted."""


@dataclass(slots=True)
class Finding:
    """One fault, and where it is.

    ``item`` counts the items of the input from 0; ``offset`` is a byte offset in ``file``.
    ``count`` is the number of items that the finding stands for: those of one code and ``group``,
    where the closed list says that the code is grouped.
    """

    code: str
    message: str
    file: str | None = None
    item: int | None = None
    offset: int | None = None
    issuer: str | None = None
    account: str | None = None
    stream: str | None = None
    sequence: int | None = None
    request: str | None = None
    number: int | None = None
    field: str | None = None
    expected: str | int | None = None
    actual: str | int | None = None
    count: int = 1
    group: Hashable = None

    @property
    def severity(self) -> Severity:
        """The severity that the closed list gives to the code."""
        return RULES[self.code].severity

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON-ready data, without the fields that do not apply."""
        known = {name: value for name, value in asdict(self).items() if value is not None}
        known.pop("group", None)
        return {"severity": str(self.severity), **known, "hint": RULES[self.code].hint}


@dataclass(slots=True)
class Findings:
    """The findings of one verification: exact counts, bounded detail, in the order of the input."""

    kept: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    _groups: dict[tuple[str, Hashable], Finding] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        """Record a finding, or add its count to the one that stands for its group."""
        seen = self.counts.get(finding.code, 0)
        self.counts[finding.code] = seen + finding.count
        if RULES[finding.code].grouped:
            first = self._groups.setdefault((finding.code, finding.group), finding)
            if first is not finding:
                first.count += finding.count
                return
        if seen < DETAILED:
            self.kept.append(finding)

    def extend(self, other: Findings) -> None:
        """Append the findings of the part of the input that follows."""
        for finding in other.kept:
            self.add(finding)
        for code, count in other.counts.items():
            counted = sum(finding.count for finding in other.kept if finding.code == code)
            self.counts[code] += count - counted

    def __contains__(self, code: str) -> bool:
        return code in self.counts

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.kept)

    def in_input_order(self) -> list[Finding]:
        """The findings by item, of an item in the order of the closed list; those without an item last."""
        order = {code: place for place, code in enumerate(RULES)}
        return sorted(
            self.kept,
            key=lambda f: (
                f.item is None,
                f.item or 0,
                order[f.code],
                f.stream or "",
                f.sequence or 0,
            ),
        )
