"""A second process of a tier, on a running vault's database, and persons who call either."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import grpc

from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import purpose_pb2
from tests.e2e.wire import refusal
from tests.support.borrowing import add_person
from tests.support.forked_tier import ForkedTier
from tests.support.quiet_ports import quiet_ports
from tests.support.running_vault import RunningVault
from vault.audit import AuditEvent
from vault.server.settings import TierName

MONITORING = purpose_pb2.PURPOSE_TRANSACTION_MONITORING


class Process:
    """One more process of a tier, on the same database."""

    def __init__(self, vault: RunningVault, tier: TierName) -> None:
        (port,) = quiet_ports(1)
        self.vault, self.tier, self.target = vault, tier, f"localhost:{port}"
        config = vault.folder / f"second-{port}.toml"
        text = vault.config.read_text("utf-8")
        listen = f'listen = "localhost:{vault.ports[tier]}"'
        assert listen in text
        config.write_text(text.replace(listen, f'listen = "{self.target}"'), "utf-8")
        ready = config.with_suffix(".ready")
        self._process = ForkedTier(config, tier, ready, config.with_suffix(".log"))
        deadline = time.monotonic() + 30
        while not ready.exists():
            assert self._process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)

    def channel(self, who: str) -> grpc.Channel:
        """A channel of a caller."""
        return grpc.secure_channel(self.target, self.vault.credentials(who))

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(30)


@contextmanager
def second(vault: RunningVault, tier: TierName) -> Iterator[Process]:
    """One more process, while the block lasts."""
    made = Process(vault, tier)
    try:
        yield made
    finally:
        made.stop()


def somebody(
    vault: RunningVault, name: str, *roles: str, person: str = "", home_branch: str = ""
) -> str:
    """A person of compliance with further roles, known by now."""
    add_person(vault, name, "compliance", *roles, person=person, home_branch=home_branch)
    for tier, call in (
        (TierName.FULL, partial(full, vault, name, "nobody")),
        (TierName.MASKED, partial(masked, vault, name, "nobody")),
    ):
        deadline = time.monotonic() + 5
        while refusal(call).code == "UNAUTHENTICATED":
            assert time.monotonic() < deadline, tier
            time.sleep(0.05)
    return name


def full(vault: RunningVault, who: str, name: str) -> pb.GetCustomerResponse:
    """Open a customer in full."""
    request = pb.GetCustomerRequest(name=name, purpose=MONITORING)
    return vault.records(who).GetCustomer(request)


def masked(vault: RunningVault, who: str, name: str) -> mp.GetMaskedCustomerResponse:
    """Look at a customer's masked view."""
    return vault.masked(who).GetMaskedCustomer(mp.GetMaskedCustomerRequest(name=name))


def alerts(events: list[AuditEvent]) -> list[tuple[str, str]]:
    """The alerts among events."""
    return [(e.action, e.reason) for e in events if e.action in ("watch.alert", "watch.warning")]
