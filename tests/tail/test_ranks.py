"""Order statistics near an end: the same numbers as sorting everything."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.tail.ranks import FEWEST, order_statistics


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(FEWEST - 200, 3 * FEWEST),
    seed=st.integers(0, 2**32 - 1),
    share=st.floats(0.0, 1.0),
    digits=st.integers(0, 8),
    lost=st.sampled_from((0, 0, 1, 40, 2_000)),
    order=st.sampled_from(("as drawn", "rising", "falling")),
)
def test_they_are_those_of_the_sorted_sample(n, seed, share, digits, lost, order):
    # Few digits make ties, and sorted values make the bound's sample a poor one.
    rng = np.random.default_rng(seed)
    values = np.round(rng.standard_t(3, n), digits)
    if order != "as drawn":
        values = np.sort(values)[:: 1 if order == "rising" else -1].copy()
    values[rng.integers(0, n, lost)] = np.nan
    middle = round(share * (n - 1))
    ranks = [max(middle - 7, 0), middle, min(middle + 7, n - 1)]
    np.testing.assert_array_equal(order_statistics(values, ranks), np.sort(values)[ranks])


def test_a_bound_that_leaves_out_too_many_is_not_trusted():
    # Every sixteenth number is small, the others are not: the bound sees only the small ones.
    values = np.arange(16_000.0) + 100.0
    values[::16] -= 1e6
    ranks = [1_500, 1_600]
    np.testing.assert_array_equal(order_statistics(values, ranks), np.sort(values)[ranks])
    np.testing.assert_array_equal(
        order_statistics(-values, [15_999 - r for r in ranks]), -np.sort(values)[ranks]
    )
