"""What it costs to move a price."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from riskkit.attack.cost import (
    PriceMean,
    PriceSource,
    averaged_multiple,
    book_move,
    cheapest_majority,
    pool_move,
)
from riskkit.errors import InputError
from riskkit.venue.depth import BeyondLadder, LadderDepth, OrderBookDepth

LADDER = LadderDepth((1e6, 3e6, 4e6), (0.01, 0.04, 0.2))
CURVES = (OrderBookDepth(2e6), OrderBookDepth(2e6, 0.67), LADDER)


@given(multiple=st.floats(0.2, 5.0), slope=st.floats(1e-9, 1e-5))
def test_a_linear_book_costs_what_the_closed_form_says(multiple: float, slope: float) -> None:
    """(m - 1 - ln m)/kappa is lost, (m - 1)/kappa spent, both ways."""
    found = book_move(OrderBookDepth(0.01 / slope), multiple)
    lost = abs(abs(multiple - 1.0) - abs(math.log(multiple))) / slope
    assert found.reverted == pytest.approx(lost, rel=1e-6, abs=1e-9 / slope)
    if multiple > 1.0:
        assert found.capital == pytest.approx((multiple - 1.0) / slope, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("multiple", [0.8, 0.97, 1.02, 1.15])
def test_money_traded_is_the_integral_of_the_price(curve: object, multiple: float) -> None:
    found = book_move(curve, multiple)  # type: ignore[arg-type]
    sign = 1.0 if multiple > 1.0 else -1.0
    inside = [float(q) for q in getattr(curve, "quantities", ()) if q < found.quantity]
    whole, _ = quad(
        lambda v: math.exp(sign * float(curve.displacement(v))),  # type: ignore[attr-defined]
        0.0,
        found.quantity,
        points=inside or None,
        limit=200,
    )
    # The table of a curved book is linear between 400 knots.
    assert abs(whole - found.quantity) == pytest.approx(found.reverted, rel=2e-3)


@given(multiple=st.floats(0.3, 4.0), thicker=st.floats(1.0, 50.0), fee=st.floats(0.0, 0.01))
def test_cost_rises_with_depth_and_with_fees(multiple: float, thicker: float, fee: float) -> None:
    thin, thick = (book_move(OrderBookDepth(d), multiple, fee) for d in (1e6, thicker * 1e6))
    assert thick.loss >= thin.loss * (1.0 - 1e-12)
    assert book_move(OrderBookDepth(1e6), multiple).loss <= thin.loss


def test_a_book_that_ends_cannot_be_moved_beyond() -> None:
    ladder = LadderDepth((1e6, 2e6), (0.01, 0.02), BeyondLadder.NOTHING)
    assert math.isinf(book_move(ladder, 1.5).loss)


def test_eulers_note_on_averaged_prices() -> None:
    """Euler's oracle note: 50 k + 50 k full range, geometric mean of 144 blocks, target 1.35."""
    multiple = averaged_multiple(1.35, 144, 10, PriceMean.GEOMETRIC)
    found = pool_move(50_000.0, multiple)
    assert multiple == pytest.approx(75.302, abs=5e-4)
    assert found.capital == pytest.approx(383_884, abs=1)
    assert found.loss == pytest.approx(339_645, abs=1)
    assert found.times(10).loss == pytest.approx(3.3965e6, rel=5e-5)
    assert averaged_multiple(1.35, 144, 1, PriceMean.GEOMETRIC) == pytest.approx(5.862e18, rel=1e-3)


def test_overlays_note_on_small_steps() -> None:
    """Overlay's note 2: reserve 10 m, 240 blocks in steps of ten, break-even at 240 m.

    They count what goes in as lost, though the attacker holds what he bought: the true loss of a
    step is x eps^2/4 a block.
    """
    reserve, blocks, step = 10e6, 240.0, 10.0
    assert reserve * blocks / step == 240e6
    eps = 1e-3
    assert pool_move(reserve, 1.0 + eps).loss == pytest.approx(reserve * eps**2 / 4.0, rel=2e-3)


@pytest.mark.parametrize(("held", "loss", "capital"), [(1, 3.75, 4.57), (150, None, 0.095)])
def test_a_window_of_150_blocks(held: int, loss: float | None, capital: float) -> None:
    """Constant product, target 1.2: arithmetic and one block, geometric and all of them."""
    mean = PriceMean.ARITHMETIC if held == 1 else PriceMean.GEOMETRIC
    multiple = averaged_multiple(1.2, 150, held, mean)
    found = pool_move(1.0, multiple).times(held)
    assert found.capital == pytest.approx(capital, abs=0.005)
    expected = loss if loss is not None else 1.25
    assert found.loss == pytest.approx(expected, abs=0.005)


@given(
    target=st.floats(1.01, 3.0), window=st.floats(1.0, 500.0), more=st.floats(1.0, 10.0),
    mean=st.sampled_from(list(PriceMean)),
)  # fmt: skip
def test_a_longer_average_asks_for_a_larger_move(
    target: float, window: float, more: float, mean: PriceMean
) -> None:
    short, long = (averaged_multiple(target, w, 1.0, mean) for w in (window, more * window))
    assert long >= short


@settings(max_examples=30)
@given(st.data())
def test_the_cheapest_majority_is_that_of_trying_every_set(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 7))
    sources = [
        PriceSource(
            f"s{i}",
            data.draw(st.integers(1, 5)),
            OrderBookDepth(1e5 * data.draw(st.integers(1, 50))),
            1e-4 * data.draw(st.integers(0, 10)),
        )
        for i in range(count)
    ]
    names, found = cheapest_majority(sources, 1.3)
    half = 0.5 * sum(s.weight for s in sources)
    losses = {s.name: book_move(s.curve, 1.3, s.fee).loss for s in sources}
    every = (
        chosen
        for size in range(1, count + 1)
        for chosen in itertools.combinations(sources, size)
        if sum(s.weight for s in chosen) > half
    )
    least = min(sum(losses[s.name] for s in chosen) for chosen in every)
    assert found.loss == pytest.approx(least, rel=1e-6)
    assert sum(s.weight for s in sources if s.name in names) > half


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: book_move(CURVES[0], 0.0), "multiple"),
        (lambda: book_move(CURVES[0], math.nan), "multiple"),
        (lambda: book_move(CURVES[0], 1.1, 1.0), "fee"),
        (lambda: pool_move(0.0, 1.1), "quote"),
        (lambda: averaged_multiple(1.1, 0.5, 0.5, PriceMean.ARITHMETIC), "window"),
        (lambda: averaged_multiple(1.1, 10, 11, PriceMean.ARITHMETIC), "held"),
        (lambda: cheapest_majority([PriceSource("one", 1.0, CURVES[0])], 1.1), "sources"),
    ],
)
def test_bad_input_is_told(call, argument: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError) as caught:
        call()
    assert caught.value.argument == argument


def test_a_majority_out_of_reach_costs_without_end() -> None:
    short = LadderDepth((1e5,), (0.01,), BeyondLadder.NOTHING)
    sources = [PriceSource("a", 1.0, short), PriceSource("b", 1.0, OrderBookDepth(1e6))]
    names, found = cheapest_majority(sources, 1.5)
    assert (names, np.isinf(found.loss)) == ((), True)
