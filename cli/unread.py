"""What the usage of a file states and no receipt says: a new field that bills is noticed on the day it appears."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from cli.terminal import plural, warn
from cli.usage import Entry


@dataclass(frozen=True, slots=True)
class Unread:
    """A member that was not read: of which API, why, in how many lines, and in which one first."""

    member: str
    provider: str
    api: str
    reason: str
    lines: int
    line: int

    def document(self) -> dict[str, Any]:
        """The same for ``--json``."""
        return asdict(self)


def unread(entries: Iterable[Entry]) -> list[Unread]:
    """The members that were not read, the most frequent ones first."""
    lines: dict[tuple[str, str, str], list[int]] = {}
    reasons: dict[tuple[str, str, str], str] = {}
    for entry in entries:
        for member, reason in entry.unread.items():
            key = member, entry.source.provider, entry.source.api
            lines.setdefault(key, []).append(entry.line)
            reasons.setdefault(key, reason)
    found = [Unread(*key, reasons[key], len(where), where[0]) for key, where in lines.items()]
    return sorted(found, key=lambda one: (-one.lines, one.line))


def tell(found: Iterable[Unread]) -> None:
    """Name them on stderr, one a line."""
    for one in found:
        warn(
            f"not read: {one.member} of {one.provider} {one.api}, {plural(one.lines, 'line')},"
            f" first in line {one.line}: {one.reason}"
        )
