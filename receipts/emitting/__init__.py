"""From a request and its answer to the receipt: who is billed, which tags it gets, which prefixes were cached.

What is in the path of a server or a gateway (`receipts.asgi`, transports, LiteLLM) uses this.
"""

from receipts.emitting.asked import Asked, Caller
from receipts.emitting.keys import KeyTable, TableKey, key_hash, trusted_header
from receipts.emitting.tag_sources import Source
from receipts.emitting.tagging import Fault, Reason, TagContract, Tagged, TagRule
from receipts.emitting.toml_file import TomlFileError

__all__ = [
    "Asked",
    "Caller",
    "Fault",
    "KeyTable",
    "Reason",
    "Source",
    "TableKey",
    "TagContract",
    "TagRule",
    "Tagged",
    "TomlFileError",
    "key_hash",
    "trusted_header",
]
