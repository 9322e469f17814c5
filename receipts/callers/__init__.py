"""Who sent a request, and which tags its receipt gets: from the server's own table, a trusted proxy, or the tagging contract."""

from receipts.callers.asked import Asked, Caller, by_request, is_by_request
from receipts.callers.keys import KeyTable, TableKey, key_hash, trusted_header
from receipts.callers.tag_sources import TagSource
from receipts.callers.tagging import Fault, Reason, TagContract, Tagged, TagRule
from receipts.toml_file import TomlFileError

__all__ = [
    "Asked", "Caller", "Fault", "KeyTable", "Reason", "TableKey", "TagContract", "TagRule", "TagSource", "Tagged",
    "TomlFileError", "by_request", "is_by_request", "key_hash", "trusted_header",
]  # fmt: skip
