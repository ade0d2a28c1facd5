"""Accounts that hold several assets, closed into the depth of each: the same rule, by a scan.

Where accounts hold one asset their triggers are sorted; with several there is no order, and every
bar asks all of them. Health is linear in the prices:
``cash + sum of (quantity - maintenance |quantity|) · price``: a scan is one product an asset.

In a bar: depth comes back, every asset moves, and rounds follow until nobody is at or below its
requirement. A round closes in full those whom it finds, the worst share of equity first, each at
the mean price of its own impact on every asset; the next round asks all again, since prices have
moved.
What equity does not cover is bad debt.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from riskkit.compiled import Cube, Integers, Matrix, Real, Vector, Whole, compiled
from riskkit.errors import InputError
from riskkit.venue.impact import mean_of_exp

Array = npt.NDArray[np.float64]

PIECE = 50
CROSS_OUTCOMES = ("closures", "bad_debt", "sold", "accounts_total", "market_total")


class CrossBook(NamedTuple):
    """Accounts of several assets.

    Attributes
    ----------
    cash : ndarray (N,)
    quantity : ndarray (assets, N)
        Signed, in value at the opening.
    maintenance : ndarray (assets,)
        Of the notional of each.
    """

    cash: Vector
    quantity: Matrix
    maintenance: Vector


class CrossDepth(NamedTuple):
    """Linear depth of each asset: log price per unit, shape (assets,), and what comes back."""

    slopes: Vector
    refill: Real
    permanent: Real
    mark_weight: Real


@compiled()
def scan(  # pragma: no cover - compiled
    cash: Vector, weights: Matrix, price: Vector, health: Vector
) -> Whole:
    """Health of every account at prices; returns how many are at or below zero."""
    many = cash.size
    for k in range(many):
        health[k] = cash[k]
    for a in range(price.size):
        p = price[a]
        row = weights[a]
        for k in range(many):
            health[k] += row[k] * p
    found = 0
    for k in range(many):
        found += 1 if health[k] <= 0.0 else 0
    return found


@compiled()
def by_worst(worst: Vector, order: Integers, many: Whole) -> None:  # pragma: no cover - compiled
    """Sort the first ``many`` of both by rising ``worst``: Shell's sort, in place."""
    gap = many // 2
    while gap > 0:
        for i in range(gap, many):
            w, k, j = worst[i], order[i], i
            while j >= gap and worst[j - gap] > w:
                worst[j], order[j] = worst[j - gap], order[j - gap]
                j -= gap
            worst[j], order[j] = w, k
        gap //= 2


@compiled()
def run_cross_paths(  # pragma: no cover - compiled
    returns: Cube, book: CrossBook, depth: CrossDepth, out: Matrix
) -> None:
    """Run paths (paths, bars, assets); fills ``out`` (paths, outcomes)."""
    assets, many = book.quantity.shape
    weights = np.empty((assets, many))
    cash, gone = np.empty(many), np.empty(many)
    health, worst, order = np.empty(many), np.empty(many), np.empty(many, dtype=np.int64)
    f, u = np.empty(assets), np.empty(assets)
    price, mark = np.empty(assets), np.empty(assets)
    for path in range(returns.shape[0]):
        for a in range(assets):
            f[a] = u[a] = 0.0
            for k in range(many):
                q = book.quantity[a, k]
                weights[a, k] = q - book.maintenance[a] * abs(q)
        for k in range(many):
            cash[k] = book.cash[k]
            gone[k] = 0.0
        closures, bad, sold, market, ended = 0, 0.0, 0.0, 0.0, 0.0
        for t in range(returns.shape[1]):
            for a in range(assets):
                f[a] += returns[path, t, a]
                u[a] *= depth.refill
            while True:
                for a in range(assets):
                    mark[a] = math.exp(f[a] - depth.mark_weight * depth.slopes[a] * u[a])
                found = scan(cash, weights, mark, health)
                if found == 0:
                    break
                at = 0
                for k in range(many):
                    if health[k] <= 0.0:
                        gross, equity = 0.0, cash[k]
                        for a in range(assets):
                            gross += abs(book.quantity[a, k]) * mark[a]
                            equity += book.quantity[a, k] * mark[a]
                        worst[at] = equity / gross if gross > 0.0 else equity
                        order[at] = k
                        at += 1
                by_worst(worst, order, found)
                for i in range(found):
                    k = order[i]
                    left = cash[k]
                    for a in range(assets):
                        x = book.quantity[a, k]
                        if x == 0.0:
                            continue
                        y0 = -depth.slopes[a] * u[a]
                        p = math.exp(f[a] + y0)
                        move = -depth.slopes[a] * x
                        px = p * mean_of_exp(move)
                        left += x * px
                        market -= x * px
                        sold += abs(x) * p
                        f[a] += depth.permanent * move
                        u[a] += (1.0 - depth.permanent) * x
                        weights[a, k] = 0.0
                    closures += 1
                    bad += max(-left, 0.0)
                    ended += max(left, 0.0)
                    gone[k] = 1.0
                    cash[k] = np.inf  # closed: never found again
        total = ended
        for a in range(assets):
            price[a] = math.exp(f[a] - depth.slopes[a] * u[a])
        for k in range(many):
            if gone[k] == 0.0:
                total += book.cash[k]
                for a in range(assets):
                    total += book.quantity[a, k] * price[a]
            else:
                for a in range(assets):
                    market += book.quantity[a, k] * price[a]
        row = out[path]
        row[0], row[1], row[2], row[3], row[4] = closures, bad, sold, total - bad, market


@dataclass(frozen=True)
class CrossOutcome:
    """What became of accounts of several assets, path by path: (paths, `CROSS_OUTCOMES`)."""

    table: Array = field(repr=False)

    def of(self, name: str) -> Array:
        """One outcome by name, (paths,)."""
        return self.table[:, CROSS_OUTCOMES.index(name)]


def run_cross_margin(
    cash: npt.ArrayLike,
    quantity: npt.ArrayLike,
    maintenance: npt.ArrayLike,
    returns: npt.ArrayLike,
    slopes: npt.ArrayLike,
    *,
    mark_weight: float,
    permanent_share: float = 0.2,
    refill_bars: float = 1.0,
    threads: int = 1,
) -> CrossOutcome:
    """Run accounts of several assets along joint paths, closing them into linear depth.

    Parameters
    ----------
    cash : array_like (N,)
    quantity : array_like (N, assets)
        Signed values at the opening.
    maintenance, slopes : array_like (assets,)
        Maintenance rate, and log price moved per unit, of each asset.
    returns : array_like (paths, bars, assets)
        Joint log returns.

    Raises
    ------
    InputError
        If shapes do not agree, or a number cannot be.
    """
    q = np.asarray(quantity, dtype=np.float64)
    r = np.ascontiguousarray(np.asarray(returns, dtype=np.float64))
    c, m, s = (np.asarray(x, dtype=np.float64) for x in (cash, maintenance, slopes))
    shapes = (c.shape, q.shape, m.shape, r.shape, s.shape)
    if q.ndim != 2 or r.ndim != 3 or c.size != q.shape[0] or r.shape[2] != q.shape[1]:
        rule = "must be (N,), (N, assets), (assets,), (paths, bars, assets), (assets,)"
        raise InputError("cross margin", shapes, rule, "Give one column an asset")
    if not m.size == s.size == q.shape[1]:
        raise InputError("slopes", shapes, "must hold one number an asset", "Give each")
    if (s < 0.0).any() or not np.isfinite(s).all():
        rule = "must not be negative or endless: a depth of 0 has no price"
        raise InputError("slopes", s.tolist(), rule, "Give log price per unit of each asset")
    book = CrossBook(c, np.ascontiguousarray(q.T), m)
    kept = 0.0 if refill_bars == 0.0 else math.exp(-math.log(2.0) / refill_bars)
    depth = CrossDepth(s, kept, float(permanent_share), float(mark_weight))
    out = np.empty((r.shape[0], len(CROSS_OUTCOMES)))

    def run(begin: int) -> None:
        run_cross_paths(r[begin : begin + PIECE], book, depth, out[begin : begin + PIECE])

    starts = range(0, r.shape[0], PIECE)
    if threads == 1:
        for begin in starts:
            run(begin)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(run, starts))
    return CrossOutcome(out)
