"""Pedersen commitments: a number is fixed and hidden, and commitments add as their numbers do.

``v * G + r * H`` with a secret, uniform r says nothing about v, whatever the computer; to open it
to another v is to know the relation between G and H, which nobody does.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from riskkit.errors import InputError
from riskkit.zero_knowledge.curve import ORDER, Points, sum_of, weighted_sum
from riskkit.zero_knowledge.generators import generators


def draw_scalar() -> int:
    """A secret scalar in 1 ... order - 1, from the operating system's source."""
    return 1 + secrets.randbelow(ORDER - 1)


@dataclass(frozen=True)
class SecretBook:
    """What opens a row of commitments; none of it is ever shown.

    Attributes
    ----------
    values : tuple of int
        Signed.
    blindings : tuple of int
        Scalars.
    """

    values: tuple[int, ...] = field(repr=False)
    blindings: tuple[int, ...] = field(repr=False)

    @classmethod
    def of(cls, values: Sequence[int]) -> SecretBook:
        """Values with blinding factors drawn for them."""
        return cls(tuple(values), tuple(draw_scalar() for _ in values))

    def __len__(self) -> int:
        return len(self.values)

    def commitments(self) -> Points:
        """The commitments that this opens, in the same order.

        Examples
        --------
        >>> one, other = SecretBook.of([3, -5]), SecretBook.of([4, 1])
        >>> both = one.plus(other)
        >>> both.values
        (7, -4)
        >>> added = add_commitments(one.commitments(), other.commitments())
        >>> added.encode() == both.commitments().encode()
        True
        """
        base = generators(0)
        pair = Points.joined((base.value, base.blinding))
        found = []
        for value, blinding in zip(self.values, self.blindings, strict=True):
            point = weighted_sum(pair, (value, blinding))
            assert point is not None  # zero with probability 2^-256
            found.append(point)
        return Points.joined(found)

    def plus(self, other: SecretBook) -> SecretBook:
        """What opens the sum of both rows of commitments."""
        pairs = list(zip(self.values, other.values, strict=True))
        factors = zip(self.blindings, other.blindings, strict=True)
        return SecretBook(
            tuple(a + b for a, b in pairs), tuple((a + b) % ORDER for a, b in factors)
        )


def add_commitments(one: Points, other: Points) -> Points:
    """Commitments to the sums, from two rows of commitments; nothing needs to be opened.

    Raises
    ------
    InputError
        If the rows differ in length, or two commitments cancel.
    """
    if len(one) != len(other):
        rule = f"must hold {len(one)} commitments, as many as the other"
        raise InputError("commitments", len(other), rule, "Use files of the same scenario set")
    sums = [sum_of(Points.joined((one[i : i + 1], other[i : i + 1]))) for i in range(len(one))]
    found = [point for point in sums if point is not None]
    if len(found) < len(sums):
        rule = "must not cancel: a commitment to nothing hides nothing"
        raise InputError("commitments", "two of them", rule, "Commit to the change anew")
    return Points.joined(found)
