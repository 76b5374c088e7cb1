"""Pictures of scans, from the masked tier: each once, all of them, over lost connections too."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from recordsvault.masked.v1.views_pb2 import MaskedPicture
from recordsvault_client import (
    AsyncMaskedClient,
    MaskedClient,
    PermissionDenied,
    Profile,
    RetryPolicy,
    Unavailable,
)
from tests.clients.fake_contents import refused
from tests.clients.fake_vault import FakeVault, unavailable

NAME = "institutions/demo-bank/customers/" + "0" * 26 + "/documents/" + "0" * 26


@pytest.fixture(params=[False, True], ids=["blocking", "asyncio"])
def asynchronous(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def seen(
    fake: FakeVault, fast: RetryPolicy, asynchronous: bool, page: int = 0, patience: float = 60.0
) -> list[tuple[int, int]]:
    profile = Profile.load(fake.profile())

    async def run() -> list[MaskedPicture]:
        async with AsyncMaskedClient(profile, retry=fast) as client:
            return [one async for one in client.view_document(NAME, page=page, patience=patience)]

    if asynchronous:
        found = asyncio.run(run())
    else:
        with MaskedClient(profile, retry=fast) as client:
            found = list(client.view_document(NAME, page=page, patience=patience))
    assert all(one.png.startswith(b"\x89PNG") for one in found)
    return [(int(one.content.rpartition("/")[2]), one.number) for one in found]


def test_all_pictures_come_in_order(fake: FakeVault, fast: RetryPolicy, asynchronous: bool) -> None:
    fake.pictures.totals = {1: 2, 3: 1, 12: 3}
    wanted = [(1, 1), (1, 2), (3, 1), (12, 1), (12, 2), (12, 3)]
    assert seen(fake, fast, asynchronous) == wanted
    assert seen(fake, fast, asynchronous, page=12) == wanted[3:]
    assert len(fake.called("ViewDocument")) == 2


def test_more_than_one_call_shows_are_asked_for_by_several(
    fake: FakeVault, fast: RetryPolicy, asynchronous: bool
) -> None:
    fake.pictures.totals = dict.fromkeys(range(1, 251), 1)
    assert seen(fake, fast, asynchronous) == [(page, 1) for page in range(1, 251)]
    assert [request.after for request in fake.called("ViewDocument")] == [0, 100, 200]


@pytest.mark.parametrize("page", [0, 2])
def test_a_lost_connection_shows_no_picture_twice_and_leaves_none_out(
    fake: FakeVault, fast: RetryPolicy, asynchronous: bool, page: int
) -> None:
    fake.pictures.totals = {1: 2, 2: 5, 3: 1}
    fake.faults["ViewDocument.cut"] = [0.0, unavailable(), 0.0, 0.0, unavailable(), unavailable()]
    wanted = [(1, 1), (1, 2), *((2, number) for number in range(1, 6)), (3, 1)]
    found = seen(fake, fast, asynchronous, page=page)
    assert found == ([one for one in wanted if one[0] == page] if page else wanted)
    assert len(fake.called("ViewDocument")) == 4


def test_what_is_refused_is_raised(fake: FakeVault, fast: RetryPolicy, asynchronous: bool) -> None:
    fake.fail("ViewDocument", refused(grpc.StatusCode.PERMISSION_DENIED, "ROLE"))
    with pytest.raises(PermissionDenied):
        seen(fake, fast, asynchronous)
    fake.fail("ViewDocument", *[unavailable()] * 50)
    with pytest.raises(Unavailable):
        seen(fake, fast, asynchronous, patience=0.2)


def test_a_document_without_scans_has_no_pictures(
    fake: FakeVault, fast: RetryPolicy, asynchronous: bool
) -> None:
    assert seen(fake, fast, asynchronous) == []
