"""`Wallet`: a file, and the transports through which a client's calls pass."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from receipts import limits
from receipts.cache_id import CacheKey
from receipts.wallet.store import Store
from receipts.wallet.transport import async_transport, transport


class Wallet:
    """Keeps calls and receipts in a file. One wallet may serve several clients, accounts and threads.

    What cannot be noted harms no call: it is counted in ``store.failed``, and logged.

    Args:
        path: the SQLite file; it is made if it is not there, for its owner only. One of version 1 is brought to version 2.

    Raises:
        WalletError: the file cannot be opened, or is no wallet.
    """

    def __init__(self, path: str) -> None:
        self.store = Store(path)

    def close(self) -> None:
        """Close the file, with all that was noted."""
        self.store.close()

    def transport(
        self,
        library: ModuleType,
        inner: Any = None,
        *,
        account: str | None = None,
        cache_key: CacheKey | None = None,
    ) -> Any:
        """A transport for the ``Client`` of httpx or httpx2.

        Args:
            library: the one that the client is of.
            inner: the transport that sends; default: the library's own.
            account: whose calls they are, as the issuer of the receipts names the account; default: it is not stated.
            cache_key: the account's. With it, the identifiers of the prefixes that a call sends are noted (spec/cache-id.md), and no text.

        Raises:
            ReceiptError: no receipt could name such an account.
        """
        _check(account)
        sender = library.HTTPTransport() if inner is None else inner
        return transport(library, sender, self.store, account, cache_key)

    def async_transport(
        self,
        library: ModuleType,
        inner: Any = None,
        *,
        account: str | None = None,
        cache_key: CacheKey | None = None,
    ) -> Any:
        """The same for the ``AsyncClient``."""
        _check(account)
        sender = library.AsyncHTTPTransport() if inner is None else inner
        return async_transport(library, sender, self.store, account, cache_key)


def _check(account: str | None) -> None:
    if account is not None:
        limits.name("account", account)
