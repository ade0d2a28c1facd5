"""The tree over a night's markets."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.fleet.merkle import check_inclusion, market_leaf, merkle_root, prove_inclusion

# The reference tree of Certificate Transparency (google/certificate-transparency,
# cpp/merkletree/merkle_tree_test.cc): its eight inputs and the root of all of them.
REFERENCE = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
REFERENCE_ROOT = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def _recursive(leaves: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1, word for word: split at the largest power of two below n."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + _recursive(leaves[:k]) + _recursive(leaves[k:])).digest()


def test_the_reference_tree_has_its_published_root() -> None:
    assert merkle_root(REFERENCE).hex() == REFERENCE_ROOT


@given(st.lists(st.binary(max_size=8), max_size=40))
def test_the_root_is_that_of_the_definition(leaves: list[bytes]) -> None:
    assert merkle_root(leaves) == _recursive(leaves)


@given(st.integers(1, 70), st.randoms())
def test_every_leaf_is_proved_and_nothing_else(size: int, chance: random.Random) -> None:
    leaves = [bytes([i]) for i in range(size)]
    root = merkle_root(leaves)
    index = chance.randrange(size)
    proof = prove_inclusion(leaves, index)
    assert check_inclusion(leaves[index], proof, root)
    assert not check_inclusion(b"another", proof, root)
    assert not check_inclusion(leaves[index], proof, merkle_root([*leaves, b"more"]))
    if proof.path:
        assert not check_inclusion(leaves[index], replace(proof, path=proof.path[1:]), root)
    longer = replace(proof, path=(*proof.path, root))
    assert not check_inclusion(leaves[index], longer, root)


def test_one_market_in_two_thousand() -> None:
    leaves = [market_leaf(f"market-{i}", f"{i:064x}") for i in range(2000)]
    proof = prove_inclusion(leaves, 1234)
    assert len(proof.path) == 11
    assert check_inclusion(market_leaf("market-1234", f"{1234:064x}"), proof, merkle_root(leaves))


def test_a_leaf_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="below 8"):
        prove_inclusion(REFERENCE, 8)
