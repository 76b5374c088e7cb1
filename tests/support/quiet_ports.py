"""Ports for servers that are started some time after their ports are chosen."""

import fcntl
import os
import random
import socket
import tempfile
from functools import cache
from pathlib import Path

# Below the range from which Linux takes ports for outgoing connections (32768 to 60999 by
# default), so that no other test's connection can take one in between.
_RANGE = range(20_000, 32_000)
_LOOPBACKS = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_given: set[int] = set()


def quiet_ports(count: int) -> tuple[int, ...]:
    """Different ports, free on both loopback addresses, that no other test has been given.

    They stay this process's until it ends: none is given twice.
    """
    candidates = iter(random.sample(_RANGE, len(_RANGE)))
    found: list[int] = []
    while len(found) < count:
        port = next(candidates)
        if port not in _given and all(_free(*where, port) for where in _LOOPBACKS) and _claim(port):
            _given.add(port)
            found.append(port)
    return tuple(found)


def free_port() -> int:
    """One such port."""
    return quiet_ports(1)[0]


def _free(family: socket.AddressFamily, host: str, port: int) -> bool:
    with socket.socket(family) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _claim(port: int) -> bool:
    """Whether no other process that runs tests has the port, nor gets it from now on.

    Otherwise two could choose one before either serves there: a client of the one would meet the
    other's certificate, and a server that a test has killed could not come back.
    """
    try:
        fcntl.lockf(_claims(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@cache
def _claims() -> int:
    """A file with a byte a port: whoever holds the lock on the byte has the port. The descriptor
    stays open, since closing it would give up every lock."""
    path = Path(tempfile.gettempdir(), f"recordsvault-test-ports-{os.geteuid()}")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
