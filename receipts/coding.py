"""Content codings: a body that is compressed is inflated to be read, in pieces, and never without end."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from importlib import import_module
from itertools import chain
from typing import Any, Final

MAX_INFLATED: Final = 160 << 20
"""Bytes of a body that are inflated, in all parts together: a small one can be inflated to more than there is memory. The longest honest
ones are embeddings of OpenAI's, 2,048 of 3,072 numbers with up to 23 characters each."""
_PIECE: Final = 1 << 16
"""Bytes that are inflated at once."""
_SLICE: Final = 1 << 14
"""Bytes that are given to a decoder at once: what it does not take is copied each time."""
_ZSTD_SLICE: Final = 64
"""The same of zstd, which gives all at once: a block has 4 bytes or more, and is inflated to 128 KiB or less (RFC 8878)."""
_ZSTD_WINDOW: Final = 8 << 20
"""The largest window that the coding zstd may have (RFC 9659)."""
_GZIP: Final = zlib.MAX_WBITS | 16
_GZIP_MAGIC: Final = b"\x1f"
"""How a member begins."""


class CodingError(ValueError):
    """A body is not of the coding that its header names, is too large, or of a coding that is not known here."""


@lru_cache(maxsize=64)  # clients send few values, and each is asked for with every request
def known_codings(accepted: bytes) -> bytes:
    """The value of Accept-Encoding without what could not be read here: a server then does not choose it (RFC 9110, section 12.5.3)."""
    entries = [entry.strip() for entry in accepted.split(b",")]
    return b", ".join(entry for entry in entries if _is_known(entry.split(b";")[0].strip().lower()))


def _is_known(coding: bytes) -> bool:
    if coding == b"identity":
        return True
    try:
        _decoder(coding)
    except CodingError:
        return False
    return True


class Inflater:
    """Inflates a body, part by part. What has no coding passes through.

    Args:
        codings: the value of Content-Encoding: gzip, deflate, and where the packages ``brotli`` (1.2 or later) and ``zstandard`` are there,
            br and zstd; several, in the order in which they were applied.

    Raises:
        CodingError: one of them is another one.
    """

    def __init__(self, codings: bytes) -> None:
        names = [name.strip().lower() for name in codings.split(b",")]
        self._steps = [_Step(_decoder(name)) for name in reversed(names) if name not in (b"", b"identity")]  # fmt: skip

    @property
    def is_plain(self) -> bool:
        """Whether the body has no coding."""
        return not self._steps

    def __call__(self, part: bytes) -> Iterator[bytes]:
        """What a part holds, in pieces.

        Raises:
            CodingError: it is not of this coding, or there is more than `MAX_INFLATED` of it. It comes behind the pieces that there are.
        """
        pieces: Iterable[bytes] = (part,) if part else ()
        for step in self._steps:
            pieces = chain.from_iterable(map(step, pieces))
        return iter(pieces)

    def let_go(self) -> None:
        """What was given so far is not kept: it no longer counts."""
        for step in self._steps:
            step.room = MAX_INFLATED


Decoder = Callable[[bytes], Iterator[bytes]]
"""What a part holds, in pieces, of which the first is there before the second is made."""


class _Step:
    """A coding that is taken away, and what there is room for."""

    def __init__(self, decode: Decoder) -> None:
        self.room = MAX_INFLATED
        self._decode = decode

    def __call__(self, part: bytes) -> Iterator[bytes]:
        for piece in self._decode(part):
            self.room -= len(piece)
            if self.room < 0:
                raise CodingError(f"more than {MAX_INFLATED} bytes")
            yield piece


def _decoder(coding: bytes) -> Decoder:
    if coding not in _DECODERS:
        raise CodingError(f"unknown coding {coding!r}")
    try:
        return _DECODERS[coding]()
    except ModuleNotFoundError as error:
        raise CodingError(f"{coding.decode()}: the package {error.name} is not installed") from None


def _slices(part: bytes, size: int) -> Iterator[bytes]:
    return (part[at : at + size] for at in range(0, len(part), size))


class _Zlib:
    def __init__(self, window: int) -> None:
        self._window = window
        self._inflate = zlib.decompressobj(window)
        self._may_be_raw = window == zlib.MAX_WBITS
        """Some servers send deflate without the frame of zlib."""
        self._beginning = b""
        """What came while that was open."""

    def __call__(self, part: bytes) -> Iterator[bytes]:
        for rest in _slices(part, _SLICE):
            full = False
            while rest or full:
                if self._inflate.eof:
                    # Gzip may have several members (RFC 1952). All else behind the end is left out, as clients do.
                    if self._window != _GZIP or not rest.startswith(_GZIP_MAGIC):
                        return
                    self._inflate = zlib.decompressobj(self._window)
                data = self._inflated(rest)
                yield data
                rest = self._inflate.unused_data or self._inflate.unconsumed_tail
                full = len(data) == _PIECE

    def _inflated(self, part: bytes) -> bytes:
        try:
            data = self._inflate.decompress(part, _PIECE)
        except zlib.error as error:
            if not self._may_be_raw:
                raise CodingError(str(error)) from None
            self._may_be_raw, self._window = False, -zlib.MAX_WBITS
            self._inflate = zlib.decompressobj(self._window)
            return self._inflated(self._beginning + part)
        self._may_be_raw = self._may_be_raw and not data and len(self._beginning) < _SLICE
        self._beginning = self._beginning + part if self._may_be_raw else b""
        return data


def _brotli() -> Decoder:
    module: Any = import_module("brotli")
    decoder: Any = module.Decompressor()
    if not hasattr(decoder, "can_accept_more_data"):  # it inflates without end
        raise CodingError("br: the package brotli is older than 1.2")

    def decode(part: bytes) -> Iterator[bytes]:
        try:
            piece = decoder.process(part, output_buffer_limit=_PIECE)
            while piece or not decoder.can_accept_more_data():
                yield piece
                piece = decoder.process(b"", output_buffer_limit=_PIECE)
        except module.error as error:
            raise CodingError(str(error)) from None

    return decode


def _zstd() -> Decoder:
    module: Any = import_module("zstandard")
    made = module.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    decoder: Any = made.decompressobj(read_across_frames=True)

    def decode(part: bytes) -> Iterator[bytes]:
        try:
            yield from map(decoder.decompress, _slices(part, _ZSTD_SLICE))
        except module.ZstdError as error:
            raise CodingError(str(error)) from None

    return decode


_DECODERS: Final[dict[bytes, Callable[[], Decoder]]] = {
    b"gzip": lambda: _Zlib(_GZIP),
    b"x-gzip": lambda: _Zlib(_GZIP),
    b"deflate": lambda: _Zlib(zlib.MAX_WBITS),
    b"br": _brotli,
    b"zstd": _zstd,
}
