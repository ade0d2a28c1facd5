"""Black's formula, its kernel, and published marks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.options.black import (
    LegTable,
    MovedScenarios,
    black76,
    black_value,
    greeks,
    inverse_value,
    normal_table,
    revalue,
)

prices = st.floats(0.1, 1e6)
ratios = st.floats(0.2, 5.0)
years = st.floats(0.001, 3.0)
vols = st.floats(0.01, 3.0)


@given(f=prices, r=ratios, t=years, s=vols)
def test_a_call_less_a_put_is_the_forward_less_the_strike(
    f: float, r: float, t: float, s: float
) -> None:
    k = f * r
    gap = black76(f, k, t, s) - black76(f, k, t, s, call=False) - (f - k)
    assert abs(float(gap)) <= 1e-12 * max(f, k)


@given(f=prices, r=ratios, t=years, s=vols, call=st.booleans())
def test_values_lie_between_the_intrinsic_one_and_the_price(
    f: float, r: float, t: float, s: float, call: bool
) -> None:
    k = f * r
    value = float(black76(f, k, t, s, call))
    intrinsic = max(f - k, 0.0) if call else max(k - f, 0.0)
    assert intrinsic - 1e-12 * f <= value <= (f if call else k) * (1.0 + 1e-12)
    # A short coin-settled call can lose no more than its coin.
    if call:
        assert inverse_value(f, f, k, t, s) <= 1.0 + 1e-12


@given(f=prices, r=ratios, t=years)
def test_without_volatility_or_time_it_is_the_intrinsic_value(f: float, r: float, t: float) -> None:
    k = f * r
    assert float(black76(f, k, t, 0.0)) == max(f - k, 0.0)
    assert float(black76(f, k, 0.0, 0.5, call=False)) == max(k - f, 0.0)


@given(f=prices, low=st.floats(0.5, 1.0), high=st.floats(1.0, 2.0), t=years, s=vols)
def test_a_box_is_worth_its_width(f: float, low: float, high: float, t: float, s: float) -> None:
    a, b = f * low, f * high
    calls = black76(f, a, t, s) - black76(f, b, t, s)
    puts = black76(f, b, t, s, call=False) - black76(f, a, t, s, call=False)
    assert float(calls + puts) == pytest.approx(b - a, abs=1e-11 * b)


def test_published_marks() -> None:
    """Derive's documents of its portfolio margins (binance_deribit_derive_docs at b8dd585)."""
    assert float(black76(1740.0, 1800.0, 14 / 365, 0.60)) == pytest.approx(56.3514, abs=5e-5)
    assert float(black76(1740.0, 1700.0, 14 / 365, 0.65, False)) == pytest.approx(68.743, abs=5e-4)
    carry = math.exp(-0.21 * 37.2 / 365)
    put = carry * float(black76(2695.78, 2700.0, 37.2 / 365, 0.76, False))
    call = carry * float(black76(2695.78, 2500.0, 37.2 / 365, 0.76))
    assert put == pytest.approx(257.0550, abs=5e-5)
    assert call == pytest.approx(353.0465, abs=5e-5)


def test_an_inverse_call() -> None:
    """F 50,000, K 55,000, 30 days, 60 %: value, delta less premium, losses at x2 and x6."""
    value = inverse_value(50e3, 50e3, 55e3, 30 / 365, 0.6)
    assert value == pytest.approx(0.03270260504709415, abs=1e-15)
    delta = greeks(50e3, 55e3, 30 / 365, 0.6).delta - value
    assert delta == pytest.approx(0.2871630806484609, abs=1e-14)
    for grown, lost in ((2.0, 0.41730559), (6.0, 0.78396406)):
        after = inverse_value(50e3 * grown, 50e3 * grown, 55e3, 30 / 365, 0.6)
        assert after - value == pytest.approx(lost, abs=5e-9)


@given(f=prices, r=ratios, t=years, s=vols, call=st.booleans())
def test_greeks_are_slopes(f: float, r: float, t: float, s: float, call: bool) -> None:
    k, h = f * r, 1e-4
    found = greeks(f, k, t, s, call)
    up, down = (float(black76(f * (1 + d), k, t, s, call)) for d in (h, -h))
    assert found.delta == pytest.approx((up - down) / (2 * h * f), abs=2e-5 / (s * math.sqrt(t)))
    up, down = (float(black76(f, k, t, s + d, call)) for d in (1e-5, -1e-5))
    assert found.vega == pytest.approx((up - down) / 2e-5, abs=1e-4 * f)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**31))
def test_the_kernel_gives_what_the_formula_gives(seed: int) -> None:
    rng = np.random.default_rng(seed)
    legs, count = 5, 40
    moves, shocks = (
        np.expm1(0.2 * rng.standard_normal((2, count))),
        0.3 * rng.standard_normal(count),
    )
    grown, shock = 1.0 + moves, np.exp(shocks)[None, :]
    price = rng.integers(0, 2, legs)
    forward, strike = rng.uniform(50, 150, legs), rng.uniform(50, 150, legs)
    call, quantity = rng.choice([-1.0, 1.0], legs), rng.normal(size=legs)
    deviation = np.where(rng.random(legs) < 0.2, 0.0, rng.uniform(0.01, 1.0, legs))
    inverse = rng.choice([0.0, 1.0], legs)
    table = LegTable(price.astype(np.int64), np.zeros(legs, np.int64), np.zeros(legs, np.int64),
                     forward, strike, call, deviation, quantity, inverse)  # fmt: skip
    out = np.zeros((1, count))
    moved = MovedScenarios(grown, 1.0 / grown, np.log(grown), shock, 1.0 / shock)
    revalue(table, normal_table(), moved, 0, count, out)
    slow = np.zeros(count)
    for m in range(count):
        for i in range(legs):
            factor = float(grown[price[i], m])
            worth = black_value(
                float(forward[i]) * factor, float(strike[i]),
                float(deviation[i] * shock[0, m]), float(call[i]),
            )  # fmt: skip
            slow[m] += quantity[i] * worth / (factor if inverse[i] else 1.0)
    assert np.abs(out[0] - slow).max() < 1e-11


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"strike": 0.0}, "strike"),
        ({"volatility": -1.0}, "volatility"),
        ({"years": -0.1}, "years"),
        ({"forward": math.nan}, "forward"),
    ],
)
def test_bad_input_is_told(change: dict[str, float], argument: str) -> None:
    asked = {"forward": 100.0, "strike": 100.0, "years": 0.1, "volatility": 0.5} | change
    with pytest.raises(InputError) as caught:
        black76(**asked)  # type: ignore[arg-type]
    assert caught.value.argument == argument
