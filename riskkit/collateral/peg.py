"""Peg law: how often coins leave their peg, and how deep, from the episodes of a whole panel.

A volatility model sees nothing before a peg breaks. What there is to learn from are episodes: how
many per coin-year (with half an episode added: none seen is not none to come), and how deep beyond
the threshold (a generalised Pareto law by probability-weighted moments). Strata are apart, since an
algorithmic coin says nothing of one backed by deposits; a thin venue makes episodes of its own.

Sources: Hosking & Wallis (1987) for the moments; Jeffreys' prior for the rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError

Array = npt.NDArray[np.float64]

THRESHOLD = 0.01
APART = pd.Timedelta(days=3)
YEAR = pd.Timedelta(days=365)
FEWEST_DEPTHS = 5
SHAPES = (-0.5, 0.95)
DRAWS = 2_000


@dataclass(frozen=True)
class PeggedCoin:
    """A coin's price in units of its peg.

    Attributes
    ----------
    name : str
    price : Series
        Closes over the peg, indexed by time (UTC); 1 is on the peg.
    stratum : str
        Such as ``"fiat-backed"``, ``"crypto-backed"``, ``"algorithmic"``, ``"wrapped"``.
    thin : bool
        Whether it is the price of a thin venue.
    """

    name: str
    price: pd.Series = field(repr=False)
    stratum: str = "fiat-backed"
    thin: bool = False

    def __post_init__(self) -> None:
        values = self.price.to_numpy(dtype=np.float64)
        if len(values) < 2 or not np.isfinite(values).all() or (values <= 0.0).any():
            raise InputError(
                f"price of {self.name}",
                f"{len(values)} closes",
                "must be two or more finite prices above 0, in units of the peg",
                "Divide by the peg, and leave out bars without a price",
            )
        if not self.price.index.is_monotonic_increasing or not self.price.index.is_unique:
            rule = "must be ordered by time, each once"
            raise InputError(f"price of {self.name}", "its times", rule, "Sort and deduplicate it")

    @property
    def years(self) -> float:
        """Time watched, in years: bars that are there, not the span across holes."""
        steps = np.diff(pd.DatetimeIndex(self.price.index).as_unit("ns").asi8)
        return float(len(self.price) * np.median(steps) / YEAR.value)

    def until(self, moment: pd.Timestamp) -> PeggedCoin | None:
        """What was known at a moment; None before the second close."""
        known = self.price.loc[self.price.index < moment]
        return replace(self, price=known) if len(known) > 1 else None


@dataclass(frozen=True)
class PegEpisode:
    """A stay below the peg.

    Attributes
    ----------
    start, end : Timestamp
        First and last close below the threshold.
    depth : float
        Largest distance below the peg, a fraction.
    """

    coin: str
    stratum: str
    thin: bool
    start: pd.Timestamp
    end: pd.Timestamp
    depth: float

    @property
    def closed(self) -> bool:
        """Whether it began while banks, and so redemption, were closed: a Saturday or Sunday."""
        return bool(self.start.day_of_week >= 5)


def episodes_of(
    coin: PeggedCoin, *, threshold: float = THRESHOLD, apart: pd.Timedelta = APART
) -> list[PegEpisode]:
    """Stays of closes below 1 - threshold; those less than ``apart`` after another are one."""
    if not 0.0 < threshold < 1.0:
        raise InputError("threshold", threshold, "must lie strictly between 0 and 1", "Use 0.01")
    below = coin.price[coin.price < 1.0 - threshold]
    if below.empty:
        return []
    number = (pd.Series(below.index).diff() > apart).cumsum().to_numpy()
    return [
        PegEpisode(
            coin.name,
            coin.stratum,
            coin.thin,
            part.index[0],
            part.index[-1],
            float(1.0 - part.min()),
        )
        for _, part in below.groupby(number)
    ]


@dataclass(frozen=True)
class PegLaw:
    """How often and how deep the coins of a stratum leave their peg.

    Attributes
    ----------
    stratum : str
    coins : tuple of str
    years : float
        Coin-years watched.
    episodes : tuple of PegEpisode
    rate : float
        Episodes a coin-year: (n + 1/2)/years.
    xi, beta : float
        Shape and scale of the depth beyond the threshold.
    borrowed : bool
        Whether they are those of all strata, for lack of episodes.
    threshold : float
    """

    stratum: str
    coins: tuple[str, ...]
    years: float
    episodes: tuple[PegEpisode, ...] = field(repr=False)
    rate: float
    xi: float
    beta: float
    borrowed: bool
    threshold: float

    def loss(self, probability: float, days: float = 1.0, *, multiple: float = 1.0) -> float:
        """Depth exceeded within some days with a probability, a fraction of the peg, at most 1.

        Parameters
        ----------
        multiple : float
            Of the rate: how much more often pegs break in a state, such as while redemption is
            closed (`riskkit.collateral.peg_record.CommonJump`).

        Raises
        ------
        InputError
            Unless the probability lies in (0, 1) and the days are positive.
        """
        if not 0.0 < probability < 1.0 or not (days > 0.0 and multiple > 0.0):
            rule = "must be a probability in (0, 1), over a positive number of days"
            raise InputError("probability", (probability, days), rule, "Use 0.001 and 1")
        rate = multiple * self.rate
        return _loss(rate, self.xi, self.beta, self.threshold, probability, days)

    def band(
        self, probability: float, days: float = 1.0, *, level: float = 0.9, seed: int = 7
    ) -> tuple[float, float]:
        """What the few episodes leave open about `loss`.

        Rates are drawn from their posterior (gamma), depths with replacement, shape and scale
        fitted anew.
        """
        rng = np.random.default_rng(seed)
        rates = rng.gamma(len(self.episodes) + 0.5, 1.0 / self.years, DRAWS)
        depths = np.array([e.depth - self.threshold for e in self.episodes])
        found = []
        for rate in rates:
            xi, beta = self.xi, self.beta
            if not self.borrowed:
                xi, beta = pareto_moments(rng.choice(depths, depths.size))
            found.append(_loss(float(rate), xi, beta, self.threshold, probability, days))
        low, high = np.quantile(found, [0.5 * (1.0 - level), 0.5 * (1.0 + level)])
        return float(low), float(high)


def _loss(
    rate: float, xi: float, beta: float, threshold: float, probability: float, days: float
) -> float:
    happens = -math.expm1(-rate * days / 365.0)
    if happens <= probability:
        return 0.0
    left = math.log(happens / probability)
    beyond = beta * left if abs(xi) < 1e-12 else beta * math.expm1(xi * left) / xi
    return min(threshold + beyond, 1.0)


def pareto_moments(excess: Array) -> tuple[float, float]:
    """Shape and scale of a generalised Pareto law by probability-weighted moments."""
    x = np.sort(np.asarray(excess, dtype=np.float64))
    mean = float(x.mean())
    weighted = float(((1.0 - (np.arange(x.size) + 0.65) / x.size) * x).mean())
    gap = mean - 2.0 * weighted
    # Equal depths have no spread to fit: the shortest tail.
    xi = SHAPES[0] if gap <= 0.0 else 2.0 - mean / gap
    xi = min(max(xi, SHAPES[0]), SHAPES[1])
    return xi, max(mean * (1.0 - xi), 1e-9)


def fit_pegs(
    coins: Sequence[PeggedCoin],
    *,
    threshold: float = THRESHOLD,
    apart: pd.Timedelta = APART,
    thin: bool = True,
) -> dict[str, PegLaw]:
    """A law for each stratum, by its name.

    Parameters
    ----------
    thin : bool
        Whether coins of thin venues count.

    Raises
    ------
    InputError
        If no coin is left, or none of them ever left its peg.
    """
    counted = [coin for coin in coins if thin or not coin.thin]
    every = [episodes_of(coin, threshold=threshold, apart=apart) for coin in counted]
    depths = np.array([e.depth - threshold for found in every for e in found])
    if not counted or depths.size < FEWEST_DEPTHS:
        raise InputError(
            "coins",
            f"{len(counted)} coins, {depths.size} episodes",
            f"must show {FEWEST_DEPTHS} episodes or more between them",
            "Add coins and years: a peg that never broke says nothing about how deep it breaks",
        )
    pooled = pareto_moments(depths)
    laws = {}
    for stratum in dict.fromkeys(coin.stratum for coin in counted):
        members = [coin for coin in counted if coin.stratum == stratum]
        found = tuple(e for each in every for e in each if e.stratum == stratum)
        own = np.array([e.depth - threshold for e in found])
        borrowed = own.size < FEWEST_DEPTHS
        xi, beta = pooled if borrowed else pareto_moments(own)
        years = sum(coin.years for coin in members)
        laws[stratum] = PegLaw(
            stratum,
            tuple(dict.fromkeys(coin.name for coin in members)),
            years,
            found,
            (len(found) + 0.5) / years,
            xi,
            beta,
            borrowed,
            threshold,
        )
    return laws
