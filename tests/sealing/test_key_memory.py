"""What the key ring lets go of is gone from the process's memory: its memory is searched.

The searched process is another one, since this one knows the keys that it looks for. The first
round of an AES-256 key schedule is the key itself (FIPS 197, 5.2), in this byte order or with each
word turned, so a held cipher is found by the key's own bytes. An SM4 cipher holds its key beside
its contexts. A file key is held as a key of each suite.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.sealing.conftest import BANK, Keys
from tests.support.suite_keys import of_file_key
from vault.kms import KekName, WrappedKey
from vault.records.scopes import Branch, ScopeRef
from vault.sealing import KeyRing
from vault.sealing.hierarchy import _branch_context, _file_key_aad, open_branch_key
from vault.store.keystore import FileKeyRow

HELD = ScopeRef(BANK, "held", "identity")
NEW = ScopeRef(BANK, "new", "identity")
ROOT = Path(__file__).parents[2]


@dataclass
class Holder:
    """The other process."""

    process: subprocess.Popen[str]

    def tell(self, word: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer.startswith("done "), f"the holder died: {answer!r}"
        return answer.removeprefix("done ").strip()

    def copies(self, key: bytes) -> int:
        """How often `key` stands in the process's writable memory."""
        turned = b"".join(key[at : at + 4][::-1] for at in range(0, len(key), 4))
        count = 0
        maps = Path(f"/proc/{self.process.pid}/maps").read_text().splitlines()
        with Path(f"/proc/{self.process.pid}/mem").open("rb", buffering=0) as memory:
            for line in maps:
                span, rights, *rest = line.split(maxsplit=5)
                if not rights.startswith("rw") or rest[-1].startswith("[v"):
                    continue
                start, end = (int(part, 16) for part in span.split("-"))
                content = os.pread(memory.fileno(), end - start, start)
                count += content.count(key) + content.count(turned)
        return count


@pytest.fixture
def holder(keys: Keys, ring: KeyRing, tmp_path: Path) -> Iterator[Holder]:
    ring.ensure([HELD])
    rows = tmp_path / "rows.pickle"
    rows.write_bytes(pickle.dumps((keys.store.branch_rows, keys.store.file_rows)))
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.support.key_holder",
            str(rows),
            str(keys.directory),
            str(keys.suite.suite_id),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with process:
        yield Holder(process)
        process.kill()


def file_keys(keys: Keys, ref: ScopeRef, row: FileKeyRow) -> list[bytes]:
    """The file key as each suite has it."""
    branch_key = open_branch_key(
        keys.kms, Branch.FULL, keys.store.branch_rows[Branch.FULL, BANK][1]
    )
    material = branch_key.aead.open_key(row.wrapped, _file_key_aad(branch_key, ref, row.key_id))
    return of_file_key(material)


def branch_key(keys: Keys) -> bytes:
    row = keys.store.branch_rows[Branch.FULL, BANK][1]
    wrapped = WrappedKey(KekName.FULL, row.kek_version, row.wrapped)
    return bytes(keys.kms.unwrap(wrapped, _branch_context(Branch.FULL, BANK, 1))[1:])


def copies(holder: Holder, sought: list[bytes]) -> list[int]:
    return [holder.copies(key) for key in sought]


def test_fetched_keys_are_in_memory_while_held_and_nowhere_in_it_afterwards(
    keys: Keys, holder: Holder
) -> None:
    file = file_keys(keys, HELD, keys.store.file_rows[Branch.FULL][HELD])
    branch = branch_key(keys)
    holder.tell("ready?")
    assert not any(copies(holder, [*file, branch]))
    holder.tell("fetch")
    assert all(copies(holder, file))
    assert holder.copies(branch) > 0
    holder.tell("clear")
    assert not any(copies(holder, [*file, branch]))


def test_keys_that_were_sealed_and_opened_with_are_gone_after_letting_go(
    keys: Keys, holder: Holder
) -> None:
    file = file_keys(keys, HELD, keys.store.file_rows[Branch.FULL][HELD])
    holder.tell("seal")
    assert all(copies(holder, file))
    holder.tell("clear")
    assert not any(copies(holder, [*file, branch_key(keys)]))


def test_a_key_that_the_process_made_itself_is_gone_after_letting_go(
    keys: Keys, holder: Holder
) -> None:
    row: FileKeyRow = pickle.loads(bytes.fromhex(holder.tell("ensure")))
    file = file_keys(keys, NEW, row)
    assert all(copies(holder, file))
    holder.tell("clear")
    assert not any(copies(holder, file))
