"""Where each account is closed: ``closing.json`` in the key folder, so that no second place signs a second story.

    {"acme": {"journals": [{"id": "<id>", "path": "/srv/issuer.db"}]},
     "globex": {"batches": ["<digest of statement 0>", "<of statement 1>"]}}

An account is closed either from the journals in the list, of which the first has the statements, or in batches. Its entry is written
before its first statement goes anywhere, and never removed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli import key_folder
from cli.files import output_file
from cli.terminal import CliError, warn
from receipts.journal import Store

FILE: Final = "closing.json"
_DAMAGED: Final = (
    "restore it from a copy: it says which journals have the statements of your accounts"
)


@dataclass(frozen=True, slots=True)
class Place:
    """A journal: its own name, which goes where the file goes, and where the file was."""

    journal: str
    path: str


def journals(paths: Sequence[str], issuer: str) -> list[Place]:
    """The journals in these files.

    Raises:
        JournalError: one cannot be opened, or is another issuer's.
        CliError: one is given twice.
    """
    found: dict[str, Place] = {}
    for path in paths:
        with closing(Store(path, issuer, create=False)) as store:
            if store.id in found:
                message = f"{path} and {found[store.id].path} are one journal"
                raise CliError(message, "give each once; a copy of a journal must not be used")
            found[store.id] = Place(store.id, str(Path(path).absolute()))
    return list(found.values())


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where one account is closed: from journals, or else in batches, with the digests of these statements by number, in hex."""

    journals: list[Place]
    batches: list[str]


class ClosingPlaces:
    """The places that a key folder knows."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._path = Path(folder, FILE)

    def in_order(self, account: str, given: Sequence[Place]) -> list[Place]:
        """The journals to close from, that with the statements first.

        Raises:
            CliError: the account is closed elsewhere, or one of its journals is missing.
        """
        known = self._read().get(account)
        if known is None:
            return list(given)
        if not known.journals:
            hint = (
                f"receipt close BATCH --account {account}, with --previous for the statement before"
            )
            raise CliError(f"{account} is closed in batches, and not from a journal", hint)
        _check_none_is_missing(account, known.journals, given)
        first = known.journals[0].journal
        return sorted(given, key=lambda place: place.journal != first)

    def claim_journals(self, account: str, given: Sequence[Place]) -> None:
        """Note, before a statement goes anywhere, that the account is closed from these journals.

        Raises:
            CliError: another place was faster.
        """
        with key_folder.locked(self._folder):
            self._note(account, _Entry(self.in_order(account, given), []))

    def claim_batch(self, account: str, number: int, digest: bytes) -> None:
        """Note, before a statement goes anywhere, that the account is closed in batches; warn if its number was given before.

        Raises:
            CliError: the account is closed from a journal.
        """
        with key_folder.locked(self._folder):
            known = self._read().get(account, _Entry([], []))
            if known.journals:
                hint = f"receipt close --journal {known.journals[0].path} --account {account}"
                message = f"{account} is closed from a journal: a statement in a batch as well would be a second story"
                raise CliError(message, hint)
            told = [*known.batches, *[""] * (number + 1 - len(known.batches))]
            if told[number] not in ("", digest.hex()):
                warn(f"another statement {number} of {account} was signed before: both together are proof against you, so never send both")  # fmt: skip
            else:
                told[number] = digest.hex()
            self._note(account, _Entry([], told))

    def _note(self, account: str, entry: _Entry) -> None:
        known = self._read()
        if known.get(account) == entry:
            return
        document = {name: _as_dict(one) for name, one in (known | {account: entry}).items()}
        with output_file(str(self._path), mode=0o600) as stream:
            stream.write(json.dumps(document, indent=2).encode() + b"\n")

    def _read(self) -> dict[str, _Entry]:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        try:
            return {account: _entry(one) for account, one in json.loads(data).items()}
        except (ValueError, LookupError, TypeError, AttributeError):
            raise CliError(f"{self._path} is damaged", _DAMAGED) from None


def _entry(document: dict[str, Any]) -> _Entry:
    places = [Place(one["id"], one["path"]) for one in document.get("journals", ())]
    return _Entry(places, [str(digest) for digest in document.get("batches", ())])


def _as_dict(entry: _Entry) -> dict[str, Any]:
    if entry.journals:
        return {"journals": [{"id": one.journal, "path": one.path} for one in entry.journals]}
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
    raise CliError(message, hint)
