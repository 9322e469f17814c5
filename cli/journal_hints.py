"""The next step after an error of a journal: another one for a file than for a database."""

from __future__ import annotations

import re
from typing import Final

from receipts import JournalError
from receipts.journal import is_url

_SERVER: Final = "is the server up, and does the role have the rights of docs/provider.md, Many machines, one journal?"
_THERE: Final = "is this the URL that the gateway has? Its first start makes the tables"
_PASSWORD: Final = (
    "is this the role's password? PGPASSWORD or ~/.pgpass has it, as for every client of PostgreSQL"  # noqa: S105  # none
)
_URL: Final = "look at the spelling of the URL: postgresql://role@host/database"
_BY_MESSAGE: Final = (
    (re.compile(r'database "[^"]*" does not exist'), "create the database, or look at its name at the end of the URL"),
    (re.compile(r"password authentication failed|no password supplied"), _PASSWORD),
    (re.compile(r"is a database, but not a journal$"), _THERE),
    (re.compile(r"is no host name$"), _URL),
)  # fmt: skip
"""What libpq, the server or the store say, which have no code while a connection is made."""

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|postgres(ql)?:", re.IGNORECASE)
"""How a URL begins that is no place of a journal: its scheme is mistyped."""


def journal_hint(error: JournalError, of_file: str) -> str | None:
    """The hint for an error of a journal.

    Args:
        error: its message begins with the journal's place.
        of_file: the hint for a journal in a file.
    """
    message = str(error)
    if not is_url(message):
        return _URL if _SCHEME.match(message) else of_file
    if isinstance(error.__cause__, ImportError):  # which says what to install
        return None
    return next((hint for found, hint in _BY_MESSAGE if found.search(message)), _SERVER)
