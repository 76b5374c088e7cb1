"""Persons' requests by either client: what is sent, what comes back, and that no step is taken
twice."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from recordsvault.life.v1 import subjects_pb2 as pb
from recordsvault_client import Unavailable
from tests.clients.conftest import Ask
from tests.clients.fake_vault import FakeVault, unavailable
from tests.clients.test_access_admin import PARENT

CUSTOMER = f"{PARENT}/customers/{'0' * 26}"
NAME = f"{CUSTOMER}/subjectRequests/{'1' * 26}"
MADE = pb.SubjectRequest(name=NAME, etag="e")
ACCESS = pb.SUBJECT_REQUEST_KIND_ACCESS
DAY = date(2026, 1, 3)
ANSWERED = pb.SUBJECT_REQUEST_OUTCOME_ANSWERED
STEPS: dict[str, Callable[[Any], Any]] = {
    "FileSubjectRequest": lambda c: c.subjects.file(CUSTOMER, ACCESS, received=DAY, text="What?"),
    "ExtendSubjectRequest": lambda c: c.subjects.extend(NAME, etag="e", text="Much."),
    "CloseSubjectRequest": lambda c: c.subjects.close(NAME, ANSWERED, etag="e"),
}


@pytest.fixture
def vault(fake: FakeVault) -> FakeVault:
    """A vault that answers."""
    fake.answers |= {
        "FileSubjectRequest": lambda _: pb.FileSubjectRequestResponse(request=MADE),
        "GetSubjectRequest": lambda _: pb.GetSubjectRequestResponse(request=MADE),
        "ExtendSubjectRequest": lambda _: pb.ExtendSubjectRequestResponse(request=MADE),
        "CloseSubjectRequest": lambda _: pb.CloseSubjectRequestResponse(request=MADE),
        "ListSubjectRequests": lambda _: pb.ListSubjectRequestsResponse(requests=[MADE]),
    }
    return fake


def test_every_call_of_the_service_is_made() -> None:
    methods = {m.name for m in pb.DESCRIPTOR.services_by_name["SubjectRequests"].methods}
    assert methods == {*STEPS, "GetSubjectRequest", "ListSubjectRequests", "ReportUse"}


def test_what_a_person_asked_is_sent_again_as_the_same_where_no_answer_came(
    vault: FakeVault, ask: Ask
) -> None:
    vault.fail("FileSubjectRequest", unavailable())
    assert ask(STEPS["FileSubjectRequest"]) == MADE
    first, again = vault.called("FileSubjectRequest")
    assert str(uuid.UUID(first.request_id)) == again.request_id and first == again
    mine = str(uuid.uuid4())
    ask(lambda c: c.subjects.file(CUSTOMER, ACCESS, received=DAY, text="?", request_id=mine))
    assert vault.called("FileSubjectRequest")[-1].request_id == mine


@pytest.mark.parametrize("method", sorted(set(STEPS) - {"FileSubjectRequest"}))
def test_a_step_is_answered_and_not_sent_twice(vault: FakeVault, ask: Ask, method: str) -> None:
    assert ask(STEPS[method]) == MADE
    vault.fail(method, unavailable())
    with pytest.raises(Unavailable):
        ask(STEPS[method])
    assert len(vault.called(method)) == 2


def test_a_request_is_looked_at_again_where_it_could_not_be(vault: FakeVault, ask: Ask) -> None:
    vault.fail("GetSubjectRequest", unavailable())
    assert ask(lambda c: c.subjects.get(NAME)) == MADE
    assert len(vault.called("GetSubjectRequest")) == 2
