"""What `receipt publish` keeps and writes: the log of an issuer's statements as static files (spec/publication.md, Files)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from cli import batches
from cli.files import output_file
from cli.key_folder import PUBLIC, Keys, now
from cli.published import (
    CHECKPOINT,
    ENTRIES,
    KEY_FILE,
    LOG,
    Checkpoint,
    MalformedError,
    NoteKey,
    read_checkpoint,
)
from cli.terminal import CliError
from receipts import ReceiptError, SigningKey
from receipts.publishing import (
    BLIND_SIZE,
    ENTRY_SIZE,
    Log,
    blind,
    entry,
    extra,
    label,
    origin,
    scitt_statement,
    sign_note,
)
from verifier import Policy, Statement, TrustedKey, by_kid, bytes_source, verify

SECRET: Final = "publication.secret"  # noqa: S105  # the name of a file
SIGNED: Final = "publication.checkpoint"
"""The last checkpoint that was signed, in the key folder: a site that does not continue it would be a second log."""
ADD_CHECKPOINT: Final = "add-checkpoint"
_COPY: Final = "restore the site's files from a copy; a log that was published is never begun again"


class ToPublish(NamedTuple):
    """A statement of the issuer: what it says, its bytes and its digest."""

    claims: Statement
    signed: bytes
    digest: bytes


class InLog(NamedTuple):
    """A statement that is in the log: where, and the blind of its account."""

    statement: ToPublish
    place: int
    blind: bytes

    @property
    def folder(self) -> str:
        """The name of the account's folder, which nobody guesses: the fingerprint of the blind."""
        return sha256(self.blind).hexdigest()


def statements(names: tuple[str, ...], keys: Keys) -> list[ToPublish]:
    """The issuer's statements in batches or journals, each once.

    Raises:
        CliError: one is not validly signed, or cannot be read.
    """
    found: dict[bytes, ToPublish] = {}
    for item in batches.items(batches.kept(names)):
        if isinstance(item.claims, Statement) and item.claims.issuer == keys.issuer:
            assert item.digest is not None  # noqa: S101  # it was read
            found[item.digest] = ToPublish(item.claims, item.raw, item.digest)
    for one in found.values():
        _check_signed(one, keys.public)
    return list(found.values())


def _check_signed(one: ToPublish, keys: Iterable[TrustedKey]) -> None:
    report = verify([bytes_source("statement", one.signed)], Policy(by_kid(keys)))
    if not report.statements:
        codes = ", ".join(sorted(report.findings.counts))
        raise CliError(
            f"statement {one.claims.number} of {one.claims.account} is not validly signed: {codes}",
            "nothing was published: see what is wrong: receipt verify",
        )


@dataclass(frozen=True, slots=True)
class SiteFolder:
    """The folder of a site, of which this machine is the only writer.

    Attributes:
        path: of the folder.
        origin: the name of the log.
        signed: the file with the last checkpoint that the issuer has signed.
    """

    path: Path
    origin: str
    signed: Path

    @classmethod
    def of(cls, folder: str, keys: Keys) -> SiteFolder:
        """The site of an issuer.

        Raises:
            CliError: such an issuer cannot publish.
        """
        try:
            return cls(Path(folder), origin(keys.issuer), Path(keys.path, SIGNED))
        except ReceiptError as error:
            raise CliError(str(error), "such an issuer cannot have a log") from None

    def log(self) -> Log:
        """The log as it stands; it is what the checkpoint says.

        Raises:
            CliError: the files are not what was published.
        """
        path = self.path / ENTRIES
        data = path.read_bytes() if path.exists() else b""
        if len(data) % ENTRY_SIZE:
            raise CliError(f"{path} ends within an entry", _COPY)
        log = Log(data)
        for file in (self.path / CHECKPOINT, self.signed):
            head = _read(file)
            if head is not None and (
                head.size > log.size or head.note.text != log.head(self.origin, head.size)
            ):
                raise CliError(f"{path} is not the log of {file}", _COPY)
        return log

    def checkpoint(self) -> Checkpoint | None:
        """The last checkpoint on the site, if there is one.

        Raises:
            CliError: it is none; a cosignature was added wrongly, perhaps.
        """
        return _read(self.path / CHECKPOINT)

    def write(self, log: Log, key: SigningKey, old: int | None) -> bytes:
        """Write the log, and its checkpoint; one that is there already stays, with its cosignatures.

        Returns:
            The checkpoint.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        _write(self.path / ENTRIES, log.entries)
        head, text = self.checkpoint(), log.head(self.origin)
        kept = head is not None and head.note.text == text and _is_signed(head, key)
        if head is not None and kept:
            note = head.note.data
        else:
            note = sign_note(text, self.origin, key)
            _write(self.signed, note)  # first: from here on there is no other log
            _write(self.path / CHECKPOINT, note)
        if not kept or old is not None:
            before = head.size if old is None and head is not None else old or 0
            _write(self.path / ADD_CHECKPOINT, log.add_checkpoint(before, note))
        return note


def _read(path: Path) -> Checkpoint | None:
    if not path.exists():
        return None
    try:
        return read_checkpoint(path.read_bytes())
    except MalformedError as error:
        raise CliError(f"{path}: {error}", "take away what was added to it last") from None


def _is_signed(head: Checkpoint, key: SigningKey) -> bool:
    return NoteKey(head.origin, key.public, LOG).check(head.note) is not None


def signing_key(keys: Keys) -> SigningKey:
    """The key that signs checkpoints now.

    Raises:
        CliError: none may.
    """
    try:
        return keys.signing.for_receipt(now())
    except ReceiptError as error:
        raise CliError(str(error), "make the next key: receipt key rotate") from None


def secret(keys: Keys, *, begun: bool) -> bytes:
    """The secret behind all blinds; it is made once, before anything is published.

    Raises:
        CliError: it is lost, or is none.
    """
    path = Path(keys.path, SECRET)
    if not path.exists():
        if begun:
            raise CliError(
                f"{path} is not there, and the log is begun", "restore the key folder from a copy"
            )
        with output_file(str(path), mode=0o600, replace=False) as stream:
            stream.write(os.urandom(BLIND_SIZE))
    found = path.read_bytes()
    if len(found) != BLIND_SIZE:
        raise CliError(f"{path} has {len(found)} bytes, not {BLIND_SIZE}", "restore it from a copy")
    return found


def extend(log: Log, told: Sequence[ToPublish], secret_: bytes) -> int:
    """Append what is not in the log yet.

    Returns:
        The number of statements that are new.

    Raises:
        CliError: another statement of one number is published, or two are to be.
    """
    known = {
        log.entries[i : i + BLIND_SIZE]: log.entries[i : i + ENTRY_SIZE]
        for i in range(0, len(log.entries), ENTRY_SIZE)
    }
    new = []
    for one in told:
        own = blind(secret_, one.claims.account)
        added = entry(own, one.claims.number, one.digest)
        if known.setdefault(label(own, one.claims.number), added) != added:
            raise CliError(
                f"another statement {one.claims.number} of {one.claims.account} is published",
                "nothing was published: two statements of one number are two stories",
            )
        new.append(added)
    before = set(_split(log.entries))
    log.add(set(new) - before)
    return len(set(new) - before)


def _split(entries: bytes) -> Iterator[bytes]:
    return (entries[i : i + ENTRY_SIZE] for i in range(0, len(entries), ENTRY_SIZE))


def places(log: Log, told: Sequence[ToPublish], secret_: bytes) -> list[InLog]:
    """Where statements stand in the log; by account and number."""
    index = {one: place for place, one in enumerate(_split(log.entries))}
    found = []
    for one in sorted(told, key=lambda one: (one.claims.account, one.claims.number)):
        own = blind(secret_, one.claims.account)
        found.append(InLog(one, index[entry(own, one.claims.number, one.digest)], own))
    return found


def hand_over(
    one: InLog, log: Log, checkpoint: bytes, accounts: Path, *, scitt: bool = False
) -> None:
    """Write what an account gets of a statement: the statement, the proof, and if asked for the statement for SCITT."""
    folder, claims = accounts / one.folder, one.statement.claims
    folder.mkdir(parents=True, exist_ok=True)
    told = extra(one.blind, claims.number, claims.account)
    _write(folder / f"{claims.number}.cbor", one.statement.signed)
    _write(folder / f"{claims.number}.tlog-proof", log.proof(one.place, checkpoint, told))
    if scitt:
        message = scitt_statement(one.statement.signed, one.statement.digest)
        _write(folder / f"{claims.number}.scitt.cose", message)


def publish_keys(keys: Keys, site: SiteFolder) -> None:
    """Put the key file where customers can get it."""
    _write(site.path / KEY_FILE, Path(keys.path, PUBLIC).read_bytes())


def _write(path: Path, data: bytes) -> None:
    with output_file(str(path)) as stream:
        stream.write(data)
