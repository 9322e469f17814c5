"""Receipts from a LiteLLM proxy, with its answers (extra ``litellm``).

In the place of ``litellm --config config.yaml`` it is started with

    export CONFIG_FILE_PATH=config.yaml
    uvicorn --factory receipts.litellm:app --port 4000

The settings are those of `receipts.asgi.settings`, and

| | |
|---|---|
| ``RECEIPT_LITELLM_ACCOUNT`` | what of LiteLLM's key is the account (`Billed`); default: ``team_id`` |

which takes the place of RECEIPT_ACCOUNT, RECEIPT_ACCOUNT_HEADER and RECEIPT_KEY_TABLE.
"""

from receipts.litellm.call import Billed, Call, origin
from receipts.litellm.proxy import app

__all__ = ["Billed", "Call", "app", "origin"]
