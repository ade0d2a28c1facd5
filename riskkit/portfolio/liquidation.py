"""Where an account is liquidated as one price moves, and in which order its legs are closed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.portfolio.margin import PortfolioMargin, Requirement

Array = npt.NDArray[np.float64]

REFINED = 12
CLOSE_ENOUGH = 1e-10


def liquidation_price(
    equity: Array, quantity: Array, price: Array, maintenance: Array, contribution: Array
) -> Array:
    """The price of one asset at which an account is liquidated, all others standing still.

    equity + q (P - price) = maintenance + contribution (P/price - 1): gains of the other legs and
    what they need count in full. NaN where no positive price does it.

    Parameters
    ----------
    equity, maintenance : ndarray (A,)
    quantity, price, contribution : ndarray (A,)
        Of the asset: units held, its price, its part of the maintenance margin.
    """
    slope = quantity - contribution / price
    with np.errstate(divide="ignore", invalid="ignore"):
        found = price + (maintenance - equity) / slope
    return np.where((found > 0.0) & np.isfinite(found) & (quantity != 0.0), found, np.nan)


def liquidation_prices(margin: PortfolioMargin, requirement: Requirement) -> pd.DataFrame:
    """Liquidation price of every asset of every account (NaN where none), accounts x assets.

    Found with the requirement at the price itself: as one price moves, so do the book's weights and
    what offsets save.
    """
    accounts = margin.accounts
    held = accounts.quantity != 0.0
    row, column = np.nonzero(held & ~np.isnan(accounts.equity)[:, None])
    equity, quantity = accounts.equity[row], accounts.quantity[row, column]
    start = accounts.prices[column]
    maintenance = margin.table["maintenance"].to_numpy()[row]
    part = margin.contributions.to_numpy()[row, column]
    found = liquidation_price(equity, quantity, start, maintenance, part)
    exposures = accounts.exposures[row]

    def short(prices: Array) -> Array:
        """Requirement less equity at prices of the asset."""
        moved = exposures.copy()
        moved[np.arange(len(row)), column] = quantity * prices
        return np.asarray(
            requirement.maintenance(moved) - equity - quantity * (prices - start), dtype=np.float64
        )

    out = np.full(accounts.quantity.shape, np.nan)
    if len(row):
        out[row, column] = _refined(short, start, found)
    return pd.DataFrame(out, index=list(accounts.names), columns=list(accounts.assets))


def _refined(short: Callable[[Array], Array], start: Array, guess: Array) -> Array:
    """Secants from the line's own answer; where they do not settle there is no such price."""
    before, at = start, np.where(np.isnan(guess), start, guess)
    value_before, value = short(before), short(at)
    for _ in range(REFINED):
        with np.errstate(divide="ignore", invalid="ignore"):
            step = value * (at - before) / (value - value_before)
        step = np.where(np.isfinite(step), step, 0.0)
        following = np.maximum(at - step, 1e-12 * start)
        before, value_before = at, value
        at, value = following, short(following)
        if (np.abs(at - before) <= CLOSE_ENOUGH * start).all():
            break
    scale = np.maximum(np.abs(value_before), 1.0)
    settled = (np.abs(at - before) <= 1e-6 * start) & (np.abs(value) <= 1e-4 * scale * start)
    return np.where(settled & ~np.isnan(guess), at, np.nan)


@dataclass(frozen=True)
class Closed:
    """One account's close-outs.

    Attributes
    ----------
    steps : DataFrame
        ``step, asset, notional, cost, maintenance, equity`` after each close-out.
    cost : float
        All of them together.
    solvent : bool
        Whether equity met the requirement before everything was closed.
    """

    steps: pd.DataFrame = field(repr=False)
    cost: float
    solvent: bool


def close_legs(
    exposures: Array,
    equity: float,
    requirement: Requirement,
    cost: Callable[[Array], Array],
    *,
    order: str = "marginal",
) -> Closed:
    """Close an account's legs, one after another, until its equity meets its requirement.

    ``"marginal"`` closes what brings the largest fall of requirement less equity per unit of cost,
    and passes over a hedge whose closing would raise the requirement; ``"largest"`` closes the leg
    with the largest margin of its own first; ``"all"`` everything at once. A close is never
    blocked: where no leg lowers the requirement, everything is closed.

    Parameters
    ----------
    exposures : ndarray (N,)
        Signed notionals, money.
    cost : callable
        Of closing exposures (1, N): ndarray (1, N), money.
    """
    left = np.array(exposures, dtype=np.float64)
    rows: list[tuple[int, float, float, float, float]] = []
    needed = float(requirement.maintenance(left[None])[0])
    spent = 0.0
    while needed > equity and left.any():
        legs = np.flatnonzero(left)
        costs = cost(left[None])[0]
        if order == "all":
            closed = legs
        else:
            after = np.repeat(left[None], len(legs), axis=0)
            after[np.arange(len(legs)), legs] = 0.0
            remains = requirement.maintenance(after)
            gain = needed - remains - costs[legs]
            if order == "largest":
                own = requirement.parts(left[None]).own[0]
                closed = legs[[int(np.argmax(own[legs]))]]
            elif gain.max() > 0.0:
                per_cost = gain / np.maximum(costs[legs], 1e-12 * np.abs(left[legs]))
                closed = legs[[int(np.argmax(np.where(gain > 0.0, per_cost, -np.inf)))]]
            else:
                closed = legs
        for leg in closed:
            notional, taken = float(left[leg]), float(costs[leg])
            spent, equity, left[leg] = spent + taken, equity - taken, 0.0
            needed = float(requirement.maintenance(left[None])[0])
            rows.append((int(leg), notional, taken, needed, equity))
    steps = pd.DataFrame(rows, columns=["asset", "notional", "cost", "maintenance", "equity"])
    steps.insert(0, "step", range(1, len(steps) + 1))
    return Closed(steps, spent, bool(left.any()))
