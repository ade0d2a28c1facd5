"""Three generations: matched on the first half, honest on the second."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from riskkit.calibration.question import venue_of
from riskkit.errors import InputError
from riskkit.lab.proof_figures import generations_figure
from riskkit.market import PriceHistory
from riskkit.market.quality import inspect_quality
from riskkit.position import Side
from riskkit.proof.generations import (
    SCALES,
    Generations,
    compare_generations,
    match_rate,
    split_history,
)
from riskkit.proof.policies import Generation, Policy, constant_policy, dynamic_policy
from riskkit.proof.replay import lags_of
from riskkit.proof.schedule import Lags
from riskkit.study.case import Case
from riskkit.venue.mechanism import Loan, Mechanism, Perpetual, Slippage
from riskkit.venue.run import run_mechanism
from tests.support import small_study

STUDY = small_study(mechanism={"oracle_deviation_fraction": 0.0, "slippage_fraction": 0.01})
VENUE = venue_of(STUDY, pd.Timedelta(days=1))


@pytest.fixture(scope="module")
def compared(btc_daily: PriceHistory) -> Generations:
    return compare_generations(Case.of(small_study(), btc_daily), rate=0.02, lag_days=(0, 3))


def test_the_judge_counts_what_the_second_half_counts(compared: Generations) -> None:
    """Same defaults and bad debt as the table's; time at risk by hand, from who ended when."""
    rows = compared.table[compared.table["reason"] == ""].reset_index(drop=True)
    judged = compared.measures
    assert len(judged) == len(rows)
    horizon = 30.0
    for (_, row), (_, found) in zip(rows.iterrows(), judged.iterrows(), strict=True):
        days = row["defaults"] / found["account_day"] if row["defaults"] else np.nan
        if row["defaults"]:
            assert row["positions"] < days <= row["positions"] * horizon
            owed = found["oi_year_bps"] * days / 365.0
            assert owed == pytest.approx(row["bad_debt_bps"] * row["positions"], rel=1e-9)
        assert found["account_day_low"] <= found["account_day"] <= found["account_day_high"]
        assert found["days_with_defaults"] == row["episodes"]


@pytest.mark.parametrize("side", list(Side))
def test_fixed_margins_fare_as_the_readable_mechanism_says(btc_daily, side):
    close, lags = btc_daily.close.to_numpy(), lags_of(STUDY.periods(btc_daily.bar), VENUE)
    opened = np.arange(0, len(close) - lags.bars, 23)
    policy = constant_policy(Generation.FIXED, side, len(close), 0.08)
    strict, opening = policy.margins(VENUE, 0.05)
    outcome, debt = policy.run(VENUE, np.log(close), opened, 0.05, lags)
    position = Perpetual(side, float(opening[0]), float(strict[0]), penalty=VENUE.fee)
    mechanism = Mechanism(delay=lags.delay, slippage=Slippage(rate=0.01))
    assert outcome.defaulted.any()
    for i, start in enumerate(opened):
        one = run_mechanism(close[start : start + lags.bars + 1], position, mechanism, lags.horizon)
        assert (one.trigger_bar, one.default_bar) == (
            outcome.trigger_bar[i],
            outcome.default_bar[i],
        )
        assert debt[i] == pytest.approx(one.loss, abs=1e-12)


def test_a_loan_fares_as_the_readable_mechanism_says(btc_daily):
    study = small_study(
        venue={"kind": "loan", "liquidation_bonus_fraction": 0.07},
        mechanism={"oracle_deviation_fraction": 0.0, "slippage_fraction": 0.01},
    )
    venue = venue_of(study, btc_daily.bar)
    close, lags = btc_daily.close.to_numpy(), lags_of(study.periods(btc_daily.bar), venue)
    opened = np.arange(0, len(close) - lags.bars, 23)
    policy = constant_policy(Generation.FIXED, Side.LONG, len(close), 0.08)
    strict, opening = policy.margins(venue, 0.05)
    assert 1 - strict[0] == pytest.approx(0.95 / 1.07)
    outcome, debt = policy.run(venue, np.log(close), opened, 0.05, lags)
    loan = Loan(1 - float(opening[0]), 1 - float(strict[0]), 0.07)
    mechanism = Mechanism(delay=lags.delay, slippage=Slippage(rate=0.01))
    assert outcome.defaulted.any()
    for i, start in enumerate(opened):
        one = run_mechanism(close[start : start + lags.bars + 1], loan, mechanism, lags.horizon)
        assert one.default_bar == outcome.default_bar[i]
        assert debt[i] == pytest.approx(one.loss, abs=1e-12)


@pytest.mark.parametrize("side", list(Side))
def test_static_collateral_fails_when_a_close_exhausts_it(btc_daily, side):
    close, lags = btc_daily.close.to_numpy(), lags_of(STUDY.periods(btc_daily.bar), VENUE)
    opened = np.arange(len(close) - lags.bars)
    policy = constant_policy(Generation.STATIC, side, len(close), 0.0)
    outcome, _ = policy.run(VENUE, np.log(close), opened, 0.2, lags)
    margin, cost, s = policy.margins(VENUE, 0.2)[1][0], VENUE.cost_of_closing, side.sign
    for i in opened:
        ratio = close[i + 1 : i + lags.horizon + 1] / close[i]
        equity = margin + s * (ratio - 1.0) - ratio * cost
        under = np.flatnonzero(equity < 0.0)
        assert outcome.default_bar[i] == (under[0] + 1 if under.size else 0)
    assert outcome.defaulted.sum() > 50


def test_every_policy_is_the_cheapest_that_keeps_the_first_half_at_the_rate(btc_daily):
    study = small_study()
    venue = venue_of(study, btc_daily.bar)
    lags = lags_of(study.periods(btc_daily.bar), venue)
    halves, split = split_history(btc_daily, study.pace(btc_daily.bar).minimum_bars + 3, lags)
    times = btc_daily.bars.index
    assert times[halves.first[-1] + lags.bars] < split == times[halves.second[0]]
    assert halves.second[-1] + lags.bars == len(times) - 1
    close = np.log(btc_daily.close.to_numpy())
    for generation in (Generation.STATIC, Generation.FIXED):
        policy = constant_policy(generation, Side.LONG, len(times), 0.06)
        scale, hits = match_rate(policy, venue, close, halves.first, lags, 0.02)
        allowed = int(0.02 * len(halves.first))
        assert hits <= allowed
        step = SCALES[1] / SCALES[0]
        less, _ = policy.run(venue, close, halves.first, scale / step, lags)
        assert less.defaulted.sum() > allowed


def test_the_table_is_of_the_second_half_only(btc_daily, compared):
    t = compared.table
    assert (t["first_defaults"] <= 0.02 * t["first_positions"]).all()
    assert len(t) == 2 * (2 + 2 * 2)
    for _, r in t.iterrows():
        f = compared.failures
        mine = f[
            (f["generation"] == r["generation"])
            & (f["lag_days"] == r["lag_days"])
            & (f["side"] == r["side"])
        ]
        assert len(mine) == r["defaults"]
        assert (mine["opened"] >= compared.split).all()
        assert (mine["closed"] > mine["opened"]).all()
        assert (mine["bad_debt"] > 0.0).all()
        assert mine["bad_debt"].sum() / r["positions"] * 1e4 == pytest.approx(r["bad_debt_bps"])
        margins = compared.margins[(r["generation"], r["lag_days"], r["side"])]
        after = margins[margins.index >= compared.split].iloc[: -lags_bars(compared, btc_daily)]
        assert after.mean() == pytest.approx(r["mean_margin"])
        assert after.max() == pytest.approx(r["largest_margin"])
        rise = (after.to_numpy()[5:] / after.to_numpy()[:-5]).max()
        assert rise == pytest.approx(r["rise_5_days"])


def lags_bars(compared: Generations, history: PriceHistory) -> int:
    study = compared.study
    return lags_of(study.periods(history.bar), venue_of(study, history.bar)).bars


def test_constant_policies_do_not_move_and_overlays_calm_the_others(compared):
    t = compared.table.set_index(["generation", "lag_days", "side"])["peak_to_trough"]
    for side in ("long", "short"):
        assert t["I", 0, side] == t["II", 0, side] == 1.0
        for lag in (0, 3):
            assert 1.0 < t["II-dynamic, overlays", lag, side] < t["II-dynamic", lag, side]


def test_watching_saves_capital(compared):
    # What liquidation is for: the same default rate at a fraction of the collateral.
    t = compared.table.set_index(["generation", "lag_days", "side"])["mean_margin"]
    for side in ("long", "short"):
        assert t["II", 0, side] < t["I", 0, side]


def test_a_lag_moves_the_requirement_and_nothing_else(btc_daily, btc_calibration):
    times = btc_daily.bars.index
    for tools in (False, True):
        now, late = (
            dynamic_policy(VENUE, btc_calibration.dynamic, Side.LONG, times, lag, tools)
            for lag in (0, 5)
        )
        np.testing.assert_array_equal(late.covered[5:], now.covered[:-5])
        np.testing.assert_array_equal(late.excursion[5:], now.excursion[:-5])


def test_a_margin_published_at_a_close_is_in_force_from_the_next_bar():
    covered = np.where(np.arange(12) >= 5, 0.5, 0.1)
    policy = Policy(Generation.DYNAMIC, Side.LONG, 0, covered, np.full(12, 0.05))
    outcome, _ = policy.run(VENUE, np.zeros(12), np.array([2, 5]), 1.0, Lags(5, 0, 0))
    # The position of bar 2 is overtaken in bar 6; that of bar 5 has already posted the new margin.
    assert outcome.trigger_bar.tolist() == [4, 0]


def test_no_requirement_knows_a_later_price(btc_daily, compared):
    bars = btc_daily.bars.copy()
    times = bars.index
    # After the split, and after a refit of the model (every 300 bars after the first 500).
    cut = next(500 + 300 * k for k in range(9) if times[500 + 300 * k] > compared.split)
    bars.iloc[cut + 1 :] *= 0.5
    changed = replace(
        btc_daily, bars=bars, quality=inspect_quality(bars, btc_daily.bar, btc_daily.calendar)
    )
    other = compare_generations(Case.of(small_study(), changed), rate=0.02, lag_days=(0, 3))
    pd.testing.assert_series_equal(other.table["scale"], compared.table["scale"])
    before = compared.margins.index <= times[cut - 1]
    pd.testing.assert_frame_equal(other.margins[before], compared.margins[before])
    assert other.table["defaults"].sum() > compared.table["defaults"].sum()


def test_scaling_every_price_changes_no_number(btc_daily, compared):
    bars = btc_daily.bars * 8.0
    scaled = replace(
        btc_daily, bars=bars, quality=inspect_quality(bars, btc_daily.bar, btc_daily.calendar)
    )
    other = compare_generations(Case.of(small_study(), scaled), rate=0.02, lag_days=(0, 3))
    numbers = ["scale", "defaults", "mean_margin", "bad_debt_bps", "peak_to_trough"]
    pd.testing.assert_frame_equal(other.table[numbers], compared.table[numbers], rtol=1e-3)


def test_a_rate_that_no_margin_keeps_is_a_row_with_its_reason(btc_daily):
    # A fall of 99 % between two closes of the first half, against margins of at most 98 %.
    bars = btc_daily.bars.copy()
    bars.iloc[700:] *= 0.01
    fallen = replace(
        btc_daily, bars=bars, quality=inspect_quality(bars, btc_daily.bar, btc_daily.calendar)
    )
    study = small_study(venue={"sides": ["long"]}, model={"refit_every_bars": 2_000})
    table = compare_generations(Case.of(study, fallen), rate=1e-6, lag_days=(0,)).table
    assert set(table["reason"]) == {"no margin keeps the first half at the rate"}
    assert len(table) == 4


def test_the_headline_joins_the_sides(compared):
    h = compared.headline().set_index(["generation", "lag_days"])
    rows = compared.table.query("generation == 'II-dynamic' and lag_days == 3")
    assert h.loc[("II-dynamic", 3), "defaults"] == rows["defaults"].sum()
    assert h.loc[("II-dynamic", 3), "mean_margin"] == pytest.approx(rows["mean_margin"].mean())


def test_the_figure_marks_every_default_without_lag(compared):
    figure = generations_figure(compared)
    marked = [t for t in figure.data if t.mode == "markers" and t.name != "defaulted"]
    crosses = sum(len(t.x) for t in marked)
    assert crosses == int((compared.failures["lag_days"] == 0).sum())


def test_rates_lags_and_short_histories_are_checked(btc_daily):
    with pytest.raises(InputError, match=r"rate: got 1.5; must lie strictly between"):
        compare_generations(Case.of(small_study(), btc_daily), rate=1.5)
    with pytest.raises(InputError, match=r"lag_days: .*must not be negative"):
        compare_generations(Case.of(small_study(), btc_daily), lag_days=(-1,))
    short = btc_daily.between(None, btc_daily.bars.index[600])
    with pytest.raises(InputError, match=r"must leave 200 positions"):
        compare_generations(Case.of(small_study(), short))
