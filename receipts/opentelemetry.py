"""A span processor of OpenTelemetry that issues a receipt for each call of a model (extra ``opentelemetry``).

    processor = ReceiptSpanProcessor(Emitter(journal, named("acme.account", tags={"team": "acme.team"})))
    tracer_provider.add_span_processor(processor)

It reads the attributes of the semantic conventions for generative AI. The usage is what the instrumentation wrote down, and not the
object of the provider: the source of such a receipt is ``opentelemetry``. A span that is not recorded, because it was not sampled, has no
receipt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from threading import Condition
from typing import Any, Final

from opentelemetry.baggage import get_baggage
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import StatusCode

from receipts.callers import Asked, Caller
from receipts.emitting import Answer, Emitter, Endpoint, Exchange, Outcome
from receipts.issuer import Issued

__all__ = ["ReceiptSpanProcessor", "named"]

_USAGE: Final = "gen_ai.usage."
_INPUT: Final = "gen_ai.usage.input_tokens"
_CALLS: Final = ("chat", "text_completion", "generate_content", "embeddings")
"""The operations that are one call of a model."""
_OTHERS: Final = ("create_agent", "invoke_agent", "execute_tool", "invoke_workflow", "retrieval")
"""Those that are none. What they state of usage is that of the calls inside of them once more."""
_CALL: Final = Endpoint("gen_ai", "opentelemetry")
_EMBEDDINGS: Final = Endpoint("gen_ai.embeddings", "opentelemetry")


class ReceiptSpanProcessor(SpanProcessor):
    """Issues a receipt when the span of a call ends. It neither raises, nor holds up the thread that ends the span.

    A call that two instrumentations have seen has one receipt, if both of their spans have its response id: that of the span that ended
    first, which is the inner one.

    Args:
        emitter: issues, and counts (`Emitter.counters`). Its account function finds the span in ``asked.context["span"]``; `named` makes
            one from the names of attributes. It must not wait.
        baggage: names of baggage that are set as attributes of each span when it starts. Baggage comes with requests: take only what a
            client cannot set.
    """

    def __init__(self, emitter: Emitter, *, baggage: tuple[str, ...] = ()) -> None:
        self.emitter = emitter
        self._baggage = baggage
        self._changed = Condition()
        self._under_way = 0

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Take over the baggage that is named."""
        for name in self._baggage:
            value = get_baggage(name, parent_context)
            if isinstance(value, str):
                span.set_attribute(name, value)

    def on_end(self, span: ReadableSpan) -> None:
        """Ask for the receipt."""
        attributes = span.attributes or {}
        operation = attributes.get("gen_ai.operation.name")
        states_usage = any(name.startswith(_USAGE) for name in attributes)
        if operation in _OTHERS or not (operation in _CALLS or states_usage):
            return
        exchange = Exchange(self.emitter, _answer(span, attributes))
        if operation not in (None, *_CALLS):  # whether it sums up other calls is not known
            exchange.close(Outcome.UNREADABLE)
        elif exchange.begin_now(Asked("", context={"span": span})):
            ordered = exchange.order()
            if ordered is not None:
                self._begin(ordered)

    def _begin(self, ordered: Future[Issued]) -> None:
        with self._changed:
            self._under_way += 1
        ordered.add_done_callback(self._end)

    def _end(self, _: Future[Issued]) -> None:
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait until the receipts that were asked for are written, or have failed. False: that took too long."""
        with self._changed:
            return self._changed.wait_for(lambda: self._under_way == 0, timeout_millis / 1000)

    def shutdown(self) -> None:
        """The same. The journal stays open: it is closed by whoever opened it, after the tracer provider."""
        self.force_flush()


def _answer(span: ReadableSpan, attributes: Mapping[str, Any]) -> Answer:
    """What a span says of a call. Without a response id, the call is known by its span."""
    context = span.get_span_context()
    own = None if context is None else f"span_{context.trace_id:032x}{context.span_id:016x}"
    usage = {name: value for name, value in attributes.items() if name.startswith(_USAGE)}
    embeds = attributes.get("gen_ai.operation.name") == "embeddings"
    return Answer(
        _EMBEDDINGS if embeds else _CALL,
        id=_text(attributes, "gen_ai.response.id") or own,
        model=_text(attributes, "gen_ai.response.model") or _text(attributes, "gen_ai.request.model"),
        usage=usage if _INPUT in usage else {},
        failed=span.status.status_code is StatusCode.ERROR,
    )  # fmt: skip


def named(
    account: str, *, tags: Mapping[str, str] | None = None
) -> Callable[[Asked], Caller | None]:
    """Who is billed for a span, and its tags, by the attributes of the span, or else of its resource.

    Args:
        account: the name of the attribute with the account. A span without it bills nobody.
        tags: by tag, the name of the attribute. One that a span has not, it has no tag of.
    """

    def find(asked: Asked) -> Caller | None:
        span: ReadableSpan = asked.context["span"]
        known = {**span.resource.attributes, **(span.attributes or {})}
        who = _text(known, account)
        if who is None:
            return None
        told = {tag: _text(known, name) for tag, name in (tags or {}).items()}
        return Caller(who, {tag: value for tag, value in told.items() if value is not None})

    return find


def _text(attributes: Mapping[str, Any], name: str) -> str | None:
    value = attributes.get(name)
    return value if isinstance(value, str) and value else None
