"""How much of a margin is the length of its bars, and which bar suits a delay.

A margin covers the bar that jumps through the trigger, the oracle's latency and the delay, each
rounded up to whole bars. Where the venue is faster than its bars, most of that time is rounding. A
loss grows about with the square root of its time: what the asked time leaves of the counted one is
the venue's, the rest is the bar's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from riskkit.errors import InputError
from riskkit.study.study import Periods
from riskkit.units import count_bars, duration

#: Bars that venues and data vendors keep, longest first.
BARS = tuple(pd.Timedelta(text) for text in ("1D", "4h", "1h", "15min", "5min", "1min"))
SHORT_BESIDE, MOSTLY = 0.3, 0.5


@dataclass(frozen=True)
class Coarseness:
    """Delay and latency beside the bars that count them.

    Attributes
    ----------
    bar, asked, counted : Timedelta
        Length of a bar; latency and delay together as asked, and as counted with the bar that jumps
        through the trigger.
    share : float
        Of the loss that the maintenance margin covers, what is the bar's length; about, in [0, 1].
    better : Timedelta or None
        The longest usual bar on which it is no more than `SHORT_BESIDE`; None if no shorter one.
    """

    bar: pd.Timedelta
    asked: pd.Timedelta
    counted: pd.Timedelta
    share: float
    better: pd.Timedelta | None

    @property
    def short_beside(self) -> bool:
        """Whether delay and latency are short beside the bar, so that every output says so."""
        return self.share > SHORT_BESIDE

    @property
    def mostly_rounding(self) -> bool:
        """Whether more than half of the covered loss is the bar's length."""
        return self.share > MOSTLY

    @property
    def statement(self) -> str:
        """For a person who reads a margin."""
        use = "the shortest bars there are" if self.better is None else f"bars of {_word(self)}"
        return (
            f"delay and latency ({duration(self.asked)}) are short beside a bar of "
            f"{duration(self.bar)}: about {100.0 * self.share:.0f} % of the covered loss is the "
            f"bar's length (by the square root of time); use {use}"
        )


def coarseness_of(periods: Periods) -> Coarseness:
    """How coarse a study's bars are beside its delays."""
    asked = periods.oracle_latency.requested + periods.liquidation_delay.requested
    better = next((b for b in BARS if b < periods.bar and _share(periods, b) <= SHORT_BESIDE), None)
    if better is None and periods.bar > BARS[-1]:
        better = BARS[-1]
    counted = periods.margin_period_of_risk * periods.bar
    return Coarseness(periods.bar, asked, counted, _of(asked, counted), better)


def check_bar(periods: Periods, *, allow_coarse: bool) -> None:
    """Refuse a margin that is mostly the length of its bars, unless it is asked for knowingly.

    Raises
    ------
    InputError
    """
    found = coarseness_of(periods)
    if found.mostly_rounding and not allow_coarse:
        better = "shorter bars" if found.better is None else f"bars of {_word(found)}"
        raise InputError(
            "data.bar",
            duration(found.bar),
            f"is long beside delay and latency ({duration(found.asked)}): about "
            f"{100.0 * found.share:.0f} % of the covered loss is the bar's length",
            f"Calibrate on {better}, or export it knowingly with --allow-coarse",
        )


def _share(periods: Periods, bar: pd.Timedelta) -> float:
    lags = (periods.oracle_latency.requested, periods.liquidation_delay.requested)
    counted = (1 + sum(count_bars(lag, bar).bars for lag in lags)) * bar
    return _of(lags[0] + lags[1], counted)


def _of(asked: pd.Timedelta, counted: pd.Timedelta) -> float:
    return 1.0 - math.sqrt(min(asked / counted, 1.0))


def _word(found: Coarseness) -> str:
    assert found.better is not None
    return duration(found.better)
