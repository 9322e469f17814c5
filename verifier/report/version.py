"""Who made a report: the verifier, and the specification that it follows. Tests hold both to the project's own files."""

from typing import Final

FORMAT: Final = 1
"""Version of the report object (spec/report.md)."""
NAME: Final = "token-receipts"
VERSION: Final = "0.1.0"
"""Of the verifier."""
SPECIFICATION: Final = {"version": 1, "draft": 6}
"""Of spec/verification.md."""
