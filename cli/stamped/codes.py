"""The findings of spec/timestamp.md."""

from __future__ import annotations

from typing import Final

from cli.standing import Code
from verifier import Severity

_R, _I = Severity.REJECTED, Severity.INCOMPLETE

CODES: Final = {
    "timestamp-malformed": Code("T-1", _R, "the file is no answer of a time stamp authority",
        "give the .tsr that the authority answered"),
    "timestamp-refused": Code("T-2", _I, "the authority did not give a time stamp", "ask it again"),
    "timestamp-other": Code("T-3", _I, "the time stamp is on something else than a statement here",
        "it is on the last 66 bytes of a signed statement: spec/timestamp.md"),
    "nonce-differs": Code("T-4", _R, "the time stamp is not the answer to the request",
        "give the .tsr that belongs to the .tsq beside it"),
    "authority-unknown": Code("T-5", _I, "the time stamp is by an authority that is not trusted",
        "name the certificate that you trust: --authority FILE"),
    "authority-expired": Code("T-6", _R, "the certificate of the authority was not valid at that time",
        "ask the authority"),
    "timestamp-invalid": Code("T-7", _R, "the signature of the authority does not hold",
        "get the answer again; the token was altered, or the certificate is not for time stamps"),
    "statement-unstamped": Code("T-8", _I, "no time stamp was shown for the statement",
        "ask the issuer for its time stamp"),
}  # fmt: skip
