"""Ports for servers that are started some time after their ports are chosen."""

import random
import socket

# Below the range from which Linux takes ports for outgoing connections (32768 to 60999 by
# default), so that no other test's connection can take one in between.
_RANGE = range(20_000, 32_000)


def quiet_ports(count: int) -> tuple[int, ...]:
    """Different ports that were free just now, on both loopback addresses."""
    candidates = iter(random.sample(_RANGE, len(_RANGE)))
    found: list[int] = []
    while len(found) < count:
        port = next(candidates)
        if all(_free(*where, port) for where in _LOOPBACKS):
            found.append(port)
    return tuple(found)


_LOOPBACKS = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


def _free(family: socket.AddressFamily, host: str, port: int) -> bool:
    with socket.socket(family) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
