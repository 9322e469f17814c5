"""The closed list of finding codes (spec/verification.md, Findings); a test compares the two."""

from __future__ import annotations

from typing import Final

from verifier.report.card_codes import CARD_RULES
from verifier.report.pack_codes import PACK_RULES
from verifier.report.record_codes import RECORD_RULES
from verifier.report.rule import Rule, Severity, incomplete, rejected

__all__ = ["RULES", "Rule", "Severity"]

_ASK: Final = "ask the issuer for a new copy of the batch; keep this one as evidence"
_DISPUTE: Final = "dispute it: the item is signed by the issuer and contradicts itself"
_CHAIN: Final = (
    "ask the issuer for the missing receipts; the signed statement proves what there should be"
)

RULES: Final[dict[str, Rule]] = {
    # Steps 1 to 7: one item.
    "item-malformed": rejected(
        "R-1.1 R-16.1 R-17.1",
        "the bytes are not a CBOR item in shortest form",
        "is this a receipt batch? if it is, the file is damaged: fetch it again",
    ),
    "item-truncated": rejected(
        "R-1.2 R-16.1 R-17.1", "the file ends inside an item", "fetch the file again"
    ),
    "item-too-large": rejected(
        "R-1.3 R-6.1 R-16.1 R-17.1",
        "the item exceeds the limits of the format",
        "is this a receipt batch?",
    ),
    "envelope-invalid": rejected(
        "R-2.1 R-2.2 R-16.1 R-16.2 R-17.1 R-17.2 R-17.3", "the item is not a signed object", _ASK
    ),
    "header-invalid": rejected(
        "R-3.1", "the protected header is not that of a receipt or a statement", _ASK
    ),
    "key-unknown": incomplete(
        "R-4.1",
        "signed by a key that is not trusted",
        "if the key is the issuer's, get its key file on another way than the batch, and pin it: receipt trust add FILE",
        grouped=True,
    ),
    "key-weak": rejected(
        "R-4.2",
        "signed by a weak key, with which anybody can sign",
        "ask the issuer for a sound key",
    ),
    "signature-invalid": rejected(
        "R-5.2 R-5.1",
        "the signature does not hold: the item was changed",
        "compare with the receipt that you received in-band; ask the issuer for a new copy",
    ),
    "version-unknown": incomplete(
        "R-6.2",
        "of a later version of the format: a newer verifier is needed",
        "get a newer verifier, and verify again",
        grouped=True,
    ),
    "content-malformed": rejected("R-6.3", "the claims are not deterministic CBOR", _DISPUTE),
    "claims-invalid": rejected(
        "R-6.4 R-6.5", "a field of the claims is missing, unknown or of a wrong type", _DISPUTE
    ),
    "issuer-mismatch": rejected(
        "R-7.1", "the issuer in the claims is not the one that the key belongs to", _DISPUTE
    ),
    "account-unexpected": rejected(
        "R-7.2", "the item is for another account than the expected one", "is this your batch?"
    ),
    "key-outside-window": rejected(
        "R-7.3",
        "the key was not valid at the time of the item",
        "if the issuer has extended the key, get its new key file and pin it again",
    ),
    "key-revoked": rejected(
        "R-7.4",
        "the key was revoked before the time of the item",
        "ask the issuer to sign again with a valid key",
    ),
    # Step 8: identities of a receipt.
    "cached-exceeds-logical": rejected(
        "R-8.1", "more tokens cached than the request had", _DISPUTE
    ),
    "attributed-mismatch": rejected("R-8.2", "cached + attributed is not logical", _DISPUTE),
    "writes-exceed-attributed": rejected(
        "R-8.3", "more tokens written to a cache than were computed", _DISPUTE
    ),
    "reasoning-exceeds-output": rejected(
        "R-8.4", "more reasoning tokens than output tokens", _DISPUTE
    ),
    "cache-entry-mismatch": rejected(
        "R-8.5", "a cache entry has a prefix length that the counts rule out", _DISPUTE
    ),
    "charge-mismatch": rejected(
        "R-8.6", "the charge is not the sum of counts times rates", _DISPUTE
    ),
    "parts-mismatch": rejected(
        "R-8.9", "parts of a count are more than the count that they lie in", _DISPUTE
    ),
    "models-mismatch": rejected(
        "R-8.10", "the counts of the models do not sum to those of the receipt", _DISPUTE
    ),
    "span-mismatch": rejected(
        "R-8.11", "a receipt for a span of time states what belongs to a request", _DISPUTE
    ),
    "cached-unstated": incomplete(
        "R-8.7",
        "the receipt does not state how many tokens were cached",
        "ask the issuer to state it (vLLM: --enable-prompt-tokens-details)",
        grouped=True,
    ),
    "receipt-observed": incomplete(
        "R-8.12",
        "the receipt is signed by an observer, not by the biller",
        "if the issuer is your own observer, name it (--observer); if it bills you, ask for its own",
        grouped=True,
    ),
    "cache-id-missing": incomplete(
        "R-8.8",
        "cached tokens without the required identifier of the prefix",
        "ask the issuer for cache identifiers",
        grouped=True,
    ),
    # Step 9: order.
    "receipt-duplicate": rejected("R-9.1", "the receipt is in the input twice", "remove the copy"),
    "receipt-equivocation": rejected(
        "R-9.2 R-14.13",
        "two different signed receipts for one sequence",
        "keep both: they prove that the issuer told two stories",
    ),
    "receipt-order": rejected("R-9.3", "the receipt stands after a later one of its stream", _ASK),
    "chain-broken": rejected(
        "R-9.4",
        "the receipt names another predecessor than the one that is here",
        "one of the two was replaced: compare with the receipts that you received in-band",
    ),
    "time-reversed": rejected("R-9.5", "the time goes back within the stream", _DISPUTE),
    "request-duplicate": rejected(
        "R-9.6 R-14.13", "two receipts for one request", "dispute the second charge"
    ),
    "correction-repeated": rejected(
        "R-9.8 R-14.13",
        "two corrections of one receipt",
        "keep both: they prove that the issuer told two stories",
    ),
    "correction-unknown": incomplete(
        "R-9.9",
        "a correction of a receipt that is not here",
        "verify it together with the batch that has the corrected receipt",
        grouped=True,
    ),
    "correction-differs": rejected(
        "R-9.10",
        "a correction is not of the receipt that it names, or says something else of it",
        "dispute it: a correction changes counts, units and charge, and restates what they were",
    ),
    "input-too-large": rejected(
        "R-9.7",
        "the input has more streams, TTLs or units than the format allows",
        "verify fewer batches together; the one before goes with --previous",
    ),
    # Step 10: a statement against the receipts before it.
    "statement-duplicate": rejected(
        "R-10.1", "the statement is in the input twice", "remove the copy"
    ),
    "receipt-missing": rejected("R-10.2", "the statement lists receipts that are not here", _CHAIN),
    "stream-unstated": rejected(
        "R-10.3", "receipts of a stream that their statement does not list", _CHAIN
    ),
    "receipt-unstated": rejected(
        "R-10.4", "receipts that the statement of their period leaves out", _CHAIN
    ),
    "receipt-uncovered": incomplete(
        "R-10.5",
        "receipts of a time that no statement here covers",
        "add the batch or the statement that closes that time",
    ),
    "root-mismatch": rejected("R-10.6", "the Merkle root is not that of the receipts", _CHAIN),
    "head-mismatch": rejected("R-10.7", "the head is not the last receipt of the stream", _CHAIN),
    "time-outside-period": rejected(
        "R-10.8", "a receipt's time is outside its statement's period", _DISPUTE
    ),
    "totals-mismatch": rejected("R-10.9", "a total is not the sum over the receipts", _DISPUTE),
    # Step 11: the chain of statements.
    "statement-equivocation": rejected(
        "R-11.1",
        "two different signed statements with one number",
        "keep both: they prove that the issuer told two stories",
    ),
    "statement-chain-broken": rejected(
        "R-11.2",
        "the statement names another predecessor than is known",
        "keep both: they prove that the issuer told two stories",
    ),
    "statement-rollback": rejected(
        "R-11.3",
        "a later number for an earlier or overlapping period",
        "keep both: they prove that the issuer told two stories",
    ),
    "period-gap": rejected("R-11.4", "the periods of two statements do not meet", _CHAIN),
    "first-mismatch": rejected(
        "R-11.5", "a stream does not continue where it was last closed", _CHAIN
    ),
    "statement-gap": incomplete(
        "R-11.6", "a statement is missing between two others", "add the batch of the missing number"
    ),
    # Step 12: completeness.
    "statement-missing": incomplete(
        "R-12.2",
        "no statement closes the receipts",
        "ask the issuer for the statement of the period, or wait until the period is closed",
        grouped=True,
    ),
    "batch-empty": incomplete(
        "R-12.1", "there is no receipt and no statement", "is this the right file?"
    ),
    "period-uncovered": incomplete(
        "R-12.3 R-16.6 R-17.5 R-19.9",
        "the statements do not cover the period that the caller named",
        "ask the issuer for the statements of the missing time",
    ),
    "statement-replayed": incomplete(
        "R-12.4",
        "the batch is older than a statement that is already known",
        "if you mean the older period, name it: --period",
    ),
    # Step 13: cache identifiers.
    "cache-id-conflict": rejected(
        "R-13.1",
        "one cache identifier for prefixes of two lengths or two models",
        "dispute it: an identifier is of one prefix",
    ),
    "cache-id-shared": rejected(
        "R-13.2",
        "one cache identifier under the keys of two accounts",
        "dispute it: under two keys, no prefix has the same identifier",
    ),
    **RECORD_RULES,
    # Proof and equivocation.
    "proof-mismatch": rejected(
        "R-16.3 R-17.2", "receipt and statement of the proof do not belong together", _ASK
    ),
    "path-invalid": rejected("R-16.4 R-17.2", "the Merkle path does not lead to the root", _ASK),
    "conflict-unproven": rejected(
        "R-17.4", "the two objects do not contradict each other", "this file proves nothing"
    ),
    **CARD_RULES,
    **PACK_RULES,
}
