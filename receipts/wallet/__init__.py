"""The customer's own record: every call of a model, and every receipt that comes back, at the moment that it does.

    wallet = Wallet("wallet.db")
    client = openai.OpenAI(http_client=httpx.Client(transport=wallet.transport(httpx)))
    client = anthropic.Anthropic(http_client=httpx2.Client(transport=wallet.transport(httpx2)))

``wallet.async_transport`` is for the async clients. httpx and httpx2 are alike, so the wallet takes the one that the client uses. With
each call goes a commitment to it (claim 16): SHA-256 over a nonce, which stays in the wallet, and the body of the request. What a line says
of a call is in spec/record.md.
"""

from receipts.wallet.call import Call, Outcome, commitment
from receipts.wallet.contents import (
    is_wallet,
    wallet_calls,
    wallet_prefixes,
    wallet_receipts,
    wallet_receipts_by_call,
)
from receipts.wallet.schema import WalletError
from receipts.wallet.sent import sent_prefixes
from receipts.wallet.store import Store
from receipts.wallet.wallet import Wallet

__all__ = [
    "Call",
    "Outcome",
    "Store",
    "Wallet",
    "WalletError",
    "commitment",
    "is_wallet",
    "sent_prefixes",
    "wallet_calls",
    "wallet_prefixes",
    "wallet_receipts",
    "wallet_receipts_by_call",
]
