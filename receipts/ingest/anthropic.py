"""Anthropic Messages. Additive: input_tokens excludes what was read from the cache and what was written to it.

Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching and the types of anthropic-sdk-python 2.12.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from receipts.errors import UsageError
from receipts.ingest.expressions import names
from receipts.ingest.form import Form
from receipts.ingest.members import Members
from receipts.ingest.reading import OWN, Reading, summed
from receipts.request import Counts

_ITERATIONS: Final = "iterations"


@dataclass(frozen=True)
class Messages(Form):
    """A form with ``iterations``: a response that took several, perhaps of several models, is their sum.

    The top level leaves out some of them (compaction, an advisor, a model that fell back); it never counts more than their sum.
    """

    def read(self, members: Members) -> Reading:
        """What a usage object says.

        Raises:
            UsageError: a count is missing, or the object contradicts itself.
        """
        size = members.size(_ITERATIONS)
        if not size:
            return super().read(members)
        inner = [members.under(f"{_ITERATIONS}.{i}") for i in range(size)]
        top = self.counts(members)
        parts = [(part.text(("model",)) or OWN, self.counts(part)) for part in inner]
        self._check_top(members, top, summed(counts for _, counts in parts))
        return self._by_model(members, super().read(members), top, parts)

    def _by_model(
        self, members: Members, reading: Reading, top: Counts, parts: list[tuple[str, Counts]]
    ) -> Reading:
        """The units are those of the model that answered, which is that of the last iteration."""
        grouped: dict[str, list[Counts]] = {}
        for name, counts in parts:
            grouped.setdefault(name, []).append(counts)
        models = {name: summed(counts) for name, counts in grouped.items()}
        answered = parts[-1][0]
        models[answered] = replace(models[answered], units=reading.counts.units)
        unread = dict(reading.unread)
        if top.reasoning is not None and all(part.reasoning is None for part in models.values()):
            _place_reasoning(models, top)
            if top.reasoning and all(part.reasoning is None for part in models.values()):
                unread[members.where(names(self.reasoning))] = "is that of some iterations only"
        several = models if len(models) > 1 else None
        return replace(reading, counts=summed(models.values()), models=several, unread=unread)

    def _check_top(self, members: Members, top: Counts, total: Counts) -> None:
        for where, whole, most in (
            (self.uncached, _uncached(top), _uncached(total)),
            (self.cached, top.cached or 0, total.cached or 0),
            (self.writes[0], _written(top), _written(total)),
            (self.output, top.output or 0, total.output or 0),
        ):
            if whole > most:
                message = f"expected at most the sum of the iterations, {most}, found {whole}"
                raise UsageError(members.where(names(where)), message)


def _place_reasoning(models: dict[str, Counts], top: Counts) -> None:
    """The reasoning that only the top level states is that of the model whose output the top level counts, if it is one."""
    counted = [name for name, counts in models.items() if counts.output == top.output]
    if len(counted) == 1:
        models[counted[0]] = replace(models[counted[0]], reasoning=top.reasoning)


def _uncached(counts: Counts) -> int:
    return counts.logical - (counts.cached or 0) - _written(counts)


def _written(counts: Counts) -> int:
    return sum((counts.writes or {}).values())


_TTLS: Final[Mapping[int, str]] = {
    0: "cache_creation_input_tokens",
    300: "cache_creation.ephemeral_5m_input_tokens",
    3600: "cache_creation.ephemeral_1h_input_tokens",
}
MESSAGES: Final = Messages(
    "https://platform.claude.com/docs/en/build-with-claude/prompt-caching",
    uncached="input_tokens",
    cached="cache_read_input_tokens",
    writes=_TTLS,
    output="output_tokens",
    reasoning="output_tokens_details.thinking_tokens",
    units={
        "requests.web_search": "server_tool_use.web_search_requests",
        "requests.web_fetch": "server_tool_use.web_fetch_requests",
        "requests.code_execution": "server_tool_use.code_execution_requests",
    },
    terms={"speed": "speed", "region": "inference_geo"},
    # OpenRouter gives its prices with it.
    free=("iterations.*.type", "cost", "cost_details.*", "is_byok"),
)
BATCH: Final = replace(MESSAGES, processing="batch")
