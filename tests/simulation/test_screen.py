"""A path that is passed over whole has no bar in which anything could happen, whatever accrues."""

from __future__ import annotations

import numpy as np
import pytest

from riskkit.position import Side
from riskkit.simulation.screen import is_near, is_quiet, screen_of
from riskkit.venue.book import open_book
from riskkit.venue.mechanism import Loan, Perpetual

BARS = 40


def book(kind: str, carry: float) -> list:
    if kind == "loan":
        return [Loan(0.95 * t, t, 0.05, 1.0, abs(carry)) for t in (0.9, 0.7)]
    return [Perpetual(Side(kind), m + 0.1, m, 1.0, 0.0, carry) for m in (0.02, 0.1)]


@pytest.mark.parametrize("kind", ["long", "short", "loan"])
@pytest.mark.parametrize("carry", [0.0, 1e-4, -1e-4, 1e-3, -1e-3])
def test_a_quiet_path_comes_near_no_trigger(kind, carry):
    positions = book(kind, carry)
    screen = screen_of(positions, *open_book(positions))
    rng, sign = np.random.default_rng(5), screen.sign
    quiet = 0
    for scale in rng.uniform(0.001, 0.03, 400):
        moves = sign * np.cumsum(rng.normal(0.0, scale, BARS))
        lows = moves - np.abs(rng.normal(0.0, scale, BARS))
        lowest, highest = min(lows.min(), 0.0), max(moves.max(), 0.0)
        if not is_quiet.py_func(lowest, highest, BARS, screen):
            continue
        quiet += 1
        level = screen.level
        for t in range(BARS):
            level = level * screen.growth + screen.drift * np.exp(sign * moves[t])
            assert not is_near.py_func(np.exp(sign * lowest), level, sign)
    assert 20 < quiet < 400


def test_a_price_that_overflows_is_looked_at_where_funding_follows_it():
    paying, owing = (
        screen_of(positions, *open_book(positions))
        for positions in (book("long", 1e-4), book("loan", 1e-4))
    )
    assert not is_quiet(-0.01, 800.0, BARS, paying)
    assert is_quiet(-0.01, 800.0, BARS, owing)  # a debt does not grow with the price
