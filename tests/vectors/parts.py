"""What the vectors use of the verifier: the list of findings, the envelope, names of claims, the curve."""

from __future__ import annotations

from verifier import RULES
from verifier.crypto import ed25519 as curve
from verifier.format import labels
from verifier.format.envelope import Fault, open_envelope, to_be_signed

__all__ = ["RULES", "Fault", "curve", "labels", "open_envelope", "to_be_signed"]
