"""What leaves in a file is what was asked for and no more, and what the store has and no less: a
record that is lost on the way ends the file, and a customer who is lost is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.records import builders
from tests.services.test_contents import Stage, noise, stage
from tests.services.test_export_memory import KEY as RECIPIENT
from tests.services.test_storing import batch, create, imported, person
from tests.support.bundles import Files, unpack
from tests.support.log_keys import log_signers
from tests.support.use_cases import BANK, allowed
from vault.access import Action
from vault.bundles import EnvelopeBroken, ManifestSigner, RecipientKey, open_envelope
from vault.records import CustomerName, DocumentName, TransactionName
from vault.records.ulid import first_ulid
from vault.services.errors import Corrupted
from vault.services.exports import FileWriter, Selection
from vault.services.exports import file as writing
from vault.services.exports.exporting import Export, FilesExport
from vault.services.exports.file import Source
from vault.services.items import NewRecord
from vault.services.kinds import DOCUMENTS, TRANSACTIONS
from vault.services.outcomes import Stored
from vault.store import Database, whole_files

KEY = RecipientKey.generate(hybrid=False)
BOOKINGS = 6
BEGIN = builders.transaction().booking_time


@dataclass
class FullFile:
    """A vault with a file of each kind of record, and what writes it."""

    source: Source
    stage: Stage
    customer: str

    async def written(self, selection: Selection) -> Files:
        """What is in the file, by path."""
        writer = FileWriter(self.source, BANK, self.customer, selection, KEY.recipient)
        sealed = [piece async for piece in writer.write()]
        return unpack(b"".join(open_envelope(KEY, sealed)))

    async def export(self, *names: str) -> list[Any]:
        """The manifests of an export of all files, or of some."""
        export = FilesExport(self.source, _Agreed(), contents=True)  # type: ignore[arg-type]  # all that is used
        call = allowed(Action.CUSTOMERS_LIST)
        wanted = Export(BANK, Selection(), RECIPIENT, tuple(sorted(names)))
        parts = [part async for part in export.write(call, wanted)]
        return [json.loads(part.manifest)["facts"] for part in parts if part.manifest]


class _Agreed:
    """A check-out that opens everything."""

    async def hand_out(self, *_: Any) -> None: ...

    async def complete(self, *_: Any) -> None: ...


Test = Callable[[FullFile], Awaitable[None]]


@pytest.fixture
def on_files(database: Database, tmp_path: Path) -> Callable[[Test], None]:
    """Runs a test's coroutine: a customer of two versions, two documents of two scans each, six
    bookings a minute apart of which the second and the fifth have a scan."""

    def run_test(test: Test) -> None:
        async def main() -> None:
            async with stage(database, tmp_path) as s:
                (owner,) = await create(s.cases, person("C1"))
                name = CustomerName(BANK, owner.customer)
                for number in ("E00000001", "E00000002"):
                    new = NewRecord(DOCUMENTS, builders.document(number=number), name)
                    call = allowed(Action.DOCUMENTS_CREATE, owner.customer)
                    (paper,) = await s.cases.storing.store_together(call, batch(new))
                    s.document = DocumentName(BANK, owner.customer, _last(paper.record))
                    for page in (1, 2):
                        await s.upload(noise(2_000), f"{number}-{page}", page)
                one = builders.transaction(corrects="", reverses="", vouchers=())
                for n in range(BOOKINGS):
                    booked = replace(one, booking_time=BEGIN + timedelta(minutes=n))
                    (made,) = await imported(s.cases, NewRecord(TRANSACTIONS, booked, name))
                    assert isinstance(made, Stored)
                    if n in (1, 4):
                        s.document = TransactionName(BANK, owner.customer, _last(made.record))  # type: ignore[assignment]  # an owner of contents, too
                        await s.upload(noise(2_000), f"voucher-{n}")
                signer = ManifestSigner(log_signers(tmp_path))
                cases = s.cases
                source = Source(database, cases.keys, cases.clock, signer, s.downloading.pieces)
                await test(FullFile(source, s, owner.customer))

        asyncio.run(asyncio.wait_for(main(), 120))

    return run_test


def _last(record: str) -> str:
    return record.rpartition("/")[2]


def _found(files: Files) -> dict[str, int]:
    lines = [data for path, data in files.items() if path.startswith("transactions/")]
    return {
        "customers": sum(path.startswith("customer/") for path in files),
        "documents": sum(path.startswith("documents/") for path in files),
        "transactions": sum(data.count(b"\n") for data in lines),
        "contents": sum(path.startswith("contents/") for path in files),
    }


def test_each_kind_is_in_it_where_it_was_asked_for_and_not_elsewhere(on_files: Any) -> None:
    async def test(f: FullFile) -> None:
        low, high = [
            first_ulid(int((BEGIN + timedelta(minutes=n)).timestamp() * 1000)) for n in (1, 4)
        ]
        within = {"low": low, "high": high, "period": ("since", "until")}
        either = (False, True)
        every: list[dict[str, Any]] = [{}, within]
        for papers, booked, scans, bounds in product(either, either, either, every):
            files = await f.written(Selection(papers, booked, scans, **bounds))
            # Of the bookings 1, 2 and 3 are within; of those with a scan the first alone.
            some = len(bounds) > 0
            expected = {
                "customers": 1,
                "documents": 2 * papers,
                "transactions": (3 if some else BOOKINGS) * booked,
                "contents": scans * (4 * papers + (1 if some else 2) * booked),
            }
            assert _found(files) == expected
            facts = json.loads(files["manifest.json"])["facts"]
            assert {name: facts[name] for name in expected} == expected
            assert {name: facts[f"{name}_stored"] for name in expected} == expected
            wanted = [("documents", papers), ("transactions", booked), ("contents", scans)]
            assert facts["parts"] == ["customer", *(part for part, it in wanted if it)]
            assert (facts["booked_from"], facts["booked_to"]) == (
                ("since", "until") if some else ("", "")
            )

    on_files(test)


@pytest.mark.parametrize("page", ["_versions", "_papers", "_paper", "_transactions", "_contents"])
def test_a_file_that_lacks_a_record_is_not_given_out_to_its_end(
    on_files: Any, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    """Whatever kind of record it is, and though nothing is wrong with the others."""
    read = getattr(writing, page)
    lost: list[object] = []

    def without_one(*about: Any) -> Any:
        found = read(*about)
        rows = found[0] if isinstance(found, tuple) else found
        if rows and not lost:
            lost.append(rows.pop(0))
        return found

    async def test(f: FullFile) -> None:
        monkeypatch.setattr(writing, page, without_one)
        writer = FileWriter(f.source, BANK, f.customer, Selection(), KEY.recipient)
        sealed: list[bytes] = []
        with pytest.raises(Corrupted):
            async for piece in writer.write():
                sealed.append(piece)
        assert lost and not writer.manifest_sha256
        # What had left by then opens to no end.
        with pytest.raises(EnvelopeBroken):
            b"".join(open_envelope(KEY, sealed))
        monkeypatch.undo()
        assert await f.written(Selection())

    on_files(test)


def test_a_record_more_makes_up_for_none_that_is_lost(
    on_files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = whole_files.sizes

    async def test(f: FullFile) -> None:
        # One that is counted twice over, and one that is not counted: of two kinds.
        def other(*about: Any) -> Any:
            found = sizes(*about)
            changes = {"documents": found.documents + 1, "transactions": found.transactions - 1}
            return replace(found, **changes)

        monkeypatch.setattr(whole_files, "sizes", other)
        with pytest.raises(Corrupted):
            await f.written(Selection())

    on_files(test)


def test_an_export_that_loses_a_customer_says_so(
    on_files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(f: FullFile) -> None:
        others = [one.customer for one in await create(f.stage.cases, person("C2"), person("C3"))]
        names = (f.customer, *others)
        for wanted in ((), names):
            whole = (await f.export(*wanted))[-1]
            there = 4 - len(wanted) // 3
            assert (whole["files"], whole["files_stored"]) == (there, there)
            assert whole["reconciled"] is True and whole["complete"] is True
        page = FilesExport._page

        async def without_one(self: FilesExport, export: Export, after: str) -> Any:
            return [
                row for row in await page(self, export, after) if row.customer != sorted(names)[1]
            ]

        monkeypatch.setattr(FilesExport, "_page", without_one)
        for wanted in ((), names):
            less = (await f.export(*wanted))[-1]
            assert less["files"] == less["files_stored"] - 1
            assert less["reconciled"] is False

    on_files(test)
