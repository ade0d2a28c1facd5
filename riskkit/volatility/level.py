"""The level of a forecast over a horizon, corrected by its own record.

A forecast that is right for the next bar may be wrong by half over a week of hours: persistence is
estimated too high, and levels decline for years. The record says by how much: the trailing ratio of
realised to predicted variance over forecasts that are complete,

    g[t] = sum w y / sum w f,    the weight w halving every 180 days,    .3 <= g <= 2.

It is bounded, so that a forecast is corrected and never replaced.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError

Array = npt.NDArray[np.float64]

HALF_LIFE_DAYS = 180.0
BOUNDS = (0.3, 2.0)
FEWEST = 10
"""Horizons that must have passed, and one half-life, before a record corrects anything."""


@dataclass(frozen=True)
class LevelRecord:
    """What became of a model's forecasts over one horizon.

    Attributes
    ----------
    bars : int
        The horizon.
    factor : float
        g today: realised over predicted variance, weighted and bounded; 1 on too short a record.
    ratio : float
        The same over all forecasts, unweighted and unbounded; NaN without one.
    corrected_ratio : float
        The same once each forecast was corrected by the factor of its own day.
    forecasts : int
        Complete ones; they overlap.
    factors : ndarray, shape (n,)
        g at every origin, from what was complete by then.
    """

    bars: int
    factor: float
    ratio: float
    corrected_ratio: float
    forecasts: int
    factors: Array = field(repr=False)


def level_record(
    predicted: npt.ArrayLike, squares: npt.ArrayLike, *, bars: int, half_life: float
) -> LevelRecord:
    """The record of variance forecasts over a horizon, and the factor that it gives.

    Parameters
    ----------
    predicted : array_like, shape (n,)
        Expected variance over the ``bars`` bars after each of n origins in a row.
    squares : array_like, shape (n,) or (n - 1,)
        Squared move (or another measure of variance) of the bar after each origin; that of the
        last may be still to come.
    bars : int
    half_life : float
        Bars after which a forecast counts half.

    Raises
    ------
    InputError
        If a forecast is not positive, the shapes do not fit, or the horizon or half-life is not
        positive.

    Examples
    --------
    >>> import numpy as np
    >>> record = level_record(np.full(400, 2.0), np.ones(400), bars=1, half_life=100.0)
    >>> record.factor, record.ratio
    (0.5, 0.5)
    """
    f, y = np.asarray(predicted, dtype=np.float64), np.asarray(squares, dtype=np.float64)
    fits = f.ndim == y.ndim == 1 and y.size in (f.size, f.size - 1)
    if not fits or not (f > 0.0).all() or not (y >= 0.0).all():
        raise InputError(
            "predicted", f.shape, "must be positive, one for each square", "Give one an origin"
        )
    if bars < 1 or not half_life > 0.0:
        raise InputError("bars", bars, "must be at least 1, and half_life positive", "Try 1")
    n = f.size
    total = np.concatenate([[0.0], np.cumsum(y)])
    came = total[bars:] - total[: max(y.size + 1 - bars, 0)]  # over the horizon after each origin
    kept, low, high = 0.5 ** (1.0 / half_life), *BOUNDS
    factors = np.ones(n)
    above, below = 0.0, 0.0
    begin = max(FEWEST * bars, half_life)
    made, seen = f.tolist(), came.tolist()
    for t in range(bars, n):  # the forecast of origin t - bars is complete at origin t
        above = kept * above + seen[t - bars]
        below = kept * below + made[t - bars]
        if t >= begin:
            factors[t] = min(max(above / below, low), high)
    done = came.size
    if done == 0:
        return LevelRecord(bars, 1.0, np.nan, np.nan, 0, factors)
    return LevelRecord(
        bars=bars,
        factor=float(factors[-1]),
        ratio=float(came.sum() / f[:done].sum()),
        corrected_ratio=float(came.sum() / (f[:done] * factors[:done]).sum()),
        forecasts=done,
        factors=factors,
    )
