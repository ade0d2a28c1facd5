"""Log returns with their two dates, without those across holes and around implausible ticks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.market.calendar import Calendar, hole_before
from riskkit.market.history import PriceHistory
from riskkit.market.measures import MEASURE, garman_klass, has_ranges
from riskkit.market.quality import Kind

LOG_RETURN = "log_return"
ACROSS_HOLE = "across a hole"
AROUND_TICK = "around an implausible tick"


@dataclass(frozen=True)
class Returns:
    """Log returns of one asset as fractions per bar.

    Attributes
    ----------
    values : Series
        Log returns; index ``target``: the open of the bar whose close ends the return.
    origin : DatetimeIndex, same length
        The bar whose close starts the return.
    excluded : DataFrame
        Columns ``origin``, ``target``, ``log_return``, ``reason``: what was left out, and why.
    bar, calendar, bars_per_year, asset
        As in `PriceHistory`.
    measure : Series or None
        Variance of each target bar by its range (`riskkit.market.measures`), same index; None
        where only closes are known.

    Examples
    --------
    >>> import riskkit
    >>> returns = riskkit.log_returns(riskkit.load_prices("data/eth_usd_daily.csv"))
    >>> bool((returns.origin < returns.values.index).all())  # from the close before to its own
    True
    """

    values: pd.Series = field(repr=False)
    origin: pd.DatetimeIndex = field(repr=False)
    excluded: pd.DataFrame = field(repr=False)
    bar: pd.Timedelta
    calendar: Calendar
    bars_per_year: float
    asset: str
    measure: pd.Series | None = field(default=None, repr=False)

    @property
    def observed(self) -> pd.Series | pd.DataFrame:
        """The returns with what else their bars show: a table of both, or the returns alone."""
        if self.measure is None:
            return self.values
        return pd.DataFrame({LOG_RETURN: self.values, MEASURE: self.measure})

    @property
    def array(self) -> npt.NDArray[np.float64]:
        """The returns as a contiguous float array, shape (n,)."""
        return np.ascontiguousarray(self.values.to_numpy(dtype=np.float64))

    @property
    def target(self) -> pd.DatetimeIndex:
        """The bar each return speaks of."""
        return pd.DatetimeIndex(self.values.index)

    def __len__(self) -> int:
        return len(self.values)


def log_returns(history: PriceHistory) -> Returns:
    """Log returns of consecutive closes, without those that are no return of the asset.

    A return that spans a hole, or leads into or out of an implausible tick, is excluded and
    counted.

    Parameters
    ----------
    history : PriceHistory with n bars

    At most n - 1 log returns as fractions come back; ``excluded`` holds the others.

    Examples
    --------
    >>> import riskkit
    >>> returns = riskkit.log_returns(riskkit.load_prices("data/eth_usd_daily.csv"))
    >>> bool(returns.values.abs().max() < 1.0)  # fractions per bar
    True
    """
    close = history.close
    times = pd.DatetimeIndex(close.index)
    values = np.diff(np.log(close.to_numpy(dtype=np.float64)))
    across = hole_before(times, history.bar, history.calendar)[1:]
    wild = history.quality.of(Kind.IMPLAUSIBLE)
    into = times[1:].isin([f.start for f in wild])
    out_of = times[:-1].isin([f.end for f in wild])
    around = (into | out_of) & ~across
    left_out = across | around
    keep = ~left_out
    excluded = pd.DataFrame(
        {
            "origin": times[:-1][left_out],
            "target": times[1:][left_out],
            "log_return": values[left_out],
            "reason": np.where(across[left_out], ACROSS_HOLE, AROUND_TICK),
        }
    )
    return Returns(
        values=pd.Series(values[keep], index=times[1:][keep].rename("target"), name=LOG_RETURN),
        origin=times[:-1][keep].rename("origin"),
        excluded=excluded,
        bar=history.bar,
        calendar=history.calendar,
        bars_per_year=history.bars_per_year,
        asset=history.asset,
        measure=_measure(history, keep),
    )


def _measure(history: PriceHistory, keep: npt.NDArray[np.bool_]) -> pd.Series | None:
    if not has_ranges(history):
        return None
    return garman_klass(history).iloc[1:][keep].rename_axis("target")
