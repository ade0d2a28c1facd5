"""How much of a margin is the length of its bars, which bar to use, and what an export refuses."""

import math

import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.study.coarse import check_bar, coarseness_of
from riskkit.study.study import Periods
from riskkit.units import count_bars


def periods(bar: str, delay: str, latency: str = "0s") -> Periods:
    length = pd.Timedelta(bar)
    day = count_bars(pd.Timedelta("1D"), length)
    late, slow = (count_bars(pd.Timedelta(text), length) for text in (latency, delay))
    return Periods(
        bar=length,
        oracle_latency=late,
        liquidation_delay=slow,
        reaction_time=day,
        holding_horizon=day,
    )


@pytest.mark.parametrize(
    ("bar", "delay", "latency", "counted", "better"),
    [
        ("1D", "1h", "0s", "2D", "1h"),
        ("1h", "1h", "60s", "3h", "15min"),
        ("1h", "1min", "0s", "2h", "1min"),
        ("5min", "10s", "0s", "10min", "1min"),
    ],
)
def test_short_delays_name_a_bar_on_which_they_are_not(bar, delay, latency, counted, better):
    found = coarseness_of(periods(bar, delay, latency))
    asked = pd.Timedelta(delay) + pd.Timedelta(latency)
    assert found.counted == pd.Timedelta(counted)
    assert found.share == pytest.approx(1.0 - math.sqrt(asked / found.counted))
    assert found.short_beside
    assert found.better == pd.Timedelta(better)
    assert f"{100 * found.share:.0f} %" in found.statement


def test_a_bar_as_long_as_its_delay_is_not_coarse():
    found = coarseness_of(periods("5min", "5min"))
    assert not found.short_beside
    assert coarseness_of(periods("5min", "1h")).share < found.share
    check_bar(periods("5min", "5min"), allow_coarse=False)


def test_a_margin_that_is_mostly_its_bars_is_exported_knowingly_only():
    with pytest.raises(
        InputError, match=r"data.bar: got 1 d; is long beside .* 86 % .*bars of 1 h"
    ):
        check_bar(periods("1D", "1h"), allow_coarse=False)
    check_bar(periods("1D", "1h"), allow_coarse=True)
