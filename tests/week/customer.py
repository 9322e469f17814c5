"""The customer: the official clients, and plain httpx, all behind one wallet."""

from __future__ import annotations

import asyncio
from functools import cache
from types import ModuleType
from typing import Any

import anthropic
import httpx
import httpx2
import openai

from receipts.wallet import Wallet
from tests.week.network import API, KEYS, OLD, OTHER, Network, transports
from tests.week.plans import MODELS, Plan

PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
_ASK = [{"role": "user", "content": "hi"}]
_TOOL = {"name": "look_up", "parameters": {"type": "object", "properties": {}}}
_TOOLS = {
    "chat": [{"type": "function", "function": _TOOL}],
    "responses": [{"type": "function", "strict": False, **_TOOL}],
    "messages": [{"name": "look_up", "input_schema": _TOOL["parameters"]}],
}
_NEVER_BILLED = ("upload", "count", "moderation")
_ERRORS = (openai.OpenAIError, anthropic.AnthropicError, httpx.HTTPError, httpx2.HTTPError)


def _library(client: Any) -> ModuleType:
    return httpx2 if isinstance(client._client, httpx2.Client) else httpx


_LIBRARIES = {"openai": _library(openai.OpenAI(api_key="x")), "anthropic": _library(anthropic.Anthropic(api_key="x"))}  # fmt: skip
_CLIENTS = {
    ("openai", False): openai.OpenAI,
    ("openai", True): openai.AsyncOpenAI,
    ("anthropic", False): anthropic.Anthropic,
    ("anthropic", True): anthropic.AsyncAnthropic,
}


class Customer:
    """Makes calls as plans say.

    Args:
        wallet: notes them.
        network: where they go.
    """

    def __init__(self, wallet: Wallet, network: Network) -> None:
        self._wallet, self._network = wallet, network
        self._client = cache(self._make)
        sync, _ = transports(network, httpx)
        self._plain = httpx.Client(transport=wallet.transport(httpx, sync))
        self.gave_up = 0
        """Calls that came to nothing in the client."""

    def _make(self, vendor: str, account: str, host: str = API, *, later: bool = False) -> Any:
        """A client; ``later``: an async one."""
        library = _LIBRARIES[vendor]
        sync, deferred = transports(self._network, library)
        http = (
            library.AsyncClient(
                transport=self._wallet.async_transport(library, deferred), follow_redirects=True
            )
            if later
            else library.Client(
                transport=self._wallet.transport(library, sync), follow_redirects=True
            )
        )
        url = f"https://{host}" + ("/v1" if vendor == "openai" else "")
        return _CLIENTS[vendor, later](
            base_url=url, api_key=KEYS[account], http_client=http, max_retries=2
        )

    def clients(self, plan: Plan, host: str = API) -> tuple[Any, Any]:
        """Both vendors' clients, for a plan's account."""
        return self._client("openai", plan.account, host), self._client(
            "anthropic", plan.account, host
        )

    def call(self, plan: Plan) -> None:
        """Make the call of a plan, and read its answer to the end."""
        if not plan.official:
            self._plainly(plan)
            return
        try:
            self._special(plan)
        except _ERRORS:
            self.gave_up += 1

    def _special(self, plan: Plan) -> None:
        if plan.kind in _NEVER_BILLED or plan.kind in ("background", "batch"):
            self._begin(plan, *self.clients(plan), {"x-plan": str(plan.number)})
        elif plan.kind == "cancelled":
            answer = _ask(plan, *self.clients(plan))
            next(iter(answer))
            answer.close()
        elif plan.kind == "other":
            _read(plan, _ask(plan, self._client("openai", "somebody", OTHER), None))
        else:
            for _ in range(2 if plan.kind == "replayed" else 1):
                _read(
                    plan, _ask(plan, *self.clients(plan, OLD if plan.kind == "redirected" else API))
                )

    def _begin(self, plan: Plan, chat: Any, claude: Any, number: dict[str, str]) -> None:
        """What is never billed, and what is only begun."""
        match plan.kind:
            case "upload":
                chat.files.create(file=("f.jsonl", b"{}"), purpose="batch", extra_headers=number)
            case "count":
                claude.messages.count_tokens(
                    model="claude-sonnet-4-6", messages=_ASK, extra_headers=number
                )
            case "moderation":
                chat.moderations.create(input="hi", extra_headers=number)
            case "background":
                chat.responses.create(
                    model="gpt-5.2", input="hi", background=True, extra_headers=number
                )
            case _:
                self._batch(plan, chat, claude, number)

    def _batch(self, plan: Plan, chat: Any, claude: Any, number: dict[str, str]) -> None:
        if plan.api == "messages":
            one = {
                "custom_id": "0",
                "params": {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": _ASK},
            }
            claude.messages.batches.create(requests=[one], extra_headers=number)
        else:
            chat.batches.create(
                input_file_id="file-1",
                endpoint="/v1/chat/completions",
                completion_window="24h",
                extra_headers=number,
            )

    def fetch(self, plan: Plan) -> None:
        """Fetch what a call before had made: a background response, or the results of a batch."""
        chat, claude = self.clients(plan)
        if plan.kind == "background":
            assert chat.responses.retrieve(plan.id).status == "completed"
        elif plan.api == "messages":
            assert list(claude.messages.batches.results(f"msgbatch_{plan.number:05}"))
        else:
            made = chat.batches.retrieve(f"batch_{plan.number:05}")
            assert chat.files.content(made.output_file_id or "").text

    def _plainly(self, plan: Plan) -> None:
        """The same request, without a client around it."""
        body = {"model": MODELS[plan.api][0], "messages": _ASK} | (
            {"stream": True} if plan.stream else {}
        )
        name = "x-api-key" if plan.api == "messages" else "authorization"
        key = KEYS[plan.account] if plan.api == "messages" else f"Bearer {KEYS[plan.account]}"
        self._plain.post(
            f"https://{API}{PATHS[plan.api]}",
            json=body,
            headers={"x-plan": str(plan.number), name: key},
        )

    def call_together(self, plans: list[Plan]) -> None:
        """Calls of async clients, all at once."""

        async def one(plan: Plan) -> None:
            chat, claude = (
                self._client(vendor, plan.account, later=True) for vendor in ("openai", "anthropic")
            )
            answer = await _ask(plan, chat, claude)
            if plan.stream:
                async for _ in answer:
                    pass

        async def together() -> None:
            await asyncio.gather(*map(one, plans))

        self._network.loop.run_until_complete(together())


def _ask(plan: Plan, chat: Any, claude: Any) -> Any:
    """Ask one of the clients; of an async one, something to wait for."""
    model, more = MODELS[plan.api][0], {"extra_headers": {"x-plan": str(plan.number)}}
    if plan.tool:
        more["tools"] = _TOOLS[plan.api]
    if plan.stream:
        more["stream"] = True
    if plan.api == "messages":
        return claude.messages.create(model=model, max_tokens=9, messages=_ASK, **more)
    if plan.api == "responses":
        return chat.responses.create(model=model, input="hi", **more)
    if plan.stream and plan.kind != "without usage":
        more["stream_options"] = {"include_usage": True}
    return chat.chat.completions.create(model=model, messages=_ASK, **more)


def _read(plan: Plan, answer: Any) -> None:
    """Read an answer to its end."""
    if plan.stream:
        with answer:
            for _ in answer:
                pass
