"""A report checked with its inputs at hand: the verification is done again, and both reports are compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from cli.terminal import CliError
from cli.trust_store import TrustStore
from cli.verifying import Asked, verified
from verifier import as_object, canonical

MOST: Final = 20
"""Differences that are told."""
_ROLES: Final = {
    "batch": "batch", "keys": "keys", "previous": "previous", "memory": "memory", "card": "cards",
    "requests": "requests", "received": "received", "prompts": "prompts",
}  # fmt: skip
_SINGLE: Final = {"cache-key": "cache_key", "aliases": "aliases"}
_LOG: Final = "-wal"
"""What SQLite keeps beside a wallet is bound too, and read with it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A member in which two reports differ, and what each has there; None: nothing."""

    member: str
    report: Any
    here: Any


@dataclass(slots=True)
class Recheck:
    """What came of it.

    Attributes:
        missing: inputs that are not at hand, as the report names them; then it was not done again.
        same: whether both reports are the same, byte for byte.
        differences: where they differ.
        more: how many other differences there are.
        signers: issuer and ``kid`` of the trusted keys that counted, if it was done again.
    """

    missing: list[dict[str, Any]] = field(default_factory=list)
    same: bool = False
    differences: list[Difference] = field(default_factory=list)
    more: int = 0
    signers: list[tuple[str, str]] = field(default_factory=list)

    @property
    def only_versions(self) -> bool:
        """Whether they differ in who made them, and in nothing else."""
        members = {one.member.partition(".")[0] for one in self.differences}
        return bool(members) and members <= {"verifier", "specification"} and not self.more


def at_hand(document: dict[str, Any], names: Sequence[str], store: TrustStore) -> dict[str, str]:
    """The files that the report binds, by SHA-256: those that are given, and pins and memory of the trust store.

    Raises:
        CliError: a given file is none of them.
        OSError: one cannot be read.
    """
    wanted = {one["sha256"] for one in document["inputs"]}
    beside = document["findings_csv"]
    found = {digest: str(path) for path in store.files() if (digest := _hashed(path)) in wanted}
    for name in names:
        digest = _hashed(Path(name))
        if digest not in wanted and digest != (beside or {}).get("sha256"):
            hint = "a report is about the files that it names; see receipt report show"
            raise CliError(f"{name} is none of its inputs: its SHA-256 is {digest}", hint)
        found[digest] = name
    return found


def _hashed(path: Path) -> str:
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def recheck(
    document: dict[str, Any], data: bytes, files: Mapping[str, str], store: TrustStore, jobs: int
) -> Recheck:
    """Do the verification again, if all inputs are at hand, and compare.

    Args:
        document: the report.
        data: its canonical form.
        files: paths by SHA-256 (`at_hand`).
        store: where nothing is taken from but what ``files`` names.
        jobs: processes that check receipts.

    Raises:
        CliError: an input cannot be used.
    """
    missing = [one for one in document["inputs"] if one["sha256"] not in files]
    if missing:
        return Recheck(missing)
    with TemporaryDirectory(prefix="receipt-report-") as folder:
        asked = _asked(document, files, Path(folder), jobs)
        report = verified(asked, store, figures=True)
    report.dated = None if document["dated"] is None else int(document["dated"])
    signers = [(key.issuer, key.kid) for key in report.named]
    here = as_object(report)
    if canonical(here) == data:
        return Recheck(same=True, signers=signers)
    found = list(_differences(document, here, ""))
    return Recheck(differences=found[:MOST], more=max(0, len(found) - MOST), signers=signers)  # fmt: skip


def _asked(document: dict[str, Any], files: Mapping[str, str], folder: Path, jobs: int) -> Asked:
    """The same files and options, under the names that the report gives them."""
    given: dict[str, list[str]] = {}
    for place, one in enumerate(document["inputs"]):
        if not one["name"].endswith(_LOG):
            path = _linked(folder / str(place), one["name"], files[one["sha256"]])
            given.setdefault(one["role"], []).append(path)
    files_of: dict[str, Any] = {name: tuple(given.get(role, ())) for role, name in _ROLES.items()}
    files_of |= {name: given.get(role, [None])[0] for role, name in _SINGLE.items()}
    options = document["options"]
    period = options["period"]
    return Asked(
        **files_of, period=None if period is None else (int(period["start"]), int(period["end"])),
        account=options["account"], require_cache_id=options["require_cache_id"], observer=tuple(options["observers"]),
        signatures=options["signatures"], margin=int(options["margin"] or 0) // 1000, jobs=jobs, alone=True,
    )  # fmt: skip


def _linked(folder: Path, name: str, target: str) -> str:
    """A file under another name, which must be no more than a name: the report may come from anybody."""
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise CliError(f"the report names a file {name!r}", "no verifier writes such a report")
    folder.mkdir()
    path = folder / name
    path.symlink_to(Path(target).resolve())
    return str(path)


def _differences(report: Any, here: Any, member: str) -> Iterator[Difference]:
    if isinstance(report, dict) and isinstance(here, dict):
        for name in sorted({*report, *here}):
            inner = f"{member}.{name}" if member else name
            yield from _differences(report.get(name), here.get(name), inner)
    elif isinstance(report, list) and isinstance(here, list):
        for place in range(max(len(report), len(here))):
            one, two = (side[place] if place < len(side) else None for side in (report, here))
            yield from _differences(one, two, f"{member}[{place}]")
    elif report != here or type(report) is not type(here):
        yield Difference(member, report, here)
