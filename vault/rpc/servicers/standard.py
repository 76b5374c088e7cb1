"""The services that every gRPC server is expected to have: health (grpc.health.v1) and reflection.

They go through the pipeline like every other call: whoever asks must be known, and asking leaves
its event.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

from google.protobuf.descriptor import FileDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection import aio as reflection_aio

from vault.access import Action, ActionClass
from vault.rpc.methods import BidiStream, Method, ServerStream, Target, Unary, table
from vault.rpc.problems import Problems
from vault.services.call import Call
from vault.services.errors import NotFound

_Status = health_pb2.HealthCheckResponse


class Standing:
    """Whether this node takes calls; watchers hear of a change."""

    def __init__(self) -> None:
        self._serving = False
        self._changed = asyncio.Event()

    def serving(self, yes: bool) -> None:
        """Set it."""
        self._serving = yes
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def status(self) -> health_pb2.HealthCheckResponse:
        """As the health service says it."""
        return _Status(status=_Status.SERVING if self._serving else _Status.NOT_SERVING)

    def change(self) -> asyncio.Event:
        """The next change, to wait for."""
        return self._changed


def methods(standing: Standing, services: tuple[str, ...]) -> dict[str, Method]:
    """The tables of the health and reflection services."""
    return {**_health(standing, services), **_reflection(services)}


def _service(file: object, name: str) -> ServiceDescriptor:
    """A service of a generated file; the stubs of these two packages type it too loosely."""
    return cast(FileDescriptor, file).services_by_name[name]


def _nothing(_request: object) -> Target:
    return Target()


def _health(standing: Standing, services: tuple[str, ...]) -> dict[str, Method]:
    known = {"", *services}

    def prepare(request: health_pb2.HealthCheckRequest, _problems: Problems) -> str:
        return request.service

    async def check(call: Call, service: str) -> Message:
        call.require(ActionClass.SERVICE, "")
        if service not in known:
            raise NotFound("The service", "service")
        return standing.status()

    async def watch(call: Call, service: str) -> AsyncIterator[Message]:
        call.require(ActionClass.SERVICE, "")
        while True:
            # Asked for before the status is told, so that no change is missed in between.
            change = standing.change()
            if service in known:
                yield standing.status()
            else:
                yield _Status(status=_Status.SERVICE_UNKNOWN)
            await change.wait()

    service = _service(health_pb2.DESCRIPTOR, "Health")
    listing = service.methods_by_name["List"]
    list_request = GetMessageClass(listing.input_type)
    list_response = GetMessageClass(listing.output_type)

    async def list_all(call: Call, _nothing_asked: None) -> Message:
        call.require(ActionClass.SERVICE, "")
        return list_response(statuses={name: standing.status() for name in sorted(known)})

    return table(
        service,
        {
            "Check": Unary(
                Action.GRPC_HEALTH, health_pb2.HealthCheckRequest, _nothing, prepare, check
            ),
            "List": Unary(Action.GRPC_HEALTH, list_request, _nothing, lambda *_: None, list_all),
            "Watch": ServerStream(
                Action.GRPC_HEALTH, health_pb2.HealthCheckRequest, _nothing, prepare, watch
            ),
        },
    )


def _reflection(services: tuple[str, ...]) -> dict[str, Method]:
    descriptor = _service(reflection_pb2.DESCRIPTOR, "ServerReflection")
    names = (*services, "grpc.health.v1.Health", descriptor.full_name)
    servicer = reflection_aio.ReflectionServicer(names)

    def prepare(
        request: reflection_pb2.ServerReflectionRequest, _problems: Problems
    ) -> reflection_pb2.ServerReflectionRequest:
        return request

    async def _one(
        request: reflection_pb2.ServerReflectionRequest,
    ) -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        yield request

    async def reflect(call: Call, request: reflection_pb2.ServerReflectionRequest) -> Message:
        call.require(ActionClass.SERVICE, "")
        call.touched(count=1)
        answers: Any = servicer.ServerReflectionInfo(_one(request), None)
        return cast(Message, await anext(answers))

    return table(
        descriptor,
        {
            "ServerReflectionInfo": BidiStream(
                Action.GRPC_REFLECTION,
                reflection_pb2.ServerReflectionRequest,
                _nothing,
                prepare,
                reflect,
            )
        },
    )
