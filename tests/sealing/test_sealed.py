"""Sealed records and masked views: what opens, and everything that must not."""

import dataclasses
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sealing.conftest import BANK, Keys
from vault.records.scopes import Branch, ScopeRef
from vault.sealing import (
    SUITES,
    FullFileKey,
    KeyRing,
    MaskedFileKey,
    SealBroken,
    SealContext,
    UnknownSuite,
    open_full,
    open_masked,
    seal_full,
    seal_masked,
    suite_of,
)
from vault.sealing.sealed import HEADER_BYTES

ALICE = ScopeRef(BANK, "01arz3ndektsv4rrffq69g5fav", "identity")
BOB = ScopeRef(BANK, "01brz3ndektsv4rrffq69g5fav", "identity")
RECORD = "documents/01crz3ndektsv4rrffq69g5fav"
CONTEXT = SealContext(BANK, ALICE.customer, RECORD, 3, "sealed")
TEXT = "李小龙 11010519491231002X".encode()

# A key of the branch, and its way to seal and open.
Opened = tuple[Any, Callable[..., bytes], Callable[..., bytes]]


@pytest.fixture(params=list(Branch), ids=[branch.value for branch in Branch])
def branch(request: pytest.FixtureRequest) -> Branch:
    chosen: Branch = request.param
    return chosen


@pytest.fixture
def opened(keys: Keys, ring: KeyRing, branch: Branch) -> Opened:
    return of(keys, ring, branch, ALICE)


def of(keys: Keys, ring: KeyRing, branch: Branch, ref: ScopeRef) -> Opened:
    if branch is Branch.FULL:
        return keys.full(ring, ref), seal_full, open_full
    return keys.masked(ring, ref), seal_masked, open_masked


def test_a_sealed_value_opens_where_it_was_sealed(opened: Opened) -> None:
    key, seal, unseal = opened
    assert unseal(key, seal(key, TEXT, CONTEXT), CONTEXT) == TEXT


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(text=st.binary(max_size=5_000))
def test_any_bytes_come_back_as_they_were(opened: Opened, text: bytes) -> None:
    key, seal, unseal = opened
    assert unseal(key, seal(key, text, CONTEXT), CONTEXT) == text


def test_a_sealed_value_shows_nothing_of_its_text(opened: Opened) -> None:
    key, seal, _ = opened
    sealed = seal(key, TEXT, CONTEXT)
    for start in range(len(TEXT) - 4):
        assert TEXT[start : start + 4] not in sealed


def test_the_same_text_is_never_sealed_to_the_same_bytes(opened: Opened) -> None:
    key, seal, _ = opened
    bodies = {seal(key, TEXT, CONTEXT)[HEADER_BYTES:] for _ in range(1000)}
    assert len(bodies) == 1000


def test_the_header_names_format_suite_and_file_key(
    opened: Opened, branch: Branch, keys: Keys
) -> None:
    key, seal, _ = opened
    sealed = seal(key, TEXT, CONTEXT)
    assert sealed[0] == {Branch.FULL: 1, Branch.MASKED: 2}[branch]
    assert sealed[1] == keys.suite.suite_id
    assert suite_of(sealed) is keys.suite
    assert sealed[2:HEADER_BYTES] == key.key_id
    wrapped_data_key = {1: 60, 2: 44}[keys.suite.suite_id] if branch is Branch.FULL else 0
    assert len(sealed) == HEADER_BYTES + wrapped_data_key + 12 + len(TEXT) + 16


def test_a_sealed_value_with_any_bit_flipped_does_not_open(opened: Opened) -> None:
    key, seal, unseal = opened
    sealed = seal(key, TEXT, CONTEXT)
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealBroken):
            unseal(key, bytes(changed), CONTEXT)


def test_a_sealed_value_with_any_byte_replaced_does_not_open(opened: Opened) -> None:
    key, seal, unseal = opened
    sealed = seal(key, TEXT, CONTEXT)
    for place in range(len(sealed)):
        for value in {0, 0xFF, (sealed[place] + 1) % 256} - {sealed[place]}:
            with pytest.raises(SealBroken):
                unseal(key, sealed[:place] + bytes((value,)) + sealed[place + 1 :], CONTEXT)


def test_a_sealed_value_cut_anywhere_or_lengthened_does_not_open(opened: Opened) -> None:
    key, seal, unseal = opened
    sealed = seal(key, TEXT, CONTEXT)
    cuts = [sealed[:length] for length in range(len(sealed))]
    heads = [sealed[start:] for start in range(1, len(sealed))]
    for changed in [*cuts, *heads, sealed + b"\0", b"\0" + sealed, sealed + sealed]:
        with pytest.raises(SealBroken):
            unseal(key, changed, CONTEXT)


def test_parts_of_two_sealed_values_do_not_open_together(opened: Opened) -> None:
    key, seal, unseal = opened
    one, other = seal(key, TEXT, CONTEXT), seal(key, TEXT, CONTEXT)
    for border in range(HEADER_BYTES + 1, len(one)):
        if one[:border] + other[border:] in (one, other):
            continue
        with pytest.raises(SealBroken):
            unseal(key, one[:border] + other[border:], CONTEXT)


@pytest.mark.parametrize("suite_id", [0, 3, 255])
def test_a_suite_that_is_not_known_is_named_as_such(opened: Opened, suite_id: int) -> None:
    key, seal, unseal = opened
    sealed = seal(key, TEXT, CONTEXT)
    with pytest.raises(UnknownSuite):
        unseal(key, sealed[:1] + bytes((suite_id,)) + sealed[2:], CONTEXT)


def test_the_id_of_the_other_suite_opens_nothing(opened: Opened) -> None:
    key, seal, unseal = opened
    sealed = seal(key, TEXT, CONTEXT)
    [other] = [suite for suite in SUITES if suite is not key.suite]
    with pytest.raises(SealBroken) as caught:
        unseal(key, sealed[:1] + bytes((other.suite_id,)) + sealed[2:], CONTEXT)
    assert type(caught.value) is SealBroken


@pytest.mark.parametrize("short", [b"", b"\x01", b"\x01\x01" + b"k" * 15])
def test_what_is_too_short_for_a_header_has_no_suite(short: bytes) -> None:
    with pytest.raises(SealBroken):
        suite_of(short)


MOVES: dict[str, dict[str, Any]] = {
    "another institution": {"institution": "bank-two"},
    "another customer": {"customer": BOB.customer},
    "the customer itself": {"record": ""},
    "another record": {"record": "documents/01drz3ndektsv4rrffq69g5fav"},
    "a transaction of the same id": {"record": RECORD.replace("documents", "transactions")},
    "an earlier version": {"version": 2},
    "a later version": {"version": 4},
    "a version with one digit more": {"version": 30},
    "another column": {"column": "masked"},
    "a column that begins alike": {"column": "sealed2"},
}


@pytest.mark.parametrize("move", MOVES)
def test_a_sealed_value_moved_elsewhere_does_not_open(opened: Opened, move: str) -> None:
    key, seal, unseal = opened
    sealed = seal(key, TEXT, CONTEXT)
    with pytest.raises(SealBroken):
        unseal(key, sealed, dataclasses.replace(CONTEXT, **MOVES[move]))


contexts = st.builds(
    SealContext,
    institution=st.text(alphabet="a1:|", max_size=3),
    customer=st.text(alphabet="a1:|", max_size=3),
    record=st.text(alphabet="a1:|", max_size=3),
    version=st.integers(min_value=0, max_value=30),
    column=st.text(alphabet="a1:|", max_size=3),
)


@settings(max_examples=1_000)
@given(one=contexts, other=contexts)
def test_two_contexts_have_one_associated_data_only_if_they_are_equal(
    one: SealContext, other: SealContext
) -> None:
    assert (one.aad() == other.aad()) == (one == other)


@given(context=contexts)
def test_a_context_is_read_back_from_its_associated_data_in_one_way(context: SealContext) -> None:
    """A parser of the format gets back what went in: so the format has no second reading."""
    rest = context.aad().decode().removeprefix("recordsvault/seal/v1")

    def text() -> str:
        nonlocal rest
        length, _, rest = rest.removeprefix("|").partition(":")
        part, rest = rest[: int(length)], rest[int(length) :]
        return part

    institution, customer, record = text(), text(), text()
    number, _, rest = rest.removeprefix("|").partition("|")
    assert SealContext(institution, customer, record, int(number), text()) == context
    assert rest == ""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(context=contexts)
def test_a_sealed_value_opens_in_no_context_but_its_own(
    opened: Opened, context: SealContext
) -> None:
    key, seal, unseal = opened
    with pytest.raises(SealBroken):
        unseal(key, seal(key, TEXT, CONTEXT), context)


def test_another_customers_key_does_not_open(keys: Keys, ring: KeyRing, branch: Branch) -> None:
    key, seal, unseal = of(keys, ring, branch, ALICE)
    others, _, _ = of(keys, ring, branch, BOB)
    sealed = seal(key, TEXT, CONTEXT)
    with pytest.raises(SealBroken):
        unseal(others, sealed, CONTEXT)
    relabelled = sealed[:2] + others.key_id + sealed[HEADER_BYTES:]
    with pytest.raises(SealBroken):
        unseal(others, relabelled, CONTEXT)
    with pytest.raises(SealBroken):
        unseal(key, relabelled, CONTEXT)


def test_another_scopes_key_of_the_same_customer_does_not_open(
    keys: Keys, ring: KeyRing, branch: Branch
) -> None:
    key, seal, unseal = of(keys, ring, branch, ALICE)
    year, _, _ = of(keys, ring, branch, dataclasses.replace(ALICE, scope="transactions/2026"))
    sealed = seal(key, TEXT, CONTEXT)
    with pytest.raises(SealBroken):
        unseal(year, sealed[:2] + year.key_id + sealed[HEADER_BYTES:], CONTEXT)


def test_nothing_is_sealed_for_another_customer_than_the_keys_own(opened: Opened) -> None:
    key, seal, _ = opened
    for move in ("another customer", "another institution"):
        with pytest.raises(ValueError, match="another customer"):
            seal(key, TEXT, dataclasses.replace(CONTEXT, **MOVES[move]))


def test_the_two_branches_do_not_open_each_others_values(keys: Keys, ring: KeyRing) -> None:
    full, masked = keys.full(ring, ALICE), keys.masked(ring, ALICE)
    record, view = seal_full(full, TEXT, CONTEXT), seal_masked(masked, TEXT, CONTEXT)
    for unseal, key, sealed in (
        (open_full, masked, record),
        (open_masked, full, view),
        (open_masked, masked, record),
        (open_full, full, view),
        (open_masked, full, record),
        (open_full, masked, view),
        (open_masked, masked, masked.header + record[HEADER_BYTES:]),
        (open_full, full, full.header + view[HEADER_BYTES:]),
    ):
        confused: Any = unseal
        with pytest.raises(SealBroken):
            confused(key, sealed, CONTEXT)


@pytest.mark.parametrize("length", [0, 4, 28, 32, 64])
def test_a_wrapped_data_key_never_passes_for_a_text_nor_a_text_for_a_key(
    keys: Keys, ring: KeyRing, length: int
) -> None:
    full, masked = keys.full(ring, ALICE), keys.masked(ring, ALICE)
    record = seal_full(full, TEXT, CONTEXT)
    confused: Any = open_masked
    with pytest.raises(SealBroken):
        confused(full, record[: HEADER_BYTES + 60], CONTEXT)
    confused = open_full
    with pytest.raises(SealBroken):
        confused(masked, seal_masked(masked, bytes(length), CONTEXT), CONTEXT)


def test_a_record_is_never_sealed_under_the_other_branchs_key(keys: Keys, ring: KeyRing) -> None:
    full: Any = keys.full(ring, ALICE)
    masked: Any = keys.masked(ring, ALICE)
    with pytest.raises(TypeError):
        seal_full(masked, TEXT, CONTEXT)
    with pytest.raises(TypeError):
        seal_masked(full, TEXT, CONTEXT)


def test_a_data_key_is_made_for_one_message_and_wiped_after_opening(
    keys: Keys, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = keys.full(ring, ALICE)
    sealed = [seal_full(key, TEXT, CONTEXT) for _ in range(100)]
    wiped: list[bytearray] = []
    seen: list[bytes] = []

    def watch(material: bytearray) -> None:
        seen.append(bytes(material))
        material[:] = bytes(len(material))
        wiped.append(material)

    monkeypatch.setattr("vault.sealing.sealed.wipe", watch)
    for value in sealed:
        open_full(key, value, CONTEXT)
    assert len(set(seen)) == 100
    assert all(not any(material) for material in wiped)
    with pytest.raises(SealBroken):
        open_full(key, sealed[0][:-1] + bytes((sealed[0][-1] ^ 1,)), CONTEXT)
    assert len(wiped) == 101


def test_a_failure_to_open_says_the_same_whatever_the_cause(opened: Opened) -> None:
    key, seal, unseal = opened
    sealed = seal(key, TEXT, CONTEXT)
    said = set()
    for changed in (b"", sealed[:30], sealed[:-1], os.urandom(len(sealed)), sealed + b"\0"):
        with pytest.raises(SealBroken) as refused:
            unseal(key, changed, CONTEXT)
        said.add(str(refused.value))
        assert refused.value.__cause__ is None
    assert len(said) == 1


@pytest.mark.parametrize("kind", [FullFileKey, MaskedFileKey])
def test_a_file_key_is_made_by_nothing_but_the_key_ring(kind: Any) -> None:
    with pytest.raises(TypeError, match="key ring only"):
        kind(object(), ALICE, bytes(16), bytearray(b"\x01" + bytes(32)))
