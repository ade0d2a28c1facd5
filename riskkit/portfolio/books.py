"""A library of books that margins are judged on: every kind of holder, gross notional 1 each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

GROUPS = (
    "single long",
    "single short",
    "equal long",
    "equal short",
    "pairs",
    "random long",
    "random short",
    "long_short",
    "neutral",
    "hedged",
)
# Groups in which holders look for the cheapest margin.
CHOOSABLE = ("pairs", "hedged", "long_short", "neutral")


@dataclass(frozen=True)
class Books:
    """Weights of books, gross 1, and the group of each.

    Attributes
    ----------
    weights : ndarray (A, N)
    groups : ndarray (A,) of str
    """

    weights: Array = field(repr=False)
    groups: npt.NDArray[np.str_] = field(repr=False)

    def __len__(self) -> int:
        return len(self.groups)

    def beside(self, weights: Array, group: str) -> Books:
        """The same books with others of one group after them."""
        return Books(
            np.vstack([self.weights, weights]),
            np.concatenate([self.groups, np.full(len(weights), group)]),
        )


def reference_books(assets: int, each: int = 30, seed: int = 1) -> Books:
    """Single legs, equal weights, every pair, and ``each`` random books of four kinds.

    Random long and short books have Dirichlet weights, long-short ones normal weights, neutral ones
    normal weights less their mean.
    """
    rng = np.random.default_rng(seed)
    eye, ones = np.eye(assets), np.ones((1, assets))
    pairs = [eye[i] - eye[j] for i in range(assets) for j in range(assets) if i != j]
    normal = [rng.dirichlet(np.ones(assets), each), -rng.dirichlet(np.ones(assets), each)]
    normal += [rng.standard_normal((each, assets)), rng.standard_normal((each, assets))]
    normal[3] -= normal[3].mean(axis=1, keepdims=True)
    parts = [eye, -eye, ones, -ones, np.array(pairs).reshape(-1, assets), *normal]
    groups = np.concatenate(
        [np.full(len(part), name) for part, name in zip(parts, GROUPS[:-1], strict=True)]
    )
    weights = np.vstack(parts)
    gross = np.abs(weights).sum(axis=1, keepdims=True)
    return Books(weights / gross, groups)


def hedged_books(returns: Array) -> Array:
    """Each asset hedged by least squares with the others, and its mirror: ndarray (2N, N), gross 1.

    Parameters
    ----------
    returns : ndarray (T, N)
        The history that the hedge is taken from.
    """
    size = returns.shape[1]
    moment = np.cov(returns.T).reshape(size, size)
    found = []
    for i in range(size):
        others = [j for j in range(size) if j != i]
        inner = moment[np.ix_(others, others)] + 1e-12 * np.eye(size - 1)
        weights = np.zeros(size)
        weights[i] = 1.0
        weights[others] = -np.linalg.solve(inner, moment[others, i])
        weights /= np.abs(weights).sum()
        found += [weights, -weights]
    return np.array(found)
