"""The reference mechanism: worked cases for every step of the order of events, and its refusals."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.position import Side
from riskkit.venue.margin import liquidation_price
from riskkit.venue.mechanism import (
    CloseOut,
    CloseOutRule,
    Loan,
    Mechanism,
    Perpetual,
    Slippage,
    SlippageLaw,
    bars_needed,
)
from riskkit.venue.oracle import ConditionalLag, Oracle
from riskkit.venue.run import LagUniforms, Outcome, run_mechanism

LONG = Perpetual(Side.LONG, 0.10, 0.05)
SHORT = Perpetual(Side.SHORT, 0.10, 0.05)
LOAN = Loan(0.75, 0.80, 0.05)
FLAT_1 = Slippage(rate=0.01)


def run(closes, position=LONG, mechanism=None, horizon=None, **more):
    mechanism = mechanism or Mechanism()
    closes = np.asarray(closes, dtype=float)
    horizon = horizon or closes.size - 1 - bars_needed(mechanism, 0)
    return run_mechanism(closes, position, mechanism, horizon, **more)


@pytest.mark.parametrize("position", [LONG, SHORT])
def test_the_trigger_is_the_liquidation_price(position):
    trigger = float(liquidation_price(100.0, 0.10, 0.05, position.side))
    beyond = 1 - 1e-9 * position.side.sign
    assert run([100, trigger * beyond], position).liquidated
    assert not run([100, trigger / beyond], position).liquidated


def test_a_loan_is_triggered_when_debt_reaches_the_threshold():
    assert run([100, 100 * 0.75 / 0.8 - 1e-9], LOAN).liquidated
    assert not run([100, 100 * 0.75 / 0.8 + 1e-9], LOAN).liquidated


@pytest.mark.parametrize("position", [LONG, SHORT])
def test_default_is_equity_below_zero_after_slippage_and_penalty(position):
    position = replace(position, penalty=0.005)
    cost = 0.015
    sign = position.side.sign
    edge = 100 * (1 - sign * 0.10) / (1 - sign * cost)
    mechanism = Mechanism(slippage=FLAT_1)
    assert not run([100, edge * (1 + sign * 1e-9)], position, mechanism).defaulted
    bad = run([100, edge * (1 - sign * 0.02)], position, mechanism)
    price = 1 - sign * 0.10
    price = price / (1 - sign * cost) * (1 - sign * 0.02)
    expected = -(0.10 + sign * (price - 1) - price * cost)
    assert bad.defaulted
    assert bad.loss == pytest.approx(expected, rel=1e-12)


ROOT = Slippage(SlippageLaw.SQUARE_ROOT, 0.01, 10.0)  # the whole value from 100,000 upwards


def test_a_close_out_takes_no_more_than_the_value_sold():
    # Triggered at 94, and then the price explodes before the close-out is executed.
    path, late = [100, 94, 1e12, 1e12], Mechanism(delay=1, slippage=ROOT)
    outcome = run(path, replace(LONG, penalty=0.005), late)
    assert outcome.defaulted
    assert outcome.loss == pytest.approx(1.0 - 0.10, rel=1e-5)  # beside a price of 1e10
    # A short must buy back, at twice the price and the penalty.
    owed = run([100, 106, 1e12, 1e12], replace(SHORT, penalty=0.005), late)
    assert owed.loss == pytest.approx(1e10 * 2.005, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    moves=st.lists(st.floats(-1.5, 1.5), min_size=7, max_size=9),
    rule=st.sampled_from([CloseOut(), CloseOut(CloseOutRule.CLOSE_FACTOR, 0.5, 0.4)]),
    rate=st.floats(0.0, 0.5),
    penalty=st.floats(0.0, 0.5),
    delay=st.integers(0, 2),
)
def test_a_long_without_funding_owes_no_more_than_was_lent_to_it(moves, rule, rate, penalty, delay):
    path = np.exp(np.cumsum([0.0, *moves]))
    mechanism = Mechanism(
        delay=delay, slippage=Slippage(SlippageLaw.SQUARE_ROOT, rate, 1.0), close_out=rule
    )
    loss = run(path, replace(LONG, penalty=penalty), mechanism, horizon=3).loss
    assert 0.0 <= loss <= (1.0 - LONG.initial_margin) * (1.0 + 1e-9)


def test_loan_shortfall_is_debt_less_what_the_liquidator_pays_for_all_collateral():
    outcome = run([100, 70.0], LOAN)
    assert outcome.defaulted
    assert outcome.loss == pytest.approx(0.75 - 0.70 / 1.05, rel=1e-12)
    assert not run([100, 100 * 0.75 * 1.05 + 1e-9], LOAN).defaulted


def test_without_a_paying_bonus_the_protocol_sells_and_bears_the_slippage():
    dear = Mechanism(slippage=Slippage(rate=0.10))
    outcome = run([100, 80.0], LOAN, dear)
    assert outcome.loss == pytest.approx(0.75 - 0.80 * 0.90, rel=1e-12)
    assert not run([100, 84.0], LOAN, dear).defaulted


def test_execution_is_delay_bars_after_the_trigger_even_if_the_price_has_healed():
    path = [100, 94, 89, 100, 100]
    assert run(path[:2]).loss == 0.0
    assert run(path[:3], mechanism=Mechanism(delay=1)).default_bar == 2
    healed = run(path[:4], mechanism=Mechanism(delay=2))
    assert (healed.liquidated, healed.trigger_bar, healed.defaulted) == (True, 1, False)
    assert healed.liquidations == 1


def test_a_late_oracle_triggers_late_and_can_be_unfair():
    late = Mechanism(Oracle(latency=1))
    outcome = run([100, 94, 99, 99], mechanism=late)
    assert (outcome.trigger_bar, outcome.unfair) == (2, True)
    fair = run([100, 94, 93, 99], mechanism=late)
    assert (fair.trigger_bar, fair.unfair) == (2, False)


def test_the_late_report_of_the_last_bar_still_liquidates_but_later_bars_do_not():
    late = Mechanism(Oracle(latency=2), delay=1)
    assert run([100, 100, 94, 94, 94, 94], mechanism=late, horizon=2).trigger_bar == 4
    assert not run([100, 100, 100, 94, 94, 94], mechanism=late, horizon=2).liquidated


def test_the_oracle_publishes_only_beyond_its_deviation_threshold():
    loose = Mechanism(Oracle(deviation=0.08))
    assert not run([100, 94, 93], mechanism=loose).liquidated
    assert run([100, 94, 91.9], mechanism=loose).trigger_bar == 2
    # The threshold counts from the published price, not from the last market price.
    assert run([100, 97, 94, 91], mechanism=loose).trigger_bar == 3


def test_triggers_use_the_bar_extreme_where_there_is_one():
    closes, lows = [100, 99, 98], [100, 93, 97]
    assert not run(closes).liquidated
    wick = run(closes, extremes=lows)
    assert (wick.trigger_bar, wick.unfair, wick.defaulted) == (1, False, False)
    highs = run([100, 101, 101], SHORT, extremes=[100, 108, 101])
    assert highs.trigger_bar == 1


CRASHES = ConditionalLag(
    (1.0,), (0.0, 0.5, 0.5), move=0.05, halt_probability=0.5, halt_bars=3
)  # fmt: skip


def uniforms(bars, latency=(0.5, 0.9), delay=(0.5, 0.9)):
    return LagUniforms(np.tile(latency, (bars + 1, 1)), np.tile(delay, (bars + 1, 1)))


@pytest.mark.parametrize(
    ("u", "v", "bar"), [(0.2, 0.9, 2), (0.7, 0.9, 3), (0.2, 0.1, 5), (0.7, 0.1, 6)]
)
def test_a_conditional_delay_is_drawn_from_the_trigger_bar_and_a_halt_adds_to_it(u, v, bar):
    path = np.full(12, 80.0)
    path[0] = 100.0
    mechanism = Mechanism(delay=CRASHES)
    outcome = run(path, mechanism=mechanism, uniforms=uniforms(11, delay=(u, v)))
    assert (outcome.trigger_bar, outcome.default_bar) == (1, bar)
    gentle = np.array([100, 97, 94, *[80.0] * 9])  # no bar moves 5 % up to the trigger
    calm = run(gentle, mechanism=mechanism, uniforms=uniforms(11, delay=(u, v)))
    assert not calm.defaulted


@pytest.mark.parametrize(("u", "v", "bar"), [(0.2, 0.9, 2), (0.7, 0.9, 2), (0.2, 0.1, 4)])
def test_a_stressed_oracle_is_late_and_a_halted_one_publishes_nothing(u, v, bar):
    path = np.full(12, 90.0)
    path[0] = 100.0
    mechanism = Mechanism(Oracle(latency=CRASHES))
    outcome = run(path, mechanism=mechanism, uniforms=uniforms(11, latency=(u, v)))
    assert outcome.trigger_bar == bar


def test_a_close_factor_closes_part_and_the_rest_is_triggered_again():
    half = Mechanism(close_out=CloseOut(CloseOutRule.CLOSE_FACTOR, 0.5), slippage=FLAT_1)
    outcome = run([100, 94, 94, 92], mechanism=half)
    # At 94: equity .04; closing half costs .47 x .01 and leaves .0353 on .47, a ratio of 7.5 %.
    assert outcome.liquidations == 1
    # At 91.5: equity .0353 - .5 x .025 = .0228 on .4575, 4.98 %: the second close-out.
    assert run([100, 94, 94, 91.5], mechanism=half).liquidations == 2
    assert not run([100, 94, 94, 91.5], mechanism=half).defaulted


def test_restoring_closes_just_enough():
    restore = Mechanism(close_out=CloseOut(CloseOutRule.RESTORE, 0.08), slippage=FLAT_1)
    # At 94: equity .04 on .94. Close x: (.04 - .94 x .01) = .08 (.94 - .94 x), x = .5349.
    x = (0.08 - 0.04 / 0.94) / (0.08 - 0.01)
    cash, quantity = 0.10 - x * 0.06 - x * 0.94 * 0.01, 1 - x
    edge = (quantity - cash) / (quantity * 0.95)
    assert run([100, 94, 100 * edge - 1e-6], mechanism=restore).liquidations == 2
    assert run([100, 94, 100 * edge + 1e-6], mechanism=restore).liquidations == 1


def test_restoring_a_loan_closes_just_enough_debt():
    restore = Mechanism(close_out=CloseOut(CloseOutRule.RESTORE, 1.1))
    # At 92: (.92 - 1.05 x D) .8 = 1.1 (1 - x) D with D = .75.
    x = (1.1 * 0.75 - 0.92 * 0.8) / (0.75 * (1.1 - 1.05 * 0.8))
    collateral, debt = 1 - x * 0.75 * 1.05 / 0.92, 0.75 * (1 - x)
    assert collateral * 0.92 * 0.8 / debt == pytest.approx(1.1)
    edge = 100 * debt / (collateral * 0.8)
    assert run([100, 92, edge - 1e-6], LOAN, restore).liquidations == 2
    assert run([100, 92, edge + 1e-6], LOAN, restore).liquidations == 1


def test_funding_and_interest_erode_until_the_trigger():
    paying = replace(LONG, funding=0.011)
    assert run([100] * 7, paying).trigger_bar == 5
    receiving = replace(SHORT, funding=0.011)
    assert not run([100] * 7, receiving).liquidated
    growing = replace(LOAN, interest=0.02)
    assert run([100] * 6, growing).trigger_bar == math.ceil(math.log(0.8 / 0.75) / math.log(1.02))


def test_slippage_laws():
    assert Slippage(rate=0.003).cost(1e9) == 0.003
    assert Slippage(SlippageLaw.LINEAR, 0.01, depth=200.0).cost(50.0) == pytest.approx(0.0025)
    root = Slippage(SlippageLaw.SQUARE_ROOT, 0.01, depth=200.0)
    assert root.cost(50.0) == pytest.approx(0.005)
    ladder = Slippage(SlippageLaw.LADDER, ladder=((10.0, 0.001), (20.0, 0.003), (40.0, 0.01)))
    costs = [ladder.cost(q) for q in (5, 10, 15, 20, 30, 40, 60)]
    assert costs == pytest.approx([0.001, 0.001, 0.002, 0.003, 0.0065, 0.01, 0.017])
    assert Slippage(SlippageLaw.LINEAR, 0.5, depth=1.0).cost(10.0) == 1.0


def test_slippage_grows_with_the_size_of_the_position():
    deep = Mechanism(slippage=Slippage(SlippageLaw.LINEAR, 0.02, depth=1e6))
    path = [100, 91.5]
    assert not run(path, replace(LONG, notional=1e5), deep).defaulted
    assert run(path, replace(LONG, notional=1e6), deep).defaulted


def test_a_failed_path_is_an_outcome_not_a_hole():
    assert run([100, 95, math.nan]) == Outcome(failed=True)
    assert run([100, 95, 0.0]).failed


prices = st.lists(st.floats(0.85, 1.15), min_size=12, max_size=12).map(
    lambda steps: 100.0 * np.cumprod([1.0, *steps])
)


@settings(max_examples=150, deadline=None)
@given(path=prices, side=st.sampled_from(list(Side)), more=st.floats(0.001, 0.1))
def test_at_one_trigger_price_more_margin_never_adds_a_default(path, side, more):
    # IM up with the trigger price fixed: MM follows, so only the equity at close-out changes.
    position = Perpetual(side, 0.10, 0.05)
    trigger = (1 - side.sign * 0.10) / (1 - side.sign * 0.05)
    richer_mm = side.sign * (1 - (1 - side.sign * (0.10 + more)) / trigger)
    richer = Perpetual(side, 0.10 + more, richer_mm)
    mechanism = Mechanism(delay=2, slippage=FLAT_1)
    a, b = run(path, position, mechanism), run(path, richer, mechanism)
    assert a.loss >= b.loss - 1e-12


@settings(max_examples=150, deadline=None)
@given(
    path=prices,
    position=st.sampled_from([LONG, SHORT, LOAN]),
    extra=st.floats(0.0, 0.03),
)
def test_loss_grows_with_slippage_and_penalty(path, position, extra):
    mechanism = Mechanism(delay=1, slippage=FLAT_1)
    dearer = replace(mechanism, slippage=Slippage(rate=0.01 + extra))
    assert run(path, position, dearer).loss >= run(path, position, mechanism).loss - 1e-12
    if isinstance(position, Perpetual):
        fined = replace(position, penalty=extra)
        assert run(path, fined, mechanism).loss >= run(path, position, mechanism).loss - 1e-12


@settings(max_examples=100, deadline=None)
@given(path=prices, position=st.sampled_from([LONG, SHORT, LOAN]), scale=st.floats(1e-3, 1e3))
def test_the_unit_of_the_price_changes_nothing(path, position, scale):
    mechanism = Mechanism(Oracle(latency=1), delay=1, slippage=FLAT_1)
    a, b = run(path, position, mechanism), run(path * scale, position, mechanism)
    assert (a.trigger_bar, a.defaulted) == (b.trigger_bar, b.defaulted)
    assert a.loss == pytest.approx(b.loss, abs=1e-9)


BAD = [
    (LONG, Mechanism(delay=-1), "delay: got -1; must not be negative"),
    (LONG, Mechanism(Oracle(latency=-1)), "oracle.latency: got -1"),
    (LONG, Mechanism(Oracle(deviation=1.0)), "oracle.deviation: got 1.0"),
    (replace(LONG, initial_margin=0.05), Mechanism(), "initial_margin: got 0.05; must exceed"),
    (replace(LONG, maintenance_margin=-0.1), Mechanism(), "maintenance_margin: got -0.1"),
    (replace(LONG, initial_margin=1.0), Mechanism(), "must be below 1 for a long"),
    (replace(LONG, notional=0.0), Mechanism(), "notional: got 0.0"),
    (Loan(0.7, 1.0, 0.05), Mechanism(), "liquidation_threshold: got 1.0; must lie in"),
    (Loan(0.85, 0.8, 0.05), Mechanism(), "loan_to_value: got 0.85; must be positive and below"),
    (Loan(0.7, 0.8, -0.1), Mechanism(), "bonus: got -0.1"),
    (
        LONG,
        Mechanism(slippage=Slippage(SlippageLaw.LADDER, ladder=((1.0, 0.02), (2.0, 0.01)))),
        "slippage.ladder: .*costs must not fall. Sort the levels",
    ),
    (LONG, Mechanism(slippage=Slippage(SlippageLaw.LADDER)), "slippage.ladder"),
    (LONG, Mechanism(slippage=Slippage(rate=-0.1)), "slippage.rate: got -0.1"),
    (LONG, Mechanism(slippage=Slippage(depth=0.0)), "slippage.depth: got 0.0"),
    (
        LONG,
        Mechanism(close_out=CloseOut(CloseOutRule.CLOSE_FACTOR, 1.5)),
        "close_out.level: got 1.5; a close factor",
    ),
    (
        LONG,
        Mechanism(close_out=CloseOut(CloseOutRule.RESTORE, 0.04)),
        "close_out.level: got 0.04; must exceed the trigger, 0.05",
    ),
    (
        LONG,
        Mechanism(delay=ConditionalLag((0.5, 0.6), (1.0,), 0.1)),
        "delay.calm: .*must be probabilities that sum to 1",
    ),
    (
        LONG,
        Mechanism(delay=ConditionalLag((1.0,), (1.0,), 0.1, halt_probability=1.0)),
        "delay.halt_probability: got 1.0",
    ),
    (
        LONG,
        Mechanism(delay=ConditionalLag((1.0,), (1.0,), 0.1, halt_bars=-1)),
        "delay.halt_bars",
    ),
    (LONG, Mechanism(delay=CRASHES), "uniforms: got None; are required"),
]


@pytest.mark.parametrize(("position", "mechanism", "match"), BAD)
def test_what_cannot_be_is_refused_in_four_parts(position, mechanism, match):
    with pytest.raises(InputError, match=match):
        run_mechanism(np.full(30, 100.0), position, mechanism, 5)


def test_a_path_too_short_to_close_every_trigger_is_refused():
    with pytest.raises(InputError, match=r"closes: .*need 9 prices"):
        run_mechanism(np.full(8, 100.0), LONG, Mechanism(Oracle(latency=1), delay=2), 5)
    with pytest.raises(InputError, match="horizon: got 0"):
        run_mechanism(np.full(8, 100.0), LONG, Mechanism(), 0)
