"""Order statistics near an end of a sample, without going through all of it more than once.

A tail at 99 % asks for the two hundredth smallest of twenty thousand numbers. Partitioning them
takes ten times as long as first leaving out what is surely too large, by a bound from every
sixteenth of them, and then looking at the few that are left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

STRIDE = 16
FEWEST = 4_000  # of so few numbers all are partitioned
WIDEST = 0.25  # share beyond which the bound leaves too little out
MARGIN = 4.0  # standard errors of the bound's own rank


def order_statistics(values: Array, ranks: Sequence[int]) -> Array:
    """The numbers at these ranks (0 is the smallest); those that are not numbers come last.

    The same as ``np.sort(values)[ranks]`` for any order of the values.
    """
    n = values.size
    if n >= FEWEST:
        if max(ranks) < WIDEST * n:
            few = values[values <= _bound(values[::STRIDE], (max(ranks) + 1) / n)]
            if few.size > max(ranks):
                return _partitioned(few, ranks)
        elif min(ranks) >= (1.0 - WIDEST) * n:
            # Asked so, what is no number is kept, and partitioned to the end.
            few = values[~(values < -_bound(-values[::STRIDE], (n - min(ranks)) / n))]
            left_out = n - few.size
            if left_out <= min(ranks):
                return _partitioned(few, [rank - left_out for rank in ranks])
    return _partitioned(values, ranks)


def _bound(sample: Array, share: float) -> float:
    """A number that most likely more than this share of what was sampled is not above."""
    m = sample.size
    wanted = m * share + MARGIN * math.sqrt(m * share * (1.0 - share)) + 2.0
    at = min(math.ceil(wanted), m - 1)
    return float(np.partition(sample, at)[at])


def _partitioned(values: Array, ranks: Sequence[int]) -> Array:
    return np.asarray(np.partition(values, ranks)[list(ranks)])
