"""The customer's own record: every request that it sends, and every receipt that it receives, at the moment that it does.

    wallet = Wallet("wallet.db")
    client = openai.OpenAI(http_client=httpx.Client(transport=wallet.transport(httpx)))
    client = anthropic.Anthropic(http_client=httpx2.Client(transport=wallet.transport(httpx2)))

``wallet.async_transport`` is for the async clients. httpx and httpx2 are alike, so the wallet takes the one that the client uses. With
each request goes a commitment to it (claim 16): SHA-256 over a nonce, which stays in the wallet, and the body of the request.
"""

from receipts.wallet.note import commitment
from receipts.wallet.store import Store, WalletError
from receipts.wallet.wallet import Wallet

__all__ = ["Store", "Wallet", "WalletError", "commitment"]
