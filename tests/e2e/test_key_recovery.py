"""A vault that has lost its keys gets them back from its custodians, as the how-to page says; and
what was destroyed meanwhile is not among them."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import calls, people
from tests.e2e.test_kms_providers import outcome
from tests.hostile.driving import events, opened
from tests.support import forked_programs
from tests.support.running_vault import ROOT, RunningVault
from vault.kms import KekName
from vault.records import ScopeRef
from vault.server.settings import TierName, load
from vault.store.shredding import add_to_list

pytestmark = pytest.mark.slow

FULL = TierName.FULL


class Ceremony:
    """Three custodians, two of whom restore, and a vault whose key store is a database of its
    own."""

    def __init__(self, folder: Path) -> None:
        (folder / "vault").mkdir()
        self.folder = folder
        self.vault = RunningVault(folder / "vault", f"sqlite:///{folder}/vault/vault.db")
        self.keys_file = folder / "vault" / "keys.db"
        text = self.vault.config.read_text("utf-8")
        database = f'database = "sqlite:///{folder}/vault/vault.db"'
        both = f'{database}\nkeys_database = "sqlite:///{self.keys_file}"'
        self.vault.config.write_text(text.replace(database, both), "utf-8")
        self.migrate()
        (folder / "safe").mkdir(mode=0o700)
        entries = []
        for name in ("alice", "bo", "cy"):
            key = folder / "safe" / f"{name}.key"
            done = self.vaultctl(
                "custodian", "--to", key, "--name", name, "--passphrase-fd", 0, given=f"of {name}"
            )
            assert done.returncode == 0, done.stderr
            entries.append(done.stdout)
        self.custodians = folder / "recovery.toml"
        self.custodians.write_text("threshold = 2\n\n" + "\n".join(entries))

    def migrate(self) -> None:
        command = forked_programs.command("vaultd", "migrate", "--config", self.vault.config)
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT)

    def vaultctl(self, *arguments: object, given: str = "") -> subprocess.CompletedProcess[str]:
        command = forked_programs.command("vaultctl", "keys", *arguments)
        return subprocess.run(
            command, input=given, capture_output=True, text=True, check=False, cwd=ROOT
        )

    def back_up(self, name: str = "backup") -> Path:
        path = self.folder / name
        config = ("--config", self.vault.config)
        done = self.vaultctl("backup", *config, "--custodians", self.custodians, "--to", path)
        assert done.returncode == 0, done.stderr
        assert "any 2 of 3 custodians open it" in done.stdout
        return path

    def restore(self, path: Path, *who: str, more: tuple[object, ...] = ()) -> "Ran":
        keys: list[object] = []
        for name in who:
            keys += ["--custodian-key", self.folder / "safe" / f"{name}.key"]
        words = "\n".join(f"of {name}" for name in who)
        config = ("--config", self.vault.config, "--passphrase-fd", 0)
        return self.vaultctl("restore", path, *config, *keys, *more, given=words)


Ran = subprocess.CompletedProcess[str]


@pytest.fixture
def ceremony(tmp_path: Path) -> Iterator[Ceremony]:
    made = Ceremony(tmp_path)
    yield made
    made.vault.stop()


def shredded(name: str) -> ScopeRef:
    _, institution, _, customer = name.split("/")
    return ScopeRef(institution, customer, "identity")


def test_a_lost_key_store_and_its_key_files_come_back(ceremony: Ceremony) -> None:
    vault = ceremony.vault
    vault.start(FULL)
    kept, created = calls.create(vault).name, calls.create(vault, people.person())
    gone = created.name
    path = ceremony.back_up()

    # After the backup: one more customer, and one whose keys are destroyed.
    late = calls.create(vault, people.person()).name
    with opened(vault) as data:
        data.write_sync(lambda conn: add_to_list(conn, [shredded(gone)], 1))
    drilled = ceremony.restore(path, "alice", "cy", more=("--drill",))
    assert drilled.returncode == 0, drilled.stderr
    assert re.search(r"full_file_keys +2 +in the vault +3 +different", drilled.stdout)
    assert "1 scopes were not yet buried in it, 2 keys of theirs were destroyed" in drilled.stdout
    assert re.search(r"Opened: 6 branch and index keys, 2 file keys", drilled.stdout)
    assert outcome(lambda: calls.get(vault, late)) == "OK"  # nothing has changed

    # The disk with the keys is lost.
    vault.terminate(FULL)
    for file in ceremony.keys_file.parent.glob("keys.db*"):
        file.unlink()
    kms = vault.folder / "kms" / "full"
    for kek in KekName:
        (kms / f"{kek.value}.kek").unlink()
    ceremony.migrate()
    with pytest.raises(RuntimeError, match=r"full\.kek"):
        vault.start(FULL)

    alone = ceremony.restore(path, "bo")
    assert alone.returncode == 13
    assert "2 custodians are needed" in alone.stderr
    done = ceremony.restore(path, "bo", "alice", more=("--keks-to", kms))
    assert done.returncode == 0, done.stderr
    assert "opened by alice, bo" in done.stdout
    assert str(kms / "full.kek") in done.stdout

    vault.start(FULL)
    assert outcome(lambda: calls.get(vault, kept)) == "OK"
    assert outcome(lambda: calls.get(vault, gone)) == "SHREDDED"
    assert outcome(lambda: calls.get(vault, late)) == "SHREDDED"  # newer than the backup
    customer = people.person()
    customer.name, customer.etag = gone, created.etag
    assert outcome(lambda: calls.update(vault, customer, "branch")) == "SHREDDED"
    assert outcome(lambda: calls.create(vault, people.person())) == "OK"

    with opened(vault) as data:
        told = {e.action: e for e in events(data) if e.action.startswith("keys.backup.")}
    made, restored = told["keys.backup.made"], told["keys.backup.restored"]
    assert made.resource == restored.resource
    assert made.workload == restored.workload == f"uid:{os.geteuid()}"
    assert list(restored.resources) == ["custodians/alice", "custodians/bo"]
    assert list(made.resources)[1:] == ["custodians/alice", "custodians/bo", "custodians/cy"]


def test_a_key_store_that_came_back_by_a_copy_is_shredded_before_it_serves(
    ceremony: Ceremony,
) -> None:
    vault = ceremony.vault
    vault.start(FULL)
    kept, gone = calls.create(vault).name, calls.create(vault, people.person()).name
    vault.terminate(FULL)
    old = ceremony.folder / "old.db"
    shutil.copy(ceremony.keys_file, old)
    with opened(vault) as data:
        data.write_sync(lambda conn: add_to_list(conn, [shredded(gone)], 1))
    vault.start(FULL)
    assert outcome(lambda: calls.get(vault, gone)) == "SHREDDED"
    vault.terminate(FULL)
    for file in ceremony.keys_file.parent.glob("keys.db*"):
        file.unlink()
    shutil.copy(old, ceremony.keys_file)
    ceremony.keys_file.chmod(0o600)
    vault.start(FULL)
    assert outcome(lambda: calls.get(vault, kept)) == "OK"
    assert outcome(lambda: calls.get(vault, gone)) == "SHREDDED"
    assert "shred list replayed" in vault.log_text(FULL)


def test_what_has_keys_is_not_replaced_unless_that_is_said(ceremony: Ceremony) -> None:
    vault = ceremony.vault
    vault.start(FULL)
    name = calls.create(vault).name
    path = ceremony.back_up()
    vault.terminate(FULL)
    refused = ceremony.restore(path, "alice", "bo")
    assert refused.returncode == 2
    assert "--replace" in refused.stderr
    done = ceremony.restore(path, "alice", "bo", more=("--replace",))
    assert done.returncode == 0, done.stderr
    vault.start(FULL)
    assert outcome(lambda: calls.get(vault, name)) == "OK"


def test_custodians_may_keep_their_keys_on_machines_of_their_own(ceremony: Ceremony) -> None:
    vault = ceremony.vault
    vault.start(FULL)
    name = calls.create(vault).name
    path = ceremony.back_up()
    head = ceremony.folder / "head"
    head.write_bytes(path.read_bytes().partition(b"\n")[0] + b"\n")
    words = []
    for who in ("bo", "cy"):
        key = ceremony.folder / "safe" / f"{who}.key"
        at = ("--custodian-key", key, "--passphrase-fd", 0)
        hidden = ceremony.vaultctl("share", head, *at, given=f"of {who}")
        assert hidden.returncode == 2
        assert "terminal" in hidden.stderr
        said = ceremony.vaultctl("share", head, *at, "--to-fd", 1, given=f"of {who}")
        assert said.returncode == 0, said.stderr
        words.append(said.stdout.strip())
    shutil.rmtree(ceremony.folder / "safe")
    vault.terminate(FULL)
    config = ("--config", vault.config, "--words-fd", 0, "--replace")
    done = ceremony.vaultctl("restore", path, *config, given="\n".join(words))
    assert done.returncode == 0, done.stderr
    assert "opened by bo, cy" in done.stdout
    assert not set(words[0].split()[4:]) & set((done.stdout + done.stderr).split())
    vault.start(FULL)
    assert outcome(lambda: calls.get(vault, name)) == "OK"


def test_a_wrong_passphrase_says_so_and_shows_nothing(ceremony: Ceremony) -> None:
    ceremony.vault.start(FULL)
    path = ceremony.back_up()
    keys: list[object] = ["--custodian-key", ceremony.folder / "safe" / "alice.key"]
    config = ("--config", ceremony.vault.config, "--passphrase-fd", 0)
    done = ceremony.vaultctl("restore", path, *config, *keys, "--drill", given="of nobody")
    assert done.returncode == 13
    assert "another passphrase" in done.stderr
    assert "nobody" not in done.stdout + done.stderr
    assert load(ceremony.vault.config, FULL).log.origin in path.read_bytes()[:4096].decode("latin1")
