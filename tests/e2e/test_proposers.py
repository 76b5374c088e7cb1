"""What was proposed by somebody who could not propose it any more, when another person approves it:
half of what two persons agree to falls with the right to give it, whatever it is about."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from recordsvault.admin.v1 import access_admin_pb2 as pb
from recordsvault.admin.v1 import admin_pb2, keys_pb2, keys_pb2_grpc
from recordsvault.life.v1 import merges_pb2, merges_pb2_grpc
from recordsvault.retention.v1 import retention_pb2, retention_pb2_grpc
from tests.e2e.access_changes import approve, certify, code, entry, propose, propose_policies, state
from tests.e2e.calls import create
from tests.e2e.people import PARENT
from tests.e2e.wire import Refused, refusal
from tests.support.running_vault import RunningVault
from vault.server.settings import TierName

WHO = "leaver"
PERSON = f"p-{WHO}"
ALL = ("access_admin", "operator", "custodian")
GONE = ("FAILED_PRECONDITION", "PROPOSAL_PROPOSER_GONE")
RULES = """
name = "cn"
version = 7
jurisdictions = ["CN"]
effective_from = 2099-01-01
[[rule]]
name = "identity"
kind = "identity"
clock = "relationship_end"
minimum_years = 30
source = "a law"
article = "1"
checked = false
"""
Approval = Callable[[], object]


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """With somebody who may propose everything, as long as he is there."""
    certify(each_vault, WHO, "newcomer")
    return each_vault


@pytest.fixture(autouse=True)
def there(vault: RunningVault) -> None:
    """He is who he was at first."""
    become(vault, *ALL)


def become(vault: RunningVault, *roles: str | pb.RoleBinding, person: str = PERSON) -> None:
    approve(vault, propose(vault, entry(WHO, *roles, person=person)))


def ended() -> pb.RoleBinding:
    """The role of an administrator, until a second ago."""
    end = Timestamp()
    end.FromDatetime(datetime.now(UTC) - timedelta(seconds=1))
    return pb.RoleBinding(role="access_admin", not_after=end)


def refused(call: Approval) -> tuple[str, str]:
    found: Refused = refusal(call)
    assert found.en and found.zh
    return found.code, found.reason


# -- a change of principals ------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["removed", "without the role", "role ended", "somebody else"])
def test_a_change_by_one_who_has_left_since_is_not_approved(vault: RunningVault, how: str) -> None:
    friend = entry("newcomer", "compliance", person="p-newcomer")
    proposed = propose(vault, friend, who=WHO)
    match how:
        case "removed":
            approve(vault, propose(vault, remove=(WHO,)))
        case "without the role":
            become(vault, "operator")
        case "role ended":
            become(vault, "operator", ended())
        case _:
            become(vault, *ALL, person="p-successor")
    assert refused(partial(approve, vault, proposed)) == GONE
    assert state(vault, proposed) == "PROPOSED"
    asks = partial(vault.admin("newcomer").CheckHealth, admin_pb2.CheckHealthRequest())
    assert code(asks) == "UNAUTHENTICATED"
    # It may still be refused; and counts again if he may propose it again.
    if how == "removed":
        decision = pb.RejectProposalRequest(name=proposed.name, etag=proposed.etag)
        vault.access_admin("officer").RejectProposal(decision)
        assert state(vault, proposed) == "REJECTED"
    else:
        become(vault, *ALL)
        approve(vault, proposed)
        assert state(vault, proposed) == "APPROVED"
        approve(vault, propose(vault, remove=("newcomer",)))


# -- everything else -------------------------------------------------------------------------------


def policies(vault: RunningVault) -> Approval:
    files = list(vault.access_admin("officer").GetPolicies(pb.GetPoliciesRequest()).files)
    return partial(approve, vault, propose_policies(vault, files, WHO))


def key_step(vault: RunningVault) -> Approval:
    stub = keys_pb2_grpc.KeyAdminStub(vault.channel(WHO, TierName.FULL))
    request = keys_pb2.ProposeKeyStepRequest(
        parent=PARENT,
        step=pb.KeyStep(key=pb.KEY_BRANCH_FULL, verb=pb.KEY_VERB_ROTATE),
        reason="Yearly.",
    )
    return partial(approve, vault, stub.ProposeKeyStep(request).proposal)


def rule_set(vault: RunningVault) -> Approval:
    def stub(who: str) -> retention_pb2_grpc.RetentionStub:
        return retention_pb2_grpc.RetentionStub(vault.channel(who, TierName.FULL))

    request = retention_pb2.ProposeRuleSetRequest(
        parent=PARENT, rule_set=RULES, reason="A law.", shortens=True
    )
    made = stub(WHO).ProposeRuleSet(request).proposal
    decision = retention_pb2.ApproveRulesRequest(name=made.name, etag=made.etag)
    return partial(stub("compliance").ApproveRules, decision)


def merge(vault: RunningVault, old: str = "") -> Approval:
    def stub(who: str) -> merges_pb2_grpc.MergesStub:
        return merges_pb2_grpc.MergesStub(vault.channel(who, TierName.FULL))

    old, kept = old or create(vault).name, create(vault).name
    request = merges_pb2.ProposeMergeRequest(name=old, into=kept, reason="Opened twice.")
    made = stub(WHO).ProposeMerge(request).proposal
    decision = merges_pb2.ApproveMergeRequest(name=made.name, etag=made.etag)
    return partial(stub("compliance").ApproveMerge, decision)


@pytest.mark.parametrize(
    ("proposed", "less"),
    [
        (policies, ("operator", "custodian")),
        (key_step, ("access_admin", "custodian")),
        (rule_set, ("access_admin", "operator")),
        (merge, ("access_admin", "operator")),
    ],
    ids=["policies", "a step with a key", "a rule set", "a merge"],
)
def test_nor_is_anything_else_that_he_has_proposed(
    vault: RunningVault, proposed: Callable[[RunningVault], Approval], less: tuple[str, ...]
) -> None:
    approval = proposed(vault)
    become(vault, *less)
    assert refused(approval) == GONE


@pytest.mark.parametrize("proposed", [rule_set, merge], ids=["a rule set", "a merge"])
def test_nor_what_is_about_files_that_he_does_not_reach_any_more(
    vault: RunningVault, proposed: Callable[[RunningVault], Approval]
) -> None:
    approval = proposed(vault)
    narrower = entry(WHO, *ALL, person=PERSON)
    narrower.scope.branches.names.append("elsewhere")
    approve(vault, propose(vault, narrower))
    assert refused(approval) == GONE


def test_nor_that_his_own_file_is_another_ones(vault: RunningVault) -> None:
    old = create(vault).name
    approval = merge(vault, old)
    his = entry(WHO, *ALL, person=PERSON, own_files=[old.rpartition("/")[2]])
    approve(vault, propose(vault, his))
    assert refused(approval) == GONE
