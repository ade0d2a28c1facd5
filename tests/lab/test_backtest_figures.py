"""Figures of a review show its numbers, and nothing of their own."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from riskkit.lab.backtest_figures import traffic_light_over_time
from riskkit.lab.backtest_report import review_figures
from riskkit.lab.template import Theme
from riskkit.position import Side
from riskkit.tail.horizon import TailQuestion
from riskkit.tail.shocks import TailMethod
from riskkit.validation.backtest import BacktestPlan
from riskkit.validation.crashes import CrashMarket
from riskkit.validation.review import Review, review
from riskkit.volatility.spec import VolatilitySpec


@pytest.fixture(scope="module")
def result(btc_daily) -> Review:
    return review(
        btc_daily,
        VolatilitySpec.parse("garch-t"),
        method=TailMethod.FILTERED,
        question=TailQuestion(confidence=0.95),
        plan=BacktestPlan(minimum_bars=700, refit_every=400),
        market=CrashMarket.CRYPTO,
        days=(0, 3),
        seed=1,
    )


def test_marks_are_the_exceptions_and_the_breaches(result):
    figures = {name: figure for name, (figure, _) in review_figures(result).items()}
    assert set(figures) == {"exceptions", "traffic-light", "margin-at-lags", "crash-ledger"}
    marks = [t for t in figures["exceptions"].data if t.name == "exception"]
    for trace, side in zip(marks, Side, strict=True):
        part = result.one_bar.side(side)
        assert np.array_equal(trace.y, part.loc[part["exception"], "loss"])
    late = [t for t in figures["margin-at-lags"].data if t.name == "breach, lag 3 d"]
    assert [len(t.y) for t in late] == [result.lags.loc[(3, s.value), "breaches"] for s in Side]
    bars = [t for t in figures["crash-ledger"].data if t.name == "margin in force"]
    rows = result.ledger.rows
    for trace, side in zip(bars, Side, strict=True):
        assert np.array_equal(trace.y, rows.loc[rows["side"] == side.value, "margin"])


def test_the_zones_are_those_of_the_traffic_light(result):
    figure = traffic_light_over_time(result, Theme.DARK)
    green, yellow = (shape.y1 for shape in figure.layout.shapes[:2])
    # Green: a cumulative probability below 95 %.
    assert (
        stats.binom.cdf(int(green), 250, 0.05) < 0.95 <= stats.binom.cdf(int(green + 1), 250, 0.05)
    )
    assert stats.binom.cdf(int(yellow), 250, 0.05) < 0.9999
    window = result.one_bar.side(Side.LONG)["exception"].to_numpy()[-250:].sum()
    assert figure.data[0].y[-1] == window
