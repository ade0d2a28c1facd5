"""Several histories on one calendar, with what each lacks stated; spot joined to perpetual."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.calendar import Calendar
from riskkit.market.history import PriceHistory
from riskkit.units import duration


@dataclass(frozen=True)
class Aligned:
    """Closes of several assets at the same bars.

    Attributes
    ----------
    closes : DataFrame
        Index ``time`` (bar open, UTC), a column per asset; only bars that every asset has.
    holes : DataFrame
        ``asset, start, end, bars``: each run of due bars (first and last lacking) that an asset
        does not have. Such bars are in no row of ``closes``.
    left_out : DataFrame
        ``asset, bars, reason``: bars an asset has which are not due for all (before the common
        span, after it, or at weekends when another asset trades in sessions).
    bar : Timedelta
    calendar : Calendar
        Sessions as soon as one asset has them.
    """

    closes: pd.DataFrame = field(repr=False)
    holes: pd.DataFrame = field(repr=False)
    left_out: pd.DataFrame = field(repr=False)
    bar: pd.Timedelta
    calendar: Calendar


def align(histories: Sequence[PriceHistory]) -> Aligned:
    """Align histories of equal bars on the span and calendar they share.

    Due are all bars of the common span around the clock; with sessions, the bars of any asset
    that trades in sessions. Equal stamps are taken for equal times: a daily close of an exchange
    with sessions is some hours older than one around the clock with the same date.

    Raises
    ------
    InputError
        For fewer than two histories, doubled names, bars of different length or phase, or no
        common span.
    """
    names = [h.asset for h in histories]
    if len(names) < 2 or len(set(names)) < len(names):
        raise InputError(
            "histories", ", ".join(names), "must be two or more, each named once", "Rename one"
        )
    lengths = {duration(h.bar) for h in histories}
    if len(lengths) > 1:
        raise InputError(
            "histories",
            ", ".join(sorted(lengths)),
            "must have bars of one length",
            "Resample the shorter bars first, with riskkit.market.resample",
        )
    start, end = max(h.first for h in histories), min(h.last for h in histories)
    if start > end:
        raise InputError(
            "histories",
            "; ".join(f"{h.asset} {h.first:%Y-%m-%d} to {h.last:%Y-%m-%d}" for h in histories),
            "must share a span of time",
            "Leave out the one that ends before another begins",
        )
    bar, due, calendar = histories[0].bar, *_due(histories, start, end)
    holes, left_out = [], []
    common = due
    for h in histories:
        times = pd.DatetimeIndex(h.bars.index)
        inside = times[(times >= start) & (times <= end)]
        if not len(inside.intersection(due)):
            raise InputError(
                "histories",
                h.asset,
                "must have bars that open at the same moments as the others'",
                "Check the time zone of its stamps, or resample it from shorter bars",
            )
        holes += [(h.asset, *run) for run in _runs(due, ~due.isin(times))]
        left_out += [
            (h.asset, count, reason)
            for count, reason in (
                (len(times) - len(inside), "outside the common span"),
                (len(inside.difference(due)), "not due on the common calendar"),
            )
            if count
        ]
        common = common.intersection(times)
    closes = pd.DataFrame({h.asset: h.close.loc[common] for h in histories})
    return Aligned(
        closes=closes.rename_axis("time"),
        holes=pd.DataFrame(holes, columns=["asset", "start", "end", "bars"]),
        left_out=pd.DataFrame(left_out, columns=["asset", "bars", "reason"]),
        bar=bar,
        calendar=calendar,
    )


def join_spot_perpetual(
    spot: PriceHistory, perpetual: PriceHistory, funding: pd.Series | None = None
) -> pd.DataFrame:
    """Spot and perpetual at the same bars, with basis and funding.

    Parameters
    ----------
    spot, perpetual : PriceHistory
    funding : Series, optional
        Rates as fractions at the moments they were paid (UTC); positive: longs pay.

    Returns
    -------
    DataFrame
        Index ``time``; ``spot``, ``perpetual`` (closes), ``log_basis`` = log(perpetual / spot),
        and with funding ``funding_rate``: the sum of rates paid from the bar's open until just
        before the next (0 where none was due).
    """
    closes = align([replace(spot, asset="spot"), replace(perpetual, asset="perpetual")]).closes
    table = closes.assign(log_basis=np.log(closes["perpetual"] / closes["spot"]))
    if funding is None:
        return table
    paid = funding.groupby(pd.DatetimeIndex(funding.index).floor(spot.bar)).sum()
    return table.assign(funding_rate=paid.reindex(table.index, fill_value=0.0))


def _due(
    histories: Sequence[PriceHistory], start: pd.Timestamp, end: pd.Timestamp
) -> tuple[pd.DatetimeIndex, Calendar]:
    sessions = [h for h in histories if h.calendar is Calendar.SESSIONS]
    if not sessions:
        every = pd.date_range(start, end, freq=histories[0].bar, unit="us", name="time")
        return every, Calendar.ALWAYS
    due = pd.DatetimeIndex(sessions[0].bars.index)
    for h in sessions[1:]:
        due = due.union(pd.DatetimeIndex(h.bars.index))
    return due[(due >= start) & (due <= end)], Calendar.SESSIONS


def _runs(
    due: pd.DatetimeIndex, lacking: npt.NDArray[np.bool_]
) -> Iterator[tuple[pd.Timestamp, pd.Timestamp, int]]:
    """First, last and number of due bars in each run that lacks."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], lacking, [False]))))
    for a, b in edges.reshape(-1, 2).tolist():
        yield due[a], due[b - 1], b - a
