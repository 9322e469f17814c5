"""What a server knows of its answer that the answer does not say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from receipts.callers import Asked
from receipts.emitting.endpoints import Endpoint


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an answer comes from.

    Attributes:
        provider: whose usage object it has; None: as the emitter was told, or as the path has it.
        request: the id of its receipt, where the answer has another one each time it is given; None: that of the answer.
        stored: whether it was kept from an earlier request, so that no model was asked: nothing is billed anew.
    """

    provider: str | None = None
    request: str | None = None
    stored: bool = False


OriginOf = Callable[[Asked, Endpoint, str | None], Origin]
"""Says it of the answer to a request, at an API, with an id, or without one."""
