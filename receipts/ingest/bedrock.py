"""Amazon Bedrock. Converse and InvokeModel are additive: the input count excludes what was read and written.

InvokeModel gives the object of the model: Claude's, Nova's, Titan's, Llama's, Jamba's. The last chunk of a stream has the metrics
of the invocation, for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from receipts.ingest.anthropic import MESSAGES, Messages
from receipts.ingest.form import Form
from receipts.ingest.members import Members
from receipts.ingest.reading import Reading

_METRICS: Final = "amazon-bedrock-invocationMetrics"
_TITAN: Final = "inputTextTokenCount"

CONVERSE: Final = Form(
    "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html",
    uncached="inputTokens",
    cached="cacheReadInputTokens | cacheReadInputTokenCount",
    writes={
        0: "cacheWriteInputTokens | cacheWriteInputTokenCount",
        300: "cacheDetails.5m",
        3600: "cacheDetails.1h",
    },
    output="outputTokens",
    total="totalTokens",
    lists={"cacheDetails": ("ttl", "inputTokens")},
    terms={"speed": "response.performanceConfig.latency"},
)


@dataclass(frozen=True)
class Invoke(Messages):
    """The form of InvokeModel. A Titan that gives no results is an embedding, which has no output."""

    def read(self, members: Members) -> Reading:
        """What a body, or the metrics of a stream, say.

        Raises:
            UsageError: a count is missing, or the object contradicts itself.
        """
        if self.output and members.states(_TITAN) and not members.states("results.tokenCount", "totalOutputTextTokenCount", f"{_METRICS}.outputTokenCount"):  # fmt: skip
            return replace(self, output="").read(members)
        return super().read(members)


INVOKE: Final = Invoke(
    "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html",
    uncached=f"input_tokens | inputTokens | {_TITAN} | prompt_token_count | prompt_tokens"
    f" | {_METRICS}.inputTokenCount",
    cached=f"cache_read_input_tokens | cacheReadInputTokens | cacheReadInputTokenCount | {_METRICS}.cacheReadInputTokenCount",
    writes={
        **MESSAGES.writes,
        0: f"cache_creation_input_tokens | cacheWriteInputTokens | cacheWriteInputTokenCount | {_METRICS}.cacheWriteInputTokenCount",
    },
    output="output_tokens | outputTokens | results.tokenCount | totalOutputTextTokenCount | generation_token_count"
    f" | completion_tokens | {_METRICS}.outputTokenCount",
    reasoning=MESSAGES.reasoning,
    total="totalTokens | total_tokens",
    units=MESSAGES.units,
    terms=MESSAGES.terms,
    lists={"results": (None, "tokenCount")},
    # Besides prices and durations, the texts and vectors of a body that was given whole.
    free=(
        *MESSAGES.free, "*Latency", "results.*", "embedding*", "generation", "stop_reason", "type", "id", "model", "message",
        "choices.*",
    ),
)  # fmt: skip
