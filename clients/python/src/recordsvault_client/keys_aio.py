"""Versions of keys, and steps with them: the asyncio client."""

# ruff: noqa: ASYNC109 - `timeout` becomes the deadline of the RPC, which the vault sees as well

from __future__ import annotations

from grpc import aio

from recordsvault.admin.v1 import access_admin_pb2 as ap
from recordsvault.admin.v1 import keys_pb2 as pb
from recordsvault.admin.v1 import keys_pb2_grpc as stubs
from recordsvault_masked.calls import AsyncCaller


class AsyncKeysClient:
    """Versions of keys. What is done with them is proposed by an operator and approved by a
    security officer (`access_admin.approve`); the vault then does it in the background.

    Every method takes `timeout` in seconds, over all attempts, and raises VaultError. `parent` is
    the institution; None stands for the profile's, and "" for the KEKs, of the vault as a whole.
    What changes something is sent once and never tried again by itself.
    """

    def __init__(self, channel: aio.Channel, parent: str, call: AsyncCaller) -> None:
        """`parent` is the institution, for methods that name none."""
        self._stub = stubs.KeyAdminStub(channel)
        self._parent = parent
        self._call = call

    async def versions(
        self, *, parent: str | None = None, timeout: float | None = None
    ) -> pb.ListKeyVersionsResponse:
        """The versions of keys, and how much hangs under each."""
        request = pb.ListKeyVersionsRequest(parent=self._of(parent))
        return await self._call(self._stub.ListKeyVersions, request, timeout)

    async def steps(
        self, *, parent: str | None = None, page_size: int = 0, timeout: float | None = None
    ) -> pb.ListKeyStepsResponse:
        """What is being done, or was done, and what waits for another person; newest first."""
        request = pb.ListKeyStepsRequest(parent=self._of(parent), page_size=page_size)
        return await self._call(self._stub.ListKeySteps, request, timeout)

    async def get(self, name: str, *, timeout: float | None = None) -> pb.GetKeyStepResponse:
        """What was proposed, and how far it is."""
        return await self._call(self._stub.GetKeyStep, pb.GetKeyStepRequest(name=name), timeout)

    async def propose(
        self,
        step: ap.KeyStep,
        *,
        reason: str,
        parent: str | None = None,
        timeout: float | None = None,
    ) -> ap.Proposal:
        """Propose a step (`step_of`). Refused where it could not be taken as things stand."""
        request = pb.ProposeKeyStepRequest(parent=self._of(parent), step=step, reason=reason)
        return (await self._call.once(self._stub.ProposeKeyStep, request, timeout)).proposal

    async def withdraw(self, name: str, *, timeout: float | None = None) -> ap.Proposal:
        """Take back what one has proposed, before it was decided."""
        request = pb.WithdrawKeyStepRequest(name=name)
        return (await self._call.once(self._stub.WithdrawKeyStep, request, timeout)).proposal

    def _of(self, parent: str | None) -> str:
        return self._parent if parent is None else parent
