"""The body of a request, and what of its prefixes is known before its answer: this takes longer, the longer the prompt is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from receipts.errors import ReceiptError
from receipts.once import once
from receipts.prefixes.text_prefixes import MarkedBlocks, MarkedPrefixes, marked_blocks


class Prompt:
    """The body of a request.

    Args:
        body: as the customer sent it.

    Attributes:
        sent: its prefixes, where they were found before the answer (`Identifiers.look_ahead`).
    """

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body = body
        self.sent: MarkedPrefixes | None = None

    @once
    def marked(self) -> MarkedBlocks | None:
        """Its blocks and breakpoints; None: it has none that say for certain where a prefix ends, or is of another API, or no JSON."""
        try:
            return marked_blocks(self.body)
        except ReceiptError:
            return None
