"""How pegs break together and on weekends, and each coin held to the law of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from riskkit.collateral.peg import (
    APART,
    FEWEST_DEPTHS,
    PegEpisode,
    PeggedCoin,
    episodes_of,
    fit_pegs,
)


@dataclass(frozen=True)
class CommonJump:
    """How far pegs break together.

    Attributes
    ----------
    events, shared : int
        Episodes of all coins that lie within the distance of each other are one event; shared are
        those that touched two coins or more.
    others : float
        Share of the other coins watched at the time that an event took with it, beside the first.
    closed_share, closed_time : float
        Share of episodes that began on a weekend, and of the time that is one.
    closed_p : float
        One-sided binomial probability of as many by chance.
    closed_multiple : float
        Rate of breaks on weekends, while redemption is closed, over that of all days, drawn to 1
        as if two more episodes had been seen that fell as the time does.
    """

    events: int
    shared: int
    others: float
    closed_share: float
    closed_time: float
    closed_p: float
    closed_multiple: float = 1.0


def common_jump(coins: Sequence[PeggedCoin], found: Sequence[PegEpisode]) -> CommonJump:
    """Events that several coins share, and whether they begin while redemption is closed."""
    from scipy.stats import binomtest

    if not found:
        return CommonJump(0, 0, 0.0, 0.0, 2.0 / 7.0, 1.0)
    ordered = sorted(found, key=lambda e: (e.start, e.coin))
    groups: list[list[PegEpisode]] = []
    reach = ordered[0].start
    for episode in ordered:
        if not groups or episode.start > reach + APART:
            groups.append([])
        groups[-1].append(episode)
        reach = max(reach, episode.end) if len(groups[-1]) > 1 else episode.end
    shares = []
    for group in groups:
        start = group[0].start
        alive = sum(coin.price.index[0] <= start <= coin.price.index[-1] for coin in coins)
        if alive > 1:
            shares.append((len({e.coin for e in group}) - 1) / (alive - 1))
    closed = sum(e.closed for e in found)
    time = float(
        np.mean(np.concatenate([pd.DatetimeIndex(c.price.index).day_of_week >= 5 for c in coins]))
    )
    test = binomtest(closed, len(found), max(time, 1e-9), alternative="greater")
    return CommonJump(
        len(groups),
        sum(len({e.coin for e in group}) > 1 for group in groups),
        float(np.mean(shares)) if shares else 0.0,
        closed / len(found),
        time,
        float(test.pvalue),
        (closed + 2.0 * time) / ((len(found) + 2.0) * max(time, 1e-9)),
    )


@dataclass(frozen=True)
class LeftOut:
    """Each coin held to the law of the others.

    Attributes
    ----------
    days, exceeded : int
        Coin-days that began on the peg, and episodes deeper than the law's loss of one day.
    low, high : float
        Clopper-Pearson band of the rate, 95 %.
    probability : float
        What was promised.
    every, losing : int
        All coin-days, and those that lost more than the law's loss from close to close: a coin that
        is off its peg moves as no law of leaving it can say.
    """

    days: int
    exceeded: int
    low: float
    high: float
    probability: float
    every: int
    losing: int

    @property
    def covered(self) -> bool:
        """Whether the rate that came is no more than was promised, as far as the band can tell."""
        return self.low <= self.probability


def leave_one_out(
    coins: Sequence[PeggedCoin], probability: float = 0.001, *, thin: bool = True
) -> LeftOut:
    """Each coin's episodes, at their whole depth, against the law of the others of its stratum.

    Days count that begin on the peg: the law says how a coin leaves it, and one break is not
    several. Where too few of the others share the stratum, the law is that of all of them
    together.
    """
    from scipy.stats import beta

    counted = [coin for coin in coins if thin or not coin.thin]
    days = exceeded = losing = every = 0
    for coin in counted:
        others = [other for other in counted if other.name != coin.name]
        alike = [other for other in others if other.stratum == coin.stratum]
        pool = alike if sum(len(episodes_of(o)) for o in alike) >= FEWEST_DEPTHS else others
        law = fit_pegs([replace(other, stratum="others") for other in pool])["others"]
        loss = law.loss(probability)
        daily = coin.price.groupby(pd.DatetimeIndex(coin.price.index).floor("D")).last().to_numpy()
        exceeded += sum(e.depth > loss for e in episodes_of(coin, threshold=law.threshold))
        losing += int((1.0 - daily[1:] / daily[:-1] > loss).sum())
        days += int((daily[:-1] >= 1.0 - law.threshold).sum())
        every += daily.size - 1
    low = float(beta.ppf(0.025, exceeded, days - exceeded + 1)) if exceeded else 0.0
    high = float(beta.ppf(0.975, exceeded + 1, days - exceeded))
    return LeftOut(days, exceeded, low, high, probability, every, losing)
