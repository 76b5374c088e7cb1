"""Nothing that went in stands in the clear on any disk: every byte of a used vault is read.

Values of at least eight bytes are looked for (scanner.py), which are all identity, account and
phone numbers, e-mail addresses and streets, and every name but those of two Chinese characters: six
bytes could stand in so many random ones by chance. Beside the values as they were sent, the forms
in which the blind index takes them are looked for.
"""

import base64
import itertools
import json
import random
import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from recordsvault.compartments.v1 import compartments_pb2 as cp
from recordsvault.internal.v1 import index_oracle_pb2 as op
from recordsvault.internal.v1 import index_oracle_pb2_grpc as op_grpc
from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.records.v1 import customer_pb2
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import purpose_pb2
from tests.hostile.driving import (
    CDD,
    PARENT,
    SERVICE,
    WAIT,
    as_item,
    example_lines,
    examples,
    import_all,
    opened,
    outcome,
    texts_of,
)
from tests.hostile.scanner import MIN_BYTES, Found, Scanner, encodings
from tests.support.databases import PostgresServer, temporary_server
from tests.support.running_vault import RunningVault
from vault.records import IndexKind, normalise
from vault.server.settings import TierName
from vault.store import IndexRow, blind_index

FIELDS = (
    "number customer_number full_name latin_name trade_name holder_name name phones phone emails"
    " accounts account street machine_readable_zone unified_social_credit_code lei"
    " registration_number occupation business_scope remittance_text device_id network_address"
    " institution_reference end_to_end_reference change_reason"
).split()


def normal_forms(text: str) -> Iterator[str]:
    yield text
    yield text.casefold()
    yield text.upper()
    for kind in IndexKind:
        yield normalise(kind, text)


# -- the scanner itself ----------------------------------------------------------------------

SAMPLES = (
    "330211198506109963",
    "+8617402254132",
    "欧阳慧丽",
    "xue.ouyang6558@example.org",
    "黄河路195号白云居2幢4单元2406室",
    "Łukasz Żółć",
    "C0000001",
)
EACH_WAY = [(text, name) for text in SAMPLES for name, _ in encodings(text)]


@pytest.mark.parametrize(("text", "encoding"), EACH_WAY)
def test_the_scanner_finds_a_planted_value_wherever_it_lies(text: str, encoding: str) -> None:
    scanner = Scanner(SAMPLES)
    noise = random.Random(encoding + text)
    pattern = dict(encodings(text))[encoding]
    for place in range(64, 64 + 8):
        data = noise.randbytes(place) + pattern + noise.randbytes(64)
        assert Found(text, encoding, place) in scanner.scan(data)
    for data in (pattern, noise.randbytes(3) + pattern):
        assert [f for f in scanner.scan(data) if f.text == text]


@pytest.mark.parametrize("text", SAMPLES)
def test_the_scanner_finds_what_any_encoder_writes(text: str) -> None:
    """Not the scanner's own idea of the encodings: base64 within a larger whole, by its module."""
    written = {
        "hex": f'{{"value":"{(b"abc" + text.encode() + b"xyz").hex()}"}}'.encode(),
        "json": json.dumps({"a": text}).encode(),
        "json in utf-8": json.dumps({"a": text}, ensure_ascii=False).encode(),
        "percent": f"https://example.org/?q={quote_plus(text)}".encode(),
        "utf-16": f"before {text} behind".encode("utf-16"),
        **{
            f"base64 behind {n}": base64.b64encode(b"abcdefg"[:n] + text.encode() + b"hijk")
            for n in range(7)
        },
        **{
            f"base64url behind {n}": base64.urlsafe_b64encode(b"\xff" * n + text.encode())
            for n in range(7)
        },
    }
    scanner = Scanner([text])
    assert {how for how, data in written.items() if not scanner.scan(data)} == set()


def test_the_scanner_finds_nothing_in_random_bytes() -> None:
    numbers = random.Random(1)
    scanner = Scanner(str(numbers.randrange(10**17, 10**18)) for _ in range(5_000))
    assert len(scanner) > 25_000
    assert scanner.scan(numbers.randbytes(10_000_000)) == []


@pytest.fixture
def server(dialect: str) -> Iterator[PostgresServer | None]:
    """A PostgreSQL of this test's own: what other tests wrote would stand in its journal too."""
    if dialect == "sqlite":
        yield None
        return
    with temporary_server() as own:
        yield own


# -- the vault -------------------------------------------------------------------------------

# None of these is stored: they stand in requests that are refused, or in places where no such thing
# belongs.
STRAY = {
    "in a refused record": "11010519491231002X",
    "in a denied record": "310115199001011234",
    "searched for, known to nobody": "440305198807154321",
    "searched for as a name": "Wolfgang Unbekannt",
    "searched for without a right": "+8613912345678",
    "as a request id": "371302199912120019",
    "as a resource name": "510104197708086543",
    "as a page token": "zhang.wei1234@example.org",
    "as an etag": "6222021234567890128",
    "as a field mask": "person_420106199303033456",
    "as a case reference": "Case 2026/17 against Wei Zhang",
    "as a method's name": "GB29NWBK60161331926819",
    "as a stranger's argument": "410105198001017890",
    "as another's customer": "DE89370400440532013000",
    "told to the oracle": "230103196512121111",
    "as whom the oracle is asked for": "Person 120101198811113333",
    "as a call's identifier": "650102197003031231",
}


def bad_calls(vault: RunningVault, customer: str) -> dict[str, tuple[str, str]]:
    """Calls that carry what they should not; what became of each."""
    backend, crm = vault.records(), vault.masked()
    compliance, stranger = vault.records("compliance"), vault.records("stranger")

    def person(number: str) -> customer_pb2.Customer:
        item = as_item(next(example_lines("customers"))).new_customer
        item.natural_person.identity.number = number
        item.customer_number = f"X{number}"
        return item

    def search(**term: str) -> mp.SearchMaskedCustomersRequest:
        return mp.SearchMaskedCustomersRequest(parent=PARENT, **term)  # type: ignore[arg-type]

    wrong = person(STRAY["in a refused record"])
    wrong.natural_person.full_name = "Max\u200bMustermann"
    wrong.emails.append("not an address of " + STRAY["in a refused record"])
    current = backend.GetCustomer(pb.GetCustomerRequest(name=customer, purpose=SERVICE))
    tagged = customer_pb2.Customer()
    tagged.CopyFrom(current.customer)
    tagged.etag = STRAY["as an etag"]
    oracle = op_grpc.IndexOracleStub(vault.channel("crm", TierName.FULL))
    unknown = vault.channel("backend", TierName.FULL).unary_unary(
        "/recordsvault.records.v1.Records/" + STRAY["as a method's name"],
        request_serializer=pb.GetCustomerRequest.SerializeToString,
        response_deserializer=pb.GetCustomerResponse.FromString,
    )
    return {
        "a refused record": outcome(
            backend.CreateCustomer, pb.CreateCustomerRequest(parent=PARENT, customer=wrong)
        ),
        "a denied record": outcome(
            vault.records("crm").CreateCustomer,
            pb.CreateCustomerRequest(parent=PARENT, customer=person(STRAY["in a denied record"])),
        ),
        "a search for nobody": outcome(
            crm.SearchMaskedCustomers,
            search(identity_number=STRAY["searched for, known to nobody"]),
        ),
        "a search for no name": outcome(
            crm.SearchMaskedCustomers, search(full_name=STRAY["searched for as a name"])
        ),
        "a search without a right": outcome(
            vault.masked("officer").SearchMaskedCustomers,
            search(phone=STRAY["searched for without a right"]),
        ),
        "a request id": outcome(
            backend.CreateCustomer,
            pb.CreateCustomerRequest(
                parent=PARENT, customer=current.customer, request_id=STRAY["as a request id"]
            ),
        ),
        "a resource name": outcome(
            compliance.GetCustomer,
            pb.GetCustomerRequest(
                name=f"{PARENT}/customers/{STRAY['as a resource name']}", purpose=CDD
            ),
        ),
        "a page token": outcome(
            crm.ListMaskedCustomers,
            mp.ListMaskedCustomersRequest(parent=PARENT, page_token=STRAY["as a page token"]),
        ),
        "an etag": outcome(
            backend.UpdateCustomer,
            pb.UpdateCustomerRequest(customer=tagged),
        ),
        "a field mask": outcome(
            compliance.GetCustomer,
            pb.GetCustomerRequest(
                name=customer,
                purpose=CDD,
                read_mask=FieldMask(paths=[STRAY["as a field mask"]]),
            ),
        ),
        "a case reference": outcome(
            compliance.GetCustomer,
            pb.GetCustomerRequest(
                name=customer,
                purpose=purpose_pb2.PURPOSE_JUDICIAL_REQUEST,
                case_reference=STRAY["as a case reference"],
            ),
        ),
        "a method's name": outcome(unknown, pb.GetCustomerRequest(name=customer)),
        "a stranger's argument": outcome(
            stranger.CreateCustomer,
            pb.CreateCustomerRequest(
                parent=PARENT, customer=person(STRAY["as a stranger's argument"])
            ),
        ),
        "another's customer": outcome(
            crm.SearchMaskedCustomers,
            mp.SearchMaskedCustomersRequest(
                parent="institutions/other-bank", account_number=STRAY["as another's customer"]
            ),
        ),
        "an oracle's question": outcome(
            oracle.LookUp,
            op.LookUpRequest(
                parent=PARENT,
                kind=op.TERM_KIND_IDENTITY,
                value=STRAY["told to the oracle"],
                on_behalf_of=STRAY["as whom the oracle is asked for"],
                call_id=STRAY["as a call's identifier"],
                limit=1,
            ),
        ),
    }


EXPECTED = {
    "a refused record": "INVALID_ARGUMENT",
    "a denied record": "PERMISSION_DENIED",
    "a search for nobody": "OK",
    "a search for no name": "OK",
    "a search without a right": "PERMISSION_DENIED",
    "a request id": "INVALID_ARGUMENT",
    "a resource name": "INVALID_ARGUMENT",
    "a page token": "INVALID_ARGUMENT",
    "an etag": "ABORTED",
    "a field mask": "INVALID_ARGUMENT",
    "a case reference": "OK",
    "a method's name": "UNIMPLEMENTED",
    "a stranger's argument": "UNAUTHENTICATED",
    "another's customer": "PERMISSION_DENIED",
    "an oracle's question": "PERMISSION_DENIED",
}


def use(vault: RunningVault) -> set[str]:
    """Import, search, read, change, be refused; return every value that went in."""
    items = examples(customers=400, transactions=3_000)
    names = import_all(vault, items)
    went_in = set(itertools.chain.from_iterable(texts_of(item, FIELDS) for item in items))

    masked = vault.masked()
    for item in items[:60]:
        customer = item.new_customer
        terms: list[tuple[str, Iterable[str]]] = [
            ("phone", customer.phones),
            ("account_number", customer.accounts),
            ("customer_number", [customer.customer_number]),
            ("full_name", list(texts_of(customer, ["full_name"]))[:1]),
            ("identity_number", list(texts_of(customer.natural_person, ["number"]))),
        ]
        for field, values in terms:
            for value in values:
                request = mp.SearchMaskedCustomersRequest(parent=PARENT, **{field: value})  # type: ignore[arg-type]
                assert masked.SearchMaskedCustomers(request, timeout=WAIT).customers
    masked.ListMaskedCustomers(mp.ListMaskedCustomersRequest(parent=PARENT, page_size=200))
    vault.records("compliance").ListCustomers(
        pb.ListCustomersRequest(parent=PARENT, page_size=200, purpose=CDD)
    )

    backend = vault.records()
    for number, name in enumerate(names[:20]):
        customer = backend.GetCustomer(
            pb.GetCustomerRequest(name=name, purpose=SERVICE), timeout=WAIT
        ).customer
        del customer.emails[:]
        customer.emails.append(f"moved.house.{number}@example.net")
        customer.change_reason = f"Telephoned from number {number:08}"
        went_in |= set(texts_of(customer, FIELDS))
        request_id = str(uuid.uuid4())
        backend.UpdateCustomer(
            pb.UpdateCustomerRequest(customer=customer, request_id=request_id), timeout=WAIT
        )
    went_in |= investigate(vault, names[31])
    outcomes = {what: code for what, (code, _) in bad_calls(vault, names[30]).items()}
    assert outcomes == EXPECTED
    return {text for text in went_in if not text.startswith("institutions/")}


def investigate(vault: RunningVault, customer: str) -> set[str]:
    """Open a compartment, note, be refused, read it; return the values that went in."""
    stub = vault.compartments()
    title, note = "Operation Nightjar", "境外账户资金往来频繁，疑似洗钱"
    rule, refused = "structuring below threshold", "Paper\u200bcompany of the suspect"
    about = cp.Compartment(kind=cp.COMPARTMENT_KIND_INVESTIGATION, title=title)
    made = stub.CreateCompartment(cp.CreateCompartmentRequest(parent=PARENT, compartment=about))
    name = made.compartment.name
    for item in (
        cp.Item(customer=customer, text=note),
        cp.Item(customer=customer, json=json.dumps({"rule": rule})),
    ):
        stub.AddItem(cp.AddItemRequest(parent=name, item=item))
    wrong = cp.AddItemRequest(parent=name, item=cp.Item(customer=customer, text=refused))
    assert outcome(stub.AddItem, wrong)[0] == "INVALID_ARGUMENT"
    everywhere = cp.ListItemsRequest(parent=f"{PARENT}/compartments/-", customer=customer)
    assert len(stub.ListItems(everywhere).items) == 2
    return {title, note, rule, refused}


def contents(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below a folder, whole."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path, path.read_bytes()


def wanted(went_in: Iterable[str]) -> Scanner:
    texts = itertools.chain.from_iterable(normal_forms(t) for t in {*went_in, *STRAY.values()})
    return Scanner(text for text in texts if len(text.encode()) >= MIN_BYTES)


def findings(scanner: Scanner, folder: Path) -> tuple[dict[str, list[Found]], int]:
    found: dict[str, list[Found]] = {}
    read = 0
    for path, data in contents(folder):
        read += len(data)
        here = scanner.scan(data)
        if here:
            found[str(path.relative_to(folder))] = here
    return found, read


@pytest.mark.slow
def test_no_byte_of_a_used_vault_holds_what_went_in(
    vault: RunningVault, dialect: str, server: PostgresServer | None, tmp_path: Path
) -> None:
    went_in = use(vault)
    scanner = wanted(went_in)
    assert len(scanner) > 50_000

    # While it runs, with journals and shared memory as they are, and again when it has stopped.
    found, read = findings(scanner, tmp_path)
    assert found == {}
    if dialect == "sqlite":
        names = {path.name for path, _ in contents(tmp_path)}
        assert {"vault.db", "vault.db-wal", "vault.db-shm", "full.log", "masked.log"} <= names
        assert read > 5_000_000
    vault.stop()
    assert findings(scanner, tmp_path)[0] == {}

    if server is not None:
        server.execute("CHECKPOINT")
        found, read = findings(scanner, server.folder)
        assert found == {}
        assert any((server.folder / "pg_wal").iterdir())
        assert read > 20_000_000


@pytest.mark.slow
def test_a_value_planted_among_the_files_would_be_found(
    tmp_path: Path, dialect: str, server: PostgresServer | None, vault: RunningVault
) -> None:
    """The control: the same values, looked for in the same way, in a vault that leaks them."""
    items = examples(customers=30, transactions=100)
    import_all(vault, items)
    texts = set(itertools.chain.from_iterable(texts_of(item, FIELDS) for item in items))
    scanner = wanted(texts)
    street = next(t for t in texts_of(items[0], ["street"]))
    leaks: dict[str, bytes] = {
        name: pattern for name, pattern in encodings(street) if not name.startswith("base64url")
    }
    rows = [
        IndexRow("demo-bank", "phone", pattern, f"{place:026}", "")
        for place, pattern in enumerate(leaks.values())
    ]
    with opened(vault) as database:
        database.write_sync(lambda conn: blind_index.put(conn, rows))
    shutil.copy(tmp_path / "full.log", tmp_path / "kept.log")
    with (tmp_path / "full.log").open("ab") as log:
        log.write(items[1].new_customer.natural_person.identity.number.encode())
    found = findings(scanner, tmp_path)[0]
    assert "full.log" in found
    assert "kept.log" not in found
    if server is not None:
        server.execute("CHECKPOINT")
        found |= findings(scanner, server.folder)[0]
    seen = {(f.text, f.encoding) for here in found.values() for f in here}
    assert {(street, name) for name in leaks} <= seen
