"""A process whose peak memory is its own: it is begun by a small one, since a child's peak begins with that of its parent."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_LAUNCH = """
import os, sys
pid = os.posix_spawn(sys.executable, [sys.executable, *sys.argv[1:]], os.environ)
_, status, used = os.wait4(pid, 0)
print(used.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def launched(program: Sequence[str | Path]) -> tuple[str, int]:
    """Run Python with arguments, and return what it printed and its peak memory in KiB.

    Raises:
        subprocess.CalledProcessError: it did not end well.
    """
    command = [sys.executable, "-c", _LAUNCH, *map(str, program)]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    printed, _, peak = run.stdout.rstrip("\n").rpartition("\n")
    return printed, int(peak)
