"""Google Gemini generateContent. Subset: the prompt includes what was read; tool use is outside the prompt, thoughts outside the candidates.

Source: https://ai.google.dev/api/generate-content#UsageMetadata and the types of python-genai 3.4 (the total is the sum of
prompt, tool use, candidates and thoughts). Filling an explicit cache is a call of its own, so a response reports no writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from receipts.errors import UsageError
from receipts.ingest.base import (
    Reading,
    Tokens,
    Usage,
    check_parts,
    check_total,
    parse,
    proven_zero,
)
from receipts.request import Counts


class _UsageMetadata(Usage):
    promptTokenCount: Tokens  # noqa: N815  # the provider's names
    toolUsePromptTokenCount: Tokens | None = None  # noqa: N815
    candidatesTokenCount: Tokens | None = None  # noqa: N815
    thoughtsTokenCount: Tokens | None = None  # noqa: N815
    cachedContentTokenCount: Tokens | None = None  # noqa: N815
    totalTokenCount: Tokens | None = None  # noqa: N815
    serviceTier: str | None = None  # noqa: N815


def generate_content(usage: Mapping[str, Any]) -> Reading:
    """Counts of a response; for a stream, of its last chunk.

    Raises:
        UsageError: a count is missing, or the object contradicts itself.
    """
    parsed = parse(_UsageMetadata, usage)
    parts = proven_zero(
        parsed.totalTokenCount,
        {
            "promptTokenCount": parsed.promptTokenCount,
            "toolUsePromptTokenCount": parsed.toolUsePromptTokenCount,
            "candidatesTokenCount": parsed.candidatesTokenCount,
            "thoughtsTokenCount": parsed.thoughtsTokenCount,
        },
    )
    counts = Counts(
        logical=parts["promptTokenCount"] + parts["toolUsePromptTokenCount"],
        cached=parsed.cachedContentTokenCount,
        output=parts["candidatesTokenCount"] + parts["thoughtsTokenCount"],
        reasoning=parts["thoughtsTokenCount"],
    )
    if (parsed.cachedContentTokenCount or 0) > parsed.promptTokenCount:
        raise UsageError(
            "cachedContentTokenCount",
            f"expected at most the prompt, {parsed.promptTokenCount}, found {parsed.cachedContentTokenCount}",
        )
    check_total("totalTokenCount", parsed.totalTokenCount, counts)
    return Reading(check_parts("promptTokenCount", counts), parsed.serviceTier)
