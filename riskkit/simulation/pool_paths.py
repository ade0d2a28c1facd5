"""Accounts of several collaterals along joint paths, by the mechanism of `riskkit.venue.run`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from riskkit.collateral.pool import CollateralPool, open_pools
from riskkit.errors import InputError
from riskkit.simulation.mechanism_kernel import lag_uniforms
from riskkit.venue.book import CLOSED, copy_book
from riskkit.venue.mechanism import bars_needed
from riskkit.venue.oracle import LagUniforms, Sight, Tape, drawn
from riskkit.venue.run import no_events, run_book

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PoolPrices:
    """Prices (paths, bars + 1, kinds) over those at opening.

    Attributes
    ----------
    true : ndarray
        At which collateral is sold.
    believed : ndarray
        Which the venue's oracle follows: another where it marks a kind at a constant.
    """

    true: Array = field(repr=False)
    believed: Array = field(repr=False)

    @classmethod
    def of(cls, true: Array) -> PoolPrices:
        """Prices that the venue follows."""
        return cls(true, true)


@dataclass(frozen=True)
class PoolOutcomes:
    """What became of A accounts on M paths, each (M, A).

    Attributes
    ----------
    liquidated, defaulted : ndarray of bool
    bad_debt : ndarray
        That close-outs left, a fraction of the collateral at opening.
    uncovered : ndarray
        Debt beyond the true value of the collateral of what was still open at the end: nobody has
        lost it yet, and nobody will pay it.
    """

    liquidated: Flags = field(repr=False)
    defaulted: Flags = field(repr=False)
    bad_debt: Array = field(repr=False)
    uncovered: Array = field(repr=False)

    @property
    def default_given_liquidation(self) -> Array:
        """Share of the liquidated accounts that defaulted, (A,); NaN without one."""
        hit = self.liquidated.sum(axis=0)
        share = np.full(hit.shape, np.nan)
        np.divide(self.defaulted.sum(axis=0), hit, out=share, where=hit > 0)
        return share

    @property
    def error(self) -> Array:
        """Its binomial standard error, (A,)."""
        share, hit = self.default_given_liquidation, self.liquidated.sum(axis=0)
        return np.asarray(np.sqrt(share * (1.0 - share) / np.maximum(hit, 1)))


def pool_bars(pool: CollateralPool, horizon: int, notional: float) -> int:
    """Bars that paths must run so that every trigger within the horizon is closed."""
    return bars_needed(pool.mechanism, horizon, notional)


def run_pools(
    pools: Sequence[CollateralPool],
    weights: Array,
    prices: PoolPrices,
    *,
    horizon: int,
    notional: float = 1.0,
    loan_to_value: Array | None = None,
    seed: int = 0,
) -> PoolOutcomes:
    """Run accounts of pools that differ in their terms alone, all on the same paths.

    Parameters
    ----------
    pools : sequence of CollateralPool
        One for each account: of the same kinds, mechanism and order.
    weights : ndarray (A, K)
    prices : PoolPrices
        Of as many kinds; `pool_bars` or more bars.
    horizon : int
        Bars for which accounts are held.
    notional, loan_to_value
        As in `riskkit.collateral.pool.open_pools`.
    seed : int
        Of lags that are drawn.

    Raises
    ------
    InputError
        If an account breaks a rule, the paths are too short, or pools differ in more than terms.
    """
    first = pools[0]
    alike = all(p.names == first.names and p.order is first.order for p in pools)
    bars = pool_bars(first, horizon, notional)
    shape = prices.true.shape
    if not alike or shape != prices.believed.shape or len(shape) != 3:
        rule = "must be of the same kinds, in one order of seizure, with prices of one shape"
        raise InputError("pools", len(pools), rule, "Run pools of other kinds by themselves")
    if shape[1] <= bars or shape[2] != len(first.names):
        rule = f"must be {bars + 1} prices of {len(first.names)} kinds, or more"
        raise InputError("prices", shape, rule, "Lengthen the paths, or shorten the horizon")
    sequence = first.sequence(notional)
    opening, terms = open_pools(pools, weights, notional, loan_to_value)
    opening = opening._replace(quantity=np.ascontiguousarray(opening.quantity[:, sequence]))
    terms = terms._replace(haircut=np.ascontiguousarray(terms.haircut[:, sequence]))
    venue = first.venue(sequence)
    true = np.ascontiguousarray(prices.true[:, : bars + 1, sequence])
    believed = np.ascontiguousarray(prices.believed[:, : bars + 1, sequence])
    lags = (first.mechanism.oracle.latency, first.mechanism.delay)
    uniforms = LagUniforms(np.zeros((bars + 1, 2)), np.zeros((bars + 1, 2)))
    kinds, adverse = len(first.names), np.ones(len(first.names))
    sight = Sight(np.ones(kinds), np.ones(kinds), np.zeros(2, dtype=np.int64))
    book, events = copy_book(opening), no_events(len(pools))
    found = [np.zeros((shape[0], len(pools))) for _ in range(4)]
    for i in range(shape[0]):
        if drawn(lags[0]) or drawn(lags[1]):
            uniforms = lag_uniforms(seed, i, bars)
        market = Tape(believed[i], believed[i], adverse, true[i])
        run_book(horizon, market, uniforms, sight, opening, book, terms, venue, events)
        found[0][i], found[1][i] = events.trigger_bar > 0, events.default_bar > 0
        found[2][i] = events.loss
        worth = np.einsum("ak,k->a", book.quantity, true[i, bars])
        found[3][i] = np.where(book.due == CLOSED, 0.0, np.maximum(-book.cash - worth, 0.0))
    return PoolOutcomes(found[0] > 0.0, found[1] > 0.0, found[2], found[3])
