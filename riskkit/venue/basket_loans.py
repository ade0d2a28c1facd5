"""Loans against several collaterals: which is seized, how much of it, and what that does to prices.

Health is linear in the prices, ``sum of threshold · units · price - debt``, and is asked of every
loan in every round, as in `riskkit.venue.cross_margin`. A liquidator takes the collateral that
leaves him most: what the rule lets him repay, the bonus of that collateral, and what he gets for it
in its own depth, less his gas. He sells until the next unit brings less than he repaid for it, and
stays away where nothing pays. The line beyond which repaying makes a loan worse is that of the
collateral seized.

In a bar: depth comes back, every asset moves, and rounds follow until nobody is taken from: the
loan of the smallest health factor first.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from riskkit.compiled import Cube, Matrix, Real, Truth, Vector, compiled
from riskkit.errors import InputError
from riskkit.venue.cross_margin import CrossDepth, by_worst, scan
from riskkit.venue.impact import mean_of_exp
from riskkit.venue.loan_engine import LoanEngine, check_loan_engine

Array = npt.NDArray[np.float64]

PIECE = 50
BASKET_OUTCOMES = ("closures", "bad_debt", "sold", "keepers", "given_up", "unclosed", "money")


class BasketBook(NamedTuple):
    """Loans of several collaterals.

    Attributes
    ----------
    debt : ndarray (N,)
    value : ndarray (assets, N)
        Of each collateral at the opening.
    threshold, bonus : ndarray (assets,)
    """

    debt: Vector
    value: Matrix
    threshold: Vector
    bonus: Vector


class BasketRules(NamedTuple):
    """How a loan is liquidated; as `riskkit.venue.loan_engine.LoanEngine`."""

    close_factor: Real
    whole_below: Real
    target: Real
    dust: Real
    gas: Real
    absent: Real
    halts: Truth
    two_steps: Truth


@compiled()
def run_basket_paths(  # pragma: no cover - compiled
    returns: Cube,
    book: BasketBook,
    depth: CrossDepth,
    rules: BasketRules,
    out: Matrix,
    seized: Matrix,
) -> None:
    """Run paths (paths, bars, assets); fills ``out`` (paths, outcomes), ``seized`` (paths, assets).

    What is seized is money at the market of its moment.
    """
    assets, many = book.value.shape
    units, weights = np.empty((assets, many)), np.empty((assets, many))
    debt, cash, waits = np.empty(many), np.empty(many), np.empty(many)
    health, worst, order = np.empty(many), np.empty(many), np.empty(many, dtype=np.int64)
    f, u, shown = np.empty(assets), np.empty(assets), np.empty(assets)
    counter_cash, counter_units = np.empty(assets), np.empty(assets)
    for path in range(returns.shape[0]):
        opening = 0.0
        for a in range(assets):
            f[a] = u[a] = counter_cash[a] = counter_units[a] = seized[path, a] = 0.0
            for k in range(many):
                units[a, k] = book.value[a, k]
                weights[a, k] = book.threshold[a] * units[a, k]
        for k in range(many):
            debt[k] = book.debt[k]
            cash[k] = -debt[k] if debt[k] > 0.0 else np.inf
            waits[k] = -1.0
            opening -= debt[k]
        closures, bad, sold, keepers, given_up = 0.0, 0.0, 0.0, 0.0, 0.0
        for t in range(returns.shape[1]):
            absent = False
            for a in range(assets):
                f[a] += returns[path, t, a]
                u[a] *= depth.refill
                absent = absent or abs(returns[path, t, a]) >= rules.absent
            acted = not absent
            while acted:
                acted = False
                for a in range(assets):
                    shown[a] = math.exp(f[a] - depth.mark_weight * depth.slopes[a] * u[a])
                if scan(cash, weights, shown, health) == 0:
                    break
                at = 0
                for k in range(many):
                    if health[k] <= 0.0 and waits[k] < t:
                        worst[at] = health[k] / debt[k]
                        order[at] = k
                        at += 1
                by_worst(worst, order, at)
                for i in range(at):
                    k = order[i]
                    owed, value, counted = debt[k], 0.0, 0.0
                    for a in range(assets):
                        value += units[a, k] * shown[a]
                        counted += weights[a, k] * shown[a]
                    factor = counted / owed
                    best, most, best_x = -1, 0.0, 0.0
                    for a in range(assets):
                        v = units[a, k] * shown[a]
                        b, lt, slope = book.bonus[a], book.threshold[a], depth.slopes[a]
                        if v <= 0.0 or (rules.halts and owed * (1.0 + b) >= value):
                            continue
                        repaid = owed
                        if owed > rules.dust:
                            if rules.target > 0.0:
                                counts = (1.0 + b) * lt
                                if rules.target > counts:
                                    back = owed * (rules.target - factor) / (rules.target - counts)
                                    repaid = min(back, owed)
                            elif factor >= rules.whole_below:
                                repaid = rules.close_factor * owed
                                first = (owed - counted) / (1.0 - lt * (1.0 + b))
                                if rules.two_steps and 0.0 <= first < repaid:
                                    repaid = first + rules.close_factor * (owed - first)
                        x = min(repaid * (1.0 + b), v) / shown[a]
                        p = math.exp(f[a] - slope * u[a])
                        reach = math.log(p * (1.0 + b) / shown[a])
                        if slope > 0.0:
                            x = min(x, reach / slope)
                        if x <= 0.0 or reach <= 0.0:
                            continue
                        gain = x * (p * mean_of_exp(-slope * x) - shown[a] / (1.0 + b)) - rules.gas
                        if gain > most:
                            best, most, best_x = a, gain, x
                    if best < 0:
                        waits[k] = t  # nobody comes before the next bar
                        continue
                    acted = True
                    a, x = best, best_x
                    slope = depth.slopes[a]
                    p, move = math.exp(f[a] - slope * u[a]), -slope * x
                    got, price = x * p * mean_of_exp(move), shown[a] / (1.0 + book.bonus[a])
                    units[a, k] = max(units[a, k] - x, 0.0)
                    if units[a, k] <= 1e-12 * book.value[a, k]:
                        units[a, k] = 0.0
                    weights[a, k] = book.threshold[a] * units[a, k]
                    debt[k] -= x * price
                    closures += 1.0
                    sold += x * p
                    seized[path, a] += x * p
                    keepers += got - x * price
                    given_up += x * (shown[a] - price)
                    counter_cash[a] -= got
                    counter_units[a] += x
                    f[a] += depth.permanent * move
                    u[a] += (1.0 - depth.permanent) * x
                    left = 0.0
                    for j in range(assets):
                        left += units[j, k]
                    if left == 0.0 and debt[k] > 0.0:
                        bad += debt[k]
                        debt[k] = 0.0
                    cash[k] = -debt[k] if debt[k] > 1e-12 * book.debt[k] else np.inf
        unclosed, total = 0.0, 0.0
        for a in range(assets):
            shown[a] = math.exp(f[a] - depth.slopes[a] * u[a])
            total += counter_cash[a] + counter_units[a] * shown[a]
            for k in range(many):
                opening += book.value[a, k] * shown[a]
        for k in range(many):
            value, counted = 0.0, 0.0
            for a in range(assets):
                value += units[a, k] * shown[a]
                counted += weights[a, k] * shown[a]
            total += value - debt[k]
            if cash[k] < np.inf and counted <= debt[k]:
                unclosed += value
                bad += max(debt[k] - value, 0.0)
                total += max(debt[k] - value, 0.0)
        row = out[path]
        row[0], row[1], row[2], row[3] = closures, bad, sold, keepers
        row[4], row[5], row[6] = given_up, unclosed, total + keepers - bad - opening


@dataclass(frozen=True)
class BasketOutcome:
    """What became of loans of several collaterals, path by path.

    Attributes
    ----------
    table : ndarray (paths, outcomes)
        In the order of `BASKET_OUTCOMES`; ``money`` is what is missing from the sum of all of it.
    seized : ndarray (paths, assets)
        Money taken of each collateral.
    """

    table: Array = field(repr=False)
    seized: Array = field(repr=False)

    def of(self, name: str) -> Array:
        """One outcome by name, (paths,)."""
        return self.table[:, BASKET_OUTCOMES.index(name)]


def run_basket_loans(
    book: BasketBook,
    returns: npt.ArrayLike,
    depth: CrossDepth,
    engine: LoanEngine,
    *,
    threads: int = 1,
) -> BasketOutcome:
    """Run loans of several collaterals along joint paths.

    Parameters
    ----------
    returns : array_like (paths, bars, assets)
        Joint log returns.
    engine : LoanEngine
        Its bonus is each collateral's own, in the book.

    Raises
    ------
    InputError
        If shapes do not agree, or rules cannot be.
    """
    check_loan_engine(engine)
    r = np.ascontiguousarray(np.asarray(returns, dtype=np.float64))
    assets = book.value.shape[0]
    sizes = {book.threshold.size, book.bonus.size, depth.slopes.size, assets}
    if r.ndim != 3 or r.shape[2] != assets or len(sizes) > 1:
        rule = f"must be (paths, bars, {assets}), with a threshold, bonus and slope an asset"
        raise InputError("returns", r.shape, rule, "Give one column an asset")
    if book.debt.size != book.value.shape[1]:
        raise InputError("debt", book.debt.size, "must be one a loan", "Give each")
    lt = book.threshold
    if not ((lt > 0.0) & (lt < 1.0)).all() or (book.bonus >= 1.0 / lt - 1.0).any():
        rule = "must be thresholds in (0, 1), each bonus below 1/LT - 1"
        raise InputError("threshold, bonus", (lt.tolist(), book.bonus.tolist()), rule, "Correct")
    rules = BasketRules(
        float(engine.close_factor),
        float(engine.whole_below),
        float(engine.target),
        float(engine.dust),
        float(engine.gas),
        float(engine.absent_move),
        engine.halts,
        engine.two_steps,
    )
    out, seized = np.empty((r.shape[0], len(BASKET_OUTCOMES))), np.empty((r.shape[0], assets))

    def run(begin: int) -> None:
        rows = slice(begin, begin + PIECE)
        run_basket_paths(r[rows], book, depth, rules, out[rows], seized[rows])

    starts = range(0, r.shape[0], PIECE)
    if threads == 1:
        for begin in starts:
            run(begin)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(run, starts))
    return BasketOutcome(out, seized)
