"""The walk-forward: no look-ahead, lag and update, an independent slow form, bad input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.market import Calendar, PriceHistory, TableSource, history_from_table, log_returns
from riskkit.position import Side
from riskkit.tail.extremes import ThresholdRule
from riskkit.tail.horizon import TailQuestion
from riskkit.tail.shocks import TailMethod
from riskkit.validation.backtest import Backtest, BacktestPlan, backtest, refit_along
from riskkit.validation.battery import (
    Grade,
    coverage_table,
    rests_on,
    run_battery,
    side_report,
)
from riskkit.validation.verdict import verdict_table
from riskkit.venue.procyclicality import Floor
from riskkit.volatility.filtering import filter_returns
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.spec import VolatilitySpec

SPEC = VolatilitySpec.parse("gjr-t")
PLAN = BacktestPlan(minimum_bars=600, refit_every=400)


@pytest.fixture(scope="module")
def base(btc_daily: PriceHistory) -> Backtest:
    return backtest(btc_daily, SPEC, plan=PLAN)


def test_every_row_is_dated_and_whole(base, btc_daily):
    t = base.table
    assert len(t) == 2 * (1401 - 600)
    assert base.refits == 3
    assert (t["origin"] == t["start"]).all()
    assert (t["target"] - t["start"] == pd.Timedelta(days=1)).all()
    assert (t["fit_origin"] <= t["origin"]).all()
    assert not t.isna().any().any()
    assert (t["exception"] == (t["loss"] > t["var"])).all()
    assert (t["es"] > t["var"]).all()
    assert t["margin"].equals(t["var"].rename("margin"))
    assert base.beyond.shape == (len(t), 25)
    assert base.beyond.mean(axis=1) == pytest.approx(t["es"].to_numpy())
    last = base.skipped.iloc[-1]
    assert (last["start"], last["reason"]) == (btc_daily.last, "history ends first")


def test_rows_equal_a_slow_independent_form(base, btc_daily):
    r = log_returns(btc_daily).values
    rows = base.side(Side.LONG)
    for k in (600, 777, 1100, 1390):  # returns known at the origin
        row = rows.iloc[k - 600]
        refit = 600 + (k - 600) // 400 * 400
        fit = fit_volatility(r.iloc[:refit], SPEC)
        sigma = filter_returns(fit, r.iloc[:k]).next_sigma
        z = np.sort(fit.residuals.to_numpy())
        q = np.interp(0.01, np.arange(1, z.size + 1) / (z.size + 1), z)
        assert row["var"] == pytest.approx(1 - np.exp(fit.params["mu"] + sigma * q))
        close = btc_daily.close
        assert row["origin"] == r.index[k - 1]
        assert row["loss"] == pytest.approx(1 - close.loc[r.index[k]] / close.loc[r.index[k - 1]])


def test_no_row_knows_its_future(base, btc_daily):
    # Prices after a bar are changed out of all proportion: nothing up to it may move.
    cut = base.table["target"].iloc[300]
    bars = btc_daily.bars.copy()
    later = bars.index > cut
    bars.loc[later, "close"] *= np.exp(np.random.default_rng(0).normal(0, 0.3, later.sum()))
    changed = backtest(replace(btc_daily, bars=bars), SPEC, plan=PLAN)
    until = [t.table[t.table["target"] <= cut].reset_index(drop=True) for t in (base, changed)]
    pd.testing.assert_frame_equal(*until)
    assert len(until[0]) == 2 * 301
    assert not base.table["var"].equals(changed.table["var"])


def test_lag_takes_the_forecast_of_an_earlier_bar(base, btc_daily):
    lagged = backtest(btc_daily, SPEC, plan=replace(PLAN, apply_lag=3))
    for side in Side:
        now, late = base.side(side), lagged.side(side)
        assert late["var"].to_numpy() == pytest.approx(now["var"].to_numpy()[:-3])
        assert (late["start"] - late["origin"] == pd.Timedelta(days=3)).all()
        assert late["loss"].to_numpy() == pytest.approx(now["loss"].to_numpy()[3:])


def test_updates_keep_the_published_margin_in_force(base, btc_daily):
    weekly = backtest(btc_daily, SPEC, plan=replace(PLAN, update_every=7, apply_lag=1))
    rows, daily = weekly.side(Side.SHORT), base.side(Side.SHORT)
    published = rows["origin"].drop_duplicates()
    assert (published.diff().dropna() == pd.Timedelta(days=7)).all()
    lag = rows["start"] - rows["origin"]
    assert lag.min() == pd.Timedelta(days=1)
    assert lag.max() == pd.Timedelta(days=7)
    assert rows["var"].nunique() == len(published)
    by_origin = daily.set_index("origin")["var"]
    assert rows["var"].to_numpy() == pytest.approx(by_origin.loc[rows["origin"]].to_numpy())


def test_given_fits_change_nothing_and_must_belong(base, btc_daily):
    refits = refit_along(btc_daily, SPEC, PLAN)
    assert len(refits) == 3
    pd.testing.assert_frame_equal(
        base.table, backtest(btc_daily, SPEC, plan=PLAN, refits=refits).table
    )
    for other in (replace(PLAN, refit_every=200), replace(PLAN, minimum_bars=500)):
        with pytest.raises(InputError, match="refits: got none of gjr-t with origin 202"):
            backtest(btc_daily, SPEC, plan=other, refits=refits)
    with pytest.raises(InputError, match="refits: got none of garch-t"):
        backtest(btc_daily, VolatilitySpec.parse("garch-t"), plan=PLAN, refits=refits)


def test_costs_and_overlays_enter_the_margin_and_not_var(base, btc_daily):
    plan = replace(PLAN, slippage=0.01, fee=0.001, overlays=(Floor(0.12),))
    t = backtest(btc_daily, SPEC, plan=plan).table
    assert t["var"].equals(base.table["var"])
    sign = np.where(t["side"] == "long", 1, -1)
    plain = t["var"] + (1 - sign * t["var"]) * 0.011
    assert t["margin"].to_numpy() == pytest.approx(np.maximum(plain, 0.12).to_numpy())
    assert (t["margin"] == 0.12).any()


@pytest.mark.parametrize("method", list(TailMethod))
def test_several_bars_are_tested_on_disjoint_periods(btc_daily, method):
    question = TailQuestion(confidence=0.95, bars=5, paths=5_000)
    result = backtest(btc_daily, SPEC, method=method, question=question, plan=PLAN)
    rows = result.side(Side.LONG).reset_index()
    assert len(rows) == (1401 - 600) // 5
    assert (rows["start"].iloc[1:].to_numpy() == rows["target"].iloc[:-1].to_numpy()).all()
    close = btc_daily.close
    loss = 1 - close.loc[rows["target"]].to_numpy() / close.loc[rows["start"]].to_numpy()
    assert rows["loss"].to_numpy() == pytest.approx(loss)
    assert rows["exception"].mean() < 0.10
    assert (rows["tail_probability"] < 0.5).mean() == pytest.approx(0.5, abs=0.12)


def test_a_refused_pareto_tail_is_a_row_with_its_reason(btc_daily):
    question = TailQuestion(rule=ThresholdRule(0.1, minimum=900))
    t = backtest(btc_daily, SPEC, method=TailMethod.EXTREMES, question=question, plan=PLAN).table
    early = t["fit_origin"] == t["fit_origin"].min()
    assert (t.loc[early, "tail"] == "filtered").all()
    assert t.loc[early, "health"].str.contains("Pareto tail refused: losses: got").all()
    assert (t.loc[~early, "tail"] == "extremes").all()


def test_periods_across_holes_are_skipped_with_their_reason(eth_daily):
    part = eth_daily.between("2020-01-01", "2021-12-31")
    result = backtest(part, SPEC, plan=replace(PLAN, minimum_bars=200))
    reasons = result.skipped["reason"].value_counts()
    assert reasons["crosses a hole"] >= 4
    steps = result.table["target"] - result.table["start"]
    assert (steps == pd.Timedelta(days=1)).all()


def test_the_report_and_the_battery(base):
    report = side_report(base, Side.SHORT)
    flags = base.side(Side.SHORT)["exception"]
    assert (report.observations, report.exceptions) == (801, flags.sum())
    assert report.low <= report.exceptions <= report.high
    assert report.passed
    assert 0.5 < report.power < 0.9
    table = verdict_table(run_battery(base, Side.LONG, seed=1, draws=200))
    assert len(table) == 16
    assert not table.isna().any().any()
    again = verdict_table(run_battery(base, Side.LONG, seed=1, draws=200))
    pd.testing.assert_frame_equal(table, again)
    both = coverage_table([side_report(base, Side.LONG), report])
    assert list(both.index) == [("BTC/USD", "long"), ("BTC/USD", "short")]


def test_a_wrong_model_fails_and_says_why(base):
    halved = base.table.assign(var=base.table["var"] / 2)
    halved["exception"] = halved["loss"] > halved["var"]
    report = side_report(replace(base, table=halved), Side.SHORT)
    assert not report.passed
    assert "exceptions, not 3 to 14" in report.reason
    assert "conditional coverage" in report.reason
    few = replace(base, table=base.table[base.table["start"] < base.table["start"].iloc[700]])
    report = replace(side_report(few, Side.SHORT), independence=())
    assert not report.passed
    assert report.grade is Grade.NOT_REJECTED
    assert "on 700 observations" in report.reason


def test_exceptions_that_cluster_are_amber_at_best_whatever_their_count(base):
    assert side_report(base, Side.SHORT).grade is Grade.PASSED
    flags = np.zeros(801, dtype=bool)
    flags[[100, 103, 106, 300, 303, 500, 503, 506]] = True  # eight in 801, in three bunches
    table = base.table.copy()
    table.loc[table["side"] == "short", "exception"] = flags
    report = side_report(replace(base, table=table), Side.SHORT)
    assert report.low <= report.exceptions <= report.high
    assert report.conditional_coverage > 0.05
    assert report.passed  # by count and conditional coverage alone
    assert report.grade is Grade.AMBER
    assert "durations p = " in report.reason
    assert all(v.name in rests_on(report) for v in report.independence)


def test_bad_input(btc_daily, base):
    with pytest.raises(InputError, match="history: got 1401 returns; needs more than"):
        backtest(btc_daily, SPEC, plan=replace(PLAN, minimum_bars=1400, apply_lag=9))
    with pytest.raises(InputError, match="update_every: got 0; must be at least 1"):
        backtest(btc_daily, SPEC, plan=replace(PLAN, update_every=0))
    with pytest.raises(InputError, match="bars: got 900"):
        backtest(btc_daily, SPEC, question=TailQuestion(bars=900), plan=PLAN)
    few = base.table.groupby("side").head(9)
    short = replace(base, table=few, beyond=base.beyond[few.index])
    with pytest.raises(InputError, match="must have at least 20 rows a side"):
        run_battery(short, Side.LONG, seed=1)


def test_a_session_calendar_has_no_holes():
    times = pd.bdate_range("2015-01-01", periods=700, tz="UTC")
    steps = np.random.default_rng(1).standard_t(5, 700) * 0.01
    table = pd.DataFrame({"close": 100 * np.exp(np.cumsum(steps))}, index=times.rename("time"))
    history = history_from_table(
        table, TableSource("X", "made here"), bar="1d", calendar=Calendar.SESSIONS
    )
    result = backtest(history, SPEC, plan=replace(PLAN, minimum_bars=400))
    assert len(result.table) == 2 * 299
    assert result.skipped["reason"].to_list() == ["history ends first"]
