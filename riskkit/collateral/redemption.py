"""What a staked token is worth to who can wait: redeemed at its rate, after a queue.

The market's price is a floor only for who must sell now. Who can wait redeems at the rate: of a
loan of the base against the token he loses nothing but the interest that the rate does not earn; of
a loan of money he bears the base over the queue. The rate accrues: expected growth is a drift of
the canonical price, which a cap on growth must let through.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.collateral.basis import BasisSpec, weighted_quantile
from riskkit.collateral.capped_oracle import YEAR_SECONDS
from riskkit.errors import InputError

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RedemptionFloor:
    """What waiting for a queue costs, fractions of the value at the rate; a gain is negative.

    Attributes
    ----------
    days : float
        Of the queue.
    in_base : float
        To a lender of the base: interest less accrual.
    in_money : float
        To a lender of money: the base's own tail over the queue, less accrual.
    accrual : float
        Of the rate over the queue.
    """

    days: float
    in_base: float
    in_money: float
    accrual: float


def accrual_per_year(rate: pd.Series, *, bars: int = 90) -> float:
    """Growth of a redemption rate over its last bars, a fraction a year.

    Raises
    ------
    InputError
        If there are too few bars.
    """
    if len(rate) <= bars:
        rule = f"must be more than {bars} bars"
        raise InputError("rate", f"{len(rate)} bars", rule, "Load a longer history")
    last = rate.iloc[-bars - 1 :]
    times = pd.DatetimeIndex(last.index).as_unit("ns").asi8
    years = float(times[-1] - times[0]) / 1e9 / YEAR_SECONDS
    return float(np.log(last.iloc[-1] / last.iloc[0])) / years


def redemption_floor(
    base: pd.Series,
    days: float,
    *,
    accrual: float = 0.0,
    interest: float = 0.0,
    spec: BasisSpec | None = None,
) -> RedemptionFloor:
    """The floor under a token whose queue is so many days long.

    Parameters
    ----------
    base : Series
        Daily closes of what it stands for, in money.
    days : float
        Longest wait, of a queue that is full.
    accrual, interest : float
        A year: of the rate, and of the loan.

    Raises
    ------
    InputError
        If the wait is negative or longer than the history can tell.
    """
    if not days >= 0.0:
        raise InputError("queue_days", days, "must be 0 or more", "Give the longest wait seen")
    spec, bars = spec or BasisSpec(), int(np.ceil(days))
    logs = np.log(base.to_numpy(dtype=np.float64))
    if not np.isfinite(logs).all() or len(logs) <= 250 + bars:
        rule = f"must be more than {250 + bars} positive closes for a queue of {days:g} days"
        raise InputError("base", f"{len(logs)} closes", rule, "Load a longer history")
    grown, owed = accrual * days / 365.0, interest * days / 365.0
    tail = 0.0
    if bars:
        falls: Array = 1.0 - np.exp(logs[bars:] - logs[:-bars])
        age = np.arange(falls.size - 1, -1, -1.0)
        weights = 0.5 ** (age / spec.half_life)
        tail = max(0.0, weighted_quantile(falls, weights, spec.confidence))
    return RedemptionFloor(days, owed - grown, 1.0 - (1.0 - tail) * (1.0 + grown) + owed, grown)
