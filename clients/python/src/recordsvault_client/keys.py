"""Versions of keys, and steps with them: the blocking client."""

from __future__ import annotations

import grpc

from recordsvault.admin.v1 import access_admin_pb2 as ap
from recordsvault.admin.v1 import keys_pb2 as pb
from recordsvault.admin.v1 import keys_pb2_grpc as stubs
from recordsvault_masked.calls import Caller


def key_of(name: str) -> ap.Key.ValueType:
    """The value of a key, by its name: `kek-full`, `branch-masked`, `index`. Raises ValueError."""
    return ap.Key.Value(f"KEY_{name.upper().replace('-', '_')}")


def step_of(
    key: str, verb: str, *, version: str = "", rate: int = 0, provider: str = ""
) -> ap.KeyStep:
    """A step: `verb` is `rotate`, `rewrap`, `retire`, or `reseal` of `records`. Raises
    ValueError."""
    return ap.KeyStep(
        key=key_of(key),
        verb=ap.KeyVerb.Value(f"KEY_VERB_{verb.upper()}"),
        version=version,
        rate=rate,
        provider=provider,
    )


class KeysClient:
    """Versions of keys. What is done with them is proposed by an operator and approved by a
    security officer (`access_admin.approve`); the vault then does it in the background.

    Every method takes `timeout` in seconds, over all attempts, and raises VaultError. `parent` is
    the institution; None stands for the profile's, and "" for the KEKs, of the vault as a whole.
    What changes something is sent once and never tried again by itself.
    """

    def __init__(self, channel: grpc.Channel, parent: str, call: Caller) -> None:
        """`parent` is the institution, for methods that name none."""
        self._stub = stubs.KeyAdminStub(channel)
        self._parent = parent
        self._call = call

    def versions(
        self, *, parent: str | None = None, timeout: float | None = None
    ) -> pb.ListKeyVersionsResponse:
        """The versions of keys, and how much hangs under each."""
        request = pb.ListKeyVersionsRequest(parent=self._of(parent))
        return self._call(self._stub.ListKeyVersions, request, timeout)

    def steps(
        self, *, parent: str | None = None, page_size: int = 0, timeout: float | None = None
    ) -> pb.ListKeyStepsResponse:
        """What is being done, or was done, and what waits for another person; newest first."""
        request = pb.ListKeyStepsRequest(parent=self._of(parent), page_size=page_size)
        return self._call(self._stub.ListKeySteps, request, timeout)

    def get(self, name: str, *, timeout: float | None = None) -> pb.GetKeyStepResponse:
        """What was proposed, and how far it is."""
        return self._call(self._stub.GetKeyStep, pb.GetKeyStepRequest(name=name), timeout)

    def propose(
        self,
        step: ap.KeyStep,
        *,
        reason: str,
        parent: str | None = None,
        timeout: float | None = None,
    ) -> ap.Proposal:
        """Propose a step (`step_of`). Refused where it could not be taken as things stand."""
        request = pb.ProposeKeyStepRequest(parent=self._of(parent), step=step, reason=reason)
        return self._call.once(self._stub.ProposeKeyStep, request, timeout).proposal

    def withdraw(self, name: str, *, timeout: float | None = None) -> ap.Proposal:
        """Take back what one has proposed, before it was decided."""
        request = pb.WithdrawKeyStepRequest(name=name)
        return self._call.once(self._stub.WithdrawKeyStep, request, timeout).proposal

    def _of(self, parent: str | None) -> str:
        return self._parent if parent is None else parent
