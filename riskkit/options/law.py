"""How implied volatility moves with the price: a stated law, or rows of a file of yours.

    change of log IV at 30 days = a + b r + c |r| + noise

No history of implied volatility through a crash is public, so the law is *stated*, and no coverage
is claimed for it: on BTC's volatility index of 2022-11 to 2024-06 (602 days) a -.018, b -.015,
c 1.05, with an R² of .14; the correlation of the change with r was +.04, so that a linear beta of
spot and volatility is wrong in sign and size. With a file the same law is fitted to its rows, and
what it leaves on a day goes with that day's row of returns (`riskkit.options.joint_law`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import DataError, InputError
from riskkit.market.history import PriceHistory
from riskkit.reading import read_rows

Array = npt.NDArray[np.float64]

BASE_DAYS = 30.0
MOST_BYTES = 24_000_000
FEWEST_ROWS = 100


@dataclass(frozen=True)
class VolatilityLaw:
    """A law of implied volatility over one day, at 30 days to expiry.

    Attributes
    ----------
    level, slope, response : float
        a, b and c above, of a day's log return.
    noise : float
        Standard deviation of what is left, a day.
    residuals : ndarray (n,)
        Drawn instead of a normal law, where a file gave them.
    dates : DatetimeIndex (n,)
        Days of the residuals, UTC.
    short_power, long_power : float
        A shock at d days to expiry is (30/d) to this power, below and above 30 days.
    floor_days : float
        Least days to expiry in it.
    evidence : str
    """

    level: float = -0.018
    slope: float = -0.015
    response: float = 1.05
    noise: float = 0.047
    residuals: Array = field(default_factory=lambda: np.empty(0), repr=False)
    dates: pd.DatetimeIndex = field(default_factory=lambda: pd.DatetimeIndex([]), repr=False)
    short_power: float = 0.3
    long_power: float = 0.13
    floor_days: float = 1.0
    evidence: str = "stated, not measured here: no coverage is claimed"

    def __post_init__(self) -> None:
        if not self.noise >= 0.0:
            raise InputError("noise", self.noise, "must not be negative", "Give a fraction a day")
        if not self.floor_days > 0.0:
            raise InputError("floor_days", self.floor_days, "must be positive", "Give days")

    def term(self, days: npt.ArrayLike) -> Array:
        """How much of a shock at 30 days reaches another expiry."""
        d = np.maximum(np.asarray(days, dtype=np.float64), self.floor_days)
        return np.where(
            d < BASE_DAYS, (BASE_DAYS / d) ** self.short_power, (BASE_DAYS / d) ** self.long_power
        )

    def answered(self, returns: Array, days: float, noise: Array) -> Array:
        """Changes of log IV at 30 days with log returns over some days, and noise beside them.

        Parameters
        ----------
        returns, noise : ndarray (M,)
            Over ``days`` days.
        days : float
            The level grows with them; a move that takes several is answered as one.
        """
        return np.asarray(
            self.level * days + self.slope * returns + self.response * np.abs(returns) + noise
        )


def law_of_file(path: str | Path, history: PriceHistory) -> VolatilityLaw:
    """The law of a file of implied volatility: columns ``time, volatility``, of 30 days, daily.

    Least squares of its daily changes on the returns of the same days; what is left is drawn.

    Raises
    ------
    InputError, DataError
        If the file cannot be read, or shares fewer than 100 days with the prices.
    """
    series = _read(Path(path))
    close = history.close.copy()
    close.index = pd.DatetimeIndex(close.index).normalize()
    close = close[~close.index.duplicated(keep="last")]
    joined = pd.concat(
        {"r": np.log(close).diff(), "v": np.log(series).diff()}, axis=1, join="inner"
    ).dropna()
    if len(joined) < FEWEST_ROWS:
        raise InputError(
            "volatility file",
            f"{len(joined)} days in common with the prices",
            f"must share at least {FEWEST_ROWS}",
            "Give a longer file, or leave it out for the stated law",
        )
    r = joined["r"].to_numpy()
    columns = np.column_stack([np.ones_like(r), r, np.abs(r)])
    found, *_ = np.linalg.lstsq(columns, joined["v"].to_numpy(), rcond=None)
    left = joined["v"].to_numpy() - columns @ found
    level, slope, response = (float(x) for x in found)
    worst = math.expm1(float(joined["v"].max()))
    return VolatilityLaw(
        level,
        slope,
        response,
        float(left.std()),
        left,
        pd.DatetimeIndex(joined.index),
        evidence=f"{len(joined)} days of {Path(path).name}; worst {worst:+.0%}",
    )


def _read(path: Path) -> pd.Series:
    _, found = read_rows(path, "volatility file", most=MOST_BYTES, remedy="Write time,volatility")
    rows = [row for _, row in found]
    if not rows or not {"time", "volatility"} <= set(rows[0]):
        raise DataError(
            "volatility file", path.name, "must have the columns time, volatility", "Rename them"
        )
    try:
        times = pd.DatetimeIndex(
            pd.to_datetime([r["time"] for r in rows], utc=True, format="ISO8601")
        ).normalize()
        values = np.array([float(r["volatility"] or "nan") for r in rows])
    except ValueError as error:
        raise DataError(
            "volatility file", str(error), "must hold days and numbers", "Correct it"
        ) from None
    if times.hasnans:
        raise DataError("volatility file", path.name, "must give a day in every row", "Correct it")
    if not (np.isfinite(values) & (values > 0.0)).all():
        raise DataError(
            "volatility file", path.name, "must hold positive numbers", "Write 60 % as 0.6 or 60"
        )
    series = pd.Series(values, index=times).sort_index()
    return series[~series.index.duplicated(keep="last")]
