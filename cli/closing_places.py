"""Where each account is closed: ``closing.db`` in the key folder, so that no second place signs a second story.

    acme    {"journals": [{"id": "<id>", "path": "/srv/issuer.db"}], "last": {"number": 1, "digest": "<of statement 1>"}}
    globex  {"batches": ["<digest of statement 0>", "<of statement 1>"]}

An account is closed either from the journals in the list, of which the first has the statements, or in batches. Its entry is written
before its first statement goes anywhere, and never removed. The last statement that was written from a journal is noted before its first
byte goes out: a journal that lacks it is an old copy.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from cli.closing_file import ClosingFile
from cli.terminal import CliError, RefusedError, warn
from receipts import Closing
from receipts.journal import is_url, open_store, shown


@dataclass(frozen=True, slots=True)
class Place:
    """A journal: its own name, which goes where its data goes, and where it was.

    ``location`` opens it: the path, or the URL with its password. It is written nowhere, and empty in what was read.
    """

    journal: str
    path: str
    location: str = field(default="", compare=False, repr=False)


def journals(locations: Sequence[str], issuer: str) -> list[Place]:
    """The journals in these files and databases.

    Raises:
        JournalError: one cannot be opened, or is another issuer's.
        CliError: one is given twice.
    """
    found: dict[str, Place] = {}
    for location in locations:
        with contextlib.closing(open_store(location, issuer, create=False)) as store:
            if store.id in found:
                message = f"{store.place} and {found[store.id].path} are one journal"
                raise CliError(message, "give each once; a copy of a journal must not be used")
            path = shown(location) if is_url(location) else str(Path(location).absolute())
            found[store.id] = Place(store.id, path, location)
    return list(found.values())


def has_receipts(places: Sequence[Place], issuer: str, account: str) -> bool:
    """Whether an account has a receipt of any time in these journals.

    Raises:
        JournalError: one cannot be read.
    """
    for place in places:
        with contextlib.closing(open_store(place.location, issuer, create=False)) as store:
            if store.streams(account):
                return True
    return False


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where one account is closed: from journals, or else in batches, with the digests of these statements by number, in hex.

    ``last`` is the number and the digest of the last statement from a journal; None before the first.
    """

    journals: list[Place]
    batches: list[str]
    last: tuple[int, str] | None = None


class ClosingPlaces:
    """The places that a key folder knows.

    Args:
        folder: the key folder.
    """

    def __init__(self, folder: str) -> None:
        self._file = ClosingFile(folder)

    def __enter__(self) -> ClosingPlaces:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.__exit__(kind, error, trace)

    def guard(self, closing: Closing, given: Sequence[Place]) -> Closing:
        """A closing from these journals, the first of which has the statements: with the rules of this place."""
        return replace(
            closing,
            claim=lambda account, *_: self.claim_journals(account, given),
            standing=lambda account, read, told: self.check_journal(account, given, read, told),
            together=self._file.locked,
        )

    def in_order(self, account: str, given: Sequence[Place]) -> list[Place]:
        """The journals to close from, that with the statements first.

        Raises:
            RefusedError: the account is closed elsewhere, or one of its journals is missing.
        """
        known = self._read(account)
        if known is None:
            return list(given)
        if not known.journals:
            hint = (
                f"receipt close BATCH --account {account}, with --previous for the statement before"
            )
            raise RefusedError(f"{account} is closed in batches, and not from a journal", hint)
        _check_none_is_missing(account, known.journals, given)
        first = known.journals[0].journal
        return sorted(given, key=lambda place: place.journal != first)

    def claim_journals(self, account: str, given: Sequence[Place]) -> None:
        """Note, before a statement goes anywhere, that the account is closed from these journals.

        Raises:
            RefusedError: another place was faster.
        """
        with self._file.locked():
            last = self._known(account).last
            self._note(account, _Entry(self.in_order(account, given), [], last))

    def check_journal(
        self, account: str, given: Sequence[Place], read: Callable[[], Sequence[bytes]], told: bool
    ) -> None:
        """Make sure that a journal has the last statement that was written from it, and note its last one if that is about to be written.

        Args:
            account: whose.
            given: the journals, that with the statements first.
            read: reads the digests of the statements in the journal, by number. It is called here, because what another command
                notes is in the journal before.
            told: whether the last statement is about to be written.

        Raises:
            RefusedError: the journal is an old copy of itself, or the account is closed elsewhere.
        """
        with self._file.locked():
            known = self._known(account)
            found = [digest.hex() for digest in read()]
            if known.last is not None:
                self._check_has(account, given[0], known.last, found)
            if told:
                last = len(found) - 1, found[-1]
                self._note(account, _Entry(self.in_order(account, given), [], last))

    def _check_has(
        self, account: str, place: Place, last: tuple[int, str], found: Sequence[str]
    ) -> None:
        number, digest = last
        if len(found) > number and found[number] == digest:
            return
        if len(found) > number:
            there = f"statement {number} is {found[number]}"
        else:
            there = f"the last statement is {len(found) - 1}" if found else "there is no statement"
        message = (
            f"{place.path} is behind {self._file.path}: of {account}, expected statement {number}, {digest},"
            f" which was written before; found that {there}"
        )
        hint = (
            "the journal is an old copy, and what it signs now would be proof against you: bring back the newer one;"
            f" if that is lost, do not issue into this one, and ask your customers for the batch with statement {number}"
        )
        raise RefusedError(message, hint)

    def claim_batch(self, account: str, number: int, digest: bytes) -> None:
        """Note, before a statement goes anywhere, that the account is closed in batches; warn if its number was given before.

        Raises:
            RefusedError: the account is closed from a journal.
        """
        with self._file.locked():
            known = self._known(account)
            if known.journals:
                hint = f"receipt close --journal {known.journals[0].path} --account {account}"
                message = f"{account} is closed from a journal: a statement in a batch as well would be a second story"
                raise RefusedError(message, hint)
            told = [*known.batches, *[""] * (number + 1 - len(known.batches))]
            if told[number] not in ("", digest.hex()):
                warn(f"another statement {number} of {account} was signed before: both together are proof against you, so never send both")  # fmt: skip
            else:
                told[number] = digest.hex()
            self._note(account, _Entry([], told))

    def _note(self, account: str, entry: _Entry) -> None:
        if self._read(account) != entry:
            self._file.note(account, _as_dict(entry))

    def _known(self, account: str) -> _Entry:
        return self._read(account) or _Entry([], [])

    def _read(self, account: str) -> _Entry | None:
        document = self._file.entry(account)
        try:
            return None if document is None else _entry(document)
        except (ValueError, LookupError, TypeError, AttributeError):
            raise self._file.damaged() from None


def _entry(document: dict[str, Any]) -> _Entry:
    places = [Place(one["id"], one["path"]) for one in document.get("journals", ())]
    last = document.get("last")
    return _Entry(
        places,
        [str(digest) for digest in document.get("batches", ())],
        None if last is None else (int(last["number"]), str(last["digest"])),
    )


def _as_dict(entry: _Entry) -> dict[str, Any]:
    if entry.journals:
        journals = [{"id": one.journal, "path": one.path} for one in entry.journals]
        if entry.last is None:
            return {"journals": journals}
        return {"journals": journals, "last": {"number": entry.last[0], "digest": entry.last[1]}}
    return {"batches": entry.batches}


def _check_none_is_missing(account: str, known: Sequence[Place], given: Sequence[Place]) -> None:
    there = {place.journal for place in given}
    missing = [place for place in known if place.journal not in there]
    if not missing:
        return
    every = [*known, *(place for place in given if place not in known)]
    hint = "close it at one place, with all its journals: " + " ".join(
        f"--journal {place.path}" for place in dict.fromkeys(every)
    )
    if missing[0] == known[0]:
        message = f"{account} is closed from {known[0].path}: a statement from {given[0].path} as well would be a second story"
    else:
        message = f"{account} has receipts in {missing[0].path}, which is not given: they would be left out"
    raise RefusedError(message, hint)
