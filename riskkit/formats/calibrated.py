"""What an exporter needs of a calibration: a few fractions, side-combined, and nothing else.

A venue quotes one number for both sides, so the fractions here are already the larger margin of
long and short, and the smaller threshold.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from riskkit.errors import InputError


@dataclass(frozen=True)
class MarginRung:
    """Margins that a position of one size needs.

    Attributes
    ----------
    notional : float
        Size of the position in quote currency, > 0.
    initial_margin, maintenance_margin : float
        Fractions of current notional.
    """

    notional: float
    initial_margin: float
    maintenance_margin: float


@dataclass(frozen=True)
class CalibratedPerpetual:
    """Margins of a perpetual, as fractions of current notional.

    Attributes
    ----------
    initial_margin, maintenance_margin : float
        ``0 < maintenance_margin <= initial_margin <= 1``, the larger of both sides.
    rungs : tuple of MarginRung
        Margins by position size, from a slippage ladder that the user gave (`with_ladder`).
        Empty: one margin for every size.
    """

    initial_margin: float
    maintenance_margin: float
    rungs: tuple[MarginRung, ...] = ()


@dataclass(frozen=True)
class CalibratedCollateral:
    """Thresholds of a collateral in a lending market, as fractions of its value.

    Attributes
    ----------
    max_ltv, liquidation_threshold : float
        ``0 < max_ltv <= liquidation_threshold < 1``.
    liquidation_bonus : float
        What a liquidator takes beyond the debt repaid, >= 0 (0.05 is 5 %).
    """

    max_ltv: float
    liquidation_threshold: float
    liquidation_bonus: float


@dataclass(frozen=True)
class SlippageLadder:
    """Cost of closing positions of growing size, as the user measured it.

    Attributes
    ----------
    notional : tuple of float
        Position sizes in quote currency, strictly increasing, > 0.
    slippage : tuple of float
        Mean cost of closing a position of that size, as a fraction of its notional.
    """

    notional: tuple[float, ...]
    slippage: tuple[float, ...]


def check_ladder(ladder: SlippageLadder) -> None:
    """Refuse a ladder that no book could have.

    Raises
    ------
    InputError
        If it is empty, holds what is no number, its sizes do not increase, or its costs fall.
    """
    sizes, costs = ladder.notional, ladder.slippage
    if len(sizes) != len(costs) or not sizes:
        rule = "must hold one slippage per notional, and at least one"
        raise InputError("ladder", (len(sizes), len(costs)), rule, "Give pairs")
    if not all(math.isfinite(x) for x in (*sizes, *costs)) or sizes[0] <= 0 or costs[0] < 0:
        raise InputError("ladder", ladder, "must be finite and positive", "Check the rows")
    if any(b <= a for a, b in pairwise(sizes)):
        raise InputError("ladder.notional", sizes, "must increase strictly", "Sort the rows")
    if any(b < a for a, b in pairwise(costs)):
        rule = "must not fall with size"
        raise InputError("ladder.slippage", costs, rule, "Measure a deeper book")


def with_ladder(
    calibrated: CalibratedPerpetual,
    ladder: SlippageLadder,
    margins: Callable[[float], tuple[float, float]],
) -> CalibratedPerpetual:
    """The same calibration with margins by position size.

    Parameters
    ----------
    ladder : SlippageLadder
    margins : callable
        ``(initial, maintenance)`` margin at a slippage: the formula of the calibration itself.

    Raises
    ------
    InputError
        If the ladder's sizes do not increase, or its costs fall with size.
    """
    check_ladder(ladder)
    sizes, costs = ladder.notional, ladder.slippage
    rungs = tuple(MarginRung(n, *margins(s)) for n, s in zip(sizes, costs, strict=True))
    return replace(calibrated, rungs=rungs)


def check_perpetual(calibrated: CalibratedPerpetual) -> None:
    """Refuse margins that no venue could hold."""
    _check_margins("", calibrated.initial_margin, calibrated.maintenance_margin)
    for i, rung in enumerate(calibrated.rungs):
        _check_margins(f"rungs[{i}].", rung.initial_margin, rung.maintenance_margin)


def _check_margins(where: str, initial: float, maintenance: float) -> None:
    if not 0 < initial <= 1:
        rule = "must lie in (0, 1]: venues know no leverage below 1"
        raise InputError(f"{where}initial_margin", initial, rule, "Recalibrate, or do not list")
    if not 0 < maintenance <= initial:
        rule = f"must lie in (0, initial_margin = {initial!r}]"
        raise InputError(f"{where}maintenance_margin", maintenance, rule, "Recalibrate")


def check_collateral(calibrated: CalibratedCollateral) -> None:
    """Refuse thresholds that no venue could hold."""
    threshold, bonus = calibrated.liquidation_threshold, calibrated.liquidation_bonus
    if not 0 < threshold < 1:
        rule = "must lie strictly between 0 and 1"
        raise InputError("liquidation_threshold", threshold, rule, "Recalibrate")
    if not 0 < calibrated.max_ltv <= threshold:
        rule = f"must lie in (0, liquidation_threshold = {threshold!r}]"
        raise InputError("max_ltv", calibrated.max_ltv, rule, "Recalibrate")
    if not 0 <= bonus < math.inf:
        rule = "must be 0 or more, as a fraction (5 % is 0.05)"
        raise InputError("liquidation_bonus", bonus, rule, "Give the excess")
    if threshold * (1 + bonus) > 1:
        rule = f"must be at most 1 / liquidation_threshold - 1 = {1 / threshold - 1:.6g}"
        remedy = "Lower the threshold or the bonus: a liquidation would take more than all"
        raise InputError("liquidation_bonus", bonus, rule, remedy)
