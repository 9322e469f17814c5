"""Whether statements are in a log that all customers see: the procedure of spec/publication.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cli.published.codes import CODES
from cli.published.entries import ENTRY_SIZE, Entries, entry
from cli.published.memory import PublishedMemory
from cli.published.notes import (
    LOG,
    Checkpoint,
    InvalidSignatureError,
    MalformedError,
    NoteKey,
    read_checkpoint,
)
from cli.published.policy import NO_WITNESSES, WitnessPolicy
from cli.published.proofs import LogProof, read_proof
from cli.published.site import Site
from cli.standing import Standing
from verifier import (
    PathError,
    Statement,
    TrustedKey,
    Verdict,
    merkle_root,
    read_item,
    root_from_path,
    show_instant,
)

_SCHEME: Final = "https://"
_ENTRY: Final = "entry {} of {}"


@dataclass(frozen=True, slots=True)
class Published:
    """What the caller was given, and whom it trusts.

    Attributes:
        statements: those that came out of the verification validly signed, and their bytes.
        keys: the trusted keys.
        proofs: the proofs, by their name.
        site: where the log is.
        policy: the witnesses.
        memory: what is remembered from earlier; None: nothing is used.
    """

    statements: Sequence[tuple[Statement, bytes]]
    keys: Mapping[bytes, TrustedKey]
    proofs: Mapping[str, bytes] = field(default_factory=dict)
    site: Site | None = None
    policy: WitnessPolicy = NO_WITNESSES
    memory: PublishedMemory | None = None


class _Given(NamedTuple):
    """A statement: whose it is, its number, and its digest."""

    issuer: str
    account: str
    number: int
    digest: bytes

    def __str__(self) -> str:
        return f"statement {self.number} of {self.account}"


def check_publication(published: Published) -> Standing:
    """Look for each statement in the log, and remember the log where nothing was found wrong.

    Raises:
        CliError: the site cannot be read, or the memory is damaged.
    """
    return _Checking(published).run()


class _Checking:
    def __init__(self, published: Published) -> None:
        self._told = published
        self._standing = Standing("publication", CODES)
        self._given = [
            _Given(claims.issuer, claims.account, claims.number, read_item(signed).digest or b"")
            for claims, signed in published.statements
        ]
        self._blinds: dict[tuple[str, str], bytes] = {}
        self._heads: dict[str, list[tuple[str, Checkpoint]]] = {}
        """By issuer: the checkpoints that its keys have signed, and where they are from."""
        self._compared: set[_Given] = set()

    def run(self) -> Standing:
        """All steps."""
        self._remembered()
        for name, data in self._told.proofs.items():
            self._proof(name, data)
        if self._told.site is not None:
            self._site(self._told.site)
        else:
            self._heads_agree()
        self._scope()
        self._remember()
        return self._standing

    def _remembered(self) -> None:
        memory = self._told.memory
        if memory is None:
            return
        for one in self._given:
            known = memory.checkpoint(one.issuer)
            if known is not None and one.issuer not in self._heads:
                self._heads[one.issuer] = [("the memory", known)]
            blind = memory.blind(one.issuer, one.account)
            if blind is not None:
                self._blinds[one.issuer, one.account] = blind

    def _proof(self, name: str, data: bytes) -> None:
        try:
            proof = read_proof(data)
        except MalformedError as error:
            self._standing.found("publication-malformed", name, str(error))
            return
        given = self._subject(proof)
        if given is None:
            what = f"is for statement {proof.number} of {proof.account}, which is not here"
            self._standing.facts.append(("not compared", f"{name} {what}"))
            return
        if self._signer(name, proof.checkpoint, [given.issuer]) is None:
            return
        self._heads.setdefault(given.issuer, []).append((name, proof.checkpoint))
        if self._leads(name, given, proof) and self._is_blind(name, given, proof.blind):
            self._found(given, proof.index, proof.checkpoint)

    def _subject(self, proof: LogProof) -> _Given | None:
        """The statement that a proof is for."""
        place = (proof.checkpoint.origin, proof.account, proof.number)
        return next(
            (one for one in self._given if (_origin(one.issuer), one.account, one.number) == place),
            None,
        )

    def _leads(self, name: str, given: _Given, proof: LogProof) -> bool:
        own, head = entry(proof.blind, given.number, given.digest), proof.checkpoint
        try:
            root = root_from_path(own, proof.index, head.size, proof.path)
        except PathError as error:
            self._standing.found("entry-unproven", name, str(error))
            return False
        if root != head.root:
            message = f"{given}: expected root {head.root.hex()}, found {root.hex()}"
            self._standing.found("entry-unproven", name, message)
            return False
        return True

    def _is_blind(self, name: str, given: _Given, blind: bytes) -> bool:
        known = self._blinds.setdefault((given.issuer, given.account), blind)
        if known != blind:
            message = f"{given}: expected {known.hex()[:16]}..., found {blind.hex()[:16]}..."
            self._standing.found("blind-differs", name, message)
        return known == blind

    def _found(self, given: _Given, index: int, head: Checkpoint) -> None:
        if given not in self._compared:
            self._standing.facts.append((str(given), _ENTRY.format(index, head.size)))
        self._compared.add(given)

    def _signer(self, name: str, head: Checkpoint, issuers: Sequence[str]) -> str | None:
        """Which of the issuers has signed a checkpoint; None if none has, or if a signature does not hold."""
        try:
            issuer = next((one for one in issuers if self._has_signed(one, head)), None)
            seen = {
                witness: time
                for witness, key in self._told.policy.witnesses.items()
                if (time := key.check(head.note)) is not None
            }
        except InvalidSignatureError as error:
            self._standing.found("checkpoint-invalid", name, str(error))
            return None
        if issuer is None:
            message = f"the log {head.origin} with {head.size} entries"
            self._standing.found("checkpoint-unsigned", name, message)
            return None
        self._tell_head(name, head, seen)
        return issuer

    def _issuers(self, head: Checkpoint) -> list[str]:
        issuers = dict.fromkeys(key.issuer for key in self._told.keys.values())
        return [issuer for issuer in issuers if _origin(issuer) == head.origin]

    def _has_signed(self, issuer: str, head: Checkpoint) -> bool:
        """All keys are tried: a signature by any of them that does not hold is a fault."""
        keys = [
            NoteKey(head.origin, key.public, LOG)
            for key in self._told.keys.values()
            if key.issuer == issuer and key.revoked is None
        ]
        signed = [key.check(head.note) is not None for key in keys]
        return any(signed)

    def _tell_head(self, name: str, head: Checkpoint, seen: Mapping[str, int]) -> None:
        fact = ("log", f"{head.origin}, {head.size:,} entries")
        cosigned = [
            (f"cosigned by {who}", show_instant(time * 1000)) for who, time in sorted(seen.items())
        ]
        for one in (fact, *cosigned):
            if one not in self._standing.facts:
                self._standing.facts.append(one)
        if not self._told.policy.met_by(set(seen)):
            by = ", ".join(sorted(seen)) or "nobody"
            message = f"{head.size} entries: cosigned by {by}, which is no quorum"
            self._standing.found("witnesses-missing", name, message)

    def _site(self, site: Site) -> None:
        try:
            head = read_checkpoint(site.checkpoint())
        except MalformedError as error:
            self._standing.found("publication-malformed", site.name, str(error))
            return
        issuer = self._signer(site.name, head, self._issuers(head))
        if issuer is None:
            return
        data = site.entries()
        if len(data) < head.size * ENTRY_SIZE:
            message = f"expected {head.size} entries, found {len(data) // ENTRY_SIZE}"
            self._standing.found("entries-missing", site.name, message)
            return
        entries = Entries(data, head.size)
        if merkle_root(entries.all) != head.root:
            self._standing.found("entries-differ", site.name, f"{head.size} entries")
            return
        self._continues(site.name, issuer, head, entries)
        self._heads.setdefault(issuer, []).append((site.name, head))
        for given in self._given:
            if given.issuer == issuer:
                self._look_for(site.name, given, head, entries)

    def _continues(self, name: str, issuer: str, head: Checkpoint, entries: Entries) -> None:
        for where, other in self._heads.get(issuer, []):
            if other.size > head.size:
                message = f"{head.size} entries, and {other.size} in {where}"
                self._standing.found("log-behind", name, message)
            elif merkle_root(entries.all[: other.size]) != other.root:
                self._rewritten(name, where, head, other)

    def _rewritten(self, name: str, where: str, head: Checkpoint, other: Checkpoint) -> None:
        message = f"the checkpoint of {other.size} entries in {where} is of another log"
        self._standing.found("log-rewritten", name, message)
        for one in (head, other):
            file = f"checkpoint-{one.size}-{one.root.hex()[:12]}.note"
            self._standing.evidence[file] = one.note.data

    def _look_for(self, name: str, given: _Given, head: Checkpoint, entries: Entries) -> None:
        blind = self._blinds.get((given.issuer, given.account))
        if blind is None:
            return
        self._compared.add(given)
        places = entries.places(blind, given.number)
        if not places:
            self._standing.found("statement-unpublished", name, str(given))
        elif len(places) > 1:
            shown = ", ".join(str(one) for one in places[:10])
            self._standing.found("statement-published-twice", name, f"{given}: entries {shown}")
        elif entries.all[places[0]] != entry(blind, given.number, given.digest):
            message = f"{given}: entry {places[0]} is not of digest {given.digest.hex()}"
            self._standing.found("statement-published-otherwise", name, message)
        else:
            place = (str(given), _ENTRY.format(places[0], head.size))
            if place not in self._standing.facts:
                self._standing.facts.append(place)

    def _heads_agree(self) -> None:
        for heads in self._heads.values():
            first: dict[int, tuple[str, Checkpoint]] = {}
            for where, head in heads:
                before, other = first.setdefault(head.size, (where, head))
                if other.root != head.root:
                    self._rewritten(where, before, head, other)

    def _scope(self) -> None:
        for given in self._given:
            if given not in self._compared:
                self._standing.found("statement-uncompared", str(given), "no proof, and no blind with a site, is at hand")  # fmt: skip
        if not self._given:
            self._standing.found("statement-uncompared", "the batch", "it has no validly signed statement; of a proof or an equivocation none is compared")  # fmt: skip

    def _remember(self) -> None:
        memory = self._told.memory
        if memory is None or self._standing.verdict is not Verdict.VERIFIED:
            return
        for issuer, heads in self._heads.items():
            memory.remember(issuer, max((head for _, head in heads), key=lambda head: head.size))
        for (issuer, account), blind in self._blinds.items():
            memory.remember_blind(issuer, account, blind)


def _origin(issuer: str) -> str:
    return issuer.removeprefix(_SCHEME)
