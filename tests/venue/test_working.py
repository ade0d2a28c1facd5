"""Orders worked over time: reference rows 10 and 11, and the book that they are sold into."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.venue.working import refilling_schedule, uniform_sale

Z99 = 2.3263478740408408


def test_a_refilling_book_is_sold_into_as_obizhaeva_and_wang_say():
    found = refilling_schedule(1.0, 1.0, 2.0, 1.0)
    assert (found.cost, found.block, found.rate) == pytest.approx((0.25, 0.25, 0.5))
    assert refilling_schedule(1.0, 1.0, 2.0, 0.0).cost == pytest.approx(0.5)


def _cost(sales: np.ndarray, refill: float, step: float) -> float:
    """Cost of a schedule, by walking a linear book of slope 1 that refills between the sales."""
    eaten = cost = 0.0
    for x in sales:
        cost += x * (eaten + 0.5 * x)
        eaten = (eaten + x) * math.exp(-refill * step)
    return cost


@given(bump=st.floats(-0.2, 0.2))
def test_no_other_split_between_blocks_and_rate_is_cheaper(bump):
    steps, refill = 400, 2.0
    best = refilling_schedule(1.0, 1.0, refill, 1.0)

    def schedule(block: float) -> np.ndarray:
        sales = np.full(steps + 1, (1.0 - 2.0 * block) / (steps - 1))
        sales[0] = sales[-1] = block
        return sales

    walked = _cost(schedule(best.block), refill, 1.0 / steps)
    assert walked == pytest.approx(best.cost, abs=2e-3)
    assert _cost(schedule(best.block + bump), refill, 1.0 / steps) >= walked - 1e-4


def test_a_uniform_sale_is_that_of_almgren_and_chriss():
    found = uniform_sale(1e8, 0.03, 0.01 / 3e8, Z99)
    assert found.time == pytest.approx(0.3013808, abs=1e-7)
    assert found.cost == pytest.approx(0.0110602, abs=1e-7)
    assert found.risk == pytest.approx(0.0221204, abs=1e-7)
    assert found.risk == pytest.approx(2.0 * found.cost)
    assert uniform_sale(8e8, 0.03, 0.01 / 3e8, Z99).margin == pytest.approx(0.06636, abs=5e-6)


@given(factor=st.floats(0.3, 3.0))
def test_no_other_time_is_better(factor):
    found = uniform_sale(1e8, 0.03, 0.01 / 3e8, Z99)
    time = factor * found.time
    other = 0.01 / 3.0 / time + Z99 * 0.03 * math.sqrt(time / 3.0)
    assert other >= found.margin - 1e-12


def test_what_cannot_be_worked_is_refused():
    with pytest.raises(InputError, match="impact"):
        uniform_sale(1.0, 0.1, 0.0, 2.0)
    with pytest.raises(InputError, match="time"):
        refilling_schedule(1.0, 1.0, 1.0, -1.0)
