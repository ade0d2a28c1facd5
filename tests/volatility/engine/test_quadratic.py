"""The quadratic programme against its optimality conditions, and the algebra against numpy."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.volatility.engine.newton import make_convex, secant_update
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


@given(problems, st.floats(0.0, 1.0))
@settings(max_examples=200, deadline=None)
def test_degenerate_programmes_end_at_their_minimum(
    problem: tuple[int, int, int], share: float
) -> None:
    """More constraints than variables through the start, some of them twice."""
    seed, n, m = problem
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(m, n))
    a = np.vstack([a, a[: m // 2], 2.0 * a[m // 2 :]])
    room = np.where(rng.random(m) < share, 0.0, -rng.exponential(size=m))
    room = np.concatenate([room, room[: m // 2], 2.0 * room[m // 2 :]])
    axes = np.linalg.qr(rng.normal(size=(n, n)))[0]
    b = axes @ np.diag(10.0 ** rng.uniform(-1, 2, n)) @ axes.T
    b = 0.5 * (b + b.T)
    g, d, inverse = rng.normal(size=n), np.empty(n), np.empty((n, n))
    assert invert(b, inverse)
    constrained_step(g, b, inverse, a, room, d, rng.integers(0, 2, size=2 * m).astype(bool))
    assert (a @ d >= room - 1e-8).all()
    # The dual by non-negative least squares: an algorithm of its own, exact where ranks fall.
    from scipy.optimize import nnls

    root = np.linalg.cholesky(inverse)
    lagged = np.column_stack([(a @ root), room + a @ (inverse @ g)])
    u = nnls(lagged.T, np.eye(n + 1)[n], maxiter=100 * (m + 1))[0] if m else np.zeros(0)
    residual = lagged.T @ u - np.eye(n + 1)[n] if m else -np.eye(n + 1)[n]
    best = -inverse @ g - root @ residual[:n] / residual[n]
    value, least = (float(g @ x + 0.5 * x @ b @ x) for x in (d, best))
    assert value <= least + 1e-6 * max(1.0, abs(least))


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


@given(problems)
@settings(max_examples=200, deadline=None)
def test_secant_update_keeps_an_inverse_and_learns_the_step(problem: tuple[int, int, int]) -> None:
    seed, n, _ = problem
    rng = np.random.default_rng(seed)
    root, truth = rng.normal(size=(n, n)), rng.normal(size=(n, n))
    b, inverse = root @ root.T + 0.1 * np.eye(n), np.empty((n, n))
    invert(b, inverse)
    step = rng.normal(size=n)
    change = (truth @ truth.T + 0.1 * np.eye(n)) @ step
    secant_update(b, inverse, step, change, np.empty(n), np.empty(n))
    np.testing.assert_allclose(b @ step, change, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(b @ inverse, np.eye(n), atol=1e-6)
