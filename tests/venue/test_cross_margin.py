"""Accounts of several assets: one asset is the sorted engine, and money is conserved."""

from __future__ import annotations

import math

import numpy as np
import pytest

from riskkit.errors import InputError
from riskkit.venue.accounts import book_of
from riskkit.venue.cascade import CascadeEngine, CascadePaths, run_cascade
from riskkit.venue.cross_margin import run_cross_margin
from riskkit.venue.depth import MarketDepth, OrderBookDepth
from riskkit.venue.layers import CascadeFund


def _accounts(assets: int):
    rng = np.random.default_rng(3)
    quantity = rng.pareto(1.5, (800, assets)) * rng.choice([1.0, -1.0], (800, assets))
    equity = np.abs(quantity).sum(axis=1) * rng.uniform(0.08, 0.5, 800)
    return quantity, equity - quantity.sum(axis=1)


def test_one_asset_is_closed_as_by_sorted_triggers():
    quantity, cash = _accounts(1)
    returns = np.random.default_rng(4).standard_t(4, (60, 50)) * 0.012
    slope = 0.01 / 400.0
    curve = OrderBookDepth(400.0)
    depth = MarketDepth(curve, curve, 1.0, permanent_share=0.3, refill_bars=2.0, crash_fraction=1.0)
    book = book_of(np.sign(quantity[:, 0]), np.abs(quantity[:, 0]), cash, 0.02)
    sorted_run = run_cascade(
        book, depth, CascadeEngine(), CascadeFund(1e9, False), CascadePaths(returns)
    )
    crossed = run_cross_margin(
        cash,
        quantity,
        [0.02],
        returns[:, :, None],
        [slope],
        mark_weight=1.0,
        permanent_share=0.3,
        refill_bars=2.0,
    )
    assert crossed.of("closures").sum() > 1_000
    # the same set; within a round the order differs, and so do prices in the last digits of a bar
    assert crossed.of("closures").mean() == pytest.approx(
        sorted_run.of("closures").mean(), rel=2e-2
    )
    assert crossed.of("bad_debt").mean() == pytest.approx(
        sorted_run.of("bad_debt").mean(), rel=5e-2
    )


def test_money_of_several_assets_is_conserved_and_threads_change_no_bit():
    quantity, cash = _accounts(4)
    returns = np.random.default_rng(5).standard_t(4, (80, 40, 4)) * 0.015
    settings = {"mark_weight": 0.6, "permanent_share": 0.2, "refill_bars": 3.0}
    arguments = (cash, quantity, np.full(4, 0.02), returns, np.full(4, 0.01 / 600.0))
    found = run_cross_margin(*arguments, **settings)
    assert found.of("closures").sum() > 500
    again = run_cross_margin(*arguments, **settings, threads=2)
    assert np.array_equal(found.table, again.table)
    # accounts, market and the venue, which bears bad debt, against cash and positions at the end
    flat = run_cross_margin(*arguments[:3], returns * 0.0, np.zeros(4), **settings)
    opening = cash.sum() + quantity.sum()
    assert flat.of("accounts_total") + flat.of("market_total") == pytest.approx(opening)


def test_money_is_conserved_where_the_book_is_balanced():
    quantity, cash = _accounts(2)
    quantity = np.vstack([quantity, -quantity])
    cash = np.concatenate([cash, cash + 2.0 * quantity[:800].sum(axis=1)])
    returns = np.random.default_rng(6).standard_t(4, (60, 40, 2)) * 0.02
    found = run_cross_margin(
        cash, quantity, [0.02, 0.03], returns, np.full(2, 1e-5), mark_weight=1.0
    )
    assert found.of("closures").sum() > 500
    total = found.of("accounts_total") + found.of("market_total")
    assert total == pytest.approx(np.full(60, cash.sum()), rel=1e-12)
    assert math.isclose(quantity.sum(), 0.0, abs_tol=1e-9)


def test_shapes_and_depth_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="one column an asset"):
        run_cross_margin([1.0], [[1.0, 2.0]], [0.1], np.zeros((1, 1, 3)), [1.0], mark_weight=1.0)
    with pytest.raises(InputError, match="depth of 0"):
        run_cross_margin([1.0], [[1.0]], [0.1], np.zeros((1, 1, 1)), [math.inf], mark_weight=1.0)
