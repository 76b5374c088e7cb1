"""What a caller is told of what went wrong: a status for every cause, of a size that arrives."""

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from vault.audit import LogUnavailable
from vault.kms import KekMissing, KmsUnavailable, SharesRefused, UnwrapRefused
from vault.kms.custodians import CustodiansInvalid, ShareRefused
from vault.kms.errors import KeyFileRefused, KmsError
from vault.kms.rotation import CannotRotate
from vault.records import Branch, ScopeRef
from vault.rpc.errors import MAPPED, STATUS_BYTES, Fault, fault_of, internal, status_of
from vault.sealing import InstitutionKeysMissing, ScopeShredded, SealBroken
from vault.sealing.errors import BranchNotHeld, SealingError, UnknownSuite
from vault.services.errors import AlreadyExists, Exhausted, FieldViolation, InvalidArgument
from vault.store import StoreDamaged, StoreForbidden, StoreUnavailable
from vault.store.errors import KeyVersionInUse, StoreError, VersionConflict
from vault.store.index_state import IndexMoved
from vault.store.key_jobs import LeaseLost

CODE = grpc.StatusCode


def told(error: Exception) -> tuple[grpc.StatusCode, str]:
    fault = fault_of(error, "01jd0000000000000000000000")
    assert fault is not None
    assert fault.en and fault.zh
    return fault.code, fault.reason


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (LogUnavailable("x"), CODE.UNAVAILABLE, "LOG_UNAVAILABLE"),
        (IndexMoved(), CODE.UNAVAILABLE, "KEYS_MOVED"),
        (StoreUnavailable("x"), CODE.UNAVAILABLE, "STORE_UNAVAILABLE"),
        (KmsUnavailable("x"), CODE.UNAVAILABLE, "KMS_UNAVAILABLE"),
        (KeyFileRefused("x"), CODE.UNAVAILABLE, "KMS_UNAVAILABLE"),
        (KekMissing("x"), CODE.FAILED_PRECONDITION, "KEK_MISSING"),
        (BranchNotHeld(Branch.FULL), CODE.FAILED_PRECONDITION, "KEK_MISSING"),
        (StoreForbidden("x"), CODE.FAILED_PRECONDITION, "STORE_FORBIDDEN"),
        (InstitutionKeysMissing("b"), CODE.FAILED_PRECONDITION, "INSTITUTION_WITHOUT_KEYS"),
        (StoreDamaged("x"), CODE.DATA_LOSS, "STORE_DAMAGED"),
        (SealBroken(), CODE.DATA_LOSS, "KEY_DAMAGED"),
        (UnknownSuite(), CODE.DATA_LOSS, "KEY_DAMAGED"),
        (UnwrapRefused("x"), CODE.DATA_LOSS, "KEY_DAMAGED"),
        (ScopeShredded(ScopeRef("b", "c", "identity")), CODE.NOT_FOUND, "SHREDDED"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_what_goes_wrong_below_has_a_status_of_its_own(
    error: Exception, code: grpc.StatusCode, reason: str
) -> None:
    assert told(error) == (code, reason)


def subclasses(base: type[Exception]) -> set[type[Exception]]:
    return {base} | {s for kind in base.__subclasses__() for s in subclasses(kind)}


# What no call meets: bases, what the use cases turn into errors of their own, and what custodians
# are told on the vault's own machine.
CUSTODIANS = {CustodiansInvalid, ShareRefused, SharesRefused}
# What a job with keys says of itself, as its state and in no answer to a call.
JOBS = {CannotRotate, KeyVersionInUse, LeaseLost}
WITHIN = {StoreError, KmsError, SealingError, VersionConflict} | CUSTODIANS | JOBS


@pytest.mark.parametrize("base", [StoreError, KmsError, SealingError])
def test_no_error_of_the_lower_rooms_was_forgotten(base: type[Exception]) -> None:
    ours = {k for k in subclasses(base) if k.__module__.startswith("vault.")} - WITHIN
    ours = {k for k in ours if k.__name__ != "CommitUnknown"}  # the log's own, never raised further
    assert not {k.__name__ for k in ours if not issubclass(k, MAPPED)}


def test_a_defect_has_no_fault_but_the_calls_identifier() -> None:
    assert fault_of(ValueError("13800138000"), "id") is None
    assert "id" in internal("id").en


def detail(status: status_pb2.Status, kind: type) -> list[object]:
    found = []
    for packed in status.details:
        message = kind()
        if packed.Unpack(message):
            found.append(message)
    return found


def invalid(number: int) -> Fault:
    error = InvalidArgument(
        [
            FieldViolation(
                f"customers[{n}].natural_person.identity.number",
                ("CHECK_DIGIT", "FORMAT")[n % 2],
                "must have the check digit that its own rule gives",
                "校验位必须符合其规则",
            )
            for n in range(number)
        ]
    )
    fault = fault_of(error, "id")
    assert fault is not None
    return fault


def test_every_violation_is_told_in_both_languages_where_there_is_room() -> None:
    (bad,) = detail(invalid(12).status(STATUS_BYTES), error_details_pb2.BadRequest)
    violations = bad.field_violations  # type: ignore[attr-defined]
    assert len(violations) == 12
    assert all(v.description and v.localized_message.message for v in violations)


def test_a_text_is_told_once_where_there_is_little_room() -> None:
    (bad,) = detail(invalid(50).status(STATUS_BYTES), error_details_pb2.BadRequest)
    violations = bad.field_violations  # type: ignore[attr-defined]
    assert [v.field for v in violations] == [v.field for v in invalid(50).violations]
    assert [bool(v.description) for v in violations] == [True, True] + [False] * 48


@pytest.mark.parametrize("number", [1, 20, 100, 2000])
def test_a_status_is_never_larger_than_what_a_client_takes(number: int) -> None:
    # gRPC clients take 8 KiB of metadata; a larger status reaches them as another error.
    status = invalid(number).status(STATUS_BYTES)
    assert status.ByteSize() <= STATUS_BYTES
    (bad,) = detail(status, error_details_pb2.BadRequest)
    shown = len(bad.field_violations)  # type: ignore[attr-defined]
    (info,) = detail(status, error_details_pb2.ErrorInfo)
    left_out = info.metadata.get("violations_left_out", "0")  # type: ignore[attr-defined]
    assert shown + int(left_out) == number


def test_the_status_of_an_item_has_every_violation() -> None:
    status = status_of(InvalidArgument(invalid(300).violations))
    (bad,) = detail(status, error_details_pb2.BadRequest)
    assert len(bad.field_violations) == 300  # type: ignore[attr-defined]


def test_a_holder_is_named_and_a_budget_says_when_to_come_back() -> None:
    name = "institutions/b/customers/c"
    status = status_of(AlreadyExists(name))
    (resource,) = detail(status, error_details_pb2.ResourceInfo)
    assert resource.resource_name == name  # type: ignore[attr-defined]
    assert detail(status_of(Exhausted("x", "y")), error_details_pb2.RetryInfo)
