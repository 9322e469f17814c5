"""What one bare signature check costs at this moment: the unit of the rows that take minutes, while the machine's speed changes."""

from __future__ import annotations

import time

from tests.build import KEY

_ROUNDS, _CHECKS = 5, 2000


def signature_us() -> float:
    """Microseconds of processor time of one check with ``cryptography``; the best of some rounds."""
    public, message = KEY.private.public_key(), bytes(32)
    signature = KEY.private.sign(message)
    best = float("inf")
    for _ in range(_ROUNDS):
        begin = time.process_time()
        for _ in range(_CHECKS):
            public.verify(signature, message)
        best = min(best, time.process_time() - begin)
    return best / _CHECKS * 1e6


def told(each_us: float, signature: float, peak_kb: float) -> str:
    """A row's figures: what a receipt costs, in signatures and in microseconds, and the peak memory."""
    return (
        f"{each_us / signature:.2f} of a signature, {each_us:.0f} us each, {peak_kb / 1024:.0f} MB"
    )


TARGET = "< 1, <= 150 MB"
