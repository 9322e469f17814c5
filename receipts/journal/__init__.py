"""The journal: receipts that are on the disk before anybody holds them, from many threads and tasks at once.

    with Journal("issuer.db", "https://api.example.com", key) as journal:
        receipt = journal.issue("acme", request="req_42", model="m", counts=Counts(logical=3000, cached=2000, output=500))

Receipts that are asked for at the same time are signed and written together, so that many share one wait for the disk (group
commit). A process that is killed leaves whole groups or nothing: no sequence is used twice, none is skipped, and nothing is missing that was
handed out. Every open journal has a stream of its own; so any number of processes share a file without knowing of each other.

A period of a journal is closed with `receipts.close_journal`.
"""

from receipts.errors import DuplicateRequestError, JournalError
from receipts.journal.contents import Archives, is_journal, journal_archives, journal_items
from receipts.journal.copying import copy_journal
from receipts.journal.journal import Journal
from receipts.journal.stores import Store, is_url, open_store, shown

__all__ = [
    "Archives",
    "DuplicateRequestError",
    "Journal",
    "JournalError",
    "Store",
    "copy_journal",
    "is_journal",
    "is_url",
    "journal_archives",
    "journal_items",
    "open_store",
    "shown",
]
