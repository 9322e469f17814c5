"""What became of the responses that could have had a receipt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """What became of the responses of the APIs that report usage."""

    issued: int = 0
    without_usage: int = 0
    """Answered without usage: an error, or a stream without ``include_usage``."""
    unreadable: int = 0
    """Neither JSON nor an event stream, or compressed: put the middleware inside of the one that compresses."""
    refused: int = 0
    """The usage contradicts itself, or a field breaks a rule; the log says which."""
    failed: int = 0
    """The journal could not be written, or no key may sign any more; the log says why."""
    hung_up: int = 0
    """The stream ended before its last event: the client went away, or the server failed. No final usage is known."""
