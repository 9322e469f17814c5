"""The finding codes of packs."""

from __future__ import annotations

from typing import Final

from verifier.report.rule import Rule, incomplete, rejected

PACK_RULES: Final[dict[str, Rule]] = {
    "pack-malformed": rejected(
        "R-19.1 R-19.2 R-19.5",
        "the file is not a pack in its one form",
        "ask whoever sent it for another copy; do not pack it anew",
    ),
    "pack-altered": rejected(
        "R-19.3 R-19.4",
        "a member of the pack is not what was packed",
        "ask whoever made it for another copy",
    ),
    "pack-keys": incomplete(
        "R-19.6",
        "the issuer's keys are those that came with the pack",
        "compare the key with the issuer's, on another way than the pack; then give it: --keys FILE, or receipt trust add FILE",
        grouped=True,
    ),
    "claim-unproven": rejected(
        "R-19.7",
        "a claim does not follow from its evidence",
        "ask whoever made the pack what it rests on; the claim is not shown",
    ),
    "claim-asserted": incomplete(
        "R-19.8",
        "a claim that no pack can show",
        "ask for the whole batch, whose SHA-256 the pack names, or the issuer for what is missing",
    ),
}
