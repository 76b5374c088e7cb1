"""`vaultctl merge`: what is typed is what is asked for, and what waits is shown with its etag."""

from __future__ import annotations

import pytest

from recordsvault.life.v1 import merges_pb2 as pb
from tests.cli.conftest import Vaultctl
from tests.clients.fake_vault import FakeVault

PARENT = "institutions/demo-bank"
OLD, KEPT = (f"{PARENT}/customers/{digit * 26}" for digit in "01")
PROPOSAL = f"{PARENT}/proposals/{'2' * 26}"
ETAG = "e" * 32


@pytest.fixture
def vault(fake: FakeVault) -> FakeVault:
    """A vault whose one answer to everything is friendly."""
    made = pb.MergeProposal(name=PROPOSAL, etag=ETAG, customer=OLD, into=KEPT)
    standing = pb.Merge(customer=OLD, into=KEPT, survivor=KEPT, proposed_by="li", approved_by="han")
    pages = {
        "": pb.ListMergesResponse(merges=[standing], waiting=[made], next_page_token="more"),
        "more": pb.ListMergesResponse(merges=[standing]),
    }
    fake.answers |= {
        "ProposeMerge": lambda _: pb.ProposeMergeResponse(proposal=made),
        "ProposeUnmerge": lambda _: pb.ProposeUnmergeResponse(proposal=made),
        "ApproveMerge": lambda _: pb.ApproveMergeResponse(proposal=made),
        "ListMerges": lambda request: pages[request.page_token],
    }
    return fake


def test_a_merge_is_proposed_and_agreed_to_by_its_etag(
    vault: FakeVault, vaultctl: Vaultctl
) -> None:
    shown = vaultctl("merge", "propose", "0" * 26, "--into", KEPT, "--reason", "Twice")
    assert shown.code == 0
    assert ETAG in shown.out
    (sent,) = vault.called("ProposeMerge")
    assert (sent.name, sent.into, sent.reason) == (OLD, KEPT, "Twice")
    assert vaultctl("merge", "approve", "2" * 26, "--etag", ETAG).code == 0
    (agreed,) = vault.called("ApproveMerge")
    assert (agreed.name, agreed.etag) == (PROPOSAL, ETAG)
    assert vaultctl("merge", "approve", "nothing", "--etag", ETAG).code != 0


def test_a_file_is_asked_to_stand_for_itself_again(vault: FakeVault, vaultctl: Vaultctl) -> None:
    assert vaultctl("merge", "apart", OLD, "--reason", "Twins").code == 0
    (sent,) = vault.called("ProposeUnmerge")
    assert (sent.name, sent.reason) == (OLD, "Twins")


def test_the_list_has_all_pages_and_what_waits(vault: FakeVault, vaultctl: Vaultctl) -> None:
    shown = vaultctl("merge", "list").out
    assert shown.count(f"{OLD} merged into {KEPT}  (li, han)") == 2
    assert f"{PROPOSAL} etag {ETAG}" in shown
    assert "已合并至" in vaultctl("--lang", "zh", "merge", "list").out
