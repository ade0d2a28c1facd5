"""Owners who act on the rules: money adds up, and each remedy stops what it names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.attack.strategic import (
    Conduct,
    StrategicPosition,
    run_conduct,
    strategic_costs,
    two_step_repayment,
)
from riskkit.errors import InputError
from riskkit.position import Side

RETURNS = 0.006 * np.random.default_rng(4).standard_t(4, size=(400, 60))
POSITION = StrategicPosition(Side.LONG, 0.05, 0.025, 0.005, 0.004)


@settings(max_examples=40)
@given(
    side=st.sampled_from(list(Side)),
    conduct=st.sampled_from(list(Conduct)),
    delay=st.integers(0, 3),
    latency=st.integers(0, 3),
    slippage=st.floats(0.0, 0.05),
    penalty=st.floats(0.0, 0.02),
)
def test_money_adds_up_on_every_path(
    side: Side, conduct: Conduct, delay: int, latency: int, slippage: float, penalty: float
) -> None:
    position = StrategicPosition(side, 0.05, 0.02, penalty, slippage, delay, latency)
    found = run_conduct(position, RETURNS[:50], conduct)
    total = found.owner + found.fund + found.others + found.market
    assert np.abs(total).max() < 1e-12


def test_a_path_by_hand() -> None:
    """-2 % is no trigger at 5 % and 2.5 %, -4 % is: .01 of equity, .004 slippage, .005 penalty."""
    returns = np.log(np.array([[0.98, 0.96 / 0.98, 0.5]]))
    found = run_conduct(POSITION, returns, Conduct.PASSIVE)
    assert found.closed.all()
    assert found.market[0] == pytest.approx(0.004 * 0.96)
    assert found.fund[0] == pytest.approx(0.005 * 0.96)
    assert found.others[0] == pytest.approx(0.04)
    assert found.owner[0] == pytest.approx(-0.04 - 0.009 * 0.96)


def test_foresight_leaves_the_fund_with_the_losses() -> None:
    """The next print is -4 %, worth saving; then -30 % comes, which is not."""
    returns = np.log(np.array([[0.96, 0.7 / 0.96, 1.0]]))
    passive = run_conduct(POSITION, returns, Conduct.PASSIVE)
    topping = run_conduct(POSITION, returns, Conduct.TOPPING_UP)
    assert passive.fund[0] > 0.0
    # Topped up to 2.5 % of .96 at the first print, and then .26 short.
    assert topping.fund[0] == pytest.approx(0.025 * 0.96 - 0.26 - 0.004 * 0.7)


def test_top_ups_that_count_a_bar_later_change_nothing() -> None:
    """Without a delay the position is closed before they count."""
    rows = strategic_costs(POSITION, RETURNS)
    costs = {row.conduct: row.fund for row in rows}
    assert costs[Conduct.TOPPING_UP] < 0.0
    assert costs[Conduct.LATE_TOP_UP] == pytest.approx(0.0, abs=1e-15)


def test_withdrawing_costs_the_fund_where_slippage_passes_the_margin() -> None:
    thin = replace(POSITION, slippage=0.05)
    costs = {row.conduct: row for row in strategic_costs(thin, RETURNS)}
    assert costs[Conduct.WITHDRAWING].closed == 1.0
    assert costs[Conduct.WITHDRAWING].fund < costs[Conduct.PASSIVE].fund
    deep = {row.conduct: row for row in strategic_costs(POSITION, RETURNS)}
    assert deep[Conduct.WITHDRAWING].fund > costs[Conduct.WITHDRAWING].fund


def test_two_steps_around_a_close_factor() -> None:
    """D 100, C 124, LT .8, bonus 5 %, close factor a half: 5 and then half of 95."""
    one, two = two_step_repayment(100.0, 124.0, 0.8, 0.05, 0.5)
    assert one == pytest.approx(50.0)
    assert two == pytest.approx(52.5)
    assert two_step_repayment(100.0, 124.0, 0.8, 0.05, 1.0) == (100.0, 100.0)
    assert two_step_repayment(100.0, 200.0, 0.8, 0.05, 0.5) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"initial": 0.02}, "initial"),
        ({"slippage": -0.1}, "slippage"),
        ({"delay": -1}, "delay"),
    ],
)
def test_bad_positions_are_told(change: dict[str, float], argument: str) -> None:
    with pytest.raises(InputError) as caught:
        run_conduct(replace(POSITION, **change), RETURNS, Conduct.PASSIVE)  # type: ignore[arg-type]
    assert caught.value.argument == argument


def test_a_bonus_that_worsens_every_loan_is_told() -> None:
    with pytest.raises(InputError) as caught:
        two_step_repayment(100.0, 104.0, 0.97, 0.05, 0.5)
    assert caught.value.argument == "bonus"
