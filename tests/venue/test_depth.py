"""Depth: closed forms, published numbers, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.venue.depth import (
    BeyondLadder,
    LadderDepth,
    MarketDepth,
    OrderBookDepth,
    check_curve,
    check_market_depth,
    table_of,
)
from riskkit.venue.depth_pools import (
    ConcentratedRanges,
    ConstantProduct,
    PoolDepth,
    Range,
    StableSwap,
    check_pool,
)

# Reference rows 6 to 9 of the venue's design: exact pool mathematics, and Curve's stETH pool on
# 2022-06-22 (balances of the pool, A = 50; the market traded at .9472).
FULL_RANGE = math.sqrt(1000.0 * 2e6)


def test_a_constant_product_sells_at_the_published_numbers():
    pool = ConstantProduct(1000.0, 2e6)
    assert pool.sold(10.0) == pytest.approx(19_801.980198, abs=1e-6)
    assert ConstantProduct(1000.0, 2e6, 0.003).sold(10.0) == pytest.approx(19_743.160688, abs=1e-6)
    assert float(pool.price_after(10.0)) == pytest.approx(1_960.592099, abs=1e-6)
    depth = PoolDepth(pool)
    assert float(depth.displacement(20_000.0)) == pytest.approx(2.0 * math.log(1.01))


def test_concentrated_liquidity_over_all_prices_is_the_constant_product():
    wide = ConcentratedRanges(2000.0, (Range(1e-9, 1e12, FULL_RANGE),))
    assert 1.0 - wide.sold(10.0) / 20_000.0 == pytest.approx(0.0099009901, abs=1e-10)
    narrow = ConcentratedRanges(2000.0, (Range(1800.0, 2200.0, FULL_RANGE),))
    assert narrow.most == pytest.approx(54.0926, abs=1e-4)
    assert narrow.sold(10.0) == pytest.approx(wide.sold(10.0))
    assert narrow.sold(60.0) == pytest.approx(narrow.sold(narrow.most))
    assert PoolDepth(narrow).most == pytest.approx(54.0926 * 2000.0, rel=1e-5)


def test_ranges_end_where_liquidity_does():
    gap = ConcentratedRanges(2000.0, (Range(1900.0, 2200.0, 1e4), Range(1500.0, 1800.0, 1e4)))
    assert float(gap.price_after(1e9)) == pytest.approx(1900.0)


def test_a_stableswap_sells_at_the_published_numbers():
    assert StableSwap(1e6, 1e6, 100.0).sold(1e5) == pytest.approx(99_900.11086, abs=1e-5)
    pool = StableSwap(2e5, 8e5, 50.0)
    assert pool.invariant == pytest.approx(994_573.7165, abs=1e-4)
    assert pool.price == pytest.approx(0.94646929, abs=1e-8)
    assert pool.sold(1e4) == pytest.approx(9_437.85627, abs=1e-5)


def test_the_steth_pool_of_june_2022_is_priced_from_its_balances():
    pool = StableSwap(128_361.0, 503_781.0, 50.0)
    assert pool.price == pytest.approx(0.9481, abs=5e-5)
    assert pool.sold(1e4) == pytest.approx(9_439.0, abs=0.5)
    assert pool.sold(1e5) == pytest.approx(85_559.0, abs=0.5)


CURVES = (
    OrderBookDepth(3e8),
    OrderBookDepth(3e8, 0.67),
    LadderDepth((1e6, 5e6, 2e7), (0.001, 0.01, 0.08)),
    PoolDepth(ConstantProduct(1000.0, 2e6)),
    PoolDepth(StableSwap(2e5, 8e5, 50.0)),
)


@pytest.mark.parametrize("curve", CURVES, ids=lambda c: type(c).__name__)
@given(share=st.floats(0.001, 0.9))
def test_the_average_lies_between_no_impact_and_the_marginal_price(curve, share):
    v = share * float(curve.quantity_to(0.5))
    fall = float(curve.displacement(v))
    average = float(curve.average(v))
    assert math.exp(-fall) <= average * (1.0 + 1e-9) <= 1.0 + 1e-8
    assert float(curve.quantity_to(fall)) == pytest.approx(v, rel=1e-6)


@pytest.mark.parametrize("curve", CURVES, ids=lambda c: type(c).__name__)
def test_the_average_is_the_integral_of_the_marginal_price(curve):
    v = float(curve.quantity_to(0.3))
    at = (np.arange(200_000) + 0.5) / 200_000 * v
    assert float(curve.average(v)) == pytest.approx(
        float(np.exp(-curve.displacement(at)).mean()), abs=3e-6
    )


def test_the_tables_of_the_kernel_follow_their_curves():
    for curve in CURVES:
        table = table_of(curve, -1.0)
        top = min(table[-1, 0], float(curve.quantity_to(1.0)))
        at = np.geomspace(1e-4, 0.99, 50) * top
        assert np.interp(at, table[:, 0], table[:, 1]) == pytest.approx(
            curve.displacement(at), rel=2e-2, abs=3e-5
        )


def test_quotes_give_back_what_they_cost():
    # Medians of 1inch quotes for WETH on 2023-11-20, bps of slippage at values in millions.
    value = np.array([1.5, 3.3, 6.7, 14.0, 30.0, 55.0, 115.0]) * 1e6
    slippage = np.array([8.5, 15.0, 33.0, 68.0, 117.0, 210.0, 595.0]) * 1e-4
    curve = LadderDepth.from_quotes(tuple(value), tuple(slippage))
    check_curve(curve, "depth")
    assert curve.slippage(value) == pytest.approx(slippage, rel=0.12)
    # past the last quote the cost goes on growing
    assert float(curve.slippage(2e8)) > 0.0595
    closed = LadderDepth.from_quotes(tuple(value), tuple(slippage), BeyondLadder.NOTHING)
    assert closed.most == pytest.approx(1.15e8)


@pytest.mark.parametrize(
    ("curve", "words"),
    [
        (OrderBookDepth(0.0), "no depth"),
        (OrderBookDepth(1e8, 2.0), "square root"),
        (LadderDepth((1e6, 2e6), (0.02, 0.01)), "must not fall: level 2"),
        (LadderDepth((1e6, 2e6), (0.02, 0.02)), "must increase"),
        (LadderDepth((2e6, 1e6), (0.01, 0.02)), "increase"),
    ],
)
def test_what_is_no_impact_inside_a_bar_is_refused(curve, words):
    with pytest.raises(InputError, match=words):
        check_curve(curve, "depth")


def test_quotes_that_fall_and_pools_of_nothing_are_refused():
    with pytest.raises(InputError, match="must not fall: level 2"):
        LadderDepth.from_quotes((1.0, 2.0), (0.02, 0.01))
    with pytest.raises(InputError, match="no depth"):
        check_pool(ConstantProduct(0.0, 1.0), "depth")
    with pytest.raises(InputError, match="liquidity below the price"):
        check_pool(ConcentratedRanges(2000.0, ()), "depth")
    book = OrderBookDepth(1e8)
    with pytest.raises(InputError, match="crash_fraction"):
        check_market_depth(MarketDepth(book, book, 1.0, crash_fraction=0.0))
    with pytest.raises(InputError, match="mark_weight"):
        check_market_depth(MarketDepth(book, book, 1.5))
