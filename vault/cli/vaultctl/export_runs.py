"""The folder that files are exported to: a folder for each run, and in it, when all is done,

    {customer}.bundle    files, each sealed
    files.jsonl          a line a file, with its size and SHA-256
    manifest.json        that list's SHA-256, what was asked for, and the counts
    manifest.note        the log's signature over the manifest

and above them, for people, index.html (export_page.py).

A file has its name when it is whole and durable. The list grows with each manifest that comes; what
no manifest lists is of a run that broke off, and is removed when the export goes on, from behind
the last customer whom one does list.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final

from recordsvault.bundles.v1 import exports_pb2 as pb
from recordsvault.bundles.v1 import transfers_pb2 as tp
from vault.bundles.manifest import MANIFEST, NOTE
from vault.cli.vaultctl.durable import sync_folder
from vault.cli.vaultctl.failures import INPUT, NOT_PROVED, CommandError

LINES: Final = "files.jsonl"
PAGE: Final = "index.html"
_RUN: Final = re.compile(r"run-([1-9][0-9]{0,5})")
_FILE: Final = re.compile(r"[0-9a-z]{26}\.bundle")


Answer = pb.ExportFilesResponse | tp.TransferFilesResponse


@dataclass(frozen=True, slots=True)
class Run:
    """A run up to its last manifest."""

    folder: Path
    facts: Mapping[str, Any]


class RunFolder:
    """A run in the making. Raises OSError throughout, and CommandError for what does not fit."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self.folder = folder
        self.facts: Mapping[str, Any] = {}
        self.files = self.bytes = 0
        self._lines: list[str] = []
        self._open: BinaryIO | None = None
        self._customer = ""
        self._digest = sha256()
        self._written = 0

    def take(self, answer: Answer) -> None:
        """Write what came."""
        if answer.customer:
            self._data(answer.customer, answer.data)
            if answer.line:
                self._end(answer.line)
        if answer.manifest:
            self._manifest(answer.manifest, answer.note)

    def close(self) -> None:
        """Let go of a file that did not come to its end."""
        if self._open is not None:
            self._open.close()

    def _data(self, customer: str, data: bytes) -> None:
        if self._open is None:
            self._customer, self._digest, self._written = customer, sha256(), 0
            self._open = self._new(".part")
        elif customer != self._customer:
            raise _other()
        self._written += self._open.write(data)
        self._digest.update(data)

    def _end(self, line: str) -> None:
        said = json.loads(line)
        identifier = self._customer.rpartition("/")[2]
        if (
            self._open is None
            or said.get("customer") != self._customer
            or said.get("file") != f"{identifier}.bundle"
            or _FILE.fullmatch(said["file"]) is None
            or said.get("size") != self._written
            or said.get("sha256") != self._digest.hexdigest()
        ):
            raise _other()
        self._open.flush()
        os.fsync(self._open.fileno())
        self._open.close()
        self._open = None
        (self.folder / ".part").rename(self.folder / said["file"])
        self._lines.append(f"{line}\n")
        self.files += 1
        self.bytes += self._written

    def _manifest(self, manifest: bytes, note: bytes) -> None:
        if self._open is not None:
            raise _other()
        sync_folder(self.folder)
        with (self.folder / LINES).open("ab") as file:
            file.write("".join(self._lines).encode())
            file.flush()
            os.fsync(file.fileno())
        self._lines.clear()
        # The note first: a manifest without its note would be none, and the list may be longer.
        for name, data in ((NOTE, note), (MANIFEST, manifest)):
            with self._new(f".{name}") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        for name in (NOTE, MANIFEST):
            (self.folder / f".{name}").rename(self.folder / name)
        sync_folder(self.folder)
        self.facts = json.loads(manifest)["facts"]

    def _new(self, name: str) -> BinaryIO:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.fdopen(os.open(self.folder / name, flags, 0o600), "wb")


@dataclass(slots=True)
class Runs:
    """All runs of an export, in order. Raises OSError, and CommandError for another folder."""

    folder: Path
    runs: list[Run] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> Runs:
        """What there is. What no manifest lists is removed."""
        found = cls(folder)
        for path in sorted(folder.iterdir(), key=lambda one: (len(one.name), one.name)):
            if path.name in (PAGE, f".{PAGE}") and path.is_file():
                continue
            if _RUN.fullmatch(path.name) is None or not path.is_dir():
                raise CommandError(
                    f"{folder} holds something else than an export: name another folder.",
                    f"{folder} 中有导出以外的内容：请指定其他文件夹。",
                    INPUT,
                )
            facts = _tidied(path)
            if facts is not None:
                found.runs.append(Run(path, facts))
        return found

    @property
    def after(self) -> str:
        """The identifier of the last customer who was exported; "" where there is none."""
        return next(
            (one.facts["through"] for one in reversed(self.runs) if one.facts["through"]), ""
        )

    @property
    def complete(self) -> bool:
        """Whether the last run came to its end."""
        return bool(self.runs) and self.runs[-1].facts["complete"] is True

    def new(self) -> RunFolder:
        """The next run."""
        number = 1
        if self.runs:
            number += int(self.runs[-1].folder.name.removeprefix("run-"))
        return RunFolder(self.folder / f"run-{number}")


def _tidied(folder: Path) -> Mapping[str, Any] | None:
    """The facts of a run's last manifest, with the run brought back to it; None, and no folder,
    where none came."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        for path in _own(folder, "", ()):
            path.unlink()
        folder.rmdir()
        return None
    size = manifest["files"][0]["size"]
    with (folder / LINES).open("r+b") as file:
        file.truncate(size)
    facts: Mapping[str, Any] = manifest["facts"]
    for path in _own(folder, facts["through"], (LINES, MANIFEST, NOTE)):
        path.unlink()
    return facts


def _own(folder: Path, through: str, kept: Collection[str]) -> list[Path]:
    """Files of ours that are not kept. The vault exports in order of customers: those up to
    `through` are listed, and none behind him is."""
    ours = {LINES, MANIFEST, NOTE, ".part", f".{MANIFEST}", f".{NOTE}"}
    with os.scandir(folder) as entries:
        return [
            folder / one.name
            for one in entries
            if (_FILE.fullmatch(one.name) and one.name.partition(".")[0] > through)
            or (one.name in ours and one.name not in kept)
        ]


def check_run(folder: Path) -> tuple[int, Mapping[str, Any], bytes, bytes]:
    """Hold the files of a run to its list, and the list to its manifest: how many they are, the
    manifest's facts, manifest and note. Whoever calls it verifies the note. Raises CommandError."""
    manifest = (folder / MANIFEST).read_bytes()
    (entry,) = json.loads(manifest)["files"]
    digest, count = sha256(), 0
    with (folder / LINES).open("rb") as lines:
        for line in lines:
            digest.update(line)
            said = json.loads(line)
            with suppress(OSError), (folder / Path(said["file"]).name).open("rb") as file:
                count += _digest(file) == said["sha256"]
    listed = _lines(folder)
    if digest.hexdigest() != entry["sha256"] or count != listed:
        raise CommandError(
            f"Not proved: {folder} does not hold the files that its manifest lists.",
            f"未能证明：{folder} 中的文件与清单不符。",
            NOT_PROVED,
        )
    facts: Mapping[str, Any] = json.loads(manifest)["facts"]
    return count, facts, manifest, (folder / NOTE).read_bytes()


def _lines(folder: Path) -> int:
    with (folder / LINES).open("rb") as lines:
        return sum(1 for _ in lines)


def _digest(file: BinaryIO) -> str:
    found = sha256()
    while piece := file.read(1 << 20):
        found.update(piece)
    return found.hexdigest()


def _other() -> CommandError:
    return CommandError(
        "What came is not the file that the vault said it was. Ask for it anew.",
        "收到的内容与保险库所述的文件不符。请重新导出。",
        NOT_PROVED,
    )
