"""OpenAI's usage: quantities, no amounts (GET /v1/organization/usage/completions, grouped by model)."""

from __future__ import annotations

from typing import Final

from attribution.money.reconcile.document import Node
from attribution.money.reconcile.invoice import Invoice, Key, Naming
from attribution.money.reconcile.pages import results

_LINES: Final = ("uncached", "cached", "write", "output")
_COUNTS: Final = (
    "input_tokens", "input_cached_tokens", "input_cache_write_tokens", "input_uncached_tokens", "output_tokens",
)  # fmt: skip
_AUDIO: Final = ("input_audio_tokens", "output_audio_tokens")
_MEMBERS: Final = (
    *_COUNTS, *_AUDIO, "object", "num_model_requests", "project_id", "user_id", "api_key_id", "model", "batch", "service_tier",
)  # fmt: skip


def fold(model: str, line: str) -> tuple[str, str] | None:
    """What it calls a line; it does not tell TTLs apart."""
    if line.startswith("write."):
        return model, "write"
    return (model, line) if line in _LINES else None


def read(file: str, data: bytes, naming: Naming, invoice: Invoice) -> None:
    """Add the results of a file.

    Raises:
        InvoiceError: it is none, or its counts do not sum.
    """
    for day, result in results(file, data, "start_time", _MEMBERS, invoice):
        model = result.get("model")
        if model is None:
            invoice.skip("usage that is not grouped by model")
            continue
        for name in _AUDIO:
            audio = result.get(name)
            if audio is not None and audio.count():
                invoice.skip(name)  # beside or inside of the other counts: it does not say
        called = naming.models.get(model.text(), f"openai/{model.text()}")
        for line, count in zip(_LINES, _counts(result), strict=True):
            invoice.add(Key(day, called, line), count, None)


def _counts(result: Node) -> tuple[int, int, int, int]:
    """Uncached, cached, written and output tokens."""
    whole, cached = result.member("input_tokens").count(), _or_zero(result, "input_cached_tokens")
    written, plain = _or_zero(result, "input_cache_write_tokens"), result.get("input_uncached_tokens")  # fmt: skip
    uncached = whole - cached - written
    if uncached < 0 or (plain is not None and plain.count() != uncached):
        node = plain or result.member("input_tokens")
        raise node.error("input_tokens to be cached, written and uncached ones", f"{whole}")
    return uncached, cached, written, result.member("output_tokens").count()


def _or_zero(result: Node, name: str) -> int:
    """A count that the API leaves out where a model has no such tokens."""
    node = result.get(name)
    return 0 if node is None else node.count()
