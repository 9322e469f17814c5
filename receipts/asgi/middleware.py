"""`ReceiptMiddleware`: which requests are watched, who is billed for them, and what happens if no receipt can be issued."""

from __future__ import annotations

import logging
from collections.abc import Callable

from receipts.asgi.answer import Answer, api_of, provider_of
from receipts.asgi.counters import Counters
from receipts.asgi.exchange import Exchange
from receipts.asgi.protocol import App, Receive, Scope, Send
from receipts.asgi.settings import SettingError, from_environment
from receipts.errors import JournalError, KeyFileError, NoKeyError, ReceiptError, UsageError
from receipts.header import CLIENT, parse_byte_sequence
from receipts.ingest import is_known, take_usage
from receipts.journal import Journal
from receipts.limits import MAX_OCTETS
from receipts.request import Request

_log = logging.getLogger("receipts.asgi")


class ReceiptMiddleware:
    """Issues a receipt for each response that reports usage.

    Args:
        app: the application.
        journal: where receipts are issued. Default: as the environment says, opened with the first request.
        account: who is billed, or a function of the ASGI scope that says so; None from it: no receipt.
        provider: whose API it is, for instance ``vllm``; default: openai or anthropic, by the path. What another one says is
            read as the path has it.
    """

    def __init__(
        self,
        app: App,
        *,
        journal: Journal | None = None,
        account: str | Callable[[Scope], str | None] | None = None,
        provider: str | None = None,
    ) -> None:
        if (journal is None) != (account is None):
            raise TypeError("give both journal and account, or neither")
        self.app = app
        self.counters = Counters()
        self._journal = journal
        self._account = account
        self._provider = provider

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI 3)."""
        api = api_of(scope["path"]) if scope["type"] == "http" else None
        if api is None or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return

        async def issue(answer: Answer) -> bytes | None:
            return await self.issue(scope, answer)

        exchange = Exchange(Answer(api), self.counters, issue, send)
        try:
            await self.app(scope, receive, exchange.send)
        finally:
            if exchange.open:
                self.counters.hung_up += 1

    async def issue(self, scope: Scope, answer: Answer) -> bytes | None:
        """The receipt for an answer; None if there is none, which is counted and logged."""
        if not answer.usage or answer.id is None:
            self.counters.without_usage += 1
            return None
        try:
            receipt = await self._issue(scope, answer, answer.id)
        except (JournalError, NoKeyError, SettingError, KeyFileError, OSError) as error:
            self.counters.failed += 1
            _log.error("no receipt for %a: %s", answer.id, error)  # the message says it all
        except (UsageError, ReceiptError) as error:
            self.counters.refused += 1
            _log.warning("no receipt for %a: %s", answer.id, error)
        else:
            self.counters.issued += receipt is not None
            return receipt
        return None

    async def _issue(self, scope: Scope, answer: Answer, request: str) -> bytes | None:
        journal, account = self._place(scope)
        if account is None:
            return None
        shape = provider_of(answer.api)
        provider = self._provider or shape
        given = None if is_known(provider, answer.api) else shape
        reading, source = take_usage(provider, answer.api, answer.said, shape=given)
        model = answer.model or ""
        told: Request = {
            "request": request, "model": model, "counts": reading.counts, "source": source,
            "client": _client(scope),
        }  # fmt: skip
        if (models := reading.by_model(model)) is not None:
            told["models"] = models
        return (await journal.issue_async(account, **told)).data

    def _place(self, scope: Scope) -> tuple[Journal, str | None]:
        if self._journal is None:
            settings = from_environment()
            self._journal, self._account = settings.journal, settings.account
            self._provider = self._provider or settings.provider
        account = self._account(scope) if callable(self._account) else self._account
        return self._journal, account


def _client(scope: Scope) -> bytes | None:
    """The customer's commitment; one that is malformed is left out, and the customer will miss it."""
    values = [value for name, value in scope["headers"] if name == CLIENT]
    commitment = parse_byte_sequence(values[0]) if len(values) == 1 else None
    return commitment if commitment and len(commitment) <= MAX_OCTETS else None
