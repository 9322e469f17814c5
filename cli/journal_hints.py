"""The next step after an error of a journal: another one for a file than for a database."""

from __future__ import annotations

from typing import Final

from receipts import JournalError
from receipts.journal import is_url

_SERVER: Final = "is the server up, and does the role have the rights of docs/provider.md, Many machines, one journal?"


def journal_hint(error: JournalError, of_file: str) -> str | None:
    """The hint for an error of a journal.

    Args:
        error: its message begins with the journal's place.
        of_file: the hint for a journal in a file.
    """
    if not is_url(str(error)):
        return of_file
    return (
        None if isinstance(error.__cause__, ImportError) else _SERVER
    )  # which says what to install
