"""Forms that differ from OpenAI's in a place or two, and those of hosts with an API of their own. Subset, all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from receipts.ingest.anthropic import MESSAGES
from receipts.ingest.form import Form
from receipts.ingest.members import Members
from receipts.ingest.openai import CHAT, EMBEDDINGS, FREE
from receipts.ingest.reading import Reading

_REASONING: Final = "completion_tokens_details.reasoning_tokens"
_SPLIT: Final = "prompt_tokens_details.cache_creation_token_details"
LITELLM: Final = replace(
    CHAT,
    # Usage and PromptTokensDetailsWrapper of LiteLLM 1.110 (types/utils.py).
    source="https://docs.litellm.ai/docs/completion/usage",
    writes={
        **CHAT.writes,
        1800: f"{_SPLIT}.ephemeral_30m_input_tokens",
        43200: f"{_SPLIT}.ephemeral_12h_input_tokens",
    },
    units={
        **CHAT.units,
        "input.characters": "prompt_tokens_details.character_count",
        "input.images": "prompt_tokens_details.image_count",
        "requests.model": "prompt_tokens_details.query_count",
    },
    seconds={"audio.input_ms": "prompt_tokens_details.audio_length_seconds"},
    # What it hands on of Anthropic's.
    terms={"speed": "speed", "region": "inference_geo"},
    free=(*FREE, "prompt_tokens_details.initial_prompt_tokens"),
)
LITELLM_MESSAGES: Final = replace(
    MESSAGES,
    source="https://docs.litellm.ai/docs/anthropic_unified",
    # Of other providers LiteLLM states what was read and written only where that is above zero: translate_openai_usage_to_anthropic_usage_delta
    # of LiteLLM 1.108 (llms/anthropic/pass_through/adapters/transformation.py). It takes both from the prompt, so the sum is all of it.
    no_zeros=True,
    # Which it leaves out, whatever it was.
    reasoning="",
)
MISTRAL: Final = replace(
    CHAT,
    source="https://docs.mistral.ai/api",
    # The total proves that audio is beside the prompt.
    logical="prompt_tokens + prompt_tokens_details.audio_tokens",
    seconds={"audio.input_ms": "prompt_audio_seconds"},
)
VERCEL: Final = replace(
    CHAT,
    source="https://vercel.com/docs/ai-gateway",
    # Its `market_cost` is that of the completion and the reasoning; the total leaves the reasoning out.
    output=f"completion_tokens + {_REASONING}",
    reasoning=_REASONING,
    beyond_total=_REASONING,
)
PERPLEXITY: Final = replace(
    CHAT,
    source="https://docs.perplexity.ai/getting-started/pricing",
    # Deep research states prices of the completion, the reasoning and the citations; the total leaves the last two out.
    output="completion_tokens + reasoning_tokens + citation_tokens",
    reasoning="reasoning_tokens",
    beyond_total="reasoning_tokens + citation_tokens",
    units={"output.citation": "citation_tokens", "requests.web_search": "num_search_queries"},
    fees={"requests.model": "cost.request_cost"},
    terms={"search": "search_context_size"},
)
_ALL_ZERO: Final = "all that are recorded are 0"
DATABRICKS: Final = replace(
    CHAT,
    source="https://docs.databricks.com/aws/en/machine-learning/foundation-model-apis/api-reference",
    open_counts={"cache_read_input_tokens": _ALL_ZERO, "cache_creation_input_tokens": _ALL_ZERO},
)
AZURE_CHAT: Final = replace(
    CHAT,
    source="https://learn.microsoft.com/azure/ai-foundry/openai/latest",
    open_counts={
        "prompt_tokens_details.cached_tokens": "of Grok it is recorded to be more than all of it"
    },
    open_where="num_sources_used | audio_prompt_tokens",
)
OLLAMA_CHAT: Final = replace(
    CHAT, source="https://docs.ollama.com/api/openai-compatibility", prompted=True
)
OLLAMA: Final = Form(
    "https://docs.ollama.com/api/usage",
    logical="prompt_eval_count",
    output="eval_count",
    prompted=True,
    # Durations in ns, and the members of a body that was given whole.
    free=(
        "*_duration", "model", "created_at", "message.*", "response", "thinking", "done", "done_reason", "context.*", "remote_*",
    ),
)  # fmt: skip
OLLAMA_EMBED: Final = replace(OLLAMA, output="", free=(*OLLAMA.free, "embeddings.*"))
VOYAGE: Final = replace(
    EMBEDDINGS,
    source="https://docs.voyageai.com/reference/multimodal-embeddings-api",
    units={"input.pixels": "image_pixels + video_pixels"},
    free=(*FREE, "text_tokens"),
)


@dataclass(frozen=True)
class Span(Form):
    """The attributes of a span, of which those below ``gen_ai.usage`` are its usage."""

    def read(self, members: Members) -> Reading:
        """What the attributes say.

        Raises:
            UsageError: a count is missing, or they contradict each other.
        """
        reading = super().read(members)
        unread = {n: why for n, why in reading.unread.items() if n.startswith("gen_ai.usage.")}
        return replace(reading, tier=None, unread=unread)


SPAN: Final = Span(
    "https://github.com/open-telemetry/semantic-conventions-genai",
    logical="gen_ai.usage.input_tokens",
    cached="gen_ai.usage.cache_read.input_tokens",
    # The attribute of cache writes was renamed. A span knows no TTL.
    writes={0: "gen_ai.usage.cache_write.input_tokens | gen_ai.usage.cache_creation.input_tokens"},
    output="gen_ai.usage.output_tokens",
    reasoning="gen_ai.usage.reasoning.output_tokens",
)
SPAN_OF_EMBEDDINGS: Final = replace(SPAN, output="")
