"""The grid that stamps lie on: bar length, stamps off it, and the calendar they suggest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import DataError
from riskkit.market.calendar import Calendar, hole_before
from riskkit.units import duration, parse_duration

SECOND, HOUR, DAY = pd.Timedelta(seconds=1), pd.Timedelta(hours=1), pd.Timedelta(days=1)
OFF_GRID = 0.1
"""Share of stamps off the grid above which there is no grid."""
SUMMER_TIME = 0.05
"""Share of stamps an hour apart from the others that a change of clocks explains."""
RARE_DAY = 0.5
"""A day of the week with fewer than this share of the usual day's bars is not a trading day."""
MANY_HOLES = 0.1


def bar_length(index: pd.DatetimeIndex, bar: str | pd.Timedelta | None) -> pd.Timedelta:
    """The bar's length: as given, or the most frequent distance of two stamps.

    Raises
    ------
    DataError
        If a given length contradicts the stamps, or the distance found is no bar's: it neither
        divides a day nor is a number of days, as happens to stamps that lost digits.
    """
    gaps = pd.Series(index[1:] - index[:-1])
    usual = gaps.mode().iloc[0]
    if bar is None:
        if usual % DAY if usual > DAY else DAY % usual:
            raise DataError(
                "time",
                f"{index[0].isoformat()}, {index[1].isoformat()}, … most often {usual} apart",
                "stamps must lie on one grid, and bars divide a day or are whole days",
                "Check whether the stamps lost digits (1.62510E+12 in a spreadsheet) and export "
                "them in full; or give the true bar length as bar",
            )
        return usual
    length = parse_duration(bar, "bar")
    if gaps.min() < length:
        raise DataError(
            "bar",
            duration(length),
            f"no two stamps may be closer than one bar (found {duration(gaps.min())})",
            f"Give the true bar length, most likely '{duration(usual)}'",
        )
    if gaps.min() > length:
        raise DataError(
            "bar",
            duration(length),
            f"some stamps must lie one bar apart; the closest lie {duration(gaps.min())} apart",
            f"Leave it out, or give '{duration(usual)}'",
        )
    return length


def off_grid(index: pd.DatetimeIndex, bar: pd.Timedelta) -> npt.NDArray[np.bool_]:
    """Which stamps lie off the grid of the others, shape (n,).

    The grid counts bars (days, for longer bars) from midnight UTC, at the offset most stamps have;
    an hour beside it is a change of clocks if enough stamps lie there.

    Raises
    ------
    DataError
        If more than a tenth of the stamps lie off every grid.
    """
    step = min(bar, DAY)
    phase = pd.Series((index - index.normalize()) % step)
    share = phase.value_counts(normalize=True)
    usual = share.index[0]
    on = phase == usual
    if step > HOUR:
        for clock in ((usual + HOUR) % step, (usual - HOUR) % step):
            if share.get(clock, 0.0) >= SUMMER_TIME:
                on |= phase == clock
    off: npt.NDArray[np.bool_] = ~on.to_numpy(dtype=bool)
    if off.mean() > OFF_GRID:
        shown = ", ".join(t.isoformat() for t in index[off][:3])
        raise DataError(
            "time",
            f"{shown} and {int(off.sum()) - 3:,} more" if off.sum() > 3 else shown,
            f"stamps must lie on one grid of {duration(bar)}; {off.mean():.0%} of them lie off it",
            "Check whether the stamps lost digits; prices read at uneven times must be resampled "
            "to bars first",
        )
    return off


def refuse_close_stamps(index: pd.DatetimeIndex, bar: pd.Timedelta) -> None:
    """Stamps just before the next bar (23:59:59.999) are closes: every date would be a bar late."""
    short = (-(index - index.normalize())) % bar
    late = (short > pd.Timedelta(0)) & (short <= min(SECOND, bar / 60))
    if late.mean() > 0.5:
        example = index[late][0]
        opened = (example + SECOND).floor(bar) - bar
        raise DataError(
            "time",
            example.isoformat(),
            f"stamps must be bar opens; these lie just before the next bar of {duration(bar)}, "
            "as closing times do",
            f"Use the file's open time, or shift the stamps: that bar opened at {opened}",
        )


def guess_calendar(index: pd.DatetimeIndex, bar: pd.Timedelta) -> tuple[Calendar, tuple[str, ...]]:
    """The calendar by the weight of each day of the week, and words where the guess is not plain.

    Bars of a day or longer that leave out a day of the week are of sessions. A day counts if it has
    half as many bars as the usual day: one special Saturday makes no market open around the clock.
    """
    if bar < DAY or index[-1] - index[0] <= 14 * DAY:
        return Calendar.ALWAYS, _doubt(index, bar, Calendar.ALWAYS)
    weights = np.bincount(index.day_of_week, minlength=7)
    if bar >= 2 * DAY:
        sessions = bool(weights[5:].sum() < RARE_DAY * SUMMER_TIME * len(index))
    else:
        sessions = bool((weights < RARE_DAY * np.median(weights[weights > 0])).any())
    found = Calendar.SESSIONS if sessions else Calendar.ALWAYS
    return found, _doubt(index, bar, found)


def _doubt(index: pd.DatetimeIndex, bar: pd.Timedelta, found: Calendar) -> tuple[str, ...]:
    say = "set calendar in a study if it is not so"
    if found is Calendar.SESSIONS:
        weekend = index[index.day_of_week >= 5]
        if not len(weekend):
            return ()
        return (
            f"calendar guessed: sessions, with {len(weekend):,} bar{'s' * (len(weekend) > 1)} on a "
            f"weekend (first {weekend[0].date()}); {say}",
        )
    holes = float(hole_before(index, bar, found).mean())
    if holes <= MANY_HOLES:
        return ()
    return (f"calendar guessed: 24/7, with a hole before {holes:.0%} of the bars; {say}",)
