"""A venue that has taken options over, and hedges them in the market that its accounts are in.

Whoever is short options sells as the price falls. Along every path the venue trades, bar by bar,
what brings its delta back to nothing, into the depth of that bar; what the trades do to the price
moves the delta again, until nothing more is to be traded (the least fixed point, as in a cascade).
The venue's book then runs along the market that the hedging has moved. What its liquidations do to
the price is not hedged again within the bar.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.options.black import black_deltas
from riskkit.options.legs import YEAR_DAYS, OptionBook, OptionLeg, Reserve
from riskkit.stress.open import PosedVenue
from riskkit.stress.paths import KEPT, StressPaths, return_blocks, usual_volatility
from riskkit.venue.cascade import CascadePaths, run_cascade
from riskkit.venue.cascade_values import OUTCOMES
from riskkit.venue.depth import DepthCurve, MarketDepth

Array = npt.NDArray[np.float64]

#: Log displacements between which deltas are tabled, and how many.
REACH, KNOTS = 2.0, 801
#: Rounds of the fixed point of a bar, and the log price within which it is one.
ROUNDS, SETTLED = 200, 1e-10
#: Moves at which the branching ratio of the hedge is told.
MOVES = (-0.3, -0.2, -0.1, -0.05, -0.02, 0.02, 0.05, 0.1, 0.2, 0.3)


@dataclass(frozen=True)
class HedgedMarket:
    """Paths that a hedge has moved.

    Attributes
    ----------
    returns : ndarray (paths, bars)
        Log returns with the hedge's trades in them.
    traded, cost : ndarray (paths,)
        Value traded, and what it lost to depth and spread; money.
    added : ndarray (paths, bars)
        Log displacement of the price by the hedge at the end of each bar.
    """

    returns: Array = field(repr=False)
    traded: Array = field(repr=False)
    cost: Array = field(repr=False)
    added: Array = field(repr=False)


@dataclass(frozen=True)
class DeltaTable:
    """Delta of a book, in notional at the opening, by bars passed and log move of the price.

    Attributes
    ----------
    at : ndarray (k,)
        Log moves.
    delta : ndarray (bars + 1, k)
    gross : float
        Notional of the legs at the opening.
    """

    at: Array = field(repr=False)
    delta: Array = field(repr=False)
    gross: float

    @classmethod
    def of(cls, book: OptionBook, price: float, bars: int, bar_days: float) -> DeltaTable:
        """Deltas of the legs that the venue takes over; locked reserves are left to their owners.

        Raises
        ------
        InputError
            If no leg is left.
        """
        legs = [leg for leg in book.legs if leg.reserve is Reserve.NONE]
        if not legs:
            rule = "must hold a leg that is not locked by a reserve"
            raise InputError("legs", "none", rule, "Nobody takes a covered writer's legs over")
        at = np.linspace(-REACH, REACH, KNOTS)
        delta = np.zeros((bars + 1, KNOTS))
        for t in range(bars + 1):
            for leg in legs:
                delta[t] += _delta(leg, book.moment, price, at, t * bar_days) * price
        return cls(at, delta, sum(abs(leg.quantity) for leg in legs) * price)

    def of_bar(self, t: int, moved: Array) -> Array:
        """Delta after ``t`` bars at log moves."""
        return np.asarray(np.interp(moved, self.at, self.delta[t]))

    def gamma(self, moved: float) -> float:
        """Fall of delta a unit of log price at the opening: above 0 whoever hedges sells falls."""
        h = self.at[1] - self.at[0]
        two = self.of_bar(0, np.array([moved - h, moved + h]))
        return float((two[0] - two[1]) / (2.0 * h))


def hedge_along(
    table: DeltaTable, returns: Array, depth: MarketDepth, usual: float
) -> HedgedMarket:
    """Trade the delta of a book back to nothing at every bar of every path.

    Parameters
    ----------
    returns : ndarray (paths, bars)
        Log returns of the price that the market makes by itself.
    usual : float
        Volatility of a bar at which depth is calm.
    """
    paths, bars = returns.shape
    out, added = np.empty_like(returns), np.empty_like(returns)
    f, u, before = np.zeros(paths), np.zeros(paths), np.zeros(paths)
    held = -np.full(paths, float(table.of_bar(0, np.zeros(1))[0]))
    traded, cost = np.zeros(paths), np.zeros(paths)
    thickness = _thickness(returns, depth, usual)
    refill = _kept(depth.refill_bars)
    market = np.zeros(paths)
    for t in range(bars):
        f += returns[:, t]
        market += returns[:, t]
        u *= refill
        thick, y = thickness[:, t], _displaced(u, depth)
        bought, y1, u1 = np.zeros(paths), y, u
        gap, share = np.zeros(paths), np.ones(paths)
        for _ in range(ROUNDS):
            # What is traded so far has moved the price: the delta is read there again. Where that
            # overshoots (a hedge that buys falls calms itself) steps are halved.
            wanted = -table.of_bar(t + 1, f + y1) - held
            u1 = _within_room(u - wanted / thick, depth)
            bought, found = (u - u1) * thick, _displaced(u1, depth)
            last, gap = gap, found - y1
            if np.abs(gap).max() <= SETTLED:
                break
            share = np.where(last * gap < 0.0, 0.5 * share, share)
            y1 = y1 + share * gap
        y1 = _displaced(u1, depth)
        middle = 0.5 * (np.exp(y) + np.exp(y1)) * np.exp(f)
        value = np.abs(bought) * middle
        traded += value
        slipped = bought * (middle - np.exp(f + y))
        cost += slipped + depth.spread * value
        held += bought
        stays = depth.permanent_share * (y1 - y)
        f += stays
        u = _eaten(y1 - stays, depth) if depth.permanent_share > 0.0 else u1
        now = f + _displaced(u, depth)
        out[:, t], before = now - before, now
        added[:, t] = now - market
    return HedgedMarket(out, traded, cost, added)


@dataclass(frozen=True)
class HedgedStress:
    """A venue's book with and without the hedging of options that it has taken over.

    Attributes
    ----------
    table : DataFrame
        A row each, ``market alone`` and ``with hedging``, on the same paths: closures a
        path, losses of open interest (mean, worst hundredth), paths that use the fund up, and the
        lowest price of the worst hundredth.
    hedge : DataFrame
        Of the hedge itself: value traded and cost, of the options' gross notional, mean and worst
        hundredth; displacement of the price at its deepest.
    branching : DataFrame
        By move: the delta, and n of the hedge: what a small fall triggers of itself by the hedging
        of it, at calm and at crash depth.
    """

    table: pd.DataFrame = field(repr=False)
    hedge: pd.DataFrame = field(repr=False)
    branching: pd.DataFrame = field(repr=False)
    gross: float


def hedged_stress(posed: PosedVenue, book: OptionBook, price: float) -> HedgedStress:
    """Run a venue's book along its paths, with and without the hedging of options.

    Parameters
    ----------
    posed : PosedVenue
    book : OptionBook
        Taken over at the opening, hedged at that moment; on the venue's asset.
    price : float
        Of the asset at the opening.

    Raises
    ------
    InputError
    """
    venue = posed.venue
    bars = venue.horizon + venue.engine.delay + venue.engine.latency
    days = venue.bar / pd.Timedelta(days=1)
    deltas = DeltaTable.of(book, price, bars, days)
    usual = usual_volatility(posed.world)
    kept = [OUTCOMES.index(name) for name in KEPT]
    tables = np.empty((2, posed.run.paths, len(kept)))
    traded, cost, deepest = (np.empty(posed.run.paths) for _ in range(3))
    for first, returns in return_blocks(posed.world, posed.run, bars):
        hedged = hedge_along(deltas, returns, venue.depth, usual)
        last = first + len(returns)
        traded[first:last], cost[first:last] = hedged.traded, hedged.cost
        deepest[first:last] = hedged.added.min(axis=1)
        for k, moves in enumerate((returns, hedged.returns)):
            found = run_cascade(
                venue.book,
                venue.depth,
                venue.engine,
                venue.fund,
                CascadePaths(moves, volatility=usual, horizon=venue.horizon),
                margin=posed.margin,
                threads=posed.run.threads,
            )
            tables[k, first:last] = found.table[:, kept]
    both = [
        StressPaths(table, venue.book.open_interest, venue.fund.fund, bars, usual)
        for table in tables
    ]
    names = ("market alone", "with hedging")
    rows = [{"prices": n, **_outcome(one)} for n, one in zip(names, both, strict=True)]
    gross = deltas.gross
    hedge = pd.DataFrame(
        [
            {"what": "value traded", **_spread(traded / gross)},
            {"what": "cost", **_spread(cost / gross)},
            {"what": "fall of the price", **_spread(-np.expm1(deepest))},
        ]
    )
    return HedgedStress(pd.DataFrame(rows), hedge, hedge_branching(deltas, venue.depth), gross)


def hedge_branching(table: DeltaTable, depth: MarketDepth) -> pd.DataFrame:
    """N of the hedge by move: sales a unit of log price, times what they move it."""
    rows = []
    for move in MOVES:
        x = math.log1p(move)
        curve = depth.side(falling=move < 0.0)
        gamma = table.gamma(x)
        distance = abs(float(table.of_bar(0, np.array([x]))[0] - table.of_bar(0, np.zeros(1))[0]))
        row: dict[str, float] = {"move": move, "delta": float(table.of_bar(0, np.array([x]))[0])}
        for name, thick in (("calm", 1.0), ("crash", depth.crash_fraction)):
            row[f"n_{name}"] = gamma * _slope(curve, distance / thick) / thick
        rows.append(row)
    return pd.DataFrame(rows)


def _slope(curve: DepthCurve, quantity: float) -> float:
    """Log displacement a unit, at a quantity that is eaten already."""
    if curve.slope is not None:
        return curve.slope
    low = min(quantity, 0.999 * curve.most)
    h = max(1e-4 * low, 1.0)
    first, second = (float(curve.displacement(np.array(v))) for v in (low, low + h))
    return (second - first) / h


def _delta(leg: OptionLeg, moment: pd.Timestamp, price: float, at: Array, passed: float) -> Array:
    """Delta of a leg in units of the underlying after log moves."""
    left = max(leg.days(moment) - passed, 0.0)
    deviation = leg.volatility * math.sqrt(left / YEAR_DAYS)
    forward = (leg.forward or price) * np.exp(at)
    if left <= 0.0:
        return np.zeros_like(at)  # settled: nothing is held, and nothing is hedged
    return leg.quantity * black_deltas(forward, leg.strike, deviation, leg.kind.sign)


def _kept(half_life: float) -> float:
    return 0.0 if half_life == 0.0 else math.exp(-math.log(2.0) / half_life)


def _displaced(u: Array, depth: MarketDepth) -> Array:
    down, up = np.maximum(u, 0.0), np.maximum(-u, 0.0)
    return np.asarray(depth.offers.displacement(up) - depth.bids.displacement(down))


def _eaten(y: Array, depth: MarketDepth) -> Array:
    down, up = np.maximum(-y, 0.0), np.maximum(y, 0.0)
    return np.asarray(depth.bids.quantity_to(down) - depth.offers.quantity_to(up))


def _within_room(u: Array, depth: MarketDepth) -> Array:
    return np.asarray(np.clip(u, -depth.offers.most, depth.bids.most))


def _thickness(returns: Array, depth: MarketDepth, usual: float) -> Array:
    """Depth of every bar, of the calm one, as the venue's own run has it."""
    paths, bars = returns.shape
    out = np.ones((paths, bars))
    variance, memory = np.full(paths, usual**2), _kept(depth.volatility_bars)
    crashed, returning = np.ones(paths), _kept(depth.crash_bars)
    for t in range(bars):
        r = returns[:, t]
        if depth.volatility_elasticity > 0.0:
            out[:, t] *= (variance / usual**2) ** (-0.5 * depth.volatility_elasticity)
            variance = memory * variance + (1.0 - memory) * r * r
        if depth.crash_fraction < 1.0:
            crashed = np.where(np.abs(r) >= depth.crash_move, depth.crash_fraction, crashed)
            out[:, t] *= crashed
            crashed = 1.0 - (1.0 - crashed) * returning
    return out


def _outcome(paths: StressPaths) -> dict[str, float]:
    losses = paths.losses / paths.open_interest
    return {
        "closures_per_path": float(paths.of("closures").mean()),
        "mean_loss": float(losses.mean()),
        "loss_of_worst_hundredth": _worst(losses),
        "fund_used_up": float(paths.used_up.mean()),
        "lowest_of_worst_hundredth": float(np.expm1(-_worst(-paths.of("lowest_price")))),
    }


def _spread(values: Array) -> dict[str, float]:
    return {"mean": float(values.mean()), "worst_hundredth": _worst(values)}


def _worst(values: Array) -> float:
    return float(np.sort(values)[-max(values.size // 100, 1) :].mean())
