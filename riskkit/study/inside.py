"""What a study sees of the inside of a bar: its closes, or what it touched and where that fills."""

from __future__ import annotations

from riskkit.errors import InputError
from riskkit.market.history import PriceHistory
from riskkit.market.ranges import log_ranges
from riskkit.market.returns import Returns, log_returns
from riskkit.paths.inside import Fill, Ranges
from riskkit.study.study import Study


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
    """Ranges of the bars behind a study's returns, with its fill; None where it sees closes only.

    Raises
    ------
    InputError
        As `watches_extremes`.
    """
    if not watches_extremes(study, history):
        return None
    fill = study.liquidation.fill
    found = log_ranges(history, log_returns(history) if returns is None else returns)
    return Ranges(found, Fill.EXTREME if fill is None else fill)


def reranged(study: Study, ranges: Ranges | None) -> Ranges | None:
    """The same bars as another study sees them."""
    if ranges is None or study.liquidation.trigger == "close":
        return None
    fill = study.liquidation.fill
    return Ranges(ranges.table, Fill.EXTREME if fill is None else fill)


def inside_words(ranges: Ranges | None) -> str:
    """What is seen of the inside of a bar, and where a close-out is filled."""
    if ranges is None:
        return "closes only: moves within a bar are not seen, which understates both targets"
    where = {
        Fill.CLOSE: "at the close",
        Fill.MIDPOINT: "half-way from the close to the adverse extreme",
        Fill.EXTREME: "at the adverse extreme",
    }[ranges.fill]
    return (
        "trigger at a bar's adverse extreme, resampled together with its close; close-outs filled "
        f"{where} of the bar that executes them"
    )
