"""The wallet's note about one request: made before it is sent, completed by the response."""

from __future__ import annotations

import json
from hashlib import sha256
from secrets import token_bytes
from time import time_ns
from typing import Any, Final

from receipts.header import CLIENT, RECEIPT, byte_sequence, parse_byte_sequence
from receipts.wallet.reader import BodyReader, encodable
from receipts.wallet.store import Store

_NONCE: Final = 32


def commitment(nonce: bytes, body: bytes) -> bytes:
    """What a receipt echoes of a request: SHA-256 over the nonce and the body."""
    return sha256(nonce + body).digest()


class Note:
    """Notes a request of httpx or httpx2, and puts the commitment to its body into its headers.

    Args:
        store: where notes are kept.
        request: the request, not sent yet.
        body: its body.

    Raises:
        WalletError: the note cannot be written.
    """

    def __init__(self, store: Store, request: Any, body: bytes) -> None:
        self._store = store
        nonce = token_bytes(_NONCE)
        committed = commitment(nonce, body)
        request.headers[CLIENT.decode()] = byte_sequence(committed).decode()
        # Compressed, a stream could not be read along.
        request.headers["accept-encoding"] = "identity"
        url = str(request.url)
        self._number = store.begin(time_ns() // 1_000_000, _model(body), committed, nonce, url)

    def answered(self, response: Any) -> BodyReader:
        """Take note of the response's status and headers.

        Returns:
            What reads the body along.

        Raises:
            WalletError: the note cannot be written.
        """
        store, number = self._store, self._number
        store.answered(number, response.status_code)
        header = response.headers.get(RECEIPT.decode())
        receipt = None if header is None else parse_byte_sequence(header.encode())
        if receipt is not None:
            store.keep(number, receipt)
        kind = response.headers.get("content-type", "").lower()
        return BodyReader(
            kind.startswith("text/event-stream"),
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
