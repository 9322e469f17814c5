"""Content codings of answers: what is compressed is inflated to be read."""

from __future__ import annotations

import zlib
from importlib import import_module
from typing import Final, Protocol

MAX_INFLATED: Final = 64 << 20
"""Bytes of a body of JSON that are read at most: a small one can be inflated to more than there is memory."""
_WINDOWS: Final = {b"gzip": zlib.MAX_WBITS | 16, b"x-gzip": zlib.MAX_WBITS | 16, b"deflate": zlib.MAX_WBITS}  # fmt: skip
_GZIP: Final = b"\x1f"
"""How a member begins."""
_PACKAGES: Final = {b"br": ("brotli", "error"), b"zstd": ("zstandard", "ZstdError")}
"""Packages that decode, and what they raise."""


class CodingError(ValueError):
    """A body is not of the coding that its header names, or of one that is not known here."""


class Inflater(Protocol):
    """Inflates a body, part by part."""

    def __call__(self, chunk: bytes) -> bytes:
        """What a part holds.

        Raises:
            CodingError: it is not of this coding.
        """


def inflater(coding: bytes) -> Inflater:
    """Inflates what has this Content-Encoding: gzip, deflate, and where the packages ``brotli`` and ``zstandard`` are there, br and zstd.

    Raises:
        CodingError: it is another one, or several.
    """
    coding = coding.strip().lower()
    if coding in _WINDOWS:
        return _Zlib(_WINDOWS[coding], may_be_raw=coding == b"deflate")
    if coding not in _PACKAGES:
        raise CodingError(f"unknown coding {coding!r}")
    try:
        return _Foreign(coding)
    except ModuleNotFoundError as error:
        raise CodingError(f"{coding.decode()}: the package {error.name} is not installed") from None


def inflated(body: bytes, coding: bytes) -> bytes:
    """A whole body without its coding.

    Raises:
        CodingError: it is not of that coding, or is too large.
    """
    return body if coding == b"identity" else inflater(coding)(body)


class _Zlib:
    def __init__(self, window: int, *, may_be_raw: bool) -> None:
        self._window = window
        self._inflate = zlib.decompressobj(window)
        self._may_be_raw = may_be_raw
        """Some servers send deflate without the frame of zlib."""
        self._beginning = b""
        """What came while that was open."""

    def __call__(self, chunk: bytes) -> bytes:
        if self._inflate.eof:
            return self._next_member(chunk)
        data = self._inflated(chunk)
        rest = self._inflate.unused_data
        return data + self._next_member(rest) if rest else data

    def _next_member(self, chunk: bytes) -> bytes:
        """What follows the end: gzip may have several members (RFC 1952). All else is left out, as clients do."""
        if not chunk.startswith(_GZIP) or self._window != _WINDOWS[b"gzip"]:
            return b""
        self._inflate = zlib.decompressobj(self._window)
        return self(chunk)

    def _inflated(self, chunk: bytes) -> bytes:
        try:
            data = self._inflate.decompress(chunk, MAX_INFLATED)
        except zlib.error as error:
            if not self._may_be_raw:
                raise CodingError(str(error)) from None
            self._may_be_raw, self._window = False, -zlib.MAX_WBITS
            self._inflate = zlib.decompressobj(self._window)
            return self._inflated(self._beginning + chunk)
        if self._inflate.unconsumed_tail:
            raise CodingError(f"more than {MAX_INFLATED} bytes in one part")
        self._may_be_raw = self._may_be_raw and not data
        self._beginning = self._beginning + chunk if self._may_be_raw else b""
        return data


class _Foreign:
    """The decoder of a package that need not be there."""

    def __init__(self, coding: bytes) -> None:
        package, error = _PACKAGES[coding]
        module = import_module(package)
        self._error: type[Exception] = getattr(module, error)
        is_brotli = coding == b"br"
        self._decode: Inflater = (
            module.Decompressor().process
            if is_brotli
            else module.ZstdDecompressor().decompressobj(read_across_frames=True).decompress
        )

    def __call__(self, chunk: bytes) -> bytes:
        try:
            return bytes(self._decode(chunk))
        except self._error as error:
            raise CodingError(str(error)) from None
