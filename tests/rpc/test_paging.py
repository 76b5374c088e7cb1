"""Page tokens: good for the request that they came from, and never a way to break a call."""

import base64

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from recordsvault.masked.v1 import masked_pb2
from recordsvault.records.v1 import records_pb2 as pb
from tests.support.pipeline import BANK
from vault.rpc.paging import make_token, page_size, read_token
from vault.rpc.problems import Problems

ULID = "01jd0000000000000000000000"
LIST = pb.ListCustomersRequest(parent=BANK, page_size=10)


def read(request: Message, token: str, *, number: bool = False) -> tuple[str, list[str]]:
    problems = Problems()
    key = read_token(request, token, problems, number=number)
    return key, [v.reason for v in problems.found]


def test_a_token_gives_back_where_the_next_page_starts() -> None:
    assert read(LIST, make_token(LIST, ULID)) == (ULID, [])


def test_no_token_is_the_first_page() -> None:
    assert read(LIST, "") == ("", [])


def test_page_size_purpose_and_mask_may_change_between_pages() -> None:
    token = make_token(LIST, ULID)
    other = pb.ListCustomersRequest(parent=BANK, page_size=3, case_reference="x", page_token=token)
    other.read_mask.paths.append("branch")
    assert read(other, token) == (ULID, [])


@pytest.mark.parametrize(
    "other",
    [
        pb.ListCustomersRequest(parent="institutions/other-bank"),
        masked_pb2.ListMaskedCustomersRequest(parent=BANK),
    ],
    ids=["another parent", "another method"],
)
def test_a_token_of_another_request_is_refused(other: Message) -> None:
    assert read(other, make_token(LIST, ULID)) == ("", ["PAGE_TOKEN"])


def test_a_token_says_nothing_of_what_was_searched_for() -> None:
    # Numbers can be enumerated, so a digest of one tells it.
    def token(number: str) -> str:
        return make_token(
            masked_pb2.SearchMaskedCustomersRequest(parent=BANK, identity_number=number), ULID
        )

    assert token("11010519491231002X") == token("110105194912310030")


def forged(key: bytes, request: Message = LIST) -> str:
    genuine = base64.urlsafe_b64decode(make_token(request, ULID) + "==")
    return base64.urlsafe_b64encode(genuine[:8] + key).decode().rstrip("=")


@pytest.mark.parametrize("key", [b"\x00", b"'; --", b"x" * 27, b"A" * 26, b"\xff", b""])
def test_a_forged_identifier_is_refused(key: bytes) -> None:
    assert read(LIST, forged(key)) == ("", ["PAGE_TOKEN"])


@pytest.mark.parametrize("key", [b"abc", b"-1", b"9" * 19, b"9" * 5000, b"1\n", "١".encode()])
def test_a_forged_number_is_refused(key: bytes) -> None:
    assert read(LIST, forged(key), number=True) == ("", ["PAGE_TOKEN"])


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_a_token(text: str) -> None:
    key, reasons = read(LIST, text)
    assert (key == "") == (reasons == ["PAGE_TOKEN"] or text == "")


def test_a_page_has_fifty_entries_unless_asked_otherwise() -> None:
    assert (page_size(0), page_size(7)) == (50, 7)
