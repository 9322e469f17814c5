"""All cheats: importing this enters them into `scene.CHEATS`."""

from tests.week import cheats_calls, cheats_counts, cheats_told
from tests.week.scene import CHEATS

__all__ = ["CHEATS", "cheats_calls", "cheats_counts", "cheats_told"]
