"""Transports that note what passes through them. Their classes are those of the given library, httpx or httpx2, which are alike."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from receipts.wallet.note import Note
from receipts.wallet.reader import BodyReader
from receipts.wallet.store import Store


def transport(library: ModuleType, sender: Any, store: Store) -> Any:
    """A transport that notes each POST in ``store`` and sends through ``sender``."""
    stream = _stream(library)

    class Transport(library.BaseTransport):  # type: ignore[misc, name-defined]  # of the given library
        def handle_request(self, request: Any) -> Any:
            if request.method != "POST":
                return sender.handle_request(request)
            note = Note(store, request, request.read())
            response = sender.handle_request(request)
            response.stream = stream(response.stream, note.answered(response))
            return response

        def close(self) -> None:
            sender.close()

    return Transport()


def _stream(library: ModuleType) -> Any:
    """The class of bodies that are read along."""

    class Stream(library.SyncByteStream):  # type: ignore[misc, name-defined]
        def __init__(self, stream: Any, reader: BodyReader) -> None:
            self._stream, self._reader = stream, reader

        def __iter__(self) -> Any:
            for chunk in self._stream:
                self._reader.feed(chunk)
                yield chunk
            self._reader.end()

        def close(self) -> None:
            self._stream.close()

    return Stream


def async_transport(library: ModuleType, sender: Any, store: Store) -> Any:
    """The same for async clients."""
    stream = _async_stream(library)

    class Transport(library.AsyncBaseTransport):  # type: ignore[misc, name-defined]
        async def handle_async_request(self, request: Any) -> Any:
            if request.method != "POST":
                return await sender.handle_async_request(request)
            note = Note(store, request, await request.aread())
            response = await sender.handle_async_request(request)
            response.stream = stream(response.stream, note.answered(response))
            return response

        async def aclose(self) -> None:
            await sender.aclose()

    return Transport()


def _async_stream(library: ModuleType) -> Any:
    class Stream(library.AsyncByteStream):  # type: ignore[misc, name-defined]
        def __init__(self, stream: Any, reader: BodyReader) -> None:
            self._stream, self._reader = stream, reader

        async def __aiter__(self) -> Any:
            async for chunk in self._stream:
                self._reader.feed(chunk)
                yield chunk
            self._reader.end()

        async def aclose(self) -> None:
            await self._stream.aclose()

    return Stream
