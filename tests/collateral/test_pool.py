"""A pool of collateral: the one health rule, seized in every order, held to a plain loop."""

from dataclasses import replace

import numpy as np
import pytest

from riskkit.collateral.pool import CollateralPool, Seizure, in_a_crash, limit_of, open_pools
from riskkit.errors import InputError
from riskkit.simulation.pool_paths import PoolPrices, run_pools
from riskkit.venue.book import health
from riskkit.venue.liquidation import CloseOut, CloseOutRule
from riskkit.venue.liquidity import Slippage, SlippageLaw
from riskkit.venue.mechanism import Loan, Mechanism
from riskkit.venue.oracle import Oracle
from riskkit.venue.run import run_mechanism

RNG = np.random.default_rng(5)
SHOCKS = RNG.standard_t(4, (200, 12, 1)) * 0.05 + RNG.standard_t(4, (200, 12, 2)) * 0.05
PRICES = np.concatenate([np.ones((200, 1, 2)), np.exp(np.cumsum(SHOCKS, axis=1))], axis=1)
HALF = np.array([[0.5, 0.5]])
DEEP, THIN = (Slippage(SlippageLaw.LINEAR, 0.01, depth) for depth in (5e6, 4e5))


def a_pool(order=Seizure.PRO_RATA, rule=None, *, bonus=0.06):
    closing = rule or CloseOut(CloseOutRule.CLOSE_FACTOR, 0.5)
    return CollateralPool(
        ("A", "B"),
        np.array([0.8, 0.7]),
        np.array([0.74, 0.62]),
        bonus,
        (THIN, DEEP),
        Mechanism(Oracle(), 1, Slippage(), closing),
        order,
    )


def by_hand(pool, prices, notional=1e6, horizon=10):
    """One account along one path, as a person would write it down."""
    order = pool.sequence(notional).tolist()
    units, debt = [0.5, 0.5], 0.5 * (0.74 + 0.62)
    due = None
    factor = pool.mechanism.close_out.level
    for t in range(1, len(prices)):
        value = [u * p for u, p in zip(units, prices[t], strict=True)]
        sound = sum(v * lt for v, lt in zip(value, pool.threshold, strict=True)) > debt
        if due is None and t <= horizon and not sound:
            due = t + 1
        if due != t:
            continue
        due = None
        take = min(factor * debt * (1.0 + pool.bonus), sum(value))
        parts = [0.0, 0.0]
        if pool.order is Seizure.PRO_RATA:
            parts = [take * v / sum(value) for v in value]
        else:
            left = take
            for k in order:
                parts[k] = min(left, value[k])
                left -= parts[k]
        kept = sum(x * (1.0 - pool.slippage[k].cost(x * notional)) for k, x in enumerate(parts))
        if (1.0 + pool.bonus) * kept < take:
            sold = sum(v * (1.0 - pool.slippage[k].cost(v * notional)) for k, v in enumerate(value))
            return max(debt - sold, 0.0), True
        if sum(value) < debt * (1.0 + pool.bonus):
            return debt - sum(value) / (1.0 + pool.bonus), True
        units = [(v - x) / p for v, x, p in zip(value, parts, prices[t], strict=True)]
        debt *= 1.0 - factor
    return 0.0, False


@pytest.mark.parametrize("order", list(Seizure))
def test_every_order_agrees_with_a_plain_loop(order):
    pool = a_pool(order)
    found = run_pools([pool], HALF, PoolPrices.of(PRICES), horizon=10, notional=1e6)
    expected = [by_hand(pool, path) for path in PRICES[:, :12]]
    assert found.bad_debt[:, 0] == pytest.approx([lost for lost, _ in expected], abs=1e-12)
    assert 5 < found.defaulted.sum() < found.liquidated.sum() < 200


def test_one_kind_is_a_loan_to_the_bit():
    closes = PRICES[:, :, :1]
    pool = CollateralPool(
        ("A",), np.array([0.8]), np.array([0.74]), 0.06, (THIN,),
        Mechanism(Oracle(), 1, THIN, CloseOut(CloseOutRule.CLOSE_FACTOR, 0.5)),
    )  # fmt: skip
    loan = Loan(0.74, 0.8, 0.06, notional=1e6)
    alone = [run_mechanism(path[:, 0], loan, pool.mechanism, 10) for path in closes]
    for order in (Seizure.PRO_RATA, Seizure.LISTED):
        ordered = replace(pool, order=order)
        found = run_pools(
            [ordered], np.ones((1, 1)), PoolPrices.of(closes), horizon=10, notional=1e6
        )
        assert found.bad_debt[:, 0].tolist() == [one.loss for one in alone]
        assert found.liquidated[:, 0].tolist() == [one.liquidated for one in alone]


def test_health_is_the_weighted_threshold_less_the_debt():
    pool = a_pool()
    book, terms = open_pools([pool], HALF, 1e6)
    at = np.array([0.9, 1.1])
    assert health(book, 0, at, terms) == pytest.approx(0.5 * (0.9 * 0.8 + 1.1 * 0.7) - 0.68)


def test_restoring_kind_by_kind_reaches_the_level_it_was_asked_for():
    crash = np.ones((1, 12, 2))
    crash[:, 1:] = [0.88, 0.88]
    rule = CloseOut(CloseOutRule.RESTORE, 1.02)
    for order in (Seizure.SAFEST, Seizure.RISKIEST, Seizure.PRO_RATA):
        pool = a_pool(order, rule)
        found = run_pools([pool], HALF, PoolPrices.of(crash), horizon=10, notional=1.0)
        # Restored above 1 it is triggered once, and nothing is lost.
        assert found.liquidated.all()
        assert not found.defaulted.any()


def test_paths_are_each_their_own_and_terms_scale_with_their_power():
    pool = a_pool(Seizure.DEEPEST)
    assert pool.sequence(1e6).tolist() == [1, 0]
    assert replace(pool, order=Seizure.SAFEST).sequence(1e6).tolist() == [0, 1]
    assert replace(pool, order=Seizure.RISKIEST).sequence(1e6).tolist() == [1, 0]
    whole = run_pools([pool], HALF, PoolPrices.of(PRICES), horizon=10, notional=1e6)
    part = run_pools([pool], HALF, PoolPrices.of(PRICES[50:]), horizon=10, notional=1e6)
    assert np.array_equal(whole.bad_debt[50:], part.bad_debt)
    tight = [pool.with_haircuts(power) for power in (0.8, 1.0, 1.5, 2.0)]
    many = run_pools(tight, np.repeat(HALF, 4, axis=0), PoolPrices.of(PRICES), horizon=10)
    assert (np.diff(many.bad_debt.sum(axis=0)) <= 0.0).all()
    assert pool.with_haircuts(1.0).threshold == pytest.approx(pool.threshold)


def test_a_limit_is_what_the_bonus_pays_for_and_a_share_of_volume():
    law = in_a_crash(Slippage(SlippageLaw.SQUARE_ROOT, 0.01, 1e6), 2e6, 0.2)
    found = limit_of("A", law, 0.05, 1e9, 0.1)
    assert 1.05 * (1.0 - law.cost(found.by_depth)) == pytest.approx(1.0)
    assert found.by_volume == 1e8
    assert (found.largest, found.decides) == (found.by_depth, "depth")
    assert limit_of("A", law, 0.05, 1e6, 0.1).decides == "volume"
    assert limit_of("A", Slippage(), 0.05, np.inf, 0.1).decides == "none"
    ladder = in_a_crash(Slippage(SlippageLaw.LADDER, ladder=((1e6, 0.01), (2e6, 0.05))), None, 0.5)
    assert ladder.cost(5e5) == pytest.approx(0.01)


def test_numbers_that_make_no_pool_are_told_in_words():
    pool = a_pool()
    with pytest.raises(InputError, match="sum to 1"):
        pool.limits_of(np.array([0.5, 0.6]))
    with pytest.raises(InputError, match="leave room for the bonus"):
        replace(pool, bonus=0.3)
    with pytest.raises(InputError, match="above its loan-to-value"):
        replace(pool, max_ltv=np.array([0.9, 0.1]))
    with pytest.raises(InputError, match="below the pool's threshold"):
        open_pools([pool], HALF, 1.0, np.array([0.9]))
    with pytest.raises(InputError, match="must be positive"):
        open_pools([pool], HALF, 0.0)
    with pytest.raises(InputError, match="or more"):
        run_pools([pool], HALF, PoolPrices.of(PRICES[:, :5]), horizon=10)
    with pytest.raises(InputError, match="positive volume"):
        limit_of("A", Slippage(), 0.05, 0.0, 0.1)
