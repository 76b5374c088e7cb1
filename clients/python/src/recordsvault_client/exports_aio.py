"""Customers' files that leave the vault, each sealed to one recipient: the asyncio client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from grpc import aio

from recordsvault.bundles.v1 import exports_pb2 as pb
from recordsvault.bundles.v1 import exports_pb2_grpc as stubs
from recordsvault_client.evidence_requests import Recipient
from recordsvault_client.exports_requests import WHOLE, FileSelection, export, production
from recordsvault_client.streaming import ending


class AsyncExportsClient:
    """Takes files out of the vault, for an authority or for the customer himself.

    Both methods hand out what comes as it comes, have no deadline, and raise VaultError on the way;
    what has not come to its end is not to be used.
    """

    def __init__(self, channel: aio.Channel, parent: str) -> None:
        """`parent` is the institution, for methods that name none."""
        self._stub = stubs.ExportsStub(channel)
        self._parent = parent

    async def produce(
        self,
        customer: str,
        recipient: Recipient,
        *,
        purpose: str | int,
        case_reference: str = "",
        check_out: str = "",
        selection: FileSelection = WHOLE,
        merged: Callable[[Sequence[str]], None] | None = None,
    ) -> AsyncIterator[bytes]:
        """The bundle of one customer's file, sealed to `recipient`, in pieces; whole once they
        end. `merged` is given the names of further files of the same customer, if there are any:
        they are not in it."""
        with ending(
            self._stub.ProduceFile(
                production(customer, recipient, purpose, case_reference, check_out, selection)
            )
        ) as call:
            async for answer in call:
                if answer.merged_files and merged is not None:
                    merged(answer.merged_files)
                yield answer.data

    async def export(
        self,
        recipient: Recipient,
        *,
        purpose: str | int,
        check_out: str,
        case_reference: str = "",
        selection: FileSelection = WHOLE,
        customers: Sequence[str] = (),
        after: str = "",
        parent: str = "",
    ) -> AsyncIterator[pb.ExportFilesResponse]:
        """The files of these customers (500 at most), or of all, by a check-out of the institution;
        behind the customer `after`, where one goes on that was broken off."""
        with ending(
            self._stub.ExportFiles(
                export(
                    parent or self._parent,
                    recipient,
                    purpose,
                    case_reference,
                    check_out,
                    selection,
                    customers,
                    after,
                )
            )
        ) as call:
            async for answer in call:
                yield answer
