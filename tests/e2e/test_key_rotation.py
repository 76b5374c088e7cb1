"""Keys rotated by two persons through vaultctl, over TLS, while both tiers run on and read."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from typing import Any

import pytest

from recordsvault.admin.v1 import access_admin_pb2 as ap
from recordsvault.admin.v1 import keys_pb2, keys_pb2_grpc
from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault_client import step_of
from tests.cli.test_with_the_vault import ctl
from tests.e2e import people
from tests.e2e.calls import SERVING, create
from tests.e2e.wire import LogBook
from tests.support.running_vault import RunningVault
from vault.server.settings import TierName

Ran = subprocess.CompletedProcess[str]
# A process of vaultctl takes its time where many tests share two cores.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
DONE = keys_pb2.KEY_WORK_STATE_DONE


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """On both databases: the masked tier has a database role of its own on one of them."""
    return each_vault


def by(vault: RunningVault, who: str, *arguments: str) -> Ran:
    return ctl(vault, who, "--timeout", "30", *arguments)


def identifier(ran: Ran) -> str:
    assert ran.returncode == 0, ran.stderr
    (found,) = set(re.findall(r"[0-9a-z]{26}", ran.stdout))
    return str(found)


def typed(vault: RunningVault, *step: str) -> dict[str, Any]:
    """Propose a step, approve it, and wait until it is done, all by vaultctl; how it ended."""
    made = identifier(by(vault, "operator", "keys", *step, "--reason", "It is time"))
    approved = by(vault, "officer", "keys", "approve", made, "--yes")
    assert approved.returncode == 0, approved.stderr
    waited = by(vault, "operator", "keys", "status", "--wait", "--json")
    (work,) = [one for one in json.loads(waited.stdout)["work"] if str(one["name"]).endswith(made)]
    return dict(work)


def stub(vault: RunningVault, who: str = "operator") -> keys_pb2_grpc.KeyAdminStub:
    return keys_pb2_grpc.KeyAdminStub(vault.channel(who, TierName.FULL))


def agreed(vault: RunningVault, verb: str, key: str, **more: Any) -> str:
    """Propose a step and approve it; its name. A process of vaultctl takes a second or two."""
    request = keys_pb2.ProposeKeyStepRequest(
        parent="" if key.startswith("kek-") else people.PARENT,
        step=step_of(key, verb, **more),
        reason="It is time",
    )
    made = stub(vault).ProposeKeyStep(request).proposal
    decision = ap.ApproveProposalRequest(name=made.name, etag=made.etag)
    vault.access_admin("officer").ApproveProposal(decision)
    return made.name


def done(vault: RunningVault, verb: str, key: str, **more: Any) -> keys_pb2.KeyWork:
    """As `agreed`; how it ended."""
    return ended(vault, agreed(vault, verb, key, **more))


def ended(vault: RunningVault, name: str) -> keys_pb2.KeyWork:
    deadline = time.monotonic() + 60
    while True:
        work = stub(vault).GetKeyStep(keys_pb2.GetKeyStepRequest(name=name)).work
        if work.HasField("finish_time"):
            return work
        assert time.monotonic() < deadline, work
        time.sleep(0.1)


def versions(vault: RunningVault, key: str) -> dict[str, int]:
    """How much hangs under each version, the newest first."""
    parent = "" if key.startswith("kek-") else people.PARENT
    listed = stub(vault).ListKeyVersions(keys_pb2.ListKeyVersionsRequest(parent=parent)).versions
    return {one.version: one.hanging for one in listed if one.key == step_of(key, "rotate").key}


def current(vault: RunningVault, key: str) -> dict[str, int]:
    """The newest version alone: older ones are retired, should a test before have left some."""
    if older := list(versions(vault, key))[1:]:
        done(vault, "rewrap", key)
        for version in older:
            done(vault, "retire", key, version=version)
    return versions(vault, key)


def reads(vault: RunningVault, name: str) -> None:
    """A customer in full and masked, with nothing held in the servers' memory any more."""
    full = vault.records().GetCustomer(pb.GetCustomerRequest(name=name, purpose=SERVING))
    assert full.customer.name == name
    masked = vault.masked().GetMaskedCustomer(mp.GetMaskedCustomerRequest(name=name))
    assert masked.customer.name == name


@pytest.fixture(scope="module")
def customers(vault: RunningVault) -> list[str]:
    return [create(vault).name for _ in range(3)]


@pytest.mark.parametrize("branch", ["full", "masked"])
def test_a_branch_key_is_rotated_rewrapped_and_retired(
    vault: RunningVault, customers: list[str], branch: str
) -> None:
    key = f"branch-{branch}"
    ((old, hanging),) = current(vault, key).items()
    new = str(int(old) + 1)
    assert typed(vault, "rotate", key)["state"] == "KEY_WORK_STATE_DONE"
    assert versions(vault, key) == {new: 0, old: hanging}
    fresh = create(vault).name
    assert versions(vault, key) == {new: 1, old: hanging}
    refused = by(vault, "operator", "keys", "retire", key, "--version", old, "--reason", "Old")
    assert refused.returncode != 0
    assert f"{hanging} file keys still hang under it" in refused.stderr
    rewrapped = typed(vault, "rewrap", key, "--rate", "5000")
    assert (rewrapped["state"], int(str(rewrapped["done"]))) == ("KEY_WORK_STATE_DONE", hanging)
    assert typed(vault, "retire", key, "--version", old)["state"] == "KEY_WORK_STATE_DONE"
    assert versions(vault, key) == {new: hanging + 1}
    for name in (*customers, fresh):
        reads(vault, name)


def test_who_proposed_a_step_does_not_approve_it_and_may_take_it_back(
    vault: RunningVault, log: LogBook
) -> None:
    size = log.size()
    made = identifier(by(vault, "operator", "keys", "rotate", "kek-index", "--reason", "Yearly"))
    assert "rotate kek-index" in by(vault, "officer", "keys", "show", made).stdout
    assert by(vault, "operator", "keys", "approve", made, "--yes").returncode != 0
    assert by(vault, "officer", "keys", "rotate", "kek-index", "--reason", "Me").returncode != 0
    assert "waiting for another person" in by(vault, "officer", "keys", "status").stdout
    assert by(vault, "operator", "keys", "withdraw", made).returncode == 0
    assert by(vault, "officer", "keys", "approve", made, "--yes").returncode != 0
    told = [event.action for event in log.since(size)]
    assert "keys.steps.propose" in told
    assert "keys.work.begin" not in told


def test_a_masked_kek_is_rotated_and_the_masked_node_learns_of_it_without_a_restart(
    vault: RunningVault, customers: list[str]
) -> None:
    new = done(vault, "rotate", "kek-masked").target
    # The node has a file of its own: it is brought there before anything is wrapped by it.
    copied = vault.folder / "kms" / "masked" / "masked.kek"
    fresh = copied.with_suffix(".new")
    shutil.copyfile(vault.folder / "kms" / "full" / "masked.kek", fresh)
    fresh.chmod(0o600)
    fresh.replace(copied)
    assert done(vault, "rewrap", "kek-masked").state == DONE
    for version in set(versions(vault, "kek-masked")) - {new}:
        retired = done(vault, "retire", "kek-masked", version=version)
        assert retired.state == DONE
    assert set(versions(vault, "kek-masked")) == {new}
    done(vault, "rotate", "branch-masked")
    done(vault, "rewrap", "branch-masked")
    for name in (*customers, create(vault).name):
        reads(vault, name)


def test_a_process_that_is_killed_in_the_middle_goes_on_where_it_was(
    vault: RunningVault, customers: list[str]
) -> None:
    for _ in range(6):
        create(vault)
    before = versions(vault, "branch-full")
    done(vault, "rotate", "branch-full")
    name = agreed(vault, "rewrap", "branch-full", rate=2)
    vault.kill(TierName.FULL)
    vault.start(TierName.FULL)
    assert ended(vault, name).state == DONE
    (newest, *_) = versions(vault, "branch-full")
    assert versions(vault, "branch-full")[newest] == sum(before.values())
    for customer in customers:
        reads(vault, customer)


def test_an_index_key_is_rotated_and_customers_are_found_throughout(
    vault: RunningVault,
) -> None:
    customer = people.person()
    name, number = create(vault, customer).name, customer.phones[0]
    ((old, _),) = current(vault, "index").items()
    new = str(int(old) + 1)

    def found() -> list[str]:
        request = mp.SearchMaskedCustomersRequest(parent=people.PARENT, phone=number)
        return [one.name for one in vault.masked().SearchMaskedCustomers(request).customers]

    assert done(vault, "rotate", "index").state == DONE
    assert found() == [name]
    assert done(vault, "rewrap", "index").state == DONE
    assert found() == [name]
    counts = versions(vault, "index")
    assert counts[old] == counts[new] > 0
    assert done(vault, "retire", "index", version=old).state == DONE
    assert versions(vault, "index") == {new: counts[new]}
    assert found() == [name]


def test_the_log_has_who_proposed_who_approved_and_what_the_vault_did(
    vault: RunningVault, log: LogBook
) -> None:
    size = log.size()
    made = done(vault, "rotate", "kek-full").name
    told = [
        (event.action, event.actor, event.resource, event.outcome)
        for event in log.since(size)
        if event.resource == made and not event.action.endswith(".get")
    ]
    assert told == [
        ("keys.steps.propose", "operator", made, "OK"),
        ("access.proposals.approve", "officer", made, "OK"),
        ("keys.work.begin", "", made, ""),
        ("keys.work.end", "", made, "OK"),
    ]


def test_what_makes_no_sense_is_refused_with_the_field(vault: RunningVault) -> None:
    def refused(*step: str) -> str:
        ran = by(vault, "operator", "keys", *step, "--reason", "Why not")
        assert ran.returncode != 0
        return ran.stderr

    assert "step.version" in refused("retire", "branch-full", "--version", "x")
    assert "step.provider" in refused("rotate", "branch-full", "--to-provider", "hsm")
    assert "no provider of that name" in refused("rotate", "kek-full", "--to-provider", "hsm")
    assert "no such version" in refused("retire", "branch-full", "--version", "99")
