"""What trading a value at once costs: one law per instrument, read and compiled as it stands."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from riskkit.compiled import Integers, Matrix, Real, Vector, Whole, inlined
from riskkit.errors import InputError

FLAT, LINEAR, SQUARE_ROOT, LADDER = range(4)


class SlippageLaw(StrEnum):
    """How the cost of a close-out, as a fraction of its value, grows with that value."""

    FLAT = "flat"
    LINEAR = "linear"
    SQUARE_ROOT = "square-root"
    LADDER = "ladder"


@dataclass(frozen=True)
class Slippage:
    """Cost of trading a value Q at once, as a fraction of Q; never more than 1.

    ``FLAT``         rate
    ``LINEAR``       rate * Q / depth
    ``SQUARE_ROOT``  rate * sqrt(Q / depth)
    ``LADDER``       linear between the levels (value, cost), level from 0 to the first; beyond the
                     last level it grows on with the slope of the last two

    Attributes
    ----------
    rate : float
    depth : float
        Value at which a linear or square-root cost equals the rate, in money.
    ladder : tuple of (value, cost)
        Measured average cost at increasing values; costs must not fall.
    """

    law: SlippageLaw = SlippageLaw.FLAT
    rate: float = 0.0
    depth: float = 1.0
    ladder: tuple[tuple[float, float], ...] = ()

    def cost(self, value: float) -> float:
        """Fraction lost when ``value`` is traded at once."""
        return float(trading_cost(0, value, slippage_numbers(self)))


class Liquidity(NamedTuple):
    """Cost of a trade by instrument, shape (instruments,) where nothing else is said.

    Attributes
    ----------
    law : ndarray of int
        FLAT, LINEAR, SQUARE_ROOT or LADDER; see `Slippage`.
    rate : ndarray
        Fraction of the value: the cost itself, or the cost at ``depth``.
    depth : ndarray
        In money.
    ladder : ndarray (levels, 2)
        Values and costs of all ladders, one instrument after another.
    first : ndarray (instruments + 1,) of int
        Row of ``ladder`` at which an instrument's begins.
    """

    law: Integers
    rate: Vector
    depth: Vector
    ladder: Matrix
    first: Integers


@inlined
def trading_cost(i: Whole, value: Real, liquidity: Liquidity) -> Real:
    """Fraction lost when ``value``, in money, of instrument ``i`` is traded at once; at most 1."""
    law = liquidity.law[i]
    cost: float = liquidity.rate[i]
    if law == LINEAR:
        cost = cost * value / liquidity.depth[i]
    elif law == SQUARE_ROOT:
        cost = cost * math.sqrt(value / liquidity.depth[i])
    elif law == LADDER:
        ladder, begin, end = liquidity.ladder, liquidity.first[i], liquidity.first[i + 1]
        cost = ladder[begin, 1]
        if value > ladder[begin, 0] and end - begin > 1:
            n = begin + 1
            while n < end - 1 and ladder[n, 0] < value:
                n += 1
            slope = (ladder[n, 1] - ladder[n - 1, 1]) / (ladder[n, 0] - ladder[n - 1, 0])
            cost = ladder[n - 1, 1] + slope * (value - ladder[n - 1, 0])
    return min(cost, 1.0)


def slippage_numbers(slippage: Slippage) -> Liquidity:
    """The slippage of one instrument as numbers."""
    codes = {
        SlippageLaw.FLAT: FLAT,
        SlippageLaw.LINEAR: LINEAR,
        SlippageLaw.SQUARE_ROOT: SQUARE_ROOT,
        SlippageLaw.LADDER: LADDER,
    }
    return Liquidity(
        np.array([codes[slippage.law]]),
        np.array([slippage.rate], dtype=np.float64),
        np.array([slippage.depth], dtype=np.float64),
        np.array(slippage.ladder, dtype=np.float64).reshape(-1, 2),
        np.array([0, len(slippage.ladder)]),
    )


def check_slippage(slippage: Slippage) -> None:
    """Refuse a rate or depth that cannot be, and a ladder that falls.

    Raises
    ------
    InputError
    """
    if not 0.0 <= slippage.rate < 1.0:
        rule = "must lie in [0, 1)"
        raise InputError("slippage.rate", slippage.rate, rule, "Write 30 bps as 0.003")
    if not slippage.depth > 0.0:
        raise InputError("slippage.depth", slippage.depth, "must be positive", "Give it in money")
    if slippage.law is not SlippageLaw.LADDER:
        return
    ladder = slippage.ladder
    steps = itertools.pairwise(ladder)
    rising = all(a[0] < b[0] and a[1] <= b[1] for a, b in steps)
    if not ladder or not rising or ladder[0][0] <= 0.0 or not 0.0 <= ladder[0][1] < 1.0:
        raise InputError(
            "slippage.ladder",
            ladder,
            "values must be positive and increase, costs must not fall",
            "Sort the levels by value and merge duplicates",
        )
