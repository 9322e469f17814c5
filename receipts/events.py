"""How the last event of a stream of server-sent events begins, at OpenAI, Anthropic and those who do as they do."""

from __future__ import annotations

from typing import Final

NAMED: Final = tuple(
    f"{start}{space}{end}".encode()
    for start, ends in (
        ("data:", ("[DONE]",)),
        (
            "event:",
            ("message_stop", "response.completed", "response.incomplete", "response.failed"),
        ),
    )
    for end in ends
    for space in ("", " ")
)
"""How the line begins that makes an event the last one of its stream."""
_UNNAMED: Final = tuple(
    f'data:{space}{{"type":{gap}"{kind}"'.encode()
    for kind in ("message_stop", "response.completed", "response.incomplete", "response.failed")
    for space in ("", " ")
    for gap in ("", " ")
)
"""The same of servers that leave the event's name out. Such an event is not held back, so the receipt may come after it."""
TERMINAL: Final = NAMED + _UNNAMED
