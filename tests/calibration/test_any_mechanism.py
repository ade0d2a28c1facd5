"""A study may ask for any mechanism: its answers are held to the slow simulator and to history."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from riskkit.calibration.buffers import solve_buffer
from riskkit.calibration.delay_map import delay_map
from riskkit.calibration.outcome import simulate_positions
from riskkit.calibration.question import Question, spec_of, venue_of
from riskkit.calibration.solve import sweep_buffers
from riskkit.calibration.venue import GeneralVenue
from riskkit.errors import InputError
from riskkit.market import log_returns
from riskkit.paths.run import Stream
from riskkit.paths.simulate import simulate_paths
from riskkit.position import Side
from riskkit.proof.replay import run_losses
from riskkit.simulation.default import Weighting
from riskkit.simulation.mechanism_kernel import lag_uniforms
from riskkit.study.case import Case
from riskkit.venue.mechanism import CloseOut, CloseOutRule, Mechanism, Slippage, SlippageLaw
from riskkit.venue.oracle import ConditionalLag, Oracle
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.spec import VolatilitySpec
from tests.simulation.slow_mechanism import slow_outcome
from tests.support import ROOT, small_study

DAY = pd.Timedelta(days=1)
THIN = {
    "position.notional": 2e6,
    "position.funding_fraction_per_year": 0.05,
    "liquidity": {"kind": "square-root", "rate_fraction": 0.005, "depth_notional": 1e6},
    "liquidation": {
        "kind": "close-factor",
        "close_factor_fraction": 0.5,
        "largest_notional_per_bar": 8e5,
        "delay": {
            "kind": "conditional",
            "calm_seconds": (0.0, 3600.0),
            "calm_probability": (0.7, 0.3),
            "stressed_seconds": (3600.0, 90_000.0),
            "stressed_probability": (0.8, 0.2),
            "stressed_move_fraction": 0.08,
            "halt_probability": 0.1,
            "halt_seconds": 86_400.0,
        },
    },
}
SIDES = pytest.mark.parametrize("side", Side)


@pytest.fixture(scope="module")
def simple(btc_daily) -> Question:
    fit = fit_volatility(log_returns(btc_daily), VolatilitySpec.parse("gjr-t"))
    return Question.of(small_study(), fit, btc_daily.bar).changed(paths=10_000)


@pytest.fixture(scope="module")
def thin(simple) -> Question:
    return simple.changed(study=simple.study.changed(THIN)).changed(paths=10_000)


def test_a_study_becomes_the_mechanism_that_it_names(thin):
    venue = thin.venue
    assert isinstance(venue, GeneralVenue)
    delay = ConditionalLag((0.7, 0.3), (0.0, 0.8, 0.2), 0.08, 0.1, 1)
    assert venue.mechanism == Mechanism(
        Oracle(0, thin.study.oracle.deviation_fraction),
        delay,
        Slippage(SlippageLaw.SQUARE_ROOT, 0.005, 1e6),
        CloseOut(CloseOutRule.CLOSE_FACTOR, 0.5, 8e5),
    )
    assert venue.carry == pytest.approx(0.05 / 365)
    assert venue.slippage == pytest.approx(0.005 * 2**0.5)
    # Two days of delay, a day of halt, and three slices of 800,000 for 2,000,000.
    assert venue.bars_of(30) == 30 + 2 + 1 + 2


@pytest.fixture(scope="module")
def shipped() -> Question:
    case = Case.read(ROOT / "studies" / "eth-perpetual-thin.toml")
    fit = fit_volatility(log_returns(case.history), spec_of(case.study))
    return Question.of(case.study, fit, case.bar)


@SIDES
@pytest.mark.parametrize("asked", ["thin", "shipped"])
def test_its_outcomes_are_those_of_the_slow_simulator_path_by_path(asked, side, request):
    thin = request.getfixturevalue(asked)
    paths, horizon = 600, thin.periods.holding_horizon.bars
    position = thin.venue.open_position(side, 0.08, 0.05)
    here = thin.changed(paths=paths)
    found = simulate_positions(here, [position], weighting=Weighting.PLAIN)[0]
    bars = thin.venue.bars_of(horizon)
    run = here.run.stream(Stream.OUTCOME)
    closes = np.exp(simulate_paths(here.world, run, bars=bars))
    dressed, hits, liquidated, lost = thin.venue.dressed(position), 0, 0, 0.0
    for i, path in enumerate(np.column_stack([np.ones(paths), closes]).tolist()):
        uniforms = lag_uniforms(run.stream_seed, i, bars)
        slow = slow_outcome(path, path, dressed, thin.venue.mechanism, horizon, uniforms)
        liquidated, hits, lost = liquidated + (slow[0] > 0), hits + (slow[2] > 0), lost + slow[3]
    assert (int(found.liquidation.hits), int(found.default.hits)) == (liquidated, hits)
    assert 0 < hits < liquidated < paths
    if found.expected_bad_debt is not None:
        assert float(found.expected_bad_debt) == pytest.approx(lost / paths)


@SIDES
def test_its_buffer_meets_the_target_on_the_paths_that_solved_it(thin, side):
    asked = thin.asking(0.05)
    solution = solve_buffer(asked, side)
    covered, excursion = solution.covered.value, solution.excursion.value
    at = sweep_buffers(asked, side, np.array([covered]), excursion).table.iloc[0]
    assert at["default_given_liquidation"] == pytest.approx(0.05, abs=0.01)
    # Halts, waiting and parts cost margin: the same study without them needs less.
    plain = asked.changed(venue=replace(asked.venue, mechanism=Mechanism(delay=0)))
    assert solve_buffer(plain, side).covered.value < covered


def general(question: Question) -> Question:
    """The same simple venue, answered by the general run."""
    venue = replace(question.venue, deviation=0.0)
    slippage = Slippage(rate=venue.slippage)
    mechanism = Mechanism(Oracle(venue.latency), venue.delay, slippage)
    return question.changed(venue=GeneralVenue(**vars(venue), mechanism=mechanism))


@SIDES
def test_on_a_simple_study_fast_and_general_sweeps_are_equal_count_for_count(simple, side):
    fast = simple.changed(venue=replace(simple.venue, deviation=0.0))
    covered = np.geomspace(0.02, 0.3, 8)
    for target in (0.05, 0.001):  # plain paths, and tilted ones beside them
        tables = [
            sweep_buffers(q.asking(target), side, covered, 0.06).table
            for q in (fast, general(simple))
        ]
        pd.testing.assert_frame_equal(*tables, rtol=1e-9)
    assert tables[0]["default"].nunique() > 5


@SIDES
def test_on_a_simple_study_fast_and_general_runs_on_history_are_equal(simple, btc_daily, side):
    fast = simple.changed(venue=replace(simple.venue, deviation=0.0))
    close = np.log(btc_daily.close.to_numpy(dtype=np.float64))
    extreme = close - side.sign * 0.01
    opened = np.arange(0, close.size - 60, 7)
    losses = (np.linspace(0.02, 0.3, opened.size), np.full(opened.size, 0.05))
    a, b = (
        run_losses(q, side, losses, opened, close, log_extreme=extreme)
        for q in (fast, general(simple))
    )
    assert (a.trigger_bar == b.trigger_bar).all()
    assert (a.default_bar == b.default_bar).all()
    assert 0 < a.defaulted.sum() < a.liquidated.sum()


def test_the_map_over_delays_waits_the_same_in_every_bar(thin):
    levels = np.array([0.1, 0.2])
    found = delay_map(thin, Side.LONG, levels, excursion=0.05, delays=(0, 3))
    chance = found.default_given_liquidation.value
    assert chance.shape == (2, 2)
    assert (chance[:, 1] > chance[:, 0]).all()
    assert (chance[0] > chance[1]).all()


def test_what_no_bar_can_close_is_refused_in_words(simple):
    with pytest.raises(InputError, match=r"largest_notional_per_bar"):
        simple.study.changed({"liquidation.largest_notional_per_bar": 0.0})
    open_ended = simple.study.changed({"liquidation.largest_notional_per_bar": 0.25})
    assert venue_of(open_ended, DAY).bars_of(10) == 10 + 1 + 3


def test_a_solution_looked_for_near_another_is_the_same(btc_daily):
    """Few candidates of the same grid: the same value, wherever the search begins."""
    fit = fit_volatility(log_returns(btc_daily), VolatilitySpec.parse("gjr-t"))
    asked = Question.of(small_study().changed(THIN), fit, btc_daily.bar).changed(paths=2_000)
    asked = asked.asking(0.05)
    whole = solve_buffer(asked, Side.LONG)
    for factor in (0.4, 1.0, 1.7):
        near = solve_buffer(asked, Side.LONG, near=factor * whole.covered.value)
        assert near.covered.value == whole.covered.value
        assert len(near.sweep.table) < len(whole.sweep.table)
    far = solve_buffer(asked, Side.LONG, near=1e6)  # looked for from the grid's end
    assert far.covered.value == whole.covered.value
