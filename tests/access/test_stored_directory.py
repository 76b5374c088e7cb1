"""Principals of the store beside those of the file: who is in force, until when, and what a change
may not touch."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vault.access.directory_change import (
    NOTHING,
    Approved,
    check_change,
    concerns,
    read_change,
)
from vault.access.principals_entry import PrincipalsInvalid
from vault.access.proposals import Party
from vault.access.scope import EVERYWHERE, Scope
from vault.access.stored_directory import StoredDirectory

BANK = "demo-bank"
FILE = """
[[principal]]
name = "crm"
uri = "spiffe://demo.bank/crm"
institution = "demo-bank"
roles = ["crm_viewer"]

[[principal]]
name = "anna"
uri = "spiffe://demo.bank/anna"
institution = "demo-bank"
person = "p-anna"
roles = ["teller"]

[[principal]]
name = "theirs"
uri = "spiffe://other.bank/crm"
institution = "other-bank"
roles = ["crm_viewer"]

[[principal]]
name = "masked-node"
uri = "spiffe://demo.bank/masked-node"
roles = ["masked_node"]
"""
SECOND = 1_000_000
NOON = 1_798_545_600_000_000  # 2026-12-29T12:00:00Z


class Clock:
    now = NOON

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "principals.toml"
    path.write_text(FILE, encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.fixture
def directory(path: Path, clock: Clock) -> Iterator[StoredDirectory]:
    yield StoredDirectory(path, now=clock, check_every=0)


def entry(**changes: Any) -> dict[str, Any]:
    whole = {"name": "ben", "uri": "spiffe://demo.bank/ben", "person": "p-ben", "roles": ["teller"]}
    return {**whole, **changes}


def change(*upsert: dict[str, Any], remove: tuple[str, ...] = ()) -> bytes:
    return json.dumps({"upsert": list(upsert), "remove": list(remove)}).encode()


def approve(directory: StoredDirectory, content: bytes, institution: str = BANK) -> Approved:
    before = directory.approved
    made = read_change(institution, content)
    check_change(institution, made, directory.entries, before)
    directory.take(before.after(institution, made, before.size + 1))
    return directory.approved


def roles(directory: StoredDirectory, name: str) -> set[str] | None:
    who = directory.lookup(f"spiffe://demo.bank/{name}")
    return None if who is None else set(who.roles)


def test_an_approved_principal_is_known_and_the_files_stay(directory: StoredDirectory) -> None:
    assert roles(directory, "ben") is None
    approve(directory, change(entry()))
    assert (roles(directory, "ben"), roles(directory, "crm")) == ({"teller"}, {"crm_viewer"})


def test_the_stores_entry_stands_in_place_of_the_files(directory: StoredDirectory) -> None:
    before = directory.generation
    uri = "spiffe://demo.bank/anna-2"
    approve(directory, change(entry(name="anna", person="p-anna", uri=uri, roles=["custodian"])))
    assert roles(directory, "anna") is None
    assert roles(directory, "anna-2") == {"custodian"}
    assert directory.generation != before


def test_a_removed_principal_is_gone_even_if_the_file_has_him_once_more(
    directory: StoredDirectory, path: Path
) -> None:
    approve(directory, change(remove=("anna",)))
    assert roles(directory, "anna") is None
    path.write_text(FILE + "\n# touched\n", encoding="utf-8")
    assert roles(directory, "anna") is None
    approve(directory, change(entry(name="anna", uri="spiffe://demo.bank/anna")))
    assert roles(directory, "anna") == {"teller"}


def test_a_role_counts_until_its_end_and_not_a_moment_longer(path: Path, clock: Clock) -> None:
    directory = StoredDirectory(path, now=clock, check_every=3600)
    end = {"role": "custodian", "not_after": "2026-12-29T12:00:10Z"}
    approve(directory, change(entry(roles=["teller", end])))
    assert roles(directory, "ben") == {"teller", "custodian"}
    before = directory.generation
    clock.now = NOON + 10 * SECOND - 1
    assert (roles(directory, "ben"), directory.generation) == ({"teller", "custodian"}, before)
    clock.now = NOON + 10 * SECOND
    assert directory.generation != before
    assert roles(directory, "ben") == {"teller"}
    uri = "spiffe://demo.bank/ben"
    assert directory.lookup(uri) is directory.lookup(uri)


def test_an_end_that_is_past_when_the_change_is_read_never_counts(
    directory: StoredDirectory,
) -> None:
    end = {"role": "custodian", "not_after": "2026-12-29T19:59:59+08:00"}
    approve(directory, change(entry(roles=[end])))
    assert roles(directory, "ben") == set()


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, EVERYWHERE),
        ({"branches": ["sh-01"]}, Scope(frozenset({"sh-01"}))),
        ({"branches": [], "classes": ["VIP"]}, Scope(frozenset(), frozenset({"VIP"}))),
        ({"classes": [], "own_files": []}, Scope(None, frozenset())),
    ],
)
def test_a_limit_that_is_approved_holds_and_an_empty_one_is_one(
    directory: StoredDirectory, limits: dict[str, list[str]], expected: Scope
) -> None:
    approve(directory, change(entry(**limits)))
    found = directory.lookup("spiffe://demo.bank/ben")
    assert found is not None
    assert found.scope == expected


def test_another_reach_is_another_principal_and_a_new_generation(
    directory: StoredDirectory,
) -> None:
    approve(directory, change(entry(branches=["sh-01"])))
    before, generation = directory.lookup("spiffe://demo.bank/ben"), directory.generation
    approve(directory, change(entry(branches=["sh-02"])))
    assert directory.generation != generation
    assert directory.lookup("spiffe://demo.bank/ben") != before


def test_a_principal_is_found_by_his_name_as_a_lookup_would_find_him(
    directory: StoredDirectory, clock: Clock
) -> None:
    ends = {"role": "custodian", "not_after": "2026-12-29T12:00:01Z"}
    approve(directory, change(entry(roles=["teller", ends])))
    assert directory.named("other-bank", "ben") is None
    assert directory.named(BANK, "nobody") is None
    who = directory.named(BANK, "ben")
    assert who is not None and who == directory.lookup("spiffe://demo.bank/ben")
    assert who.roles == {"teller", "custodian"}
    clock.now += SECOND
    who = directory.named(BANK, "ben")
    assert who is not None and who.roles == {"teller"}
    approve(directory, change(remove=("ben",)))
    assert directory.named(BANK, "ben") is None


def test_a_token_of_an_approved_account_is_his(directory: StoredDirectory) -> None:
    account = "https://login.demo.bank|8f14"
    approve(directory, change(entry(accounts=[account])))
    who = directory.lookup_account("https://login.demo.bank", "8f14")
    assert who is not None and who.person == "p-ben"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"upsert": {}}',
        b'{"upsert": [], "remove": []}',
        b'{"upsert": [7]}',
        b'{"remove": ["anna"], "rename": []}',
        b'{"remove": ["Anna Bei"]}',
        b'{"remove": ["anna", "anna"]}',
        change(entry(), remove=("ben",)),
        change(entry(), entry(name="ben2")),
        change(entry(roles=[])),
        change(entry(roles=[{"role": "teller", "until": "2026-12-29T12:00:00Z"}])),
        change(entry(roles=[{"role": "teller", "not_after": "tomorrow"}])),
        change(entry(roles=[{"role": "teller", "not_after": "2026-12-29T12:00:00"}])),
        change(entry(roles=[{"not_after": "2026-12-29T12:00:00Z"}])),
        change(entry(roles=["masked_node"])),
        change(entry(institution="other-bank")),
        change(entry(not_after="31.12.2027")),
        change(entry(person="Ben Bei")),
        change(entry(classes=["Ben"])),
        change(entry(branches="Ben")),
        change(entry(branches=None)),
        change({"name": "ben", "roles": ["teller"]}),
        change(*(entry(name=f"n{n}", uri=f"spiffe://demo.bank/{n}") for n in range(201))),
    ],
)
def test_a_change_of_another_form_is_refused(content: bytes) -> None:
    with pytest.raises(PrincipalsInvalid) as refused:
        read_change(BANK, content)
    assert "Ben" not in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [
        change(remove=("nobody",)),
        change(remove=("theirs",)),
        change(remove=("masked-node",)),
        change(entry(name="theirs")),
        change(entry(name="masked-node")),
        change(entry(uri="spiffe://demo.bank/crm")),
        change(entry(uri="spiffe://other.bank/crm")),
        change(entry(uri="spiffe://demo.bank/masked-node")),
    ],
)
def test_a_change_takes_nothing_that_is_somebody_elses(
    directory: StoredDirectory, content: bytes
) -> None:
    made = read_change(BANK, content)
    with pytest.raises(PrincipalsInvalid):
        check_change(BANK, made, directory.entries, NOTHING)


def test_a_uri_is_free_once_its_holder_is_removed_in_the_same_change(
    directory: StoredDirectory,
) -> None:
    approve(directory, change(entry(uri="spiffe://demo.bank/anna"), remove=("anna",)))
    assert roles(directory, "anna") == {"teller"}


def test_a_removed_name_is_not_free_to_another_institution(directory: StoredDirectory) -> None:
    approve(directory, change(remove=("anna",)))
    made = read_change("other-bank", change(entry(name="anna")))
    with pytest.raises(PrincipalsInvalid):
        check_change("other-bank", made, directory.entries, directory.approved)


@pytest.mark.parametrize(
    ("content", "who", "his"),
    [
        (change(remove=("anna",)), Party("anna-at-home", "p-anna"), True),
        (change(entry(name="anna", person="p-other")), Party("anna-at-home", "p-anna"), True),
        (change(entry(name="new", person="p-anna")), Party("anna-at-home", "p-anna"), True),
        (change(entry()), Party("anna", "p-anna"), False),
        (change(remove=("crm",)), Party("anna", "p-anna"), False),
    ],
)
def test_a_change_is_of_ones_own_entry_under_whichever_account(
    directory: StoredDirectory, content: bytes, who: Party, his: bool
) -> None:
    assert concerns(read_change(BANK, content), directory.entries, who) is his


def test_a_file_that_names_an_approved_uri_otherwise_is_reported_and_loses(
    directory: StoredDirectory, path: Path
) -> None:
    approve(directory, change(entry()))
    path.write_text(FILE.replace("bank/crm", "bank/ben"), encoding="utf-8")
    assert roles(directory, "ben") == {"teller"}
    assert "approved" in str(directory.problem)
