"""Generators that nobody chose: each is the first point that a stated text hashes to.

Nobody knows a relation between them, which is what commitments and proofs rest on. A trusted
set-up is not needed: who doubts them makes them again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from riskkit.zero_knowledge.curve import Points, parse_x

DOMAIN = b"riskkit margin proof 1"


@dataclass(frozen=True)
class Generators:
    """What a proof over a number of bits is written in.

    Attributes
    ----------
    value, blinding : Points
        Of the commitments: a number times the first plus a blinding factor times the second.
    product : Points
        Of the inner product.
    left, right : Points
        One of each for a bit.
    """

    value: Points
    blinding: Points
    product: Points
    left: Points
    right: Points


def hash_to_point(label: bytes, number: int) -> Points:
    """The point of a label and number: the first x on the curve, with an even y.

    x is SHA-256 of the domain, the label, the number and a counter from 0 (a byte of length before
    each text, four bytes for each number, big-endian), read as a coordinate. About every second x
    has a point. All of it is public, so that the time it takes gives nothing away.
    """
    return Points(_raw(label, number)[None, :])


@lru_cache(maxsize=2)
def generators(bits: int) -> Generators:
    """Generators for a proof over ``bits`` bits."""
    return Generators(
        value=hash_to_point(b"value", 0),
        blinding=hash_to_point(b"blinding", 0),
        product=hash_to_point(b"product", 0),
        left=_row(b"left", bits),
        right=_row(b"right", bits),
    )


def _row(label: bytes, count: int) -> Points:
    return Points(np.array([_raw(label, i) for i in range(count)], np.uint8).reshape(-1, 64))


def _raw(label: bytes, number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    start = b"".join(bytes([len(text)]) + text for text in (DOMAIN, label))
    start += number.to_bytes(4, "big")
    counter = 0
    while True:
        found = parse_x(hashlib.sha256(start + counter.to_bytes(4, "big")).digest())
        if found is not None:
            return found
        counter += 1
