"""Customers' files that go to another vault, and those that come from one: the asyncio client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import BinaryIO

import grpc
from grpc import aio

from recordsvault.bundles.v1 import transfers_pb2 as pb
from recordsvault.bundles.v1 import transfers_pb2_grpc as stubs
from recordsvault_client.evidence_requests import Recipient
from recordsvault_client.streaming import ending
from recordsvault_client.transfers_requests import ArrivingFile, handing_over, taking_in
from recordsvault_masked.calls import AsyncCaller
from recordsvault_masked.status import from_rpc_error


class AsyncTransfersClient:
    """Hands files over and takes them in. Streams have no deadline. Raises VaultError."""

    def __init__(self, channel: aio.Channel, parent: str, call: AsyncCaller) -> None:
        """`parent` is the institution, for methods that name none."""
        self._stub = stubs.TransfersStub(channel)
        self._parent = parent
        self._call = call

    async def hand_over(
        self,
        recipient: Recipient,
        *,
        purpose: str | int,
        check_out: str,
        case_reference: str = "",
        customers: Sequence[str] = (),
        after: str = "",
        parent: str = "",
    ) -> AsyncIterator[pb.TransferFilesResponse]:
        """As `TransfersClient.hand_over`."""
        with ending(
            self._stub.TransferFiles(
                handing_over(
                    parent or self._parent,
                    recipient,
                    purpose,
                    case_reference,
                    check_out,
                    customers,
                    after,
                )
            )
        ) as call:
            async for answer in call:
                yield answer

    async def take_in(
        self, file: ArrivingFile, bundle: BinaryIO, size: int, *, parent: str = ""
    ) -> pb.ReceiveFileResponse:
        """As `TransfersClient.take_in`."""
        messages = taking_in(parent or self._parent, file, bundle, size)
        try:
            return await self._stub.ReceiveFile(messages)
        except grpc.RpcError as failure:
            raise from_rpc_error(failure) from None

    async def acknowledge(
        self,
        name: str,
        acknowledgement: bytes,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - becomes the deadline of the RPC
    ) -> pb.Departure:
        """As `TransfersClient.acknowledge`."""
        request = pb.AcknowledgeTransferRequest(name=name, acknowledgement=acknowledgement)
        return (await self._call(self._stub.AcknowledgeTransfer, request, timeout)).departure

    async def get(
        self,
        name: str,
        *,
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - becomes the deadline of the RPC
    ) -> pb.GetTransferResponse:
        """As `TransfersClient.get`."""
        request = pb.GetTransferRequest(name=name, page_size=page_size, page_token=page_token)
        return await self._call(self._stub.GetTransfer, request, timeout)
