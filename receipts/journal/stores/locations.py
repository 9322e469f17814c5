"""Where a journal is: the path of a file, or the URL of a database. Nothing that is shown of a URL has its password."""

from __future__ import annotations

import re
from typing import Final

from receipts.errors import JournalError

EXPECTED: Final = (
    "postgresql://user:password@host:port/database, in which signs such as @ : / ? # % in a name or a password are"
    " percent-encoded"
)
"""What the URL of a database looks like."""
_SCHEMES: Final = ("postgresql", "postgres")
_NOWHERE: Final = re.compile(r"\s*|:memory:")
"""What SQLite keeps in no file: its receipts would be lost."""
_MISTYPED: Final = re.compile(r"(postgres(?:ql)?:)(?!//).*", re.DOTALL | re.IGNORECASE)
"""A URL that would be the name of a file."""
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_WHOLE: Final = re.compile(
    r"(?P<user>[^:/?#@]*)(?P<password>:[^:/?#@]*)?@(?P<rest>[^@]*)"  # as libpq takes it apart
    r"|(?P<hosts>[^@/?#:]*(:[0-9]*)?(,[^@/?#:]*(:[0-9]*)?)*|\[[0-9A-Fa-f:.%]*\](:[0-9]*)?)(?P<more>[/?][^@]*)?",
    re.DOTALL,
)
_SECRET: Final = re.compile(r"(?<=[?&])(password|sslpassword)=[^&]*&?", re.IGNORECASE)


def is_url(location: str) -> bool:
    """Whether a location names a server, and no file."""
    found = _URL.fullmatch(location)
    return found is not None and found[1] in _SCHEMES


def check_location(location: str) -> None:
    """Make sure that a location is a path or the URL of a database that can be a journal's, taken apart without doubt.

    Raises:
        JournalError: it is empty or no place, has another scheme, or a user or password with signs that must be percent-encoded.
    """
    found = _URL.fullmatch(location)
    is_none = _NOWHERE.fullmatch(location) or _MISTYPED.fullmatch(location)
    if is_none or (found is not None and found[1] not in _SCHEMES):
        named = shown(location) if location.strip() else repr(location)
        raise JournalError(
            f"{named} is no place of a journal: expected the path of a file, or postgresql://..."
        )
    if found is None:
        return
    if _WHOLE.fullmatch(found[2]) is None:
        raise JournalError(f"{shown(location)}: the URL cannot be read: expected {EXPECTED}")


def shown(location: str) -> str:
    """A location as messages, log lines and files say it: of a URL, without its password.

    Of a URL that cannot be taken apart without doubt, only the scheme is shown: any part of it may be a password's.
    """
    found, mistyped = _URL.fullmatch(location), _MISTYPED.fullmatch(location)
    if mistyped is not None:
        return f"{mistyped[1]}..."
    if found is None:
        return location
    scheme, rest = found.groups()
    parts = _WHOLE.fullmatch(rest)
    if parts is None:
        return f"{scheme}://..."
    if parts["rest"] is not None:
        user = f"{parts['user']}@" if parts["user"] else ""
        rest = user + parts["rest"]
    return f"{scheme}://{_SECRET.sub('', rest).rstrip('?&')}"
