"""A staked or wrapped token against what it stands for: a slow level, and noise around it.

The daily basis is mostly noise: a day's fall comes back, and the square root of time makes ten days
two to four times too wide, while the slow de-peg is missed. So the fall is measured from a smoothed
level, over each horizon by itself: what a holder can lose is that fall's quantile, scaled by its
own volatility, and what the token stands above its level today.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError

Array = npt.NDArray[np.float64]

FEWEST_DAYS = 250
DRAWS = 2_000


@dataclass(frozen=True)
class BasisSpec:
    """How a basis is forecast.

    Attributes
    ----------
    level_decay, volatility_decay : float
        Weight of a day's basis, and of its squared fall, against the day after.
    half_life : float
        Days after which a fall counts half.
    confidence : float
    """

    level_decay: float = 0.9
    volatility_decay: float = 0.97
    half_life: float = 250.0
    confidence: float = 0.99

    def __post_init__(self) -> None:
        for name in ("level_decay", "volatility_decay", "confidence"):
            value = getattr(self, name)
            if not 0.0 < value < 1.0:
                raise InputError(name, value, "must lie strictly between 0 and 1", "Use 0.9")
        if not self.half_life > 0.0:
            raise InputError("half_life", self.half_life, "must be positive", "Use 250 days")


@dataclass(frozen=True)
class BasisMargins:
    """What the basis can lose over each horizon, fractions of the value in the base.

    Attributes
    ----------
    walk : mapping of int to DataFrame
        By horizon in bars, indexed by origin: ``margin`` (known then), ``lost`` (that came).
    now : mapping of int to float
        From the last bar.
    variance_ratio : float
        Variance of five-bar changes over five times that of one: 1 for a random walk.
    autocorrelation : float
        Of one-bar changes.
    """

    spec: BasisSpec
    walk: dict[int, pd.DataFrame] = field(repr=False)
    now: dict[int, float]
    variance_ratio: float
    autocorrelation: float

    def exceptions(self, bars: int) -> tuple[int, int]:
        """Origins of a horizon, and those whose loss exceeded the margin."""
        rows = self.walk[bars]
        return len(rows), int((rows["lost"] > rows["margin"]).sum())

    def band(self, bars: int, *, seed: int = 0) -> tuple[int, int]:
        """95 % band of the exceptions by blocks of days, twice the horizon long: days overlap."""
        rows = self.walk[bars]
        hits = (rows["lost"] > rows["margin"]).to_numpy()
        block = min(2 * max(bars, 5), hits.size)
        rng = np.random.default_rng(seed)
        starts = rng.integers(0, hits.size - block + 1, (DRAWS, -(-hits.size // block)))
        rows_of = (starts[:, :, None] + np.arange(block)).reshape(DRAWS, -1)[:, : hits.size]
        low, high = np.quantile(hits[rows_of].sum(axis=1), [0.025, 0.975])
        return int(np.floor(low)), int(np.ceil(high))


def basis_of(price: pd.Series, base: pd.Series, rate: pd.Series | None = None) -> pd.Series:
    """Log of the price over what the token stands for: base, times the redemption rate if any.

    Raises
    ------
    InputError
        If they share too few bars, a number is not positive, or the rate falls.
    """
    parts = [price, base] if rate is None else [price, base, rate]
    both = parts[0].index
    for part in parts[1:]:
        both = both.intersection(part.index)
    if len(both) <= FEWEST_DAYS:
        rule = f"must share more than {FEWEST_DAYS} bars"
        raise InputError("prices", f"{len(both)} common bars", rule, "Give both on the same bars")
    for name, part in zip(("price", "base", "rate"), parts, strict=False):
        values = part.loc[both].to_numpy(dtype=np.float64)
        if not np.isfinite(values).all() or (values <= 0.0).any():
            raise InputError(name, float(values.min()), "must be positive", "Leave out such bars")
    if rate is not None:
        check_rate(rate.loc[both])
    worth = base.loc[both] if rate is None else base.loc[both] * rate.loc[both]
    return pd.Series(np.log(price.loc[both] / worth), index=both)


def check_rate(rate: pd.Series) -> None:
    """Refuse a redemption rate that falls: that is a slashing, and no history of a rate has it.

    Raises
    ------
    InputError
        Naming the first bar that is below the one before.
    """
    falls = np.flatnonzero(np.diff(rate.to_numpy(dtype=np.float64)) < 0.0)
    if falls.size:
        at = rate.index[falls[0] + 1]
        rule = "must not fall: a redemption rate accrues"
        remedy = "Correct it; a slashing that happened is a loss, to be named by itself"
        raise InputError("rate", f"{rate.iloc[falls[0] + 1]:.6g} at {at}", rule, remedy)


def basis_margins(
    basis: pd.Series, horizons: Sequence[int] = (1, 10, 30), spec: BasisSpec | None = None
) -> BasisMargins:
    """Walk a basis through history; each margin rests on what was known at its origin.

    Parameters
    ----------
    basis : Series
        Logs, a bar a day.
    horizons : sequence of int
        Bars.

    Raises
    ------
    InputError
        If the history is too short for a horizon.
    """
    spec, b = spec or BasisSpec(), basis.to_numpy(dtype=np.float64)
    if min(horizons) < 1 or len(b) <= FEWEST_DAYS + max(horizons):
        rule = f"must leave {FEWEST_DAYS} bars before the longest horizon, of 1 bar or more"
        raise InputError("basis", f"{len(b)} bars", rule, "Load a longer history")
    level = np.empty(len(b))
    level[0] = b[0]
    for t in range(1, len(b)):
        level[t] = spec.level_decay * level[t - 1] + (1.0 - spec.level_decay) * b[t]
    fall = level[:-1] - b[1:]
    variance = np.empty(len(b))
    variance[0] = float(np.mean(fall[:60] ** 2)) or 1e-12
    for t in range(1, len(b)):
        kept = spec.volatility_decay * variance[t - 1]
        variance[t] = kept + (1.0 - spec.volatility_decay) * fall[t - 1] ** 2
    sigma = np.sqrt(variance)
    walk, now = {}, {}
    for bars in horizons:
        shocks = (level[:-bars] - b[bars:]) / sigma[:-bars]
        margins = []
        for t in range(FEWEST_DAYS, len(b)):
            # Of the shocks, those whose horizon has ended by now.
            known = shocks[: t - bars + 1]
            age = np.arange(known.size - 1, -1, -1.0)
            reach = weighted_quantile(known, 0.5 ** (age / spec.half_life), spec.confidence)
            margins.append(reach * sigma[t] + b[t] - level[t])
        found = -np.expm1(-np.maximum(margins, 0.0))
        lost = -np.expm1(b[FEWEST_DAYS + bars :] - b[FEWEST_DAYS:-bars])
        walk[bars] = pd.DataFrame(
            {"margin": found[:-bars], "lost": lost}, index=basis.index[FEWEST_DAYS:-bars]
        )
        now[bars] = float(found[-1])
    step = np.diff(b)
    five = b[5:] - b[:-5]
    spread = float(step.var())
    return BasisMargins(
        spec,
        walk,
        now,
        float(five.var() / (5.0 * spread)) if spread > 0.0 else 1.0,
        float(np.corrcoef(step[1:], step[:-1])[0, 1]) if spread > 0.0 else 0.0,
    )


def weighted_quantile(values: Array, weights: Array, share: float) -> float:
    """The smallest value with a share of the weights at or below it."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    at = int(np.searchsorted(reached, share * reached[-1]))
    return float(values[order][min(at, values.size - 1)])


def pair_threshold(haircut: float, bonus: float) -> float:
    """Liquidation threshold of a loan of the base against the token: (1 - haircut)/(1 + bonus).

    Raises
    ------
    InputError
        Unless the haircut lies in [0, 1) and the bonus is not negative.
    """
    if not 0.0 <= haircut < 1.0 or bonus < 0.0:
        rule = "must be a haircut in [0, 1) and a bonus of 0 or more"
        raise InputError("haircut, bonus", (haircut, bonus), rule, "Use 0.03 and 0.01, say")
    return (1.0 - haircut) / (1.0 + bonus)
