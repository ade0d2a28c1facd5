"""A study's pool of collateral through the mechanism: by mixture, by order of seizure, by coin.

Accounts are opened at the most that the schedule lends against their mixture and held for the
study's horizon on joint paths, at the depth that a crash leaves. What is asked of each mixture is
what is asked of a loan of one asset: P(default | liquidation) at its target.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.calibration.collateral import CollateralAnswer, crash_slippage
from riskkit.calibration.portfolio import joint_paths
from riskkit.calibration.question import run_of
from riskkit.collateral.haircut import MONEY
from riskkit.collateral.pool import CollateralPool, Seizure
from riskkit.collateral.settlement import BreakingCoin, CoinMark, broken_pegs, healing_pegs
from riskkit.errors import InputError
from riskkit.paths.run import Stream
from riskkit.simulation.pool_paths import PoolOutcomes, PoolPrices, pool_bars, run_pools
from riskkit.study import terms
from riskkit.study.collateral import CollateralPoolTable, CollateralSection, SettlementTable
from riskkit.venue.liquidation import CloseOutRule
from riskkit.venue.liquidity import Slippage
from riskkit.venue.mechanism import Mechanism

Array = npt.NDArray[np.float64]

MOST_PATHS = 4_000
#: Powers of what thresholds leave, among which the one that meets the target is looked for.
POWERS = (0.25, 0.5, 0.7, 0.85, 1.0, 1.15, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0)


@dataclass(frozen=True)
class PoolAnswer:
    """What a pool of a study's collateral loses, and what it would need.

    Attributes
    ----------
    mixtures : DataFrame
        A row for each: ``mixture, threshold, max_ltv`` (by the schedule), ``liquidated``
        (probability over the horizon), ``default`` (given liquidation), ``error`` (of it),
        ``bad_debt_bps`` (of what is lent), ``power`` (of what thresholds leave, at which the target
        is met; infinite where none up to the largest tried does, and the least tried where that
        does already), ``needed`` (the threshold then).
    orders : DataFrame
        A row for each mixture of several kinds and each order of seizure: ``mixture, order,
        default, error, bad_debt_bps``.
    limits : DataFrame
        ``collateral, by_depth, by_volume, largest, decides``: money.
    settlement : DataFrame
        A row for each role and mark: ``role`` (``held``: part of the collateral as it breaks;
        ``owed``: borrowed while broken, as it heals), ``mark``, ``liquidated``, ``added`` (by a
        break: bad debt and what is left uncovered, of what is lent, beyond that of the same paths
        without one), ``worst`` (bad debt and uncovered of one path in 100), ``per_year`` (added
        times breaks a year); empty without a settlement coin.
    """

    pool: CollateralPool = field(repr=False)
    mixtures: pd.DataFrame = field(repr=False)
    orders: pd.DataFrame = field(repr=False)
    limits: pd.DataFrame = field(repr=False)
    settlement: pd.DataFrame = field(repr=False)
    target: float
    paths: int


@dataclass(frozen=True)
class PoolRun:
    """Joint prices on which a study's pools are judged, and how long accounts are held.

    Attributes
    ----------
    prices : ndarray (M, bars + 1, K)
        Of the accepted assets, over those at opening.
    horizon : int
        Bars.
    seed : int
    """

    pool: CollateralPool = field(repr=False)
    prices: Array = field(repr=False)
    horizon: int
    notional: float
    bars_per_day: float
    target: float
    seed: int

    @classmethod
    def of(cls, found: CollateralAnswer, *, threads: int = 1, paths: int = MOST_PATHS) -> PoolRun:
        """The pool of a study that accepts collateral, on its joint paths.

        Raises
        ------
        InputError
            If the study names nothing that it accepts.
        """
        answer, asked = found.answer, found.answer.study.collateral
        if asked is None:
            rule = 'must name what is accepted, as accepted = ["ETH"]'
            raise InputError("collateral", "no such table", rule, "Add [collateral] to the study")
        table, study, bar = asked.pool or CollateralPoolTable(), answer.study, answer.panel.bar
        pool = _pool(found, asked, table)
        notional = table.account_notional or study.position.notional
        periods = study.periods(bar)
        horizon = periods.holding_horizon.bars
        bars = pool_bars(pool, horizon, notional)
        run = run_of(study, threads)
        run = run.with_paths(min(run.paths, paths)).stream(Stream.ACCOUNTS)
        frozen = periods.margin_period_of_risk
        moved = joint_paths(answer.joint, answer.world, run, bars, frozen)
        which = [answer.panel.names.index(name) for name in asked.accepted]
        prices = np.ones((run.paths, bars + 1, len(which)))
        prices[:, 1:] = np.exp(moved[which]).transpose(2, 1, 0)
        target = study.targets.default_given_liquidation_probability
        per_day = float(pd.Timedelta(days=1) / bar)
        return cls(pool, prices, horizon, notional, per_day, target, study.simulation.seed)

    def outcomes(self, pools: Sequence[CollateralPool], weights: Array) -> PoolOutcomes:
        """What becomes of accounts at the most that each pool lends."""
        return run_pools(
            pools,
            weights,
            PoolPrices.of(self.prices),
            horizon=self.horizon,
            notional=self.notional,
            seed=self.seed,
        )


def answer_pool(
    found: CollateralAnswer, *, threads: int = 1, paths: int = MOST_PATHS
) -> PoolAnswer:
    """A study's pool: its mixtures, who takes what, limits, and a settlement coin that breaks.

    Parameters
    ----------
    paths : int
        At most; a study's own number where that is less.

    Raises
    ------
    InputError
        If the study accepts nothing, or a mixture cannot be lent against.
    """
    run = PoolRun.of(found, threads=threads, paths=paths)
    asked = found.answer.study.collateral
    assert asked is not None
    table = asked.pool or CollateralPoolTable()
    mixtures = mixtures_of(table, len(asked.accepted))
    coin = asked.settlement
    limits = found.schedule[found.schedule["collateral"] != MONEY]
    columns = ["collateral", "by_depth", "by_volume", "largest", "decides"]
    return PoolAnswer(
        run.pool,
        by_mixture(run, mixtures),
        by_order(run, mixtures),
        limits[columns].reset_index(drop=True),
        pd.DataFrame() if coin is None else by_coin(run, coin),
        run.target,
        len(run.prices),
    )


def mixtures_of(table: CollateralPoolTable, kinds: int) -> Array:
    """Weights (A, K): those of the study, or each kind alone and all in equal parts."""
    if table.mixtures:
        return np.array(table.mixtures, dtype=np.float64)
    alone = np.eye(kinds)
    return alone if kinds == 1 else np.vstack([alone, np.full(kinds, 1.0 / kinds)])


def name_of(pool: CollateralPool, weights: Array) -> str:
    """A mixture in words: ``ETH 50 %, BTC 50 %``."""
    parts = [f"{n} {100 * w:.3g} %" for n, w in zip(pool.names, weights.tolist(), strict=True) if w]
    return ", ".join(parts) if len(parts) > 1 else parts[0].split(" ")[0]


def by_mixture(run: PoolRun, mixtures: Array) -> pd.DataFrame:
    """Each mixture by the schedule, and the power of its haircuts that meets the target."""
    pools = [run.pool.with_haircuts(power) for power in POWERS]
    many = [pool for _ in mixtures for pool in pools]
    found = run.outcomes(many, np.repeat(mixtures, len(pools), axis=0))
    shares = found.default_given_liquidation.reshape(len(mixtures), -1)
    errors = found.error.reshape(len(mixtures), -1)
    hit = found.liquidated.mean(axis=0).reshape(len(mixtures), -1)
    lost = found.bad_debt.mean(axis=0).reshape(len(mixtures), -1)
    here, rows = POWERS.index(1.0), []
    for a, weights in enumerate(mixtures):
        threshold, ltv = run.pool.limits_of(weights)
        power = _least_power(shares[a], run.target)
        needed = 0.0
        if math.isfinite(power):
            needed = run.pool.with_haircuts(power).limits_of(weights)[0]
        bps = 1e4 * float(lost[a, here]) / ltv
        numbers = (float(hit[a, here]), float(shares[a, here]), float(errors[a, here]))
        rows.append((name_of(run.pool, weights), threshold, ltv, *numbers, bps, power, needed))
    columns = ["mixture", "threshold", "max_ltv", "liquidated", "default", "error", "bad_debt_bps"]
    return pd.DataFrame(rows, columns=[*columns, "power", "needed"])


def by_order(run: PoolRun, mixtures: Array) -> pd.DataFrame:
    """Every mixture of several kinds under every order of seizure."""
    mixed = mixtures[(mixtures > 0.0).sum(axis=1) > 1]
    rows = []
    for order in Seizure if len(mixed) else ():
        pool = replace(run.pool, order=order)
        found = run.outcomes([pool] * len(mixed), mixed)
        lost = 1e4 * found.bad_debt.mean(axis=0)
        for a, weights in enumerate(mixed):
            share, error = float(found.default_given_liquidation[a]), float(found.error[a])
            bps = float(lost[a]) / pool.limits_of(weights)[1]
            rows.append((name_of(pool, weights), order.value, share, error, bps))
    columns = ["mixture", "order", "default", "error", "bad_debt_bps"]
    return pd.DataFrame(rows, columns=columns).sort_values("mixture", kind="stable")


def by_coin(run: PoolRun, table: SettlementTable) -> pd.DataFrame:
    """A settlement coin that breaks, held or owed, at its market's mark or at a constant."""
    coin = coin_of(table)
    bars, paths = run.prices.shape[1] - 1, len(run.prices)
    kinds, held = len(run.pool.names), table.held_fraction
    weights = np.append(np.full(kinds, (1.0 - held) / kinds), held)[None, :]
    equal = np.full((1, kinds), 1.0 / kinds)
    drawn = (coin, paths, min(bars, run.horizon), run.bars_per_day)
    breaks = _to_end(broken_pegs(*drawn, seed=run.seed), bars)[:, :, None]
    heals = _to_end(healing_pegs(*drawn, seed=run.seed), bars)[:, :, None]
    whole, with_coin = np.ones_like(breaks), _with_coin(run.pool, table)

    def beside(coin_: Array) -> Array:
        return np.concatenate([run.prices, coin_], axis=2)

    unbroken = _lost(run, with_coin, weights, PoolPrices.of(beside(whole)))[1]
    calm = _lost(run, run.pool, equal, PoolPrices.of(run.prices))[1]
    # In the coin itself. At a constant the debt was counted at its peg when it was taken.
    owed = run.prices * (heals[:, :1] / heals)
    at_peg = PoolPrices(run.prices / heals, run.prices)
    rows = []
    for role, pool, mixture, usual, at_market, constant in (
        ("held", with_coin, weights, unbroken, PoolPrices.of(beside(breaks)),
         PoolPrices(beside(breaks), beside(whole))),
        ("owed", run.pool, equal, calm, PoolPrices.of(owed), at_peg),
    ):  # fmt: skip
        for mark in (table.mark, *(m for m in CoinMark if m is not table.mark)):
            prices = at_market if mark is CoinMark.MARKET else constant
            hit, lost = _lost(run, pool, mixture, prices)
            worst = float(np.sort(lost)[math.ceil(0.99 * len(lost)) - 1])
            added = float((lost - usual).mean())
            rows.append((role, mark.value, hit, added, worst, added * table.breaks_per_year))
    columns = ["role", "mark", "liquidated", "added", "worst", "per_year"]
    return pd.DataFrame(rows, columns=columns)


def coin_of(table: SettlementTable) -> BreakingCoin:
    """A study's settlement coin."""
    return BreakingCoin(
        table.name,
        table.breaks_per_year,
        table.depth_threshold_fraction,
        table.depth_shape,
        table.depth_scale_fraction,
        table.stay_days,
    )


def _lost(
    run: PoolRun, pool: CollateralPool, weights: Array, prices: PoolPrices
) -> tuple[float, Array]:
    """Share liquidated, and on each path bad debt and what is left uncovered, of what was lent."""
    found = run_pools(
        [pool], weights, prices, horizon=run.horizon, notional=run.notional, seed=run.seed
    )
    lent = pool.limits_of(weights[0])[1]
    return float(found.liquidated.mean()), (found.bad_debt + found.uncovered)[:, 0] / lent


def _to_end(pegs: Array, bars: int) -> Array:
    """Pegs to the last bar, as they stand at the end of the horizon."""
    rest = bars + 1 - pegs.shape[1]
    return np.concatenate([pegs, np.repeat(pegs[:, -1:], rest, axis=1)], axis=1)


def _with_coin(pool: CollateralPool, table: SettlementTable) -> CollateralPool:
    """The pool with the coin as its last kind: sold without slippage of its own."""
    threshold = (1.0 - table.haircut_fraction) / (1.0 + pool.bonus)
    room = float((pool.max_ltv / pool.threshold).max())
    return replace(
        pool,
        names=(*pool.names, table.name),
        threshold=np.append(pool.threshold, threshold),
        max_ltv=np.append(pool.max_ltv, threshold * room),
        slippage=(*pool.slippage, Slippage()),
    )


def _pool(
    found: CollateralAnswer, asked: CollateralSection, table: CollateralPoolTable
) -> CollateralPool:
    study, bar = found.answer.study, found.answer.panel.bar
    rows = found.schedule.set_index("collateral").loc[list(asked.accepted)]
    factor = table.close_factor_fraction
    whole = terms.mechanism_of(study.oracle, study.liquidation, study.liquidity, bar)
    rule = CloseOutRule.FULL if factor == 1.0 else CloseOutRule.CLOSE_FACTOR
    closing = replace(whole.close_out, rule=rule, level=factor)
    return CollateralPool(
        asked.accepted,
        rows["threshold"].to_numpy(dtype=np.float64),
        rows["max_ltv"].to_numpy(dtype=np.float64),
        asked.sale_bonus_fraction,
        tuple(crash_slippage(found.answer)),
        Mechanism(whole.oracle, whole.delay, Slippage(), closing),
        table.seizure,
    )


def _least_power(shares: Array, target: float) -> float:
    """Power at which a share that falls along `POWERS` meets a target, between those tried."""
    met = np.flatnonzero(~(shares > target))
    if met.size == 0:
        return math.inf
    at = int(met[0])
    if at == 0:
        return POWERS[0]
    above, below = float(shares[at - 1]), float(shares[at])
    if not math.isfinite(below):
        return POWERS[at]
    way = (above - target) / (above - below)
    return POWERS[at - 1] + way * (POWERS[at] - POWERS[at - 1])
