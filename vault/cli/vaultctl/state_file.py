"""A small JSON file that a command goes on from: whole or as before, whatever happens meanwhile.

It is written beside, synced and put in place; the folder is synced too. One process has it at a
time.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from vault.cli.vaultctl.durable import sync_folder
from vault.cli.vaultctl.failures import INPUT, CommandError
from vault.cli.vaultctl.options import unreadable

_FORMAT = 1


class StateFile:
    """A state of one `kind`; where `path` is None nothing is kept. Raises CommandError."""

    def __init__(self, path: Path | None, kind: str) -> None:
        self._path = path
        self._kind = kind
        self._lock = -1
        if path is None:
            return
        try:
            self._lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(
                f"{path} is in use by another run of this command.",
                f"{path} 正被该命令的另一次运行使用。",
                INPUT,
            ) from None
        except OSError as error:
            raise unreadable(path, error) from None

    def load(self) -> dict[str, Any] | None:
        """What was saved last; None at the first time. Raises CommandError for another file."""
        if self._path is None or not self._path.exists():
            return None
        try:
            state = json.loads(self._path.read_bytes())
        except OSError as error:
            raise unreadable(self._path, error) from None
        except ValueError:
            state = None
        if not isinstance(state, dict) or (state.get("v"), state.get("kind")) != (
            _FORMAT,
            self._kind,
        ):
            raise self.unusable()
        return state

    def unusable(self) -> CommandError:
        """That the file is not one of this command's."""
        return CommandError(
            f"{self._path} is no state of this command: give another --state.",
            f"{self._path} 不是该命令的状态文件：请指定其他 --state。",
            INPUT,
        )

    def save(self, state: dict[str, Any]) -> None:
        """Keep the state; on disk when this returns. Raises CommandError."""
        path = self._path
        if path is None:
            return
        draft = path.with_name(path.name + ".new")
        text = json.dumps({"v": _FORMAT, "kind": self._kind, **state}, ensure_ascii=False)
        try:
            file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(file, "w", encoding="utf-8") as stream:
                stream.write(text + "\n")
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(path)
            sync_folder(path.parent)
        except OSError as error:
            raise unreadable(path, error) from None

    def __enter__(self) -> Self:
        """The file itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let others have it."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
