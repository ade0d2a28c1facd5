"""One question, bound once: whatever is changed in it, the rest stays."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from riskkit.calibration.buffers import safe_limits, solve_buffer
from riskkit.calibration.outcome import simulate_positions
from riskkit.calibration.question import Question, Simulator, venue_of
from riskkit.calibration.result import Calibration
from riskkit.calibration.venue import BarrierVenue, late_trigger, limits_of
from riskkit.errors import InputError
from riskkit.market import log_returns
from riskkit.paths.run import Stream
from riskkit.paths.start import Start, StartState
from riskkit.position import Instrument, Side
from riskkit.simulation.default import simulate_default
from riskkit.simulation.exits import simulate_exits
from riskkit.tail.forecast import forecast_moves
from riskkit.venue.mechanism import Loan, Mechanism, Perpetual, Slippage
from riskkit.venue.oracle import Oracle
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.spec import VolatilitySpec
from tests.support import small_study

DAY = pd.Timedelta(days=1)
FRACTIONS = st.floats(0.0, 0.05)
VENUES = st.builds(
    BarrierVenue,
    instrument=st.sampled_from(Instrument),
    slippage=FRACTIONS,
    fee=FRACTIONS,
    bonus=st.floats(0.06, 0.2),
    deviation=FRACTIONS,
    delay=st.integers(0, 3),
    latency=st.integers(0, 3),
)


@pytest.fixture(scope="module")
def question(btc_daily) -> Question:
    fit = fit_volatility(log_returns(btc_daily), VolatilitySpec.parse("gjr-t"))
    return Question.of(small_study(), fit, btc_daily.bar).changed(paths=10_000)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(VENUES, st.sampled_from(Side), st.floats(0.06, 0.5), st.floats(0.001, 0.5))
def test_the_limits_that_losses_make_are_made_by_those_losses(venue, side, covered, excursion):
    side = Side.LONG if venue.is_loan else side
    trigger, opening = (float(x) for x in venue.limits(covered, excursion, side))
    assert venue.losses(trigger, opening, side) == pytest.approx((covered, excursion), abs=1e-9)
    position = venue.open_position(side, covered, excursion)
    assert limits_of(position) == (trigger, opening)
    # A loss as large as what the buffer absorbs needs just this trigger.
    assert float(venue.needed(covered, side)) == pytest.approx(trigger, abs=1e-12)
    assert float(venue.requirement(trigger)) == (1 - trigger if venue.is_loan else trigger)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(VENUES, st.sampled_from(Side), st.floats(0.06, 0.5), st.floats(0.001, 0.5))
def test_a_trigger_is_seen_late_at_one_price_whatever_the_buffer(venue, side, covered, excursion):
    side = Side.LONG if venue.is_loan else side
    late = venue.late(venue.open_position(side, covered, excursion))
    trigger, default = venue.barriers(covered, excursion, side)
    assert side.sign * float(trigger) == pytest.approx(venue.trigger_level(side, excursion))
    s = side.sign
    if isinstance(late, Loan):
        price = late.loan_to_value / late.liquidation_threshold
    else:
        price = (1 - s * late.initial_margin) / (1 - s * late.maintenance_margin)
    assert math.log(price) == pytest.approx(float(trigger), abs=1e-9)
    assert s * float(default) < s * float(trigger)


def test_a_margin_smaller_than_the_oracle_s_deviation_is_refused_in_words():
    with pytest.raises(InputError, match=r"must be smaller than the loss that the buffer covers"):
        late_trigger(Perpetual(Side.LONG, 0.02, 0.01), 0.05)
    with pytest.raises(InputError, match=r"oracle\.deviation_fraction: got 0\.3"):
        late_trigger(Loan(0.7, 0.8, 0.05), 0.3)


def test_what_is_changed_is_changed_and_all_else_stays(question):
    assert question.starting(StartState.STRESSED).world.start != question.world.start
    asked = question.asking(0.02)
    assert (asked.default_target, asked.liquidation_target) == (0.02, 0.02)
    assert (asked.venue, asked.run, asked.world) == (question.venue, question.run, question.world)
    assert asked.task.loss_confidence == 0.98
    assert question.changed(paths=20_000).run.seed == question.run.seed
    loan = question.changed(study=small_study(venue={"kind": "loan"}))
    assert loan.venue.is_loan
    assert loan.sides == (Side.LONG,)
    assert loan.fit is question.fit
    assert question.lightly.run.paths <= small_study().simulation.paths


def test_the_study_s_times_arrive_in_bars():
    study = small_study(
        mechanism={"liquidation_delay_hours": 25.0, "oracle_latency_seconds": 3_600.0}
    )
    venue = venue_of(study, DAY)
    assert (venue.delay, venue.latency) == (2, 1)
    assert (venue.execution.delays, venue.execution.latencies) == ([2], [1])
    assert venue.execution.slippage == study.liquidity.rate_fraction


def test_every_simulation_is_asked_of_the_question_s_simulator(question):
    asked: list[tuple[str, int]] = []

    def forecast(world, run, *, bars):
        asked.append(("forecast", bars))
        return forecast_moves(world, run, bars=bars)

    def exits(world, run, **rest):
        asked.append(("exits", rest["horizon"]))
        assert run.purpose is Stream.SOLVE
        return simulate_exits(world, run, **rest)

    watched = question.changed(simulator=Simulator(forecast, exits))
    found, plain = solve_buffer(watched, Side.LONG), solve_buffer(question, Side.LONG)
    assert found.covered == plain.covered
    periods = question.periods
    assert asked[:2] == [
        ("forecast", periods.margin_period_of_risk),
        ("forecast", periods.reaction_time.bars),
    ]
    assert {kind for kind, _ in asked[2:]} == {"exits"}


@pytest.mark.parametrize("side", list(Side))
def test_an_outcome_is_that_of_the_mechanism_on_the_same_paths(question, side):
    venue = question.venue
    position = venue.open_position(side, 0.12, 0.1)
    fast = simulate_positions(question, [position])[0]
    general = simulate_default(
        question.world,
        question.run.stream(Stream.OUTCOME),
        venue.late(position),
        Mechanism(Oracle(venue.latency), venue.delay, Slippage(rate=venue.slippage)),
        horizon=question.periods.holding_horizon.bars,
    )
    for name in ("liquidation", "default", "default_given_liquidation"):
        a, b = getattr(fast, name), getattr(general, name)
        assert float(a.value) == pytest.approx(float(b.value), rel=1e-12)


def test_a_start_in_the_fit_s_scale_is_the_start_of_now(question):
    now, at = (
        solve_buffer(q, Side.LONG).covered.value
        for q in (question, question.changed(start=Start.at(question.fit.next_sigma)))
    )
    assert now == at
    bare = question.changed(start=Start.measured(question.fit.next_sigma))
    scale = float(question.fit.residuals.to_numpy().std())
    assert np.sign(solve_buffer(bare, Side.LONG).covered.value - now) == np.sign(1.0 - scale)


def test_a_band_without_an_end_asks_for_more_paths(btc_calibration: Calibration) -> None:
    """EUR/CHF through January 2015 on 10,000 paths: the buffer's error was infinite."""
    point = btc_calibration.recommended[0].point
    endless = replace(point, covered_loss=replace(point.covered_loss, high=math.inf))
    with pytest.raises(InputError, match=f"too few for the {point.side} side"):
        safe_limits(btc_calibration.question, endless, None)
