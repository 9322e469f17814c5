"""The customer's own record: every request that it sends, and every receipt that it receives, at the moment that it does.

    wallet = Wallet("wallet.db")
    client = openai.OpenAI(http_client=httpx.Client(transport=wallet.transport(httpx)))
    client = anthropic.Anthropic(http_client=httpx2.Client(transport=wallet.transport(httpx2)))

``wallet.async_transport`` is for the async clients. httpx and httpx2 are alike, so the wallet takes the one that the client uses. With
each request goes a commitment to it (claim 16): SHA-256 over a nonce, which stays in the wallet, and the body of the request.
"""

from __future__ import annotations

import json
from hashlib import sha256
from secrets import token_bytes
from time import time_ns
from types import ModuleType
from typing import Any, Final

from receipts.header import CLIENT, RECEIPT, byte_sequence, parse_byte_sequence
from receipts.wallet.reader import BodyReader, encodable
from receipts.wallet.store import Store, WalletError

__all__ = ["Wallet", "WalletError", "commitment"]

_NONCE: Final = 32


def commitment(nonce: bytes, body: bytes) -> bytes:
    """What a receipt echoes of a request: SHA-256 over the nonce and the body."""
    return sha256(nonce + body).digest()


class Wallet:
    """Keeps requests and receipts in a file. One wallet may serve several clients and threads.

    Args:
        path: the SQLite file; it is made if it is not there.

    Raises:
        WalletError: the file cannot be opened, or is no wallet.
    """

    def __init__(self, path: str) -> None:
        self.store = Store(path)

    def close(self) -> None:
        """Close the file."""
        self.store.close()

    def transport(self, library: ModuleType, inner: Any = None) -> Any:
        """A transport for the ``Client`` of httpx or httpx2.

        Args:
            library: the one that the client is of.
            inner: the transport that sends; default: the library's own.
        """
        sender = library.HTTPTransport() if inner is None else inner
        store = self.store

        class Transport(library.BaseTransport):  # type: ignore[misc, name-defined]  # of the given library
            def handle_request(self, request: Any) -> Any:
                if request.method != "POST":
                    return sender.handle_request(request)
                note = _Note(store, request, request.read())
                response = sender.handle_request(request)
                note.answered(response)
                response.stream = Stream(response.stream, note)
                return response

            def close(self) -> None:
                sender.close()

        class Stream(library.SyncByteStream):  # type: ignore[misc, name-defined]
            def __init__(self, stream: Any, note: _Note) -> None:
                self._stream, self._note = stream, note

            def __iter__(self) -> Any:
                for chunk in self._stream:
                    self._note.reader.feed(chunk)
                    yield chunk
                self._note.reader.end()

            def close(self) -> None:
                self._stream.close()

        return Transport()

    def async_transport(self, library: ModuleType, inner: Any = None) -> Any:
        """The same for the ``AsyncClient``."""
        sender = library.AsyncHTTPTransport() if inner is None else inner
        store = self.store

        class Transport(library.AsyncBaseTransport):  # type: ignore[misc, name-defined]
            async def handle_async_request(self, request: Any) -> Any:
                if request.method != "POST":
                    return await sender.handle_async_request(request)
                note = _Note(store, request, await request.aread())
                response = await sender.handle_async_request(request)
                note.answered(response)
                response.stream = Stream(response.stream, note)
                return response

            async def aclose(self) -> None:
                await sender.aclose()

        class Stream(library.AsyncByteStream):  # type: ignore[misc, name-defined]
            def __init__(self, stream: Any, note: _Note) -> None:
                self._stream, self._note = stream, note

            async def __aiter__(self) -> Any:
                async for chunk in self._stream:
                    self._note.reader.feed(chunk)
                    yield chunk
                self._note.reader.end()

            async def aclose(self) -> None:
                await self._stream.aclose()

        return Transport()


class _Note:
    """The wallet's line about one request: made before it is sent, completed by the response."""

    def __init__(self, store: Store, request: Any, body: bytes) -> None:
        self._store = store
        nonce = token_bytes(_NONCE)
        committed = commitment(nonce, body)
        request.headers[CLIENT.decode()] = byte_sequence(committed).decode()
        # Compressed, a stream could not be read along.
        request.headers["accept-encoding"] = "identity"
        url = str(request.url)
        self._number = store.begin(time_ns() // 1_000_000, _model(body), committed, nonce, url)

    def answered(self, response: Any) -> None:
        """Take note of status and headers; the body is read along by ``reader``."""
        store, number = self._store, self._number
        store.answered(number, response.status_code)
        header = response.headers.get(RECEIPT.decode())
        receipt = None if header is None else parse_byte_sequence(header.encode())
        if receipt is not None:
            store.keep(number, receipt)
        kind = response.headers.get("content-type", "").lower()
        stream = kind.startswith("text/event-stream")
        self.reader = BodyReader(
            stream,
            lambda request: store.identify(number, request),
            lambda raw: store.keep(number, raw),
            lambda: store.completed(number),
        )


def _model(body: bytes) -> str | None:
    try:
        model = json.loads(body).get("model")
    except (ValueError, AttributeError, RecursionError):
        return None
    return model if isinstance(model, str) and encodable(model) else None
