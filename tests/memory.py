"""What a process took of memory at most."""

from __future__ import annotations

import re
from pathlib import Path


def peak_mb() -> float:
    """The largest memory of this process, in MB. Not `ru_maxrss`: that one remembers the process that started this one."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024
