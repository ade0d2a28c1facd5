"""One root over a night's markets, and a proof that a market is among them.

The tree of RFC 9162 (Certificate Transparency 2.0, section 2.1) over SHA-256: leaves and nodes are
hashed with different prefixes, so that no node passes for a leaf.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from riskkit.errors import InputError
from riskkit.parameters.jcs import canonical_bytes


@dataclass(frozen=True)
class Inclusion:
    """A proof that one leaf is in a tree.

    Attributes
    ----------
    index, size : int
        Place of the leaf, and number of leaves.
    path : tuple of bytes
        Hashes of the siblings on the way from the leaf to the root.
    """

    index: int
    size: int
    path: tuple[bytes, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        path = [node.hex() for node in self.path]
        return {"index": self.index, "size": self.size, "path": path}


def market_leaf(market: str, content_sha256: str) -> bytes:
    """What a night says of a market: its name with the digest of its parameter file, canonical."""
    return canonical_bytes({"market": market, "content_sha256": content_sha256})


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Root over leaves in their order; of none, SHA-256 of nothing."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    return _levels(leaves)[-1][0]


def prove_inclusion(leaves: Sequence[bytes], index: int) -> Inclusion:
    """The proof for the leaf at ``index``.

    Raises
    ------
    InputError
        If there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise InputError("index", index, f"must be below {len(leaves)}", "Choose a leaf")
    path, place = [], index
    for level in _levels(leaves)[:-1]:
        sibling = place ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        place >>= 1
    return Inclusion(index, len(leaves), tuple(path))


def check_inclusion(leaf: bytes, proof: Inclusion, root: bytes) -> bool:
    """Whether the proof leads from the leaf to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= proof.index < proof.size:
        return False
    node, place, last = _leaf(leaf), proof.index, proof.size - 1
    for sibling in proof.path:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = _node(sibling, node)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            node = _node(node, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and node == root


def _levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """Every level from the leaves to the root; a node without a sibling moves up as it is."""
    levels = [[_leaf(leaf) for leaf in leaves]]
    while len(levels[-1]) > 1:
        below = levels[-1]
        above = [_node(a, b) for a, b in zip(below[::2], below[1::2], strict=False)]
        levels.append(above + below[len(above) * 2 :])
    return levels


def _leaf(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
