"""For a gateway that calls a provider with its own key on behalf of its customers, and bills on: a receipt for each call.

    emitter = Emitter(journal, behalf)
    client = openai.OpenAI(http_client=httpx.Client(transport=transport(httpx, emitter)))
    with billed_to("acme", tags={"team": "search"}) as billing:
        client.chat.completions.create(...)
    billing.receipts[0].headers                                         # hands the receipt on

The receipts are the gateway's, signed with its key, in its journal; the provider knows nothing of them.
"""

from receipts.gateway.billing import Billing, Receipted, behalf, billed_to
from receipts.gateway.transport import async_transport, transport

__all__ = ["Billing", "Receipted", "async_transport", "behalf", "billed_to", "transport"]
