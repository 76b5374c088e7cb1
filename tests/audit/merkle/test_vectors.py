"""The tree against what others have published (vectors/rfc6962.json tells source and licence)."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.merkle_trees import nodes_of
from vault.audit.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "rfc6962.json").read_text()
)
LEAVES = [bytes.fromhex(leaf) for leaf in VECTORS["leaves"]]
ROOTS = [bytes.fromhex(root) for root in VECTORS["roots"]]


def hashes(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def name(vector: dict[str, Any]) -> str:
    return "-".join(str(value) for value in vector.values() if isinstance(value, int))


@pytest.mark.parametrize("size", range(9))
def test_the_root_of_every_published_size_is_reached(size: int) -> None:
    assert Frontier.empty().append(map(leaf_hash, LEAVES[:size])).root() == ROOTS[size]


def test_the_empty_tree_has_the_published_root() -> None:
    assert ROOTS[0] == EMPTY_ROOT


def test_every_published_node_is_reached() -> None:
    nodes = nodes_of(LEAVES)
    for level, row in enumerate(VECTORS["nodes"]):
        assert [nodes(level, index) for index in range(len(row))] == hashes(row)


@pytest.mark.parametrize("vector", VECTORS["inclusion"], ids=name)
def test_a_published_inclusion_proof_is_the_one_we_make_and_accept(vector: dict[str, Any]) -> None:
    index, size, proof = vector["index"], vector["size"], hashes(vector["proof"])
    assert inclusion_proof(index, size, nodes_of(LEAVES)) == proof
    verify_inclusion(leaf_hash(LEAVES[index]), index, size, proof, ROOTS[size])


@pytest.mark.parametrize("vector", VECTORS["consistency"], ids=name)
def test_a_published_consistency_proof_is_the_one_we_make_and_accept(
    vector: dict[str, Any],
) -> None:
    old, new, proof = vector["old_size"], vector["new_size"], hashes(vector["proof"])
    assert consistency_proof(old, new, nodes_of(LEAVES)) == proof
    verify_consistency(old, new, ROOTS[old], ROOTS[new], proof)
