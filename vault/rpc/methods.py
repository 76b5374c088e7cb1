"""What an RPC is made of: the one table that the pipeline serves from.

A method declares its action, its messages, what it is about and how it is prepared and carried out.
Nothing else can be served: the pipeline takes only these, and refuses to start with a method of a
service that has none.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message

from vault.access import Action
from vault.rpc.problems import Problems
from vault.services.call import Call


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about, as far as access and the log need to know it."""

    institution: str = ""
    customer: str = ""
    resource: str = ""
    purpose: str = ""
    case_reference: str = field(default="", repr=False)
    request_id: str = ""
    on_behalf_of: str = ""
    check_out: str = ""


@dataclass(frozen=True, slots=True)
class Unary:
    """One request, one answer. ``prepare`` turns the request into a command of the domain and
    reports every problem; ``handle`` carries it out."""

    action: Action
    request: type[Message]
    target: Callable[[Any], Target]
    prepare: Callable[[Any, Problems], Any]
    handle: Callable[[Call, Any], Awaitable[Message]]


@dataclass(frozen=True, slots=True)
class ServerStream:
    """One request, many answers. Where the stream's beginning writes something, ``begin`` does it
    and makes the event that opens the stream with it."""

    action: Action
    request: type[Message]
    target: Callable[[Any], Target]
    prepare: Callable[[Any, Problems], Any]
    handle: Callable[[Call, Any], AsyncIterator[Message]]
    begin: Callable[[Call, Any], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class ClientStream:
    """Many requests, one answer. Access is decided on the first, and again at each further one;
    ``handle`` takes the further ones as they come."""

    action: Action
    request: type[Message]
    target: Callable[[Any], Target]
    prepare: Callable[[Any, Problems], Any]
    handle: Callable[[Call, Any, AsyncIterator[Any]], Awaitable[Message]]


@dataclass(frozen=True, slots=True)
class BidiStream:
    """Many requests, an answer to each, in order. Access is decided on the first and every later
    request must be about the same thing."""

    action: Action
    request: type[Message]
    target: Callable[[Any], Target]
    prepare: Callable[[Any, Problems], Any]
    handle: Callable[[Call, Any], Awaitable[Message]]


Method = Unary | ServerStream | ClientStream | BidiStream


class UndeclaredMethod(Exception):
    """A service has a method without a declared action: the server does not start."""


def table(service: ServiceDescriptor, methods: Mapping[str, Method]) -> dict[str, Method]:
    """Full method paths of a service and what serves them.

    Raises UndeclaredMethod unless every method of the service is declared, with the messages and
    the streaming that the contract gives it, and nothing else is.
    """
    out: dict[str, Method] = {}
    for method in service.methods:
        declared = methods.get(method.name)
        path = f"/{service.full_name}/{method.name}"
        if declared is None:
            raise UndeclaredMethod(f"{path} has no declared action")
        if declared.request.DESCRIPTOR.full_name != method.input_type.full_name:
            raise UndeclaredMethod(f"{path} is declared with another request message")
        streaming = (method.client_streaming, method.server_streaming)
        kinds = {
            Unary: (False, False),
            ServerStream: (False, True),
            ClientStream: (True, False),
            BidiStream: (True, True),
        }
        if kinds[type(declared)] != streaming:
            raise UndeclaredMethod(f"{path} is declared with another kind of streaming")
        out[path] = declared
    for name in methods:
        if name not in service.methods_by_name:
            raise UndeclaredMethod(f"/{service.full_name}/{name} is not in the contract")
    return out
