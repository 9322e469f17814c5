"""Bodies that are compressed, read along: inflated for the wallet alone, the client gets what came."""

from __future__ import annotations

import zlib
from typing import Final

from receipts.wallet.reader import MAX_PART, Reader

_INFLATED: Final = 1 << 16
"""Bytes that are inflated at once."""
_WINDOWS: Final = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


class InflatingReader:
    """A body that is compressed. What cannot be inflated, or is more than `MAX_PART` then, is not read.

    Args:
        reader: reads what is inflated.
        encoding: gzip or deflate.
    """

    def __init__(self, reader: Reader, encoding: str) -> None:
        self._reader = reader
        self._inflate = zlib.decompressobj(_WINDOWS[encoding])
        self._may_be_raw = encoding == "deflate"
        self._room = MAX_PART

    @property
    def is_stream(self) -> bool:
        """Whether it is a stream of events, as far as is known."""
        return self._reader.is_stream

    @property
    def whole(self) -> bool:
        """Whether what came so far is a whole response."""
        return self._reader.whole

    def feed(self, chunk: bytes) -> None:
        """Take note of the next bytes."""
        more = bool(chunk)
        while more and self._room > 0:
            try:
                data = self._inflate.decompress(chunk, _INFLATED)
            except zlib.error:
                if self._may_be_raw:
                    self._may_be_raw, self._inflate = False, zlib.decompressobj(-zlib.MAX_WBITS)
                    continue
                self._room = 0
                return
            self._may_be_raw = False
            self._room -= len(data)
            self._reader.feed(data)
            chunk = self._inflate.unconsumed_tail
            more = bool(chunk) or len(data) == _INFLATED

    def end(self) -> None:
        """The body is complete."""
        self._reader.end()


def inflating(reader: Reader, encodings: str) -> Reader:
    """A reader of what a Content-Encoding made of a body. Those that are not known are left alone, as httpx does."""
    for encoding in encodings.lower().split(","):
        if encoding.strip() in _WINDOWS:
            reader = InflatingReader(reader, encoding.strip())
    return reader
