"""Values of the tables of finance.toml, as TOML or as the text of a CSV cell."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from fractions import Fraction
from typing import Final

from attribution.money import exact, picounits
from receipts import TomlMember

_IDENTIFIER: Final = re.compile(r"(?:[0-9a-f]{2}){1,64}")
_MOST: Final = 2**63 - 1
_DIGITS: Final = re.compile(r"[0-9]{1,19}")


def count(member: TomlMember) -> int:
    """A whole number of at least 0.

    Raises:
        TomlFileError: it is none.
    """
    value = member.value
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
        raise member.error("a whole number of at least 0")
    return value


def amount(member: TomlMember) -> int:
    """An amount of the currency as a decimal text, in picounits.

    Raises:
        TomlFileError: it is none, or finer than a picounit.
    """
    found = picounits(member.value) if isinstance(member.value, str) else None
    if found is None:
        raise member.error('a decimal text of at most 12 places, like "12.50"')
    return found


def share(member: TomlMember) -> Fraction:
    """A decimal text from 0 to 1.

    Raises:
        TomlFileError: it is none.
    """
    found = exact(member.value) if isinstance(member.value, str) else None
    if found is None or not 0 <= found <= 1:
        raise member.error('a decimal text from 0 to 1, like "0.20"')
    return found


def moment(member: TomlMember) -> int:
    """A time with its offset, as TOML time or RFC 3339 text, in ms.

    Raises:
        TomlFileError: it is none.
    """
    found = member.value
    if isinstance(found, str):
        try:
            found = datetime.fromisoformat(found)
        except ValueError:
            found = None
    if not isinstance(found, datetime) or found.tzinfo is None:
        raise member.error("a time with its offset, like 2026-10-07T09:00:00Z")
    since = found - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def names(member: TomlMember) -> list[TomlMember]:
    """An array of texts, each once; in a CSV cell they stand with spaces between them, and an empty one has none.

    Raises:
        TomlFileError: it is none.
    """
    if isinstance(member.value, str):
        words = member.value.split()
        member = TomlMember(member.file, member.places, member.path, words)
    return member.texts() if member.value else []


def identifier(member: TomlMember) -> str:
    """The identifier of a prefix: lower-case hexadecimal.

    Raises:
        TomlFileError: it is none.
    """
    text = member.text()
    if not _IDENTIFIER.fullmatch(text):
        raise member.error("an identifier of 1 to 64 bytes in lower-case hexadecimal")
    return text
