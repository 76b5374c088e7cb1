"""Whoever keeps files is not removed before they are handed over, and no file keeps anybody in."""

import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.services.test_disposal import live
from tests.support.disposal import BANK, Bank
from tests.support.principals import principal_of
from vault.access import Action, PolicyEngine
from vault.access.keeping import may_keep
from vault.services.errors import Corrupted
from vault.services.leaving_keepers import KeepsFiles
from vault.services.proposing import Proposing
from vault.store import Database

POLICY = PolicyEngine.load()


def change(**more: Any) -> bytes:
    return json.dumps({"remove": ["second-keeper"], **more}).encode()


def proposing(bank: Bank, kept: Any) -> Proposing:
    """As the bank's, where files are counted like this."""
    return Proposing(replace(bank.proposing._on, kept=kept))


def test_files_are_counted_only_of_who_would_lose_the_right(
    database: Database, tmp_path: Path
) -> None:
    asked: list[frozenset[str]] = []

    async def kept(institution: str, names: Collection[str]) -> int:
        assert institution == BANK
        asked.append(frozenset(names))
        return 2

    async def main(bank: Bank) -> None:
        use = proposing(bank, kept)
        call = bank.call("admin", Action.PRINCIPALS_PROPOSE)
        with pytest.raises(KeepsFiles) as refused:
            await use.directory(call, BANK, change(), "He leaves.")
        assert refused.value.metadata == {"files": "2", "entries": "remove[0]"}
        assert asked == [frozenset({"second-keeper"})]
        # A program and a teller have kept none; whoever keeps the right keeps his files.
        still = {"name": "keeper", "person": "p-keeper", "roles": ["custodian", "teller"]}
        still["uri"] = "spiffe://demo.bank/keeper"
        content = json.dumps({"upsert": [still], "remove": ["backend"]}).encode()
        await use.directory(call, BANK, content, "One role more.")
        assert len(asked) == 1

    live(database, tmp_path, main)


def test_a_file_that_does_not_open_is_not_in_the_way_of_who_has_to_go_at_once(
    database: Database, tmp_path: Path
) -> None:
    async def kept(_institution: str, _names: Collection[str]) -> int:
        raise Corrupted("a file")

    async def main(bank: Bank) -> None:
        use = proposing(bank, kept)
        call = bank.call("admin", Action.PRINCIPALS_PROPOSE)
        with pytest.raises(Corrupted):
            await use.directory(call, BANK, change(), "He leaves.")
        await use.directory(call, BANK, change(leaves_files=True), "He goes at once.")

    live(database, tmp_path, main)


@pytest.mark.parametrize(
    ("roles", "person", "keeps"),
    [
        (["custodian"], "p-1", True),
        (["compliance"], "p-1", True),
        (["teller", "custodian"], "p-1", True),
        (["custodian"], "", False),
        (["teller"], "p-1", False),
        (["ingestor"], "", False),
    ],
)
def test_a_person_keeps_files_whom_the_policies_let_hand_them_over(
    roles: list[str], person: str, keeps: bool
) -> None:
    assert may_keep(POLICY, principal_of(*roles, person=person)) is keeps
    assert may_keep(POLICY, None) is False
