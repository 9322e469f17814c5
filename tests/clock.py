"""A clock that a test sets, in the place of that of the machine."""

from __future__ import annotations

DAY = 86_400_000


class Clock:
    """What time it is, in ms, for the issuing side."""

    def __init__(self, monkeypatch, now: int) -> None:
        self.now = now
        for name in ("receipts.journal.journal.time_ns", "receipts.key_folder.time_ns"):
            monkeypatch.setattr(name, lambda: self.now * 1_000_000)
        monkeypatch.setattr("cli.key_folder.now", lambda: self.now)
