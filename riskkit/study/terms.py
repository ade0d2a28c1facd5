"""A study's venue as the mechanism runs it: times in bars, rates per bar, converted here only."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from riskkit.errors import InputError
from riskkit.study import venue
from riskkit.study.rule import RuleSection
from riskkit.units import BarCount, count_bars
from riskkit.venue.mechanism import CloseOut, CloseOutRule, Mechanism, Slippage, SlippageLaw
from riskkit.venue.oracle import ConditionalLag, Lag, Oracle
from riskkit.venue.rule import PublishedRule

DEVIATION, BONUS = "oracle.deviation_fraction", "position.bonus_fraction"  # as errors name them


def slippage(liquidity: venue.LiquidityTable) -> Slippage:
    """What closing out costs, as a law over the value closed."""
    match liquidity:
        case venue.FlatLiquidity():
            return Slippage(SlippageLaw.FLAT, liquidity.rate_fraction)
        case venue.LinearLiquidity():
            return Slippage(SlippageLaw.LINEAR, liquidity.rate_fraction, liquidity.depth_notional)
        case venue.SquareRootLiquidity():
            rate, depth = liquidity.rate_fraction, liquidity.depth_notional
            return Slippage(SlippageLaw.SQUARE_ROOT, rate, depth)
        case venue.LadderLiquidity():
            levels = zip(liquidity.notional, liquidity.cost_fraction, strict=True)
            return Slippage(SlippageLaw.LADDER, ladder=tuple(levels))


def close_out(liquidation: venue.LiquidationTable) -> CloseOut:
    """How much one liquidation closes, and no more than what in a bar."""
    cap = liquidation.largest_notional_per_bar
    largest = math.inf if cap is None else cap
    match liquidation:
        case venue.FullLiquidation():
            return CloseOut(largest_per_bar=largest)
        case venue.CloseFactorLiquidation():
            factor = liquidation.close_factor_fraction
            return CloseOut(CloseOutRule.CLOSE_FACTOR, factor, largest)
        case venue.RestoreLiquidation():
            return CloseOut(CloseOutRule.RESTORE, liquidation.restored_ratio, largest)


def lag(table: venue.LagTable, bar: pd.Timedelta) -> Lag:
    """A lag in bars, every duration rounded up."""
    if isinstance(table, venue.ConstantLagTable):
        return _bars(table.seconds, bar)
    return ConditionalLag(
        calm=_law(table.calm_seconds, table.calm_probability, bar),
        stressed=_law(table.stressed_seconds, table.stressed_probability, bar),
        move=table.stressed_move_fraction,
        halt_probability=table.halt_probability,
        halt_bars=_bars(table.halt_seconds, bar),
    )


def longest(table: venue.LagTable, bar: pd.Timedelta) -> BarCount:
    """The longest a lag can be, a halt included; the lag and the halt round up on their own."""
    if isinstance(table, venue.ConstantLagTable):
        return count_bars(pd.Timedelta(seconds=table.seconds), bar)
    drawn = max(*table.calm_seconds, *table.stressed_seconds)
    bars = _bars(drawn, bar) + _bars(table.halt_seconds, bar)
    return BarCount(bars, pd.Timedelta(seconds=table.longest_seconds), bar)


def funding_per_bar(position: venue.PerpetualPosition, bars_per_year: float) -> float:
    """What a long pays each bar, a fraction of current notional."""
    return position.funding_fraction_per_year / bars_per_year


def interest_per_bar(position: venue.LoanPosition, bars_per_year: float) -> float:
    """Growth of the debt each bar, so that a year of bars compounds to the yearly rate."""
    growth: float = (1.0 + position.interest_fraction_per_year) ** (1.0 / bars_per_year)
    return growth - 1.0


def carry_per_bar(position: venue.PositionTable, bars_per_year: float) -> float:
    """Funding or interest, whichever the position has."""
    if isinstance(position, venue.LoanPosition):
        return interest_per_bar(position, bars_per_year)
    return funding_per_bar(position, bars_per_year)


def mechanism_of(
    oracle: venue.OracleSection,
    liquidation: venue.LiquidationTable,
    liquidity: venue.LiquidityTable,
    bar: pd.Timedelta,
) -> Mechanism:
    """How the venue watches and closes a position, its times in bars."""
    return Mechanism(
        Oracle(lag(oracle.latency, bar), deviation_of(oracle)),
        lag(liquidation.delay, bar),
        slippage(liquidity),
        close_out(liquidation),
    )


def is_simple(
    position: venue.PositionTable,
    oracle: venue.OracleSection,
    liquidation: venue.LiquidationTable,
    liquidity: venue.LiquidityTable,
) -> bool:
    """Whether the walk over barriers answers: in full, at one cost, after fixed lags, no carry."""
    lags = (oracle.latency, liquidation.delay)
    return (
        close_out(liquidation) == CloseOut()
        and isinstance(liquidity, venue.FlatLiquidity)
        and all(isinstance(table, venue.ConstantLagTable) for table in lags)
        and carry_per_bar(position, 1.0) == 0.0
    )


def flat_cost(liquidity: venue.LiquidityTable) -> float:
    """The cost of a close-out where it is the same for every size.

    Raises
    ------
    InputError
        If it grows with size.
    """
    if isinstance(liquidity, venue.FlatLiquidity):
        return liquidity.rate_fraction
    raise InputError(
        "liquidity.kind",
        liquidity.kind,
        "must be flat here: a margin formula in closed form needs one cost for every size",
        "Give the cost of a close-out of the position's own size as a flat rate",
    )


def deviation_of(oracle: venue.OracleSection) -> float:
    """How far from the price on display the market must be for the oracle to publish."""
    return oracle.deviation_fraction


def penalty_of(position: venue.PositionTable) -> float:
    """What a close-out takes beside slippage, a fraction of the notional closed; 0 for a loan."""
    return position.penalty_fraction if isinstance(position, venue.PerpetualPosition) else 0.0


def bonus_of(position: venue.PositionTable) -> float:
    """What a liquidator takes beyond the debt he repays, a fraction of it; 0 for a perpetual."""
    return position.bonus_fraction if isinstance(position, venue.LoanPosition) else 0.0


def margin_rule(rule: RuleSection, bar: pd.Timedelta, *, window: int, cost: float) -> PublishedRule:
    """A study's rule with its times in bars, each rounded up.

    Parameters
    ----------
    window : int
        Bars from the one that jumps the trigger to execution.
    cost : float
        Of closing out, a fraction of notional.
    """
    change = rule.greatest_change_fraction
    return PublishedRule(
        multiple=rule.multiple,
        window=window,
        cost=cost,
        interval=max(_bars(rule.interval_seconds, bar), 1),
        notice=_bars(rule.notice_seconds, bar),
        greatest_change=math.inf if change is None else change,
        staleness=max(_bars(rule.staleness_seconds, bar), 1),
        fallback=rule.fallback_fraction,
        cap=rule.cap_fraction,
        raises=rule.raises,
        floor=rule.floor_fraction,
        smoothing=pd.Timedelta(seconds=rule.smoothing_seconds) / bar,
        memory=rule.memory_weight_fraction,
    )


def _bars(seconds: float, bar: pd.Timedelta) -> int:
    return count_bars(pd.Timedelta(seconds=seconds), bar).bars


def _law(
    seconds: Sequence[float], chances: Sequence[float], bar: pd.Timedelta
) -> tuple[float, ...]:
    """Chances of 0, 1, 2, … bars: lags that round up to the same bar add up."""
    bars = [_bars(value, bar) for value in seconds]
    law = np.zeros(max(bars) + 1)
    np.add.at(law, bars, chances)
    return tuple(float(chance) for chance in law)
