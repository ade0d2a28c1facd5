"""Positions of a schedule as the judge takes them: each an account of the same weight."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.proof.schedule import Ints, Lags, Schedule
from riskkit.validation.judging import JudgedAccounts, JudgedDays, judge

Array = npt.NDArray[np.float64]

DAY_NS = 86_400_000_000_000


def judge_schedule(
    times: pd.DatetimeIndex,
    bar: pd.Timedelta,
    opened: Ints,
    outcome: Schedule,
    debt: Array,
    lags: Lags,
) -> JudgedDays:
    """Defaults and bad debt of positions (k,), day by day.

    A position is at risk from its opening to its close-out, or to the end of the horizon; what it
    lost falls on the day of the close-out.

    Parameters
    ----------
    times : DatetimeIndex (n,)
        Opens of the bars.
    debt : ndarray (k,)
        Bad debt of each, a fraction of its notional.
    """
    closed = (times.as_unit("ns").asi8 + bar.value) / DAY_NS
    gone = np.where(outcome.liquidated, outcome.trigger_bar + lags.delay, lags.horizon)
    gone = np.where(outcome.defaulted, outcome.default_bar, gone)
    one = np.ones(opened.size)
    return judge(
        JudgedAccounts(
            opened=closed[opened],
            ended=closed[np.minimum(opened + gone, closed.size - 1)],
            account_share=one,
            interest_share=one,
            liquidated=outcome.liquidated,
            defaulted=outcome.defaulted,
            caused=np.zeros(opened.size, dtype=np.bool_),
            bad_debt=debt,
        )
    )


def measured(judged: JudgedDays) -> dict[str, float]:
    """The three measures with their bands, as columns of a table."""
    bands = judged.bands(draws=400)
    found: dict[str, float] = {}
    for name, value in judged.measures().items():
        found |= {name: value, f"{name}_low": bands[name][0], f"{name}_high": bands[name][1]}
    return {**found, "days_with_defaults": judged.episodes}
