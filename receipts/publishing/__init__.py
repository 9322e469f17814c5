"""An append-only log of the statements of all accounts, and its head as a checkpoint that witnesses can cosign (spec/publication.md).

    log = Log(entries)
    log.add([entry(blind(secret, "acme"), 0, digest)])
    note = sign_note(log.head(origin), origin, key)
    proof = log.proof(index, note, extra)

It reads and writes no files, and checks nothing that others signed.
"""

from receipts.publishing.entries import BLIND_SIZE, ENTRY_SIZE, blind, entry, extra, label
from receipts.publishing.log import Log
from receipts.publishing.notes import origin, sign_note, verifier_key
from receipts.publishing.scitt import scitt_statement

__all__ = [
    "BLIND_SIZE",
    "ENTRY_SIZE",
    "Log",
    "blind",
    "entry",
    "extra",
    "label",
    "origin",
    "scitt_statement",
    "sign_note",
    "verifier_key",
]
