"""All that a stolen masked node has: its folder, its database role, its certificate, its memory.

None of it opens a full record, finds anybody by a number, or tells what a view withholds. What a
front end itself sends to be searched for does pass through the node; these tests read and list.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, create_engine, select
from sqlalchemy.exc import DBAPIError

from recordsvault.admin.v1 import admin_pb2 as ap
from recordsvault.audit.v1 import audit_pb2 as aup
from recordsvault.internal.v1 import index_oracle_pb2 as op
from recordsvault.internal.v1 import index_oracle_pb2_grpc as op_grpc
from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.records.v1 import customer_pb2, document_pb2, transaction_pb2
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import party_pb2, purpose_pb2
from tests.hostile.driving import (
    CDD,
    PARENT,
    WAIT,
    examples,
    import_all,
    laid_out,
    outcome,
    texts_of,
)
from tests.hostile.memory import forms_of_key, found_in, writable_memory
from tests.hostile.scanner import Scanner
from tests.support.databases import PostgresServer
from tests.support.running_vault import OWN, RunningVault
from tests.support.suite_keys import of_file_key, of_index_key
from vault.kms import KekMissing, KekName, LocalFileKms, UnwrapRefused, WrappedKey
from vault.kms.keyfiles import read_kek
from vault.records import IDENTITY_SCOPE, Branch, IndexKind, ScopeRef, parse_record_name
from vault.sealing import BranchNotHeld, KeyRing, SealBroken, SystemClock, open_full
from vault.sealing.blind import _DOMAIN
from vault.sealing.derive import derive
from vault.sealing.hierarchy import (
    _MINT,
    FullFileKey,
    MaskedFileKey,
    _branch_context,
    _file_key_aad,
    _index_context,
    open_branch_key,
    open_file_key,
)
from vault.server.parts import Parts, build
from vault.server.settings import TierName, load
from vault.services.sealer import place
from vault.store import CustomerRow, Database, KeyStore, StoreForbidden, customers, schema

# A view withholds these whole, or shows so little of them that the whole does not stand in it.
HIDDEN = (
    "number full_name latin_name trade_name holder_name name phones phone emails accounts account"
    " street machine_readable_zone unified_social_credit_code lei registration_number occupation"
    " remittance_text device_id"
).split()


@dataclass
class Stolen:
    """A vault in use, what went into it, and what the node's owner knows beside it."""

    vault: RunningVault
    names: list[str]
    hidden: set[str]
    shown: set[str]
    parts: Parts  # the full tier's, for what to look for


@pytest.fixture(
    scope="module",
    # The last one: a bank with the second suite.
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres), "sqlite-sm4"],
)
def stolen(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stolen]:
    server: PostgresServer | None = None
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
    items = examples(customers=60, transactions=300)
    hidden = {t for item in items for t in texts_of(item, HIDDEN)}
    # What some view shows in the clear of one record is not withheld in another.
    shown = {t for item in items for t in texts_of(item, ["institution_name", "customer_number"])}
    dialect, _, second = str(request.param).partition("-")
    suites = f'{{ "{OWN}" = "sm4-gcm" }}' if second else "{}"
    folder = tmp_path_factory.mktemp("stolen")
    with laid_out(folder, dialect, server, suites=suites) as vault:
        vault.forked = False  # its memory is to be a node's, and to have nothing of the tests'
        vault.start()
        names = import_all(vault, items)
        parts = build(load(vault.config, TierName.FULL))
        yield Stolen(vault, names, hidden - shown, shown, parts)
        parts.close()


def read_everything(vault: RunningVault, names: list[str]) -> None:
    """Every view, one by one and by page, as the CRM; and what it is refused."""
    crm = vault.masked()
    for name in names:
        match type(parse_record_name(name)).__name__:
            case "CustomerName":
                crm.GetMaskedCustomer(mp.GetMaskedCustomerRequest(name=name), timeout=WAIT)
                crm.ListMaskedTransactions(
                    mp.ListMaskedTransactionsRequest(parent=name, page_size=200), timeout=WAIT
                )
            case "DocumentName":
                crm.GetMaskedDocument(mp.GetMaskedDocumentRequest(name=name), timeout=WAIT)
            case _:
                crm.GetMaskedTransaction(mp.GetMaskedTransactionRequest(name=name), timeout=WAIT)
    crm.ListMaskedCustomers(mp.ListMaskedCustomersRequest(parent=PARENT, page_size=200))
    refused = vault.masked("officer")
    assert (
        outcome(refused.GetMaskedCustomer, mp.GetMaskedCustomerRequest(name=names[0]))[0]
        == "PERMISSION_DENIED"
    )


# -- memory ----------------------------------------------------------------------------------


def secret_keys(stolen: Stolen) -> tuple[dict[str, list[bytes]], dict[str, list[bytes]]]:
    """Keys that the masked node must not have, and keys that it has."""
    parts, folder = stolen.parts, stolen.vault.folder
    kms, store = parts.kms, KeyStore(parts.keys_database)
    keks = {
        kek: bytes(version.key)
        for kek in KekName
        for version in read_kek(folder / "kms" / "full", kek)
    }
    foreign = {
        "the full KEK": forms_of_key(keks[KekName.FULL]),
        "the index KEK": forms_of_key(keks[KekName.INDEX]),
    }
    own = {"the masked KEK": forms_of_key(keks[KekName.MASKED])}
    for institution in ("demo-bank", "other-bank"):
        for branch, into in ((Branch.FULL, foreign), (Branch.MASKED, own)):
            (row,) = store.branch_keys(branch, institution)
            wrapped = WrappedKey(KekName(branch.value), row.kek_version, row.wrapped)
            context = _branch_context(branch, institution, row.version)
            key = bytes(kms.unwrap(wrapped, context)[1:])
            into[f"the {branch.value} branch key of {institution}"] = forms_of_key(key)
        (row,) = store.index_keys(institution)
        material = kms.unwrap(
            WrappedKey(KekName.INDEX, row.kek_version, row.wrapped),
            _index_context(institution, row.version),
        )
        index, suite = of_index_key(material)
        foreign[f"the index key of {institution}"] = [index]
        for kind in IndexKind:
            use = _DOMAIN + b"token/" + kind.value.encode()
            derived = bytes(derive(index, use, digest=suite.hash))
            # HMAC keeps the key mixed with its inner and outer pad (RFC 2104).
            forms = [derived, *(bytes(b ^ pad for b in derived) for pad in (0x36, 0x5C))]
            foreign[f"the {kind.value} index key of {institution}"] = forms
    refs = {
        ScopeRef(n.institution, n.customer, IDENTITY_SCOPE)
        for n in (parse_record_name(name) for name in stolen.names)
    }
    for branch, into in ((Branch.FULL, foreign), (Branch.MASKED, own)):
        branch_key = open_branch_key(kms, branch, store.branch_keys(branch, "demo-bank")[0])
        for ref, file_row in store.file_keys(
            branch, sorted(refs, key=lambda r: r.customer)
        ).items():
            aad = _file_key_aad(branch_key, ref, file_row.key_id)
            keys = of_file_key(branch_key.aead.open_key(file_row.wrapped, aad))
            forms = [form for key in keys for form in forms_of_key(key)]
            into[f"the {branch.value} file key of {ref.customer}"] = forms
    return foreign, own


@pytest.mark.slow
def test_its_memory_holds_no_key_that_opens_more_and_nothing_that_is_withheld(
    stolen: Stolen,
) -> None:
    vault = stolen.vault
    foreign, own = secret_keys(stolen)
    read_everything(vault, stolen.names)
    pid = vault.pid(TierName.MASKED)

    found = found_in(pid, foreign | own)
    assert found & foreign.keys() == set()
    # The control: its own keys are found there by the same search, and the full tier's there.
    assert len(found) >= len(own) - 1  # it has not served the other bank
    assert "the full branch key of demo-bank" in found_in(vault.pid(TierName.FULL), foreign)

    scanner = Scanner(stolen.hidden | stolen.shown)
    seen = {f.text for region in writable_memory(pid) for f in scanner.scan(region)}
    assert seen & stolen.hidden == set()
    assert len(seen & stolen.shown) > 40


def test_its_process_has_no_file_open_that_it_should_not_have(stolen: Stolen) -> None:
    pid = stolen.vault.pid(TierName.MASKED)
    files = {str(Path(f"/proc/{pid}/fd/{fd.name}").readlink()) for fd in _descriptors(pid)}
    assert not [f for f in files if "/kms/full" in f or f.endswith(".kek")]
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"full.kek" not in environment


def _descriptors(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/fd").iterdir())


# -- folder and keys -------------------------------------------------------------------------


@pytest.fixture
def node_kms(stolen: Stolen, tmp_path_factory: pytest.TempPathFactory) -> LocalFileKms:
    """The node's key folder, copied elsewhere."""
    folder = tmp_path_factory.mktemp("stolen") / "kms"
    shutil.copytree(stolen.vault.folder / "kms" / "masked", folder)
    folder.chmod(0o700)
    assert sorted(p.name for p in folder.iterdir()) == ["masked.kek", "receipt.signing"]
    return LocalFileKms(folder)


def a_row(stolen: Stolen) -> CustomerRow:
    name = parse_record_name(stolen.names[0])
    row = stolen.parts.database.read_sync(
        lambda conn: customers.current(conn, name.institution, name.customer)
    )
    assert row is not None
    return row


def test_its_keys_open_no_full_record(stolen: Stolen, node_kms: LocalFileKms) -> None:
    """Given even the whole key store and the sealed column, which its role is refused."""
    row, store = a_row(stolen), KeyStore(stolen.parts.keys_database)
    ref = ScopeRef(row.institution, row.customer, IDENTITY_SCOPE)
    here = place(ref, "", row.version, "sealed")

    honest = KeyRing(node_kms, store, frozenset({Branch.MASKED}), clock=SystemClock())
    with pytest.raises(BranchNotHeld):
        honest.fetch(Branch.FULL, [ref])
    bent = KeyRing(node_kms, store, frozenset(Branch), clock=SystemClock())
    with pytest.raises(KekMissing):
        bent.fetch(Branch.FULL, [ref])
    with pytest.raises(KekMissing):
        bent.index_key(row.institution)
    assert bent.fetch(Branch.MASKED, [ref])

    # The full branch key, passed off as one that the masked KEK wrapped.
    (full_branch,) = store.branch_keys(Branch.FULL, row.institution)
    for branch in Branch:
        with pytest.raises(UnwrapRefused):
            node_kms.unwrap(
                WrappedKey(KekName.MASKED, full_branch.kek_version, full_branch.wrapped),
                _branch_context(branch, row.institution, full_branch.version),
            )
    # The full file key, passed off as one of the masked branch.
    masked_branch = open_branch_key(
        node_kms, Branch.MASKED, store.branch_keys(Branch.MASKED, row.institution)[0]
    )
    full_file = store.file_keys(Branch.FULL, [ref])[ref]
    with pytest.raises(SealBroken):
        open_file_key(masked_branch, ref, full_file)
    # Its own file key's bytes, passed off as the scope's full file key.
    own_file = store.file_keys(Branch.MASKED, [ref])[ref]
    own = open_file_key(masked_branch, ref, own_file)
    assert isinstance(own, MaskedFileKey)
    for key_id in (own_file.key_id, full_file.key_id):
        material = masked_branch.aead.open_key(
            own_file.wrapped, _file_key_aad(masked_branch, ref, own_file.key_id)
        )
        with pytest.raises(SealBroken):
            open_full(FullFileKey(_MINT, ref, key_id, material), row.sealed, here)


# -- database role ---------------------------------------------------------------------------

BEYOND = [
    *((table, "sealed") for table in (schema.customers, schema.documents, schema.transactions)),
    *((table, "sealed") for table in (schema.contents, schema.uploads)),
    (schema.content_segments, "object"),
    *((table, "wrapped") for table in (schema.full_branch_keys, schema.full_file_keys)),
    (schema.index_keys, "wrapped"),
    (schema.blind_index, "token"),
    (schema.identity_claims, "token"),
    (schema.requests, "outcome"),
    (schema.audit_events, "leaf"),
]


def test_its_database_role_cannot_select_what_is_not_for_it(stolen: Stolen) -> None:
    """With the very URL of its configuration: on PostgreSQL in a program of one's own, on SQLite,
    which has no users, through the vault's own code as the masked tier runs it."""
    url = load(stolen.vault.config, TierName.MASKED).table.database
    if url.startswith("sqlite"):
        database = Database(f"sqlite:///{stolen.vault.folder}/vault.db", role="masked")
        assert database.read_sync(lambda c: c.execute(select(schema.customers.c.masked)).first())
        for table, column in BEYOND:
            with pytest.raises(StoreForbidden):
                database.read_sync(partial(_select, table.c[column]))
        database.dispose()
        return
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        assert conn.execute(select(schema.customers.c.masked)).first() is not None
        for table, column in BEYOND:
            with pytest.raises(DBAPIError) as caught:
                conn.execute(select(table.c[column]))
            assert getattr(caught.value.orig, "sqlstate", "") == "42501"
    engine.dispose()


def _select(column: Column[Any], conn: Connection) -> Any:
    return conn.execute(select(column)).all()


# -- certificate -----------------------------------------------------------------------------


def denied_calls(vault: RunningVault, name: str) -> dict[str, tuple[Any, Any]]:
    """Every full and audit call there is, as whoever holds the node's certificate."""
    node = "masked-node"
    records, audit = vault.records(node), vault.audit(node)
    document = f"{name}/documents/{name.rpartition('/')[2]}"
    payment = f"{name}/transactions/{name.rpartition('/')[2]}"
    person = customer_pb2.NaturalPerson(full_name="X")
    new = customer_pb2.Customer(customer_number="X1", natural_person=person)
    paper = document_pb2.IdentityDocument(
        number="1", kind=party_pb2.DOCUMENT_KIND_PASSPORT, issuing_country="CN"
    )
    booked = transaction_pb2.Transaction()
    return {
        "GetCustomer": (records.GetCustomer, pb.GetCustomerRequest(name=name, purpose=CDD)),
        "ListCustomers": (
            records.ListCustomers,
            pb.ListCustomersRequest(parent=PARENT, purpose=CDD),
        ),
        "ListCustomerVersions": (
            records.ListCustomerVersions,
            pb.ListCustomerVersionsRequest(name=name, purpose=CDD),
        ),
        "GetIdentityDocument": (
            records.GetIdentityDocument,
            pb.GetIdentityDocumentRequest(name=document, purpose=CDD),
        ),
        "ListIdentityDocuments": (
            records.ListIdentityDocuments,
            pb.ListIdentityDocumentsRequest(parent=name, purpose=CDD),
        ),
        "ListIdentityDocumentVersions": (
            records.ListIdentityDocumentVersions,
            pb.ListIdentityDocumentVersionsRequest(name=document, purpose=CDD),
        ),
        "GetTransaction": (
            records.GetTransaction,
            pb.GetTransactionRequest(name=payment, purpose=CDD),
        ),
        "ListTransactions": (
            records.ListTransactions,
            pb.ListTransactionsRequest(parent=name, purpose=CDD),
        ),
        "CreateCustomer": (
            records.CreateCustomer,
            pb.CreateCustomerRequest(parent=PARENT, customer=new),
        ),
        "CreateIdentityDocument": (
            records.CreateIdentityDocument,
            pb.CreateIdentityDocumentRequest(parent=name, identity_document=paper),
        ),
        "CreateTransaction": (
            records.CreateTransaction,
            pb.CreateTransactionRequest(parent=name, transaction=booked),
        ),
        "QueryEvents": (audit.QueryEvents, aup.QueryEventsRequest(parent=PARENT)),
        "StreamEvents": (audit.StreamEvents, aup.StreamEventsRequest(parent=PARENT)),
        "CheckHealth": (
            vault.admin(node).CheckHealth,
            ap.CheckHealthRequest(),
        ),
        "GetMaskedCustomer": (
            vault.masked(node).GetMaskedCustomer,
            mp.GetMaskedCustomerRequest(name=name),
        ),
    }


def test_its_certificate_is_refused_by_records_and_audit(stolen: Stolen) -> None:
    name = stolen.names[0]
    calls = denied_calls(stolen.vault, name)
    codes = {what: outcome(call, request)[0] for what, (call, request) in calls.items()}
    assert codes == dict.fromkeys(calls, "PERMISSION_DENIED")
    records = stolen.vault.records("masked-node")
    for purpose in purpose_pb2.Purpose.values():
        request = pb.GetCustomerRequest(name=name, purpose=purpose, case_reference="case 1")
        assert outcome(records.GetCustomer, request)[0] == "PERMISSION_DENIED"
    imported = pb.ImportRecordsRequest(
        parent=PARENT, request_id="0b9a2c3e-7d61-4c0e-9f6b-0e8f0c1d2a3b", items=[pb.ImportItem()]
    )
    assert outcome(records.ImportRecords, iter([imported]))[0] == "PERMISSION_DENIED"


def test_its_certificate_gets_opaque_names_from_the_oracle_and_no_more(stolen: Stolen) -> None:
    (number,) = list(texts_of(examples(1, 0)[0].new_customer.natural_person, ["number"]))
    oracle = op_grpc.IndexOracleStub(stolen.vault.channel("masked-node", TierName.FULL))
    answer = oracle.LookUp(
        op.LookUpRequest(
            parent=PARENT,
            kind=op.TERM_KIND_IDENTITY,
            value=number,
            on_behalf_of="crm",
            limit=10,
        ),
        timeout=WAIT,
    )
    assert [f.name for f in op.LookUpResponse.DESCRIPTOR.fields] == ["customers"]
    assert list(answer.customers) == [stolen.names[0].rpartition("/")[2]]
