"""xAI. Subset. In chat the reasoning is beside the completion; in responses it is inside of the output.

Sources: the pages below.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from receipts.ingest.form import Form
from receipts.ingest.openai import CHAT, FREE, RESPONSES

_REFERENCE: Final = "https://docs.x.ai/docs/api-reference"
_TOOLS: Final = "server_side_tools_used.SERVER_SIDE_TOOL"

XAI_CHAT: Final = replace(
    CHAT,
    source=_REFERENCE,
    output="completion_tokens + completion_tokens_details.reasoning_tokens",
    reasoning="completion_tokens_details.reasoning_tokens",
)
XAI_RESPONSES: Final = replace(RESPONSES, source=_REFERENCE)
"""Of images and videos usage is recorded that states a price and no count; that is refused."""
XAI_GRPC: Final = Form(
    "https://github.com/xai-org/xai-proto/blob/main/proto/xai/api/v1/usage.proto",
    logical="prompt_tokens",
    cached="cached_prompt_text_tokens",
    output="completion_tokens + reasoning_tokens",
    reasoning="reasoning_tokens",
    total="total_tokens",
    parts={"input": "prompt_{}_tokens", "cached": "cached_prompt_{}_tokens"},
    units={
        "requests.web_search": f"{_TOOLS}_WEB_SEARCH",
        "requests.social_search": f"{_TOOLS}_X_SEARCH",
        "requests.code_execution": f"{_TOOLS}_CODE_EXECUTION",
        "requests.file_search": f"{_TOOLS}_COLLECTIONS_SEARCH",
    },
    lists={"server_side_tools_used": (None, None)},
    # The customer's own servers, and looking at what was found, are billed by token.
    free=(*FREE, f"{_TOOLS}_MCP", f"{_TOOLS}_VIEW_*"),
    no_zeros=True,  # the fields are those of proto3, whose JSON leaves out zeros
)
XAI_REALTIME: Final = replace(
    RESPONSES,
    source="https://docs.x.ai/developers/pricing",
    seconds={"audio.ms": "billable_audio_seconds"},
    free=(*FREE, "output_audio_seconds"),  # of which `billable_audio_seconds` says what is billed
)
