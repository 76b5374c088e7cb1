"""export, verify and report against a running vault."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from recordsvault.masked.v1 import masked_pb2
from tests.cli.test_with_the_vault import EXAMPLES, ctl, started
from tests.support.running_vault import ORIGIN, RunningVault
from vault.audit.merkle import leaf_hash
from vault.audit.proof_file import verify_proof
from vault.cli.vaultctl.export_folder import ExportFolder, FolderUnusable, HistoryDiffers
from vault.kms.signing import Purpose
from vault.server.settings import TierName, load
from vault.server.signing import verifier_keys
from vault.store import Database

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVault]:
    folder = tmp_path_factory.mktemp("proofs")
    with RunningVault(folder, f"sqlite:///{folder}/vault.db") as running:
        rows = folder / "customers.jsonl"
        with (EXAMPLES / "customers.jsonl").open() as lines:
            rows.write_text("".join(next(lines) for _ in range(10)))
        assert ctl(running, "backend", "import", str(rows), "--batch", "5").returncode == 0
        yield running


@pytest.fixture(scope="module")
def key(vault: RunningVault) -> str:
    """The log's public key."""
    return verifier_keys(load(vault.config, TierName.FULL), Purpose.LOG)[0].vkey


@pytest.fixture(scope="module")
def customer(vault: RunningVault) -> str:
    """A customer whom several have looked at."""
    listed = json.loads(ctl(vault, "crm", "customers", "list", "--json").stdout)
    name = str(listed["customers"][0]["name"])
    assert ctl(vault, "crm", "customers", "get", name).returncode == 0
    full = ("customers", "get", name, "--full", "--purpose", "ONBOARDING_CDD", "--fields", "phones")
    assert ctl(vault, "compliance", *full).returncode == 0
    assert ctl(vault, "crm", *full).returncode == 5
    vault.until_covered()
    return name


def officer(vault: RunningVault, *arguments: str) -> subprocess.CompletedProcess[str]:
    return ctl(vault, "officer", "audit", *arguments)


def export(vault: RunningVault, folder: Path) -> dict[str, int]:
    ran = officer(vault, "export", "--dir", str(folder), "--json")
    assert ran.returncode == 0, ran.stderr
    found: dict[str, int] = json.loads(ran.stdout)
    return found


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def grow(vault: RunningVault, number: int) -> None:
    for _ in range(number):
        vault.masked().ListMaskedCustomers(_list())
    vault.until_covered()


def _list() -> masked_pb2.ListMaskedCustomersRequest:
    return masked_pb2.ListMaskedCustomersRequest(parent="institutions/demo-bank", page_size=1)


# -- export ----------------------------------------------------------------------------------


def test_only_what_is_new_is_exported_and_the_whole_verifies(
    vault: RunningVault, key: str, tmp_path: Path
) -> None:
    folder = tmp_path / "log"
    grow(vault, 300)
    first = export(vault, folder)
    assert first["new"] == first["size"] > 256
    full = folder / "tile" / "entries" / "000"
    before = full.stat().st_mtime_ns
    earlier = tmp_path / "earlier"
    earlier.write_bytes((folder / "checkpoint").read_bytes())
    grow(vault, 20)
    second = export(vault, folder)
    assert second["new"] == second["size"] - first["size"] > 0
    assert full.stat().st_mtime_ns == before
    # Of each right edge the newest alone.
    assert len([path for path in files(folder) if ".p/" in path]) == 3
    ran = officer(vault, "verify", str(folder), "--key", key, "--since", str(earlier), "--json")
    assert ran.returncode == 0, ran.stdout
    assert json.loads(ran.stdout)["entries_hashed"] == second["size"]


def test_an_export_that_was_killed_goes_on(vault: RunningVault, key: str, tmp_path: Path) -> None:
    grow(vault, 300)
    folder = tmp_path / "log"
    process = subprocess.Popen(
        started(vault, "officer", "audit", "export", "--dir", str(folder)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not (folder / "tile" / "0" / "000").exists():
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.0005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    killed = files(folder)
    export(vault, folder)
    for path, data in files(folder).items():
        assert killed.get(path, data) == data or path == ".draft"
    assert not (folder / ".draft").exists()
    ran = officer(vault, "verify", str(folder), "--key", key)
    assert ran.returncode == 0, ran.stdout


def test_another_history_is_not_written_over_the_first(vault: RunningVault, tmp_path: Path) -> None:
    grow(vault, 1)
    folder = tmp_path / "log"
    export(vault, folder)
    other = tmp_path / "other"
    other.mkdir()
    before = files(folder)
    with RunningVault(other, f"sqlite:///{other}/vault.db") as second:
        for _ in range(3):
            second.masked().ListMaskedCustomers(_list())
        second.until_covered()
        ran = officer(second, "export", "--dir", str(folder))
    assert ran.returncode == 21
    assert "another history" in ran.stderr
    assert {k: v for k, v in files(folder).items() if k in before} == before


def test_a_folder_of_something_else_is_left_alone(vault: RunningVault, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    ran = officer(vault, "export", "--dir", str(tmp_path))
    assert ran.returncode == 13
    assert files(tmp_path) == {"letter.txt": b"dear"}


@pytest.mark.parametrize("path", ["../evil", "/etc/x", "tile/0/../../x", "checkpoint", "tile/0/1"])
def test_only_paths_of_a_tree_become_files(tmp_path: Path, path: str) -> None:
    with pytest.raises(FolderUnusable):
        ExportFolder(tmp_path).put(path, b"")
    assert not files(tmp_path)


def test_a_full_tile_is_never_replaced(tmp_path: Path) -> None:
    folder = ExportFolder(tmp_path)
    folder.put("tile/0/000", bytes(8192))
    folder.put("tile/0/000", bytes(8192))
    with pytest.raises(HistoryDiffers):
        folder.put("tile/0/000", bytes(8191) + b"\x01")


# -- verify ----------------------------------------------------------------------------------


def test_what_is_wrong_is_said_in_both_languages(
    vault: RunningVault, key: str, tmp_path: Path
) -> None:
    grow(vault, 1)
    folder = tmp_path / "log"
    export(vault, folder)
    (bundle,) = [path for path in (folder / "tile" / "entries").rglob("*.p/*") if path.is_file()]
    data = bytearray(bundle.read_bytes())
    data[-3] ^= 1
    bundle.write_bytes(data)
    ran = officer(vault, "verify", str(folder), "--key", key)
    assert ran.returncode == 21
    assert re.match(r"entry \d+ was altered", ran.stdout)
    assert ran.stdout.endswith("NOT PROVED\n")
    ran = ctl(vault, "officer", "--lang", "zh", "audit", "verify", str(folder), "--key", key)
    assert ran.returncode == 21
    assert "条被改动" in ran.stdout


def test_bundles_of_other_banks_too_are_told_apart_from_damage(
    vault: RunningVault, key: str, tmp_path: Path
) -> None:
    grow(vault, 1)
    for _ in range(2):
        vault.masked("crm-of-other-bank").ListMaskedCustomers(
            masked_pb2.ListMaskedCustomersRequest(parent="institutions/other-bank")
        )
    vault.until_covered()
    folder = tmp_path / "log"
    export(vault, folder)
    lacking = (folder / "withheld").read_text().split()
    # The whole of a small log, or its edge, is in one bundle with the other bank's entries.
    assert len(lacking) >= 1
    assert not any((folder / path).exists() for path in lacking)
    ran = officer(vault, "verify", str(folder), "--key", key)
    assert ran.returncode == 0, ran.stdout
    assert re.match(
        rf"{len(lacking)} bundles? belongs? to other institutions too and (is|are) not here; "
        r"their hashes are verified\nproved: \d+ entries, \d+ of them by their hash only",
        ran.stdout,
    )
    ran = ctl(vault, "officer", "--lang", "zh", "audit", "verify", str(folder), "--key", key)
    assert f"{len(lacking)} 个条目包同时涉及其他机构" in ran.stdout
    ran = officer(vault, "verify", str(folder), "--key", key, "--json")
    told = json.loads(ran.stdout)
    assert (told["holds"], told["findings"]) == (True, [])
    assert told["bundles_of_other_institutions"] == told["bundles_lacking"] == len(lacking)
    assert told["entries_hashed"] + told["entries_lacking"] == told["size"]
    # Whoever has the database verifies them all.
    ran = officer(vault, "verify", "--live", "--config", str(vault.config), "--key", key, "--json")
    live = json.loads(ran.stdout)
    assert (live["holds"], live["bundles_lacking"]) == (True, 0)
    assert live["entries_hashed"] == live["size"] >= told["size"]
    # A hash of an entry that is not here counts like any other.
    tile = next(path for path in (folder / "tile" / "0").rglob("*") if path.is_file())
    data = bytearray(tile.read_bytes())
    data[0] ^= 1
    tile.write_bytes(data)
    ran = officer(vault, "verify", str(folder), "--key", key)
    assert ran.returncode == 21
    assert "belong" not in ran.stdout


def test_beside_the_running_vault_the_database_verifies(vault: RunningVault, key: str) -> None:
    ran = officer(vault, "verify", "--live", "--config", str(vault.config), "--key", key)
    assert ran.returncode == 0, ran.stdout
    assert ran.stdout.startswith("proved: ")


@pytest.mark.postgres
def test_beside_a_vault_on_postgresql_its_rows_are_held_to_their_events(
    postgres_url: str, tmp_path: Path
) -> None:
    with RunningVault(tmp_path, postgres_url) as running:
        rows = tmp_path / "customers.jsonl"
        with (EXAMPLES / "customers.jsonl").open() as lines:
            rows.write_text("".join(next(lines) for _ in range(10)))
        assert ctl(running, "backend", "import", str(rows), "--batch", "5").returncode == 0
        running.until_covered()
        pinned = verifier_keys(load(running.config, TierName.FULL), Purpose.LOG)[0].vkey
        arguments = ("verify", "--live", "--config", str(running.config), "--key", pinned)
        ran = officer(running, *arguments, "--json")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        database = Database(postgres_url)
        database.write_sync(
            lambda conn: conn.exec_driver_sql(
                "UPDATE customers SET masked = masked || '\\x00'::bytea"
                " WHERE customer = (SELECT min(customer) FROM customers)"
            )
        )
        database.dispose()
        ran = officer(running, *arguments, "--json")
        assert ran.returncode == 21
        assert [one["kind"] for one in json.loads(ran.stdout)["findings"]] == ["row_changed"]


@pytest.mark.parametrize(
    "arguments",
    [(), ("DIR", "--live"), ("--live",)],
    ids=["nothing", "both", "no configuration"],
)
def test_a_wrong_use_is_told(vault: RunningVault, key: str, arguments: tuple[str, ...]) -> None:
    assert officer(vault, "verify", *arguments, "--key", key).returncode == 2


def test_a_key_that_is_none_is_told(vault: RunningVault, tmp_path: Path) -> None:
    assert officer(vault, "verify", str(tmp_path), "--key", "nonsense").returncode == 2


# -- report ----------------------------------------------------------------------------------


def test_a_customers_report_says_who_saw_which_fields_for_what_with_proofs(
    vault: RunningVault, key: str, customer: str
) -> None:
    ran = officer(vault, "report", "--customer", customer, "--format", "json", "--key", key)
    assert ran.returncode == 0, ran.stderr
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    events = [line["entry"]["event"] for line in lines]
    opened = [e for e in events if e["action"] == "records.customers.get"]
    assert [(e["actor"], e["decision"]) for e in opened] == [
        ("compliance", "DECISION_ALLOWED"),
        ("crm", "DECISION_DENIED"),
    ]
    assert opened[0]["purpose"] == "ONBOARDING_CDD"
    assert opened[0]["fields"] == ["phones"]
    # The list that showed him among others, and the import that brought him.
    assert {"masked.customers.list", "masked.customers.get", "records.import"} <= {
        e["action"] for e in events
    }
    pinned = verifier_keys(load(vault.config, TierName.FULL), Purpose.LOG)
    for line in lines:
        assert line["proof_state"] == "verified"
        leaf = base64.b64decode(line["entry"]["leaf"])
        verify_proof(line["proof"], leaf_hash(leaf), pinned, ORIGIN)


def test_a_principals_report_says_what_he_looked_at(vault: RunningVault, customer: str) -> None:
    ran = officer(vault, "report", "--actor", "compliance", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(ran.stdout)))
    assert [(row["who"], row["record"], row["purpose"]) for row in rows] == [
        ("compliance", customer.rpartition("/")[2], "ONBOARDING_CDD")
    ]
    assert rows[0]["proof_file"].startswith("c2sp.org/tlog-proof@v1\n")


class Page(HTMLParser):
    """What a browser would be made to load or run, and the text of the proofs."""

    def __init__(self) -> None:
        super().__init__()
        self.active: list[str] = []
        self.proofs: list[str] = []
        self._in_proof = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag in ("script", "img", "link", "iframe", "object") or any(
            name.startswith("on") or name == "src" for name in names
        ):
            self.active.append(tag)
        self._in_proof = tag == "pre" and names.get("class") == "proof"
        if self._in_proof:
            self.proofs.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_proof = False

    def handle_data(self, data: str) -> None:
        if self._in_proof:
            self.proofs[-1] += data


@pytest.mark.parametrize(
    ("lang", "words"), [("en", "Who had access to"), ("zh", "谁访问了")], ids=["en", "zh"]
)
def test_the_page_stands_alone_and_carries_the_proofs(
    vault: RunningVault, key: str, customer: str, tmp_path: Path, lang: str, words: str
) -> None:
    out = tmp_path / "report.html"
    ran = officer(
        vault,
        *("report", "--customer", customer, "--format", "html", "--key", key),
        *("--lang", lang, "--out", str(out)),
    )
    assert ran.returncode == 0, ran.stderr
    text = out.read_text("utf-8")
    assert html.escape(f"{words} {customer}") in text
    seen = Page()
    seen.feed(text)
    assert seen.active == []
    assert "http://" not in text and "https://" not in text
    pinned = verifier_keys(load(vault.config, TierName.FULL), Purpose.LOG)
    leaves = re.findall(r'<pre class="leaf">([^<]+)</pre>', text)
    assert len(leaves) == len(seen.proofs) >= 4
    for leaf, proof in zip(leaves, seen.proofs, strict=True):
        verify_proof(proof, leaf_hash(base64.b64decode(leaf)), pinned, ORIGIN)


def test_a_report_is_about_one_subject(vault: RunningVault, customer: str) -> None:
    assert officer(vault, "report").returncode == 2
    assert officer(vault, "report", "--actor", "crm", "--customer", customer).returncode == 2


def test_only_the_officer_exports_and_reports(
    vault: RunningVault, customer: str, tmp_path: Path
) -> None:
    assert ctl(vault, "crm", "audit", "export", "--dir", str(tmp_path / "x")).returncode == 5
    assert ctl(vault, "crm", "audit", "report", "--actor", "crm").returncode == 5
