"""Customers' files that go to another vault, and those that come from one: the blocking client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import grpc

from recordsvault.bundles.v1 import transfers_pb2 as pb
from recordsvault.bundles.v1 import transfers_pb2_grpc as stubs
from recordsvault_client.evidence_requests import Recipient
from recordsvault_client.streaming import ending
from recordsvault_client.transfers_requests import ArrivingFile, handing_over, taking_in
from recordsvault_masked.calls import Caller
from recordsvault_masked.status import from_rpc_error


class TransfersClient:
    """Hands files over and takes them in. Streams have no deadline. Raises VaultError."""

    def __init__(self, channel: grpc.Channel, parent: str, call: Caller) -> None:
        """`parent` is the institution, for methods that name none."""
        self._stub = stubs.TransfersStub(channel)
        self._parent = parent
        self._call = call

    def hand_over(
        self,
        recipient: Recipient,
        *,
        purpose: str | int,
        check_out: str,
        case_reference: str = "",
        customers: Sequence[str] = (),
        after: str = "",
        parent: str = "",
    ) -> Iterator[pb.TransferFilesResponse]:
        """The files of these customers (500 at most), or of all, by a check-out of the institution
        whose reason has the fingerprint of `recipient`; behind the customer `after`, where one goes
        on that was broken off. What has not come to its end is not to be used."""
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
            yield from call

    def take_in(
        self, file: ArrivingFile, bundle: BinaryIO, size: int, *, parent: str = ""
    ) -> pb.ReceiveFileResponse:
        """Store a file out of its opened bundle, of `size` bytes; the same again goes on where it
        stopped, or is answered with what was made of it."""
        messages = taking_in(parent or self._parent, file, bundle, size)
        try:
            return self._stub.ReceiveFile(messages)
        except grpc.RpcError as failure:
            raise from_rpc_error(failure) from None

    def acknowledge(
        self, name: str, acknowledgement: bytes, *, timeout: float | None = None
    ) -> pb.Departure:
        """Give the vault that a file came from the word of the one that has received it."""
        request = pb.AcknowledgeTransferRequest(name=name, acknowledgement=acknowledgement)
        return self._call(self._stub.AcknowledgeTransfer, request, timeout).departure

    def get(
        self,
        name: str,
        *,
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> pb.GetTransferResponse:
        """Where a customer's file came from and where it went, with a page of its versions of
        before."""
        request = pb.GetTransferRequest(name=name, page_size=page_size, page_token=page_token)
        return self._call(self._stub.GetTransfer, request, timeout)
