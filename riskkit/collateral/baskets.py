"""Baskets as collateral: weights, what rebalancing costs, and the basket's own haircut.

Each basket is rebalanced every so many bars on a covariance of the bars before, and drifts between.
It is judged by its own tail out of sample, against equal weights and against the best single asset:
what minimises variance is often one asset under another name.

Sources: Ledoit & Wolf (2004) for the shrinkage; Maillard, Roncalli & Teiletche (2010) for equal
contributions to risk; Choueifaty & Coignard (2008) for the most diversified basket.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError

Array = npt.NDArray[np.float64]

EQUAL, INVERSE, PARITY = "equal weight", "inverse volatility", "risk parity"
LEAST, DIVERSE = "minimum variance", "maximum diversification"
BASKETS = (EQUAL, INVERSE, PARITY, LEAST, DIVERSE)
DRAWS = 1_000


@dataclass(frozen=True)
class BasketSpec:
    """How baskets are kept.

    Attributes
    ----------
    window, every : int
        Bars of a covariance; bars between rebalances.
    cost : float
        Of what is traded, a fraction.
    confidence : float
        Of the haircut.
    """

    window: int = 250
    every: int = 20
    cost: float = 0.002
    confidence: float = 0.99

    def __post_init__(self) -> None:
        if self.window < 30 or self.every < 1 or not 0.0 <= self.cost < 1.0:
            rule = (
                "must be 30 bars or more, rebalanced every bar or less often, at a cost in [0, 1)"
            )
            said = (self.window, self.every, self.cost)
            raise InputError("basket", said, rule, "Use 250, 20 and 0.002")


@dataclass(frozen=True)
class BasketWalk:
    """Baskets out of sample.

    Attributes
    ----------
    table : DataFrame
        A row for each basket and for the best single asset: ``basket, volatility`` (a year),
        ``haircut`` (of one bar), ``shortfall, turnover`` (a year), ``effective`` (assets, by the
        inverse of the sum of squared weights), ``variance_ratio`` (log, against equal weight) with
        ``low`` and ``high`` (95 %, blocks of ``every`` bars).
    returns : DataFrame
        Simple, net of cost; a column for each.
    """

    spec: BasketSpec
    table: pd.DataFrame = field(repr=False)
    returns: pd.DataFrame = field(repr=False)


def check_weights(weights: Array) -> Array:
    """Weights of a basket as they must be.

    Raises
    ------
    InputError
        Unless they are finite, not negative, and sum to 1.
    """
    w = np.asarray(weights, dtype=np.float64)
    if w.ndim != 1 or not np.isfinite(w).all() or (w < 0.0).any() or abs(w.sum() - 1.0) > 1e-9:
        rule = "must be finite, 0 or more, and sum to 1"
        raise InputError("weights", f"sum {w.sum():.6g}", rule, "Divide them by their sum")
    return w


def shrunk_covariance(returns: Array) -> Array:
    """Covariance drawn to a multiple of the identity as far as its own error tells.

    Raises
    ------
    InputError
        If an asset does not move.
    """
    x = returns - returns.mean(axis=0)
    count, size = x.shape
    sample = np.einsum("ti,tj->ij", x, x) / count
    mean = float(np.trace(sample)) / size
    apart = float(((sample - mean * np.eye(size)) ** 2).sum())
    squares = np.einsum("ti,tj->ij", x * x, x * x) / count
    error = min(float((squares - sample**2).sum()) / count, apart)
    if not (np.diag(sample) > 0.0).all():
        rule = "must move: an asset whose price stands still has no place in a basket"
        raise InputError("returns", "all equal", rule, "Leave it out")
    share = error / apart if apart > 0.0 else 0.0
    return np.asarray(share * mean * np.eye(size) + (1.0 - share) * sample)


def basket_weights(name: str, covariance: Array) -> Array:
    """Long-only weights of a basket that sum to 1.

    Raises
    ------
    InputError
        For a basket that is none of `BASKETS`.
    """
    size, volatility = len(covariance), np.sqrt(np.diag(covariance))
    if name == EQUAL:
        return np.full(size, 1.0 / size)
    if name == INVERSE:
        return np.asarray((1.0 / volatility) / (1.0 / volatility).sum())
    if name == PARITY:
        return _parity(covariance)
    if name == LEAST:
        return _least(covariance)
    if name == DIVERSE:
        scaled = _least(covariance / np.outer(volatility, volatility)) / volatility
        return np.asarray(scaled / scaled.sum())
    raise InputError("basket", name, f"must be one of {', '.join(BASKETS)}", "Choose one")


def _parity(covariance: Array) -> Array:
    """Equal contributions to variance, by Newton's step in one coordinate at a time."""
    w = 1.0 / np.sqrt(np.diag(covariance))
    for _ in range(500):
        before = w.copy()
        for i in range(len(w)):
            others = float(covariance[i] @ w - covariance[i, i] * w[i])
            root = math.sqrt(others * others + 4.0 * covariance[i, i])
            w[i] = (root - others) / (2.0 * covariance[i, i])
        if float(np.abs(w - before).max()) < 1e-12 * float(w.max()):
            break
    return np.asarray(w / w.sum())


def _least(covariance: Array) -> Array:
    """Least variance with no weight below 0: assets leave and return one by one."""
    size = len(covariance)
    held = np.ones(size, dtype=np.bool_)
    w = np.full(size, 1.0 / size)
    for _ in range(20 * size):
        at = np.flatnonzero(held)
        inner = np.linalg.solve(covariance[np.ix_(at, at)], np.ones(at.size))
        wanted = np.zeros(size)
        wanted[at] = inner / inner.sum()
        if (wanted[at] < 0.0).any():
            # As far toward the answer as no weight falls below 0.
            step = wanted - w
            falling = at[step[at] < 0.0]
            reach = float((w[falling] / -step[falling]).min())
            w = w + min(reach, 1.0) * step
            held[at[w[at] <= 1e-12]] = False
            w[~held] = 0.0
            continue
        w = wanted
        slope = covariance @ w
        best = int(np.argmin(np.where(held, np.inf, slope)))
        if held.all() or slope[best] >= float(w @ slope) * (1.0 - 1e-10):
            break
        held[best] = True
    w = np.maximum(w, 0.0)
    return np.asarray(w / w.sum())


def walk_baskets(
    returns: pd.DataFrame, spec: BasketSpec | None = None, names: Sequence[str] = BASKETS
) -> BasketWalk:
    """Keep baskets through history and judge each by its own tail, beside the best single asset.

    The best single asset is the one of the least haircut on the bars before the walk.

    Parameters
    ----------
    returns : DataFrame (T, N)
        Log returns of common bars, a column for each asset.

    Raises
    ------
    InputError
        If there are too few bars or fewer than two assets.
    """
    spec, simple = spec or BasketSpec(), np.expm1(returns.to_numpy(dtype=np.float64))
    if simple.shape[1] < 2 or len(simple) < spec.window + 100:
        rule = f"must be two assets or more with {spec.window + 100} common bars"
        raise InputError("returns", simple.shape, rule, "Load longer histories")
    found = {name: _kept(name, simple, spec) for name in names}
    before = simple[: spec.window]
    best = int(np.argmin([haircut_of(column, spec.confidence) for column in before.T]))
    label = f"only {returns.columns[best]}"
    alone = simple[spec.window :, best]
    found[label] = (alone, 0.0, 1.0)
    times = pd.DatetimeIndex(returns.index.get_level_values(-1)).as_unit("s").asi8
    year = 365.0 * 86_400.0 / float(np.median(np.diff(times)))
    base = found[EQUAL][0] if EQUAL in found else next(iter(found.values()))[0]
    rows = []
    for name, (made, turnover, effective) in found.items():
        low, high = _ratio_band(made, base, spec.every)
        worst = np.sort(-made)[-max(1, round(len(made) * (1.0 - spec.confidence))) :]
        rows.append(
            {
                "basket": name,
                "volatility": float(made.std() * math.sqrt(year)),
                "haircut": haircut_of(made, spec.confidence),
                "shortfall": float(worst.mean()),
                "turnover": turnover * year,
                "effective": effective,
                "variance_ratio": float(np.log(made.var() / base.var())),
                "low": low,
                "high": high,
            }
        )
    made_of = pd.DataFrame(
        {name: made for name, (made, _, _) in found.items()}, index=returns.index[spec.window :]
    )
    return BasketWalk(spec, pd.DataFrame(rows), made_of)


def haircut_of(returns: Array, confidence: float) -> float:
    """Loss of one bar at a confidence."""
    return max(0.0, float(np.quantile(-returns, confidence)))


def _kept(name: str, simple: Array, spec: BasketSpec) -> tuple[Array, float, float]:
    """Returns net of cost, turnover a bar, and the mean number of effective assets."""
    out, traded, effective = [], 0.0, []
    held = np.zeros(simple.shape[1])
    for t in range(spec.window, len(simple)):
        paid = 0.0
        if (t - spec.window) % spec.every == 0:
            known = np.log1p(simple[t - spec.window : t])
            wanted = check_weights(basket_weights(name, shrunk_covariance(known)))
            change = float(np.abs(wanted - held).sum()) if held.any() else 0.0
            traded, paid, held = traded + change, spec.cost * change, wanted
            effective.append(1.0 / float((held**2).sum()))
        grown = float(held @ simple[t])
        out.append(grown - paid)
        held = held * (1.0 + simple[t]) / (1.0 + grown)
    return np.array(out), traded / len(out), float(np.mean(effective))


def _ratio_band(one: Array, other: Array, block: int) -> tuple[float, float]:
    rng = np.random.default_rng(1)
    starts = rng.integers(0, len(one) - block + 1, (DRAWS, len(one) // block))
    rows = (starts[:, :, None] + np.arange(block)).reshape(DRAWS, -1)
    ratio = np.log(one[rows].var(axis=1) / np.maximum(other[rows].var(axis=1), 1e-300))
    low, high = np.quantile(ratio, [0.025, 0.975])
    return float(low), float(high)
