"""Streams in the framing of AWS (``application/vnd.amazon.eventstream``), read along: Bedrock's ConverseStream and InvokeModel.

Source: https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html. A frame is: its length and that of its headers (4 bytes
each, big-endian), a CRC of these, headers, payload, a CRC. The sums are the client's to check; here nothing is held back or changed.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any, Final

_PRELUDE: Final = 12
_CRC: Final = 4
_MAX_FRAME: Final = 16 << 20
"""AWS allows 16 MiB of payload; what says that it is longer is no frame."""


class AwsFrames:
    """Cuts a stream into frames, and gives the documents in them."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._is_over = False

    def feed(self, chunk: bytes) -> Iterator[Mapping[str, Any]]:
        """The documents of the frames that became whole; a stream that is not of frames gives none."""
        if self._is_over:
            return
        self._rest += chunk
        while len(self._rest) >= _PRELUDE:
            length, headers = (int.from_bytes(self._rest[i : i + 4], "big") for i in (0, 4))
            if not _PRELUDE + headers + _CRC <= length <= _MAX_FRAME:
                self._is_over = True
                return
            if len(self._rest) < length:
                return
            payload = bytes(self._rest[_PRELUDE + headers : length - _CRC])
            del self._rest[:length]
            document = _document(payload)
            if document is not None:
                yield document


def _document(payload: bytes) -> Mapping[str, Any] | None:
    """The JSON of a payload; that of a chunk of InvokeModel stands in base64 in its member ``bytes``."""
    try:
        document = json.loads(payload)
        inner = document.get("bytes") if isinstance(document, dict) else None
        document = json.loads(b64decode(inner)) if isinstance(inner, str) else document
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
