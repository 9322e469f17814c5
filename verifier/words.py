"""Words that messages and reports share."""


def plural(count: int, noun: str) -> str:
    """A count with its noun: 1 receipt, 2 receipts."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
