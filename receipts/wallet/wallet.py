"""`Wallet`: a file, and the transports through which a client's requests pass."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from receipts.wallet.store import Store
from receipts.wallet.transport import async_transport, transport


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
        return transport(library, sender, self.store)

    def async_transport(self, library: ModuleType, inner: Any = None) -> Any:
        """The same for the ``AsyncClient``."""
        sender = library.AsyncHTTPTransport() if inner is None else inner
        return async_transport(library, sender, self.store)
