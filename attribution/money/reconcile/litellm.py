"""LiteLLM's spend logs in JSON: a request each, with one amount for all of its lines; so its lines are those of a whole request.

Spend is what LiteLLM computed, and no invoice: it shows where a gateway and receipts part.
"""

from __future__ import annotations

from typing import Final

from attribution.money.reconcile.document import Node, Source
from attribution.money.reconcile.invoice import Invoice, Key, Naming

_MEMBERS: Final = (
    "request_id", "startTime", "endTime", "model", "custom_llm_provider", "prompt_tokens", "completion_tokens",
    "total_tokens", "spend", "call_type", "cache_hit", "status",
)  # fmt: skip
_ALL: Final = "request"
_CACHED: Final = "True"


def fold(model: str, _line: str) -> tuple[str, str]:
    """What it calls a line: all of them are one."""
    return model, _ALL


def read(file: str, data: bytes, naming: Naming, invoice: Invoice) -> None:
    """Add the requests of a file: an array of them, or one after the other.

    Raises:
        InvoiceError: it is none.
    """
    for value in Source(file, data).values():
        for row in value.items() if isinstance(value.value, list) else [value]:
            invoice.ignore(row.unknown(_MEMBERS))
            _add(row, naming, invoice)


def _add(row: Node, naming: Naming, invoice: Invoice) -> None:
    day, spend = row.member("startTime").day(), row.member("spend").amount()
    hit, model = row.get("cache_hit"), row.member("model").text()
    if hit is not None and hit.value == _CACHED and not spend.value:
        return  # LiteLLM's own cache answered: nobody was asked
    provider = row.get("custom_llm_provider")
    if model not in naming.models and provider is None:
        invoice.skip(f"model {model} without custom_llm_provider")
        return
    called = naming.models.get(model)
    if called is None and provider is not None:
        called = f"{provider.text()}/{model.removeprefix(f'{provider.text()}/')}"
    invoice.add(Key(day, called or model, _ALL), None, spend)
