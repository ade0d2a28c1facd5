"""What a law would have published on a day, and what came: beside each other, for one case.

A single case proves nothing and is remembered: whoever reads a band wants to know what it said the
evening before. Laws rest on what was known at the end of the day, losses on the days after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskkit.collateral.basis import BasisSpec, basis_margins
from riskkit.collateral.peg import THRESHOLD, PeggedCoin, fit_pegs
from riskkit.errors import InputError

DAYS = 60


@dataclass(frozen=True)
class PegAftermath:
    """A stratum's law as of a day, and the deepest close of one of its coins after it.

    Attributes
    ----------
    once_in_1000, once_in_10000 : float
        Loss of one day, fractions of the peg.
    low, high : float
        90 % band of the second.
    came : float
        Largest distance below the peg at a close within the days after.
    """

    coin: str
    stratum: str
    as_of: str
    once_in_1000: float
    once_in_10000: float
    low: float
    high: float
    came: float


@dataclass(frozen=True)
class BasisAftermath:
    """The margin of a token's basis as of a day, and the fall that came after it.

    Attributes
    ----------
    margins : dict of int to float
        By horizon in bars, as they stood at the end of the day.
    largest : dict of int to float
        The largest that each had been until then.
    came : dict of int to float
        Largest fall of the basis over each horizon's bars from that day.
    worst : float
        Largest fall within the 60 days after it.
    """

    as_of: str
    margins: dict[int, float]
    largest: dict[int, float]
    came: dict[int, float]
    worst: float


def peg_aftermath(
    coins: Sequence[PeggedCoin],
    day: str | pd.Timestamp,
    *,
    days: int = DAYS,
    threshold: float = THRESHOLD,
    thin: bool = True,
) -> list[PegAftermath]:
    """What each coin's stratum would have published at the end of a day, and what came.

    Parameters
    ----------
    coins : sequence of PeggedCoin
        With the prices that came.

    Raises
    ------
    InputError
        If nothing was known on that day, or too few episodes.
    """
    end = _end_of(day)
    known = [coin for coin in (each.until(end) for each in coins) if coin is not None]
    if not known:
        rule = "must be a day on which prices of a coin were known"
        raise InputError("as-of", str(day), rule, "Choose a later day")
    laws, found = fit_pegs(known, threshold=threshold, thin=thin), []
    for coin in coins:
        after = coin.price.loc[end : end + pd.Timedelta(days=days)]
        if after.empty or coin.stratum not in laws:
            continue
        law = laws[coin.stratum]
        losses = (law.loss(1e-3), law.loss(1e-4), *law.band(1e-4))
        came = max(0.0, 1.0 - float(after.min()))
        found.append(PegAftermath(coin.name, coin.stratum, f"{end - _DAY:%Y-%m-%d}", *losses, came))
    return found


def basis_aftermath(
    basis: pd.Series,
    day: str | pd.Timestamp,
    horizons: Sequence[int] = (1, 10, 30),
    *,
    spec: BasisSpec | None = None,
) -> BasisAftermath:
    """What a token's margins were at the end of a day, and what its basis lost from there.

    Raises
    ------
    InputError
        If too few bars were known, or none came after.
    """
    end = _end_of(day)
    known, after = basis.loc[basis.index < end], basis.loc[basis.index >= end]
    if after.empty:
        rule = "must lie before the last bar"
        raise InputError("as-of", str(day), rule, "Choose an earlier day")
    made = basis_margins(known, horizons, spec)
    last = float(known.iloc[-1])
    falls = 1.0 - np.exp(after.to_numpy(dtype=np.float64) - last)
    came = {bars: max(0.0, float(falls[:bars].max())) for bars in horizons}
    soon = after.index < end + pd.Timedelta(days=DAYS)
    worst = max(0.0, float(falls[soon].max())) if soon.any() else 0.0
    largest = {bars: float(made.walk[bars]["margin"].max()) for bars in horizons}
    return BasisAftermath(f"{end - _DAY:%Y-%m-%d}", dict(made.now), largest, came, worst)


_DAY = pd.Timedelta(days=1)


def _end_of(day: str | pd.Timestamp) -> pd.Timestamp:
    found = pd.Timestamp(day)
    found = found.tz_localize("UTC") if found.tz is None else found.tz_convert("UTC")
    return found.normalize() + _DAY
