"""From a provider's usage object to the counts of a receipt.

    reading = read_usage("anthropic", "messages", usage)

A provider is a line of a table, and a form, which says where the counts stand and what is inside of what; one engine reads them
all. An object that breaks an identity, or that leaves a needed count open, raises; it is never guessed. What is stated and not
read is named.
"""

from receipts.ingest.addresses import api_at, provider_at
from receipts.ingest.apis import (
    APIS,
    Api,
    canonical,
    find,
    is_known,
    read_usage,
    take_parts,
    take_usage,
    usage_hash,
)
from receipts.ingest.bodies import last_usage, part_of, tool_calls
from receipts.ingest.reading import Reading, Shape

__all__ = [
    "APIS", "Api", "Reading", "Shape", "api_at", "canonical", "find", "is_known", "last_usage", "part_of", "provider_at",
    "read_usage", "take_parts", "take_usage", "tool_calls", "usage_hash",
]  # fmt: skip
