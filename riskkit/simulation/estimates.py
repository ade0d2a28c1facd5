"""Simulated numbers with their errors: plain counts, weighted sums, ratios, and bounds.

A plain count carries Wilson's interval; a weighted sum its standard error and effective sample
size. Ratios (default given liquidation, loss given default) take the delta method. No hit at all
gives an upper bound, never a zero: with n paths a probability is below 1 - 0.05^(1/n) at 95 %.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from riskkit.estimate import Estimate
from riskkit.simulation.tally import DefaultColumn, Tally, TriggerColumn

Array = npt.NDArray[np.float64]

CONFIDENCE_Z = 1.959963984540054


def liquidation_probability(tally: Tally) -> Estimate[Array]:
    """P(triggered within the horizon), shape (K,)."""
    hits = tally.times[:, 0]
    weight, square = tally.trigger(TriggerColumn.WEIGHT), tally.trigger(TriggerColumn.WEIGHT_2)
    return _probability(tally, weight, square, hits)


def default_probability(tally: Tally) -> Estimate[Array]:
    """P(default) per position over the horizon, shape (K, D)."""
    weight, square = tally.default(DefaultColumn.WEIGHT), tally.default(DefaultColumn.WEIGHT_2)
    return _probability(tally, weight, square, tally.hits)


def unfair_probability(tally: Tally) -> Estimate[Array]:
    """P(triggered by the oracle though not by the market), shape (K, D)."""
    weight, square = tally.default(DefaultColumn.UNFAIR), tally.default(DefaultColumn.UNFAIR_2)
    # Hits are not counted apart for unfair triggers; for plain paths the weights count them.
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = np.where(square > 0.0, weight**2 / square, 0.0)
    hits = np.rint(weight if not tally.tilted else effective).astype(np.int64)
    return _probability(tally, weight, square, hits)


def default_given_liquidation(tally: Tally) -> Estimate[Array]:
    """P(default | liquidation), shape (K, D)."""
    triggered = tally.trigger(TriggerColumn.WEIGHT)[:, None]
    squares = tally.trigger(TriggerColumn.WEIGHT_2)[:, None]
    weight, square = tally.default(DefaultColumn.WEIGHT), tally.default(DefaultColumn.WEIGHT_2)
    cross = tally.default(DefaultColumn.CROSS)
    value, error = _ratio(weight, triggered, square, cross, squares)
    trials = np.broadcast_to(tally.times[:, :1], weight.shape)
    return _interval(tally, value, error, tally.hits, weight, square, trials)


def loss_given_default(tally: Tally) -> Estimate[Array]:
    """Mean bad debt of the positions that default, a fraction of opening notional, (K, D)."""
    weight, square = tally.default(DefaultColumn.WEIGHT), tally.default(DefaultColumn.WEIGHT_2)
    loss, loss_2 = tally.default(DefaultColumn.LOSS), tally.default(DefaultColumn.LOSS_2)
    value, error = _ratio(loss, weight, loss_2, tally.default(DefaultColumn.LOSS_CROSS), square)
    return _mean(tally, value, error, tally.hits, weight, square)


def expected_bad_debt(tally: Tally) -> Estimate[Array]:
    """Mean bad debt per position opened, a fraction of opening notional, (K, D)."""
    n = tally.valid
    value = tally.default(DefaultColumn.LOSS) / n
    error = np.sqrt(np.maximum(tally.default(DefaultColumn.LOSS_2) / n - value**2, 0.0) / n)
    weight, square = tally.default(DefaultColumn.WEIGHT), tally.default(DefaultColumn.WEIGHT_2)
    return _mean(tally, value, error, tally.hits, weight, square)


def time_to_liquidation(tally: Tally) -> Estimate[Array]:
    """Mean bar of the first trigger, of the positions that are triggered, shape (K,)."""
    weight, square = tally.trigger(TriggerColumn.WEIGHT), tally.trigger(TriggerColumn.WEIGHT_2)
    value, error = _ratio(
        tally.trigger(TriggerColumn.TIME),
        weight,
        tally.trigger(TriggerColumn.TIME_2),
        tally.trigger(TriggerColumn.TIME_CROSS),
        square,
    )
    return _mean(tally, value, error, tally.times[:, 0], weight, square)


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
    tally: Tally, weight: Array, square: Array, hits: npt.NDArray[np.int64]
) -> Estimate[Array]:
    n = tally.valid
    value = weight / n
    error = np.sqrt(np.maximum(square / n - value**2, 0.0) / n)
    return _interval(tally, value, error, hits, weight, square, np.full(hits.shape, n))


def _interval(
    tally: Tally,
    value: Array,
    error: Array,
    hits: npt.NDArray[np.int64],
    weight: Array,
    square: Array,
    trials: npt.NDArray[np.int64],
) -> Estimate[Array]:
    """A probability with its interval, or its upper bound where nothing was hit."""
    low, high = value - CONFIDENCE_Z * error, value + CONFIDENCE_Z * error
    if not tally.tilted:
        low, high = wilson(hits, trials)
    none = hits == 0
    bound = 1.0 - 0.05 ** (1.0 / np.maximum(trials, 1))
    return Estimate(
        value=np.where(none, bound, value),
        error=np.where(none, np.inf, error),
        low=np.where(none, 0.0, np.clip(low, 0.0, 1.0)),
        high=np.where(none, bound, np.clip(high, 0.0, 1.0)),
        hits=hits,
        effective=_effective(weight, square),
        tilted=np.full(hits.shape, tally.tilted),
        bound=none,
        paths=tally.paths,
        failed=tally.failed,
    )


def _mean(
    tally: Tally,
    value: Array,
    error: Array,
    hits: npt.NDArray[np.int64],
    weight: Array,
    square: Array,
) -> Estimate[Array]:
    """A mean over hits; without any it is unknown, not zero, and nothing bounds it."""
    none = hits == 0
    error = np.where(none, np.inf, error)
    return Estimate(
        value=np.where(none, np.inf, value),
        error=error,
        low=np.where(none, 0.0, value - CONFIDENCE_Z * np.where(none, 0.0, error)),
        high=np.where(none, np.inf, value + CONFIDENCE_Z * np.where(none, 0.0, error)),
        hits=hits,
        effective=_effective(weight, square),
        tilted=np.full(hits.shape, tally.tilted),
        bound=none,
        paths=tally.paths,
        failed=tally.failed,
    )


def _effective(weight: Array, square: Array) -> Array:
    return np.where(square > 0.0, weight**2 / np.where(square > 0.0, square, 1.0), 0.0)
