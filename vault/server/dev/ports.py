"""Whether a port of this machine is free, asked before a server is started on it."""

from __future__ import annotations

import errno
import socket

from vault.server.dev.files import DevFolderUnusable
from vault.server.dev.layout import Ports


def require_free(ports: Ports) -> None:
    """Raises DevFolderUnusable, naming the option that helps, if something listens there."""
    for option, port in (("--port-full", ports.full), ("--port-masked", ports.masked)):
        if not _free(port):
            raise DevFolderUnusable(
                f"port {port} is in use by another program; stop it, or give {option} another port"
            )


def _free(port: int) -> bool:
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                # A port whose last connections are still being forgotten counts as free.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
        except PermissionError:
            raise DevFolderUnusable(
                f"port {port} needs more rights; give a port from 1024 on"
            ) from None
        except OSError as error:
            # A machine without IPv6 says that the address or family is not there: not "in use".
            if error.errno == errno.EADDRINUSE:
                return False
    return True
