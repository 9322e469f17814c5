"""Cohere. Subset: ``tokens`` is what the model processed, and ``cached_tokens`` is inside of its input.

``billed_units`` is what is charged. It is smaller than ``tokens`` (a prompt of Cohere's own is not charged), and no count of a
receipt: where the two differ it is left unread. Where nothing else is stated (embeddings, rankings), it is read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from receipts.errors import UsageError
from receipts.ingest.form import Form
from receipts.ingest.members import Members
from receipts.ingest.reading import Reading
from receipts.request import Counts

_META: Final = ("api_version.*", "warnings.*")
_IMAGES: Final = "tokens.image_tokens"
_BILLED: Final = {
    "billed_units.input_tokens": "tokens.input_tokens",
    "billed_units.output_tokens": "tokens.output_tokens",
}


@dataclass(frozen=True)
class Chat(Form):
    """The form of chat."""

    def read(self, members: Members) -> Reading:
        """What a usage object says.

        Raises:
            UsageError: a count is missing, or contradicts another one.
        """
        if not members.states(*_BILLED.values()):
            return _CHARGED.read(members)
        for billed, processed in _BILLED.items():
            if members.peek(billed) == members.peek(processed):
                members.count((billed,))
        reading = super().read(members)
        reasons = dict.fromkeys(_BILLED, "is what is charged; the counts are what was processed")
        reasons[_IMAGES] = "is not known to be a part of the input"
        return replace(reading, unread={**reading.unread, **{name: reasons[name] for name in reading.unread if name in reasons}})  # fmt: skip

    def counts(self, members: Members) -> Counts:
        """The tokens alone.

        Raises:
            UsageError: as any form, and if the images have more tokens than the input.
        """
        counts = super().counts(members)
        images = members.peek(_IMAGES)
        if type(images) is int and images > counts.logical:
            raise UsageError("tokens.input_tokens", f"does not hold the {images} tokens of images, found {counts.logical}")  # fmt: skip
        return counts


_CHARGED: Final = Form(
    "https://docs.cohere.com/reference/chat",
    logical="billed_units.input_tokens",
    output="billed_units.output_tokens",
    free=_META,
)
"""Of a response that states nothing else, what is charged."""
COHERE_CHAT: Final = Chat(
    "https://docs.cohere.com/reference/chat",
    logical="tokens.input_tokens",
    cached="cached_tokens",
    output="tokens.output_tokens",
    reasoning="tokens.reasoning_tokens",
    free=_META,
)
EMBED: Final = Form(
    "https://docs.cohere.com/reference/embed",
    logical="billed_units.input_tokens + billed_units.image_tokens",
    parts={"input": "billed_units.{}_tokens"},
    units={"input.images": "billed_units.images"},
    free=_META,
    no_zeros=True,  # a unit that is not billed is left out
    no_tokens=True,
)
RERANK: Final = Form(
    "https://docs.cohere.com/reference/rerank",
    logical="billed_units.input_tokens",
    units={"requests.rerank": "billed_units.search_units"},
    free=_META,
    no_tokens=True,
)
