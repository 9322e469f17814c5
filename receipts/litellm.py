"""A LiteLLM proxy callback that issues a receipt for every successful call (extra ``litellm``).

In the proxy's configuration:

    litellm_settings:
      callbacks: receipts.litellm.receipt_logger

with the settings of `receipts.asgi.settings` in the environment. LiteLLM gives usage in OpenAI's shape, whoever the provider is: the
prompt includes what was read from a cache and what was written to it. The provider's name goes into the receipt.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from litellm.integrations.custom_logger import CustomLogger

from receipts.asgi import emitter_from_environment
from receipts.errors import JournalError, ReceiptError, UsageError
from receipts.ingest import canonical, take_usage
from receipts.journal import Journal

__all__ = ["ReceiptLogger", "receipt_logger"]

_API = "litellm"
_log = logging.getLogger("receipts.litellm")


class ReceiptLogger(CustomLogger):  # type: ignore[misc]  # LiteLLM ships no types
    """Issues from LiteLLM's success event.

    Args:
        journal: where receipts are issued. Default: as the environment says, opened with the first event.
        account: who is billed; default: RECEIPT_ACCOUNT.
    """

    def __init__(self, journal: Journal | None = None, account: str | None = None) -> None:
        super().__init__()
        if (journal is None) != (account is None):
            raise TypeError("give both journal and account, or neither")
        self._journal, self._account = journal, account
        self.issued = 0
        self.without_receipt = 0
        """Events whose usage is missing or contradicts itself, or that could not be written; the log says which."""

    async def async_log_success_event(
        self,
        kwargs: Mapping[str, Any],
        response_obj: Any,
        start_time: Any,  # noqa: ARG002
        end_time: Any,  # noqa: ARG002
    ) -> None:
        """LiteLLM's call after a success; for a stream, after its end, with the whole response."""
        response = response_obj.model_dump() if hasattr(response_obj, "model_dump") else {}
        usage = response.get("usage")
        if not isinstance(usage, Mapping):
            self.without_receipt += 1
            return
        try:
            await self._issue(str(kwargs.get("custom_llm_provider") or "litellm"), response, usage)
        except (UsageError, ReceiptError, JournalError) as error:
            self.without_receipt += 1
            _log.warning("no receipt for %a: %s", response.get("id"), error)
        else:
            self.issued += 1

    async def _issue(
        self, provider: str, response: Mapping[str, Any], usage: Mapping[str, Any]
    ) -> None:
        if self._journal is None or self._account is None:
            self._journal = emitter_from_environment().journal
            self._account = os.environ["RECEIPT_ACCOUNT"]
        said = {"usage": usage, "service_tier": response.get("service_tier")}
        reading, source = take_usage(_API, "chat.completions", said)
        await self._journal.issue_async(
            self._account, request=response.get("id") or "", model=response.get("model") or "",
            counts=reading.counts, source=replace(source, provider=canonical(provider), api=_API),
        )  # fmt: skip


receipt_logger = ReceiptLogger()
"""What the proxy's configuration names."""
