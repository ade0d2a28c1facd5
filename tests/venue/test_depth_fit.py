"""Depth fitted: what was put in comes out, with a band; what cannot be fitted is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.venue.depth import OrderBookDepth
from riskkit.venue.depth_fit import fit_book, fit_quotes, volatility_elasticity

RNG = np.random.default_rng(11)


def test_a_book_is_found_again_inside_its_band():
    distances = np.array([0.01, 0.02, 0.03, 0.04, 0.05])
    noise = np.exp(0.05 * RNG.standard_normal((400, 1)))
    snapshots = 3e8 * (distances / 0.01) ** 0.7 * noise
    fit = fit_book(distances, snapshots)
    assert fit.depth.exponent == pytest.approx(0.7)
    assert fit.at_one_percent[0] < 3e8 < fit.at_one_percent[1]
    assert fit.snapshots == 400
    assert not fit.capped
    wide = fit_book(distances, 3e8 * (distances / 0.01) ** 1.4 * noise)
    assert wide.depth.exponent == 1.0
    assert wide.capped


def test_quotes_around_a_drifting_price_give_their_depth_back():
    curve = OrderBookDepth(5e7)
    moments = pd.date_range("2023-11-20", periods=2_000, freq="30s")
    drift = 2_000.0 * np.exp(np.linspace(0.0, 0.03, 2_000))
    value = np.exp(RNG.uniform(np.log(1e4), np.log(1e8), 2_000))
    price = drift * curve.average(value) * np.exp(1e-5 * RNG.standard_normal(2_000))
    fit = fit_quotes(moments, value, price, small=1e5)
    at = np.array([1e6, 1e7, 5e7])
    assert fit.depth.slippage(at) == pytest.approx(curve.slippage(at), rel=0.15)
    assert (fit.table["low"] <= fit.table["slippage"]).all()


def test_an_elasticity_is_found_again_inside_its_band():
    sigma = np.exp(RNG.standard_normal(300))
    depth = 1e8 * sigma**-0.4 * np.exp(0.1 * RNG.standard_normal(300))
    found, low, high, r2 = volatility_elasticity(depth, sigma)
    assert low < 0.4 < high
    assert found == pytest.approx(0.4, abs=0.03)
    assert r2 > 0.8


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(InputError, match="depth of 0"):
        fit_book([0.01, 0.02], [[1.0, 2.0], [0.0, 1.0]])
    with pytest.raises(InputError, match="falls with distance"):
        fit_book([0.01, 0.02], [[2.0, 1.0]])
    with pytest.raises(InputError, match="two levels"):
        fit_quotes(pd.date_range("2024", periods=2, freq="s"), [1.0, 10.0], [1.0, 1.0], small=2.0)
