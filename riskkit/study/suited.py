"""What suits a bar: every default that hangs on its length or on the kind of venue, in one place.

A study counts in time. What it leaves out, and what is proposed for prices that have none, is read
here: five-minute bars fill half a year as hours fill six, and a position that is watched for thirty
days passes 8,640 of them, of which the first few hundred decide.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from riskkit.errors import InputError
from riskkit.units import count_bars

FEWEST_BARS = 250
HOUR = pd.Timedelta(hours=1)


@dataclass(frozen=True)
class Suited:
    """Defaults for bars of a length and longer.

    Attributes
    ----------
    shortest : Timedelta
    spec : str
        Volatility model. On bars shorter than a day a skewed t is unsafe (README, "Where it falls
        short").
    minimum_history_days, brief_history_days : float
        Before the first forecast along history; the brief one where the file holds less than twice
        the other.
    refit_every_days : float
        In the walk through history.
    holding_horizon_hours : float
        Long enough that most of the positions that are ever liquidated are, and no longer.
    delay_seconds : float
        Of a perpetual's liquidation: venues close within minutes. A loan waits for its keepers.
    paths, bootstrap_refits : int
    """

    shortest: pd.Timedelta
    spec: str
    minimum_history_days: float
    brief_history_days: float
    refit_every_days: float
    holding_horizon_hours: float
    delay_seconds: float
    paths: int
    bootstrap_refits: int


SUITED = (
    Suited(pd.Timedelta(days=1), "gjr-skewt", 500.0, 500.0, 30.0, 720.0, 3600.0, 100_000, 20),
    Suited(pd.Timedelta(minutes=30), "gjr-normal", 90.0, 21.0, 30.0, 720.0, 3600.0, 100_000, 20),
    Suited(pd.Timedelta(minutes=5), "gjr-normal", 60.0, 14.0, 30.0, 48.0, 300.0, 100_000, 8),
    Suited(pd.Timedelta(0), "gjr-normal", 30.0, 7.0, 7.0, 24.0, 300.0, 100_000, 8),
)

#: An owner of a perpetual is told at once and can post at once; a loan's is given a day.
REACTION_HOURS = {"perpetual": 1.0, "loan": 24.0}
LOAN_DELAY_SECONDS = 3600.0


@dataclass(frozen=True)
class Pace:
    """The rhythm of a walk through history, in bars.

    Attributes
    ----------
    minimum_bars : int
        Returns before the first forecast.
    refit_every : int
    """

    minimum_bars: int
    refit_every: int


def suited(bar: pd.Timedelta) -> Suited:
    """The defaults of a bar's length."""
    return next(row for row in SUITED if bar >= row.shortest)


def bars_of_days(days: float, bar: pd.Timedelta, argument: str) -> int:
    """Days of the clock counted in bars, rounded up."""
    return count_bars(pd.Timedelta(days=days), bar, argument).bars


def check_fewest(bars: int, days: float, bar: pd.Timedelta) -> None:
    """Refuse a time that holds too few bars for a fit.

    Raises
    ------
    InputError
    """
    if bars < FEWEST_BARS:
        needed = FEWEST_BARS * bar / pd.Timedelta(days=1)
        raise InputError(
            "model.minimum_history_days",
            days,
            f"must hold {FEWEST_BARS} bars or more to fit on, and holds {bars}",
            f"Give {needed:g} days or more",
        )
