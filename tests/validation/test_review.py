"""The review: levels that do not look ahead, baselines by hand, one table of everything."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from riskkit.errors import InputError
from riskkit.market import PriceHistory, log_returns
from riskkit.position import Side
from riskkit.tail.horizon import TailQuestion
from riskkit.tail.shocks import TailMethod
from riskkit.validation.backtest import BacktestPlan
from riskkit.validation.battery import Grade
from riskkit.validation.crashes import CrashMarket
from riskkit.validation.review import (
    Review,
    against_ewma,
    baseline_table,
    lag_in_bars,
    overlay_table,
    review,
)
from riskkit.validation.scores import fz0_score
from riskkit.volatility.spec import VolatilitySpec

PLAN = BacktestPlan(minimum_bars=600, refit_every=400, slippage=0.01)


def run(history: PriceHistory, **changes: object) -> Review:
    arguments = {
        "method": TailMethod.FILTERED,
        "question": TailQuestion(bars=2, paths=4_000),
        "plan": PLAN,
        "market": CrashMarket.CRYPTO,
        "days": (3,),
        "seed": 1,
    }
    return review(history, VolatilitySpec.parse("gjr-t"), **(arguments | changes))


@pytest.fixture(scope="module")
def result(btc_daily) -> Review:
    return run(btc_daily)


def test_every_row_is_in_the_table(result):
    table = result.table()
    kinds = table.groupby(["bars", "lag_days"]).size()
    assert kinds.to_dict() == {(1, 0): 2 * 801, (2, 0): 2 * 400, (2, 3): 2 * 399}
    assert not table.isna().any().any()
    assert (table["needed"] > table["loss"]).all()
    assert result.lagged[0] is result.period
    assert [(r.side, r.observations) for r in result.reports] == [
        ("long", 801), ("short", 801), ("long", 400), ("short", 400),
    ]  # fmt: skip
    few = result.reports[3]
    assert few.reason.startswith("power") == (few.grade is Grade.NOT_REJECTED)
    assert result.reports[2].grade in (Grade.AMBER, Grade.NOT_REJECTED)


def test_one_bar_of_margin_period_is_one_backtest(btc_daily):
    result = run(btc_daily, question=TailQuestion(), days=(0,))
    assert result.one_bar is result.period
    assert len(result.reports) == 2
    assert len(result.table()) == 2 * 801


def test_breaches_count_the_costs(result):
    part = result.period.side(Side.LONG)
    short = part["loss"] + (1 - part["loss"]) * 0.01 - part["margin"]
    row = result.lags.loc[(0, "long")]
    assert row["breaches"] == (short > 0).sum()
    assert row["largest_shortfall"] == pytest.approx(short.max())


def test_overlays_do_not_look_ahead(result, btc_daily):
    # Losses of the second half are none of the first half's business.
    half = btc_daily.between(end=result.period.table["target"].iloc[200])
    early = run(half, days=(0,))
    full = overlay_table(early.period, half)
    again = overlay_table(early.period, btc_daily)
    pd.testing.assert_frame_equal(full, again)


def test_overlays_do_what_they_are_for(result):
    t = result.overlays
    for side in ("long", "short"):
        plain = t.loc[("none", side)]
        buffer, floor = t.loc[("25 % buffer", side)], t.loc[("long-run floor", side)]
        assert plain["mean margin"] < buffer["mean margin"] < 1.25 * plain["mean margin"]
        assert buffer["breach rate"] <= plain["breach rate"]
        assert floor["mean margin"] >= plain["mean margin"]
        assert t.loc[("cap at past 95 %", side)]["mean margin"] < plain["mean margin"]
        limited = t.loc[("speed limit 1.5x in 5", side)]
        assert limited["5-bar rise"] <= 1.5 + 1e-12
        assert buffer["peak to trough"] < plain["peak to trough"]


def test_baselines_by_hand(result, btc_daily):
    r = log_returns(btc_daily).values
    h = (r.iloc[:75] ** 2).mean()
    variances = []
    for x in r:
        h = 0.94 * h + 0.06 * x**2
        variances.append(h)
    sigma = pd.Series(np.sqrt(variances), r.index)
    part = result.period.side(Side.LONG)
    z = stats.norm.ppf(0.99) * sigma.loc[part["origin"]].to_numpy() * math.sqrt(2)
    t = baseline_table(result.period, btc_daily)
    row = t.loc[("EWMA, normal, sqrt(h)", "long")]
    assert row["mean margin"] == pytest.approx((1 - np.exp(-z)).mean())
    assert row["exceptions"] == (part["loss"].to_numpy() > 1 - np.exp(-z)).sum()
    assert t.loc[("SmartLTV, 1 - LTV", "long")]["mean margin"] == pytest.approx(row["mean margin"])
    fixed = t.loc[("fixed leverage 10x", "short")]
    assert fixed["mean margin"] == 0.1
    assert fixed["exceptions"] == (result.period.side(Side.SHORT)["loss"] > 0.1).sum()
    assert t.loc[("riskkit gjr-t, filtered", "long")]["exceptions"] == part["exception"].sum()


def test_the_score_against_ewma_is_the_mean_of_both_sides(result, btc_daily):
    test = against_ewma(result.period, btc_daily)
    own = np.mean(
        [
            fz0_score(p["loss"], p["var"], p["es"], 0.01).mean()
            for p in (result.period.side(side) for side in Side)
        ]
    )
    assert test.observations == 400
    assert math.isfinite(own)
    assert test.mean_difference < 0.0
    assert result.against_ewma == test


def test_days_of_lag_round_up_to_bars(btc_daily, btc_hourly, sp500):
    assert [lag_in_bars(h, 3) for h in (btc_daily, btc_hourly, sp500)] == [3, 72, 3]


def test_a_lag_longer_than_the_history_is_refused(btc_daily):
    with pytest.raises(InputError, match="history: got 1401 returns; needs more than"):
        run(btc_daily, days=(900,))
    with pytest.raises(InputError, match="history: got 1401 returns; needs more than"):
        run(btc_daily, plan=BacktestPlan(minimum_bars=1500))
