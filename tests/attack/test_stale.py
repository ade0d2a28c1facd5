"""A stale price as an option."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskkit.attack.stale import (
    YEAR_SECONDS,
    closing_fee,
    deviation_feed,
    pool_loss_per_block,
    stale_option,
)
from riskkit.errors import InputError


@pytest.mark.parametrize(
    ("age", "fee", "option"),
    [(15.0, 0.0, 3.3017e-4), (15.0, 5e-4, 4.5645e-5), (15.0, 1e-3, 2.1413e-6), (3600.0, 0.0, 51e-4),
     (3600.0, 50e-4, 16e-4)],
)  # fmt: skip
def test_the_option_at_sixty_per_cent_a_year(age: float, fee: float, option: float) -> None:
    digits = 1e-4 if age == 15.0 else 0.02
    assert stale_option(0.6, age, fee) == pytest.approx(option, rel=digits)


def test_the_option_is_the_mean_of_what_it_pays() -> None:
    sd, fee = 0.6 * math.sqrt(60.0 / YEAR_SECONDS), 3e-4
    moves = np.random.default_rng(1).normal(0.0, sd, 400_000)
    paid = np.maximum(np.abs(moves) - fee, 0.0)
    error = paid.std() / math.sqrt(paid.size)
    assert stale_option(0.6, 60.0, fee) == pytest.approx(paid.mean(), abs=4.0 * error)


def test_a_deviation_feed_of_half_a_per_cent() -> None:
    """Deviation .5 %, looked at every 12 s, fee 30 bps: every .66 h, 29.3 times a year."""
    found = deviation_feed(0.6, 0.005, 12.0, 0.003)
    assert found.update_seconds / 3600.0 == pytest.approx(0.66, abs=0.005)
    assert found.loss_per_year == pytest.approx(29.3, abs=0.05)
    assert found.update_seconds / 12.0 == pytest.approx(198.6, abs=0.05)
    assert found.overshoot == pytest.approx(2.16e-4, rel=5e-3)


@pytest.mark.parametrize(
    ("sigma", "fee", "loss", "simulated"),
    [(1e-3, 1e-3, 1.8407e-7, 1.836e-7), (1e-3, 3e-3, 8.13e-8, 8.10e-8),
     (5e-4, 3e-3, 1.107e-8, 1.101e-8)],
)  # fmt: skip
def test_arbitrage_against_a_pool(sigma: float, fee: float, loss: float, simulated: float) -> None:
    """Nezlobin and Tassy 2505.05113, with the whole band for gamma, beside a simulation of it."""
    found = pool_loss_per_block(sigma, fee)
    assert found == pytest.approx(loss, rel=1e-3)
    assert found == pytest.approx(simulated, rel=0.01)


@given(sigma=st.floats(0.05, 3.0), age=st.floats(0.1, 86_400.0))
def test_the_fee_that_closes_it_does(sigma: float, age: float) -> None:
    fee = closing_fee(sigma, age, 1e-5)
    assert stale_option(sigma, age, fee) <= 1e-5 * (1.0 + 1e-6)
    if fee > 0.0:
        assert stale_option(sigma, age, 0.98 * fee) > 1e-5


@pytest.mark.parametrize("age", [0.0, -1.0, math.nan])
def test_an_age_that_is_none_is_told(age: float) -> None:
    with pytest.raises(InputError, match="age_seconds"):
        stale_option(0.6, age)
