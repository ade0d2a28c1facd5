"""The quadratic programme against its optimality conditions, and the algebra against numpy."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.volatility.engine.newton import make_convex
from riskkit.volatility.engine.quadratic import constrained_step, invert, solve

problems = st.tuples(st.integers(0, 10_000), st.integers(1, 7), st.integers(0, 12))


@given(problems)
@settings(max_examples=200, deadline=None)
def test_constrained_step_meets_the_kkt_conditions(problem: tuple[int, int, int]) -> None:
    seed, n, m = problem
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, n))
    b = root @ root.T + 0.1 * np.eye(n)
    g, a = rng.normal(size=n), rng.normal(size=(m, n))
    room = -0.01 - rng.exponential(size=m)
    room[:2] = 0.0  # where the step starts, a bound or two are met: alpha = 0, persistence = 1
    d, active = np.empty(n), rng.integers(0, 2, size=m).astype(bool)
    inverse = np.empty((n, n))
    assert invert(b, inverse)
    constrained_step(g, b, inverse, a, room, d, active)
    assert (a @ d >= room - 1e-9).all()
    slope = g + b @ d
    tight = a @ d <= room + 1e-6
    # Stationarity: the slope is a non-negative combination of the tight constraints.
    from scipy.optimize import nnls

    gap = nnls(a[tight].T, slope)[1] if tight.any() else np.linalg.norm(slope)
    assert gap < 1e-6 * max(1.0, float(np.linalg.norm(g)))


@given(problems)
@settings(max_examples=50, deadline=None)
def test_invert_and_solve_agree_with_numpy(problem: tuple[int, int, int]) -> None:
    seed, n, _ = problem
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, n))
    b, r = root @ root.T + 0.1 * np.eye(n), rng.normal(size=n)
    inverse = np.empty((n, n))
    assert invert(b, inverse)
    np.testing.assert_allclose(inverse @ b, np.eye(n), atol=1e-8)
    a, x = root + 3.0 * np.eye(n), r.copy()
    expected = np.linalg.solve(a, r)
    assert solve(a.copy(), x, n)
    np.testing.assert_allclose(x, expected, rtol=1e-7, atol=1e-9)


def test_invert_refuses_what_is_not_positive_definite() -> None:
    inverse = np.empty((2, 2))
    assert not invert(np.array([[1.0, 2.0], [2.0, 1.0]]), inverse)
    assert not invert(np.array([[np.nan, 0.0], [0.0, 1.0]]), inverse)


def test_make_convex_keeps_a_convex_hessian_and_repairs_the_others() -> None:
    inverse, none = np.empty((2, 2)), np.zeros((0, 2))
    convex = np.array([[2.0, 0.5], [0.5, 1.0]])
    kept = convex.copy()
    make_convex(kept, inverse, none, np.zeros(0, dtype=bool), np.ones(2))
    np.testing.assert_array_equal(kept, convex)
    for broken in (np.array([[1.0, 0.0], [0.0, -1.0]]), np.full((2, 2), np.nan)):
        make_convex(broken, inverse, none, np.zeros(0, dtype=bool), np.ones(2))
        assert np.linalg.eigvalsh(broken).min() > 0.0
        np.testing.assert_allclose(inverse @ broken, np.eye(2), atol=1e-8)
