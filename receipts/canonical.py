"""JSON in the form of RFC 8785: by the standard library where that gives the same bytes, else by ``rfc8785``, which is slower."""

from __future__ import annotations

import json
from typing import Any, Final

import rfc8785

_MAX_DEPTH: Final = 90
"""A verifier reads prompts of up to 100 levels, of which the body around a block has some."""
_MAX_INTEGER: Final = 2**53 - 1
_encode: Final = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False
).encode


class CanonicalError(ValueError):
    """A value has no form of RFC 8785, or is nested too deeply."""


def canonical_json(value: Any) -> bytes:
    """The form of a value.

    Raises:
        CanonicalError: it has none: a number is not finite or is an integer beyond 2^53, a text has no UTF-8 form, it is no JSON at
            all; or it is nested too deeply.
    """
    try:
        return _encode(value).encode() if _is_plain(value) else rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as error:
        raise CanonicalError(str(error)) from None
    except UnicodeEncodeError:
        raise CanonicalError("input contains non-UTF-8 codepoints") from None


def _is_plain(value: Any) -> bool:
    """Whether ``json`` writes it as RFC 8785 says: no fractions, integers of 53 bits, and keys in ASCII, whose order is one in UTF-8 and in UTF-16.

    What is no JSON at all is not plain.
    """
    plain, level = True, [value]
    for _ in range(_MAX_DEPTH):
        inner: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is dict:
                plain = plain and all(type(key) is str and key.isascii() for key in item)
                inner += item.values()
            elif kind is list:
                inner += item
            elif kind is int:
                plain = plain and -_MAX_INTEGER <= item <= _MAX_INTEGER
            elif kind is not str and kind is not bool and item is not None:
                plain = False
        if not inner:
            return plain
        level = inner
    raise CanonicalError(f"more than {_MAX_DEPTH} levels of nesting")
