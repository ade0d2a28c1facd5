"""Depth: how far a sale moves the price, and what the seller gets for it.

Two curves that are never mixed. The *marginal* price after a sale, which triggers the next account,
lies ``d(v)`` below the price before it, in logs. The *average* price is what the seller gets:
``(1/v)`` times the integral of ``exp(-d)``. For a linear ``d`` the average move is half the
marginal one.

Quantities are values at the price before the sale, so that a falling price is not counted twice.

A square root (a cumulative depth that grows faster than the distance) has an infinite slope at
zero: any shock, however small, would sell ``(g c)^2``. It is a law of one's own order worked over
hours, and is refused as impact on others inside a bar; a book shows none that is like it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError
from riskkit.venue.impact import ImpactLaw

Array = npt.NDArray[np.float64]

#: Log displacement up to which a curve is made into a table; beyond it its last slope goes on.
DEEPEST = 3.0
KNOTS = 400


class DepthCurve(ABC):
    """Displacement of the price as a function of the quantity sold."""

    @abstractmethod
    def displacement(self, quantity: npt.ArrayLike) -> Array:
        """Log fall d(v) of the marginal price after a sale of ``quantity``; 0 at 0."""

    @abstractmethod
    def quantity_to(self, displacement: npt.ArrayLike) -> Array:
        """Quantity whose sale displaces the price by so much, in logs."""

    @property
    def most(self) -> float:
        """Quantity that can be sold at all; infinite where the curve goes on."""
        return math.inf

    @property
    def slope(self) -> float | None:
        """Log price moved per unit sold where that is the same everywhere, else None."""
        return None

    def average(self, quantity: npt.ArrayLike) -> Array:
        """Mean price of a sale, as a fraction of the price before it.

        By the table of the curve, whose knots are 400, evenly spaced in displacement.
        """
        v = np.asarray(quantity, dtype=np.float64)
        slope = self.slope
        if slope is not None:
            d = slope * v
            return np.where(d > 1e-8, -np.expm1(-d) / np.where(d > 0.0, d, 1.0), 1.0 - 0.5 * d)
        table = table_of(self, -1.0)
        k = np.clip(np.searchsorted(table[:, 0], v, side="right") - 1, 0, len(table) - 2)
        run = np.diff(table[:, 1])[k] / np.diff(table[:, 0])[k] * (v - table[k, 0])
        more = np.where(run > 1e-8, -np.expm1(-run) / np.where(run > 0.0, run, 1.0), 1.0)
        whole = table[k, 2] + np.exp(-table[k, 1]) * more * (v - table[k, 0])
        return np.where(v > 0.0, whole / np.where(v > 0.0, v, 1.0), 1.0)

    def slippage(self, quantity: npt.ArrayLike) -> Array:
        """Average cost of a sale, a fraction of its value."""
        return np.asarray(1.0 - self.average(quantity))


@dataclass(frozen=True)
class OrderBookDepth(DepthCurve):
    """Cumulative depth within a distance δ of ``at_one_percent · (δ / 1 %) ** exponent``.

    So ``d(v) = 1 % · (v / at_one_percent) ** (1 / exponent)``, linear for an exponent of 1.
    Binance's BTC book of 2025-10-10 had .67 (offers) and .87 (bids).

    Attributes
    ----------
    at_one_percent : float
        Value that moves the price by 1 %.
    exponent : float
        In (0, 1]; 2 would be the square root, which is refused.
    """

    at_one_percent: float
    exponent: float = 1.0

    def displacement(self, quantity: npt.ArrayLike) -> Array:
        """Log fall of the marginal price."""
        v = np.asarray(quantity, dtype=np.float64)
        return np.asarray(0.01 * (v / self.at_one_percent) ** (1.0 / self.exponent))

    def quantity_to(self, displacement: npt.ArrayLike) -> Array:
        """Quantity that displaces the price by so much."""
        d = np.asarray(displacement, dtype=np.float64)
        return np.asarray(self.at_one_percent * (d / 0.01) ** self.exponent)

    @property
    def slope(self) -> float | None:
        """Log price per unit of a linear book."""
        return 0.01 / self.at_one_percent if self.exponent == 1.0 else None


class BeyondLadder(StrEnum):
    """What lies past a ladder's last quote: it is never flat.

    ``SLOPE``    the slope of its last two levels goes on
    ``NOTHING``  no more can be sold until depth comes back
    """

    SLOPE = "slope"
    NOTHING = "nothing"


@dataclass(frozen=True)
class LadderDepth(DepthCurve):
    """Measured levels: cumulative quantities, and how far down the price is at them.

    Attributes
    ----------
    quantities : tuple of float
        Increasing.
    displacements : tuple of float
        Log fall of the marginal price at each; increasing. Linear between levels, from 0 at 0.
    beyond : BeyondLadder
        Past the last level.
    """

    quantities: tuple[float, ...]
    displacements: tuple[float, ...]
    beyond: BeyondLadder = BeyondLadder.SLOPE

    @classmethod
    def from_quotes(
        cls,
        values: Sequence[float],
        slippage: Sequence[float],
        beyond: BeyondLadder = BeyondLadder.SLOPE,
    ) -> LadderDepth:
        """The ladder of quotes of growing sales, whose average cost each says.

        What the n-th quote sells beyond the one before has a price of its own, which may not rise:
        a larger sale cannot get more for its last unit. Prices that rise are pooled with those
        before, by value, which keeps what the pooled levels get in all.

        Raises
        ------
        InputError
            If values do not increase, costs fall, or a cost is not in [0, 1).
        """
        v, s = np.asarray(values, dtype=np.float64), np.asarray(slippage, dtype=np.float64)
        _check_levels("quotes.value", v, "quotes.slippage", s)
        if s[-1] >= 1.0:
            raise InputError(
                "quotes.slippage", float(s[-1]), "must lie in [0, 1)", "Write 30 bps as 0.003"
            )
        width = np.diff(v, prepend=0.0)
        got = np.diff(v * (1.0 - s), prepend=0.0)
        pools: list[tuple[float, float]] = []
        for w, g in zip(width.tolist(), got.tolist(), strict=True):
            pools.append((w, g))
            while len(pools) > 1 and pools[-1][1] / pools[-1][0] >= pools[-2][1] / pools[-2][0]:
                (w0, g0), (w1, g1) = pools[-2:]
                pools[-2:] = [(w0 + w1, g0 + g1)]
        w, g = np.array(pools).T
        ends = np.cumsum(w)
        middle = ends - 0.5 * w
        fall = -np.log(np.maximum(g / w, math.exp(-DEEPEST)))
        fall = np.maximum.accumulate(np.maximum(fall, 1e-12 * np.arange(1, len(fall) + 1)))
        if len(middle) == 1:
            return cls((float(ends[-1]),), (2.0 * float(fall[0]),), beyond)
        slope = (fall[-1] - fall[-2]) / (middle[-1] - middle[-2])
        knots, falls = np.append(middle, ends[-1]), np.append(fall, fall[-1] + slope * w[-1] / 2.0)
        return cls(tuple(knots.tolist()), tuple(falls.tolist()), beyond)

    def displacement(self, quantity: npt.ArrayLike) -> Array:
        """Log fall of the marginal price."""
        v = np.asarray(quantity, dtype=np.float64)
        x, d = self._levels
        last = (d[-1] - d[-2]) / (x[-1] - x[-2])
        return np.where(v <= x[-1], np.interp(v, x, d), d[-1] + last * (v - x[-1]))

    def quantity_to(self, displacement: npt.ArrayLike) -> Array:
        """Quantity that displaces the price by so much; the most there is, beyond it."""
        d = np.asarray(displacement, dtype=np.float64)
        x, known = self._levels
        last = (x[-1] - x[-2]) / (known[-1] - known[-2])
        found = np.where(d <= known[-1], np.interp(d, known, x), x[-1] + last * (d - known[-1]))
        return np.minimum(found, self.most)

    @property
    def most(self) -> float:
        """The last level, where nothing lies beyond it."""
        return self.quantities[-1] if self.beyond is BeyondLadder.NOTHING else math.inf

    @property
    def _levels(self) -> tuple[Array, Array]:
        return np.array((0.0, *self.quantities)), np.array((0.0, *self.displacements))


@dataclass(frozen=True)
class MarketDepth:
    """The depth of a market in time: its curves, how they fall, and what comes back.

    Attributes
    ----------
    bids, offers : DepthCurve
        What sales, and purchases, move.
    mark_weight : float
        Share of the book's own displacement that reaches the venue's mark, by the venue's own
        formula: 0 an index of other venues, 1 the own book alone. It has no default.
    permanent_share : float
        Of a displacement, what stays; the rest comes back.
    refill_bars : float
        Half-life of the volume eaten, in bars; 0 refills at once, infinite never.
    volatility_elasticity : float
        Depth falls as sigma, over its usual level, to this power; sigma squared is an average of
        squared returns.
    volatility_bars : float
        Half-life of that average, in bars.
    crash_fraction : float
        Depth left in a crash: a tenth unless measured.
    crash_move : float
        Absolute log return of a bar that is a crash.
    crash_bars : float
        Half-life of a crash's fall in depth, in bars.
    spread : float
        Cost of a close-out beside its impact: half the spread, a fraction of the value.

    Examples
    --------
    >>> import riskkit
    >>> depth = riskkit.venue.MarketDepth.even(5e6, mark_weight=0.5, crash_fraction=0.1)
    >>> depth.crash_fraction
    0.1
    """

    bids: DepthCurve
    offers: DepthCurve
    mark_weight: float
    permanent_share: float = 0.2
    refill_bars: float = 1.0
    volatility_elasticity: float = 0.0
    volatility_bars: float = 24.0
    crash_fraction: float = 0.1
    crash_move: float = 0.05
    crash_bars: float = 24.0
    spread: float = 0.0
    notes: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def even(cls, at_one_percent: float, mark_weight: float, **fields: Any) -> MarketDepth:
        """A market as deep for sales as for purchases: `OrderBookDepth` on both sides.

        Parameters
        ----------
        at_one_percent : float
            Value that moves the price by 1 %.
        fields
            The other attributes.
        """
        curve = OrderBookDepth(at_one_percent)
        return cls(curve, curve, mark_weight, **fields)

    def side(self, falling: bool) -> DepthCurve:
        """The curve that a falling, or a rising, price eats."""
        return self.bids if falling else self.offers


def check_curve(curve: DepthCurve, argument: str) -> None:
    """Refuse a curve that cannot be the impact of one close-out on the next.

    Raises
    ------
    InputError
        For no depth, a ladder that falls, or the square root and its kin.
    """
    if isinstance(curve, OrderBookDepth):
        if not 0.0 < curve.at_one_percent < math.inf:
            raise InputError(
                f"{argument}.at_one_percent",
                curve.at_one_percent,
                "must be a positive value: a book of no depth has no price to close at",
                "Give the value that moves the price by 1 %, in the money of the positions",
            )
        if not 0.0 < curve.exponent <= 1.0:
            raise InputError(
                f"{argument}.exponent",
                curve.exponent,
                "must lie in (0, 1]: above 1 (2 is the square root) the price would move without "
                "limit on the first unit, a law of one's own order over hours and not of the "
                "impact on others inside a bar",
                "Measure cumulative depth against distance; books show .6 to 1",
            )
    if isinstance(curve, LadderDepth):
        x = np.asarray(curve.quantities, dtype=np.float64)
        d = np.asarray(curve.displacements, dtype=np.float64)
        _check_levels(f"{argument}.quantities", x, f"{argument}.displacements", d)
        if d[0] <= 0.0 or (np.diff(d) <= 0.0).any():
            raise InputError(
                f"{argument}.displacements",
                curve.displacements,
                "must increase: depth between two levels at one price would be without end",
                "Merge levels of one price into the deepest of them",
            )


def check_market_depth(depth: MarketDepth) -> None:
    """Refuse depth that cannot be.

    Raises
    ------
    InputError
    """
    check_curve(depth.bids, "depth.bids")
    check_curve(depth.offers, "depth.offers")
    for name in ("mark_weight", "permanent_share"):
        value = getattr(depth, name)
        if not 0.0 <= value <= 1.0:
            raise InputError(f"depth.{name}", value, "must lie in [0, 1]", "It is a share")
    if not 0.0 < depth.crash_fraction <= 1.0:
        raise InputError(
            "depth.crash_fraction",
            depth.crash_fraction,
            "must lie in (0, 1]: with no depth nothing can be closed",
            "Write a tenth as 0.1, no crash as 1",
        )
    for name in ("refill_bars", "crash_bars", "volatility_elasticity", "volatility_bars"):
        value = getattr(depth, name)
        if not value >= 0.0:
            raise InputError(f"depth.{name}", value, "must not be negative", "Give 0 for none")
    if not depth.crash_move > 0.0:
        rule = "must be positive"
        raise InputError("depth.crash_move", depth.crash_move, rule, "Write 5 % as 0.05")
    if not 0.0 <= depth.spread < 1.0:
        rule = "must lie in [0, 1)"
        raise InputError("depth.spread", depth.spread, rule, "Write 5 bps as 0.0005")


def table_of(curve: DepthCurve, sign: float, knots: int = KNOTS) -> Array:
    """Knots (volume, displacement, integral of exp(sign d)) of a curve, from 0 on.

    Displacement is linear between knots: between those of a ladder it is exact, elsewhere they lie
    evenly in the square root of the displacement.
    """
    if isinstance(curve, LadderDepth):
        v = np.array((0.0, *curve.quantities))
        d = np.array((0.0, *curve.displacements))
    else:
        top = DEEPEST
        if math.isfinite(curve.most):
            top = min(top, float(curve.displacement(curve.most * (1.0 - 1e-9))))
        d = top * np.linspace(0.0, 1.0, knots + 1) ** 2
        v = curve.quantity_to(d)
        keep = np.append(True, np.diff(v) > 0.0)
        v, d = v[keep], d[keep]
    run = np.diff(d)
    mean = np.where(np.abs(run) > 1e-10, np.expm1(sign * run) / np.where(run > 0, sign * run, 1), 1)
    area = np.exp(sign * d[:-1]) * mean * np.diff(v)
    return np.ascontiguousarray(np.column_stack([v, d, np.append(0.0, np.cumsum(area))]))


def impact_law(depth: MarketDepth, thickness: float = 1.0) -> ImpactLaw:
    """Depth as the kernel takes it; ``thickness`` 1 is calm depth, a tenth a crash's."""
    slopes = np.array([-1.0, -1.0])
    bids = offers = np.zeros((2, 3))
    bid, offer = depth.bids.slope, depth.offers.slope
    if bid is not None and offer is not None:
        slopes = np.array([bid, offer]) / thickness
    else:
        bids, offers = table_of(depth.bids, -1.0), table_of(depth.offers, 1.0)
        bids[:, [0, 2]] *= thickness
        offers[:, [0, 2]] *= thickness
    return ImpactLaw(
        slopes,
        bids,
        offers,
        np.array([depth.bids.most, depth.offers.most]) * thickness,
        _kept(depth.refill_bars),
        depth.permanent_share,
        depth.mark_weight,
        depth.spread,
    )


def _kept(half_life: float) -> float:
    """Share left after a bar."""
    return 0.0 if half_life == 0.0 else math.exp(-math.log(2.0) / half_life)


def _check_levels(x_name: str, x: Array, y_name: str, y: Array) -> None:
    if x.size == 0 or x.size != y.size or not np.isfinite(np.concatenate([x, y])).all():
        raise InputError(
            x_name, x.tolist(), "must be as many numbers as costs, at least one", "Give each level"
        )
    if x[0] <= 0.0 or (np.diff(x) <= 0.0).any():
        raise InputError(
            x_name, x.tolist(), "must be positive and increase", "Sort the levels, merge duplicates"
        )
    if y[0] < 0.0 or (np.diff(y) < 0.0).any():
        at = int(np.argmax(np.diff(y, prepend=0.0) < 0.0))
        raise InputError(
            y_name,
            float(y[at]),
            f"must not fall: level {at + 1}, at {x[at]:g}, costs less than the one before",
            "A larger sale costs no less: drop quotes taken at another price or moment",
        )
