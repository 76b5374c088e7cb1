"""Where tests lay their files: in memory, if the machine has enough of it to lend.

A test makes some hundred small files, for a PostgreSQL database three hundred more, and each is
work for a file system on a disk. What a killed process has written outlives it in either place;
what needs a disk that is full or forgets makes one (tests/hostile/test_ill_disks.py).
"""

import os
import tempfile
from pathlib import Path

import psutil

_MEMORY = Path("/dev/shm")  # where Linux has it
_ENOUGH = 6 << 30
"""Bytes; a whole run takes less than half."""


def lay_files_in_memory() -> None:
    """For this process and those that it starts, unless somebody has said where (`TMPDIR`)."""
    if "TMPDIR" not in os.environ and _lends():
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None


def _lends() -> bool:
    try:
        found = os.statvfs(_MEMORY)
    except OSError:
        return False
    # Some tests run programs that they write.
    usable = not found.f_flag & os.ST_NOEXEC and os.access(_MEMORY, os.W_OK)
    free = min(found.f_bavail * found.f_frsize, psutil.virtual_memory().available)
    return usable and free >= _ENOUGH
