"""OpenTelemetry GenAI: the ``gen_ai.usage.*`` attributes of a span. Subset: the input includes what was read and written.

The attribute of cache writes was renamed; both spellings are read. A span knows no TTL, so writes have key 0. An instrumentation that
leaves the cached tokens out of the input breaks the convention, and its span is refused where that shows.
Source: https://github.com/open-telemetry/semantic-conventions-genai (Development), gen_ai.usage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from receipts.errors import UsageError
from receipts.ingest.base import Reading, Tokens, Usage, check_parts, parse, split_writes
from receipts.request import Counts

_WRITE = "gen_ai.usage.cache_write.input_tokens"
_CREATION = "gen_ai.usage.cache_creation.input_tokens"


class _Attributes(Usage):
    input: Tokens = Field(alias="gen_ai.usage.input_tokens")
    output: Tokens = Field(alias="gen_ai.usage.output_tokens")
    read: Tokens | None = Field(None, alias="gen_ai.usage.cache_read.input_tokens")
    write: Tokens | None = Field(None, alias=_WRITE)
    creation: Tokens | None = Field(None, alias=_CREATION)
    reasoning: Tokens | None = Field(None, alias="gen_ai.usage.reasoning.output_tokens")


def span(attributes: Mapping[str, Any]) -> Reading:
    """Counts of a span.

    Raises:
        UsageError: a count is missing, or the attributes contradict each other.
    """
    parsed = parse(_Attributes, attributes)
    if parsed.write is not None and parsed.creation not in (None, parsed.write):
        raise UsageError(
            _CREATION, f"expected that of {_WRITE}, {parsed.write}, found {parsed.creation}"
        )
    written = parsed.creation if parsed.write is None else parsed.write
    counts = Counts(
        logical=parsed.input,
        cached=parsed.read,
        writes=split_writes(_WRITE, written, {}),
        output=parsed.output,
        reasoning=parsed.reasoning,
    )
    return Reading(check_parts("gen_ai.usage.input_tokens", counts))
