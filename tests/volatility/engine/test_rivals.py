"""Rivals one step at a time, on a function of two wells whose depths each window's mean tilts."""

import math

import numpy as np
import pytest

from riskkit.compiled import Real, Vector, compiled
from riskkit.volatility.engine.basins import (
    KEPT,
    LASTING,
    Rivals,
    Walk,
    Window,
    carry_back,
    remember,
    revisit,
)
from riskkit.volatility.engine.cold import MOMENTS, describe
from riskkit.volatility.engine.kernel import SIZE, FitTerms, Point
from riskkit.volatility.engine.newton import minimise

BARS, AT, TOLERANCE = 8, 5, 1e-8
FREE = np.array([0], dtype=np.int64)
OMEGA_ROWS = np.zeros((2, SIZE))
OMEGA_ROWS[:, 1] = 1.0, -1.0
UNBOUND = np.array([[-1e300, 0.0, 0.0]] * 2)


@compiled(cache=False)
def wells(x: Vector, y: Vector, start: Vector, g: Vector) -> Real:
    """``(mu^2 - 1)^2 + mean(y) mu``: the well near -1 is the deeper where the mean is positive."""
    g[:] = 0.0
    g[0] = 4.0 * x[0] * (x[0] * x[0] - 1.0) + y.mean()
    g[7] = 5.0 + x[0]
    return float((x[0] * x[0] - 1.0) ** 2 + y.mean() * x[0])


def window(tilt: float) -> np.ndarray:
    return tilt + np.tile([1.0, -1.0], BARS // 2)


def point(mu: float) -> np.ndarray:
    return np.array([mu, *[0.0] * (SIZE - 1)])


TERMS = FitTerms(
    False, True, True, OMEGA_ROWS, UNBOUND, FREE, point(0.0), np.zeros((1, 5)), TOLERANCE
)


class Standing:
    """A walk at mu = 1 on window `AT`, and one rival at mu = -1."""

    def __init__(self, tilt: float, until: int = AT, alive: bool = True) -> None:
        self.y, self.moments = window(tilt), np.empty(MOMENTS)
        describe(self.y, True, True, self.moments)
        self.x, self.g, self.b = point(1.0), np.zeros(SIZE + 1), np.array([[8.0]])
        self.active = np.zeros(2, dtype=np.bool_)
        self.points, self.curvatures = np.zeros((KEPT, SIZE)), np.full((KEPT, 1, 1), 8.0)
        self.faces, self.state = np.zeros((KEPT, 2), dtype=np.bool_), np.full((KEPT, 3), -1.0)
        self.points[0], self.state[0] = point(-1.0), (until, float(alive), 0.0)

    def revisit(self, value: float, left: float = 0.0) -> tuple[float, float, float]:
        return revisit(
            minimise.native, wells.native, Window(self.y, self.moments), TERMS, self.rivals, AT,
            (value, left), self.at(self.x),
        )  # fmt: skip

    @property
    def rivals(self) -> Rivals:
        return Rivals(self.points, self.curvatures, self.faces, self.state)

    def at(self, x: np.ndarray) -> Point:
        return Point(x, self.b, self.active, self.g)


def bottom(tilt: float, side: float) -> float:
    """Where the well is, by bisection of the slope."""
    low, high = side - 0.3, side + 0.3
    for _ in range(60):
        mid = 0.5 * (low + high)
        low, high = (mid, high) if 4.0 * mid * (mid * mid - 1.0) + tilt < 0.0 else (low, mid)
    return low


def depth(tilt: float, mu: float) -> float:
    return (mu * mu - 1.0) ** 2 + tilt * mu


def test_a_rival_that_leads_changes_places_with_the_optimum() -> None:
    walk, own = Standing(0.1), depth(0.1, 1.0)
    value, left, spent = walk.revisit(own)
    best = bottom(0.1, -1.0)
    assert walk.x[0] == pytest.approx(best, abs=1e-4)
    assert value == pytest.approx(depth(0.1, best), abs=1e-7)
    assert walk.g[SIZE] == pytest.approx(5.0 + best, abs=1e-4)
    assert left < 1e-6
    assert spent >= 2.0
    assert walk.points[0, 0] == 1.0
    np.testing.assert_array_equal(walk.state[0], [AT + LASTING, 1.0, own])


def test_a_rival_behind_is_followed_and_changes_nothing() -> None:
    walk = Standing(-0.1)
    assert walk.revisit(depth(-0.1, 1.0), 1e-9)[:2] == (depth(-0.1, 1.0), 1e-9)
    assert walk.x[0] == 1.0
    assert walk.points[0, 0] == pytest.approx(bottom(-0.1, -1.0), abs=1e-4)
    np.testing.assert_array_equal(walk.state[0, :2], [AT + LASTING, 1.0])


def test_a_rival_that_settles_is_better_than_a_point_that_did_not() -> None:
    walk = Standing(-0.1)
    value, left, _ = walk.revisit(depth(-0.1, 1.0), math.inf)
    assert walk.x[0] == pytest.approx(bottom(-0.1, -1.0), abs=1e-4)
    assert value > depth(-0.1, 1.0)
    assert left < 1e-6


def test_a_point_is_tried_up_to_the_last_window_it_is_remembered_for() -> None:
    own = depth(0.1, 1.0)
    assert Standing(0.1, until=AT).revisit(own)[2] > 0.0
    assert Standing(0.1, until=AT - 1).revisit(own) == (own, 0.0, 0.0)


def test_a_point_that_was_no_optimum_is_only_tried_where_it_is_likely() -> None:
    near, far = Standing(0.1, alive=False), Standing(0.1, alive=False)
    far.points[0] = point(-1.6)
    assert near.revisit(depth(0.1, 1.0))[0] < -0.1
    assert far.revisit(depth(0.1, 1.0)) == (depth(0.1, 1.0), 0.0, 1.0)


def test_the_oldest_of_the_rivals_makes_room_and_none_is_kept_twice() -> None:
    walk = Standing(0.1, until=-1)
    for at, mu, value in ((0, 0.1, 1.0), (1, 0.2, 2.0), (2, 0.3, 1.0 + 1e-5), (3, 0.4, 3.0)):
        remember(walk.rivals, walk.at(point(mu)), value, at, True)
    assert walk.points[:, 0].tolist() == [0.4, 0.2]
    assert walk.state[:, 0].tolist() == [3 + LASTING, 1 + LASTING]


@pytest.mark.parametrize(("explored", "replaced"), [(0, [1, 3, 4]), (5, [3, 4])])
def test_an_optimum_is_carried_back_as_far_as_it_may_win(
    explored: int, replaced: list[int]
) -> None:
    """It leads on windows 1, 3 and 4; past 2, where it does not, only what is unexplored counts."""
    tilts = [-0.1, 0.1, -0.1, 0.2, 0.1]
    y = np.concatenate([window(tilt) for tilt in tilts])
    first = np.arange(0, len(y), BARS, dtype=np.int64)
    params, found = np.array([point(1.0)] * AT), np.zeros((AT, 8))
    found[:, 0] = [depth(tilt, bottom(tilt, 1.0)) for tilt in tilts]
    x = point(-1.0)
    walk = Walk(y, first, first + BARS, params, found)
    start = Point(x, np.array([[8.0]]), np.zeros(2, dtype=np.bool_), np.zeros(SIZE + 1))
    carry_back(minimise.native, wells.native, walk, TERMS, AT, explored, start, True)
    assert np.flatnonzero(params[:, 0] < 0.0).tolist() == replaced
    for i in replaced:
        best = bottom(tilts[i], -1.0)
        assert found[i, 0] == pytest.approx(depth(tilts[i], best), abs=1e-7)
        assert found[i, 1] == pytest.approx(5.0 + best, abs=1e-4)
        assert found[i, 2] < 1e-6
        assert found[i, 4] == pytest.approx(1.0 + (params[i, 0] - tilts[i]) ** 2)
    assert x[0] == -1.0
