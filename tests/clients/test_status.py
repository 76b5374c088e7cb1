"""A status becomes a typed error whose sentence helps and whose text holds no value."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2

from recordsvault_masked import errors
from recordsvault_masked.status import from_rpc_error, from_status
from tests.clients.fake_vault import Refused, invalid

KINDS = {
    grpc.StatusCode.INVALID_ARGUMENT: errors.InvalidArgument,
    grpc.StatusCode.UNAUTHENTICATED: errors.Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: errors.PermissionDenied,
    grpc.StatusCode.NOT_FOUND: errors.NotFound,
    grpc.StatusCode.ALREADY_EXISTS: errors.AlreadyExists,
    grpc.StatusCode.ABORTED: errors.Aborted,
    grpc.StatusCode.FAILED_PRECONDITION: errors.FailedPrecondition,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.ResourceExhausted,
    grpc.StatusCode.UNAVAILABLE: errors.Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.DeadlineExceeded,
    grpc.StatusCode.CANCELLED: errors.Cancelled,
    grpc.StatusCode.UNIMPLEMENTED: errors.Unimplemented,
    grpc.StatusCode.INTERNAL: errors.ServerFault,
    grpc.StatusCode.UNKNOWN: errors.ServerFault,
    grpc.StatusCode.DATA_LOSS: errors.ServerFault,
    grpc.StatusCode.OUT_OF_RANGE: errors.InvalidArgument,
}
# What another party on the way could have put into a status.
VALUE = "11010519491231002X"


class Failed(grpc.RpcError):
    """A failed call, as gRPC hands it over."""

    def __init__(self, code: grpc.StatusCode, details: str, trailer: bytes | None = None) -> None:
        self._code = code
        self._details = details
        self._trailer = trailer

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> Any:
        if self._trailer is None:
            return ()
        return (("grpc-status-details-bin", self._trailer),)


@pytest.mark.parametrize("code", KINDS)
def test_every_code_has_its_type_and_a_sentence_in_both_languages(code: grpc.StatusCode) -> None:
    error = from_rpc_error(Failed(code, ""))
    assert type(error) is KINDS[code]
    assert error.code is code
    assert error.text("en").endswith(".")
    assert error.text("zh").endswith("。")


@pytest.mark.parametrize("code", KINDS)
def test_a_text_that_the_vault_did_not_write_is_not_repeated(code: grpc.StatusCode) -> None:
    error = from_rpc_error(Failed(code, f"bad value {VALUE}"))
    for text in (str(error), repr(error), error.text("zh"), str(error.args)):
        assert VALUE not in text


def test_every_violation_is_named_at_once_in_the_language_asked_for() -> None:
    status = invalid(
        ("customer.phones[0]", "is no E.164 number", "不是 E.164 号码"),
        ("customer.accounts[1]", "has a wrong check digit", "校验位错误"),
    ).status
    error = from_rpc_error(
        Failed(grpc.StatusCode.INVALID_ARGUMENT, status.message, status.SerializeToString())
    )
    assert isinstance(error, errors.InvalidArgument)
    assert [(item.field, item.description) for item in error.violations] == [
        ("customer.phones[0]", "is no E.164 number"),
        ("customer.accounts[1]", "has a wrong check digit"),
    ]
    assert error.reason == "INVALID_FIELDS"
    assert str(error) == (
        "The request is not acceptable: customer.phones[0]: is no E.164 number; "
        "customer.accounts[1]: has a wrong check digit"
    )
    assert error.text("zh") == (
        "请求不可接受：customer.phones[0]: 不是 E.164 号码; customer.accounts[1]: 校验位错误"
    )


def test_a_sentence_with_very_many_violations_is_cut_and_the_list_is_not() -> None:
    status = invalid(*((f"phones[{i}]", "is wrong", "错误") for i in range(45))).status
    error = from_status(status)
    assert isinstance(error, errors.InvalidArgument)
    assert len(error.violations) == 45
    assert str(error).endswith("; and 25 more")


@pytest.mark.parametrize("by_metadata", [True, False])
def test_an_existing_record_is_named(by_metadata: bool) -> None:
    name = "institutions/demo-bank/customers/01h00000000000000000000000"
    info = error_details_pb2.ErrorInfo(reason="IDENTITY_TAKEN")
    if by_metadata:
        info.metadata["existing"] = name
    resource = error_details_pb2.ResourceInfo(resource_name=name)
    error = from_status(Refused(grpc.StatusCode.ALREADY_EXISTS, "exists", info, resource).status)
    assert isinstance(error, errors.AlreadyExists)
    assert error.existing == name


def test_the_reason_of_a_denial_and_the_delay_before_a_retry_are_kept() -> None:
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromMilliseconds(1500)
    error = from_status(
        Refused(
            grpc.StatusCode.UNAVAILABLE,
            "away",
            error_details_pb2.ErrorInfo(reason="LOG_UNAVAILABLE"),
            retry,
        ).status
    )
    assert error.reason == "LOG_UNAVAILABLE"
    assert error.retry_delay == 1.5


def test_a_trailer_that_is_no_status_leaves_the_code() -> None:
    error = from_rpc_error(Failed(grpc.StatusCode.NOT_FOUND, "", b"\xff\xff\xff"))
    assert isinstance(error, errors.NotFound)


def test_the_code_of_the_call_counts_not_the_one_in_the_trailer() -> None:
    trailer = Refused(grpc.StatusCode.OK, "fine").status.SerializeToString()
    error = from_rpc_error(Failed(grpc.StatusCode.PERMISSION_DENIED, "", trailer))
    assert isinstance(error, errors.PermissionDenied)


def test_a_message_that_is_too_large_is_told_from_a_limit_that_passes() -> None:
    large = from_rpc_error(
        Failed(grpc.StatusCode.RESOURCE_EXHAUSTED, "Received message larger than max (5 vs. 4)")
    )
    assert large.reason == "MESSAGE_TOO_LARGE"
    assert not from_rpc_error(Failed(grpc.StatusCode.RESOURCE_EXHAUSTED, "quota")).reason
