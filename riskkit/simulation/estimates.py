"""Simulated numbers with their errors: plain counts, weighted sums, ratios, and bounds.

A plain count carries Wilson's interval; a weighted sum its standard error and effective sample
size. Ratios (default given liquidation, loss given default) take the delta method. No hit at all
gives an upper bound, never a zero: with n paths a probability is below 1 - 0.05^(1/n) at 95 %.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.simulation.tally import DefaultColumn, Tally, TriggerColumn

Array = npt.NDArray[np.float64]

CONFIDENCE_Z = 1.959963984540054


@dataclass(frozen=True)
class Estimate:
    """A simulated number, or an array of them; all arrays have one shape.

    Attributes
    ----------
    value : ndarray
        The estimate; where ``bound`` is True the 95 % upper bound.
    standard_error : ndarray
        Its Monte-Carlo standard error; infinite where it is a bound.
    low, high : ndarray
        95 % interval: Wilson's for plain probabilities, else value -/+ 1.96 standard errors.
    hits : ndarray of int
        Paths behind it.
    effective_sample_size : ndarray
        (sum w)^2 / sum w^2 over the hits; the hits themselves for plain paths.
    tilted, bound : ndarray of bool
        Whether it rests on weighted paths; whether no path hit and it is an upper bound.
    paths, failed, seed : int
        Paths simulated in the run it rests on, paths that failed, seed.
    """

    value: Array
    standard_error: Array
    low: Array
    high: Array
    hits: npt.NDArray[np.int64]
    effective_sample_size: Array
    tilted: npt.NDArray[np.bool_]
    bound: npt.NDArray[np.bool_]
    paths: int
    failed: int
    seed: int

    def __getitem__(self, where: Any) -> Estimate:
        """The estimates of some cells."""
        return self._map(lambda a: a[where])

    def __float__(self) -> float:
        return float(self.value)

    def where(self, keep: npt.NDArray[np.bool_], other: Estimate) -> Estimate:
        """Keep these cells where ``keep``, take the other's elsewhere."""
        arrays = {
            f.name: np.where(keep, getattr(self, f.name), getattr(other, f.name)) for f in _ARRAYS
        }
        failed = max(self.failed, other.failed)
        return Estimate(**arrays, paths=self.paths, failed=failed, seed=self.seed)

    def spread(self, shape: tuple[int, int]) -> Estimate:
        """An estimate (K,) repeated along a second axis."""
        return self._map(lambda a: np.broadcast_to(a[:, None], shape))

    def shift(self, by: npt.NDArray[np.int64]) -> Estimate:
        """The estimate of the same quantity plus a constant."""
        return replace(self, value=self.value + by, low=self.low + by, high=self.high + by)

    def series(self) -> pd.Series:
        """A single estimate as a labelled column, for a notebook."""
        return pd.Series({f.name: np.asarray(getattr(self, f.name)).item() for f in fields(self)})

    def _map(self, change: Callable[[Any], Any]) -> Estimate:
        arrays = {f.name: np.asarray(change(getattr(self, f.name))) for f in _ARRAYS}
        return Estimate(**arrays, paths=self.paths, failed=self.failed, seed=self.seed)


_ARRAYS = fields(Estimate)[:8]


def liquidation_probability(tally: Tally, seed: int) -> Estimate:
    """P(triggered within the horizon), shape (K,)."""
    hits = tally.times[:, 0]
    weight, square = tally.trigger(TriggerColumn.WEIGHT), tally.trigger(TriggerColumn.WEIGHT_2)
    return _probability(tally, weight, square, hits, seed)


def default_probability(tally: Tally, seed: int) -> Estimate:
    """P(default) per position over the horizon, shape (K, D)."""
    weight, square = tally.default(DefaultColumn.WEIGHT), tally.default(DefaultColumn.WEIGHT_2)
    return _probability(tally, weight, square, tally.hits, seed)


def unfair_probability(tally: Tally, seed: int) -> Estimate:
    """P(triggered by the oracle though not by the market), shape (K, D)."""
    weight, square = tally.default(DefaultColumn.UNFAIR), tally.default(DefaultColumn.UNFAIR_2)
    # Hits are not counted apart for unfair triggers; for plain paths the weights count them.
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = np.where(square > 0.0, weight**2 / square, 0.0)
    hits = np.rint(weight if not tally.tilted else effective).astype(np.int64)
    return _probability(tally, weight, square, hits, seed)


def default_given_liquidation(tally: Tally, seed: int) -> Estimate:
    """P(default | liquidation), shape (K, D)."""
    triggered = tally.trigger(TriggerColumn.WEIGHT)[:, None]
    squares = tally.trigger(TriggerColumn.WEIGHT_2)[:, None]
    weight, square = tally.default(DefaultColumn.WEIGHT), tally.default(DefaultColumn.WEIGHT_2)
    cross = tally.default(DefaultColumn.CROSS)
    value, error = _ratio(weight, triggered, square, cross, squares)
    trials = np.broadcast_to(tally.times[:, :1], weight.shape)
    return _interval(tally, value, error, tally.hits, weight, square, trials, seed)


def loss_given_default(tally: Tally, seed: int) -> Estimate:
    """Mean bad debt of the positions that default, a fraction of opening notional, (K, D)."""
    weight, square = tally.default(DefaultColumn.WEIGHT), tally.default(DefaultColumn.WEIGHT_2)
    loss, loss_2 = tally.default(DefaultColumn.LOSS), tally.default(DefaultColumn.LOSS_2)
    value, error = _ratio(loss, weight, loss_2, tally.default(DefaultColumn.LOSS_CROSS), square)
    return _mean(tally, value, error, tally.hits, weight, square, seed)


def expected_bad_debt(tally: Tally, seed: int) -> Estimate:
    """Mean bad debt per position opened, a fraction of opening notional, (K, D)."""
    n = tally.valid
    value = tally.default(DefaultColumn.LOSS) / n
    error = np.sqrt(np.maximum(tally.default(DefaultColumn.LOSS_2) / n - value**2, 0.0) / n)
    weight, square = tally.default(DefaultColumn.WEIGHT), tally.default(DefaultColumn.WEIGHT_2)
    return _mean(tally, value, error, tally.hits, weight, square, seed)


def time_to_liquidation(tally: Tally, seed: int) -> Estimate:
    """Mean bar of the first trigger, of the positions that are triggered, shape (K,)."""
    weight, square = tally.trigger(TriggerColumn.WEIGHT), tally.trigger(TriggerColumn.WEIGHT_2)
    value, error = _ratio(
        tally.trigger(TriggerColumn.TIME),
        weight,
        tally.trigger(TriggerColumn.TIME_2),
        tally.trigger(TriggerColumn.TIME_CROSS),
        square,
    )
    return _mean(tally, value, error, tally.times[:, 0], weight, square, seed)


def wilson(
    hits: npt.ArrayLike, trials: npt.ArrayLike, z: float = CONFIDENCE_Z
) -> tuple[Array, Array]:
    """Wilson's score interval of a proportion (Wilson 1927); (0, 1) where nothing was tried."""
    x, n = np.asarray(hits, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    n_safe = np.maximum(n, 1.0)
    p = x / n_safe
    centre = (p + z * z / (2.0 * n_safe)) / (1.0 + z * z / n_safe)
    half = z * np.sqrt(p * (1.0 - p) / n_safe + z * z / (4.0 * n_safe**2)) / (1.0 + z * z / n_safe)
    low, high = np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)
    return np.where(n > 0, low, 0.0), np.where(n > 0, high, 1.0)


def _ratio(
    top: Array, bottom: Array, top_2: Array, cross: Array, bottom_2: Array
) -> tuple[Array, Array]:
    """Ratio of sums and its standard error by the delta method."""
    safe = np.where(bottom > 0.0, bottom, 1.0)
    value = top / safe
    variance = np.maximum(top_2 - 2.0 * value * cross + value**2 * bottom_2, 0.0)
    return value, np.sqrt(variance) / safe


def _probability(
    tally: Tally, weight: Array, square: Array, hits: npt.NDArray[np.int64], seed: int
) -> Estimate:
    n = tally.valid
    value = weight / n
    error = np.sqrt(np.maximum(square / n - value**2, 0.0) / n)
    return _interval(tally, value, error, hits, weight, square, np.full(hits.shape, n), seed)


def _interval(
    tally: Tally,
    value: Array,
    error: Array,
    hits: npt.NDArray[np.int64],
    weight: Array,
    square: Array,
    trials: npt.NDArray[np.int64],
    seed: int,
) -> Estimate:
    """A probability with its interval, or its upper bound where nothing was hit."""
    low, high = value - CONFIDENCE_Z * error, value + CONFIDENCE_Z * error
    if not tally.tilted:
        low, high = wilson(hits, trials)
    none = hits == 0
    bound = 1.0 - 0.05 ** (1.0 / np.maximum(trials, 1))
    return Estimate(
        value=np.where(none, bound, value),
        standard_error=np.where(none, np.inf, error),
        low=np.where(none, 0.0, np.clip(low, 0.0, 1.0)),
        high=np.where(none, bound, np.clip(high, 0.0, 1.0)),
        hits=hits,
        effective_sample_size=_effective(weight, square),
        tilted=np.full(hits.shape, tally.tilted),
        bound=none,
        paths=tally.paths,
        failed=tally.failed,
        seed=seed,
    )


def _mean(
    tally: Tally,
    value: Array,
    error: Array,
    hits: npt.NDArray[np.int64],
    weight: Array,
    square: Array,
    seed: int,
) -> Estimate:
    """A mean over hits; without any it is unknown, not zero, and nothing bounds it."""
    none = hits == 0
    error = np.where(none, np.inf, error)
    return Estimate(
        value=np.where(none, np.inf, value),
        standard_error=error,
        low=np.where(none, 0.0, value - CONFIDENCE_Z * np.where(none, 0.0, error)),
        high=np.where(none, np.inf, value + CONFIDENCE_Z * np.where(none, 0.0, error)),
        hits=hits,
        effective_sample_size=_effective(weight, square),
        tilted=np.full(hits.shape, tally.tilted),
        bound=none,
        paths=tally.paths,
        failed=tally.failed,
        seed=seed,
    )


def _effective(weight: Array, square: Array) -> Array:
    return np.where(square > 0.0, weight**2 / np.where(square > 0.0, square, 1.0), 0.0)
