"""Paths of the log price: the fitted recursion run forward from a stated start state.

Tails over several bars and simulated default rest on the same paths. Every bar draws a standardised
shock z, moves the log price by ``mu + sigma z``, and only then updates sigma: the variance of the
first simulated bar is the start state itself, today's and not the long-run one.

Path i is a function of (seed, i, bar) alone: the same for any number of threads, block size, number
of paths or number of bars.

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

from riskkit.errors import InputError
from riskkit.paths.bits import MAX_BARS, Stream, stream_key, uniforms
from riskkit.paths.kernel import fill_paths, source_of
from riskkit.paths.sampler import plain_sampler
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.spec import Innovation, Variance

Array = npt.NDArray[np.float64]

MEAN_ABSOLUTE_NORMAL = math.sqrt(2.0 / math.pi)


class Shocks(StrEnum):
    """Where the simulated shocks come from: the fitted law, or the residuals themselves."""

    PARAMETRIC = "parametric"
    FILTERED = "filtered"


class StartState(StrEnum):
    """The volatility a simulation starts from: a chosen policy, never mixed into a band.

    ``NOW``                the forecast for the bar after the last return
    ``THROUGH_THE_CYCLE``  each path draws one of the historical volatilities
    ``STRESSED``           the 99th percentile of the historical volatilities
    """

    NOW = "now"
    THROUGH_THE_CYCLE = "through-the-cycle"
    STRESSED = "stressed"


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
        As in `riskkit.volatility.spec.Variance`; alpha + beta = 1 is allowed.
    law, shape
        Law of the shocks, used where ``residuals`` is None.
    residuals : ndarray (n,) or None
        Shocks to resample with equal probability. `from_fit` standardises them to mean 0 and
        variance 1; a model built by hand resamples what it is given.
    tails : (lower, upper) or None
        Generalised Pareto tails that replace the residuals beyond their thresholds.
    sigma_scale : float
        Volatility of this model over the sigma of the fit it came from; see `from_fit`. A start
        volatility taken from the fit must be multiplied by it.
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

    @classmethod
    def from_fit(cls, fit: VolatilityFit, shocks: Shocks = Shocks.PARAMETRIC) -> PathModel:
        """The recursion of a fit, with its fitted law or its standardised residuals as shocks.

        A t likelihood finds the scale that fits its own law: on misspecified data the residuals'
        variance is not 1 (BTC hourly 2017-2019: 1.22 squared), and tails of residuals forced to
        variance 1 would be that much too thin. Resampled residuals keep variance 1, so that the
        recursion stays as persistent as it was fitted, and the factor goes into its level:
        ``sigma_scale``, with omega to match. One bar ahead this is sigma times the raw residual.

        Raises
        ------
        InputError
            If the mean or the variance is one that only arch runs, or the law is GED and its
            shocks are to be drawn from it.
        """
        drawn = shocks is Shocks.PARAMETRIC and fit.spec.innovation is Innovation.GED
        if drawn or not replace(fit.spec, innovation=Innovation.NORMAL).compiled:
            raise InputError(
                "fit",
                fit.spec.name,
                "must be one that can be simulated",
                "Use garch, gjr or egarch",
            )
        p = fit.params
        residuals, scale = None, 1.0
        if shocks is Shocks.FILTERED:
            z = fit.residuals.to_numpy(dtype=np.float64)
            scale = float(z.std())
            residuals = (z - z.mean()) / scale
        omega, beta = float(p.get("omega", 0.0)), float(p["beta"])
        if fit.spec.variance is Variance.EGARCH:
            omega += 2.0 * (1.0 - beta) * math.log(scale)
        else:
            omega *= scale**2
        return cls(
            variance=fit.spec.variance,
            mu=float(p.get("mu", 0.0)),
            omega=omega,
            alpha=float(p["alpha"]),
            gamma=float(p.get("gamma", 0.0)),
            beta=beta,
            law=fit.spec.innovation,
            shape={name: float(p[name]) for name in ("nu", "lambda") if name in p.index},
            residuals=residuals,
            sigma_scale=scale,
        )

    @property
    def beyond_data(self) -> bool:
        """True if shocks cannot exceed the worst residual seen: tails of such paths are flagged."""
        return self.residuals is not None and self.tails is None


def simulate_paths(
    model: PathModel,
    *,
    start_sigma: float | Array,
    bars: int,
    paths: int,
    seed: int,
    first_path: int = 0,
    threads: int = 1,
) -> Array:
    """Simulate cumulative log returns from a start state.

    Parameters
    ----------
    model : PathModel
    start_sigma : float or ndarray (paths,)
        Volatility of the first simulated bar, a fraction per bar (see `start_sigmas`).
    bars, paths : int
    seed : int
    first_path : int
        Number of the first path: (first_path=0, paths=200) and (first_path=100, paths=100) share
        paths 100 to 199.
    threads : int
        Changes the time taken, never the result.

    Returns
    -------
    ndarray (paths, bars), contiguous along the paths
        ``out[i, t]`` is the log price of path i after bar t + 1 less that at the start.

    Raises
    ------
    InputError
        If a count is not positive, or a start volatility is not positive and finite.
    """
    sigma = check_run(start_sigma, bars, paths, first_path, threads)
    out = np.empty((bars, paths))
    key = stream_key(seed, Stream.SHOCKS)
    fill_paths(source_of(model, plain_sampler(model), key, sigma, first=first_path), out, threads)
    return out.T


def run_recursion(
    model: PathModel, start_sigma: float | Array, shocks: Array
) -> tuple[Array, Array]:
    """Run the recursion with given shocks: with a fit's own residuals it returns its own sigma.

    Parameters
    ----------
    start_sigma : float or ndarray (paths,)
        Volatility of the first bar.
    shocks : ndarray (paths, bars)
        Standardised shocks.

    Returns
    -------
    log_prices : ndarray (paths, bars)
        Cumulative log return after each bar.
    sigmas : ndarray (paths, bars)
        Volatility of each bar, known before it.
    """
    z = np.atleast_2d(np.asarray(shocks, dtype=np.float64))
    paths, bars = z.shape
    h = np.square(np.broadcast_to(np.asarray(start_sigma, dtype=np.float64), (paths,)))
    x = np.zeros(paths)
    log_prices, sigmas = np.empty((bars, paths)), np.empty((bars, paths))
    for t in range(bars):
        shock = z[:, t]
        sigmas[t] = np.sqrt(h)
        x = x + model.mu + sigmas[t] * shock
        log_prices[t] = x
        h = _next_variance(model, h, shock)
    return log_prices.T, sigmas.T


def start_sigmas(
    fit: VolatilityFit, state: StartState, paths: int, seed: int, scale: float = 1.0
) -> Array:
    """Volatility of the first simulated bar of each path, shape (paths,).

    ``scale`` is the `PathModel.sigma_scale` of the model that will run.
    """
    return scale * _states(fit, state, paths, seed)


def _states(fit: VolatilityFit, state: StartState, paths: int, seed: int) -> Array:
    history = np.append(fit.sigma.to_numpy(dtype=np.float64), fit.next_sigma)
    if state is StartState.NOW:
        return np.full(paths, fit.next_sigma)
    if state is StartState.STRESSED:
        return np.full(paths, np.quantile(history, 0.99))
    u = uniforms(stream_key(seed, Stream.START), 0, paths, [0])[:, 0]
    return np.asarray(history[(u * history.size).astype(np.int64)])


def _next_variance(model: PathModel, h: Array, z: Array) -> Array:
    if model.variance is Variance.EGARCH:
        news = model.alpha * (np.abs(z) - MEAN_ABSOLUTE_NORMAL) + model.gamma * z
        return np.asarray(np.exp(model.omega + news + model.beta * np.log(h)))
    return model.omega + h * (model.beta + (model.alpha + model.gamma * (z < 0.0)) * z * z)


def check_run(
    start_sigma: float | Array, bars: int, paths: int, first_path: int, threads: int
) -> Array:
    """Check the arguments every simulation shares; the start volatilities, (1,) or (paths,)."""
    for name, count, low, high in (
        ("bars", bars, 1, MAX_BARS),
        ("paths", paths, 1, 1 << 40),
        ("first_path", first_path, 0, 1 << 40),
        ("threads", threads, 1, 1 << 10),
    ):
        if not low <= count <= high:
            raise InputError(name, count, f"must lie in [{low}, {high}]", "Give a whole number")
    sigma = np.asarray(start_sigma, dtype=np.float64)
    if sigma.shape not in ((), (paths,)):
        raise InputError(
            "start_sigma", sigma.shape, f"must be a number or {paths} of them", "Use start_sigmas"
        )
    if not (np.isfinite(sigma).all() and (sigma > 0.0).all()):
        raise InputError(
            "start_sigma",
            float(sigma.min()),
            "must be positive and finite",
            "Start from a healthy fit's next_sigma",
        )
    return np.atleast_1d(sigma)
