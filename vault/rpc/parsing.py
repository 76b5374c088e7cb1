"""From a request's bytes to what it is about: before anything is decided, and whoever asks."""

from __future__ import annotations

import re
from typing import Any

from google.protobuf.message import DecodeError, Message

from vault.rpc.methods import Method, Target
from vault.rpc.problems import Problems
from vault.services.call import Call, Trace
from vault.services.errors import FieldViolation, InvalidArgument

# As the contract's rule for request ids has it (protovalidate, string.uuid).
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


def parse(method: Method, data: bytes, limit: int) -> Any:
    """The request's message, of at most ``limit`` bytes. Raises InvalidArgument."""
    if len(data) > limit:
        raise InvalidArgument(
            [
                FieldViolation(
                    "",
                    "MESSAGE_TOO_LARGE",
                    f"the message is larger than {limit} bytes; send fewer items a message",
                    f"消息超过 {limit} 字节；请减少每条消息中的项目",
                )
            ]
        )
    request = method.request()
    try:
        request.ParseFromString(data)
    except DecodeError:
        raise InvalidArgument([_NOT_A_MESSAGE]) from None
    return request


def aim(call: Call, method: Method, request: Message) -> Target:
    """What the request is about, and with it what the log needs before anything can be refused."""
    target = method.target(request)
    call.trace = Trace(
        institution=target.institution, customer=target.customer, resource=target.resource
    )
    call.purpose = target.purpose
    # The log is never shredded: text that a caller made up has no place in it.
    call.request_id = target.request_id if _is_uuid(target.request_id) else ""
    return target


def require_name(request: Message, problems: Problems) -> None:
    """Report that the request names no resource, unless a rule of the contract said so."""
    fields = request.DESCRIPTOR.fields_by_name
    # An update names its record inside the record, which is its first field.
    first = request.DESCRIPTOR.fields[0]
    inside = first.message_type.fields_by_name if first.message_type is not None else {}
    field = next(
        (name for name in ("name", "parent") if name in fields),
        f"{first.name}.{'parent' if 'parent' in inside else 'name'}",
    )
    if all(v.field != field for v in problems.found):
        problems.add(field, "RESOURCE_NAME", "must be the resource's name", "必须为资源名称")


def prepare(method: Method, request: Message, problems: Problems) -> Any:
    """The command of the domain. Raises InvalidArgument with every problem of the request."""
    command = method.prepare(request, problems)
    if problems:
        raise InvalidArgument(problems.unique())
    return command


def _is_uuid(text: str) -> bool:
    return _UUID.fullmatch(text) is not None


_NOT_A_MESSAGE = FieldViolation(
    "",
    "NOT_A_MESSAGE",
    "the request is not a message of this method; generate the client from the same protos",
    "请求不是该方法的消息；请使用相同的 proto 生成客户端",
)
