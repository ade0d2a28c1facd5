"""Replay of named crashes: the margin in force against the loss that came, as a ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from riskkit.errors import InputError
from riskkit.validation.markets import CrashMarket as CrashMarket


@dataclass(frozen=True)
class Event:
    """A named crash.

    Attributes
    ----------
    name : str
    first, last : Timestamp
        First and last day (UTC), both included.
    market : CrashMarket
    what : str
        What happened, in a few words.
    """

    name: str
    first: pd.Timestamp
    last: pd.Timestamp
    market: CrashMarket
    what: str


def _event(name: str, first: str, last: str, market: CrashMarket, what: str) -> Event:
    return Event(name, pd.Timestamp(first, tz="UTC"), pd.Timestamp(last, tz="UTC"), market, what)


EVENTS: tuple[Event, ...] = (
    _event("1987-10", "1987-10-16", "1987-10-26", CrashMarket.EQUITY, "Black Monday"),
    _event("1991-01", "1991-01-17", "1991-01-18", CrashMarket.OIL, "first strikes of the Gulf War"),
    _event("2001-09", "2001-09-17", "2001-09-24", CrashMarket.OIL, "demand after the attacks"),
    _event("2008-09", "2008-09-15", "2008-10-15", CrashMarket.EQUITY, "Lehman and the weeks after"),
    _event("2008-12", "2008-11-28", "2009-01-20", CrashMarket.OIL, "collapse of demand"),
    _event(
        "2011-08", "2011-08-04", "2011-08-10", CrashMarket.EQUITY, "downgrade of the United States"
    ),
    _event("2014-11", "2014-11-26", "2014-12-01", CrashMarket.OIL, "OPEC does not cut"),
    _event("2015-08", "2015-08-20", "2015-08-25", CrashMarket.EQUITY, "devaluation in China"),
    _event(
        "2017-09", "2017-09-14", "2017-09-15", CrashMarket.CRYPTO, "exchanges in China to close"
    ),
    _event("2017-12", "2017-12-21", "2017-12-23", CrashMarket.CRYPTO, "first fall from the peak"),
    _event("2018-01", "2018-01-16", "2018-01-17", CrashMarket.CRYPTO, "fear of bans in Asia"),
    _event(
        "2018-02", "2018-02-05", "2018-02-08", CrashMarket.EQUITY, "unwinding of short volatility"
    ),
    _event("2018-11", "2018-11-14", "2018-11-25", CrashMarket.CRYPTO, "hash war of Bitcoin Cash"),
    _event("2018-12", "2018-12-04", "2018-12-26", CrashMarket.EQUITY, "sell-off before Christmas"),
    _event("2019-09", "2019-09-24", "2019-09-26", CrashMarket.CRYPTO, "fall below 10,000 USD"),
    _event("2020-03-12", "2020-03-12", "2020-03-13", CrashMarket.CRYPTO, "Black Thursday"),
    _event(
        "2021-05-19", "2021-05-19", "2021-05-23", CrashMarket.CRYPTO, "deleveraging of May 2021"
    ),
    _event("2022-05", "2022-05-08", "2022-05-12", CrashMarket.CRYPTO, "end of UST and LUNA"),
    _event("2022-06", "2022-06-10", "2022-06-18", CrashMarket.CRYPTO, "Celsius and Three Arrows"),
    _event("2022-11", "2022-11-08", "2022-11-10", CrashMarket.CRYPTO, "end of FTX"),
    _event("2024-08", "2024-08-04", "2024-08-05", CrashMarket.CRYPTO, "unwinding of the yen carry"),
    _event("2025-10-10", "2025-10-10", "2025-10-11", CrashMarket.CRYPTO, "tariffs; depth a tenth"),
)


@dataclass(frozen=True)
class CrashLedger:
    """What a margin did in each event.

    Attributes
    ----------
    rows : DataFrame
        One row per event and side inside the evaluated span: ``event``, ``what``, ``side``,
        ``opened`` (positions, one per row of the backtest in the window), ``breached`` (of them),
        ``worst`` (target of the row with the least cover), ``loss``, ``needed`` and ``margin`` of
        that row, ``covered``, ``excess`` (needed less margin: the shortfall if positive, the
        headroom if negative). Where the table says what was needed at extremes, also
        ``breached_at_extremes`` and ``excess_at_extremes``, the largest.
    outside : tuple of (Event, str)
        Events that the evaluated span does not contain, and why.
    """

    rows: pd.DataFrame = field(repr=False)
    outside: tuple[tuple[Event, str], ...]

    def summary(self) -> pd.Series:
        """Totals over the ledger: opened, breached, events with a breach, largest shortfall."""
        breached = self.rows[~self.rows["covered"].astype(bool)]
        return pd.Series(
            {
                "opened": int(self.rows["opened"].sum()),
                "breached": int(self.rows["breached"].sum()),
                "events": int(self.rows["event"].nunique()),
                "events breached": int(breached["event"].nunique()),
                "largest shortfall": float(breached["excess"].max()) if len(breached) else 0.0,
            }
        )


def crash_ledger(
    table: pd.DataFrame, market: CrashMarket, events: Sequence[Event] = EVENTS
) -> CrashLedger:
    """Replay the events of a market through a backtest.

    Parameters
    ----------
    table : DataFrame
        Rows of a walk-forward backtest: ``side``, ``start`` (bar at whose close the position is
        exposed), ``target``, ``loss``, ``needed``, ``margin``. A row belongs to an
        event if its period (start, target] touches the window. A column ``needed_at_extreme``
        judges close-outs at the adverse extreme of the target bar beside those at its close.
    market : CrashMarket
    events : sequence of Event

    Raises
    ------
    InputError
        If a column is missing or the table is empty.
    """
    missing = {"side", "start", "target", "loss", "needed", "margin"} - set(table.columns)
    if missing or table.empty:
        raise InputError(
            "table",
            f"{len(table)} rows without {sorted(missing)}" if missing else "no rows",
            "must be the table of a backtest",
            "Pass the table of riskkit.validation.backtest",
        )
    starts, targets = pd.DatetimeIndex(table["start"]), pd.DatetimeIndex(table["target"])
    first, last = starts.min(), targets.max()
    rows, outside = [], []
    for event in (e for e in events if e.market is market):
        end = event.last + pd.Timedelta(days=1)  # the last day counts to its end
        if not (first <= event.first and event.last <= last):
            outside.append((event, f"not within {first:%Y-%m-%d} to {last:%Y-%m-%d}"))
            continue
        inside = table.take(np.flatnonzero((targets >= event.first) & (starts < end)))
        if inside.empty:
            outside.append((event, "no row touches it"))
            continue
        for side, part in inside.groupby("side", sort=True):
            excess = part["needed"] - part["margin"]
            worst = part.iloc[int(np.argmax(excess.to_numpy()))]
            inside_bars: dict[str, object] = {}
            if AT_EXTREME in part:
                beyond = part[AT_EXTREME] - part["margin"]
                inside_bars = {
                    "breached_at_extremes": int((beyond > 0.0).sum()),
                    "excess_at_extremes": float(beyond.max()),
                }
            rows.append(
                {
                    "event": event.name,
                    "what": event.what,
                    "side": str(side),
                    "opened": len(part),
                    "breached": int((excess > 0.0).sum()),
                    "worst": worst["target"],
                    "loss": float(worst["loss"]),
                    "needed": float(worst["needed"]),
                    "margin": float(worst["margin"]),
                    "covered": bool(excess.max() <= 0.0),
                    "excess": float(excess.max()),
                    **inside_bars,
                }
            )
    columns = _COLUMNS + (_AT_EXTREMES if AT_EXTREME in table else [])
    return CrashLedger(pd.DataFrame(rows, columns=columns), tuple(outside))


AT_EXTREME = "needed_at_extreme"
_AT_EXTREMES = ["breached_at_extremes", "excess_at_extremes"]


_COLUMNS = [
    "event",
    "what",
    "side",
    "opened",
    "breached",
    "worst",
    "loss",
    "needed",
    "margin",
    "covered",
    "excess",
]
