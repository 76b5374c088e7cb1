"""What of an import is done: a file that survives SIGKILL, so that the import can go on.

One line a batch, appended when the vault has answered it. A batch that was stored but whose line
is missing (killed in between) is sent again with the same request_id, and the vault gives its
first answer. The order of the two files: refused rows are on disk first, then the batch's line,
which says how long the file of refused rows then was; what is beyond that on resuming belongs to
a batch without a line, and is cut off.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recordsvault_client import Profile, Tier
from vault.cli.vaultctl.failures import INPUT, CommandError
from vault.cli.vaultctl.import_sums import Sums
from vault.cli.vaultctl.options import unreadable

# Names of request_ids; made once, by chance, and never to be changed: it would part every import
# that is under way from what it has stored.
_NAMESPACE = uuid.UUID("8f0c53f2-5f0e-4cf1-9e0a-6f0a3ad7b1c4")


@dataclass(frozen=True, slots=True)
class Done:
    """A batch that the vault has answered."""

    rows: int
    stored: int
    refused: int
    refused_sums: Sums = field(default_factory=Sums)


@dataclass(frozen=True, slots=True)
class ImportKey:
    """What an import is about. A request_id is made of this and the batch's first row.

    `terms` (a digest of options and mapping) is no part of it: the same file by other terms has the
    same request_ids with other contents, which the vault refuses, and so stores nothing twice.
    """

    file_sha256: str
    institution: str
    vault: str
    batch: int
    kind: str
    terms: str = ""

    @classmethod
    def make(
        cls, stream: io.BufferedReader, profile: Profile, batch: int, kind: str, terms: str = ""
    ) -> ImportKey:
        """Read the file once for its digest, and go back to its start."""
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        stream.seek(0)
        # Another vault at the same address has another CA, and none of what this one stored.
        vault = hashlib.sha256(
            profile.endpoint(Tier.FULL).encode() + b"\0" + profile.ca
        ).hexdigest()
        return cls(digest, profile.institution, vault[:16], batch, kind, terms)

    def request_id(self, first_row: int) -> str:
        """The request_id of the batch that begins with row `first_row`, from 0."""
        name = f"{self.file_sha256}/{self.institution}/{self.batch}/{self.kind}/{first_row}"
        return str(uuid.uuid5(_NAMESPACE, name))

    @property
    def section(self) -> str:
        """Names the lines of this file and vault in a state file."""
        name = f"{self.file_sha256}/{self.institution}/{self.vault}"
        return hashlib.sha256(name.encode()).hexdigest()[:16]


class ImportState:
    """The state file of an import, locked while it is open."""

    def __init__(self, path: Path, key: ImportKey) -> None:
        """Open or make the file, and read what is done. Raises CommandError."""
        self._path = path
        self._section = key.section
        self.done: dict[int, Done] = {}
        self.rejected_bytes = 0
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise unreadable(path, error) from None
        try:
            self._lock()
            if not self._load(key):
                begun = {"v": 1, "import": key.section, "batch": key.batch, "kind": key.kind}
                self._append(begun | ({"terms": key.terms} if key.terms else {}))
        except BaseException:
            os.close(self._file)
            raise

    def record(self, first_row: int, done: Done, rejected_bytes: int) -> None:
        """A batch is answered, and its refused rows are on disk."""
        self.done[first_row] = done
        entry: dict[str, Any] = {
            "import": self._section,
            "first_row": first_row,
            "rows": done.rows,
            "stored": done.stored,
            "refused": done.refused,
            "rejected_bytes": rejected_bytes,
        }
        if done.refused_sums.by_currency:
            entry["refused_sums"] = done.refused_sums.plain()
        self._append(entry)

    def close(self) -> None:
        """Let the file go."""
        os.close(self._file)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CommandError(
                f"{self._path} is in use: another import of this file is running.",
                f"{self._path} 正在使用中：该文件的另一次导入正在运行。",
                INPUT,
            ) from None

    def _load(self, key: ImportKey) -> bool:
        """Read the lines of this import; whether it had begun."""
        begun = False
        whole = 0
        with os.fdopen(os.dup(self._file), "rb") as stream:
            stream.seek(0)
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                entry = self._parse(line)
                if entry.get("import") != self._section:
                    continue
                if "first_row" in entry:
                    self._done(entry)
                else:
                    begun = True
                    self._same(entry, key)
        # A line that was cut short by a kill is no line.
        os.ftruncate(self._file, whole)
        return begun

    def _parse(self, line: bytes) -> dict[str, Any]:
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict) or entry.get("v", 1) != 1:
            raise self._no_state()
        return entry

    def _done(self, entry: dict[str, Any]) -> None:
        try:
            sums = Sums.of(entry.get("refused_sums", {}))
            done = Done(entry["rows"], entry["stored"], entry["refused"], sums)
            self.done[entry["first_row"]] = done
            self.rejected_bytes = entry["rejected_bytes"]
        except (KeyError, ValueError, AttributeError):
            raise self._no_state() from None

    def _no_state(self) -> CommandError:
        return CommandError(
            f"{self._path} is no state file of an import: give another --state.",
            f"{self._path} 不是导入状态文件：请指定其他 --state。",
            INPUT,
        )

    def _same(self, entry: dict[str, Any], key: ImportKey) -> None:
        if (entry.get("batch"), entry.get("kind")) != (key.batch, key.kind):
            # Other batches have other request_ids: what is stored would be stored once more.
            options = f"--batch {entry.get('batch')}"
            if entry.get("kind"):
                options += f" --kind {entry['kind']}"
            raise CommandError(
                f"This import was begun with {options}: go on with the same.",
                f"此导入开始时使用 {options}：请使用相同选项继续。",
                INPUT,
            )
        if entry.get("terms", "") != key.terms:
            raise CommandError(
                "This import was begun with other options or another mapping: go on with those. "
                "What is stored by them is not changed by others.",
                "此导入开始时使用了其他选项或映射：请使用相同选项继续。已存储的内容不会因此改变。",
                INPUT,
            )

    def _append(self, entry: dict[str, Any]) -> None:
        data = (json.dumps(entry) + "\n").encode()
        try:
            written = os.write(self._file, data)
        except OSError as error:
            raise unreadable(self._path, error) from None
        if written != len(data):
            raise CommandError(
                f"{self._path} cannot be written: the disk is full.",
                f"无法写入 {self._path}：磁盘已满。",
                INPUT,
            )
