"""A program that was given every role that decides, over TLS: it asks for nothing, proposes nothing
and decides nothing, since no person stands behind it."""

from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor

from tests.e2e.access_changes import approve, certify, entry, propose
from tests.e2e.rpc_matrix import Bank, furnish, request_for, rpcs
from tests.e2e.wire import refused
from tests.support.running_vault import OWN, RunningVault
from vault.server.settings import TierName

ROLES = (
    "access_admin", "break_glass", "compliance", "custodian", "investigator", "operator",
    "security_officer", "teller",
)  # fmt: skip
# Words that every RPC of a request or of a decision about one begins with.
ASKING = ("Request", "Renew", "Propose", "Plan", "File")
DECIDING = (
    "Acknowledge", "Agree", "Approve", "BreakGlass", "Deny", "Execute", "Reject", "ReturnCheckOut",
    "Review", "Revoke", "Withdraw",
)  # fmt: skip


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """With such a program."""
    certify(each_vault, "robot")
    approve(each_vault, propose(each_vault, entry("robot", *ROLES)))
    return each_vault


@pytest.fixture(scope="module")
def bank(vault: RunningVault) -> Bank:
    return furnish(vault)[OWN]


def of_a_person() -> list[MethodDescriptor]:
    return [m for _, m in rpcs(TierName.FULL) if m.name.startswith((*ASKING, *DECIDING))]


def test_every_word_above_is_some_rpcs() -> None:
    names = [method.name for method in of_a_person()]
    assert not [w for w in (*ASKING, *DECIDING) if not any(n.startswith(w) for n in names)]


@pytest.mark.parametrize("method", of_a_person(), ids=lambda one: one.name)
def test_a_program_neither_asks_nor_decides_whatever_its_roles(
    vault: RunningVault, bank: Bank, method: MethodDescriptor
) -> None:
    channel: Any = vault.channel("robot", TierName.FULL)
    path = f"/{method.containing_service.full_name}/{method.name}"
    data = request_for(method, bank).SerializeToString()
    with pytest.raises(grpc.RpcError) as error:
        channel.unary_unary(path)(data, timeout=10)
    found = refused(error.value)
    assert (found.code, found.reason) == ("PERMISSION_DENIED", "PERSON_REQUIRED")
