"""The hash chain: published vectors, and every way to tamper with it."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vault.audit.chain import (
    EMPTY,
    GENESIS,
    ChainBroken,
    Head,
    StoredEvent,
    extend,
    leaf_hash,
    verify,
)


def build(leaves: list[bytes]) -> list[StoredEvent]:
    chain, stored = GENESIS, []
    for position, leaf in enumerate(leaves, start=1):
        chain = extend(chain, leaf)
        stored.append(StoredEvent(position, position * 10, leaf, chain))
    return stored


def test_leaf_hashes_are_those_of_certificate_transparency() -> None:
    """The leaf hashes of the test tree of google/certificate-transparency (Apache-2.0),
    merkletree tests: the empty leaf and the one-byte leaf 00."""
    assert leaf_hash(b"").hex() == (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )
    assert leaf_hash(b"\x00").hex() == (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
    )


def test_the_chain_is_what_the_docstring_says() -> None:
    inner = sha256(b"\x00" + b"leaf").digest()
    assert extend(GENESIS, b"leaf") == sha256(b"\x02" + bytes(32) + inner).digest()


leaves = st.lists(st.binary(max_size=12), min_size=1, max_size=12)


@given(leaves)
def test_an_untouched_log_verifies_whole_and_from_any_point(data: list[bytes]) -> None:
    stored = build(data)
    end = verify(stored)
    assert end == Head(len(stored), stored[-1].chain, stored[-1].recorded_at)
    for cut in range(len(stored)):
        assert verify(stored[cut:], verify(stored[:cut])) == end
    assert verify([]) == EMPTY


@given(leaves, st.data())
def test_an_edited_leaf_is_found_at_its_position(data: list[bytes], draw: st.DataObject) -> None:
    stored = build(data)
    at = draw.draw(st.integers(0, len(stored) - 1))
    other = draw.draw(st.binary(max_size=12))
    assume(other != stored[at].leaf)
    stored[at] = replace(stored[at], leaf=other)
    with pytest.raises(ChainBroken) as caught:
        verify(stored)
    assert caught.value.position == at + 1


@given(leaves, st.data())
def test_an_edited_leaf_with_its_chain_value_made_anew_is_found_at_the_next(
    data: list[bytes], draw: st.DataObject
) -> None:
    stored = build(data)
    assume(len(stored) > 1)
    at = draw.draw(st.integers(0, len(stored) - 2))
    before = stored[at - 1].chain if at else GENESIS
    leaf = stored[at].leaf + b"!"
    stored[at] = replace(stored[at], leaf=leaf, chain=extend(before, leaf))
    with pytest.raises(ChainBroken) as caught:
        verify(stored)
    assert caught.value.position == at + 2


TAMPER: dict[str, Callable[[list[StoredEvent]], list[StoredEvent]]] = {
    "deleted": lambda s: s[:2] + s[3:],
    "deleted and renumbered": lambda s: (
        s[:2] + [replace(e, position=e.position - 1) for e in s[3:]]
    ),
    "first deleted": lambda s: s[1:],
    "exchanged": lambda s: [s[0], s[2], s[1], *s[3:]],
    "exchanged in place": lambda s: [
        s[0],
        replace(s[2], position=2),
        replace(s[1], position=3),
        *s[3:],
    ],
    "doubled": lambda s: [*s[:2], s[1], *s[2:]],
    "put back in time": lambda s: [*s[:3], replace(s[3], recorded_at=s[2].recorded_at - 1), *s[4:]],
    "another chain value": lambda s: [*s[:4], replace(s[4], chain=bytes(32))],
}


@pytest.mark.parametrize("how", TAMPER)
def test_a_tampered_log_does_not_verify(how: str) -> None:
    stored = build([b"a", b"b", b"c", b"d", b"e"])
    verify(stored)
    with pytest.raises(ChainBroken):
        verify(TAMPER[how](stored))
