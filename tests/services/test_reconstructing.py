"""Reconstruction where rows have a history: sealed anew with another suite, rotated, edited past
the vault, or destroyed in part. Each bundle is verified by both programs."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.services.test_resealing import Bank, change, filled, on_a_vault, resealed
from tests.support.bundles import refused_by, unpack
from tests.support.log_keys import log_signers, sequencer
from tests.support.use_cases import BANK
from vault.access import Action
from vault.audit import AuditEvent, Decision, RowHash, decode, encode
from vault.audit.append import append
from vault.audit.archive import Archive
from vault.audit.history import History
from vault.bundles import ManifestSigner, RecipientKey, open_envelope
from vault.bundles.page import Language
from vault.records import TransactionName, new_ulid
from vault.sealing import SM4_GCM
from vault.services.errors import Corrupted
from vault.services.reconstructing import proofs
from vault.services.reconstructing.gathering import Gatherer
from vault.services.reconstructing.proofs import Asked, Prover, RowAsked
from vault.services.reconstructing.writing import Bundle, BundleWriter

KEY = RecipientKey.generate(hybrid=False)
GET = Action.TRANSACTIONS_GET.value

__all__ = ["on_a_vault"]


async def stored(vault: Bank) -> TransactionName:
    """The transaction of one of two customers."""
    customer, *_ = await filled(vault, 2)
    found = text('SELECT "transaction" FROM transactions WHERE customer = :c')
    identifier = vault.database.read_sync(
        lambda conn: conn.execute(found, {"c": customer}).scalar_one()
    )
    return TransactionName(BANK, customer, identifier)


async def bundle(
    vault: Bank, name: TransactionName, folder: Path, files: Sequence[str] = ()
) -> bytes:
    """The opened tar, as the use case makes it; with the entries around it of these files."""
    gathered = await Gatherer(vault.database, vault.uses.keys).gather(name, files)
    made = sequencer(vault.database, folder)
    while made.step():
        pass
    rows = {one.logged: RowAsked(one.hash, one.recorded_at) for one in gathered.records}
    asked = Asked(
        BANK,
        name.customer,
        str(name),
        rows,
        gathered.transaction.recorded_at,
        "INTERNAL_AUDIT",
    )
    proved = await Prover(vault.database, History(vault.database, Archive(None))).prove(asked)
    signer = ManifestSigner(log_signers(folder))
    whole = Bundle(gathered, proved, KEY.recipient, Language.EN, vault.clock.now_micros(), signer)

    async def no_contents(_download: Any) -> AsyncIterator[bytes]:
        nothing: tuple[bytes, ...] = ()
        for piece in nothing:
            yield piece

    writer = BundleWriter(whole, no_contents)
    sealed = [piece async for piece in writer.write()]
    return b"".join(open_envelope(KEY, sealed))


def vkey(folder: Path) -> str:
    return log_signers(folder).verifiers()[0].vkey


def test_a_row_that_was_sealed_anew_is_proved_from_its_write_on(
    on_a_vault: Any, tmp_path: Path
) -> None:
    async def test(vault: Bank) -> None:
        name = await stored(vault)
        change(vault, SM4_GCM)
        await resealed(vault)
        data = await bundle(vault, name, tmp_path)
        assert refused_by(data, vkey(tmp_path)) == set()
        rows = [
            json.loads(d) for p, d in unpack(data).items() if p.startswith("rows/") and "json" in p
        ]
        assert {len(row["events"]) for row in rows} == {2}
        # Without the first of the two it is no row of that write.
        row = rows[0]
        assert row["events"] == sorted(row["events"])

    on_a_vault(test)


def test_a_row_that_was_edited_past_the_vault_makes_no_bundle(
    on_a_vault: Any, tmp_path: Path
) -> None:
    async def test(vault: Bank) -> None:
        name = await stored(vault)
        edit = text("UPDATE transactions SET recorded_by = 'nobody' WHERE \"transaction\" = :t")
        vault.database.write_sync(lambda conn: conn.execute(edit, {"t": name.transaction}))
        with pytest.raises(Corrupted):
            await bundle(vault, name, tmp_path)

    on_a_vault(test)


def test_what_was_destroyed_is_named_and_the_rest_is_proved(
    on_a_vault: Any, tmp_path: Path
) -> None:
    async def test(vault: Bank) -> None:
        name = await stored(vault)
        gone = text("DELETE FROM full_file_keys WHERE customer = :c AND scope = 'identity'")
        vault.database.write_sync(lambda conn: conn.execute(gone, {"c": name.customer}))
        vault.ring.clear()
        await holds_without_the_customer(vault, name, tmp_path)
        # Nor is it missed once its rows are gone as well.
        rows = text("DELETE FROM customers WHERE customer = :c")
        vault.database.write_sync(lambda conn: conn.execute(rows, {"c": name.customer}))
        await holds_without_the_customer(vault, name, tmp_path)

    on_a_vault(test)


def test_calls_that_saw_other_bookings_are_passed_over_unread(
    on_a_vault: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes] = []

    def counted(leaf: bytes) -> AuditEvent:
        read.append(leaf)
        return decode(leaf)

    async def test(vault: Bank) -> None:
        name = await stored(vault)
        others = [seen(replace(name, transaction=new_ulid(n))) for n in range(300)]
        made = [(one, encode(one)) for one in (*others, seen(name))]
        now = vault.clock.now_micros()
        vault.database.write_sync(lambda conn: append(conn, made, now))
        monkeypatch.setattr(proofs, "decode", counted)
        files = unpack(await bundle(vault, name, tmp_path))
        assert sum(leaf == made[-1][1] for leaf in read) == 1
        assert len(read) < 50
        # Whoever saw this one is listed.
        listed = json.loads(files["accesses.json"])
        assert [one["actor"] for one in listed if one["action"] == GET] == ["somebody"]

    on_a_vault(test)


def test_writes_of_other_rows_are_passed_over_unread(
    on_a_vault: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes] = []

    def counted(leaf: bytes) -> AuditEvent:
        read.append(leaf)
        return decode(leaf)

    async def test(vault: Bank) -> None:
        name = await stored(vault)
        # Behind the writes of its rows stand those of other bookings.
        resource = f"customers/{name.customer}/transactions/{new_ulid(2)}"
        write = replace(seen(name), action="records.transactions.batch_create", resource="")
        made = [
            replace(write, rows=(RowHash(f"{resource[:-3]}{n:03}", bytes(32)),)) for n in range(8)
        ]
        leaves = [(one, encode(one)) for one in made]
        now = vault.clock.now_micros()
        vault.database.write_sync(lambda conn: append(conn, leaves, now))
        monkeypatch.setattr(proofs, "decode", counted)
        data = await bundle(vault, name, tmp_path)
        assert not {leaf for _, leaf in leaves} & set(read)
        assert read
        assert refused_by(data, vkey(tmp_path)) == set()

    on_a_vault(test)


def seen(name: TransactionName) -> AuditEvent:
    """The event of a call that read a transaction."""
    return AuditEvent(
        event_id=new_ulid(1),
        time=1,
        tier="full",
        action=GET,
        institution=BANK,
        customer=name.customer,
        resource=str(name),
        actor="somebody",
        decision=Decision.ALLOWED,
        outcome="OK",
        count=1,
    )


async def holds_without_the_customer(vault: Bank, name: TransactionName, folder: Path) -> None:
    data = await bundle(vault, name, folder)
    assert refused_by(data, vkey(folder)) == set()
    files = unpack(data)
    assert "party.json" not in files
    facts = json.loads(files["manifest.json"])["facts"]
    assert facts["destroyed"] == [f"institutions/{BANK}/customers/{name.customer}"]
