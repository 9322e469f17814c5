"""Transports that note what passes through them. Their classes are those of the given library, httpx or httpx2, which are alike."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from receipts.cache_id import CacheKey
from receipts.wallet.call import Outcome
from receipts.wallet.note import Note, note
from receipts.wallet.store import Store


def transport(
    library: ModuleType,
    sender: Any,
    store: Store,
    account: str | None,
    cache_key: CacheKey | None = None,
) -> Any:
    """A transport that notes calls in ``store`` and sends through ``sender``."""
    stream = _stream(library)

    class Transport(library.BaseTransport):  # type: ignore[misc, name-defined]  # of the given library
        def handle_request(self, request: Any) -> Any:
            if request.method == "POST":
                request.read()
            noted = note(store, account, request, cache_key)
            if noted is None:
                return sender.handle_request(request)
            with noted:
                response = sender.handle_request(request)
            noted.answered(response)
            response.stream = stream(response.stream, noted)
            return response

        def close(self) -> None:
            sender.close()

    return Transport()


def _stream(library: ModuleType) -> Any:
    """The class of bodies that are read along."""

    class Stream(library.SyncByteStream):  # type: ignore[misc, name-defined]
        def __init__(self, stream: Any, noted: Note) -> None:
            self._stream, self._noted = stream, noted

        def __iter__(self) -> Any:
            with self._noted:
                for chunk in self._stream:
                    self._noted.feed(chunk)
                    yield chunk
            self._noted.end()

        def close(self) -> None:
            self._noted.stop(Outcome.CANCELLED)
            self._stream.close()

    return Stream


def async_transport(
    library: ModuleType,
    sender: Any,
    store: Store,
    account: str | None,
    cache_key: CacheKey | None = None,
) -> Any:
    """The same for async clients."""
    stream = _async_stream(library)

    class Transport(library.AsyncBaseTransport):  # type: ignore[misc, name-defined]
        async def handle_async_request(self, request: Any) -> Any:
            if request.method == "POST":
                await request.aread()
            noted = note(store, account, request, cache_key)
            if noted is None:
                return await sender.handle_async_request(request)
            with noted:
                response = await sender.handle_async_request(request)
            noted.answered(response)
            response.stream = stream(response.stream, noted)
            return response

        async def aclose(self) -> None:
            await sender.aclose()

    return Transport()


def _async_stream(library: ModuleType) -> Any:
    class Stream(library.AsyncByteStream):  # type: ignore[misc, name-defined]
        def __init__(self, stream: Any, noted: Note) -> None:
            self._stream, self._noted = stream, noted

        async def __aiter__(self) -> Any:
            with self._noted:
                async for chunk in self._stream:
                    self._noted.feed(chunk)
                    yield chunk
            self._noted.end()

        async def aclose(self) -> None:
            self._noted.stop(Outcome.CANCELLED)
            await self._stream.aclose()

    return Stream
