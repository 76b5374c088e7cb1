"""Asks a server that waits for shares, by its local socket (vault/server/unsealing.py)."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from vault.cli.vaultctl.failures import INPUT, CommandError

_SECONDS: Final = 15.0
_MOST_BYTES: Final = 4_096
_AWAY: Final = 9


@dataclass(frozen=True, slots=True)
class Answer:
    """How far the unsealing is."""

    sealed: bool
    given: int
    threshold: int
    shares: int


def ask(path: Path, share: str = "") -> Answer:
    """Give a share, or ask how far it is. Raises CommandError, which never holds a word."""
    question = {"share": share} if share else {"status": True}
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_SECONDS)
            connection.connect(str(path))
            connection.sendall(json.dumps(question).encode() + b"\n")
            with connection.makefile("rb") as lines:
                line = lines.readline(_MOST_BYTES)
    except FileNotFoundError:
        raise CommandError(
            f"Nobody waits for shares at {path}: the server is not running, or is unsealed.",
            f"{path} 处没有服务在等待份额：服务未启动，或已解封。",
            _AWAY,
        ) from None
    except OSError as error:
        raise CommandError(
            f"{path} cannot be used: {error.strerror or type(error).__name__}.",
            f"{path} 无法使用：{error.strerror or type(error).__name__}。",
            _AWAY,
        ) from None
    try:
        said: Any = json.loads(line)
        problem = str(said.get("problem", ""))
        if problem:
            raise CommandError(f"Not taken: {problem}.", f"未接受：{problem}。", INPUT)
        return Answer(
            bool(said["sealed"]), *(int(said[k]) for k in ("given", "threshold", "shares"))
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        raise CommandError(
            f"What answers at {path} is no vault that waits for shares.",
            f"{path} 处应答的不是等待份额的保险库。",
            _AWAY,
        ) from None
