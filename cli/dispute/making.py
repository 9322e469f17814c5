"""A pack, from the findings of a verification to the bytes of the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cli import batches, embedding, key_folder
from cli.dispute.claims import Disputed, gather
from cli.dispute.objects import Batch
from cli.dispute.own_side import OwnSide
from cli.dispute.packing import Maker, Pack
from cli.dispute.readme import Told, readme
from cli.files import read_bytes
from cli.page.document import render_html
from cli.terminal import CliError
from cli.trust_store import TrustStore
from cli.verifying import Answer, Asked
from receipts import KeyFileError, NoKeyError, ReceiptError, jwk
from receipts.cache_id import CacheKey
from receipts.wallet import WalletError
from verifier import (
    Finding,
    Policy,
    Report,
    Standing,
    Subject,
    TrustedKey,
    as_object,
    bytes_source,
    canonical,
    read_jwks,
    verify,
)

_WALLET_HINT: Final = (
    "open it with receipts.wallet, which makes it one of this version, or restore it from a copy"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be packed.

    Attributes:
        findings: their numbers; none: all.
        asked: the batch, and how it is verified.
        store: where pins are.
        maker: who signs the pack; None: nobody does.
        with_report: whether the report on the whole batch goes along.
    """

    findings: tuple[int, ...]
    asked: Asked
    store: TrustStore
    maker: Maker | None
    with_report: bool


@dataclass(frozen=True, slots=True)
class Made:
    """A pack: the file, and what it claims."""

    data: bytes
    claims: list[Disputed]


def maker_of(folder: str) -> Maker:
    """Who signs a pack: the key of a folder that may sign now.

    Raises:
        CliError: the folder cannot be used, or none of its keys may sign now.
    """
    keys = key_folder.load(folder)
    try:
        key = keys.signing.for_receipt(key_folder.now())
    except NoKeyError as error:
        raise CliError(str(error), "receipt key rotate makes a successor") from None
    return Maker(key, str(jwk(key.public)["kid"]), (Path(folder) / key_folder.PUBLIC).read_bytes())


def made(wanted: Wanted, answer: Answer) -> Made:
    """Make a pack, and check it: what its evidence does not show is only asserted.

    Raises:
        CliError: there is no such finding, or something that was named cannot be used.
        OSError: a file cannot be read.
    """
    selected = _selected(wanted, answer)
    named = {finding.item for _, finding in selected if finding.item is not None}
    batch = Batch(batches.files(wanted.asked.batch), answer.known, named)
    own, pack = OwnSide(answer.record), Pack()
    try:
        claims = [
            gather(number, finding, batch, own, answer.report.conflicts, pack)
            for number, finding in selected
        ]
    except WalletError as error:
        raise CliError(str(error), _WALLET_HINT) from None
    keys = _add_keys(wanted, claims, pack)
    _add_cards(wanted.asked, pack)
    _add_cache_key(wanted.asked, claims, pack)
    data = _packed(wanted, answer, claims, keys, pack)
    checked = _checked(data, answer, "dispute fewer findings in one pack: --findings")
    unproven = {one.number: one.unproven for one in checked.claims if one.unproven is not None}
    for claim in claims:
        if claim.number in unproven:
            claim.standing, claim.why = Standing.ASSERTED, unproven[claim.number]
    if unproven:
        data = _packed(wanted, answer, claims, keys, pack)
    if wanted.with_report:
        pack.members |= _report(answer, data)
        data = _packed(wanted, answer, claims, keys, pack)
        _checked(data, answer, "leave the report out: --without-report")
    return Made(data, claims)


def _checked(pack: bytes, answer: Answer, hint: str) -> Report:
    """What the verifier says of a pack under the keys at hand.

    Raises:
        CliError: it is malformed, since it has too many claims, members or bytes.
    """
    policy = Policy(answer.policy.keys, observers=answer.policy.observers)
    report = verify([bytes_source("pack", pack)], policy)
    for fault in report.findings:
        if fault.code == "pack-malformed":
            raise CliError(f"the pack would be rejected: {fault.message}", hint)
    return report


def _report(answer: Answer, evidence: bytes) -> dict[str, bytes]:
    """The report on the whole batch; its page checks the evidence, if that is not too much for a page."""
    document = as_object(answer.report)
    fits = len(evidence) <= embedding.MOST
    inside = embedding.disputed(document, evidence) if fits else None
    return {"report.json": canonical(document), "report.html": render_html(document, inside)}


def _selected(wanted: Wanted, answer: Answer) -> list[tuple[int, Finding]]:
    report = answer.report
    if report.subject is not Subject.BATCH:
        hint = "a proof or an equivocation is evidence by itself; name the batch"
        raise CliError(f"{wanted.asked.batch[0]} is not a batch but {report.subject}", hint)
    found = list(enumerate(report.findings.in_input_order(), 1))
    if not found:
        raise CliError("there is no finding", f"the batch is {report.verdict}: receipt verify")
    missing = [number for number in wanted.findings if number > len(found)]
    if missing:
        hint = "receipt verify numbers them; give the same options here as there"
        raise CliError(f"there is no finding {missing[0]}: there are {len(found)}", hint)
    return [one for one in found if not wanted.findings or one[0] in wanted.findings]


def _add_keys(wanted: Wanted, claims: Sequence[Disputed], pack: Pack) -> list[TrustedKey]:
    """The key files of the issuers of what is disputed, or of all."""
    files = [read_bytes(name) for name in wanted.store.key_files(wanted.asked.keys)]
    issuers = {one.issuer for claim in claims for one in claim.receipts}
    issuers |= {claim.finding.issuer for claim in claims if claim.finding.issuer}
    listed = [(data, read_jwks(data)) for data in files]
    of = [(data, keys) for data, keys in listed if not issuers or keys[0].issuer in issuers]
    if not of:
        raise CliError("no key of the issuer is trusted", "name its key file: --keys FILE")
    for data, _ in of:
        pack.add("keys", data, "jwks.json")
    found = {key.kid: key for _, keys in of for key in keys}
    return list(found.values())


def _add_cards(asked: Asked, pack: Pack) -> None:
    for name in asked.cards:
        pack.add("cards", read_bytes(name))


def _add_cache_key(asked: Asked, claims: Sequence[Disputed], pack: Pack) -> None:
    """The key of the one month that the prompts are of: the account's own is disclosed to nobody.

    Raises:
        CliError: they are of more than one month, or the file is no cache key.
    """
    name = asked.cache_key
    times = {
        one.time
        for claim in claims
        for one in claim.receipts
        if any(member.startswith("prompts/") for member in claim.evidence)
    }
    months = sorted({f"{datetime.fromtimestamp(time // 1000, UTC):%Y-%m}" for time in times})
    if name is None or not months:
        return
    if len(months) > 1:
        hint = f"make a pack for the findings of each month: {', '.join(months)}"
        raise CliError("a pack discloses the cache key of one month", hint)
    data = read_bytes(name)
    try:
        pack.members["cache-key.json"] = CacheKey.from_json(data).for_period(months[0]).to_json()
    except KeyFileError:  # it is that of a month already: the verifier has read it
        pack.members["cache-key.json"] = data
    except ReceiptError as error:
        raise CliError(
            f"{name}: {error}", "it is the FILE of receipt keygen --new-cache-key"
        ) from None


def _packed(
    wanted: Wanted,
    answer: Answer,
    claims: Sequence[Disputed],
    keys: Sequence[TrustedKey],
    pack: Pack,
) -> bytes:
    shas = [one.sha256 for one in answer.report.inputs if one.role == "batch"]
    record, maker = answer.record, wanted.maker
    options: dict[str, Any] = {
        "margin_ms": wanted.asked.margin * 1000,
        "aliases": {} if record is None else dict(record.aliases),
        "observers": sorted(answer.policy.observers),
    }
    signer = None if maker is None else f"{read_jwks(maker.jwks)[0].issuer}, key {maker.kid}"
    told = Told(claims, keys, shas, sorted(pack.members), signer)
    whole = replace(pack, members={**pack.members, "README.md": readme(told)})
    return whole.data([claim.claim for claim in claims], shas, options, maker)
