"""The finding codes of step 18, rate cards."""

from __future__ import annotations

from typing import Final

from verifier.report.rule import Rule, incomplete, rejected

CARD_RULES: Final[dict[str, Rule]] = {
    "card-unknown": incomplete(
        "R-18.1",
        "a charge by a rate card that was not given",
        "get the card from the issuer, and give it too: --card FILE; its digest is in the receipt",
        grouped=True,
    ),
    "charge-row-missing": rejected(
        "R-18.2",
        "the rate card that the charge names has no price for the request",
        "dispute it: the receipt names a card by which it costs nothing",
    ),
    "charge-differs": rejected(
        "R-18.3 R-18.4",
        "the charge is not what the rate card that it names gives",
        "dispute it: the receipt names the card, and the two contradict each other",
    ),
}
