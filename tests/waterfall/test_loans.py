"""Loans, keepers, auctions and clearing: published numbers and the closed forms behind them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from riskkit.errors import InputError
from riskkit.venue.loan_engine import (
    LoanEngine,
    LoanKind,
    is_toxic,
    loan_engine,
    repayment,
    taken_first,
    two_steps,
)
from riskkit.waterfall.auction import DutchAuction, run_auction, solve_auction
from riskkit.waterfall.clearing import clear
from riskkit.waterfall.keepers import never_worth_it, smallest_paying_bonus

# Linea's WETH market of 2026-07-30 as a published risk engine has it: four loans and a ladder
ACCOUNTS = np.array(
    [
        (77045.8380518, 43815.18362753),
        (29820.00478431, 16768.41717532),
        (24199.21711533, 12922.49646725),
        (28096.51805329, 10115.55514111),
    ]
)
LADDER = np.array(
    [
        (15000.0, 0.01007588445816987),
        (41000.0, 0.051468322010973844),
        (100000.0, 0.2989533297585507),
        (300000.0, 0.7181214578369919),
        (1000000.0000000001, 0.9090437344720879),
    ]
)


def slippage_of(q: np.ndarray) -> np.ndarray:
    """The ladder as published: linear in the log of the value, and flat beyond its last quote."""
    x, y = LADDER.T
    return np.where(
        q <= x[0], y[0] * q / x[0], np.interp(np.log(np.maximum(q, 1e-9)), np.log(x), y)
    )


@pytest.mark.parametrize(
    ("scale", "mean", "worst_hundredth"),
    [
        (1.0, 0.4344780481784902, 43.44780481784902),
        (3.0, 4.8671233308175434, 486.7123330817544),
    ],
)
def test_the_published_lending_book_comes_out_to_its_digits(scale, mean, worst_hundredth):
    # design rows 1 and 27: the numbers to 12 digits
    collateral, debt = scale * ACCOUNTS.T
    sigma, dof, draws = 0.6619530856304806, 6.242781516530358, 20_000
    rng = np.random.default_rng(7)
    t = rng.standard_t(dof, draws) * math.sqrt((dof - 2.0) / dof)
    rng.standard_normal(draws)  # of the peg, which this market does not use
    z = rng.standard_normal(draws)
    s = sigma * math.sqrt(2.0 / 365.0)
    move = np.exp(s * t - 0.5 * s * s)
    depth_lost = np.clip(0.10 + 1.2 * np.maximum(1.0 - move, 0.0) + 0.05 * z, 0.0, 0.9)
    engine = LoanEngine(close_factor=0.5, whole_below=0.95, bonus=0.06)
    value = collateral[None, :] * move[:, None]
    repaid, taken = repayment(value, debt, 0.83, engine)
    slip = slippage_of(taken.sum(axis=1) / (1.0 - depth_lost))
    clears = slip <= 0.06 / 1.06
    left = np.where(
        clears[:, None],
        np.maximum(debt - value / 1.06, 0.0),
        np.maximum(debt - value * (1.0 - slip)[:, None] * 0.9, 0.0),
    )
    bad = np.where(repaid > 0.0, left, 0.0).sum(axis=1)
    assert bad.mean() == pytest.approx(mean, rel=1e-12)
    assert np.sort(bad)[-200:].mean() == pytest.approx(worst_hundredth, rel=1e-12)
    if scale == 1.0:
        assert bad.max() == pytest.approx(8689.560963569804, rel=1e-12)
        assert (bad > 0.0).mean() == 5e-5
        assert slip.mean() == pytest.approx(9.047837646556377e-06, rel=1e-11)


def test_time_to_exit_is_the_published_one():
    # design row 2, from rounded inputs: 256.52 m into 2.73 m that comes back every 6 h
    assert pytest.approx(23.21, abs=0.05) == (256.52 / 2.73 - 1.0) * 6.0 / 24.0


def test_beyond_the_toxic_line_repaying_makes_it_worse():
    # design row 13: D 100, C 104, b 5 %
    assert is_toxic(104.0, 100.0, 0.05)
    assert not is_toxic(106.0, 100.0, 0.05)
    assert pytest.approx(1.0096154, abs=1e-7) == 100.0 / 104.0 * 1.05
    assert (100.0 - 20.0) / (104.0 - 21.0) > 100.0 / 104.0
    assert pytest.approx(0.9523810, abs=1e-7) == 100.0 - 104.0 / 1.05
    halted = LoanEngine(bonus=0.05, halts=True)
    assert repayment(104.0, 100.0, 0.8, halted)[0] == 0.0
    assert repayment(104.0, 100.0, 0.8, LoanEngine(bonus=0.05))[0] == pytest.approx(104.0 / 1.05)


def test_two_steps_take_more_than_one():
    # design row 14: 5 and 47.5, where one step takes 50
    assert two_steps(124.0, 100.0, 0.8, 0.05, 0.5) == pytest.approx((5.0, 47.5))


def test_each_kind_repays_by_its_rule():
    # design row 17: D 100, C 110, CF .8, T 1.24, b 6.66 %
    v4 = loan_engine(LoanKind.AAVE_V4, 0.0666, dust=0.0)
    assert repayment(110.0, 100.0, 0.8, v4)[0] == pytest.approx(93.0906082, abs=1e-7)
    v3 = loan_engine(LoanKind.AAVE_V3, 0.05, dust=0.0)
    assert repayment([121.0, 118.0, 130.0], 100.0, 0.8, v3)[0] == pytest.approx([50.0, 100.0, 0.0])
    compound = loan_engine(LoanKind.COMPOUND, 0.05)
    assert repayment(124.0, 100.0, 0.8, compound)[0] == pytest.approx(100.0)
    # Euler: the bonus is what the health factor lacks to 1, and the target is met after it
    euler = loan_engine(LoanKind.EULER, 0.1)
    repaid, taken = repayment(121.0, 100.0, 0.8, euler)
    lacks = 1.0 - 121.0 * 0.8 / 100.0
    assert taken / repaid == pytest.approx(1.0 + lacks)
    assert (121.0 - taken) * 0.8 / (100.0 - repaid) == pytest.approx(1.25)
    assert taken_first([100.0, 100.0], [0.05, 0.08], [0.01, 0.05]) == 0


def test_the_smallest_bonus_brings_a_keeper_at_one_size():
    # design row 15: kappa 1/2.1e9, gas 500
    bonus, size = smallest_paying_bonus(500.0, 1.0 / 2.1e9)
    assert bonus == pytest.approx(0.00097685, abs=1e-8)
    assert size == pytest.approx(1_024_695, abs=1.0)
    q = np.geomspace(1e4, 1e8, 2_001)

    def gain(b: float) -> float:
        return float((q * (1.0 - q / 2.1e9) - q / (1.0 + b) - 500.0).max())

    assert gain(bonus * 1.001) > 0.0 > gain(bonus * 0.999)
    assert never_worth_it([10.0, 999.0, 1_001.0], 0.05, 50.0) == (2, 1_009.0)
    with pytest.raises(InputError, match="nobody is paid"):
        smallest_paying_bonus(-1.0, 1e-9)
    with pytest.raises(InputError, match="no bonus brings"):
        smallest_paying_bonus(1e9, 1e-9)


def test_clipper_reaches_the_oracle_in_its_published_steps():
    # design row 16: 1.3, .99, 90 s
    clipper = DutchAuction(1.3, 0.99, 90.0, 8_400.0)
    assert clipper.steps_to() == 27
    assert clipper.steps_to() * 90 == 2_430
    assert clipper.price_at(27 * 90.0) == pytest.approx(0.99105, abs=1e-5)
    assert clipper.price_at(8_400.0) == pytest.approx(0.51052, abs=1e-5)


def test_bids_come_where_the_auction_meets_the_market():
    auction = DutchAuction(1.1, 0.98, 60.0, 600.0)
    still = np.ones((1, 11))
    step, price = run_auction(auction, still, 0.0)
    assert step[0] == auction.steps_to() == 5
    assert price[0] == pytest.approx(1.1 * 0.98**5)
    falling = 0.9 ** np.arange(11.0)[None, :]
    assert np.isnan(run_auction(auction, falling, 0.0)[1][0])


def test_a_solved_auction_meets_what_is_asked_on_other_paths():
    sigma = 1.0 / math.sqrt(365.0 * 86_400.0)  # 100 % a year
    asked = {
        "no_bid": 0.01,
        "allowed_loss": 0.05,
        "seconds": 3_600.0,
        "step_seconds": 60.0,
        "cost": 0.002,
        "depth_at_one_percent": 1e6,
    }
    found = solve_auction(sigma, **asked)
    assert found.no_bid <= 0.01
    assert found.loss <= 0.05
    rng = np.random.default_rng(11)
    market = np.exp(np.cumsum(rng.standard_normal((4_000, 61)) * sigma * math.sqrt(60.0), axis=1))
    _, price = run_auction(found.auction, market, 0.002)
    # binomial, three deviations about a hundredth
    assert np.isnan(price).mean() <= 0.01 + 3.0 * math.sqrt(0.01 * 0.99 / 4_000)
    with pytest.raises(InputError, match="is met by no start and cut"):
        solve_auction(20.0 * sigma, **asked)


def test_pools_that_hold_each_other_clear_as_eisenberg_and_noe_say():
    # design row 25
    found = clear([[0, 3, 0], [0, 0, 2], [1, 0, 0]], [0.5, 0.2, 0.1])
    assert found.paid == pytest.approx([1.5, 1.7, 1.0])
    assert found.missing == pytest.approx([1.5, 0.3, 0.0])
    # against the slow fixed point from above
    rng = np.random.default_rng(2)
    for _ in range(50):
        owes = rng.random((6, 6)) * (rng.random((6, 6)) < 0.4)
        np.fill_diagonal(owes, 0.0)
        own = rng.random(6) * 0.4
        owed = owes.sum(axis=1)
        share = np.divide(owes, owed[:, None], out=np.zeros_like(owes), where=owed[:, None] > 0.0)
        p = owed.copy()
        for _ in range(2_000):
            p = np.minimum(owed, own + share.T @ p)
        assert clear(owes, own).paid == pytest.approx(p, abs=1e-9)
    with pytest.raises(InputError, match="square"):
        clear([[0.0, -1.0], [0.0, 0.0]], [1.0, 1.0])
