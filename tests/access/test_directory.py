"""The directory of principals: what is in it, what is refused and how to mend it, live reload."""

import datetime
import os
import re
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.access import Directory, PrincipalsInvalid
from vault.access import principals_file as reading
from vault.access.scope import EVERYWHERE, Scope

GOOD = """
[[principal]]
name = "core-banking"
uri = "spiffe://demo.bank/core-banking"
institution = "demo-bank"
roles = ["ingestor"]

[[principal]]
name = "crm-frontend"
uri = "spiffe://demo.bank/crm/frontend"
institution = "demo-bank"
roles = ["crm_viewer", "teller_of_tomorrow"]

[[principal]]
name = "masked-node"
uri = "spiffe://demo.bank/vault/masked-node"
roles = ["masked_node"]
"""
CRM = "spiffe://demo.bank/crm/frontend"
NEW = "spiffe://demo.bank/new"
ADDED = f"""
[[principal]]
name = "new"
uri = "{NEW}"
institution = "demo-bank"
roles = ["operator"]
"""


class Clocks:
    """A monotonic clock and a calendar that stand still until they are moved."""

    def __init__(self) -> None:
        self.now = 0.0
        self.day = datetime.date(2026, 6, 30)

    def monotonic(self) -> float:
        return self.now

    def today(self) -> datetime.date:
        return self.day


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "principals.toml", GOOD)


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    """Put a file in place as an administrator should: written beside it, then renamed."""
    beside = path.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    beside.chmod(mode)
    beside.rename(path)
    return path


def open_directory(path: Path, clocks: Clocks) -> Directory:
    return Directory(path, monotonic=clocks.monotonic, today=clocks.today)


def problem_of(directory: Directory) -> str | None:
    """The problem as it is now; a function, since mypy takes an attribute to stay as it was."""
    return directory.problem


# --- what is in it ----------------------------------------------------------------------------


def test_a_certificate_is_found_with_institution_and_roles(path: Path) -> None:
    found = Directory(path).lookup(CRM)
    assert found is not None
    assert (found.name, found.institution, found.roles, found.workload) == (
        "crm-frontend",
        "demo-bank",
        frozenset({"crm_viewer", "teller_of_tomorrow"}),
        CRM,
    )


def test_a_node_of_the_vault_itself_has_no_institution(path: Path) -> None:
    found = Directory(path).lookup("spiffe://demo.bank/vault/masked-node")
    assert found is not None
    assert found.institution == ""


@pytest.mark.parametrize(
    "uri", ["", "spiffe://demo.bank/crm", CRM + "/", CRM.upper(), CRM + "\n", "crm-frontend"]
)
def test_any_other_certificate_is_nobody(path: Path, uri: str) -> None:
    assert Directory(path).lookup(uri) is None


def test_the_roles_in_use_are_told_so_that_a_misspelt_one_can_be_seen(path: Path) -> None:
    roles = {"ingestor", "crm_viewer", "teller_of_tomorrow", "masked_node"}
    assert Directory(path).roles == roles


def test_a_principal_is_gone_after_his_last_day(path: Path, clocks: Clocks) -> None:
    write(path, GOOD + ADDED + "not_after = 2026-07-01\n")
    directory = open_directory(path, clocks)
    assert directory.lookup(NEW) is not None
    clocks.day = datetime.date(2026, 7, 1)
    assert directory.lookup(NEW) is not None
    clocks.day = datetime.date(2026, 7, 2)
    assert directory.lookup(NEW) is None
    assert directory.lookup(CRM) is not None


# --- reload -----------------------------------------------------------------------------------


def test_a_replaced_file_acts_within_a_second(path: Path) -> None:
    directory = Directory(path)
    assert directory.lookup(NEW) is None
    write(path, ADDED)
    start = time.monotonic()
    while directory.lookup(NEW) is None:
        assert time.monotonic() - start < 1
        time.sleep(0.01)
    assert directory.lookup(CRM) is None
    assert problem_of(directory) is None


def test_the_file_is_looked_at_every_half_second_and_not_before(path: Path, clocks: Clocks) -> None:
    directory = open_directory(path, clocks)
    write(path, ADDED)
    clocks.now = 0.49
    assert directory.lookup(CRM) is not None
    clocks.now = 0.5
    assert directory.lookup(CRM) is None


@pytest.mark.parametrize(
    "broken",
    ["", "[[principal", GOOD + GOOD, GOOD[: len(GOOD) // 2], "\0", 'principal = "x"', "\ufeff"],
)
def test_a_broken_file_keeps_the_old_directory_and_is_reported_until_it_is_mended(
    path: Path, clocks: Clocks, broken: str
) -> None:
    directory = open_directory(path, clocks)
    assert problem_of(directory) is None
    write(path, broken)
    clocks.now = 1
    assert directory.lookup(CRM) is not None
    for now in (1, 2, 60):
        clocks.now = now
        problem = problem_of(directory) or ""
        assert problem.startswith(f"{path}")
        assert problem.endswith("(the principals read before stay in force)")
    assert directory.lookup(CRM) is not None
    write(path, ADDED)
    clocks.now = 61
    assert problem_of(directory) is None
    assert (directory.lookup(CRM), directory.lookup(NEW) is None) == (None, False)


def test_a_file_that_vanishes_keeps_the_old_directory(path: Path, clocks: Clocks) -> None:
    directory = open_directory(path, clocks)
    path.unlink()
    clocks.now = 1
    assert "make it readable" in (problem_of(directory) or "")
    assert directory.lookup(CRM) is not None
    write(path, GOOD)
    clocks.now = 2
    assert problem_of(directory) is None


def test_permissions_that_are_widened_later_are_reported(path: Path, clocks: Clocks) -> None:
    directory = open_directory(path, clocks)
    path.chmod(0o666)
    clocks.now = 1
    assert f"chmod go-w {path}" in (problem_of(directory) or "")
    path.chmod(0o644)
    clocks.now = 2
    assert problem_of(directory) is None


def test_two_writes_in_one_tick_of_the_file_systems_clock_are_both_seen(
    path: Path, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    tick = time.time_ns()

    def coarse(status: os.stat_result) -> reading.Signature:
        return signature(status)._replace(modified_ns=tick, changed_ns=tick)

    signature = reading.signature
    monkeypatch.setattr(reading, "signature", coarse)
    monkeypatch.setattr("vault.access.directory.signature", coarse)
    directory = open_directory(path, clocks)
    before = coarse(path.stat())
    with path.open("r+b") as file:
        file.seek(GOOD.encode().index(b"crm_viewer"))
        file.write(b"crm_voyeur")
    assert coarse(path.stat()) == before
    clocks.now = 1
    found = directory.lookup(CRM)
    assert found is not None
    assert "crm_voyeur" in found.roles


def test_a_file_that_does_not_change_is_read_once(
    path: Path, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []

    def counting(data: bytes) -> object:
        reads.append(len(data))
        return reading.parse(data)

    monkeypatch.setattr("vault.access.directory.parse", counting)
    # As if it had been written an hour ago.
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 3_600_000_000_000)
    directory = open_directory(path, clocks)
    for now in range(1, 10):
        clocks.now = now
        assert directory.lookup(CRM) is not None
    assert len(reads) == 1
    write(path, GOOD + ADDED)
    clocks.now = 11
    assert directory.lookup(NEW) is not None
    assert len(reads) == 2


def test_lookups_from_many_threads_see_one_directory_or_the_other(path: Path) -> None:
    directory = Directory(path, check_every=0)
    other = GOOD.replace('"demo-bank"', '"other-bank"').replace("crm_viewer", "crm_voyeur")
    seen: set[tuple[str, bool]] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            found = directory.lookup(CRM)
            assert found is not None
            seen.add((found.institution, "crm_voyeur" in found.roles))

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for text in (other, GOOD) * 8:
        write(path, text)
        time.sleep(0.01)
    stop.set()
    for thread in threads:
        thread.join()
    assert seen == {("demo-bank", False), ("other-bank", True)}
    assert problem_of(directory) is None


# --- persons, accounts and certificates -------------------------------------------------------

DIGEST = "0f" * 32
CUSTOMERS = tuple(f"01jd000000000000000000000{n}" for n in range(4))
PERSON = f"""
[[principal]]
name = "staff-1"
uri = "spiffe://demo.bank/staff/1"
certificates = ["sha256:{DIGEST}"]
institution = "demo-bank"
roles = ["custodian"]
person = "p-1"
branches = ["sh-01", "上海 02"]
classes = ["ORDINARY"]
own_files = ["{CUSTOMERS[0]}"]
home_branch = "上海 01"

[[principal]]
name = "staff-1-by-token"
accounts = ["https://login.demo.bank/realm|1", "https://login.demo.bank/realm|auth|1"]
institution = "demo-bank"
roles = ["teller"]
person = "p-1"
related_files = ["{CUSTOMERS[1]}"]

[[principal]]
name = "staff-2"
uri = "spiffe://demo.bank/staff/2"
institution = "demo-bank"
roles = ["custodian"]
person = "p-2"
own_files = ["{CUSTOMERS[2]}"]
"""
STAFF = "spiffe://demo.bank/staff/1"
REALM = "https://login.demo.bank/realm"


def test_a_person_is_known_by_certificate_and_by_each_account(path: Path) -> None:
    write(path, PERSON)
    directory = Directory(path)
    by_certificate = directory.lookup(STAFF, DIGEST)
    assert by_certificate is not None
    assert by_certificate.person == "p-1"
    assert by_certificate.scope == Scope(frozenset({"sh-01", "上海 02"}), frozenset({"ORDINARY"}))
    assert by_certificate.home_branch == "上海 01"
    for subject in ("1", "auth|1"):
        by_token = directory.lookup_account(REALM, subject)
        assert by_token is not None
        assert (by_token.name, by_token.person, by_token.workload) == (
            "staff-1-by-token",
            "p-1",
            "",
        )
        # How far roles reach is said of each entry.
        assert by_token.scope == EVERYWHERE
    assert directory.lookup_account(REALM, "2") is None
    assert directory.lookup_account("https://login.other.bank", "1") is None
    assert directory.lookup("", DIGEST) is None


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", EVERYWHERE),
        ("branches = []", Scope(branches=frozenset())),
        ("classes = []", Scope(classes=frozenset())),
        ('classes = ["VIP", "MINOR"]', Scope(classes=frozenset({"VIP", "MINOR"}))),
        ('branches = ["a"]\nclasses = []', Scope(frozenset({"a"}), frozenset())),
    ],
)
def test_a_limit_that_is_left_out_is_none_and_an_empty_one_lets_nothing_through(
    path: Path, lines: str, expected: Scope
) -> None:
    write(path, f"{ENTRY}{lines}\n")
    found = Directory(path).lookup("spiffe://b/x")
    assert found is not None
    assert found.scope == expected


def test_a_file_that_one_entry_declares_is_close_to_all_of_its_person(path: Path) -> None:
    write(path, PERSON)
    directory = Directory(path)
    for found in (directory.lookup(STAFF, DIGEST), directory.lookup_account(REALM, "1")):
        assert found is not None
        assert found.own_files == {CUSTOMERS[0]}
        assert found.related_files == {CUSTOMERS[1]}
        assert found.close_files == set(CUSTOMERS[:2])
    other = directory.lookup("spiffe://demo.bank/staff/2")
    assert other is not None
    assert other.close_files == {CUSTOMERS[2]}


def test_a_pinned_certificate_alone_is_taken_and_a_revoked_one_never(path: Path) -> None:
    write(path, PERSON)
    directory = Directory(path, check_every=0)
    assert directory.lookup(STAFF, DIGEST) is not None
    assert directory.lookup(STAFF, "0e" * 32) is None
    assert directory.lookup(STAFF) is None
    assert directory.lookup("spiffe://demo.bank/staff/2", "0e" * 32) is not None
    assert directory.lists(STAFF)
    assert not directory.lists("spiffe://demo.bank/staff/3")
    write(path, f'revoked_certificates = ["sha256:{DIGEST}"]\n{PERSON}')
    assert directory.lookup(STAFF, DIGEST) is None
    assert directory.lookup("spiffe://demo.bank/staff/2", DIGEST) is None
    assert directory.lookup("spiffe://demo.bank/staff/2") is not None


# --- what is refused, and how to mend it ------------------------------------------------------

ENTRY = (
    '[[principal]]\nname = "x"\nuri = "spiffe://b/x"\ninstitution = "demo-bank"\nroles = ["r"]\n'
)
NODE = ENTRY.replace('institution = "demo-bank"\n', "")
PERSONAL = ENTRY + 'person = "p-1"\n'
ACCOUNT = PERSONAL.replace('uri = "spiffe://b/x"\n', "") + f'accounts = ["{REALM}|1"]\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file names no principal, so nobody could call; add a"),
        ("principal = []", "the file names no principal"),
        ("principal = [1]", "principal 1 is not a table; write it as a"),
        (GOOD + "[[principals]]\n", "the file has an unknown key principals; did you mean princip"),
        (GOOD + 'role = "x"\n', "principal 3 (line 14) has an unknown key role; did you mean role"),
        (GOOD + "zone = 1\n", "principal 3 (line 14) has an unknown key zone; known are name, uri"),
        (GOOD + GOOD, "principal 4 (line 19) has the name of principal 1 (line 2); remove one"),
        (ENTRY + ENTRY.replace('"x"', '"y"'), "principal 2 (line 6) has the uri of principal 1 (l"),
        (ENTRY.replace('name = "x"\n', ""), "principal 1 (line 1) has no name; add it"),
        (ENTRY.replace('uri = "spiffe://b/x"\n', ""), "principal 1 (line 1) has no uri; add it"),
        (ENTRY.replace('roles = ["r"]\n', ""), "principal 1 (line 1) has no roles; add it"),
        (ENTRY.replace('["r"]', "[]"), "roles is not a list of role names; write for example"),
        (ENTRY.replace('["r"]', '"r"'), "roles is not a list of role names; write for example"),
        (ENTRY.replace('["r"]', "[1]"), "roles is not valid; a role is lower-case letters"),
        (ENTRY.replace('["r"]', '["R"]'), "roles is not valid; a role is lower-case letters"),
        (ENTRY.replace('["r"]', '["r", "r"]'), "roles names a role twice; remove one"),
        (ENTRY.replace('"demo-bank"', '""'), "institution is not valid; it is 2 to 40 lower-case"),
        (ENTRY.replace('"demo-bank"', '"a/b"'), "leave the key out for a node of the vault itself"),
        (ENTRY.replace('"demo-bank"', '"a\\n"'), "institution is not valid"),
        (ENTRY.replace('name = "x"', 'name = "X y"'), "name is not valid; it is up to 100 lower-c"),
        (ENTRY.replace('name = "x"', "name = 7"), "name is not valid"),
        (ENTRY + "not_after = 2026-01-01T00:00:00Z\n", "not_after is not a date; write it without"),
        (ENTRY + 'not_after = "2026-01-01"\n', "not_after is not a date; write it without quotes"),
        (ENTRY + "not_after = 2026-02-30\n", "line 6, column 13 is not TOML; mend the syntax"),
        (ENTRY + "name = \n", "line 6, column 8 is not TOML; mend the syntax there"),
        (ENTRY + f"not_after = {'9' * 5000}\n", "some line is not TOML"),
        ("x = " + "[" * 100_000, "some line is not TOML"),
        (ENTRY + 'person = "Zhang San"\n', "person is not valid; it is 2 to 40 lower-case letters"),
        (ENTRY + "person = 7\n", "person is not valid"),
        (NODE + 'person = "p-1"\n', "has a person but no institution; add the one that he works"),
        (ENTRY + f'accounts = ["{REALM}|1"]\n', "has accounts but no person; add an opaque name"),
        (ENTRY + f'own_files = ["{CUSTOMERS[0]}"]\n', "has own_files but no person; add an opaque"),
        (ENTRY + f'related_files = ["{CUSTOMERS[0]}"]\n', "has related_files but no person; add"),
        (PERSONAL + 'accounts = ["1"]\n', "accounts is not valid; write issuer, bar and subject"),
        (PERSONAL + f'accounts = ["{REALM}|"]\n', "accounts is not valid; write issuer, bar and"),
        (PERSONAL + 'accounts = ["http://a.b|1"]\n', "accounts is not valid; write issuer, bar"),
        (PERSONAL + f'accounts = ["{REALM}|a b"]\n', "accounts is not valid; write issuer, bar"),
        (PERSONAL + f'accounts = ["{REALM}|{"x" * 256}"]\n', "accounts is not valid; write"),
        (PERSONAL + "accounts = []\n", "accounts is not a list of texts; write one, or leave the"),
        (PERSONAL + f'accounts = "{REALM}|1"\n', "accounts is not a list of texts"),
        (PERSONAL + f'accounts = ["{REALM}|1", "{REALM}|1"]\n', "accounts has one of them twice"),
        (
            PERSON + PERSON.replace("staff-1", "z").replace("/1", "/z"),
            "has the account of principal",
        ),
        (PERSONAL + 'home_branch = " a"\n', "home_branch is not valid; write it as the branch of"),
        (PERSONAL + 'home_branch = ["a"]\n', "home_branch is not valid; write it as the branch"),
        (ENTRY + 'home_branch = "sh-01"\n', "has home_branch but no person; add an opaque name"),
        (ENTRY + 'branches = [" a"]\n', "branches is not valid; each is written as the branch"),
        (ENTRY + 'branches = ["a", "a"]\n', "branches has one of them twice; remove it"),
        (ENTRY + 'branches = "a"\n', "branches is not a list of texts; write one, or leave the"),
        (ENTRY + 'classes = ["vip"]\n', "classes is not valid; each is one of ORDINARY, VIP,"),
        (ENTRY + 'classes = [""]\n', "classes is not valid; each is one of ORDINARY, VIP,"),
        (NODE + "branches = []\n", "has branches but no institution: nodes of the vault itself"),
        (NODE + 'classes = ["VIP"]\n', "has classes but no institution: nodes of the vault"),
        (
            PERSONAL + 'own_files = ["C000123"]\n',
            "own_files is not valid; each is a customer's iden",
        ),
        (
            PERSONAL + f'own_files = ["{CUSTOMERS[0].upper()}"]\n',
            "own_files is not valid; each is a",
        ),
        (
            ENTRY + f'certificates = ["{DIGEST}"]\n',
            "certificates is not valid; each is sha256: and",
        ),
        (
            ENTRY + f'certificates = ["sha256:{DIGEST.upper()}"]\n',
            "certificates is not valid; each",
        ),
        (
            ACCOUNT + f'certificates = ["sha256:{DIGEST}"]\n',
            "has certificates but no uri; add the U",
        ),
        ('revoked_certificates = ["x"]\n' + ENTRY, "the file: revoked_certificates is not valid"),
        ("revoked_certificates = 1\n" + ENTRY, "the file: revoked_certificates is not a list of"),
    ],
)
def test_a_refusal_names_the_entry_and_how_to_mend_it(
    tmp_path: Path, text: str, message: str
) -> None:
    path = write(tmp_path / "principals.toml", text)
    with pytest.raises(PrincipalsInvalid, match=re.escape(message)) as refused:
        Directory(path)
    assert str(refused.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "spiffe://bank",
        "spiffe://bank/",
        "spiffe:///crm",
        "spiffe://Bank/crm",
        "spiffe://bank/crm/",
        "spiffe://bank//crm",
        "spiffe://bank/../crm",
        "spiffe://bank/.",
        "spiffe://bank/crm?x=1",
        "spiffe://bank/crm#x",
        "spiffe://bank:443/crm",
        "spiffe://user@bank/crm",
        "spiffe://bank/%63rm",
        "spiffe://bank/客户",
        "SPIFFE://bank/crm",
        "https://bank/crm",
        "spiffe://bank/" + "a" * 2048,
    ],
)
def test_a_uri_that_no_certificate_of_ours_has_is_refused(tmp_path: Path, uri: str) -> None:
    path = write(tmp_path / "principals.toml", ENTRY.replace("spiffe://b/x", uri))
    with pytest.raises(PrincipalsInvalid, match=r"principal 1 \(line 1\): uri is "):
        Directory(path)


@pytest.mark.parametrize(
    "uri", ["spiffe://b/x", "spiffe://b.c_d-1/a/...b/.c/..d", "spiffe://b/A-._"]
)
def test_a_uri_as_spiffe_writes_it_is_taken(tmp_path: Path, uri: str) -> None:
    path = write(tmp_path / "principals.toml", ENTRY.replace("spiffe://b/x", uri))
    assert Directory(path).lookup(uri) is not None


def test_text_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "principals.toml"
    path.write_bytes(ENTRY.encode() + "# 张".encode("gb18030"))
    path.chmod(0o600)
    with pytest.raises(PrincipalsInvalid, match="line 6 is not UTF-8; save the file as UTF-8"):
        Directory(path)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o664, 0o777])
def test_a_file_that_group_or_others_can_write_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(PrincipalsInvalid, match=rf"mode {mode:04o}\); run: chmod go-w {path}"):
        Directory(path)


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640, 0o644, 0o755])
def test_a_file_that_only_its_owner_can_write_is_taken(path: Path, mode: int) -> None:
    path.chmod(mode)
    assert Directory(path).lookup(CRM) is not None


def test_a_file_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = path.stat().st_uid
    real = os.fstat

    def of_somebody_else(descriptor: int) -> os.stat_result:
        status = real(descriptor)
        return os.stat_result((*status[:4], owner + 4242, *status[5:]))

    monkeypatch.setattr(os, "fstat", of_somebody_else)
    with pytest.raises(PrincipalsInvalid, match=rf"run: chown {os.geteuid()} {path}"):
        Directory(path)


def test_what_is_no_file_is_refused_and_does_not_hold_up_the_server(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    for path, message in ((tmp_path, "is not a file"), (pipe, "is not a file")):
        with pytest.raises(PrincipalsInvalid, match=message):
            Directory(path)
    with pytest.raises(PrincipalsInvalid, match=r"cannot be opened \(No such file"):
        Directory(tmp_path / "none")


def test_an_oversized_file_is_refused(path: Path) -> None:
    write(path, GOOD + "#" * (4 * 1024 * 1024))
    with pytest.raises(PrincipalsInvalid, match="is larger than 4194304 bytes"):
        Directory(path)


@pytest.mark.parametrize(
    "text",
    [
        ENTRY.replace('"x"', '"Zhang Wei"'),
        ENTRY.replace("spiffe://b/x", "spiffe://b/Zhang Wei"),
        ENTRY.replace('"demo-bank"', '"Zhang Wei"'),
        ENTRY.replace('["r"]', '["Zhang Wei"]'),
        ENTRY + '"Zhang Wei" = 1\n',
        ENTRY + 'not_after = "Zhang Wei"\n',
        ENTRY + "name = Zhang Wei\n",
        ENTRY + "Zhang Wei\n",
        ENTRY + ENTRY.replace('"x"', '"zhang-wei"').replace("/x", "/zhang-wei") * 2,
        PERSONAL + 'accounts = ["Zhang Wei"]\n',
        PERSONAL + f'accounts = ["{REALM}|Zhang Wei"]\n',
        PERSONAL + f'accounts = ["{REALM}|zhang", "{REALM}|zhang"]\n',
        PERSONAL + 'own_files = ["Zhang Wei"]\n',
        ENTRY + 'person = "Zhang Wei"\n',
        'revoked_certificates = ["Zhang Wei"]\n' + ENTRY,
    ],
)
def test_no_message_shows_a_value_of_the_file(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "principals.toml", text)
    with pytest.raises(PrincipalsInvalid) as refused:
        Directory(path)
    shown = f"{refused.value!r} {refused.value.__cause__!r}".lower()
    assert "zhang" not in shown
    assert "wei" not in shown


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_no_bytes_make_the_reader_fail_otherwise_than_by_refusing(data: bytes) -> None:
    with pytest.raises(PrincipalsInvalid):
        reading.parse(data)


def test_the_representation_counts_and_does_not_name(path: Path) -> None:
    assert repr(Directory(path)) == "Directory(3 principals)"
