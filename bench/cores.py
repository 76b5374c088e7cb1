"""Who runs where: the measured server has one core to itself, everything else the others.

Without that, the kernel moves server and load between the cores, and each move costs the server
what its caches held: the same call then takes a third more processor time, and figures vary by as
much. Where there is one core only, or the system cannot do it, nothing is bound.
"""

import os
from pathlib import Path

_ALL = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
BOUND = len(_ALL) > 1


def bind_load() -> None:
    """Keep this process, and what it starts from now on, off the server's core."""
    if BOUND:
        os.sched_setaffinity(0, _ALL[1:])


def bind_server(pid: int) -> None:
    """Give a running process, with all its threads, the server's core."""
    if BOUND:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), _ALL[:1])
