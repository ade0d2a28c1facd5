"""The one number with an error: a simulated value, or an array of them, with its interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from statistics import NormalDist
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[np.float64]
Number = TypeVar("Number")


@dataclass(frozen=True)
class Estimate(Generic[Number]):
    """A number, or an array of them, with its error; all arrays have one shape.

    Attributes
    ----------
    value : float or ndarray
        The estimate; where ``bound`` is True the upper bound.
    error : float or ndarray
        Its Monte-Carlo standard error; infinite where it is a bound.
    low, high : float or ndarray
        Ends of the interval. For a recommendation they join the Monte-Carlo error and the spread
        over bootstrap refits; else they hold the Monte-Carlo error alone.
    level : float
        Probability that the interval is meant to have: 0.95, or 0.90 for a recommendation.
    hits : int or ndarray of int
        Paths behind it; 0 where it is no count.
    effective : float or ndarray
        Effective sample size, (sum w)^2 / sum w^2 over the hits; the hits themselves for plain
        paths; 0 where it is no count.
    tilted, bound : bool or ndarray of bool
        Whether it rests on weighted paths; whether no path hit and it is an upper bound.
    paths, failed : int
        Paths simulated in the run it rests on, and paths that failed; 0 if it is not of one run.
    """

    value: Number
    error: Number
    low: Number
    high: Number
    level: float = 0.95
    hits: Any = 0
    effective: Any = 0.0
    tilted: Any = False
    bound: Any = False
    paths: int = 0
    failed: int = 0

    @classmethod
    def normal(
        cls, value: float, error: float, *, level: float = 0.95, paths: int = 0
    ) -> Estimate[float]:
        """An estimate whose error is normal: the interval is symmetric."""
        half = _deviations(level) * error
        return Estimate(value, error, value - half, value + half, level, paths=paths)

    def __getitem__(self, where: Any) -> Estimate[Number]:
        """The estimates of some cells."""
        return self._map(lambda a: a[where])

    def __float__(self) -> float:
        return float(self.value)  # type: ignore[arg-type]

    def where(self, keep: npt.NDArray[np.bool_], other: Estimate[Number]) -> Estimate[Number]:
        """Keep these cells where ``keep``, take the other's elsewhere."""
        arrays: dict[str, Any] = {
            n: np.where(keep, getattr(self, n), getattr(other, n)) for n in _ARRAYS
        }
        return replace(self, **arrays, failed=max(self.failed, other.failed))

    def spread(self, shape: tuple[int, int]) -> Estimate[Number]:
        """An estimate (K,) repeated along a second axis."""
        return self._map(lambda a: np.broadcast_to(a[:, None], shape))

    def beside(self, others: Sequence[Estimate[Number]]) -> Estimate[Number]:
        """Estimates of one shape side by side, along a new last axis."""
        arrays: dict[str, Any] = {
            n: np.stack([np.asarray(getattr(e, n)) for e in (self, *others)], axis=-1)
            for n in _ARRAYS
        }
        return replace(self, **arrays, failed=max(e.failed for e in (self, *others)))

    def shift(self, by: npt.NDArray[np.int64]) -> Estimate[Number]:
        """The estimate of the same quantity plus a constant."""
        ends = {name: getattr(self, name) + by for name in ("value", "low", "high")}
        return replace(self, **ends)

    def series(self) -> pd.Series:
        """A single estimate as a labelled column, for a notebook."""
        return pd.Series({f.name: np.asarray(getattr(self, f.name)).item() for f in fields(self)})

    def _map(self, change: Callable[[Any], Any]) -> Estimate[Number]:
        arrays: dict[str, Any] = {n: np.asarray(change(getattr(self, n))) for n in _ARRAYS}
        return replace(self, **arrays)


@cache
def _deviations(level: float) -> float:
    """Standard deviations of a normal on either side of its mean that hold a probability."""
    return NormalDist().inv_cdf(0.5 + level / 2.0)


_ARRAYS = ("value", "error", "low", "high", "hits", "effective", "tilted", "bound")
