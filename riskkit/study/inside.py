"""What a study sees of the inside of a bar: its closes, or what it touched and where that fills."""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.history import PriceHistory
from riskkit.market.ranges import log_ranges
from riskkit.market.returns import ACROSS_HOLE, Returns, log_returns
from riskkit.paths.inside import Across, Fill, Ranges
from riskkit.study.study import Study

#: Share of bars without a range from which it is said.
WORTH_SAYING = 0.01


def watches_extremes(study: Study, history: PriceHistory) -> bool:
    """Whether triggers are looked for at the extremes of a bar: where there are any, if left out.

    Raises
    ------
    InputError
        If the study asks for extremes, or for a fill at one, and the prices have closes only.
    """
    asked, fill = study.liquidation.trigger, study.liquidation.fill
    if asked == "close":
        return False
    if not history.has_extremes:
        key = "liquidation.trigger" if asked == "extreme" else "liquidation.fill"
        if asked == "extreme" or fill not in (None, Fill.CLOSE):
            raise InputError(
                key,
                str(asked or fill),
                "needs a high and a low in every bar, and these prices have closes only",
                f'Give prices with highs and lows, or set {key} = "close"',
            )
        return False
    return True


def ranges_of(study: Study, history: PriceHistory, returns: Returns | None = None) -> Ranges | None:
    """What a study knows of its bars beside their closes; None where it is nothing.

    Raises
    ------
    InputError
        As `watches_extremes`.
    """
    found = log_returns(history) if returns is None else returns
    across = across_holes(found) if study.model.holes != "left-out" else None
    watched = watches_extremes(study, history)
    if across is None and not watched:
        return None
    table = log_ranges(history, found) if watched else None
    fill = study.liquidation.fill
    return Ranges(table, Fill.EXTREME if fill is None else fill, across)


def across_holes(returns: Returns) -> Across | None:
    """The returns across holes that are no returns of one bar; None if there are none."""
    rows = returns.excluded[returns.excluded["reason"] == ACROSS_HOLE]
    if rows.empty:
        return None
    target, origin = pd.DatetimeIndex(rows["target"]), pd.DatetimeIndex(rows["origin"])
    span = np.asarray((target - origin) / returns.bar, dtype=np.float64)
    return Across(
        target,
        rows["log_return"].to_numpy(dtype=np.float64),
        np.maximum(span, 1.0),
    )


def reranged(study: Study, ranges: Ranges | None) -> Ranges | None:
    """The same bars as another study sees them."""
    if ranges is None:
        return None
    table = None if study.liquidation.trigger == "close" else ranges.table
    across = None if study.model.holes == "left-out" else ranges.across
    if table is None and across is None:
        return None
    fill = study.liquidation.fill
    return Ranges(table, Fill.EXTREME if fill is None else fill, across)


def inside_words(ranges: Ranges | None) -> str:
    """What is seen of the inside of a bar, and where a close-out is filled."""
    if ranges is None or not ranges.watched:
        return "closes only: moves within a bar are not seen, which understates both targets"
    where = {
        Fill.CLOSE: "at the close",
        Fill.MIDPOINT: "half-way from the close to the adverse extreme",
        Fill.EXTREME: "at the adverse extreme",
    }[ranges.fill]
    assert ranges.table is not None  # where extremes are watched
    count, none = len(ranges.table), ranges.rangeless
    missing = f"; {none:,} of {count:,} bars have no range: what they touched is not known"
    return (
        "trigger at a bar's adverse extreme, resampled together with its close; close-outs filled "
        f"{where} of the bar that executes them{missing if none > WORTH_SAYING * count else ''}"
    )
