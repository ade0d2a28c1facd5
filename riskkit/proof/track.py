"""A history as a margin rule meets it: bars with their extremes, and the forecast at every close.

The forecast is walked forward over a window of so many bars *that the file holds*: a hole is
stepped over, and the window is as long after it as before. Nothing at a bar uses a later one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.history import PriceHistory
from riskkit.market.returns import log_returns
from riskkit.paths.memory import OwnSideMemory
from riskkit.paths.model import PathModel
from riskkit.position import Side
from riskkit.simulation.bar_accounts import Bars
from riskkit.volatility.spec import PARTED, VolatilitySpec
from riskkit.volatility.walkforward import walk_forward

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DAY_NS = 86_400_000_000_000


@dataclass(frozen=True)
class BarSight:
    """What triggers are seen on.

    Attributes
    ----------
    on_close : bool
        Closes only, where extremes go unseen.
    deviation : float
        By which the oracle may show a price better for the position than the market's.
    """

    on_close: bool = False
    deviation: float = 0.0

    def seen(self, close: Array, worst: Array, side: Side) -> Array:
        """Prices at which the venue sees each bar at its worst."""
        prices = close if self.on_close else worst
        return prices / (1.0 - side.sign * self.deviation) if self.deviation else prices


@dataclass(frozen=True)
class Track:
    """One market's bars with the forecast of the next bar's volatility at every close.

    Attributes
    ----------
    asset : str
    times : DatetimeIndex (n,)
        Opens of the bars.
    bar : Timedelta
    close, high, low : ndarray (n,)
        The closes again where a file has no extremes.
    gap : ndarray (n,)
        Bars missing before each bar.
    sigma : ndarray (n,)
        Forecast made at each close for the next bar; NaN before the first.
    coefficients : ndarray (n, 5)
        mu, omega, alpha, gamma, beta of the fit behind each forecast.
    spec : VolatilitySpec
    """

    asset: str
    times: pd.DatetimeIndex = field(repr=False)
    bar: pd.Timedelta
    close: Array = field(repr=False)
    high: Array = field(repr=False)
    low: Array = field(repr=False)
    gap: Array = field(repr=False)
    sigma: Array = field(repr=False)
    coefficients: Array = field(repr=False)
    spec: VolatilitySpec

    @property
    def closed(self) -> Array:
        """When each bar closed, in days since the epoch."""
        opened = self.times.as_unit("ns").asi8
        return np.asarray((opened + self.bar.value) / DAY_NS)

    @property
    def due_slot(self) -> Ints:
        """Number of the bar in which each closes, counted from the epoch: the clock of a rule."""
        opened = self.times.as_unit("ns").asi8
        return np.asarray(opened // self.bar.value + 1, dtype=np.int64)

    def between(self, begin: int, end: int) -> Track:
        """The bars from ``begin`` to before ``end``."""
        names = ("times", "close", "high", "low", "gap", "sigma", "coefficients")
        return replace(self, **{name: getattr(self, name)[begin:end] for name in names})

    def bars_for(self, side: Side, sight: BarSight, *, most_missing: int) -> Bars:
        """The bars as one side meets them; positions leave at holes of more bars.

        A shorter hole is borne: its return is a loss that someone had.
        """
        worst = self.low if side is Side.LONG else self.high
        stretch = np.cumsum(self.gap > most_missing, dtype=np.int64)
        return Bars(self.close, sight.seen(self.close, worst, side), worst, stretch)

    def shocks(self) -> pd.DataFrame:
        """Standardised moves of every bar with a forecast: columns ``close``, ``high``, ``low``.

        From the close before, less the mean, over the sigma forecast there: out of sample. Bars
        after a hole are left out; index: opens.
        """
        before = np.log(self.close[:-1])
        drift, sigma = self.coefficients[:-1, 0], self.sigma[:-1]
        known = np.isfinite(sigma) & (self.gap[1:] == 0.0)
        return pd.DataFrame(
            {
                name: ((np.log(price[1:]) - before - drift) / sigma)[known]
                for name, price in (("close", self.close), ("high", self.high), ("low", self.low))
            },
            index=self.times[1:][known],
        )


def walk_track(
    history: PriceHistory, spec: VolatilitySpec, *, window: int, refit_every: int
) -> Track:
    """Walk a model along a history, refitted on the last ``window`` returns that it holds.

    Raises
    ------
    InputError
        If the history is not longer than the window, or the model has no compiled likelihood.
    """
    if spec.variance in PARTED or spec.seasons:
        raise InputError(
            "spec",
            spec.name,
            "has more than the one state that a rule's track holds",
            "Replay rules with gjr-normal or garch-normal",
        )
    returns = log_returns(history)
    if len(returns) <= window:
        raise InputError(
            "prices",
            f"{len(returns):,} returns",
            f"must be more than the window of {window:,}",
            "Give a longer history, or a shorter window",
        )
    table = walk_forward(returns, spec, window=window, refit_every=refit_every)
    bars, times = history.bars, pd.DatetimeIndex(history.bars.index)
    closes = history.close.to_numpy(dtype=np.float64)
    names = ["mu", "omega", "alpha", "gamma", "beta"]
    at = times.get_indexer(pd.DatetimeIndex(table["origin"]))
    sigma, coefficients = np.full(len(times), np.nan), np.full((len(times), 5), np.nan)
    sigma[at] = table["sigma"].to_numpy(dtype=np.float64)
    coefficients[at] = table[names].to_numpy(dtype=np.float64)
    # A bar whose return is left out makes no forecast of its own: the last one stands.
    stands = pd.DataFrame(np.column_stack([sigma, coefficients])).ffill().to_numpy()
    steps = np.diff(times.as_unit("ns").asi8) // history.bar.value
    extremes = history.has_extremes
    return Track(
        asset=history.asset,
        times=times,
        bar=history.bar,
        close=closes,
        high=bars["high"].to_numpy(dtype=np.float64) if extremes else closes,
        low=bars["low"].to_numpy(dtype=np.float64) if extremes else closes,
        gap=np.concatenate([[0.0], (steps - 1).astype(np.float64)]),
        sigma=stands[:, 0],
        coefficients=stands[:, 1:],
        spec=spec,
    )


def remembering(track: Track, memory: OwnSideMemory, bars: int) -> Track:
    """The track with each forecast raised, or eased, by what the side hit harder remembers.

    One margin holds for both sides, so that the larger of the two memories speaks.

    Parameters
    ----------
    bars : int
        For which a forecast is used: what a blow leaves is gone after a few.
    """
    moves = np.diff(np.log(track.close))
    with np.errstate(invalid="ignore", divide="ignore"):
        shocks = np.where(np.isfinite(track.sigma[:-1]), moves / track.sigma[:-1], 0.0)
    left = memory.states(shocks).max(axis=1)
    return replace(track, sigma=track.sigma * memory.factor(left, bars))


def path_model(spec: VolatilitySpec, coefficients: Array, shocks: Array) -> PathModel:
    """The recursion of a fit with shocks observed out of sample, which keep their own scale.

    Parameters
    ----------
    coefficients : ndarray (5,)
        mu, omega, alpha, gamma, beta.
    shocks : ndarray (n,)
        Standardised closes, mean and scale as observed.
    """
    mu, omega, alpha, gamma, beta = (float(c) for c in coefficients)
    return PathModel(spec.variance, mu, omega, alpha, gamma, beta).resampling(shocks)
