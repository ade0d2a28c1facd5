"""Many simulated joint moves reduced to a few scenarios that enclose most of them.

A linear book loses most in a corner. If a path's moves lie inside the convex hull of the scenarios,
no linear book loses more on it than in its worst scenario, whatever its positions: that is what
"all cover" counts. With one asset the hull is an interval, and two scenarios say it all.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull, QhullError

from riskkit.errors import InputError

Array = npt.NDArray[np.float64]

# Of the paths, by distance: from them the corners are chosen.
OUTER = 0.05
MOST_ASSETS = 8
_CHUNK = 20_000
_LOWEST = -1.0  # a price that is gone


@dataclass(frozen=True)
class Corners:
    """Scenarios, as moves of each asset.

    Attributes
    ----------
    moves : ndarray, shape (scenarios, assets)
        Simple returns.
    towards : ndarray, shape (scenarios, assets)
        Direction in which each is held to be far: its moves in units of the paths' covariance.
    """

    moves: Array = field(repr=False)
    towards: Array = field(repr=False)

    def covered(self, moves: npt.ArrayLike) -> tuple[Array, float]:
        """Shares of paths that each, and that all of them, cover.

        Parameters
        ----------
        moves : array_like, shape (paths, assets)
            Simple returns; of other paths than chose the corners.

        Returns
        -------
        each : ndarray, shape (scenarios,)
            Share that moves no further than the scenario in its direction.
        all_of_them : float
            Share inside the convex hull.
        """
        paths = _checked(moves)
        reach = np.einsum("ka,ka->k", self.moves, self.towards)
        each = np.array(
            [np.mean(paths @ d <= r + 1e-12) for d, r in zip(self.towards, reach, strict=True)]
        )
        return each, float(np.mean(_gauge(self.moves, paths) <= 1.0 + 1e-12))


def choose_corners(moves: npt.ArrayLike, count: int, probability: float) -> Corners:
    """Choose scenarios whose convex hull holds a share of the moves.

    One asset: the quantiles that leave half of the rest on each side. Several: the direction of the
    path furthest out (in units of the covariance), then again and again that of the outer path
    which is furthest from those chosen; each as far as the share of all paths reaches in it, and
    all of them moved out or in by one factor until the hull holds the share.

    Parameters
    ----------
    moves : array_like, shape (paths, assets)
        Simple returns over the margin period of risk.
    count : int
        Of scenarios: 2 for one asset, more than assets for several.
    probability : float
        Share of the moves that is to lie inside.

    Raises
    ------
    InputError
        If count or probability are out of range, or the directions do not surround today's prices.

    Examples
    --------
    >>> import numpy as np
    >>> moves = np.linspace(-0.1, 0.1, 201)[:, None]
    >>> choose_corners(moves, 2, 0.905).moves.round(3).tolist()
    [[-0.091], [0.091]]
    """
    paths = _checked(moves)
    assets = paths.shape[1]
    if not 0.5 <= probability < 1.0:
        rule = "must lie in [0.5, 1)"
        raise InputError("probability", probability, rule, "For example 0.99")
    if assets == 1:
        if count != 2:
            rule = "must be 2 for one asset: a linear book is worst at one of two ends"
            raise InputError("count", count, rule, "Leave it out")
        tail = (1.0 - probability) / 2.0
        low = np.quantile(paths[:, 0], tail, method="lower")
        high = np.quantile(paths[:, 0], 1.0 - tail, method="higher")
        ends = np.array([[min(low, 0.0)], [max(high, 0.0)]])
        return Corners(ends, np.array([[-1.0], [1.0]]))
    if assets > MOST_ASSETS or not assets < count <= 128:
        rule = f"must be more scenarios than assets, which are at most {MOST_ASSETS}"
        raise InputError("count", (count, assets), rule, "For example 16 for up to eight assets")
    factor = np.linalg.cholesky(np.cov(paths.T) + 1e-18 * np.eye(assets))
    inverse = np.linalg.inv(factor)
    white = paths @ inverse.T
    towards = _furthest(white, count)
    reach = np.maximum(np.quantile(white @ towards.T, probability, axis=0), 1e-9)
    chosen = (towards * reach[:, None]) @ factor.T
    scale = float(np.quantile(_gauge(chosen, paths), probability, method="higher"))
    corners = np.maximum(chosen * scale, _LOWEST)
    return Corners(corners, corners @ inverse.T @ inverse)


def _furthest(white: Array, count: int) -> Array:
    """Directions of outer paths, of length one, that lie far from each other."""
    distance = np.linalg.norm(white, axis=1)
    outer = white[distance >= np.quantile(distance, 1.0 - OUTER)]
    unit = outer / np.linalg.norm(outer, axis=1, keepdims=True)
    first = int(np.argmax(np.linalg.norm(outer, axis=1)))
    found, nearest = [first], unit @ unit[first]
    while len(found) < count:
        found.append(int(np.argmin(nearest)))
        nearest = np.maximum(nearest, unit @ unit[found[-1]])
    return np.asarray(unit[found])


def _gauge(corners: Array, paths: Array) -> Array:
    """By how much the hull must be stretched from zero until it holds each path."""
    if corners.shape[1] == 1:
        low, high = float(corners.min()), float(corners.max())
        with np.errstate(divide="ignore", invalid="ignore"):
            stretch = np.where(paths[:, 0] < 0.0, paths[:, 0] / low, paths[:, 0] / high)
        return np.where(paths[:, 0] == 0.0, 0.0, stretch)
    try:
        planes = ConvexHull(corners).equations
    except QhullError:
        planes = np.zeros((1, corners.shape[1] + 1))
    normals, offsets = planes[:, :-1], planes[:, -1]
    if not (offsets < 0.0).all():
        rule = "must surround today's prices on all sides"
        raise InputError("scenarios", len(corners), rule, "Ask for more of them with --count")
    out = np.empty(len(paths))
    for begin in range(0, len(paths), _CHUNK):
        part = paths[begin : begin + _CHUNK]
        out[begin : begin + _CHUNK] = np.max(part @ (normals / -offsets[:, None]).T, axis=1)
    return out


def _checked(moves: npt.ArrayLike) -> Array:
    paths = np.asarray(moves, dtype=np.float64)
    if paths.ndim != 2 or len(paths) < 100 or not np.isfinite(paths).all():
        rule = "must be a table of finite moves, a row for each of at least 100 paths"
        raise InputError("moves", paths.shape, rule, "Simulate more paths")
    return paths
