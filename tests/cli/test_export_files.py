"""`vaultctl export` against the vault: one file at once; all files by a check-out of two, broken
off and gone on with, and verified without the vault."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest

from tests.cli.test_with_the_vault import ctl
from tests.e2e.calls import create
from tests.e2e.test_merges import agree, propose
from tests.support.borrowing import add_person
from tests.support.bundles import Ledger, ledger, verify
from tests.support.lending import until_known
from tests.support.running_vault import RunningVault

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
WHY = ("--purpose", "regulator_request", "--case", "A-2026-7")
OTHERS = 60


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVault]:
    folder = tmp_path_factory.mktemp("export")
    with RunningVault(folder, f"sqlite:///{folder}/vault.db") as running:
        add_person(running, "auditor", "compliance")
        until_known(running, "auditor")
        for _ in range(OTHERS):
            create(running)
        yield running


@pytest.fixture(scope="module")
def books(vault: RunningVault) -> Ledger:
    return ledger(vault)


@pytest.fixture(scope="module")
def key(vault: RunningVault) -> Path:
    path = vault.folder / "regulator"
    assert ctl(vault, "compliance", "bundle", "keygen", str(path)).returncode == 0
    return path


@pytest.fixture(scope="module")
def vkey(vault: RunningVault) -> str:
    return str(vault.folder / "log.vkey")


def lent(vault: RunningVault) -> str:
    """All files, whole, agreed to by two."""
    made = ctl(
        vault, "compliance", "checkout", "request", "institution", "--whole-file", *WHY,
        "--for", "2h", "--reason", "The regulator asks", "--json",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    name = str(json.loads(made.stdout)["name"])
    for who in ("custodian", "auditor"):
        assert ctl(vault, who, "checkout", "approve", name, "--yes").returncode == 0
    return name


def test_one_file_is_produced_at_once_and_verified_without_the_vault(
    vault: RunningVault, books: Ledger, key: Path, vkey: str, tmp_path: Path
) -> None:
    target = tmp_path / "file.bundle"
    made = ctl(
        vault, "compliance", "export", "--customer", books.customer, "--out", str(target),
        "--recipient", f"{key}.pub", *WHY, "--json",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    said = json.loads(made.stdout)
    # "Produce within a minute": of a file of this size it takes a moment.
    assert said["size"] == target.stat().st_size and said["seconds"] < 60
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    proved = ctl(
        vault, "compliance", "bundle", "verify", str(target), "--key", vkey,
        "--private-key", str(key),
    )  # fmt: skip
    assert proved.returncode == 0, proved.stderr
    assert proved.stdout.startswith(f"Proved: {books.customer}, made ")
    alone = verify(tmp_path, target.read_bytes(), Path(vkey).read_text(), "--key", key)
    assert alone.returncode == 0, alone.stderr
    assert "files as" in alone.stdout
    data = bytearray(target.read_bytes())
    data[-100] ^= 1
    wrong = verify(tmp_path, bytes(data), Path(vkey).read_text(), "--key", key)
    assert wrong.returncode == 1 and "REFUSED" in wrong.stderr
    again = ctl(
        vault, "compliance", "export", "--customer", books.customer, "--out", str(target),
        "--recipient", f"{key}.pub", *WHY,
    )  # fmt: skip
    assert again.returncode == 13 and "not written over" in again.stderr


def test_all_files_are_exported_broken_off_gone_on_with_and_proved_whole(
    vault: RunningVault, books: Ledger, key: Path, vkey: str, tmp_path: Path
) -> None:
    target = tmp_path / "all"

    def export(*more: str) -> tuple[int, str, str]:
        done = ctl(
            vault, "compliance", "export", "--all", "--out", str(target),
            "--recipient", f"{key}.pub", *WHY, *more,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    code, _, told = export()
    assert code == 2 and "--whole-file" in told
    name = lent(vault)
    code, out, told = export("--check-out", name, "--json")
    assert (code, told) == (0, ""), told
    said = json.loads(out)
    assert said["reconciled"] is True
    assert said["files"] == said["files_stored"] == OTHERS + 1
    assert (said["transactions"], said["contents"]) == (5, 2)
    index = (target / "index.html").read_text("utf-8")
    assert name.rpartition("/")[2] in index and f"{books.customer.rpartition('/')[2]}" in index
    run = target / "run-1"
    assert len(list(run.glob("*.bundle"))) == OTHERS + 1

    def proved(folder: Path) -> tuple[int, str]:
        done = ctl(vault, "compliance", "bundle", "verify-export", str(folder), "--key", vkey)
        return done.returncode, done.stdout + done.stderr

    code, text = proved(target)
    assert code == 0 and f"all {OTHERS + 1} files" in text
    code, _, told = export("--check-out", name, "--go-on")
    assert code == 13 and "complete" in told

    # A lost file, an exchanged one, and a list cut short are seen.
    for number, harm in enumerate(("lost", "exchanged", "cut")):
        copy = tmp_path / f"harmed-{number}"
        copytree(target, copy)
        first, second = sorted((copy / "run-1").glob("*.bundle"))[:2]
        if harm == "lost":
            first.unlink()
        elif harm == "exchanged":
            first.write_bytes(second.read_bytes())
        else:
            lines = copy / "run-1" / "files.jsonl"
            lines.write_bytes(lines.read_bytes().partition(b"\n")[2])
        code, text = proved(copy)
        assert code == 21 and "Not proved" in text, harm

    _break_off(target / "run-1")
    code, text = proved(target)
    assert code == 21


def _break_off(run: Path) -> None:
    """Take the manifest away: then nothing is listed, and all of the run is done anew."""
    (run / "manifest.json").unlink()
    (run / ".part").write_bytes(b"half")


def test_an_export_that_lost_its_last_manifest_is_done_anew_by_another_check_out(
    vault: RunningVault, books: Ledger, key: Path, vkey: str, tmp_path: Path
) -> None:
    target = tmp_path / "some"
    names = [books.customer, create(vault).name]
    asked = [
        "export", *(part for one in names for part in ("--customer", one)),
        "--part", "transactions", "--out", str(target), "--recipient", f"{key}.pub", *WHY,
    ]  # fmt: skip
    first = ctl(vault, "compliance", *asked, "--check-out", lent(vault))
    assert first.returncode == 0, first.stderr
    _break_off(target / "run-1")
    again = ctl(vault, "compliance", *asked, "--check-out", lent(vault), "--go-on", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["files"] == 2
    done = ctl(vault, "compliance", "bundle", "verify-export", str(target), "--key", vkey)
    assert done.returncode == 0, done.stderr
    # What cannot begin leaves nothing behind.
    asked[asked.index("--out") + 1] = str(tmp_path / "none")
    used = ctl(vault, "compliance", *asked, "--check-out", "0" * 26)
    assert used.returncode == 6 and not (tmp_path / "none").exists()


def test_who_exports_a_file_is_told_in_his_language_of_the_other_files_of_its_customer(
    vault: RunningVault, key: Path, vkey: str, tmp_path: Path
) -> None:
    old, kept, other = create(vault).name, create(vault).name, create(vault).name
    agree(vault, propose(vault, old, kept))

    def export(out: str, *more: str) -> str:
        """What is said beside the answer."""
        done = ctl(
            vault, "compliance", *more, "--out", str(tmp_path / out),
            "--recipient", f"{key}.pub", *WHY,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stderr

    def named(*customers: str) -> list[str]:
        return [word for one in customers for word in ("--customer", one)]

    told = export("one", "export", *named(kept))
    assert "Further files are of the same customer" in told and f"  {old}\n" in told
    told = export("zh", "--lang", "zh", "export", *named(kept))
    assert "另有已合并的档案" in told and f"  {old}\n" in told
    assert not export("other", "export", *named(other))
    # Whoever gets the one by the other's name is told likewise.
    assert f"  {kept}\n" in export("old", "export", *named(old))

    some = export("some", "export", *named(kept, other), "--check-out", lent(vault))
    assert f"  {old}\n" in some
    assert not export("both", "export", *named(kept, old), "--check-out", lent(vault))

    # Likewise where the person himself has asked.
    asked = ctl(
        vault, "compliance", "subject", "request", kept, "--kind", "access",
        "--text", "All that you have of me", "--json",
    )  # fmt: skip
    assert asked.returncode == 0, asked.stderr
    answer = ctl(
        vault, "compliance", "subject", "report", json.loads(asked.stdout)["name"],
        "--out", str(tmp_path / "his"), "--recipient", f"{key}.pub",
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert f"  {old}\n" in answer.stderr

    # It changes nothing of what is proved.
    for file in ("one", "some"):
        verb = "verify" if file == "one" else "verify-export"
        more = ("--private-key", str(key)) if file == "one" else ()
        proved = ctl(
            vault, "compliance", "bundle", verb, str(tmp_path / file), "--key", vkey, *more
        )
        assert proved.returncode == 0, proved.stderr
    alone = verify(tmp_path, (tmp_path / "one").read_bytes(), Path(vkey).read_text(), "--key", key)
    assert alone.returncode == 0, alone.stderr
