"""From a gRPC status to a typed error.

The vault describes an error in google.rpc.Status, carried in the trailer
`grpc-status-details-bin` (https://google.aip.dev/193): BadRequest, ErrorInfo, ResourceInfo,
RetryInfo and LocalizedMessage. What the way to the vault reports (a refused connection, a
handshake) has no such details and gets a sentence of this module's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from recordsvault_masked import errors

DETAILS_TRAILER = "grpc-status-details-bin"

_CLASSES: dict[grpc.StatusCode, type[errors.VaultError]] = {
    kind.default_code: kind
    for kind in (
        errors.InvalidArgument,
        errors.Unauthenticated,
        errors.PermissionDenied,
        errors.NotFound,
        errors.AlreadyExists,
        errors.Aborted,
        errors.FailedPrecondition,
        errors.ResourceExhausted,
        errors.Unavailable,
        errors.DeadlineExceeded,
        errors.Cancelled,
        errors.Unimplemented,
        errors.ServerFault,
    )
}
_CLASSES[grpc.StatusCode.UNKNOWN] = errors.ServerFault
_CLASSES[grpc.StatusCode.DATA_LOSS] = errors.ServerFault
_CLASSES[grpc.StatusCode.OUT_OF_RANGE] = errors.InvalidArgument

_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}

# For statuses that carry no sentence of the vault.
_SENTENCES: dict[grpc.StatusCode, tuple[str, str]] = {
    grpc.StatusCode.INVALID_ARGUMENT: ("The request is not acceptable.", "请求不可接受。"),
    grpc.StatusCode.UNAUTHENTICATED: (
        "The vault does not know this certificate: ask for it to be entered as a principal.",
        "保管库不认识此证书：请将其登记为主体。",
    ),
    grpc.StatusCode.PERMISSION_DENIED: (
        "This principal may not make this call.",
        "该主体无权执行此调用。",
    ),
    grpc.StatusCode.NOT_FOUND: ("There is no such record.", "没有这条记录。"),
    grpc.StatusCode.ALREADY_EXISTS: ("The record is there already.", "记录已存在。"),
    grpc.StatusCode.ABORTED: (
        "The record has changed since it was read: read it again and repeat the change.",
        "记录在读取之后已被修改：请重新读取后再修改。",
    ),
    grpc.StatusCode.FAILED_PRECONDITION: (
        "The vault is not in the state that this call needs.",
        "保管库当前状态不允许此调用。",
    ),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (
        "A limit of the vault is reached: wait a moment and try again.",
        "已达到保管库的限制：请稍后再试。",
    ),
    grpc.StatusCode.UNAVAILABLE: (
        "The vault cannot be reached or cannot serve now: try again later.",
        "无法连接保管库或其暂时不可用：请稍后再试。",
    ),
    grpc.StatusCode.DEADLINE_EXCEEDED: (
        "The vault did not answer in time.",
        "保管库未在规定时间内答复。",
    ),
    grpc.StatusCode.CANCELLED: ("The call was given up.", "调用已取消。"),
    grpc.StatusCode.UNIMPLEMENTED: (
        "This endpoint does not serve this method: check that the profile names the right tier.",
        "此端点不提供该方法：请检查配置是否指向正确的层。",
    ),
}
_FAULT = (
    "The vault failed in a way that it did not expect: tell its operators.",
    "保管库发生意外故障：请告知运维人员。",
)
_REFUSED = (
    "Nothing answers at the vault's address{where}: check that it runs and that the profile "
    "names the right host and port.",
    "保管库地址{where}没有应答：请检查服务是否在运行，以及配置中的主机和端口是否正确。",
)
_CLOSED = (
    "The vault{where} closed the connection at once: it does not accept this certificate (wrong "
    "CA, expired), or it is shutting down.",
    "保管库{where}立即关闭了连接：它不接受此证书（CA 不符或已过期），或正在停机。",
)
_UNRESOLVED = (
    "The host name of the vault's endpoint cannot be resolved: check it in the profile.",
    "无法解析保管库端点的主机名：请检查配置。",
)
_HANDSHAKE = (
    "The TLS handshake with the vault failed: check that the profile's CA is the vault's, that "
    "the certificate belongs to the key and is valid today, and that the host name is the one in "
    "the vault's certificate.",
    "与保管库的 TLS 握手失败：请检查配置中的 CA 是否正确、证书与私钥是否匹配且在有效期内、"
    "主机名是否与保管库证书一致。",
)
_TOO_LARGE = (
    "The message is larger than the limit: send or ask for less at once.",
    "消息超过大小限制：请减少单次发送或请求的数量。",
)


@runtime_checkable
class _Status(Protocol):
    """What a failed call tells, of the blocking and the asyncio kind alike."""

    def code(self) -> grpc.StatusCode: ...
    def details(self) -> str | None: ...
    def trailing_metadata(self) -> Iterable[tuple[str, str | bytes]] | None: ...


def from_rpc_error(error: Exception) -> errors.VaultError:
    """The typed error of a failed call."""
    if not isinstance(error, _Status):
        return errors.ServerFault(_texts(_FAULT))
    details = error.details() or ""
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_TRAILER and isinstance(value, bytes):
            status = status_pb2.Status()
            try:
                status.ParseFromString(value)
            except DecodeError:
                break
            # The code of the call counts, not the one in the trailer: only the former is what
            # gRPC itself acted upon.
            status.code = error.code().value[0]
            return from_status(status)
    return _without_details(error.code(), details)


def from_status(status: status_pb2.Status) -> errors.VaultError:
    """The typed error of a google.rpc.Status, as trailers and import results carry it."""
    code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    kind = _CLASSES.get(code, errors.ServerFault)
    texts = _texts(_SENTENCES.get(code, _FAULT))
    if status.message:
        texts = {"en": status.message}
    reason, metadata = "", dict[str, str]()
    retry_delay: float | None = None
    violations: list[errors.Violation] = []
    resource = ""
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        bad_request = error_details_pb2.BadRequest()
        retry = error_details_pb2.RetryInfo()
        named = error_details_pb2.ResourceInfo()
        localized = error_details_pb2.LocalizedMessage()
        if detail.Unpack(info):
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad_request):
            violations.extend(_violation(item) for item in bad_request.field_violations)
        elif detail.Unpack(retry):
            retry_delay = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
        elif detail.Unpack(named):
            resource = named.resource_name
        elif detail.Unpack(localized) and localized.message:
            texts[_language(localized.locale)] = localized.message
    error = kind(texts, code=code, reason=reason, metadata=metadata, retry_delay=retry_delay)
    if isinstance(error, errors.InvalidArgument):
        error.violations = tuple(violations)
    if isinstance(error, errors.AlreadyExists):
        error.existing = metadata.get("existing", resource)
    return error


def _without_details(code: grpc.StatusCode, details: str) -> errors.VaultError:
    lowered = details.lower()
    if code is grpc.StatusCode.UNAVAILABLE:
        return _unreachable(details, lowered)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in lowered:
        return errors.ResourceExhausted(_texts(_TOO_LARGE), reason="MESSAGE_TOO_LARGE")
    kind = _CLASSES.get(code, errors.ServerFault)
    # The status text is not repeated: something between here and the vault may have written it.
    return kind(_texts(_SENTENCES.get(code, _FAULT)), code=code)


def _unreachable(details: str, lowered: str) -> errors.Unavailable:
    if "handshake" in lowered or "certificate" in lowered or "ssl" in lowered:
        error = errors.Unavailable(_texts(_HANDSHAKE), reason="TLS_HANDSHAKE")
        error.handshake = True
        return error
    if "dns" in lowered or "resol" in lowered:
        return errors.Unavailable(_texts(_UNRESOLVED), reason="NAME_RESOLUTION")
    if "failed to connect" in lowered or "connection refused" in lowered:
        # gRPC writes `ipv4:127.0.0.1:7443` or `ipv6:%5B::1%5D:7443`: an address, not a value.
        found = re.search(r"ipv[46]:([0-9a-fA-F:.%\[\]]*:\d+)", details)
        where = ""
        if found:
            address = found[1].replace("%5B", "[").replace("%5D", "]")
            where = f" {address}"
        closed = "socket closed" in lowered or "reset by peer" in lowered
        en, zh = _CLOSED if closed else _REFUSED
        return errors.Unavailable(
            {"en": en.format(where=where), "zh": zh.format(where=where)},
            reason="CONNECTION_CLOSED" if closed else "NO_CONNECTION",
        )
    return errors.Unavailable(_texts(_SENTENCES[grpc.StatusCode.UNAVAILABLE]))


def _violation(item: error_details_pb2.BadRequest.FieldViolation) -> errors.Violation:
    localized = {}
    if item.localized_message.message:
        localized[_language(item.localized_message.locale)] = item.localized_message.message
    return errors.Violation(item.field, item.description, item.reason, localized)


def _language(locale: str) -> str:
    """`zh` of `zh-CN`: one text a language is kept."""
    return locale.replace("_", "-").split("-")[0].lower()


def _texts(pair: tuple[str, str]) -> dict[str, str]:
    return {"en": pair[0], "zh": pair[1]}
