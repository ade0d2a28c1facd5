"""Prices that may not be the asset's: what a calibration says of them, and what it is without."""

from __future__ import annotations

from dataclasses import replace

from riskkit.errors import InputError
from riskkit.market.history import PriceHistory
from riskkit.market.quality import Finding, Kind, inspect_quality
from riskkit.market.returns import Returns, log_returns


def suspects_of(history: PriceHistory) -> tuple[Finding, ...]:
    """Suspected bad ticks and one-way moves, in order of time."""
    return tuple(f for f in history.quality.findings if f.kind in (Kind.TICK, Kind.ONE_WAY))


def speaking_of(error: InputError, suspects: tuple[Finding, ...]) -> InputError:
    """The error, told of the price that most likely caused it.

    After a one-way move the message is about its day; after suspected ticks the remedy names them.
    """
    moves = [f for f in suspects if f.kind is Kind.ONE_WAY]
    if moves:
        shown = "; ".join(
            f"{f.start.isoformat()}: {f.detail.partition(' in one bar')[0]} in one bar"
            for f in moves[:3]
        )
        more = f" and {len(moves) - 3} more" if len(moves) > 3 else ""
        return InputError(
            "prices",
            shown + more,
            "all prices must be of one asset in one unit (splits and redenominations break them); "
            f"with this move, {error.argument}: {error.rule}",
            f"Rescale or leave out the prices before that day; if the move is true: {error.remedy}",
        )
    if not suspects:
        return error
    rows = ", ".join(f'"{f.start.isoformat()}"' for f in suspects)
    remedy = (
        f"{error.remedy}; or, if these suspected ticks are proven wrong, exclude_rows = [{rows}]"
    )
    return InputError(error.argument, error.value, error.rule, remedy)


def returns_without(history: PriceHistory, suspects: tuple[Finding, ...]) -> Returns:
    """Log returns if the suspected ticks' rows, and the returns of one-way moves, were left out."""
    ticks = [f.start for f in suspects if f.kind is Kind.TICK]
    bars = history.bars.drop(index=ticks)
    quality = inspect_quality(bars, history.bar, history.calendar)
    returns = log_returns(replace(history, bars=bars, quality=quality))
    keep = ~returns.target.isin([f.start for f in suspects if f.kind is Kind.ONE_WAY])
    measure = None if returns.measure is None else returns.measure[keep]
    return replace(
        returns, values=returns.values[keep], origin=returns.origin[keep], measure=measure
    )
