"""A disk so small that a test can fill it.

A tmpfs of its own, where this user may mount one, so that what fails fails with the real "No space
left on device". Elsewhere the processes are forbidden to let a file grow, which fails like it.
"""

import contextlib
import resource
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PAGE = 4096


class SmallDisk:
    """Use as a context manager around everything that has files on it."""

    def __init__(self, folder: Path, kib: int) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={kib}k,mode=0700", "tmpfs", str(folder)]
        self.mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0

    def __enter__(self) -> "SmallDisk":
        return self

    def __exit__(self, *_: object) -> None:
        if self.mounted:
            # Lazily: a process that is just ending may have a file open yet.
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    @contextmanager
    def full(self, pids: Iterable[int]) -> Iterator[None]:
        """Not a byte more fits on it, for these processes at least."""
        if self.mounted:
            filler = self.folder / "filler"
            with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(_PAGE))
            try:
                yield
            finally:
                filler.unlink()
            return
        before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
        for pid, (_, hard) in before.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (64, hard))
        try:
            yield
        finally:
            for pid, limits in before.items():
                resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
