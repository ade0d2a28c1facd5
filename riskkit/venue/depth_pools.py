"""Depth of pools, from their reserves: constant product, ranges, stableswap.

Amounts are in units of the base token; the price is in quote per base. A pool becomes the depth of
a book of accounts by `PoolDepth`, which counts in value at the pool's price. Fees are what the
seller pays and no displacement.

Sources: Uniswap v2 and v3 whitepapers (Adams et al. 2020, 2021); Egorov, "StableSwap" (2019), with
A as the pool's own `A`, which its code multiplies by the number of coins.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError
from riskkit.venue.depth import DepthCurve

Array = npt.NDArray[np.float64]


class Pool(ABC):
    """A pool of two tokens."""

    @property
    @abstractmethod
    def price(self) -> float:
        """Quote per base, of the first unit sold, before fees."""

    @property
    def most(self) -> float:
        """Base that the pool takes at any price."""
        return math.inf

    @abstractmethod
    def sold(self, base: float) -> float:
        """Quote received for so much base, after fees."""

    @abstractmethod
    def price_after(self, base: npt.ArrayLike) -> Array:
        """Price after a sale of so much base."""

    def base_to(self, price: npt.ArrayLike) -> Array:
        """Base whose sale takes the price there; bisected where the pool knows no better."""
        wanted = np.atleast_1d(np.asarray(price, dtype=np.float64))
        low, high = np.zeros(wanted.shape), np.full(wanted.shape, min(1.0, self.most))
        while math.isinf(self.most) and (self.price_after(high) > wanted).any():
            high = np.where(self.price_after(high) > wanted, 2.0 * high, high)
        if math.isfinite(self.most):
            high[:] = self.most
        for _ in range(80):
            middle = 0.5 * (low + high)
            deeper = self.price_after(middle) > wanted
            low, high = np.where(deeper, middle, low), np.where(deeper, high, middle)
        return np.asarray(0.5 * (low + high)).reshape(np.shape(price))


@dataclass(frozen=True)
class ConstantProduct(Pool):
    """Reserves whose product stays."""

    base: float
    quote: float
    fee: float = 0.0

    @property
    def price(self) -> float:
        """Quote per base."""
        return self.quote / self.base

    def sold(self, base: float) -> float:
        """Quote received."""
        into = base * (1.0 - self.fee)
        return self.quote * into / (self.base + into)

    def price_after(self, base: npt.ArrayLike) -> Array:
        """Price after a sale."""
        v = np.asarray(base, dtype=np.float64)
        return np.asarray(self.price * (self.base / (self.base + v)) ** 2)

    def base_to(self, price: npt.ArrayLike) -> Array:
        """Base whose sale takes the price there."""
        return np.asarray(self.base * (np.sqrt(self.price / np.asarray(price)) - 1.0))


@dataclass(frozen=True)
class Range:
    """Liquidity L between two prices."""

    low: float
    high: float
    liquidity: float


@dataclass(frozen=True)
class ConcentratedRanges(Pool):
    """Liquidity that differs by range of price; where it ends, nothing more can be sold.

    Attributes
    ----------
    at : float
        Price now.
    ranges : tuple of Range
        Positions; where they overlap their liquidity adds up.
    """

    at: float
    ranges: tuple[Range, ...]
    fee: float = 0.0

    @property
    def price(self) -> float:
        """Quote per base."""
        return self.at

    @property
    def _steps(self) -> tuple[Array, Array]:
        """Prices falling from now to the end of all liquidity, and L between them."""
        ends = {self.at, *(p for r in self.ranges for p in (r.low, r.high) if p < self.at)}
        prices = np.array(sorted(ends, reverse=True))
        middle = 0.5 * (prices[1:] + prices[:-1])
        liquidity = np.array(
            [sum(r.liquidity for r in self.ranges if r.low < p < r.high) for p in middle.tolist()]
        )
        empty = np.flatnonzero(liquidity == 0.0)
        end = int(empty[0]) if empty.size else len(liquidity)
        return prices[: end + 1], liquidity[:end]

    @property
    def most(self) -> float:
        """Base that exhausts the ranges below the price."""
        prices, liquidity = self._steps
        return float((liquidity * np.diff(1.0 / np.sqrt(prices))).sum())

    def price_after(self, base: npt.ArrayLike) -> Array:
        """Price after a sale; the end of liquidity beyond it."""
        prices, liquidity = self._steps
        roots = 1.0 / np.sqrt(prices)
        volume = np.append(0.0, np.cumsum(liquidity * np.diff(roots)))
        root = np.interp(np.asarray(base, dtype=np.float64), volume, roots)
        return np.asarray(root**-2.0)

    def base_to(self, price: npt.ArrayLike) -> Array:
        """Base whose sale takes the price there; at most all there is."""
        prices, liquidity = self._steps
        roots = 1.0 / np.sqrt(prices)
        volume = np.append(0.0, np.cumsum(liquidity * np.diff(roots)))
        found = np.interp(1.0 / np.sqrt(np.asarray(price, dtype=np.float64)), roots, volume)
        return np.asarray(found)

    def sold(self, base: float) -> float:
        """Quote received; a sale beyond all ranges gets no more than they hold."""
        prices, liquidity = self._steps
        after = float(self.price_after(base * (1.0 - self.fee)))
        clipped = np.sqrt(np.clip(prices, after, None))
        return float((liquidity * -np.diff(clipped)).sum())


@dataclass(frozen=True)
class StableSwap(Pool):
    """Curve's invariant for two coins; ``quote`` is what is received, ``base`` what is sold.

    ``A n^n S + D = A D n^n + D^(n+1) / (n^n prod x)`` with n = 2.
    """

    quote: float
    base: float
    amplification: float
    fee: float = 0.0

    @property
    def invariant(self) -> float:
        """D, by Newton's method."""
        ann, total = 2.0 * self.amplification, self.base + self.quote
        d = total
        for _ in range(255):
            p = d**3 / (4.0 * self.base * self.quote)
            before = d
            d = (ann * total + 2.0 * p) * d / ((ann - 1.0) * d + 3.0 * p)
            if abs(d - before) <= 1e-14 * d:
                break
        return d

    def _quote_at(self, base: Array) -> Array:
        """Quote reserve that goes with a base reserve."""
        d, ann = self.invariant, 2.0 * self.amplification
        # y^2 + (b - D) y = c, the positive root
        c = d**3 / (4.0 * base * ann)
        b = base + d / ann - d
        return np.asarray(0.5 * (-b + np.sqrt(b * b + 4.0 * c)))

    @property
    def price(self) -> float:
        """Quote per base."""
        return float(self.price_after(0.0))

    def price_after(self, base: npt.ArrayLike) -> Array:
        """Price after a sale, by differentiating the invariant."""
        d, ann = self.invariant, 2.0 * self.amplification
        x = self.base + np.asarray(base, dtype=np.float64)
        y = self._quote_at(x)
        p = d**3 / (4.0 * x * y)
        return np.asarray((ann + p / x) / (ann + p / y))

    def sold(self, base: float) -> float:
        """Quote received."""
        return (self.quote - float(self._quote_at(np.asarray(self.base + base)))) * (1.0 - self.fee)


@dataclass(frozen=True)
class PoolDepth(DepthCurve):
    """The depth of a pool, in value at its price; past its last liquidity nothing is sold."""

    pool: Pool

    def displacement(self, quantity: npt.ArrayLike) -> Array:
        """Log fall of the pool's price."""
        base = np.asarray(quantity, dtype=np.float64) / self.pool.price
        return np.asarray(np.log(self.pool.price / self.pool.price_after(base)))

    def quantity_to(self, displacement: npt.ArrayLike) -> Array:
        """Value that displaces the pool's price by so much."""
        price = self.pool.price * np.exp(-np.asarray(displacement, dtype=np.float64))
        return np.asarray(self.pool.base_to(price) * self.pool.price)

    @property
    def most(self) -> float:
        """Value that the pool takes."""
        return self.pool.most * self.pool.price

    def average(self, quantity: npt.ArrayLike) -> Array:
        """Mean price of a sale after fees, as a fraction of the price before."""
        v = np.atleast_1d(np.asarray(quantity, dtype=np.float64))
        got = [self.pool.sold(q / self.pool.price) / q if q > 0.0 else 1.0 for q in v.tolist()]
        return np.asarray(got).reshape(np.shape(quantity))


def check_pool(pool: Pool, argument: str) -> None:
    """Refuse a pool with nothing in it.

    Raises
    ------
    InputError
    """
    if isinstance(pool, ConcentratedRanges):
        bad = not pool.ranges or any(
            not 0.0 < r.low < r.high or not r.liquidity > 0.0 for r in pool.ranges
        )
        if bad or not pool.at > 0.0 or not pool.most > 0.0:
            raise InputError(
                f"{argument}.ranges",
                [(r.low, r.high, r.liquidity) for r in pool.ranges],
                "must hold liquidity below the price, each from a lower to a higher price",
                "Give low, high and L of each position, and the price now",
            )
    elif isinstance(pool, ConstantProduct | StableSwap) and not (
        pool.base > 0.0 and pool.quote > 0.0
    ):
        raise InputError(
            f"{argument}.reserves",
            (pool.base, pool.quote),
            "must both be positive: a pool of no depth has no price",
            "Give both reserves in units of their tokens",
        )
    if isinstance(pool, StableSwap) and not pool.amplification > 0.0:
        raise InputError(
            f"{argument}.amplification",
            pool.amplification,
            "must be positive",
            "Give the pool's own A, before its code multiplies it by the number of coins",
        )
