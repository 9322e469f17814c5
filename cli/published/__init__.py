"""Whether statements are in a log that all customers see (spec/publication.md), and key files from where they are published."""

from cli.published.checking import Published, check_publication
from cli.published.codes import CODES
from cli.published.memory import PublishedMemory
from cli.published.notes import LOG, WITNESS, Checkpoint, MalformedError, NoteKey, read_checkpoint
from cli.published.policy import NO_WITNESSES, WitnessPolicy, read_policy
from cli.published.proofs import LogProof, read_proof
from cli.published.site import CHECKPOINT, ENTRIES, KEY_FILE, Site, is_address, key_file, open_site

__all__ = [
    "CHECKPOINT",
    "CODES",
    "ENTRIES",
    "KEY_FILE",
    "LOG",
    "NO_WITNESSES",
    "WITNESS",
    "Checkpoint",
    "LogProof",
    "MalformedError",
    "NoteKey",
    "Published",
    "PublishedMemory",
    "Site",
    "WitnessPolicy",
    "check_publication",
    "is_address",
    "key_file",
    "open_site",
    "read_checkpoint",
    "read_policy",
    "read_proof",
]
