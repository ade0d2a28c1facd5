"""Paths of the log price: the recursion of a world's asset run forward from its start.

Tails over several bars and simulated default rest on the same paths. Every bar draws a standardised
shock z, moves the log price by ``mu + sigma z``, and only then updates sigma: the variance of the
first simulated bar is the start state itself, today's and not the long-run one.

Path i is a function of (seed, i, bar) alone: the same for any number of threads, block size, number
of paths or number of bars.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.paths.kernel import CLOSES, FILLED, TOUCHED, Source, fill_paths
from riskkit.paths.memory import ABOVE, BELOW
from riskkit.paths.model import PathModel
from riskkit.paths.run import Run, check_run
from riskkit.paths.sampler import Sampler, plain_sampler
from riskkit.paths.source import source_of
from riskkit.paths.start import Start
from riskkit.paths.world import World
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.spec import Variance

Array = npt.NDArray[np.float64]

MEAN_ABSOLUTE_NORMAL = math.sqrt(2.0 / math.pi)


def simulate_paths(world: World, run: Run, *, bars: int, first_path: int = 0) -> Array:
    """Simulate cumulative log returns of a world's only asset.

    Parameters
    ----------
    world : World
    run : Run
    bars : int
    first_path : int
        Number of the first path: (first_path=0, paths=200) and (first_path=100, paths=100) share
        paths 100 to 199.

    Returns
    -------
    ndarray (paths, bars), contiguous along the paths
        ``out[i, t]`` is the log price of path i after bar t + 1 less that at the start.

    Raises
    ------
    InputError
        If a count is not positive, or the start does not fit the run.
    """
    check_run(run, bars, first_path)
    out = np.empty((bars, run.paths))
    fill_paths(path_source(world, run, first=first_path), out, run.threads)
    return out.T


def simulate_bars(
    world: World, run: Run, *, bars: int, sign: int, first_path: int = 0
) -> tuple[Array, Array, Array]:
    """The same paths with the insides of their bars: closes, adverse extremes, fills.

    Parameters
    ----------
    sign : int
        +1 where a falling price loses (extremes are lows), -1 where a rising one does (highs).

    Returns
    -------
    closes, touched, fills : ndarray (paths, bars)
        Log prices less that at the start; all three are the closes where the model knows no more.

    Raises
    ------
    InputError
        As `simulate_paths`.
    """
    check_run(run, bars, first_path)
    source = path_source(world, run, sign=sign, first=first_path)
    found = []
    for which in (CLOSES, TOUCHED, FILLED):
        out = np.empty((bars, run.paths))
        fill_paths(source, out, run.threads, which)
        found.append(sign * out.T)
    return found[0], found[1], found[2]


def path_source(
    world: World, run: Run, sampler: Sampler | None = None, *, sign: int = 1, first: int = 0
) -> Source:
    """What the kernels make a world's paths from.

    Parameters
    ----------
    sampler : Sampler, optional
        Of the shocks; the law of the model itself if not given.
    sign : int
        -1 mirrors the prices, not the shocks.
    first : int
        Number of the first path.
    """
    model = world.model
    drawn = plain_sampler(model) if sampler is None else sampler
    start = world.start.volatilities(model, run)
    beside = world.start.beside(model, run, start)
    return source_of(model, drawn, run.shocks_key, start, sign, first, world.fill, beside)


def run_recursion(model: PathModel, start: Start, shocks: Array) -> tuple[Array, Array]:
    """Run the recursion with given shocks: with a fit's own residuals it returns its own sigma.

    Parameters
    ----------
    start : Start
        Not one that is drawn.
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
    h = np.square(np.broadcast_to(start.volatilities(model, Run(paths, 0)), (paths,)))
    beside = start.beside(model, Run(paths, 0))
    x = np.zeros(paths)
    log_prices, sigmas = np.empty((bars, paths)), np.empty((bars, paths))
    left, slow = np.broadcast_to(beside[:2], (2, paths)), np.broadcast_to(beside[2], (paths,))
    for t in range(bars):
        shock = z[:, t]
        if model.memory is not None:
            shock, left = _reminded(model, shock, left)
        sigmas[t] = np.sqrt(h)
        x = x + model.mu + sigmas[t] * shock
        log_prices[t] = x
        here, ratio = _season(model, t)
        if model.variance is Variance.COMPONENT:
            h, slow = _next_parts(here, h, slow, shock)
            slow = slow * ratio
        else:
            h = _next_variance(here, h, shock)
        h = h * ratio
    return log_prices.T, sigmas.T


def resimulated_sigma(fit: VolatilityFit) -> pd.Series:
    """Volatility of each bar as the path's recursion makes it from the fit's own residuals.

    The fixed-shock identity: fit and simulation are one model, so that it is the fit's sigma.

    Returns
    -------
    Series
        Per bar, index that of ``fit.sigma``.

    Examples
    --------
    >>> import riskkit
    >>> fit = riskkit.fit_volatility(riskkit.log_returns(riskkit.load_sample("sp500")), "garch-t")
    >>> bool(abs(riskkit.resimulated_sigma(fit) / fit.sigma - 1.0).max() < 1e-9)
    True
    """
    model, first = PathModel.from_fit(fit), Start.measured(float(fit.sigma.iloc[0]))
    _, sigmas = run_recursion(model, first, fit.residuals.to_numpy())
    return pd.Series(sigmas.ravel(), fit.sigma.index, name="sigma")


def _season(model: PathModel, t: int) -> tuple[PathModel, float]:
    """The recursion at the season of bar t, and the next bar's season over it."""
    if model.seasons is None:
        return model, 1.0
    factor, following = (float(model.seasons[k % len(model.seasons)]) for k in (t, t + 1))
    return replace(model, omega=model.omega * factor), following / factor


def _next_variance(model: PathModel, h: Array, z: Array) -> Array:
    if model.variance is Variance.EGARCH:
        news = model.alpha * (np.abs(z) - MEAN_ABSOLUTE_NORMAL) + model.gamma * z
        return np.asarray(np.exp(model.omega + news + model.beta * np.log(h)))
    return model.omega + h * (model.beta + (model.alpha + model.gamma * (z < 0.0)) * z * z)


def _next_parts(model: PathModel, h: Array, q: Array, z: Array) -> tuple[Array, Array]:
    """The variance and its slow part, of a component model; gamma is its phi."""
    came = h * z * z
    slow = model.omega + model.rho * q + model.gamma * (came - h)
    return slow + model.alpha * (came - q) + model.beta * (h - q), slow


def _reminded(model: PathModel, z: Array, left: Array) -> tuple[Array, Array]:
    """Shocks (paths,) scaled by what their own side remembers, and both sides' new states."""
    memory = model.memory
    assert memory is not None  # asked for models that have one
    fell = z < 0.0
    shock = z * memory.factor(np.where(fell, left[BELOW], left[ABOVE]))
    square = np.minimum(2.0 * (model.memory_unit * shock) ** 2, memory.cap)
    seen = np.stack([np.where(fell, square, 0.0), np.where(fell, 0.0, square)])
    return shock, memory.decay * left + (1.0 - memory.decay) * seen
