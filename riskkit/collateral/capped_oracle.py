"""A capped oracle of a staked token, and the healthy accounts that a cap can liquidate.

    price = min(rate, snapshot ratio x (1 + growth x years since the snapshot)) x base

The cap protects against a rate that is pushed up, and does nothing against a de-peg; a cap below
the true rate marks collateral low and liquidates accounts that were sound. Ratio and time of the
snapshot are one pair: a change that moves the time in full while it limits the ratio is such a cap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError

Array = npt.NDArray[np.float64]

YEAR_SECONDS = 365.0 * 86_400.0


@dataclass(frozen=True)
class RateCap:
    """The largest rate that an oracle believes.

    Attributes
    ----------
    ratio : float
        Of the snapshot: base per token.
    time : Timestamp
        Of the snapshot, UTC.
    growth : float
        Largest growth a year, a fraction.
    """

    ratio: float
    time: pd.Timestamp
    growth: float

    def __post_init__(self) -> None:
        if not (self.ratio > 0.0 and 0.0 <= self.growth < 10.0):
            rule = "must be a ratio above 0 and a yearly growth in [0, 10)"
            raise InputError("cap", (self.ratio, self.growth), rule, "Use 1.2 and 0.09, say")

    def largest(self, moment: pd.Timestamp) -> float:
        """Largest rate believed at a moment.

        Raises
        ------
        InputError
            If the snapshot is of the future.
        """
        seconds = (moment - self.time).total_seconds()
        if seconds < 0.0:
            rule = f"must not lie after {moment}"
            raise InputError("snapshot", str(self.time), rule, "Use a value that has been seen")
        return self.ratio * (1.0 + self.growth * seconds / YEAR_SECONDS)

    def marked_low(self, rate: float, moment: pd.Timestamp) -> float:
        """By how much the oracle marks the token low, a fraction; 0 below the cap."""
        return max(0.0, 1.0 - self.largest(moment) / rate)


@dataclass(frozen=True)
class UnfairLiquidations:
    """Accounts that a mark makes liquidatable while their collateral is worth enough.

    Attributes
    ----------
    accounts : ndarray (k,) of int
        Positions of them.
    collateral : float
        Tokens that they hold.
    marked_low : float
    """

    accounts: npt.NDArray[np.int64] = field(repr=False)
    collateral: float
    marked_low: float


def unfair_liquidations(
    collateral: Array, debt: Array, threshold: float, rate: float, marked_low: float
) -> UnfairLiquidations:
    """Loans of the base against the token that only the mark liquidates.

    Parameters
    ----------
    collateral, debt : ndarray (A,)
        Tokens, and base owed.
    threshold : float
        Liquidation threshold.
    rate : float
        Base per token, true.
    marked_low : float
        Of the oracle's rate, a fraction.
    """
    health = collateral * rate * threshold / debt
    hit = np.flatnonzero((health >= 1.0) & (health * (1.0 - marked_low) < 1.0))
    return UnfairLiquidations(hit, float(collateral[hit].sum()), marked_low)


def fitted_growth(rate: pd.Series, *, bars: int = 30, margin: float = 0.1) -> float:
    """Yearly growth that no stretch of ``bars`` has exceeded, and a margin on it.

    Raises
    ------
    InputError
        If there are too few bars.
    """
    values = rate.to_numpy(dtype=np.float64)
    if values.size <= bars:
        rule = f"must be more than {bars} bars"
        raise InputError("rate", f"{values.size} bars", rule, "Load a longer history")
    seconds = np.diff(pd.DatetimeIndex(rate.index).as_unit("ns").asi8)
    years = np.append(0.0, np.cumsum(seconds)) / 1e9 / YEAR_SECONDS
    grown = (values[bars:] / values[:-bars] - 1.0) / (years[bars:] - years[:-bars])
    return max(0.0, float(grown.max())) * (1.0 + margin)


def states_of_change(
    live: RateCap, target: RateCap, largest_change: float, *, together: bool
) -> list[RateCap]:
    """Every state on the way to a new snapshot whose ratio moves by a limited share a step.

    Parameters
    ----------
    largest_change : float
        Of the ratio in a step, a fraction of the ratio before it.
    together : bool
        Whether the time moves with the ratio, by the same part of the way; else it moves in full at
        the first step.

    Raises
    ------
    InputError
        Unless the largest change is positive.
    """
    if not largest_change > 0.0:
        rule = "must be a positive fraction of the ratio"
        raise InputError("largest_change", largest_change, rule, "Use 0.03, say")
    states, ratio = [], live.ratio
    while ratio != target.ratio:
        low, high = ratio * (1.0 - largest_change), ratio * (1.0 + largest_change)
        ratio = min(max(target.ratio, low), high)
        done = (ratio - live.ratio) / (target.ratio - live.ratio)
        time = live.time + done * (target.time - live.time) if together else target.time
        states.append(RateCap(ratio, time, target.growth))
    return states or [target]


def check_states(
    states: Sequence[RateCap],
    rate: float,
    moment: pd.Timestamp,
    *,
    tolerance: float = 0.0,
    collateral: Array | None = None,
    debt: Array | None = None,
    threshold: float = 1.0,
) -> pd.DataFrame:
    """Mark the token in every state of a change; refuse a change through a bad one.

    Returns
    -------
    DataFrame
        ``step, ratio, time, largest, marked_low, unfair`` (accounts; 0 without positions).

    Raises
    ------
    InputError
        If a state marks the token low by more than the tolerance: it names the step, by how much,
        and how many healthy accounts it would liquidate.
    """
    rows = []
    for step, state in enumerate(states, start=1):
        low, unfair = state.marked_low(rate, moment), 0
        if collateral is not None and debt is not None:
            unfair = len(unfair_liquidations(collateral, debt, threshold, rate, low).accounts)
        rows.append((step, state.ratio, state.time, state.largest(moment), low, unfair))
        if low > tolerance:
            hit = f" and liquidates {unfair} healthy accounts" if unfair else ""
            rule = f"must not mark the token low; it does by {low:.2%}{hit}"
            remedy = "Move the snapshot's time with its ratio, or its ratio alone first"
            raise InputError(f"step {step} of the change", f"{state.ratio:.6g}", rule, remedy)
    columns = ["step", "ratio", "time", "largest", "marked_low", "unfair"]
    return pd.DataFrame(rows, columns=columns)
