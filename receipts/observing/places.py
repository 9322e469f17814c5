"""Which provider answers at a host, and which of its APIs at a path.

A host that no provider's documentation names (a gateway, one of your own) is named by the caller.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from receipts.ingest import api_at, provider_at

_FILE: Final = re.compile(r"/files/[^/]+/content/?$")
"""The results of a batch of OpenAI's, whatever its API."""
_UNBILLED: Final = re.compile(
    r"/(?:cancel|count_tokens|moderations|batches|files|uploads)/?$|:countTokens$"
)


def provider_of(host: str, named: Mapping[str, str]) -> str | None:
    """Who answers at a host; None: it is not known.

    Args:
        host: with its port, unless that is the scheme's own.
        named: the provider of other hosts, with or without a port.
    """
    host = host.lower()
    name = host.partition(":")[0]
    own = named.get(host, named.get(name))
    if own is not None:
        return own
    return provider_at(host)


def api_of(path: str, usage: Mapping[str, Any]) -> str | None:
    """The API that answers at a path, and in the file of a batch's results the one whose usage it is; None: it is not known."""
    if is_batch_file(path):
        if "input_tokens" in usage:
            return "responses"
        return "chat.completions" if "completion_tokens" in usage else "embeddings"
    return api_at(path)


def is_billed(path: str) -> bool:
    """Whether a call of this path may be billed (spec/record.md, A call)."""
    return _UNBILLED.search(path) is None


def is_batch_file(path: str) -> bool:
    """Whether a file of results was fetched there."""
    return _FILE.search(path) is not None
