"""What hedged books need beyond their tail, by how much their legs offset each other.

Offsets leave of the legs' own margins the share that the account's tail is of the legs' tails. But
a hedged book is liquidated when its hedge has come apart, in a state that today's tail does not
know. Reference books of every kind are therefore run through the mechanism on joint paths: opened
with room for their reaction time, liquidated where their loss reaches it, closed after the delay.
Books that offset alike are pooled, and the share is raised until no more of their liquidations than
the target end in default.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError

Array = npt.NDArray[np.float64]

EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 0.95)
FEWEST_DEFAULTS = 5.0
COLUMNS = ("ratio", "books", "liquidations", "defaults", "needed", "left")


@dataclass(frozen=True)
class HedgeLoading:
    """Share of the legs' margins that is left to an account, by the share that its tail is.

    Attributes
    ----------
    ratio, left : ndarray (K,)
        Increasing, from 0 to 1: tail of an account over the sum of its legs' tails, and the share
        of the legs' margins that it must hold. A book of one leg has 1 and 1; ``left`` is never
        below ``ratio``.
    table : DataFrame
        Evidence by class of books: ``ratio`` (mean), ``books``, ``liquidations``, ``defaults``
        (share of the liquidations, at the tail's own share), ``needed`` (factor on that share at
        which the target holds, relative to books of one leg), ``left``. The last row is that of
        books of one leg: its ``needed`` is 1 where these paths agree with those that solved them,
        and less where their margin stands on the floor of volatility.
    """

    ratio: Array = field(repr=False)
    left: Array = field(repr=False)
    table: pd.DataFrame = field(repr=False)

    def share(self, ratio: Array) -> Array:
        """Share of the legs' margins that accounts must hold."""
        return np.asarray(np.interp(ratio, self.ratio, self.left))


@dataclass(frozen=True)
class Watched:
    """How reference books are liquidated.

    Attributes
    ----------
    horizon, reaction, lag : int
        Bars for which a book is held; of its reaction time; from trigger to execution.
    reaction_confidence : float
        Of the running maximum that a book is opened with room for.
    target : float
        P(default | liquidation).
    cost : float
        Of a close-out, a fraction of gross.
    """

    horizon: int
    reaction: int
    lag: int
    reaction_confidence: float
    target: float
    cost: float


def hedge_loading(
    weights: Array, asked: Array, ratio: Array, paths: Array, watched: Watched
) -> HedgeLoading:
    """Run reference books through the mechanism, and raise what offsets leave where it is thin.

    Parameters
    ----------
    weights : ndarray (A, N)
        Books of gross notional 1, those of one leg among them.
    asked : ndarray (A,)
        Maintenance margin at the tail's own share, a fraction of gross.
    ratio : ndarray (A,)
        Tail of each book over the sum of its legs' tails; 1 for one leg.
    paths : ndarray (N, bars, M)
        Cumulative log returns, ``horizon + lag`` bars at least.

    Raises
    ------
    InputError
        If paths are too short, or no book of one leg is among the books.
    """
    if paths.shape[1] < watched.horizon + watched.lag:
        rule = f"must have {watched.horizon + watched.lag} bars: horizon and delay"
        raise InputError("paths", f"{paths.shape[1]} bars", rule, "Simulate longer ones")
    alone = np.count_nonzero(weights, axis=1) == 1
    if not alone.any():
        rule = "must hold books of one leg, which the others are compared with"
        raise InputError("weights", f"{len(weights)} books", rule, "Add single legs")
    simple = np.expm1(paths)
    found = [
        beyond_trigger(row, simple, watched) / need if need > 0.0 else np.empty(0)
        for row, need in zip(weights, asked, strict=True)
    ]
    single = [f for f, yes in zip(found, alone, strict=True) if yes]
    one = _needed(single, watched.target)
    rows = []
    for low, high in zip(EDGES, (*EDGES[1:], np.inf), strict=True):
        which = np.flatnonzero((ratio > low) & (ratio <= high) & ~alone)
        pooled = [found[k] for k in which]
        events = int(sum(map(len, pooled)))
        if events * watched.target < FEWEST_DEFAULTS:
            continue
        here = float(np.mean(ratio[which]))
        failed = float((np.concatenate(pooled) > one).mean())
        needed = _needed(pooled, watched.target) / one
        rows.append((here, len(which), events, failed, needed))
    knots = np.array([0.0, *(row[0] for row in rows), 1.0])
    share = np.array([0.0, *(row[0] * max(row[4], 1.0) for row in rows), 1.0])
    # A book that offsets less is never asked for a smaller share.
    left = np.maximum(np.minimum(np.maximum.accumulate(share), 1.0), knots)
    inner = left[1:-1]
    evidence = [(*row, s) for row, s in zip(rows, inner, strict=True)]
    lost = np.concatenate(single)
    evidence.append((1.0, int(alone.sum()), lost.size, float((lost > one).mean()), one, 1.0))
    table = pd.DataFrame(evidence, columns=list(COLUMNS))
    return HedgeLoading(knots, left, table)


def beyond_trigger(weights: Array, simple: Array, watched: Watched) -> Array:
    """Loss of each liquidated path between trigger and close-out with its cost, of gross there.

    The trigger is the level that the book's running loss keeps below over the reaction time with
    the stated confidence; what a bar falls beyond it counts.

    Parameters
    ----------
    weights : ndarray (N,)
    simple : ndarray (N, bars, M)
        Simple returns since the opening.
    """
    held = np.flatnonzero(weights)
    loss = -np.einsum("n,nbm->bm", weights[held], simple[held])
    level = float(np.quantile(loss[: watched.reaction].max(axis=0), watched.reaction_confidence))
    if level <= 0.0:
        return np.empty(0)
    hit = loss[: watched.horizon] >= level
    path = np.flatnonzero(hit.any(axis=0))
    at = hit[:, path].argmax(axis=0)
    gross = np.einsum("n,nk->k", np.abs(weights[held]), 1.0 + simple[held][:, at, path])
    return np.asarray((loss[at + watched.lag, path] - level) / gross + watched.cost)


def _needed(losses: list[Array], target: float) -> float:
    """The factor that no more than the target's share of the pooled losses exceed."""
    return float(np.quantile(np.concatenate(losses), 1.0 - target))
