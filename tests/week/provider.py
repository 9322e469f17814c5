"""The server behind the real middleware: what it answers, and what it bills of calls that got no receipt with their response."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from receipts import Journal
from receipts.asgi import ReceiptMiddleware
from receipts.emitting import Emitter
from receipts.header import CLIENT, RECEIPT, byte_sequence, parse_byte_sequence
from receipts.ingest import read_usage, usage_hash
from receipts.request import Source
from tests.week.answers import DOCUMENTS, events
from tests.week.clock import WeekClock
from tests.week.plans import MODELS, PREFIXES, Plan

_NAMES = {"chat": ("openai", "chat.completions"), "responses": ("openai", "responses"), "messages": ("anthropic", "messages")}  # fmt: skip
RESULTS = 5
"""Of each batch."""
_NUMBER = re.compile(r"[_-](\d{5})")


@dataclass(frozen=True)
class Seen:
    """A POST that came to the provider, and what it was answered with; 0: nothing."""

    plan: Plan
    host: str
    path: str
    status: int
    commitment: bytes


class Provider:
    """All gateways of one provider: an ASGI application, and one middleware with a journal for each.

    Args:
        plans: how each request goes, by the number that it carries.
        journals: one for each gateway.
        clock: goes on while answers are made.
    """

    def __init__(
        self, plans: Sequence[Plan], journals: Sequence[Journal], clock: WeekClock
    ) -> None:
        self.plans, self.journals, self.clock = plans, journals, clock
        self.gateways = [
            ReceiptMiddleware(self, Emitter(journal, lambda asked: asked.context["account"]))
            for journal in journals
        ]
        self.seen: list[Seen] = []
        self.did: Counter[str] = Counter()
        self._commitments: dict[str, bytes] = {}

    def plan_of(self, headers: Mapping[str, str], path: str) -> Plan:
        """The plan that a request belongs to: the number is in a header, or in the path of what is fetched."""
        found = headers.get("x-plan") or _NUMBER.search(path)[1]  # type: ignore[index]
        return self.plans[int(found)]

    def see(
        self, plan: Plan, host: str, path: str, status: int, headers: Mapping[str, str]
    ) -> None:
        """Remember a request."""
        self.seen.append(Seen(plan, host, path, status, _commitment(headers)))

    async def __call__(self, scope, _receive, send):
        """Answer a request (ASGI 3)."""
        plan, path = scope["plan"], scope["path"]
        if scope["method"] == "POST":
            self._commitments[plan.id] = _commitment({n.decode(): v.decode() for n, v in scope["headers"]})  # fmt: skip
        self.clock.passes(200 + plan.number % 700)
        if scope["method"] == "GET":
            status, kind, parts = 200, "application/json", [self._fetched(plan, path)]
        elif plan.api in DOCUMENTS and plan.stream:
            status, kind, parts = 200, "text/event-stream", events(plan)
        else:
            status, kind, parts = (
                200,
                "application/json",
                [json.dumps(self._document(plan, path)).encode()],
            )
        headers = [(b"content-type", kind.encode()), *self._receipt(plan, scope)]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for part in parts:
            self.clock.passes(40)
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        self._bill_afterwards(plan, path)

    def _document(self, plan: Plan, path: str) -> dict[str, Any]:
        """The answer to a POST."""
        if path.endswith("/messages/batches"):
            return _claude_batch(plan, "in_progress")
        if path.endswith("/batches"):
            return _openai_batch(plan, "validating")
        if path.endswith("/files"):
            return {"id": f"file-{plan.number:05}", "object": "file", "bytes": 9, "created_at": 0, "filename": "f", "purpose": "batch",
                    "status": "processed"}  # fmt: skip
        if path.endswith("/count_tokens"):
            return {"input_tokens": 1000 + plan.number}
        if path.endswith("/moderations"):
            return {"id": plan.id, "model": "omni-moderation-latest", "results": []}
        whole = DOCUMENTS[plan.api](plan)
        if plan.kind == "background":
            whole |= {"status": "queued", "usage": None, "output": []}
        return whole

    def _fetched(self, plan: Plan, path: str) -> bytes:
        """The answer to a GET."""
        if path.endswith(("/results", "/content")):
            lines = [_result(plan, n) for n in range(RESULTS)]
            return b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        if "/responses/" in path:
            return json.dumps(DOCUMENTS[plan.api](plan)).encode()
        if "/batch_" in path:
            done = {"output_file_id": f"file-{plan.number:05}"}
            return json.dumps(_openai_batch(plan, "completed") | done).encode()
        return json.dumps(_claude_batch(plan, "ended")).encode()

    # What is billed without the middleware.

    def bill(
        self, plan: Plan, request: str, usage: Mapping[str, Any], *, final: bool = True, **more: Any
    ) -> bytes:
        """The receipt for a call. What is not final has no usage object that the customer could know."""
        provider, api = _NAMES[plan.api]
        reading = read_usage(provider, api, usage)
        source = Source(provider, api, usage_hash(usage) if final else None, reading.tier)
        issued = self.journals[plan.gateway].issue(
            plan.account,
            request=request,
            model=MODELS[plan.api][1],
            counts=reading.counts,
            source=source,
            **more,
        )
        return issued.data

    def _receipt(self, plan: Plan, scope) -> list[tuple[bytes, bytes]]:
        """The header of a background response that is fetched: the middleware is not asked for those."""
        if scope["method"] != "GET" or "/responses/" not in scope["path"]:
            return []
        data = self.bill(plan, plan.id, plan.usage, client=self._commitments[plan.id])
        return [(RECEIPT, byte_sequence(data))]

    def _bill_afterwards(self, plan: Plan, path: str) -> None:
        """Streams that broke off on the way, as far as they came; batches, when they have ended."""
        client = self._commitments.get(plan.id)
        partial = plan.kind == "cut" or (plan.kind == "cancelled" and plan.number % 2)  # fmt: skip
        if plan.api in DOCUMENTS and partial and plan.billed:
            self.bill(plan, plan.id, plan.usage, final=False, client=client)
        elif path.endswith("batches"):
            for n in range(RESULTS):
                one = result_plan(plan, n)
                self.bill(one, result_id(plan, n), one.usage)


def _commitment(headers: Mapping[str, str]) -> bytes:
    return parse_byte_sequence(headers.get(CLIENT.decode(), "").encode()) or b""


def result_id(plan: Plan, n: int) -> str:
    """The id of a result of a batch."""
    return f"{PREFIXES[plan.api]}{plan.number:05}x{n}"


def result_plan(plan: Plan, n: int) -> Plan:
    """A result of a batch, as a call of its own."""
    usage = dict(plan.usage)
    if plan.api == "messages":
        usage |= {"output_tokens": usage["output_tokens"] + n, "service_tier": "batch"}
    return replace(plan, usage=usage, stream=False)


def _result(plan: Plan, n: int) -> dict[str, Any]:
    one = result_plan(plan, n)
    body = DOCUMENTS[plan.api](one) | {"id": result_id(plan, n)}
    if plan.api == "messages":
        return {"custom_id": str(n), "result": {"type": "succeeded", "message": body}}
    return {"id": f"r{n}", "custom_id": str(n), "response": {"status_code": 200, "request_id": "x", "body": body}, "error": None}  # fmt: skip


def _openai_batch(plan: Plan, status: str) -> dict[str, Any]:
    return {
        "id": f"batch_{plan.number:05}", "object": "batch", "status": status, "endpoint": "/v1/chat/completions", "created_at": 0,
        "completion_window": "24h", "input_file_id": f"file-{plan.number:05}",
    }  # fmt: skip


def _claude_batch(plan: Plan, status: str) -> dict[str, Any]:
    name = f"msgbatch_{plan.number:05}"
    counts = {"processing": 0, "succeeded": RESULTS, "errored": 0, "canceled": 0, "expired": 0}
    when = "2026-11-01T00:00:00Z"
    return {
        "id": name, "type": "message_batch", "processing_status": status, "request_counts": counts, "created_at": when,
        "expires_at": when, "ended_at": when, "archived_at": None, "cancel_initiated_at": None,
        "results_url": f"https://api.example.com/v1/messages/batches/{name}/results",
    }  # fmt: skip
