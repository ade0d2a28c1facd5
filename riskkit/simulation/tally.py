"""Sums over paths, from which every estimate is made.

Pieces of paths are tallied separately and added up in their order, so that the number of threads
changes nothing, not even a rounding.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import reduce

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


class TriggerColumn(IntEnum):
    """Sums over triggered paths, w the weight at the trigger and t its bar."""

    WEIGHT = 0
    WEIGHT_2 = 1
    TIME = 2  # w t
    TIME_CROSS = 3  # w^2 t
    TIME_2 = 4  # w^2 t^2


class DefaultColumn(IntEnum):
    """Sums over defaulted paths, w the weight at execution; and over unfair triggers."""

    WEIGHT = 0
    WEIGHT_2 = 1
    CROSS = 2  # w times the weight at the trigger
    LOSS = 3  # w loss
    LOSS_2 = 4  # w^2 loss^2
    LOSS_CROSS = 5  # w^2 loss
    UNFAIR = 6
    UNFAIR_2 = 7


TRIGGER_COLUMNS, DEFAULT_COLUMNS = len(TriggerColumn), len(DefaultColumn)


@dataclass(frozen=True)
class Tally:
    """What a run of paths added up to, for K positions and D lags.

    Attributes
    ----------
    paths, failed : int
        Paths simulated, and those with a price that is not finite, which enter no sum.
    tilted : bool
        Whether paths carry weights; without them every weight is 1.
    hits : ndarray (K, D) of int
        Paths that defaulted.
    times : ndarray (K, 3) of int
        Paths that were triggered, and the sums of their trigger bars and of the squares.
    triggers : ndarray (K, TRIGGER_COLUMNS) or None
    defaults : ndarray (K, D, DEFAULT_COLUMNS) or None
        None where only counts were asked for.
    """

    paths: int
    failed: int
    tilted: bool
    hits: Counts
    times: Counts
    triggers: Array | None = None
    defaults: Array | None = None

    @property
    def valid(self) -> int:
        """Paths that did not fail."""
        return self.paths - self.failed

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.paths + other.paths,
            self.failed + other.failed,
            self.tilted,
            self.hits + other.hits,
            self.times + other.times,
            None if self.triggers is None or other.triggers is None
            else self.triggers + other.triggers,
            None if self.defaults is None or other.defaults is None
            else self.defaults + other.defaults,
        )  # fmt: skip

    @classmethod
    def total(cls, pieces: Iterable[Tally]) -> Tally:
        """Sum of pieces, in their order."""
        return reduce(cls.__add__, pieces)

    def trigger(self, column: TriggerColumn) -> Array:
        """One column over triggered paths, shape (K,)."""
        if self.triggers is not None:
            return self.triggers[:, column]
        counts = {
            TriggerColumn.WEIGHT: 0,
            TriggerColumn.WEIGHT_2: 0,
            TriggerColumn.TIME: 1,
            TriggerColumn.TIME_CROSS: 1,
            TriggerColumn.TIME_2: 2,
        }
        return self.times[:, counts[column]].astype(np.float64)

    def default(self, column: DefaultColumn) -> Array:
        """One column over defaulted paths, shape (K, D)."""
        if self.defaults is not None:
            return self.defaults[:, :, column]
        if column in (DefaultColumn.WEIGHT, DefaultColumn.WEIGHT_2, DefaultColumn.CROSS):
            return self.hits.astype(np.float64)
        raise LookupError(f"{column.name} was not tallied: only counts were asked for")
