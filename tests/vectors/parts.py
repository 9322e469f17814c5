"""What the vectors use of the verifier: the list of findings, the envelope, names of claims, the curve."""

from __future__ import annotations

try:
    from verifier.crypto import ed25519 as curve
    from verifier.format import labels
    from verifier.format.envelope import Fault, open_envelope, to_be_signed

    from verifier import RULES
except ImportError:  # the layout before draft 2
    import re
    from pathlib import Path
    from types import SimpleNamespace

    from verifier import ed25519 as curve
    from verifier import labels
    from verifier.envelope import Fault, open_envelope, to_be_signed

    _TEXT = (Path(__file__).parents[2] / "spec/verification.md").read_text()
    RULES = {
        code: SimpleNamespace(severity=severity, grouped=bool(star), meaning=meaning)
        for code, star, severity, meaning in re.findall(
            r"^\| `([a-z-]+)`(\*?) \| (rejected|incomplete) \| (.*) \|$", _TEXT, re.MULTILINE
        )
    }

__all__ = ["RULES", "Fault", "curve", "labels", "open_envelope", "to_be_signed"]
