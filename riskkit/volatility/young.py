"""A market too young for a model of its own: its peers' dynamics and shocks, a level near theirs.

Thirty bars say something of a level and nothing of a tail: their own 99 % quantile is exceeded
three times as often as it should be. So what is borrowed is what a short history cannot say. The
dynamics are the medians of the peers' own fits, the shocks their standardised residuals; the level

    ln s2 = w ln own + (1 - w) mean of the peers' ln,    w = V / (V + 2.5 / (n / 8)),

the own mean square against those of the peers' last 180 days, V the variance between peers, n own
bars of which about eight say as much as one that is independent (empirical Bayes). Below 20 bars
the level is the highest among the peers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from riskkit.errors import InputError
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.result import Borrowed, FitHealth, Gate, GateFinding, VolatilityFit
from riskkit.volatility.running import run_filter
from riskkit.volatility.sample import Array, check_returns
from riskkit.volatility.spec import PARTED, Innovation, Variance, VolatilitySpec

FEWEST_BARS = 20
"""Own bars from which on a level is shrunk; below, it is the peers' highest."""
FEWEST_PEERS = 3
PEER_BARS = 500
"""Bars a peer must have; its last 1,500 are fitted."""
LONGEST_BARS = 1_500
RECENT_BARS = 180
DEPENDENT = 8.0
"""Bars of volatility clusters that say as much of a level as one independent bar."""
KURTOSIS = 2.5
"""Variance of the log of one squared return, as it enters w."""
TOLD_APART = 1e-3


@dataclass(frozen=True)
class Peers:
    """What older markets say of a young one, as it was known at an origin.

    Attributes
    ----------
    names : tuple of str
    spec : VolatilitySpec
        Of their fits: component GARCH or GJR by normal quasi-likelihood.
    params : Series
        Medians over the peers; ``omega`` is per unit of level.
    levels : ndarray, shape (peers,)
        Logs of the mean squares of their last 180 bars.
    shocks : Borrowed
        Residuals of each peer, with what its bars touched where that is known of all.
    """

    names: tuple[str, ...]
    spec: VolatilitySpec
    params: pd.Series = field(repr=False)
    levels: Array = field(repr=False)
    shocks: Borrowed = field(repr=False)

    def level(self, values: Array) -> float:
        """Mean square that a young market's variance returns to, from its own returns (n,)."""
        if len(values) < FEWEST_BARS:
            return float(np.exp(self.levels.max()))
        between = float(self.levels.var(ddof=1)) + TOLD_APART
        weight = between / (between + KURTOSIS * DEPENDENT / len(values))
        square = float(np.mean(np.square(values)))
        own = np.log(square) if square > 0.0 else self.levels.min()
        return float(np.exp(weight * own + (1.0 - weight) * self.levels.mean()))


def young_spec(spec: VolatilitySpec) -> VolatilitySpec:
    """The model of a young market under a study's: component GARCH where it has parts, else GJR."""
    variance = Variance.COMPONENT if spec.variance in PARTED else Variance.GJR
    return VolatilitySpec(variance, Innovation.NORMAL)


def fit_peers(
    returns: Mapping[str, pd.Series], spec: VolatilitySpec, name: str
) -> dict[str, VolatilityFit]:
    """Fit the peers of a young market, each on its own.

    Parameters
    ----------
    returns : mapping of str to Series
        Log returns of each peer by target, up to the origin and no later.
    spec : VolatilitySpec
        As `young_spec` gives it.
    name : str
        The young market, which is no peer of itself.

    Raises
    ------
    InputError
        If the market is among its peers, or fewer than three have 500 bars and a healthy fit.
    """
    if name in returns:
        raise InputError(
            "peers",
            name,
            "must be other markets than the one they are asked about",
            "Leave it out of peers",
        )
    fits = {}
    for peer, series in returns.items():
        if len(series) < PEER_BARS:
            continue
        fit = fit_volatility(series.iloc[-LONGEST_BARS:], spec)
        if fit.health.healthy and not fit.fallbacks:
            fits[peer] = fit
    if len(fits) < FEWEST_PEERS:
        short = [f"{peer}: {len(series)}" for peer, series in returns.items()]
        raise InputError(
            "peers",
            ", ".join(short) or "none",
            f"must hold {FEWEST_PEERS} or more with {PEER_BARS} bars before the end of the young "
            "market's and a healthy fit",
            "Name more of them, or ones whose prices overlap",
        )
    return fits


def pool_peers(
    fits: Mapping[str, VolatilityFit],
    returns: Mapping[str, pd.Series],
    ranges: Mapping[str, pd.DataFrame] | None = None,
) -> Peers:
    """Pool what the fits of some peers say.

    Parameters
    ----------
    fits : mapping of str to VolatilityFit
        As `fit_peers` makes them.
    returns : mapping of str to Series
        What they were made of.
    ranges : mapping of str to DataFrame, optional
        Log moves of each peer's bars to their ``low`` and ``high`` (`riskkit.market.ranges`).
    """
    spec = next(iter(fits.values())).spec
    table = pd.DataFrame({peer: fit.params for peer, fit in fits.items()})
    params = table.median(axis=1)
    params["mu"] = 0.0
    # Medians of each need not belong together: beta keeps the median persistence.
    if spec.variance is Variance.COMPONENT:
        quick = float(np.median(table.loc["alpha"] + table.loc["beta"]))
        params["beta"] = quick - params["alpha"]
        params["omega"] = 1.0 - params["rho"]
    else:
        lasting = float(np.median([fit.persistence for fit in fits.values()]))
        params["beta"] = lasting - params["alpha"] - 0.5 * params["gamma"]
        params["omega"] = max(1.0 - lasting, 1e-4)
    recent = [np.square(returns[peer].iloc[-RECENT_BARS:].to_numpy(np.float64)) for peer in fits]
    return Peers(
        names=tuple(fits),
        spec=spec,
        params=params,
        levels=np.log([float(squares.mean()) for squares in recent]),
        shocks=_shocks(fits, ranges),
    )


def young_fit(
    returns: pd.Series,
    peers: Peers,
    requested: VolatilitySpec,
    origin: pd.Timestamp,
    died: tuple[str, ...] = (),
) -> VolatilityFit:
    """The model of a young market: its peers' dynamics and shocks, at its level.

    Parameters
    ----------
    returns : Series of log returns indexed by target, length n >= 0
        Its own, all there are.
    peers : Peers
    requested : VolatilitySpec
        What the study asks for.
    died : tuple of str
        Peers that are no survivors.
    origin : Timestamp
        Its last bar; the only one where it has no return yet.

    Returns
    -------
    VolatilityFit
        Its ``borrowed`` shocks are resampled in place of its own residuals; its health says so.
    """
    n = len(returns)
    values = check_returns(returns, minimum=1).values if n else np.empty(0)
    level = peers.level(values)
    params = peers.params.copy()
    params["omega"] = params["omega"] * level
    sigma, residuals = (pd.Series(dtype=np.float64, index=returns.index) for _ in range(2))
    following, slow = float(np.sqrt(level)), None
    if peers.spec.variance in PARTED:
        slow = np.array([following])
    if n:
        seen = run_filter(peers.spec, params, values, returns.index, level)
        sigma, residuals, following, slow = seen.sigma, seen.residuals, seen.next_sigma, seen.slow
    said = f"{n} bars of its own: {_told(peers.names, died)}"
    if n < FEWEST_BARS:
        said += ", at the level of the wildest of them"
    return VolatilityFit(
        spec=peers.spec,
        requested=requested,
        params=params,
        covariance={},
        sigma=sigma,
        residuals=residuals,
        next_sigma=following,
        origin=origin,
        loglikelihood=_quasi(sigma, residuals),
        health=FitHealth((GateFinding(Gate.OBSERVATIONS, float(n), said, False),)),
        fallbacks=(),
        evaluations=0,
        engine="peers",
        presample_variance=level,
        slow=slow,
        borrowed=peers.shocks,
    )


def _told(names: tuple[str, ...], died: tuple[str, ...]) -> str:
    dead = [name for name in names if name in died]
    alive = [name for name in names if name not in died]
    parts = [f"survivors {', '.join(alive)}"] if alive else []
    parts += [f"{', '.join(dead)} (died)"] if dead else []
    return f"dynamics and shocks of {' and '.join(parts)}"


def _quasi(sigma: pd.Series, residuals: pd.Series) -> float:
    """Normal quasi-likelihood of its own returns, which nothing was fitted to; 0 without one."""
    total = np.sum(2.0 * np.log(sigma) + residuals**2) + len(sigma) * np.log(2.0 * np.pi)
    return float(-0.5 * total) if len(sigma) else 0.0


def _shocks(
    fits: Mapping[str, VolatilityFit], ranges: Mapping[str, pd.DataFrame] | None
) -> Borrowed:
    close, low, high, sigmas, slows = [], [], [], [], []
    for peer, fit in fits.items():
        z, sigma = (part.to_numpy(dtype=np.float64) for part in (fit.residuals, fit.sigma))
        unit, level = float(z.std()), float(np.sqrt(fit.presample_variance))
        close.append(z / unit)
        sigmas.append(sigma / level)
        if fit.slow is not None:
            slows.append(fit.slow[:-1] / level)
        if ranges is None:
            continue
        rows, mu = ranges[peer].loc[fit.sigma.index], float(fit.params["mu"])
        ends = [(rows[name].to_numpy(dtype=np.float64) - mu) / sigma for name in ("low", "high")]
        low.append(np.minimum(ends[0], z) / unit)
        high.append(np.maximum(ends[1], z) / unit)
    return Borrowed(
        close=tuple(close),
        sigma=np.concatenate(sigmas),
        slow=np.concatenate(slows) if slows else np.empty(0),
        low=None if ranges is None else tuple(low),
        high=None if ranges is None else tuple(high),
    )
