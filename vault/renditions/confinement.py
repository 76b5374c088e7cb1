"""What a process that decodes gives up before it reads the first byte of a document.

Everything that it needs is loaded by then. Afterwards it can open no file and no socket, start no
process, write no file, and take no more memory and time than it was given. A decoder that a
document has taken over has two pipes and what is in memory: one document, no key.

All of this an unprivileged process can do to itself, and it binds root as well.
"""

import ctypes
import os
import resource
import sys
from typing import Final

from vault.renditions.syscalls import leave_few_calls

_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38


def confine(memory: int, processor_seconds: int) -> None:
    """Give up what is not needed, for good. `memory`: bytes of address space, what is held
    included. Raises OSError where the system does not let it."""
    os.chdir("/")
    os.closerange(3, 256)
    _limit(resource.RLIMIT_AS, memory)
    # Past the first it gets a signal that tells why it ended, past the second it is killed.
    _limit(resource.RLIMIT_CPU, processor_seconds, processor_seconds + 2)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    # The highest number that a file may have from now on: those of the two pipes are below it.
    _limit(resource.RLIMIT_NOFILE, 0)
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None).prctl
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        # Nobody of the same user reads its memory, and it leaves no image of it.
        prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    leave_few_calls()


def _limit(what: int, most: int, hard: int | None = None) -> None:
    held = resource.getrlimit(what)[1]
    limits = [
        one if held == resource.RLIM_INFINITY else min(one, held)
        for one in (most, most if hard is None else hard)
    ]
    resource.setrlimit(what, (limits[0], limits[1]))
