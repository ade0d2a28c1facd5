"""Comparisons are the backtests that one would run by hand, on the same fits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import riskkit
from riskkit.errors import InputError
from riskkit.market import log_returns
from riskkit.position import Side
from riskkit.tail.horizon import TailQuestion
from riskkit.tail.shocks import TailMethod
from riskkit.validation.backtest import BacktestPlan, backtest
from riskkit.validation.crashes import CrashMarket, crash_ledger
from riskkit.validation.procyclicality import margin_behaviour
from riskkit.validation.scores import diebold_mariano, fz0_score
from riskkit.venue.procyclicality import Floor, long_run_level
from riskkit.volatility.spec import VolatilitySpec

PLAN = BacktestPlan(minimum_bars=1000, refit_every=500)
PACE = {"minimum_bars": 1000, "refit_every": 500}


def test_tails_are_compared_on_the_same_fits(btc_daily):
    found = riskkit.compare_tails(
        btc_daily, "ewma-normal", confidence=0.975, tails=["filtered", "historical"], **PACE
    )
    spec, question = VolatilitySpec.parse("ewma-normal"), TailQuestion(confidence=0.975)
    one = backtest(btc_daily, spec, method=TailMethod.HISTORICAL, question=question, plan=PLAN)
    pd.testing.assert_frame_equal(found.of("historical").table, one.table)
    assert (found.confidence, found.days) == (0.975, len(one.side(Side.LONG)))
    assert found.coverage().loc[("historical", "long"), "exceptions"] == int(
        one.side(Side.LONG)["exception"].sum()
    )
    scores = [
        fz0_score(rows["loss"], rows["var"], rows["es"], 1.0 - 0.975)
        for rows in (found.of(name).side(Side.SHORT) for name in ("filtered", "historical"))
    ]
    against = found.against("filtered", "historical")["short"]
    assert against["statistic"] == pytest.approx(diebold_mariano(*scores).statistic)
    power = found.power([100, 1000])
    assert list(power.index) == ["100 days", "1,000 days"]
    assert power.is_monotonic_increasing
    assert len(found.verdicts("filtered", "long", seed=1, draws=50)) == 16


def test_policies_are_the_backtests_of_their_plans(btc_daily):
    found = riskkit.compare_policies(
        btc_daily,
        "ewma-normal",
        {"dynamic": {}, "floored late": {"floor_multiple": 2.33, "apply_lag": 7}},
        market="crypto",
        static=["dynamic"],
        slippage=0.005,
        **PACE,
    )
    spec = VolatilitySpec.parse("ewma-normal")
    plan = replace(PLAN, slippage=0.005)
    floor = Floor(long_run_level(log_returns(btc_daily).values, 2.33))
    late = backtest(btc_daily, spec, plan=replace(plan, apply_lag=7, overlays=(floor,))).table
    late = late[late["side"] == "long"]
    pd.testing.assert_frame_equal(found.tables["floored late"], late)
    # All begin where the last of them can.
    assert {table["start"].iloc[0] for table in found.tables.values()} == {late["start"].iloc[0]}
    static = found.margin("static, cost of dynamic")
    assert np.ptp(static) == 0.0
    assert static.iloc[0] == pytest.approx(found.margin("dynamic").mean())
    ledger = crash_ledger(late, CrashMarket.CRYPTO).summary()
    pd.testing.assert_series_equal(found.totals()["floored late"], ledger, check_names=False)
    behaved = margin_behaviour(late.set_index("target")["margin"], found.needed).summary()
    pd.testing.assert_series_equal(found.behaviour()["floored late"], behaved, check_names=False)
    for view in ("margins", "crashes"):
        assert len(riskkit.show(found, view).data) >= 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"policies": {}}, "policies: got none; must name at least one"),
        (
            {"policies": {"a": {"lag": 1}}},
            "policies, a: got lag; must be among apply_lag, correction",
        ),
        ({"policies": {"a": {"refit_every": 9}}}, "policies, a: got refit_every; must be among"),
        ({"market": "tulips"}, "market: got tulips; must be one of crypto"),
        ({"static": ["b"]}, "static: got b; must be among a"),
        ({"pace": 3}, "policies, every policy: got pace; must be among"),
    ],
)
def test_a_policy_that_is_none_is_refused_in_words(btc_daily, change, words):
    asked = {"policies": {"a": {}}, "market": "crypto", **PACE} | change
    with pytest.raises(InputError, match=words):
        riskkit.compare_policies(btc_daily, "ewma-normal", **asked)


def test_a_tail_or_policy_that_was_not_run_is_refused_in_words(btc_daily):
    with pytest.raises(InputError, match="tails: got fat; must be one of parametric"):
        riskkit.compare_tails(btc_daily, "ewma-normal", tails=["fat"])
    found = riskkit.compare_tails(btc_daily, "ewma-normal", tails=["historical"], **PACE)
    with pytest.raises(InputError, match="tail: got aged; must be one of historical"):
        found.of("aged")
