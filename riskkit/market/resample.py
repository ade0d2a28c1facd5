"""Longer bars out of shorter ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.calendar import Calendar
from riskkit.market.history import PriceHistory
from riskkit.market.quality import inspect_quality
from riskkit.units import bars_per_year, duration, parse_duration

DAY, WEEK = pd.Timedelta(days=1), pd.Timedelta(days=7)
RULES = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}


def resample(
    history: PriceHistory, bar: str | pd.Timedelta, *, missing_allowed: int = 0
) -> PriceHistory:
    """Resample to longer bars that begin at midnight UTC (weeks on Monday), stamped at their open.

    Open is the first bar's, high the highest, low the lowest, close the last bar's, volume the sum.
    A long bar that lacks more than ``missing_allowed`` of its bars, the first and the last of the
    history among them, is left out and named in the provenance: its extremes are not known.
    Extremes are kept where the history has them; a series of closes alone gives closes alone.

    Parameters
    ----------
    history : PriceHistory on the around-the-clock calendar
    bar : str or Timedelta
        A multiple of the history's bar that divides a day, a number of days, or weeks.
    missing_allowed : int
        Bars a long bar may lack; a bar that lacks its last one is left out nonetheless, for
        its close would be an earlier one's.

    Raises
    ------
    InputError
        If the bar is no such multiple, the calendar has sessions, or nothing whole is left.

    Examples
    --------
    >>> import riskkit
    >>> history = riskkit.load_prices("data/btc_usd_hourly.csv")
    >>> str(riskkit.resample(history, "4h").bar)
    '0 days 04:00:00'
    """
    length = parse_duration(bar, "bar")
    if history.calendar is not Calendar.ALWAYS:
        raise InputError(
            "history",
            history.asset,
            "only around-the-clock series are resampled (sessions differ in length)",
            "Load the longer bars from a file",
        )
    if length % history.bar or (length < DAY and DAY % length) or (length > DAY and length % DAY):
        raise InputError(
            "bar",
            duration(length),
            f"must be a multiple of {duration(history.bar)} that divides a day, or whole days",
            "Ask for 4h, 1d or 7d",
        )
    anchor = pd.Timestamp("1970-01-05" if length % WEEK == pd.Timedelta(0) else "1970-01-01")
    times = pd.DatetimeIndex(history.bars.index)
    steps = (times.tz_localize(None) - anchor) // length
    starts = anchor.to_datetime64() + steps.to_numpy() * length.to_timedelta64()
    opens = pd.DatetimeIndex(starts, tz="UTC", name="time").as_unit("us")
    groups = history.bars.groupby(opens)
    rules = {c: rule for c, rule in RULES.items() if c in history.bars.columns}
    bars = groups.agg(rules)[list(history.bars.columns)]
    due = int(length / history.bar)
    lacking = due - groups.size()
    ends = pd.Series(times, index=opens).groupby(level=0).last()
    early = ends.to_numpy() != (pd.DatetimeIndex(bars.index) + (length - history.bar)).to_numpy()
    out = (lacking > missing_allowed).to_numpy() | early
    if bool(out.all()):
        raise InputError(
            "bar",
            duration(length),
            f"no bar of this length is whole in {len(history)} bars",
            "Ask for a shorter bar, or allow missing ones",
        )
    dropped = tuple(
        (bars.index[i].isoformat(), f"{lacking.iloc[i]} of {due} bars missing")
        for i in np.flatnonzero(out).tolist()
    )
    bars = bars[~out]
    provenance = replace(history.provenance, dropped=history.provenance.dropped + dropped)
    return replace(
        history,
        bars=bars,
        bar=length,
        bars_per_year=bars_per_year(length, history.calendar.days_per_year),
        provenance=provenance,
        quality=inspect_quality(bars, length, history.calendar),
    )
