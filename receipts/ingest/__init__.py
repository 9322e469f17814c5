"""From a provider's usage object to the counts of a receipt: one module a provider, one pure function an API.

    reading = read_usage("anthropic", "messages", usage)

An object that breaks an identity, or that leaves a needed count open, raises; it is never guessed.
"""

from receipts.ingest.apis import APIS, Api, read_usage, usage_hash
from receipts.ingest.base import Reading, Shape, last_usage

__all__ = ["APIS", "Api", "Reading", "Shape", "last_usage", "read_usage", "usage_hash"]
