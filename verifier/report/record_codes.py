"""The finding codes of step 14, the customer's own record."""

from __future__ import annotations

from typing import Final

from verifier.report.rule import Rule, incomplete, rejected

RECORD_RULES: Final[dict[str, Rule]] = {
    "request-without-receipt": rejected(
        "R-14.1",
        "a request of the customer's record has no receipt",
        "ask the issuer for its receipt; the statement says that there are no others",
    ),
    "receipt-without-request": rejected(
        "R-14.2",
        "a receipt for a request that the record does not have",
        "is the record complete? if it is, dispute the charge",
    ),
    "commitment-repeated": rejected(
        "R-14.3",
        "two receipts echo the commitment to one request",
        "dispute the second charge: a commitment is sent once",
    ),
    "request-differs": rejected(
        "R-14.4",
        "the receipt names another request id than the response to the request that it echoes",
        "dispute it: the response that you have names its id",
    ),
    "commitment-differs": rejected(
        "R-14.5",
        "the receipt echoes another commitment than the customer sent",
        "dispute it: the receipt is for another request than it says",
    ),
    "request-not-billable": rejected(
        "R-14.6",
        "a receipt for a call that failed, or that is never billed",
        "dispute the charge: your record has the status and the path",
    ),
    "count-differs": rejected(
        "R-14.7",
        "a count of the receipt is not the customer's own",
        "compare the provider's usage object with the hash in the receipt",
    ),
    "model-differs": rejected(
        "R-14.8",
        "the receipt is for another model than the customer saw",
        "if the two are one model, say so (--aliases); if not, dispute it",
    ),
    "tier-differs": rejected(
        "R-14.9",
        "the receipt is for another service tier than the customer saw",
        "dispute it: the tier sets the price",
    ),
    "usage-differs": rejected(
        "R-14.10",
        "the receipt was made from another usage object than the customer saw",
        "ask the issuer for the usage object; it has to have the hash in the receipt",
    ),
    "time-differs": rejected(
        "R-14.11",
        "the receipt's time is not that of the call",
        "is your clock right (--margin)? if it is, dispute it: was the call billed before?",
    ),
    "received-invalid": incomplete(
        "R-14.12",
        "a receipt that came with a response is not validly signed",
        "it proves nothing; ask the issuer what signed it",
    ),
    "received-omitted": rejected(
        "R-14.13",
        "a receipt that came with its response is not in the batch",
        "dispute it: the received receipt is signed by the issuer",
    ),
    "received-differs": rejected(
        "R-14.14",
        "a receipt that came with a response contradicts the call",
        "dispute it: keep the receipt and the response",
    ),
    "received-missing": incomplete(
        "R-14.15",
        "calls without a receipt that came with the response",
        "ask the issuer why; a proxy on the way may have taken the header away",
        grouped=True,
    ),
    "request-account-unknown": incomplete(
        "R-14.16",
        "calls of which is not known whose account they are of",
        "say it where they are made: Wallet.transport(account=...)",
        grouped=True,
    ),
    "count-unconfirmed": incomplete(
        "R-14.17",
        "receipts for calls that did not show what is billed: it could not be compared",
        "ask for the usage with each response; fetch the results of background responses",
        grouped=True,
    ),
    "span-unconfirmed": incomplete(
        "R-14.21",
        "receipts for a span of time, of which the record says nothing",
        "name them in your log (request, units), if you know what you ordered and for how long",
        grouped=True,
    ),
    "late-apart": incomplete(
        "R-14.18",
        "a late statement without the statement of its period",
        "verify it together with the batch of that period: was anything billed there already?",
    ),
    "cache-id-mismatch": rejected(
        "R-14.19",
        "the cache identifier is not of the customer's prompt",
        "are prompts and cache key those of these requests? if they are, dispute it: another prefix, length, model or key was credited",
    ),
    "cached-beyond-prefix": rejected(
        "R-14.20",
        "more tokens cached than the prompt shares with any other",
        "do the prompts reach back far enough? if they do, dispute the count",
    ),
}
