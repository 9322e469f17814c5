"""What a request sent, as identifiers of its prefixes: they tell nothing of the text to whoever does not have it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from receipts.cache_id import CacheKey
from receipts.prefixes import MarkedPrefixes, marked_prefixes


def sent_prefixes(
    body: bytes | Mapping[str, Any], model: str, time: int, key: CacheKey
) -> MarkedPrefixes | None:
    """The prefixes of a request body.

    Args:
        body: as it was sent, or decoded.
        model: as the receipt will name it.
        time: that of the receipt, in ms.
        key: the account's cache key.

    Returns:
        None: the body is none with blocks, or where its prefixes end is not certain (`receipts.prefixes.marked_prefixes`).
    """
    try:
        document = json.loads(body) if isinstance(body, bytes) else body
        if not isinstance(document, Mapping):
            return None
        return marked_prefixes(key.for_time(time), model, document)
    except (ValueError, RecursionError):  # no JSON, or what has no form of RFC 8785
        return None
