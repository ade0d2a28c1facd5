"""The geometric mean of three forecasts of variance: component GARCH, HEAVY, log-HAR.

The first sees closes, the others a measure of each bar's variance (`riskkit.market.measures`). Each
errs in its own way: component GARCH is slow, HEAVY too sure of a range, a log-HAR low in the wild.
The mean of their logs has the variance of the next bar and of a longer horizon; a simulation
starts component GARCH where it gives both (`MeasuredVariance.path`): its quick part is the forecast
of the next bar, and its slow part is set so that the horizon has the forecast variance.

Bars without a range (a quote that did not move) count as a floor: half the lower quintile of the
squared returns that are not zero. A range counts as no more than the largest squared return: a
single wrong print would otherwise be the level of the measure.

Sources: Engle & Lee (1999); Shephard & Sheppard (2010); Corsi (2009).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from riskkit.volatility.har import LogHar, fit_har, spans_of
from riskkit.volatility.sample import Array

DAY, HOUR, WEEK = pd.Timedelta(days=1), pd.Timedelta(hours=1), pd.Timedelta(days=7)
FLOOR_QUANTILE, FLOOR_SHARE = 0.2, 0.5
MOST_PERSISTENT = 0.9995
STARTS = ((0.3, 0.65), (0.15, 0.84), (0.6, 0.3))
SLOW_RANGE = 4.0
"""The slow part stays within this factor, as a variance, of what closes say it is."""


@dataclass(frozen=True)
class MeasuredVariance:
    """What was estimated beside component GARCH.

    Attributes
    ----------
    horizon : int
        Bars of the longer horizon.
    floor, ceiling, scale : float
        A measure counts as no less and no more; times ``scale`` it is level with squares.
    target : float
        s2, their mean.
    variance, measure : (float, float)
        News and beta of the two HEAVY equations: of the variance, and of the measure itself.
    har : LogHar or None
        None on too short a history: the mean is then of two.
    """

    horizon: int
    floor: float
    ceiling: float
    scale: float
    target: float
    variance: tuple[float, float]
    measure: tuple[float, float]
    har: LogHar | None = field(repr=False)

    def levelled(self, measure: Array) -> Array:
        """The measure as the forecasts take it."""
        return self.scale * np.clip(measure, self.floor, self.ceiling)

    def heavy(self, levelled: Array) -> tuple[Array, Array]:
        """HEAVY's variance of the next bar and of the horizon, each of shape (n + 1,)."""
        from riskkit.volatility.measured_kernels import variances_of

        (c, b), (news, beta) = self.variance, self.measure
        h = variances_of(c, b, levelled, self.target)
        m = variances_of(news, beta, levelled, self.target)
        of_gap, of_measure = heavy_sums(c, b, news + beta, self.horizon)
        over = self.horizon * self.target + of_gap * (h - self.target)
        return h, np.maximum(over + of_measure * (m - self.target), 0.01 * over)

    def path(self, coef: Array, e: Array, measure: Array) -> tuple[Array, Array]:
        """Variance of the next bar, and the slow part with which the horizon has its forecast.

        Parameters
        ----------
        coef : ndarray (5,)
            omega, rho, alpha, phi and beta of component GARCH.
        e, measure : ndarray (n,)

        Returns
        -------
        h, q : ndarray (n + 1,)
        """
        from riskkit.volatility.recursion import component_path

        closes, slow = component_path(coef, e, self.target, self.target)
        bars, lasting, passing = self.horizon, *component_sums(coef, self.horizon)
        over = bars * self.target + lasting * (slow - self.target) + passing * (closes - slow)
        levelled = self.levelled(measure)
        near, far = [closes], [over]
        for one, all_of_them in (self.heavy(levelled), self._regressed(levelled, e)):
            near.append(one)
            far.append(all_of_them)
        h = _geometric_mean(near)
        wanted = _geometric_mean(far)
        q = (wanted - self.target * (bars - lasting) - passing * h) / (lasting - passing)
        return h, np.clip(q, slow / SLOW_RANGE, slow * SLOW_RANGE)

    def _regressed(self, levelled: Array, e: Array) -> tuple[Array, Array]:
        if self.har is None:
            return self.heavy(levelled)
        near, far = self.har.forecasts(levelled, e)
        return near, far


def horizon_of(bar: pd.Timedelta) -> int:
    """Bars of the longer horizon: a month of days, a week of hours, a day of minutes."""
    if bar >= DAY:
        return max(2, round(30 * DAY / bar))
    return max(2, round((WEEK if bar >= HOUR else DAY) / bar))


def fit_measured(e: Array, measure: Array, bar: pd.Timedelta) -> MeasuredVariance:
    """Estimate both equations of HEAVY and the regressions, to the level of squared returns.

    Parameters
    ----------
    e : ndarray, shape (n,)
        Demeaned returns.
    measure : ndarray, shape (n,)
    """
    squares = e * e
    moved = squares[squares > 0.0]
    floor = FLOOR_SHARE * float(np.quantile(moved, FLOOR_QUANTILE))
    ceiling = float(squares.max())
    kept = np.clip(measure, floor, ceiling)
    target = float(squares.mean())
    scale = target / float(kept.mean())
    levelled, horizon = scale * kept, horizon_of(bar)
    return MeasuredVariance(
        horizon=horizon,
        floor=floor,
        ceiling=ceiling,
        scale=scale,
        target=target,
        variance=_optimum(squares, levelled, target),
        measure=_optimum(levelled, levelled, target),
        har=fit_har(levelled, e, spans_of(bar), (1, horizon)),
    )


def _optimum(y: Array, measure: Array, target: float) -> tuple[float, float]:
    """News and beta that maximise the quasi-likelihood of y, with news + beta < 1."""
    from scipy import optimize

    from riskkit.volatility.measured_kernels import measured_likelihood

    y, measure = np.ascontiguousarray(y / target), np.ascontiguousarray(measure / target)

    def objective(free: Array) -> tuple[float, Array]:
        """In persistence and the news' share of it, each within (0, 1): a box."""
        lasting, share = float(free[0]), float(free[1])
        x, g = np.array([lasting * share, lasting * (1.0 - share)]), np.empty(2)
        value = measured_likelihood(x, y, measure, 1.0, g)
        of_lasting = share * g[0] + (1.0 - share) * g[1]
        return value, np.array([of_lasting, lasting * (g[0] - g[1])])

    box = [(0.01, MOST_PERSISTENT), (0.001, 0.999)]
    found = [
        optimize.minimize(
            objective, (c + b, c / (c + b)), jac=True, bounds=box, method="L-BFGS-B",
            options={"ftol": 1e-12, "gtol": 1e-8},
        )
        for c, b in STARTS
    ]  # fmt: skip
    lasting, share = min(found, key=lambda one: float(one.fun)).x
    return float(lasting * share), float(lasting * (1.0 - share))


def component_sums(coef: Array, bars: int) -> tuple[float, float]:
    """What gaps of the slow part and of the quick one add up to over a horizon."""
    k = np.arange(bars)
    return float(np.sum(coef[1] ** k)), float(np.sum((coef[2] + coef[4]) ** k))


def heavy_sums(c: float, b: float, lasting: float, bars: int) -> tuple[float, float]:
    """Weights of today's gaps, of the variance and of the measure, in a horizon's variance.

    E h[k+1] - s2 = c (E m[k] - s2) + b (E h[k] - s2), and the measure's gap decays by ``lasting``.
    """
    of_h, of_m, sum_h, sum_m = 1.0, 0.0, 0.0, 0.0
    fading = 1.0
    for _ in range(bars):
        sum_h, sum_m = sum_h + of_h, sum_m + of_m
        of_h, of_m = b * of_h, b * of_m + c * fading
        fading *= lasting
    return sum_h, sum_m


def _geometric_mean(forecasts: list[Array]) -> Array:
    return np.asarray(np.exp(np.mean([np.log(f) for f in forecasts], axis=0)))
