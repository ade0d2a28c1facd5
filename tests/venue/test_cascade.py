"""The cascade: closed forms, the running-minimum map, the position's own mechanism, and money."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import gammaln

from riskkit.errors import InputError
from riskkit.position import Side
from riskkit.venue.accounts import book_of
from riskkit.venue.accounts_made import SyntheticBook
from riskkit.venue.cascade import (
    CascadeEngine,
    CascadePaths,
    EngineRule,
    FollowingMargin,
    cascade_rules,
    run_cascade,
)
from riskkit.venue.cascade_kernel import run_cascades
from riskkit.venue.cascade_values import (
    ACCOUNTS_TOTAL,
    CLOSURES,
    DepthFall,
    MarketMoves,
    MovingMargin,
)
from riskkit.venue.criticality import (
    branching,
    cascade_map,
    criticality,
    final_move,
    sales,
)
from riskkit.venue.depth import BeyondLadder, LadderDepth, MarketDepth, OrderBookDepth
from riskkit.venue.impact import ImpactLaw
from riskkit.venue.layers import CascadeFund, fund_law
from riskkit.venue.mechanism import CloseOut, Mechanism, Perpetual, Slippage, SlippageLaw
from riskkit.venue.oracle import Oracle
from riskkit.venue.run import run_mechanism

ENDLESS = CascadeFund(1e9, deleverages=False)
MM = 0.05


def linear(slope: float, **more: float) -> MarketDepth:
    """A market that moves by ``slope`` per unit, for good and at once, unless told otherwise."""
    curve = OrderBookDepth(0.01 / slope if slope else 1e300)
    settings = {
        "mark_weight": 1.0,
        "permanent_share": 1.0,
        "refill_bars": math.inf,
        "crash_fraction": 1.0,
        **more,
    }
    return MarketDepth(curve, curve, **settings)


def longs_at(trigger: np.ndarray, quantity: np.ndarray):
    return book_of(np.ones(trigger.size), quantity, -trigger * quantity * (1.0 - MM), MM)


def uniform(accounts: int, width: float = 0.5):
    """A unit of interest whose triggers are spread evenly over ``width`` of log price."""
    at = -(np.arange(accounts) + 0.5) / accounts * width
    return longs_at(np.exp(at), np.full(accounts, 1.0 / accounts)), 1.0 / width


@pytest.mark.parametrize(("n", "amplification"), [(0.5, 2.0), (0.8, 5.0), (0.95, 20.0)])
def test_a_uniform_book_amplifies_by_one_over_one_less_n(n, amplification):
    book, g = uniform(200_000)
    found = run_cascade(book, linear(n / g), CascadeEngine(), ENDLESS, CascadePaths([[-0.01]]))
    assert found.of("sold")[0] > 0.0
    sold = found.of("closures")[0] / book.size
    assert sold / (g * 0.01) == pytest.approx(amplification, rel=2e-4)
    x, v = sales(book, Side.LONG, CascadeEngine(), 0.6)
    ratio, _ = branching(x, v, linear(n / g), Side.LONG, np.array([0.1]))
    assert ratio[0] == pytest.approx(n, rel=1e-3)
    assert final_move(x, v, linear(n / g), Side.LONG, 0.01)[1] == pytest.approx(sold)


def test_the_square_root_sells_a_quantity_of_its_own_below_the_door_that_refuses_it():
    # sqrt Q = (g c + sqrt(g^2 c^2 + 4 g x)) / 2, and (g c)^2 for a shock of nothing
    c, accounts = 0.02, 20_000
    book, g = uniform(accounts)
    v = np.append(0.0, np.geomspace(1e-9, 1.0, 4_000))
    d = c * np.sqrt(v)
    table = np.ascontiguousarray(np.column_stack([v, d, v]))  # prices are not asked for here
    law = ImpactLaw(np.array([-1.0, -1.0]), table, table, np.full(2, np.inf), 1.0, 0.0, 1.0, 0.0)
    engine = CascadeEngine(fill=0.0)
    rules = cascade_rules(engine, 10)
    out = np.empty((2, ACCOUNTS_TOTAL))
    run_cascades(
        MarketMoves(np.array([[-0.01], [-0.5 / accounts]]), np.empty((0, 0)), np.empty((0, 0))),
        book.walked,
        law,
        DepthFall(0.0, 1.0, 0.0, 1.0, 1.0, 0.0),
        rules,
        fund_law(book, CascadeFund(1e9, deleverages=False)),
        MovingMargin(MM, 0.0, 0.0, 0.0, 1.0, 0, np.inf),
        out,
    )
    sold = out[:, CLOSURES] / accounts
    assert sold[0] == pytest.approx(0.0265131427, abs=1e-4)
    assert sold[1] == pytest.approx((g * c) ** 2, abs=1.5e-4)


def test_random_equal_accounts_cascade_by_borels_law():
    # P(k) = exp(-n k) (n k)^(k-1) / k!, mean 1/(1-n), variance n/(1-n)^3
    n, rng = 0.8, np.random.default_rng(5)
    sizes = []
    for _ in range(4_000):
        y = np.cumsum(rng.exponential(size=2_000))
        sizes.append(int(cascade_map(-1e-3 * (y - y[0]), np.ones(y.size), n * 1e-3, [-1e-12])[0]))
    sizes = np.array(sizes)
    k = np.arange(1, 5)
    borel = np.exp(-n * k + (k - 1) * np.log(n * k) - gammaln(k + 1))
    assert [(sizes == j).mean() for j in k] == pytest.approx(borel, abs=0.025)
    assert borel[0] == pytest.approx(0.4493, abs=1e-4)
    assert sizes.mean() == pytest.approx(5.0, abs=4 * math.sqrt(100.0 / sizes.size))


def test_every_path_agrees_with_the_running_minimum_map():
    rng = np.random.default_rng(1)
    returns = rng.standard_t(4, size=(500, 100)) * 0.006 / math.sqrt(2.0)
    quantity = rng.pareto(1.2, 3_000) + 0.1
    book = longs_at(np.exp(-rng.exponential(0.15, 3_000)), quantity / quantity.sum())
    found = run_cascade(book, linear(0.02), CascadeEngine(), ENDLESS, CascadePaths(returns))
    rows = book.walked.longs
    lowest = np.minimum(np.cumsum(returns, axis=1).min(axis=1), 0.0)
    mapped = cascade_map(rows[:, 0], rows[:, 1], 0.02, lowest)
    assert mapped.max() > 100
    assert np.array_equal(mapped, found.of("closures"))


def _positions():
    rng = np.random.default_rng(8)
    for number in range(40):
        side = Side.LONG if number % 2 else Side.SHORT
        im, mm = rng.uniform(0.03, 0.2), rng.uniform(0.005, 0.02)
        mechanism = Mechanism(
            Oracle(int(rng.integers(0, 3)), float(rng.choice([0.0, 0.01]))),
            int(rng.integers(0, 4)),
            Slippage(SlippageLaw.FLAT, 0.003),
            CloseOut(),
        )
        yield side, Perpetual(side, float(im), float(mm), penalty=0.001), mechanism, rng


def test_one_account_closed_into_a_still_market_is_the_position_path_by_path():
    horizon, liquidated, defaulted = 40, 0, 0
    for side, position, mechanism, rng in _positions():
        bars = horizon + mechanism.delay + mechanism.oracle.latency
        returns = rng.standard_t(3, size=(8, bars)) * 0.02
        gap = rng.exponential(0.01, size=returns.shape) * -side.sign
        s = float(side.sign)
        book = book_of([s], [1.0], [position.initial_margin - s], position.maintenance_margin)
        engine = CascadeEngine(
            delay=mechanism.delay,
            latency=mechanism.oracle.latency,
            deviation=mechanism.oracle.deviation,
            fee=position.penalty,
            fill=0.0,
        )
        zero = np.zeros_like(returns)
        lows, highs = (gap, zero) if side is Side.LONG else (zero, gap)
        depth = linear(0.0, spread=0.003)
        found = run_cascade(
            book,
            depth,
            engine,
            ENDLESS,
            CascadePaths(returns, lows=lows, highs=highs, horizon=horizon),
        )
        for path in range(len(returns)):
            close = np.exp(np.append(0.0, np.cumsum(returns[path])))
            extreme = np.append(1.0, close[1:] * np.exp(gap[path]))
            alone = run_mechanism(close, position, mechanism, horizon, extremes=extreme)
            assert found.of("first_trigger")[path] == alone.trigger_bar
            assert found.of("first_default")[path] == alone.default_bar
            assert found.of("closures")[path] == alone.liquidations
            assert found.of("shortfall")[path] == pytest.approx(alone.loss, abs=1e-12)
            liquidated += alone.liquidated
            defaulted += alone.defaulted
    assert liquidated > 100
    assert defaulted > 20


BOOK = SyntheticBook(
    1.0,
    accounts=2_000,
    median_leverage=6.0,
    most_leverage=20.0,
    maintenance=0.025,
    hedger_share=0.3,
    maker_share=0.2,
    seed=4,
).draw()
RETURNS = np.random.default_rng(2).standard_t(4, size=(300, 120)) * 0.008 / math.sqrt(2.0)
BUSY = linear(0.05, permanent_share=0.3, refill_bars=3.0, mark_weight=0.7, spread=0.001)
SETTINGS = {
    "full": (CascadeEngine(fee=0.005), CascadeFund(1.0)),
    "restore": (CascadeEngine(EngineRule.RESTORE, 0.0375, fee=0.005), CascadeFund(1.0)),
    "small fund": (CascadeEngine(EngineRule.RESTORE, 0.0375, fee=0.005), CascadeFund(0.002)),
    "no fund, makers withdraw": (CascadeEngine(fee=0.005), CascadeFund(0.0, maker_depth=0.5)),
    "late, clipped, throttled": (
        CascadeEngine(
            EngineRule.CLIP,
            0.2,
            clip_above=0.001,
            rest_bars=1,
            delay=2,
            latency=1,
            deviation=0.005,
            throughput=0.01,
            fee=0.005,
        ),
        CascadeFund(0.001),
    ),
    "bottomless, never deleverages": (
        CascadeEngine(fee=0.005),
        CascadeFund(0.0, deleverages=False),
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_money_is_conserved(name):
    engine, fund = SETTINGS[name]
    ladder = LadderDepth((0.05, 0.2, 0.5), (0.003, 0.02, 0.08))
    for depth in (BUSY, replace(BUSY, bids=ladder, offers=OrderBookDepth(0.2, 0.67))):
        found = run_cascade(
            BOOK,
            replace(depth, volatility_elasticity=0.4, crash_fraction=0.1, crash_move=0.03),
            engine,
            fund,
            CascadePaths(RETURNS, volatility=0.008),
            audit=True,
        )
        assert found.of("closures").sum() > 10_000
        assert found.money_error <= 1e-12
    if name.startswith("no fund"):
        assert (found.of("deleveraged") > 0.0).any()
    if name.startswith("bottomless"):
        assert (found.of("fund_lowest") < 0.0).any()
        assert (found.of("deleveraged") == 0.0).all()


def test_threads_change_no_bit():
    one = run_cascade(BOOK, BUSY, SETTINGS["restore"][0], CascadeFund(0.01), CascadePaths(RETURNS))
    two = run_cascade(
        BOOK, BUSY, SETTINGS["restore"][0], CascadeFund(0.01), CascadePaths(RETURNS), threads=2
    )
    assert np.array_equal(one.table, two.table)


def test_a_venue_closes_no_more_in_a_bar_than_its_throughput():
    engine = CascadeEngine(throughput=0.01)
    found = run_cascade(BOOK, BUSY, engine, CascadeFund(1.0), CascadePaths(RETURNS))
    free = run_cascade(BOOK, BUSY, CascadeEngine(), CascadeFund(1.0), CascadePaths(RETURNS))
    assert found.of("most_in_a_bar").max() <= 0.01 * (1.0 + 1e-9)
    assert free.of("most_in_a_bar").max() > 0.05
    assert found.of("unclosed").max() > 0.0


def test_where_nothing_lies_beyond_the_last_level_closing_waits():
    ladder = LadderDepth((0.01, 0.02), (0.01, 0.03), BeyondLadder.NOTHING)
    depth = replace(linear(1.0, permanent_share=0.0), bids=ladder, offers=ladder)
    found = run_cascade(
        BOOK, depth, CascadeEngine(), CascadeFund(1.0), CascadePaths([[-0.2]]), audit=True
    )
    assert found.of("sold")[0] <= 0.02
    assert found.of("unclosed")[0] > 0.05
    assert found.money_error <= 1e-12


def test_a_jump_loses_where_smooth_steps_lose_nothing():
    jump = run_cascade(BOOK, BUSY, CascadeEngine(), CascadeFund(1.0), CascadePaths([[-0.08]]))
    smooth = run_cascade(
        BOOK, BUSY, CascadeEngine(slices=20), CascadeFund(1.0), CascadePaths([[-0.08]])
    )
    assert jump.of("bad_debt")[0] > 10.0 * smooth.of("bad_debt")[0]


def test_a_margin_that_follows_volatility_closes_accounts_by_itself_and_adds_to_n():
    rule = FollowingMargin(multiple=6.0, half_life=5.0, volatility=0.004, most=0.3)
    still = run_cascade(BOOK, BUSY, CascadeEngine(), CascadeFund(1.0), CascadePaths(RETURNS))
    moving = run_cascade(
        BOOK, BUSY, CascadeEngine(), CascadeFund(1.0), CascadePaths(RETURNS), margin=rule
    )
    assert still.of("by_requirement").sum() == 0.0
    assert moving.of("by_requirement").sum() > 100.0
    assert moving.of("closures").sum() > still.of("closures").sum()
    late = replace(rule, lag=10_000)
    assert np.array_equal(
        run_cascade(
            BOOK, BUSY, CascadeEngine(), CascadeFund(1.0), CascadePaths(RETURNS), margin=late
        ).table,
        still.table,
    )
    found = criticality(BOOK, BUSY, CascadeEngine(), Side.LONG, margin=rule)
    assert found.by_margin.max() > 0.0
    two = book_of([1.0, 1.0], [1.0, 1.0], [-0.9, -0.9], [0.01, 0.02])
    with pytest.raises(InputError, match="moves one maintenance rate"):
        run_cascade(
            two, BUSY, CascadeEngine(), CascadeFund(1.0), CascadePaths(RETURNS), margin=rule
        )


def test_n_scales_with_interest_and_falls_without_the_largest():
    found = criticality(BOOK, BUSY, CascadeEngine(), Side.LONG)
    double = criticality(BOOK.scaled(2.0), BUSY, CascadeEngine(), Side.LONG)
    assert double.calm == pytest.approx(2.0 * found.calm)
    assert (found.calm_without <= found.calm + 1e-12).all()
    crash = criticality(BOOK, replace(BUSY, crash_fraction=0.1), CascadeEngine(), Side.LONG)
    assert crash.crash == pytest.approx(10.0 * found.calm)
    assert len(found.largest) == 10
    assert (found.largest["n_crash_without_it"] < found.largest["n_crash"]).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"throughput": 0.0}, "throughput"),
        ({"fill": 2.0}, "fill"),
        ({"delay": -1}, "delay"),
        ({"slices": 0}, "slices"),
        ({"rule": EngineRule.CLIP, "level": 0.0}, "clip"),
    ],
)
def test_an_engine_that_cannot_be_is_refused(change, words):
    with pytest.raises(InputError, match=words):
        run_cascade(
            BOOK, BUSY, replace(CascadeEngine(), **change), CascadeFund(), CascadePaths(RETURNS)
        )


def test_depth_that_falls_with_volatility_asks_for_the_usual_one():
    with pytest.raises(InputError, match="usual volatility"):
        run_cascade(
            BOOK,
            replace(BUSY, volatility_elasticity=0.4),
            CascadeEngine(),
            CascadeFund(),
            CascadePaths(RETURNS),
        )


def test_losses_are_flat_in_interest_and_then_have_a_knee():
    """Row 28 in little: a fund scales with interest below the knee, with the cascade above it."""
    paths, bars, usual, nu = 1_500, 168, 0.006, 5.0
    rng = np.random.default_rng(np.random.SFC64(21))
    h, returns = np.full(paths, usual**2), np.empty((paths, bars))
    for t in range(bars):
        shock = rng.standard_t(nu, paths) * math.sqrt((nu - 2.0) / nu)
        returns[:, t] = np.sqrt(h) * shock
        h = usual**2 * 0.01 + 0.09 * returns[:, t] ** 2 + 0.90 * h
    depth = linear(
        0.01 / 300e6,
        permanent_share=0.2,
        refill_bars=math.log(2.0) / 0.5,
        volatility_elasticity=0.4,
        volatility_bars=7.0,
    )
    losses = {}
    for billions in (1, 4, 8):
        shape = SyntheticBook(billions * 1e9, accounts=4_000, rank_correlation=0.0, seed=3)
        book = shape.draw()
        found = run_cascade(
            book, depth, CascadeEngine(fee=0.005), ENDLESS, CascadePaths(returns, volatility=usual)
        )
        losses[billions] = float(np.quantile(found.of("bad_debt"), 0.99)) / (billions * 1e5)
    assert losses[4] < 2.0 * losses[1]
    assert losses[8] > 3.0 * losses[1]
