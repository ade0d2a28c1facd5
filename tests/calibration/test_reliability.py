"""Predictions held to history: calibrated where the model is true, found out where it is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.calibration.buffer_curve import buffer_curve
from riskkit.calibration.buffers import solve_buffer
from riskkit.calibration.question import Question, venue_of
from riskkit.errors import InputError
from riskkit.lab.proof_figures import reliability_diagram
from riskkit.lab.proof_page import left_out
from riskkit.market import PriceHistory
from riskkit.market.quality import inspect_quality
from riskkit.market.returns import log_returns
from riskkit.paths.model import PathModel
from riskkit.paths.start import Start
from riskkit.position import Side
from riskkit.proof.brier import brier_score
from riskkit.proof.reliability import Reliability, measure_reliability
from riskkit.proof.replay import (
    EVENTS,
    event_rates,
    lags_of,
    replay_schedule,
    simulate_histories,
)
from riskkit.study.case import Case
from riskkit.venue.mechanism import Mechanism, Slippage
from riskkit.venue.oracle import Oracle
from riskkit.venue.run import run_mechanism
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.spec import VolatilitySpec
from tests.support import small_study

TARGETS = (0.02, 0.05)
FAST = {"targets": TARGETS, "paths": 5_000, "histories": 40}


@pytest.fixture(scope="module")
def measured(btc_daily: PriceHistory) -> Reliability:
    return measure_reliability(Case.of(small_study(), btc_daily), **FAST)


@given(
    data=st.lists(st.tuples(st.floats(0.0, 1.0), st.booleans()), min_size=1, max_size=60),
    bins=st.integers(1, 12),
)
@settings(max_examples=100, deadline=None)
def test_the_parts_of_the_brier_score_sum_to_it(data, bins):
    p, y = zip(*data, strict=True)
    s = brier_score(p, y, bins)
    assert s.reliability - s.resolution + s.uncertainty + s.within_bins == pytest.approx(
        s.score, abs=1e-12
    )
    assert min(s.reliability, s.resolution, s.uncertainty) >= 0.0


def test_the_brier_score_of_a_case_by_hand():
    # Forecasts .2 (one event in five) and .6 (three in five): calibrated, and telling apart.
    p = [0.2] * 5 + [0.6] * 5
    y = [1, 0, 0, 0, 0, 1, 1, 1, 0, 0]
    s = brier_score(p, y)
    assert s.score == pytest.approx((0.64 + 4 * 0.04 + 3 * 0.16 + 2 * 0.36) / 10)
    assert (s.reliability, s.within_bins) == (pytest.approx(0.0), pytest.approx(0.0))
    assert (s.resolution, s.uncertainty) == (pytest.approx(0.04), pytest.approx(0.24))
    assert s.skill == pytest.approx(1 / 6)
    off = brier_score([0.5] * 10, y)
    assert off.reliability == pytest.approx(0.01)
    assert off.resolution == pytest.approx(0.0)


def test_brier_refuses_what_is_no_forecast():
    with pytest.raises(InputError, match=r"probability: got 1.2; must lie in \[0, 1\]"):
        brier_score([0.1, 1.2], [0, 1])
    with pytest.raises(InputError, match=r"two vectors of one length"):
        brier_score([0.1], [0, 1])


def test_a_node_of_the_curve_is_the_solved_buffer(btc_daily):
    study = small_study(mechanism={"oracle_deviation_fraction": 0.0})
    fit = fit_volatility(log_returns(btc_daily), VolatilitySpec.parse("gjr-t"))
    question = Question.of(study, fit, btc_daily.bar).changed(paths=5_000)
    curve = buffer_curve(question, Side.SHORT, TARGETS, low=0.02, high=0.05, nodes=3)
    for k, target in enumerate(TARGETS):
        for sigma in curve.sigma:
            here = question.asking(target).changed(start=Start.measured(float(sigma)))
            one = solve_buffer(here, Side.SHORT)
            at = curve.at(sigma, k)
            assert float(at.covered) == pytest.approx(one.covered.value, rel=1e-12)
            assert float(at.excursion) == pytest.approx(one.excursion.value, rel=1e-12)
            assert float(at.within_reaction) == pytest.approx(target, rel=0.35)
    between = curve.at(np.array([0.03, 0.04]), 0)
    assert (np.diff(between.covered) > 0).all()
    assert np.isnan(curve.at(np.array([5.0]), 0).covered).all()


@pytest.mark.parametrize("spec", ["gjr-t", "egarch-t"])
def test_where_the_model_is_true_predictions_hold_on_average(btc_daily, spec):
    study = small_study(
        model={"spec": spec}, mechanism={"holding_horizon_hours": 240.0, "reaction_time_hours": 48}
    )
    fit = fit_volatility(log_returns(btc_daily), VolatilitySpec.parse(spec))
    opened = np.arange(0, 600, 3)
    question = Question.of(study, fit, btc_daily.bar).changed(
        paths=20_000, start=Start.measured(fit.next_sigma)
    )
    found = replay_schedule(question, (0.05,), opened, histories=150)
    for side in Side:
        rates = found[side, 0.05]
        difference = rates.realised - rates.predicted
        error = difference.std(axis=0, ddof=1) / np.sqrt(len(difference))
        # Beside the sampling error, interpolated buffers and 20,000 paths err by a few percent.
        room = 4.0 * error + 0.04 * rates.predicted.mean(axis=0)
        assert (np.abs(difference.mean(axis=0)) < room).all()
        low, high = rates.band(0.95)
        assert (low < 0.0).all()
        assert (high > 0.0).all()


def test_simulated_histories_carry_the_volatility_of_the_bar_after_each_opening(btc_daily):
    study = small_study()
    fit = fit_volatility(log_returns(btc_daily), VolatilitySpec.parse("gjr-t"))
    question = Question.of(study, fit, btc_daily.bar).changed(start=Start.measured(0.03))
    model = question.world.model
    opened = np.array([0, 1, 7, 30])
    ((_, prices, sigma),) = simulate_histories(question, opened, 3)
    for path, found in zip(np.diff(prices, axis=1), sigma, strict=True):
        h, ahead = 0.03**2, []
        for move in path:
            ahead.append(np.sqrt(h))
            e = move - model.mu
            news = model.alpha + (model.gamma if e < 0.0 else 0.0)
            h = model.omega + news * e**2 + model.beta * h
        np.testing.assert_allclose(found, np.array(ahead)[opened], rtol=1e-9)


def test_the_volatility_at_a_refit_is_the_forecast_of_that_fit(btc_daily, measured):
    values = log_returns(btc_daily).values
    for k in (500, 800):
        fit = fit_volatility(values.iloc[:k], VolatilitySpec.parse("gjr-t"))
        scale = PathModel.from_fit(fit, measured.study.model.shocks).sigma_scale
        rows = measured.positions[measured.positions["origin"] == values.index[k - 1]]
        assert len(rows) == 4
        np.testing.assert_allclose(rows["sigma"], fit.next_sigma * scale, rtol=1e-12)


def test_realised_outcomes_are_those_of_the_readable_mechanism(btc_daily, measured):
    study, periods = measured.study, measured.study.periods(btc_daily.bar)
    venue = venue_of(study, btc_daily.bar)
    lags = lags_of(periods, venue)
    times, close = btc_daily.bars.index, btc_daily.close.to_numpy()
    rows = measured.positions[measured.positions["not_evaluated"] == ""]
    mechanism = Mechanism(Oracle(lags.latency), lags.delay, Slippage(rate=venue.slippage))
    lost = rows[rows["defaulted"]]
    assert len(lost) > 0
    for _, row in pd.concat([rows.iloc[::61], lost.iloc[:20]]).iterrows():
        i = times.get_loc(row["origin"])
        side = Side(row["side"])
        position = venue.open_position(side, row["covered_loss"], row["excursion"])
        one = run_mechanism(
            close[i : i + lags.bars + 1],
            venue.late(position),
            mechanism,
            lags.horizon,
        )
        assert one.liquidated == row["liquidated"]
        assert one.defaulted == row["defaulted"]
        if one.defaulted:
            assert times[i + one.default_bar] == row["default_time"]
        within = one.liquidated and one.trigger_bar <= periods.reaction_time.bars + lags.latency
        assert within == row["liquidated_within_reaction"]


def test_cells_count_what_the_positions_show(measured):
    rows = measured.positions[measured.positions["not_evaluated"] == ""]
    assert len(measured.cells) == 2 * len(TARGETS) * len(EVENTS)
    for _, cell in measured.cells.iterrows():
        part = rows[(rows["side"] == cell["side"]) & (rows["target"] == cell["target"])]
        predicted = event_rates(part["within_reaction"], part["liquidation"], part["default"])
        i = EVENTS.index(cell["event"])
        assert cell["predicted"] == pytest.approx(predicted[i])
        trials = part["liquidated"].sum() if i == 3 else len(part)
        assert cell["trials"] == trials
        hits = [part[c].sum() for c in ("liquidated_within_reaction", "liquidated", "defaulted")]
        assert cell["realised"] * trials == pytest.approx([*hits, hits[2]][i])
        assert cell["judged"] == (cell["expected"] >= 10)
        assert cell["inside"] == (cell["low"] <= cell["realised"] <= cell["high"])
    for side in Side:
        episodes = measured.episodes(side, 0.05)
        at = (rows["side"] == side.value) & (rows["target"] == 0.05)
        assert episodes.sum() == rows.loc[at, "defaulted"].sum()
    reasons = measured.positions["not_evaluated"].value_counts()
    assert reasons["history ends first"] == 4 * 31


def test_parts_by_volatility_average_to_the_whole(measured):
    parts = measured.by_volatility()
    rows = measured.positions[measured.positions["not_evaluated"] == ""]
    assert (parts.groupby(["side", "target"])["sigma"].diff().dropna() > 0).all()
    one = parts[(parts["side"] == "long") & (parts["target"] == 0.05)]
    whole = rows[(rows["side"] == "long") & (rows["target"] == 0.05)]
    for name, seen in (("liquidation", "liquidated"), ("default", "defaulted")):
        assert one[f"{name}_realised"].mean() == pytest.approx(whole[seen].mean(), rel=0.01)
        assert one[f"{name}_predicted"].mean() == pytest.approx(whole[name].mean(), rel=0.01)


def test_a_prediction_knows_no_later_price(btc_daily, measured):
    # Refits come every 300 bars after the first 500: the cut lies on one of them.
    times = btc_daily.bars.index
    cut = times[800]
    study = small_study(as_of=cut.date())
    early = measure_reliability(Case.of(study, btc_daily), **FAST).positions
    known = ["side", "target", "origin", "sigma", "covered_loss", "excursion", "liquidation"]
    both = measured.positions[measured.positions["origin"] < cut][known]
    mine = early[early["origin"] < cut][known]
    assert len(mine) == 4 * 300
    pd.testing.assert_frame_equal(mine.reset_index(drop=True), both.reset_index(drop=True))


@pytest.mark.usefixtures("shared_by_threads")
def test_threads_change_no_number(btc_daily, measured):
    other = measure_reliability(Case.of(small_study(), btc_daily), threads=2, **FAST)
    pd.testing.assert_frame_equal(other.cells, measured.cells)


def test_a_history_that_jumps_where_the_model_does_not_is_found_out(btc_daily):
    bars = btc_daily.bars.copy()
    fall = np.where(np.arange(len(bars)) % 40 == 20, -0.25, 0.0)
    fall[:700] = 0.0
    bars["close"] *= np.exp(np.cumsum(fall))
    jumpy = replace(
        btc_daily, bars=bars, quality=inspect_quality(bars, btc_daily.bar, btc_daily.calendar)
    )
    study = small_study(
        as_of=date(2024, 6, 30), model={"refit_every_bars": 2_000}, venue={"sides": ["long"]}
    )
    cells = measure_reliability(Case.of(study, jumpy), **FAST).cells
    default = cells[(cells["event"] == "default") & (cells["target"] == 0.05)].iloc[0]
    assert default["judged"]
    assert not default["inside"]
    assert default["realised"] > default["high"]


def test_highs_and_lows_can_only_add_liquidations(btc_hourly):
    study = small_study(
        as_of=date(2019, 12, 31),
        model={"minimum_bars": 2_000, "refit_every_bars": 5_000},
        mechanism={"holding_horizon_hours": 24.0, "reaction_time_hours": 6.0},
        venue={"sides": ["long"]},
    )
    part = btc_hourly.between(None, "2018-01-31")
    result = measure_reliability(Case.of(study, part), **FAST)
    rows = result.positions[result.positions["not_evaluated"] == ""]
    assert (rows["liquidated_intrabar"] | ~rows["liquidated"]).all()
    assert rows["liquidated_intrabar"].sum() > rows["liquidated"].sum()
    assert result.cells["realised_intrabar"].notna().all()


def test_the_diagram_shows_every_cell_and_its_band(measured):
    figure = reliability_diagram(measured)
    points = [t for t in figure.data if t.mode == "markers"]
    assert sum(len(t.x) for t in points) == len(measured.cells)
    cell = measured.cells[
        (measured.cells["event"] == EVENTS[2]) & (measured.cells["side"] == "short")
    ]
    drawn = next(t for t in points if np.allclose(t.x, cell["predicted"]))
    np.testing.assert_allclose(drawn.y + np.array(drawn.error_y.array), cell["high"])
    np.testing.assert_allclose(drawn.y - np.array(drawn.error_y.arrayminus), cell["low"])


def test_targets_paths_histories_and_short_data_are_checked(btc_daily):
    for change, words in (
        ({"targets": (0.0,)}, r"targets: .*probabilities in \(0, 1\)"),
        ({"paths": 100}, r"paths: got 100; .*Give 500 or more"),
        ({"histories": 3}, r"histories: got 3; .*at least 40"),
    ):
        with pytest.raises(InputError, match=words):
            measure_reliability(Case.of(small_study(), btc_daily), **{**FAST, **change})
    short = btc_daily.between(None, btc_daily.bars.index[510])
    with pytest.raises(InputError, match=r"no position with its whole holding horizon"):
        measure_reliability(Case.of(small_study(), short), **FAST)


def test_every_origin_is_counted_or_left_out_for_a_reason_that_is_said(measured):
    rows = measured.positions.copy()
    assert set(measured.counts()["no_margin"]) == {0}
    short = rows.index[(rows["side"] == "short") & (rows["target"] == TARGETS[0])]
    rows.loc[short[:90], "not_evaluated"] = "no buffer below 98 % meets the target"
    fewer = replace(measured, positions=rows)
    counts = fewer.counts().set_index(["side", "target"])
    parts = counts[["counted", "no_margin", "hole", "history_ends"]].sum(axis=1)
    assert (parts == counts["origins"]).all()
    assert counts.loc[("short", TARGETS[0]), "no_margin"] == 90
    # In words: on the terminal, and in the figure that is passed on without it.
    share = 90 / len(short)
    (said,) = left_out(fewer.counts())
    assert said.startswith(f"short, target 2%: {share:.1%} of the bars have no margin")
    assert left_out(measured.counts()) == []
    assert f"short up to {share:.0%} of bars" in reliability_diagram(fewer).layout.title.text
    assert "Not counted" not in reliability_diagram(measured).layout.title.text
