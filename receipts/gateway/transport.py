"""Transports that issue a receipt for each answer that passes. Their classes are those of the given library, httpx or httpx2."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from receipts.emitting import Emitter
from receipts.gateway.watching import Watch, is_watched, watch


def transport(library: ModuleType, emitter: Emitter, sender: Any = None) -> Any:
    """A transport for the ``Client`` of httpx or httpx2, which sends unchanged, and gives the answers unchanged.

    The receipt is in ``response.extensions["receipt"]`` (`Receipted`) by the time that the last event, or the end, is given.

    Args:
        library: the one that the client is of.
        emitter: issues the receipts, and counts.
        sender: the transport that sends; default: the library's own.
    """
    sender = library.HTTPTransport() if sender is None else sender
    stream = _stream(library)

    class Transport(library.BaseTransport):  # type: ignore[misc, name-defined]  # of the given library
        def handle_request(self, request: Any) -> Any:
            if is_watched(request):
                request.read()
            watched = watch(emitter, request)
            if watched is None:
                return sender.handle_request(request)
            with watched:
                response = sender.handle_request(request)
            if watched.is_to_be_read(response) and watched.exchange.begin_now(watched.asked):
                watched.read(response)
                _settle(watched)
                response.stream = stream(response.stream, watched)
            return response

        def close(self) -> None:
            sender.close()

    return Transport()


def _settle(watched: Watch) -> None:
    if watched.due:
        watched.done(watched.exchange.issue_now())


def _stream(library: ModuleType) -> Any:
    """The class of bodies that are read along."""

    class Stream(library.SyncByteStream):  # type: ignore[misc, name-defined]
        def __init__(self, stream: Any, watched: Watch) -> None:
            self._stream, self._watched = stream, watched

        def __iter__(self) -> Any:
            for chunk in self._stream:
                self._watched.feed(chunk)
                _settle(self._watched)
                yield chunk
            self._watched.end()
            _settle(self._watched)

        def close(self) -> None:
            try:
                self._stream.close()
            finally:
                self._watched.stop()
                _settle(self._watched)

    return Stream


def async_transport(library: ModuleType, emitter: Emitter, sender: Any = None) -> Any:
    """The same for the ``AsyncClient``."""
    sender = library.AsyncHTTPTransport() if sender is None else sender
    stream = _async_stream(library)

    class Transport(library.AsyncBaseTransport):  # type: ignore[misc, name-defined]
        async def handle_async_request(self, request: Any) -> Any:
            if is_watched(request):
                await request.aread()
            watched = watch(emitter, request)
            if watched is None:
                return await sender.handle_async_request(request)
            watched.exchange.prepare(watched.asked)
            with watched:
                response = await sender.handle_async_request(request)
            if watched.is_to_be_read(response) and await watched.exchange.begin(watched.asked):
                watched.read(response)
                await _settle_async(watched)
                response.stream = stream(response.stream, watched)
            return response

        async def aclose(self) -> None:
            await sender.aclose()

    return Transport()


async def _settle_async(watched: Watch) -> None:
    if watched.due:
        watched.done(await watched.exchange.issue())


def _async_stream(library: ModuleType) -> Any:
    class Stream(library.AsyncByteStream):  # type: ignore[misc, name-defined]
        def __init__(self, stream: Any, watched: Watch) -> None:
            self._stream, self._watched = stream, watched

        async def __aiter__(self) -> Any:
            async for chunk in self._stream:
                self._watched.feed(chunk)
                await _settle_async(self._watched)
                yield chunk
            self._watched.end()
            await _settle_async(self._watched)

        async def aclose(self) -> None:
            try:
                await self._stream.aclose()
            finally:
                self._watched.stop()
                await _settle_async(self._watched)

    return Stream
