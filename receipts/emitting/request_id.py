"""Under which id a request gets its receipt: that of its answer, unless there is none, or the client chose it.

One request has one receipt, so a client that chose the id of its answers would pay for one of them only. vLLM makes the id of an
answer from the header ``X-Request-Id`` and from ``request_id`` in the body, SGLang takes ``rid`` in the body.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from uuid import uuid4

from receipts import limits
from receipts.callers import Asked
from receipts.errors import ReceiptError

_IDS: Final = (b"request-id", b"correlation-id", b"trace-id", b"idempotency-key", b"traceparent")
"""Ends of the names of headers in which clients name their requests."""
_MEMBERS: Final = ("request_id", "rid")
"""The members of bodies that do."""


def new_id() -> str:
    """An id of the server's own."""
    return f"req_{uuid4().hex}"


def is_usable(answered: str | None, asked: Asked) -> bool:
    """Whether the id of an answer can be that of its receipt: it is a name, and not chosen by the client. In a body that cannot be read here, a server may read a name."""
    if answered is None:
        return False
    try:
        limits.name("request", answered)
    except ReceiptError:
        return False
    return asked.is_open and not any(chosen in answered for chosen in _chosen(asked))


def _chosen(asked: Asked) -> Iterator[str]:
    for name, value in asked.headers:
        if value and name.endswith(_IDS):
            yield value.decode("latin-1")
    for member in _MEMBERS:
        named = asked.document.get(member)
        for one in named if isinstance(named, list) else [named]:
            if isinstance(one, str) and one:
                yield one
