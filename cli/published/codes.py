"""The findings of spec/publication.md."""

from __future__ import annotations

from typing import Final

from cli.standing import Code
from verifier import Severity

_ASK = "ask the issuer; keep both as evidence"
_R, _I = Severity.REJECTED, Severity.INCOMPLETE

CODES: Final = {
    "publication-malformed": Code("P-1.1", _R, "the proof or the checkpoint is not of the form",
        "get the file again"),
    "checkpoint-invalid": Code("P-2.1", _R, "a signature on the checkpoint does not hold",
        "get the checkpoint again; if it stays so, ask the issuer"),
    "checkpoint-unsigned": Code("P-2.2", _I, "no trusted key of the issuer has signed the checkpoint",
        "pin the issuer's newest key file: receipt trust add"),
    "witnesses-missing": Code("P-2.3", _I, "too few of the witnesses have cosigned the checkpoint",
        "get it again later; if it stays so, others may be shown another log: compare with them"),
    "entry-unproven": Code("P-3.1", _R, "the proof does not lead from the statement to the checkpoint",
        "the log has another statement of this number, or none: " + _ASK),
    "blind-differs": Code("P-3.2", _R, "the account is in the log under two blinds", _ASK),
    "entries-missing": Code("P-4.1", _I, "the site has fewer entries than its checkpoint counts",
        "get the whole file"),
    "entries-differ": Code("P-4.2", _R, "the entries are not those of the checkpoint",
        "get both files again; if it stays so, ask the issuer"),
    "log-rewritten": Code("P-4.3", _R, "the log does not continue what it was before",
        "the two checkpoints prove it; they are kept beside the proofs"),
    "log-behind": Code("P-4.4", _I, "the site is older than a checkpoint that is known",
        "get the newest checkpoint and entries"),
    "statement-published-twice": Code("P-4.5", _R, "the log has two entries for the statement's number",
        "the issuer has another statement of this number: " + _ASK),
    "statement-published-otherwise": Code("P-4.6", _R, "the log has another statement of this number", _ASK),
    "statement-unpublished": Code("P-4.7", _I, "the log has no entry for the statement",
        "ask the issuer to publish it"),
    "statement-uncompared": Code("P-5.1", _I, "the statement was not looked for in a log",
        "give its proof: --published NUMBER.tlog-proof"),
}  # fmt: skip
