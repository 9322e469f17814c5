"""The README of a pack: for a reader who knows nothing of receipts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Final

from cli.dispute.claims import Disputed
from verifier import (
    RULES,
    Finding,
    Receipt,
    Standing,
    TrustedKey,
    escape,
    kid_text,
    plural,
    show_instant,
)

_PICOUNITS: Final = 10**12
_WORTH: Final = {
    Standing.SIGNED: "The issuer's own signatures show it. Nothing of the customer's is needed.",
    Standing.RECORD: "What the issuer signed and what the customer wrote down at the time contradict each other. It is as good as"
    " the customer's record.",
    Standing.ASSERTED: "**This pack cannot show it.** It rests on the word of who made the pack, or on the whole batch.",
}
_FOLDERS: Final = (
    ("objects/", "the disputed receipts, and the statements around them, as the issuer signed them"),
    ("proofs/", "for each of these receipts: that it is among those which the issuer closed and billed"),
    ("equivocations/", "two signed objects that cannot both be true"),
    ("received/", "receipts as they came with the response"),
    ("record/", "the customer's own lines on these calls, with the usage that the response showed"),
    ("prompts/", "the customer's prompts of these calls"),
    ("cache-key.json", "the key to the cache identifiers of one month"),
    ("cards/", "the rate cards"),
    ("keys/", "the issuer's public keys, as the maker of the pack has them"),
    ("maker.jwks.json", "the public key of the maker"),
    ("report.json", "the maker's report on the whole batch"),
    ("report.html", "the same, to look at; opened in a browser, it checks the claims itself (evidence of 20 MB at most)"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """What a README is about.

    Attributes:
        claims: by number.
        keys: of the issuers.
        batches: SHA-256 of the disputed files, in hexadecimal.
        members: the names of the other members.
        maker: who signs the pack; None: nobody does.
    """

    claims: Sequence[Disputed]
    keys: Sequence[TrustedKey]
    batches: Sequence[str]
    members: Sequence[str]
    maker: str | None


def readme(told: Told) -> bytes:
    """The text."""
    return "".join(f"{line}\n" for line in _lines(told)).encode()


def _lines(told: Told) -> Iterator[str]:
    yield from (f"# A dispute: {plural(len(told.claims), 'claim')} about token receipts", "")
    yield from _prose(
        "A provider of language models gave its customer a signed receipt for each request: how many tokens it is billed for,"
        " and how many of them came from a cache. This pack holds the receipts that the customer disputes, and what shows why."
        " No other receipt is in it."
    )
    yield from ("", "## What is claimed", "")
    for issuer in dict.fromkeys(key.issuer for key in told.keys):
        yield f"* under the signatures of {_code(issuer)}: the issuer, who bills"
    for account in dict.fromkeys(c.finding.account for c in told.claims if c.finding.account):
        yield f"* about the account {_code(account)}, which is billed"
    yield (
        f"* by {_code(told.maker)}, who signed the pack"
        if told.maker
        else "* by somebody who did not sign the pack"
    )
    yield f"* in money: {_in_all(told.claims)}"
    for claim in told.claims:
        yield from ("", *_claim(claim))
    yield from _signers(told)
    yield from _check()
    yield from ("", "## What is in it", "")
    for name, what in _FOLDERS:
        if any(member.startswith(name) for member in told.members):
            yield f"* `{name}`: {what}"
    yield "* `manifest.json`, `seal.cbor`: the claims, and the SHA-256 of each member"
    for digest in told.batches:
        yield f"* not in it: the whole batch that the claims are from, a file with the SHA-256 `{digest}`"
    yield from _limits()


def _claim(claim: Disputed) -> Iterator[str]:
    finding = claim.finding
    yield f"### Claim {claim.number}: {RULES[finding.code].meaning}"
    yield ""
    yield f"* code: `{finding.code}`, rule {finding.rule} of the specification"
    if finding.expected is not None:
        field = f"{_code(finding.field)}: " if finding.field else ""
        yield f"* {field}expected {_code(str(finding.expected))}, found {_code(str(finding.actual))}"
    for receipt in claim.receipts[:_SHOWN]:
        yield f"* {_receipt(receipt)}"
    if len(claim.receipts) > _SHOWN:
        yield f"* and {plural(len(claim.receipts) - _SHOWN, 'more receipt')}"
    if not claim.receipts and finding.request:
        yield f"* request {_code(finding.request)}"
    yield f"* in money: {_worth(finding)}"
    yield f"* {_WORTH[claim.standing]}{'' if claim.why is None else f' ({escape(claim.why, 300)})'}"
    yield f"* evidence: {', '.join(f'`{name}`' for name in claim.evidence) or 'none'}"


_SHOWN: Final = 20
_BY: Final = {
    "charge": "by the charges that the issuer signed",
    "card": "by the rate card in this pack",
}


def _worth(finding: Finding) -> str:
    """By how much the account was charged too much, if the claim holds."""
    valued = _valued(finding)
    if isinstance(valued.worth, Finding | str):
        return f"not known: {valued.worth}"
    worth = valued.worth
    also = "" if valued is finding else ", all findings about this receipt together"
    return f"{_amount(worth.currency, worth.lower, worth.upper)} too much, {_BY[worth.by]}{also}"


def _valued(finding: Finding) -> Finding:
    """The finding that has the worth: of several about one receipt it is the first."""
    return finding.worth if isinstance(finding.worth, Finding) else finding


def _in_all(claims: Sequence[Disputed]) -> str:
    """The worth of all claims; each receipt counts once."""
    sums: dict[str, tuple[int, int]] = {}
    unknown = 0
    for finding in {id(one): one for one in (_valued(claim.finding) for claim in claims)}.values():
        worth = finding.worth
        if isinstance(worth, Finding | str):
            unknown += 1
            continue
        lower, upper = sums.get(worth.currency, (0, 0))
        sums[worth.currency] = lower + worth.lower, upper + worth.upper
    told = [f"{_amount(currency, *ends)} too much" for currency, ends in sorted(sums.items())]
    if unknown:
        told.append(f"{plural(unknown, 'claim')} of which the amount is not known")
    return ", and ".join(told)


def _amount(currency: str, lower: int, upper: int) -> str:
    amount = money(currency, lower)
    return amount if lower == upper else f"{amount} to {money(currency, upper)}"


def _receipt(receipt: Receipt) -> str:
    counts = [f"{receipt.logical:,} input tokens"]
    if receipt.cached is not None:
        counts.append(f"{receipt.cached:,} of them from a cache")
    if receipt.output is not None:
        counts.append(f"{receipt.output:,} output tokens")
    charge = receipt.charge
    if charge is not None:
        counts.append(f"charged {money(charge.currency, charge.amount)}")
    place = f"request {_code(receipt.request)}, model {_code(receipt.model)}, {show_instant(receipt.time)}"
    return f"receipt for {place}: {', '.join(counts)}"


def money(currency: str, picounits: int) -> str:
    """An amount, exactly."""
    sign, left = ("-", -picounits) if picounits < 0 else ("", picounits)
    digits = f"{left // _PICOUNITS:,}.{left % _PICOUNITS:012}".rstrip("0")
    whole, _, fraction = digits.partition(".")
    return f"{sign}{whole}.{fraction:0<2} {currency}"


def _prose(text: str) -> list[str]:
    return wrap(text, 100)


def _signers(told: Told) -> Iterator[str]:
    yield from ("", "## Who signed", "")
    yield from _prose(
        "The receipts and statements are signed with Ed25519 by these keys. They came with the pack, so compare them with what"
        " the issuer itself says (its site, the contract):"
    )
    yield ""
    for key in told.keys:
        yield f"* `{kid_text(key.kid)}` of {_code(key.issuer)}"


def _check() -> Iterator[str]:
    yield from ("", "## How to check it", "")
    yield "One command, offline, with the verifier of the project token-receipts:"
    yield from ("", "    receipt verify pack.zip", "")
    yield from _prose(
        "It comes to each claim again, from the evidence alone. `verified` (exit code 0) means that each one was reached, under"
        " keys that you trust: `--keys FILE` gives it the key file that you got from the issuer itself. Without that it says"
        " `incomplete`, and names the keys to compare. `rejected` means that the pack was altered, or that a claim does not"
        " follow from its evidence. The folder `verifier/` of the project does the same alone (`python -m verifier pack.zip"
        " --keys FILE`), and `spec/pack.md` says how to write another verifier."
    )


def _limits() -> Iterator[str]:
    yield from ("", "## What it does not show", "")
    yield "* that the customer's record is true: where a claim rests on it, the claim says so"
    yield "* that a receipt was not corrected since; the issuer has the correction, and can show it"
    yield "* anything about receipts that are not in it (a statement names streams and totals of the whole"
    yield "  period, but no other receipt)"


def _code(text: str) -> str:
    """Text from a receipt or a name, as Markdown shows it and does nothing else with it."""
    shown = escape(text, 200).replace("`", "'")
    return f"`{shown}`"
