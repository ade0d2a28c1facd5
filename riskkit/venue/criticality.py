"""The branching ratio of a book: what one sale triggers, without any simulation.

``n(x) = g(x) λ``: g is the quantity that is triggered within one unit of log price at a
displacement x of the mark, λ the displacement of the mark by one unit sold, at the depth that is
left after all that lies above it was sold. A move that starts there is amplified by
``1 / (1 - n)``; n of 1 or more runs the book, however small the move.

Kin: Greenwood, Landier & Thesmar (2015) for targets of leverage, Cont & Schaanning (2017) with a
threshold, which is the case here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.position import Side
from riskkit.venue.accounts import AccountBook
from riskkit.venue.cascade import CascadeEngine, EngineRule, FollowingMargin
from riskkit.venue.cascade_values import (
    NEVER,
)
from riskkit.venue.depth import MarketDepth, check_market_depth
from riskkit.venue.loan_engine import repayment

Array = npt.NDArray[np.float64]

#: Width of log price over which triggers are counted: 1 %.
WINDOW = 0.01
LARGEST = 10
#: Rounds of partial close-outs that are followed on the way down.
ROUNDS = 64
#: Branching ratio that a cap keeps below, and that at which a book runs.
SAFE, RUN = 0.5, 1.0


@dataclass(frozen=True)
class Criticality:
    """How critical one side of a book is.

    Attributes
    ----------
    side : Side
        Of the accounts that are closed: longs as the price falls.
    interest : float
        Open interest of that side.
    displacement : ndarray (k,)
        Of the mark, in absolute logs, impact included.
    sold : ndarray (k,)
        Triggered up to there.
    calm, crash : ndarray (k,)
        n at calm and at crash depth.
    calm_without, crash_without : ndarray (k,)
        The same without the ten largest accounts.
    by_margin : ndarray (k,)
        What a margin that follows volatility adds to n at crash depth; zeros without one.
    largest : DataFrame
        The ten largest accounts: interest, share, where they trigger, n at crash depth there with
        all accounts and without this one.
    """

    side: Side
    interest: float
    displacement: Array = field(repr=False)
    sold: Array = field(repr=False)
    calm: Array = field(repr=False)
    crash: Array = field(repr=False)
    calm_without: Array = field(repr=False)
    crash_without: Array = field(repr=False)
    by_margin: Array = field(repr=False)
    largest: pd.DataFrame = field(repr=False)

    def peak(self, up_to: float, *, crash: bool = True) -> float:
        """Largest n for moves of the mark up to a displacement, a moving margin's included."""
        n = self.crash + self.by_margin if crash else self.calm
        within = self.displacement <= up_to + 1e-12
        return float(n[within].max()) if within.any() else 0.0

    def runs_at(self, *, crash: bool = True) -> float | None:
        """Smallest displacement at which n reaches 1; None if nowhere on the grid."""
        n = self.crash + self.by_margin if crash else self.calm
        at = np.flatnonzero(n >= RUN)
        return float(self.displacement[at[0]]) if at.size else None

    def table(self, at: npt.ArrayLike = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3)) -> pd.DataFrame:
        """N at some displacements."""
        x = np.asarray(at, dtype=np.float64)
        k = np.clip(np.searchsorted(self.displacement, x), 0, self.displacement.size - 1)
        return pd.DataFrame(
            {
                "move": self.displacement[k],
                "triggered": self.sold[k] / self.interest,
                "n_calm": self.calm[k],
                "n_crash": self.crash[k],
                "calm_without_ten": self.calm_without[k],
                "crash_without_ten": self.crash_without[k],
                "crash_by_margin": self.by_margin[k],
            }
        )


def sales(book: AccountBook, side: Side, engine: CascadeEngine, most: float) -> tuple[Array, Array]:
    """What a side sells as the mark moves against it, without impact.

    Returns
    -------
    displacement : ndarray (k,)
        Absolute log moves of the mark at which something is sold, increasing, at most ``most``.
    quantity : ndarray (k,)
    """
    of = (book.side == side.sign) & (np.abs(book.log_trigger) < NEVER)
    s = side.sign
    q, c, m = book.quantity[of], book.cash[of], book.maintenance[of]
    moves: list[Array] = []
    sold: list[Array] = []
    cost = engine.fee
    rounds = EngineRule.RESTORE, EngineRule.LOAN
    for _ in range(ROUNDS if engine.rule in rounds else 1):
        price = -s * c / (q * (1.0 - s * m))
        with np.errstate(divide="ignore", invalid="ignore"):
            move = np.maximum(-s * np.log(price), 0.0)
        within = move <= most
        q, c, m, price, move = (x[within] for x in (q, c, m, price, move))
        if not q.size:
            break
        share = np.ones(q.size)
        if engine.rule is EngineRule.RESTORE:
            helps = engine.level > np.maximum(m, cost)
            share[helps] = ((engine.level - m) / (engine.level - cost))[helps]
            share = np.minimum(share, 1.0)
        paid = price * (1.0 - s * cost)
        if engine.rule is EngineRule.LOAN:
            repaid, taken = repayment(q * price * (1.0 - 1e-12), -c, 1.0 - m, engine.loan)
            share = np.where(repaid > 0.0, taken / (q * price), 0.0)
            paid = price * np.divide(repaid, taken, out=np.ones(q.size), where=taken > 0.0)
        moves.append(move)
        sold.append(share * q)
        c = c + s * share * q * paid
        q = (1.0 - share) * q
        left = (q > 1e-12 * book.open_interest) & (share > 0.0)
        q, c, m = q[left], c[left], m[left]
        if not q.size:
            break
    if not moves:
        return np.zeros(0), np.zeros(0)
    x, v = np.concatenate(moves), np.concatenate(sold)
    order = np.argsort(x, kind="stable")
    return x[order], v[order]


def criticality(
    book: AccountBook,
    depth: MarketDepth,
    engine: CascadeEngine,
    side: Side | str,
    *,
    most: float = 0.5,
    step: float = 0.0025,
    window: float = WINDOW,
    margin: FollowingMargin | None = None,
) -> Criticality:
    """N by displacement of one side, at calm and at crash depth, with and without the ten largest.

    Parameters
    ----------
    most, step : float
        Displacements, in logs.
    window : float
        Log price over which triggers are counted: one account in it weighs ``quantity / window``.

    Raises
    ------
    InputError
        If the depth or a number breaks a rule.

    Examples
    --------
    >>> import riskkit
    >>> book = riskkit.venue.SyntheticBook(1.0, accounts=200, most_leverage=20.0).draw()
    >>> depth = riskkit.venue.MarketDepth.even(0.2, mark_weight=0.5)
    >>> found = riskkit.criticality(book, depth, riskkit.venue.CascadeEngine(), "long")
    >>> bool(found.peak(0.3, crash=True) > found.peak(0.3, crash=False))
    True
    """
    side = Side(side)
    check_market_depth(depth)
    if not 0.0 < step <= window <= most:
        raise InputError(
            "window", (step, window, most), "must be step <= window <= most", "Use .0025, .01, .5"
        )
    grid = np.arange(step, most + 0.5 * step, step)
    shift = margin_shift(book, margin, grid)
    x, v = sales(book, side, engine, most + window + float(shift.max(initial=0.0)))
    ten = book.largest(side, LARGEST)
    x_without, v_without = sales(book.without(ten), side, engine, most + window)
    calm, sold = branching(x, v, depth, side, grid, window)
    crash, _ = branching(x, v, depth, side, grid, window, depth.crash_fraction)
    calm_without, _ = branching(x_without, v_without, depth, side, grid, window)
    crash_without, _ = branching(
        x_without, v_without, depth, side, grid, window, depth.crash_fraction
    )
    by_margin = np.zeros(grid.size)
    if margin is not None:
        with_rule, _ = branching(x, v, depth, side, grid, window, depth.crash_fraction, shift=shift)
        by_margin = with_rule - crash
    largest = _largest(book, depth, side, x, v, window)
    return Criticality(
        side,
        book.interest(side),
        grid,
        sold,
        calm,
        crash,
        calm_without,
        crash_without,
        by_margin,
        largest,
    )


def branching(
    x: Array,
    v: Array,
    depth: MarketDepth,
    side: Side,
    grid: Array,
    window: float = WINDOW,
    thickness: float = 1.0,
    *,
    shift: Array | None = None,
) -> tuple[Array, Array]:
    """N on a grid, and what is sold up to each of its points.

    Parameters
    ----------
    x, v : ndarray (k,)
        Of `sales`.
    shift : ndarray, optional
        Log price by which the triggers have come nearer, at each point of the grid.
    """
    total = np.append(0.0, np.cumsum(v))
    moved = np.zeros(grid.size) if shift is None else shift
    reach = grid + moved
    faster = 1.0 if shift is None else np.gradient(reach, grid)
    low, high = np.maximum(reach - 0.5 * window, 0.0), reach + 0.5 * window
    above = np.searchsorted(x, high, side="right")
    below = np.where(low > 0.0, np.searchsorted(x, low, side="right"), 0)
    g = (total[above] - total[below]) / (high - low) * faster
    sold = total[np.searchsorted(x, reach, side="right")]
    return g * marginal_impact(depth, side, sold, thickness), sold


def marginal_impact(depth: MarketDepth, side: Side, sold: Array, thickness: float) -> Array:
    """Displacement of the mark by one more unit, after ``sold`` units at a thickness of depth."""
    curve = depth.side(falling=side is Side.LONG)
    reaches = depth.permanent_share + (1.0 - depth.permanent_share) * depth.mark_weight
    if curve.slope is not None:
        return np.full(sold.shape, reaches * curve.slope / thickness)
    v = sold / thickness
    h = np.maximum(1e-4 * v, 1e-9 * float(curve.quantity_to(0.1)))
    room = min(curve.most, math.inf)
    up, down = np.minimum(v + h, room), np.maximum(np.minimum(v, room - h) - h, 0.0)
    slope = (curve.displacement(up) - curve.displacement(down)) / (up - down)
    return np.asarray(np.where(v >= room, math.inf, reaches * slope / thickness))


def margin_shift(book: AccountBook, margin: FollowingMargin | None, grid: Array) -> Array:
    """Log price by which a margin that follows volatility brings triggers nearer after a move.

    The move is made in one bar and enters the average at once: what a rule with notice does later.
    """
    if margin is None:
        return np.zeros(grid.size)
    base = float(book.maintenance.max())
    memory = math.exp(-math.log(2.0) / margin.half_life)
    variance = memory * margin.volatility**2 + (1.0 - memory) * grid**2
    wanted = np.minimum(margin.multiple * np.sqrt(variance), margin.most)
    m = np.maximum(base, np.minimum(wanted, base + margin.step))
    return np.asarray(np.log((1.0 - base) / (1.0 - m)))


def final_move(
    x: Array, v: Array, depth: MarketDepth, side: Side, shock: float, thickness: float = 1.0
) -> tuple[float, float]:
    """Move of the mark, and quantity sold, after an exogenous move in one bar: the fixed point.

    The n-th sale is reached iff all before it were, and the shock with their impact reaches it.
    """
    curve = depth.side(falling=side is Side.LONG)
    reaches = depth.permanent_share + (1.0 - depth.permanent_share) * depth.mark_weight
    total = np.append(0.0, np.cumsum(v))
    impact = reaches * curve.displacement(np.minimum(total / thickness, curve.most))
    needed = np.maximum.accumulate(x - impact[:-1]) if x.size else x
    count = int(np.searchsorted(needed, shock, side="right"))
    return float(shock + impact[count]), float(total[count])


@dataclass(frozen=True)
class FixedPoint:
    """Where a move and what it sells come to rest.

    Attributes
    ----------
    move : float
        Of the mark, in absolute logs, impact included.
    sold, without_impact, offered : float
        In money: sold in all, what the shock alone would have sold, and all that can be sold.
    """

    move: float
    sold: float
    without_impact: float
    offered: float


def fixed_point(
    book: AccountBook,
    depth: MarketDepth,
    engine: CascadeEngine,
    side: Side | str,
    shock: float,
    *,
    thickness: float = 1.0,
    most: float = 3.0,
) -> FixedPoint:
    """What an exogenous move in one bar comes to, once all that it sells has moved the mark.

    Parameters
    ----------
    shock : float
        In absolute logs.
    thickness : float
        Depth throughout, 1 calm.
    most : float
        Sales that lie deeper, in logs, are not looked at.

    Raises
    ------
    InputError
        If the depth breaks a rule.

    Examples
    --------
    >>> import riskkit
    >>> book = riskkit.venue.SyntheticBook(1.0, accounts=200, most_leverage=20.0).draw()
    >>> depth = riskkit.venue.MarketDepth.even(0.2, mark_weight=0.5)
    >>> found = riskkit.fixed_point(book, depth, riskkit.venue.CascadeEngine(), "long", 0.1)
    >>> found.move > 0.1  # closing moves the price further
    True
    """
    check_market_depth(depth)
    x, v = sales(book, Side(side), engine, most)
    move, sold = final_move(x, v, depth, Side(side), shock, thickness)
    return FixedPoint(move, sold, float(v[x <= shock].sum()), float(v.sum()))


def _largest(
    book: AccountBook,
    depth: MarketDepth,
    side: Side,
    x: Array,
    v: Array,
    window: float,
) -> pd.DataFrame:
    """The largest accounts, each with n at crash depth where it triggers, with it and without."""
    ten = book.largest(side, LARGEST)
    own, q = np.maximum(-side.sign * book.log_trigger[ten], 0.0), book.quantity[ten]
    at = np.maximum(own, 0.5 * window)
    thickness = depth.crash_fraction
    n, sold = branching(x, v, depth, side, at, window, thickness)
    # its own sale lies in the window around its trigger, and above whatever lies deeper
    impact = marginal_impact(depth, side, sold, thickness)
    less = marginal_impact(depth, side, np.maximum(sold - q, 0.0), thickness)
    some = impact > 0.0
    density = np.where(some, n / np.where(some, impact, 1.0), 0.0)
    without = np.maximum(density - q / window, 0.0) * less
    names = [book.owner[k] if book.owner else f"#{i + 1}" for i, k in enumerate(ten.tolist())]
    return pd.DataFrame(
        {
            "account": names,
            "interest": q,
            "share": q / book.interest(side),
            "triggers_at": own,
            "n_crash": n,
            "n_crash_without_it": without,
        }
    )


def cascade_map(
    log_trigger: Array, quantity: Array, slope: float, lowest: Array
) -> npt.NDArray[np.int64]:
    """Accounts closed under permanent linear impact, for paths whose lowest log price is given.

    Account i goes iff every earlier one went and the path with their impact reaches it: the first
    index at which the running minimum of ``log_trigger + slope * (quantity before)`` is below the
    path's lowest price. One binary search a path; exact.

    Parameters
    ----------
    log_trigger, quantity : ndarray (N,)
        Of longs, triggers falling.
    lowest : ndarray (paths,)
        Running minimum of the exogenous log price at the end of the path, at most 0.

    Returns
    -------
    ndarray (paths,) of int
    """
    before = np.append(0.0, np.cumsum(quantity)[:-1])
    reach = np.minimum.accumulate(log_trigger + slope * before)
    found = np.searchsorted(-reach, -np.asarray(lowest), side="right")
    return np.asarray(found, dtype=np.int64)
