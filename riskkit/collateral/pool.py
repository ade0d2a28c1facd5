"""A pool of collateral behind one debt: the one health rule, who takes what, how much is too much.

    health = sum threshold_c · value_c - debt

At or below zero the account can be liquidated, whichever kind fell (`riskkit.venue.book.health`, of
which this is the case of several owned instruments). Who repays chooses what is seized, and leaves
the rest. A kind is limited by what a crash leaves of its market: the liquidator's bonus must pay
for selling all of it, and all of it must be a share of what is traded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from riskkit.collateral.baskets import check_weights
from riskkit.collateral.haircut import largest_accepted
from riskkit.errors import InputError
from riskkit.venue.book import Book, Terms
from riskkit.venue.liquidation import SEIZURE, TAKEOVER, close_out_rules
from riskkit.venue.liquidity import Liquidity, Slippage, SlippageLaw, slippage_numbers
from riskkit.venue.mechanism import Mechanism
from riskkit.venue.oracle import OracleLaw, lag_law
from riskkit.venue.run import Venue

Array = npt.NDArray[np.float64]


class Seizure(StrEnum):
    """What a liquidator takes of a pool.

    ``PRO_RATA``  the same share of every kind
    ``LISTED``  the kinds in the order in which they are accepted
    ``DEEPEST``  the kind that costs least to sell first: what a liquidator chooses
    ``SAFEST``  the kind of the highest threshold first
    ``RISKIEST``  the kind of the lowest threshold first: what is left is better than what was
    """

    PRO_RATA = "pro-rata"
    LISTED = "listed"
    DEEPEST = "deepest-first"
    SAFEST = "safest-first"
    RISKIEST = "riskiest-first"


@dataclass(frozen=True)
class CollateralPool:
    """What a venue accepts behind one debt, and how it takes it.

    Attributes
    ----------
    names : tuple of str
    threshold, max_ltv : ndarray (K,)
        Of each kind: at which it counts toward health, and against which is lent.
    bonus : float
        A liquidator who repays D takes collateral worth D (1 + bonus).
    slippage : tuple of Slippage
        Of each kind, as a crash leaves it.
    mechanism : Mechanism
        Oracle, delay and how much one liquidation closes; its own slippage is not used.
    order : Seizure
    """

    names: tuple[str, ...]
    threshold: Array = field(repr=False)
    max_ltv: Array = field(repr=False)
    bonus: float
    slippage: tuple[Slippage, ...] = field(repr=False)
    mechanism: Mechanism = field(default_factory=Mechanism, repr=False)
    order: Seizure = Seizure.PRO_RATA

    def __post_init__(self) -> None:
        size, paid = len(self.names), self.threshold * (1.0 + self.bonus)
        if self.threshold.shape != (size,) or self.max_ltv.shape != (size,) or size == 0:
            rule = "must be a threshold and a loan-to-value for each kind"
            raise InputError("pool", f"{size} kinds", rule, "Give as many as names")
        if len(self.slippage) != size:
            rule = f"must be one for each of {size} kinds"
            raise InputError("pool.slippage", len(self.slippage), rule, "Give as many as names")
        good = (self.max_ltv >= 0.0) & (self.max_ltv < self.threshold) & (paid <= 1.0)
        if not (good.all() and np.isfinite(paid).all() and self.bonus >= 0.0):
            bad = self.names[int(np.argmin(good))]
            rule = "must lie above its loan-to-value, and leave room for the bonus"
            raise InputError(f"threshold of {bad}", self.threshold.tolist(), rule, "Lower one")

    def limits_of(self, weights: Array) -> tuple[float, float]:
        """Threshold and largest loan-to-value of an account of such a mixture."""
        w = check_weights(weights)
        if w.shape != self.threshold.shape:
            rule = f"must be one for each of {', '.join(self.names)}"
            raise InputError("weights", w.shape, rule, "Give as many as kinds")
        return float(w @ self.threshold), float(w @ self.max_ltv)

    def with_haircuts(self, power: float) -> CollateralPool:
        """The pool with what thresholds leave, ``threshold (1 + bonus)``, raised to a power.

        1 is the pool itself, 2 covers every fall twice over; the room between threshold and
        loan-to-value stays.
        """
        found = (self.threshold * (1.0 + self.bonus)) ** power / (1.0 + self.bonus)
        return replace(self, threshold=found, max_ltv=found * self.max_ltv / self.threshold)

    def sequence(self, notional: float) -> npt.NDArray[np.int64]:
        """Kinds in the order in which they are taken, for an account of a size."""
        if self.order is Seizure.DEEPEST:
            costs = [law.cost(notional) for law in self.slippage]
            return np.asarray(np.argsort(costs, kind="stable"), dtype=np.int64)
        if self.order in (Seizure.SAFEST, Seizure.RISKIEST):
            sign = 1.0 if self.order is Seizure.RISKIEST else -1.0
            return np.asarray(np.argsort(sign * self.threshold, kind="stable"), dtype=np.int64)
        return np.arange(len(self.names), dtype=np.int64)

    def venue(self, sequence: npt.NDArray[np.int64]) -> Venue:
        """As the compiled functions take it, its kinds in a sequence."""
        engine = TAKEOVER if self.order is Seizure.PRO_RATA else SEIZURE
        oracle = self.mechanism.oracle
        return Venue(
            OracleLaw(lag_law(oracle.latency), float(oracle.deviation)),
            _side_by_side([self.slippage[i] for i in sequence]),
            close_out_rules(self.mechanism.close_out, lag_law(self.mechanism.delay), engine),
        )


def open_pools(
    pools: Sequence[CollateralPool],
    weights: Array,
    notional: float,
    loan_to_value: Array | None = None,
) -> tuple[Book, Terms]:
    """A book of accounts, each of its own pool and mixture, and their terms: a class for each.

    Prices are relative to the opening, money to what an account's collateral is worth then.

    Parameters
    ----------
    weights : ndarray (A, K)
        Of the collateral at opening; each row sums to 1.
    notional : float
        Value of an account's collateral, money: what slippage grows with.
    loan_to_value : ndarray (A,), optional
        Debt at opening; the most that each pool lends if not given.

    Raises
    ------
    InputError
        If weights do not sum to one, or an account would be liquidatable as it opens.
    """
    accounts, kinds = weights.shape
    limits = [pool.limits_of(row) for pool, row in zip(pools, weights, strict=True)]
    debt = np.array([ltv for _, ltv in limits]) if loan_to_value is None else loan_to_value
    for (threshold, _), owed in zip(limits, debt.tolist(), strict=True):
        if not 0.0 < owed < threshold:
            rule = f"must be positive and below the pool's threshold, {threshold:.6g}"
            raise InputError("loan_to_value", owed, rule, "With no room it is liquidatable at once")
    if not (math.isfinite(notional) and notional > 0.0):
        raise InputError("notional", notional, "must be positive", "Give it in money")
    book = Book(
        -np.asarray(debt, dtype=np.float64),
        np.array(weights, dtype=np.float64),
        np.ones((accounts, kinds)),
        np.full(accounts, float(notional)),
        np.arange(accounts),
        np.zeros(accounts, dtype=np.int64),
        np.zeros(accounts),
    )
    none = [np.zeros((accounts, kinds)) for _ in range(2)]
    haircut = 1.0 - np.stack([pool.threshold for pool in pools])
    bonus = np.array([pool.bonus for pool in pools])
    owned = np.ones((accounts, kinds))
    return book, Terms(haircut, none[0], owned, none[1], np.zeros(accounts), bonus)


@dataclass(frozen=True)
class KindLimit:
    """The most of a kind that a venue should accept, money.

    Attributes
    ----------
    by_depth : float
        Whose sale at crash depth costs no more than the bonus pays: infinite where costs stop.
    by_volume : float
        A share of what is traded a day; infinite where no volume is known.
    """

    name: str
    by_depth: float
    by_volume: float

    @property
    def largest(self) -> float:
        """The less of the two."""
        return min(self.by_depth, self.by_volume)

    @property
    def decides(self) -> str:
        """Which of the two: ``depth``, ``volume``, or ``none``."""
        if not math.isfinite(self.largest):
            return "none"
        return "depth" if self.by_depth <= self.by_volume else "volume"


def limit_of(name: str, at_crash: Slippage, bonus: float, volume: float, share: float) -> KindLimit:
    """The concentration limit of a kind.

    A seller keeps of Q what slippage s(Q) leaves, and was paid (1 + bonus) for each unit of debt:
    he comes if (1 + bonus)(1 - s(Q)) is 1 or more.

    Parameters
    ----------
    at_crash : Slippage
        At the depth that a crash leaves.
    volume : float
        Traded a day, money; infinite if not known.
    share : float
        Of it that may be accepted.

    Raises
    ------
    InputError
        Unless volume and share are positive.
    """
    if not (volume > 0.0 and 0.0 < share <= 1.0):
        rule = "must be a positive volume, and a share of it in (0, 1]"
        raise InputError(f"volume of {name}", (volume, share), rule, "Give money a day, and 0.1")
    by_depth = largest_accepted(at_crash.cost, bonus / (1.0 + bonus))
    return KindLimit(name, by_depth, share * volume)


def in_a_crash(law: Slippage, depth: float | None, left: float) -> Slippage:
    """A law of slippage at a kind's own depth, of which a crash leaves a share."""
    if law.law is SlippageLaw.LADDER:
        ladder = tuple((value * left, cost) for value, cost in law.ladder)
        return replace(law, ladder=ladder)
    return replace(law, depth=(depth or law.depth) * left)


def _side_by_side(laws: Sequence[Slippage]) -> Liquidity:
    """Laws of several kinds as one table."""
    each = [slippage_numbers(law) for law in laws]
    levels = [int(one.first[1]) for one in each]
    return Liquidity(
        np.concatenate([one.law for one in each]),
        np.concatenate([one.rate for one in each]),
        np.concatenate([one.depth for one in each]),
        np.concatenate([one.ladder for one in each]),
        np.concatenate([[0], np.cumsum(levels)]).astype(np.int64),
    )
