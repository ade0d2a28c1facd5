"""How a price moves: a volatility recursion with the law of its shocks.

Sources: Barone-Adesi, Giannopoulos & Vosper (1999) for filtered historical simulation; McNeil &
Frey (2000) for generalised Pareto tails on the residuals.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.paths.inside import Inside, Ranges, inside_of
from riskkit.paths.memory import OwnSideMemory
from riskkit.volatility.persistence import persistence
from riskkit.volatility.result import Borrowed, VolatilityFit
from riskkit.volatility.spec import PARTED, Innovation, Variance, VolatilitySpec

Array = npt.NDArray[np.float64]

EQUIVALENTS = 400  # volatilities at which a component model's variance over a period is known


class Shocks(StrEnum):
    """Where the simulated shocks come from: the fitted law, or the residuals themselves."""

    PARAMETRIC = "parametric"
    FILTERED = "filtered"


@dataclass(frozen=True)
class ResidualTail:
    """A generalised Pareto tail of the standardised residuals on one side.

    Attributes
    ----------
    threshold : float
        Where the tail begins, in units of sigma, positive outwards on either side.
    xi, beta : float
        Shape and scale of the excess over the threshold.
    mass : float
        Probability beyond the threshold, in (0, 0.25].
    """

    threshold: float
    xi: float
    beta: float
    mass: float


@dataclass(frozen=True)
class PathModel:
    """A volatility recursion with the law of its shocks: all that a simulation needs to know.

    Attributes
    ----------
    variance : Variance
    mu : float
        Mean log return per bar, as a fraction.
    omega, alpha, gamma, beta : float
        As in `riskkit.volatility.spec.Variance`; alpha + beta = 1 is allowed. Of a component model
        omega is s2 (1 - rho), and gamma its phi.
    law, shape
        Law of the shocks, used where ``residuals`` is None.
    residuals : ndarray (n,) or None
        Shocks to resample with equal probability. `from_fit` standardises them to mean 0 and
        variance 1; a model built by hand resamples what it is given.
    tails : (lower, upper) or None
        Generalised Pareto tails that replace the residuals beyond their thresholds.
    sigma_scale : float
        Volatility of this model over the sigma of the fit it came from; see `from_fit`. Only
        `volatility` applies it, and `unscaled` undoes it.
    inside : Inside or None
        What the bars of the residuals touched; None where only closes are known, or are asked for.
    memory : OwnSideMemory or None
        What each side remembers of its own losses; None where neither does.
    memory_unit : float
        Residuals of the fit, at variance 1, per shock of this model: what the memory is fed with.
    rho : float
        Of a component model's slow part.
    slow_line : (float, float)
        Intercept and slope of the slow part in the variance, both in logs, along the fit: where it
        usually is. (0, 1) where there is none of its own.
    seasons : ndarray (slots,) or None
        Factors of variance of the bars ahead, over and over: sigma and slow part hold that of
        their bar.
    """

    variance: Variance
    mu: float
    omega: float
    alpha: float
    gamma: float
    beta: float
    law: Innovation = Innovation.NORMAL
    shape: Mapping[str, float] = field(default_factory=dict)
    residuals: Array | None = field(default=None, repr=False)
    tails: tuple[ResidualTail, ResidualTail] | None = None
    sigma_scale: float = 1.0
    inside: Inside | None = field(default=None, repr=False)
    memory: OwnSideMemory | None = None
    memory_unit: float = 1.0
    rho: float = 0.0
    slow_line: tuple[float, float] = (0.0, 1.0)
    seasons: Array | None = field(default=None, repr=False)

    @classmethod
    def from_fit(
        cls,
        fit: VolatilityFit,
        shocks: Shocks = Shocks.PARAMETRIC,
        ranges: Ranges | None = None,
        memory: OwnSideMemory | None = None,
    ) -> PathModel:
        """The recursion of a fit, with its fitted law or its standardised residuals as shocks.

        A t likelihood finds the scale that fits its own law: on misspecified data the residuals'
        variance is not 1 (BTC hourly 2017-2019: 1.22 squared), and tails of residuals forced to
        variance 1 would be that much too thin. Resampled residuals keep variance 1, so that the
        recursion stays as persistent as it was fitted, and the factor goes into its level:
        ``sigma_scale``, with omega to match (`resampling`). One bar ahead this is sigma times the
        raw residual.

        Parameters
        ----------
        ranges : Ranges, optional
            Of the bars of the fit: its paths then touch more than their closes.
        memory : OwnSideMemory, optional
            Of resampled shocks: they are then those left once each side's memory is taken out.

        Raises
        ------
        InputError
            If the mean or the variance is one that only arch runs, the law is GED and its
            shocks are to be drawn from it, or shocks with a memory are not resampled.
        """
        check_memory(memory, shocks)
        drawn = shocks is Shocks.PARAMETRIC and fit.spec.innovation is Innovation.GED
        if drawn or not replace(fit.spec, innovation=Innovation.NORMAL).compiled:
            raise InputError(
                "fit",
                fit.spec.name,
                "must be one that can be simulated",
                "Use garch, gjr or egarch",
            )
        p = fit.params
        model = cls(
            variance=Variance.COMPONENT if fit.spec.variance in PARTED else fit.spec.variance,
            mu=float(p.get("mu", 0.0)),
            omega=float(p.get("omega", 0.0)),
            alpha=float(p["alpha"]),
            gamma=float(p.get("phi", p.get("gamma", 0.0))),
            beta=float(p["beta"]),
            law=fit.spec.innovation,
            shape={name: float(p[name]) for name in ("nu", "lambda") if name in p.index},
            rho=float(p.get("rho", 0.0)),
            slow_line=_slow_line(fit),
            seasons=None if fit.season is None else fit.season.ahead(fit.origin),
        )
        if fit.borrowed is not None and shocks is Shocks.FILTERED:
            return model.borrowing(fit.borrowed, ranges, memory)
        inside = None
        if ranges is not None and ranges.watched:
            inside = inside_of(
                ranges,
                pd.DatetimeIndex(fit.residuals.index),
                float(p.get("mu", 0.0)),
                fit.sigma.to_numpy(dtype=np.float64),
                fit.residuals.to_numpy(dtype=np.float64),
            )
        if shocks is Shocks.FILTERED:
            z, across = fit.residuals.to_numpy(dtype=np.float64), np.empty(0)
            unit = 1.0
            if memory is not None:
                unit = float(z.std())
                states = memory.states(z / unit)[:-1]
                z = memory.without(z, states)
                if inside is not None:
                    ends = (memory.without(x, states) for x in (inside.low, inside.high))
                    inside = Inside(z, *ends)
            if ranges is not None and ranges.across is not None:
                across = ranges.across.shocks(
                    pd.DatetimeIndex(fit.residuals.index),
                    float(p.get("mu", 0.0)),
                    fit.sigma.to_numpy(dtype=np.float64),
                    fit.next_sigma,
                )
                z = np.append(z, across)
            model = model.resampling(z)
            if memory is not None:
                model = model.remembering(memory, unit)
            if inside is not None:  # of a hole only the closes on either side are known
                assert model.residuals is not None
                ends = (np.append(x, across) for x in (inside.low, inside.high))
                low, high = (model.unscaled(x - float(z.mean())) for x in ends)
                inside = Inside(model.residuals, low, high)
        return replace(model, inside=inside)

    def remembering(self, memory: OwnSideMemory, unit: float) -> PathModel:
        """The same recursion with a memory of each side's own losses.

        Parameters
        ----------
        unit : float
            Standard deviation of the residuals, as the fit has them, that the memory was fed with.
        """
        return replace(self, memory=memory, memory_unit=self.sigma_scale / unit)

    def borrowing(
        self, shocks: Borrowed, ranges: Ranges | None, memory: OwnSideMemory | None
    ) -> PathModel:
        """The same recursion with shocks of other markets, their extremes where they are watched.

        Raises
        ------
        InputError
            If extremes are watched and those of the other markets are not known.
        """
        watched = ranges is not None and ranges.watched
        rows = [shocks.close]
        if watched:
            if shocks.low is None or shocks.high is None:
                raise InputError(
                    "liquidation.trigger",
                    "extreme",
                    "needs a high and a low in every bar of the peers too",
                    'Give peers with highs and lows, or set liquidation.trigger = "close"',
                )
            rows += [shocks.low, shocks.high]
        if memory is not None:
            states = [memory.states(z)[:-1] for z in shocks.close]
            rows = [
                tuple(memory.without(x, s) for x, s in zip(row, states, strict=True))
                for row in rows
            ]
        joined = [np.concatenate(row) for row in rows]
        model = self.resampling(joined[0])
        if memory is not None:
            model = model.remembering(memory, 1.0)
        if watched:
            assert model.residuals is not None
            low, high = (model.unscaled(x - float(joined[0].mean())) for x in joined[1:])
            model = replace(model, inside=Inside(model.residuals, low, high))
        return model

    def resampling(self, observed: Array) -> PathModel:
        """The same recursion with shocks as observed, standardised: their factor goes into sigma.

        Parameters
        ----------
        observed : ndarray (n,)
            Residuals over the fit's sigma, mean and scale as they are.
        """
        scale = float(observed.std())
        if self.variance is Variance.EGARCH:
            omega = self.omega + 2.0 * (1.0 - self.beta) * math.log(scale)
        else:
            omega = self.omega * scale**2
        residuals = (observed - observed.mean()) / scale
        intercept, slope = self.slow_line
        line = (intercept + 2.0 * (1.0 - slope) * math.log(scale), slope)
        return replace(self, omega=omega, residuals=residuals, sigma_scale=scale, slow_line=line)

    def volatility(self, sigma: Array) -> Array:
        """Volatility of this model's paths where the fit it came from says ``sigma``."""
        return self.sigma_scale * sigma

    def slow_of(self, volatility: Array) -> Array:
        """Where the slow part of a component model usually is, as a volatility, at one."""
        intercept, slope = self.slow_line
        if (intercept, slope) == (0.0, 1.0):
            return volatility
        return np.asarray(np.exp(0.5 * intercept + slope * np.log(volatility)))

    def usual_slow(self, volatility: Array) -> Array:
        """The slow part that usually goes with the first bar's volatility, its season included."""
        if self.seasons is None:
            return self.slow_of(volatility)
        root = float(np.sqrt(self.seasons[0]))
        return np.asarray(root * self.slow_of(volatility / root))

    def period_variance(self, volatility: Array, slow: Array | None, bars: int) -> Array:
        """Expected variance over the next ``bars`` bars; a model in logs has no formula for it.

        Parameters
        ----------
        volatility, slow : ndarray (n,)
            Of the first bar, and what it returns to (of a component model; its usual one if None),
            in the scale of the shocks.

        Raises
        ------
        InputError
            For EGARCH.

        Source: Engle & Lee (1999): both gaps of a component model decay geometrically, by rho and
        by alpha + beta; the one gap of GARCH and GJR by its persistence.
        """
        if self.variance is Variance.EGARCH:
            raise InputError(
                "model",
                self.variance.value,
                "has no expected variance in closed form",
                "Use garch, gjr or component, or simulate",
            )
        if self.variance is not Variance.COMPONENT:
            lasting = self.persistence
            h = np.square(volatility)
            if abs(1.0 - lasting) < 1e-9:
                return np.asarray(bars * h + 0.5 * bars * (bars - 1) * self.omega)
            target = self.omega / (1.0 - lasting)
            decayed = float(np.sum(lasting ** np.arange(bars)))
            return np.asarray(bars * target + decayed * (h - target))
        if slow is None:
            slow = self.slow_of(volatility)
        target, quick = self.omega / (1.0 - self.rho), self.alpha + self.beta
        k = np.arange(bars)
        lasting, passing = float(np.sum(self.rho**k)), float(np.sum(quick**k))
        q = np.square(slow)
        return np.asarray(
            target * bars + lasting * (q - target) + passing * (np.square(volatility) - q)
        )

    @property
    def persistence(self) -> float:
        """Factor by which a variance shock survives a bar under this model's own shocks."""
        if self.variance is Variance.COMPONENT:
            return self.rho
        if self.variance is Variance.EGARCH:
            return self.beta
        if self.residuals is None:
            names = {name: np.array([value]) for name, value in self.shape.items()}
            values = {"alpha": self.alpha, "beta": self.beta, "gamma": self.gamma}
            params = names | {name: np.array([value]) for name, value in values.items()}
            spec = VolatilitySpec(self.variance, self.law)
            return float(persistence(spec, params)[0])
        z2 = np.square(self.residuals)
        falls = float(z2[self.residuals < 0.0].sum()) / z2.size
        return self.beta + self.alpha * float(z2.mean()) + self.gamma * falls

    def equivalent(self, volatility: Array, slow: Array | None, bars: int) -> Array:
        """The volatility whose usual slow part gives a period the variance that this one has.

        It turns the two states of a component model into the one that tails are curves of; any
        other model has one state, and returns it.
        """
        if self.variance is not Variance.COMPONENT or slow is None or bars == 1:
            return volatility
        wanted = self.period_variance(volatility, slow, bars)
        low, high = 0.2 * float(volatility.min()), 5.0 * float(volatility.max())
        grid = np.geomspace(low, high, EQUIVALENTS)
        known = self.period_variance(grid, self.slow_of(grid), bars)
        return np.asarray(np.exp(np.interp(np.log(wanted), np.log(known), np.log(grid))))

    def unscaled(self, values: Array) -> Array:
        """Without the factor: shocks of observed residuals, a fit's sigma of a volatility."""
        return values / self.sigma_scale

    @property
    def beyond_data(self) -> bool:
        """True if shocks cannot exceed the worst residual seen: tails of such paths are flagged."""
        return self.residuals is not None and self.tails is None


def _slow_line(fit: VolatilityFit) -> tuple[float, float]:
    """The slow part along a fit, as a line in its variance, both in logs."""
    if fit.slow is None:
        return 0.0, 1.0
    if fit.borrowed is not None:
        level = math.log(fit.presample_variance)
        x, y = (2.0 * np.log(part) + level for part in (fit.borrowed.sigma, fit.borrowed.slow))
        return _line(x, y)
    roots = np.ones(1)
    if fit.season is not None:
        roots = np.sqrt(fit.season.next(pd.DatetimeIndex(fit.sigma.index)))
    x = 2.0 * np.log(np.append(fit.sigma.to_numpy(dtype=np.float64), fit.next_sigma) / roots)
    y = 2.0 * np.log(np.maximum(fit.slow, 1e-6 * fit.slow.max()) / roots)
    return _line(x, y)


def _line(x: Array, y: Array) -> tuple[float, float]:
    gap = x - x.mean()
    slope = float(gap @ y) / max(float(gap @ gap), 1e-300)
    return float(y.mean() - slope * x.mean()), slope


def check_memory(memory: OwnSideMemory | None, shocks: Shocks) -> None:
    """Refuse a memory of shocks that are drawn from a law: its weight was measured on residuals.

    Raises
    ------
    InputError
        Unless the shocks are resampled, or there is no memory.
    """
    if memory is not None and shocks is not Shocks.FILTERED:
        raise InputError(
            "memory",
            shocks.value,
            "must come with resampled shocks",
            "Set model.shocks to filtered, or leave the memory out",
        )
