"""The registry of units: what else a receipt can bill, and where it belongs (spec/receipt.md, units).

The verifier has its own copy of this table; a test holds the two together.
"""

from typing import Final

INSIDE: Final = {
    "logical": ("input.audio", "input.image", "input.video", "input.document"),
    "cached": ("cached.audio", "cached.image", "cached.video", "cached.document"),
    "output": ("output.audio", "output.image", "output.video", "output.citation"),
}
"""Parts, in tokens, by the count that they lie in."""
BESIDE: Final = (
    "requests.model", "requests.web_search", "requests.web_fetch", "requests.file_search", "requests.social_search",
    "requests.code_execution", "requests.image_generation", "requests.rerank", "audio.ms", "audio.input_ms", "audio.output_ms",
    "input.characters", "input.messages", "input.pixels", "input.images", "output.images", "output.video_ms", "pages.document",
    "pages.annotated", "container.seconds", "storage.token_seconds",
)  # fmt: skip
"""What stands beside the counts, whatever its name begins with."""
BY_TIME: Final = ("container.seconds", "storage.token_seconds")
PARTS: Final = frozenset(name for names in INSIDE.values() for name in names)
REASONING: Final = "reasoning"
"""What a charge line calls the reasoning tokens, which have a field of their own."""


def is_beside(name: str) -> bool:
    """Whether a unit stands beside the counts: by the registry, or because it is private."""
    return name in BESIDE or "/" in name


def is_unit(name: str) -> bool:
    """Whether a receipt may state the unit."""
    return name in PARTS or is_beside(name)


def is_by_time(name: str) -> bool:
    """Whether a unit can be billed for a span of time, apart from any request."""
    return name in BY_TIME or "/" in name
