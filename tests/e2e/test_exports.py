"""Customers' files leave the vault for an authority: over TLS, on both databases, sealed to one
recipient, counted, signed, and each told before it leaves."""

import asyncio
import json
from functools import partial
from hashlib import sha256
from typing import Any

import pytest

from recordsvault.access.v1 import access_pb2 as lp
from recordsvault.bundles.v1 import exports_pb2 as xp
from recordsvault.bundles.v1 import exports_pb2_grpc
from recordsvault.life.v1 import merges_pb2 as mp
from recordsvault.life.v1 import merges_pb2_grpc
from recordsvault.type.v1 import purpose_pb2
from recordsvault_client import AsyncVaultClient, Profile, Recipient, VaultClient
from tests.cli.test_with_the_vault import profile
from tests.e2e import people
from tests.e2e.calls import create, get, update
from tests.e2e.test_merges import agree, propose
from tests.e2e.wire import LogBook, refusal
from tests.support.borrowing import add_person
from tests.support.bundles import Files, Ledger, ledger, recipient, unsealed
from tests.support.contents import scan, upload
from tests.support.lending import PARENT, approve, ask, revoke, until_known
from tests.support.running_vault import RunningVault
from vault.audit import Phase
from vault.audit.note import parse_note
from vault.bundles import RecipientKey
from vault.cli.vaultctl.lent_fields import everything
from vault.server.settings import TierName

AUDIT = purpose_pb2.PURPOSE_INTERNAL_AUDIT
KEY = RecipientKey.generate(hybrid=False)
WHOLE = everything(PARENT)
OF_CUSTOMERS = [path for path in WHOLE if path.startswith("customer.")]
BYSTANDERS = 60


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """With an auditor whose own file is among the others."""
    own = create(each_vault).name.rpartition("/")[2]
    add_person(each_vault, "auditor", "compliance", own_files=[own])
    add_person(each_vault, "second-auditor", "compliance")
    until_known(each_vault, "second-auditor")
    return each_vault


@pytest.fixture(scope="module")
def books(vault: RunningVault) -> Ledger:
    """A file with everything; its customer has a second version. Others stand around it."""
    made = ledger(vault)
    changed = get(vault, made.customer)
    changed.phones[:] = ["+8613900139000"]
    update(vault, changed, "phones")
    for _ in range(BYSTANDERS):
        create(vault)
    return made


def stub(vault: RunningVault, who: str) -> exports_pb2_grpc.ExportsStub:
    return exports_pb2_grpc.ExportsStub(vault.channel(who, TierName.FULL))


def produce(vault: RunningVault, name: str, *, who: str = "compliance", **more: Any) -> bytes:
    more.setdefault("purpose", AUDIT)
    request = xp.ProduceFileRequest(name=name, recipient=recipient(KEY.recipient), **more)
    return b"".join(one.data for one in stub(vault, who).ProduceFile(request))


def opened(data: bytes) -> Files:
    return unsealed(data, KEY)


def lent(vault: RunningVault) -> str:
    """All files, whole, agreed to by two."""
    out = ask(vault, PARENT, *WHOLE, who="auditor", purpose=AUDIT, case_reference="A-7")
    half: lp.CheckOut = approve(vault, out)
    return approve(vault, half, who="second-auditor").name


def asked(check_out: str, **more: Any) -> xp.ExportFilesRequest:
    return xp.ExportFilesRequest(
        parent=PARENT,
        purpose=AUDIT,
        case_reference="A-7",
        check_out=check_out,
        recipient=recipient(KEY.recipient),
        **more,
    )


def export(vault: RunningVault, check_out: str, **more: Any) -> list[xp.ExportFilesResponse]:
    return list(stub(vault, "auditor").ExportFiles(asked(check_out, **more)))


def files_of(answers: list[xp.ExportFilesResponse]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for one in answers:
        if one.customer:
            found[one.customer] = found.get(one.customer, b"") + one.data
    return found


def test_a_file_is_produced_whole_with_every_version_the_transactions_and_the_scans(
    vault: RunningVault, books: Ledger, log: LogBook
) -> None:
    size = log.size()
    inside = opened(produce(vault, books.customer))
    manifest = json.loads(inside["manifest.json"])
    assert (manifest["kind"], manifest["name"]) == ("file", books.customer)
    assert {one["path"]: one["sha256"] for one in manifest["files"]} == {
        path: sha256(data).hexdigest()
        for path, data in inside.items()
        if not path.startswith("manifest.")
    }
    facts = manifest["facts"]
    counts = {"customers": 2, "documents": 1, "transactions": 5, "contents": 2}
    assert {name: facts[name] for name in counts} == counts
    assert {name: facts[f"{name}_stored"] for name in counts} == counts
    assert facts["destroyed"] == 0
    newest = json.loads(inside["customer/2.json"])
    assert newest["CtctDtls"]["PhneNb"] == "+8613900139000" and "customer/1.json" in inside
    (paper,) = (path for path in inside if path.startswith("documents/"))
    assert json.loads(inside[paper])["Id"]
    lines = [json.loads(one) for one in inside["transactions/000001.jsonl"].splitlines()]
    named = [one["entry"]["SplmtryData"][0]["PlcAndNm"] for one in lines]
    assert named == list(books.bookings)
    assert lines[2]["corrected_by"] == [books.bookings[3]]
    scans = sorted((data for path, data in inside.items() if path.startswith("contents/")), key=len)
    assert scans == [scan(50_000, seed=2), scan(100_000)]
    # The log has signed the manifest, knows it by its hash, and knew of the file before it left.
    note = parse_note(inside["manifest.note"])
    assert sha256(inside["manifest.json"]).digest() and note.text.startswith(manifest["log"])
    events = [one for one in log.since(size) if one.action == "records.files.produce"]
    begun, closed = events
    assert (begun.phase, closed.phase) == (Phase.OPENED, Phase.CLOSED)
    customer = books.customer.rpartition("/")[2]
    key = KEY.recipient.fingerprint.hex()
    assert begun.resources == (f"customers/{customer}@2", f"recipients/{key}")
    assert "transaction.content" in begun.fields
    assert closed.rows[0].sha256 == sha256(inside["manifest.json"]).digest()
    assert closed.count == 10


def test_a_file_that_leaves_names_the_other_files_of_its_customer_to_who_may_know_of_them(
    vault: RunningVault,
) -> None:
    old, kept = create(vault).name, create(vault).name
    far = get(vault, old)
    far.branch = "SZ-77"
    update(vault, far, "branch")
    add_person(vault, "clerk-here", "compliance", branches=[get(vault, kept).branch])
    until_known(vault, "clerk-here")
    alone = json.loads(opened(produce(vault, kept))["manifest.json"])["facts"]
    assert "merged_files" not in alone
    agree(vault, propose(vault, old, kept))

    def told(who: str, name: str) -> tuple[list[str], dict[str, Any]]:
        """What is said beside the file, and in it."""
        request = xp.ProduceFileRequest(
            name=name, recipient=recipient(KEY.recipient), purpose=AUDIT
        )
        answers = list(stub(vault, who).ProduceFile(request))
        manifest = opened(b"".join(one.data for one in answers))["manifest.json"]
        beside = [name for one in answers for name in one.merged_files]
        return beside, json.loads(manifest)["facts"]

    beside, facts = told("compliance", kept)
    assert beside == facts.pop("merged_files") == [old]
    assert facts == alone  # what is in it is what was in it
    # His roles do not reach the other one, so he does not get to know of it.
    assert told("clerk-here", kept) == ([], alone)

    answers = export(vault, lent(vault), customers=[kept])
    (line,) = [json.loads(one.line) for one in answers if one.line]
    assert line["merged_files"] == [old]
    inside = json.loads(opened(files_of(answers)[kept])["manifest.json"])
    assert inside["facts"]["merged_files"] == [old]

    merges = merges_pb2_grpc.MergesStub(vault.channel("custodian", TierName.FULL))
    apart = mp.ProposeUnmergeRequest(name=old, reason="Twins.")
    agree(vault, merges.ProposeUnmerge(apart).proposal)
    assert told("compliance", kept) == ([], alone)


def test_what_is_not_wanted_is_not_in_it(vault: RunningVault, books: Ledger) -> None:
    start, end = people.stamp(people.MORNING), people.stamp(people.MORNING)
    start.seconds += 60
    end.seconds += 180
    selection = xp.FileSelection(
        parts=[xp.FILE_PART_TRANSACTIONS], booked_from=start, booked_to=end
    )
    inside = opened(produce(vault, books.customer, selection=selection))
    lines = inside["transactions/000001.jsonl"].splitlines()
    names = [json.loads(one)["entry"]["SplmtryData"][0]["PlcAndNm"] for one in lines]
    assert names == list(books.bookings[1:3])
    assert not [path for path in inside if path.startswith(("documents/", "contents/"))]
    # Of the period, and so are its scans: the third booking has one.
    selection.parts.append(xp.FILE_PART_CONTENTS)
    inside = opened(produce(vault, books.customer, selection=selection))
    assert [d for p, d in inside.items() if p.startswith("contents/")] == [scan(50_000, seed=2)]
    selection.booked_to.CopyFrom(start)
    wanted = refusal(partial(produce, vault, books.customer, selection=selection))
    assert wanted.fields == {("selection.booked_to", "CONTRADICTION")}


def test_a_file_leaves_for_evidence_only_and_nobodys_own_leaves_by_himself(
    vault: RunningVault, books: Ledger
) -> None:
    mending = purpose_pb2.PURPOSE_DATA_QUALITY
    wanted = refusal(partial(produce, vault, books.customer, purpose=mending))
    assert (wanted.code, wanted.reason) == ("PERMISSION_DENIED", "PURPOSE_NOT_ALLOWED")
    nobody = f"{PARENT}/customers/{'0' * 26}"
    assert refusal(partial(produce, vault, nobody)).code == "NOT_FOUND"


def test_all_files_leave_each_sealed_and_counted_and_the_log_tells_of_each_first(
    vault: RunningVault, books: Ledger, log: LogBook
) -> None:
    out = lent(vault)
    size = log.size()
    answers = export(vault, out)
    files = files_of(answers)
    # All but the auditor's own, which is told by its number alone.
    assert answers[0].total == len(files) + 1
    assert list(files) == sorted(files)
    lines = [one.line for one in answers if one.line]
    for line in map(json.loads, lines):
        data = files[line["customer"]]
        assert (line["size"], line["sha256"]) == (len(data), sha256(data).hexdigest())
    inside = opened(files[books.customer])
    (own,) = [one for one in map(json.loads, lines) if one["customer"] == books.customer]
    assert own["manifest_sha256"] == sha256(inside["manifest.json"]).hexdigest()
    assert [own[name] for name in ("customers", "documents", "transactions", "contents")] == [
        2, 1, 5, 2,
    ]  # fmt: skip
    manifests = [one for one in answers if one.manifest]
    assert [one.complete for one in manifests] == [False, True]
    last = json.loads(manifests[-1].manifest)
    listed = "".join(f"{line}\n" for line in lines).encode()
    (entry,) = last["files"]
    assert (entry["path"], entry["sha256"]) == ("files.jsonl", sha256(listed).hexdigest())
    facts = last["facts"]
    assert facts["reconciled"] is True
    assert (facts["files"], facts["files_closed"]) == (len(files), 1)
    assert facts["files_stored"] == len(files) + 1
    alert, begun, *each, whole, closed = [
        one for one in log.since(size) if one.action in ("watch.alert", "records.files.export")
    ]
    assert [row.name.partition("@")[0] for row in whole.rows] == [out.removeprefix(f"{PARENT}/")]
    assert (alert.reason, begun.phase) == ("BULK_EXPORT", Phase.OPENED)
    assert [one.phase for one in each] == [Phase.MESSAGE] * len(files)
    assert [f"{PARENT}/{one.resources[0].partition('@')[0]}" for one in each] == list(files)
    assert closed.count == len(files)
    assert closed.rows[0].sha256 == sha256(manifests[-1].manifest).digest()
    # It was for one.
    again = refusal(partial(export, vault, out))
    assert again.reason == "CHECK_OUT_NOT_ACTIVE"


def test_some_files_leave_and_an_export_goes_on_behind_the_last_one(
    vault: RunningVault, books: Ledger
) -> None:
    first = create(vault).name
    names = sorted([books.customer, first])
    answers = export(vault, lent(vault), customers=[first, books.customer])
    assert list(files_of(answers)) == names
    facts = json.loads(answers[-1].manifest)["facts"]
    assert (facts["named"], facts["files_stored"], facts["reconciled"]) == (2, 2, True)
    rest = export(vault, lent(vault), customers=names, after=names[0])
    assert list(files_of(rest)) == names[1:]
    # What is to come is counted from there on.
    assert (answers[0].total, rest[0].total) == (2, 1)
    nobody = f"{PARENT}/customers/{'0' * 26}"
    missing = refusal(partial(export, vault, lent(vault), customers=[first, nobody]))
    assert missing.code == "NOT_FOUND"


def test_of_each_file_that_leaves_only_what_was_asked_for_is_in_it(
    vault: RunningVault, books: Ledger
) -> None:
    start, end = people.stamp(people.MORNING), people.stamp(people.MORNING)
    start.seconds += 60
    end.seconds += 180
    selection = xp.FileSelection(
        parts=[xp.FILE_PART_TRANSACTIONS], booked_from=start, booked_to=end
    )
    names = sorted([books.customer, ledger(vault, scans=False).customer])
    answers = export(vault, lent(vault), customers=names, selection=selection)
    lines = {one["customer"]: one for one in (json.loads(a.line) for a in answers if a.line)}
    for name, data in files_of(answers).items():
        inside = opened(data)
        assert {path.partition("/")[0] for path in inside} == {
            *("customer", "transactions", "manifest.json", "manifest.note")
        }
        assert inside["transactions/000001.jsonl"].count(b"\n") == 2
        counts = [lines[name][part] for part in ("documents", "transactions", "contents")]
        assert counts == [0, 2, 0]
    facts = json.loads(answers[-1].manifest)["facts"]
    assert facts["parts"] == ["customer", "transactions"]
    assert (facts["documents"], facts["transactions"], facts["contents"]) == (0, 4, 0)
    assert all(facts[bound].startswith("2026-") for bound in ("booked_from", "booked_to"))


def test_an_export_that_broke_off_goes_on_by_the_same_check_out_with_the_same_request_alone(
    vault: RunningVault, log: LogBook
) -> None:
    large, second, third = ledger(vault, scans=False), create(vault).name, create(vault).name
    # More than the transport takes in advance.
    upload(vault.records(), large.document, scan(12_000_000))
    names = [large.customer, second, third]
    out, size = lent(vault), log.size()
    stream = stub(vault, "auditor").ExportFiles(asked(out, customers=names))
    next(stream)
    next(stream)
    stream.cancel()
    behind = {"customers": names, "after": large.customer}
    other = RecipientKey.generate(hybrid=False).recipient
    less = xp.FileSelection(parts=[xp.FILE_PART_DOCUMENTS])
    elsewhere = asked(out, **behind)
    elsewhere.recipient.CopyFrom(recipient(other))
    for request in (
        elsewhere,
        asked(out, **behind, selection=less),
        asked(out, customers=names[:2], after=large.customer),
        asked(out, after=large.customer),
    ):
        wanted = refusal(partial(_all_of, vault, request))
        assert (wanted.code, wanted.reason) == ("FAILED_PRECONDITION", "CHECK_OUT_OTHER_EXPORT")
    rest = export(vault, out, **behind)
    assert list(files_of(rest)) == names[1:]
    facts = json.loads(rest[-1].manifest)["facts"]
    assert (facts["complete"], facts["reconciled"], facts["files"]) == (True, True, 2)
    # It is complete: nothing goes on by it any more.
    again = refusal(partial(export, vault, out, **behind))
    assert again.reason == "CHECK_OUT_NOT_ACTIVE"
    events = [one for one in log.since(size) if one.action == "records.files.export"]
    opened = [one for one in events if one.phase is Phase.OPENED]
    assert [one.check_out for one in opened] == [out.rpartition("/")[2]] * 2
    refused = [one for one in events if one.reason == "CHECK_OUT_OTHER_EXPORT"]
    assert [one.phase for one in refused] == [Phase.CALL] * 4
    told = [one.resources[0] for one in events if one.phase is Phase.MESSAGE and one.resources]
    assert told == [f"customers/{name.rpartition('/')[2]}@1" for name in names]


def test_of_one_export_that_is_gone_on_with_twice_the_last_call_goes_on(
    vault: RunningVault,
) -> None:
    large, second = ledger(vault, scans=False), create(vault).name
    upload(vault.records(), large.document, scan(12_000_000))
    out, names = lent(vault), [large.customer, second]
    first = stub(vault, "auditor").ExportFiles(asked(out, customers=names))
    next(first)
    next(first)
    files = files_of(export(vault, out, customers=names))
    assert list(files) == names
    assert refusal(partial(list, first)).reason == "CHECK_OUT_NOT_ACTIVE"
    # Nor does one go on that was taken back.
    out = lent(vault)
    stream = stub(vault, "auditor").ExportFiles(asked(out, customers=names))
    next(stream)
    stream.cancel()
    revoke(vault, out)
    wanted = refusal(partial(export, vault, out, customers=names, after=large.customer))
    assert wanted.reason == "CHECK_OUT_NOT_ACTIVE"


def _all_of(vault: RunningVault, request: xp.ExportFilesRequest) -> list[xp.ExportFilesResponse]:
    return list(stub(vault, "auditor").ExportFiles(request))


def test_nothing_but_a_check_out_of_all_of_it_that_two_agreed_to_opens_an_export(
    vault: RunningVault, books: Ledger
) -> None:
    none = refusal(partial(export, vault, ""))
    assert (none.code, none.reason) == ("PERMISSION_DENIED", "CHECK_OUT_REQUIRED")
    waiting = ask(vault, PARENT, *WHOLE, who="auditor", purpose=AUDIT, case_reference="A-7")
    assert refusal(partial(export, vault, waiting.name)).reason == "CHECK_OUT_NOT_ACTIVE"
    approve(vault, waiting)
    assert refusal(partial(export, vault, waiting.name)).reason == "CHECK_OUT_NOT_ACTIVE"
    less = ask(vault, PARENT, *OF_CUSTOMERS, who="auditor", purpose=AUDIT, case_reference="A-7")
    approve(vault, approve(vault, less), who="second-auditor")
    # Of what is not lent, nothing is used up.
    wanted = refusal(partial(export, vault, less.name, customers=[books.customer]))
    assert wanted.code == "PERMISSION_DENIED"
    other = "institutions/other-bank/customers/" + "0" * 26
    wanted = refusal(partial(export, vault, less.name, customers=[other]))
    assert wanted.fields == {("customers[0]", "OTHER_PARENT")}


def test_an_export_ends_with_the_check_out_before_the_next_file(
    vault: RunningVault, log: LogBook
) -> None:
    first, second = ledger(vault, scans=False), create(vault).name
    # More than the transport takes in advance.
    upload(vault.records(), first.document, scan(12_000_000))
    out = lent(vault)
    size = log.size()
    stream = stub(vault, "auditor").ExportFiles(asked(out, customers=[first.customer, second]))
    assert next(stream).total == 2
    next(stream)
    revoke(vault, out)
    wanted = refusal(partial(list, stream))
    assert (wanted.code, wanted.reason) == ("FAILED_PRECONDITION", "CHECK_OUT_NOT_ACTIVE")
    events = [one for one in log.since(size) if one.action == "records.files.export"]
    told = [one.resources[0] for one in events if one.phase is Phase.MESSAGE]
    assert told == [f"customers/{first.customer.rpartition('/')[2]}@1"]
    assert (events[-1].phase, events[-1].reason) == (Phase.CLOSED, "CHECK_OUT_NOT_ACTIVE")


def test_both_clients_hand_out_the_names_of_the_other_files(
    vault: RunningVault,
) -> None:
    old, kept = create(vault).name, create(vault).name
    agree(vault, propose(vault, old, kept))
    to = Recipient(KEY.recipient.x25519)
    mine = Profile.load(profile(vault, "compliance"))
    told: list[str] = []
    with VaultClient(mine) as client:
        pieces = client.exports.produce(kept, to, purpose="INTERNAL_AUDIT", merged=told.extend)
        whole = b"".join(pieces)
        assert b"".join(client.exports.produce(kept, to, purpose="INTERNAL_AUDIT"))
    assert told == json.loads(opened(whole)["manifest.json"])["facts"]["merged_files"] == [old]

    async def produced() -> None:
        async with AsyncVaultClient(mine) as client:
            pieces = client.exports.produce(kept, to, purpose="INTERNAL_AUDIT", merged=told.extend)
            assert opened(b"".join([one async for one in pieces]))

    asyncio.run(produced())
    assert told == [old, old]
