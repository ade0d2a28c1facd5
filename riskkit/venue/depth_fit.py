"""Depth from what was measured: quotes, snapshots of a book, a pool's reserves; with bands.

Quotes of one moment are compared with that moment's own price (the median of its small quotes): a
reference of the day is off by tens of basis points, because the price drifts. Levels are never made
up past the largest quote.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.venue.depth import BeyondLadder, LadderDepth, OrderBookDepth

Array = npt.NDArray[np.float64]

DRAWS = 200
FEWEST = 3


@dataclass(frozen=True)
class BookFit:
    """An order book fitted to snapshots: `OrderBookDepth`, with bands over blocks of time.

    Attributes
    ----------
    depth : OrderBookDepth
        At the median snapshot; an exponent above 1 is taken as 1, and said.
    at_one_percent, exponent : (low, high)
        95 % bands.
    snapshots : int
    capped : bool
        Whether the exponent found was above 1.
    """

    depth: OrderBookDepth
    at_one_percent: tuple[float, float]
    exponent: tuple[float, float]
    snapshots: int
    capped: bool = False


def fit_book(
    distances: npt.ArrayLike, cumulative: npt.ArrayLike, *, blocks: int = 20, seed: int = 1
) -> BookFit:
    """Fit ``D(δ) = D₁ (δ / 1 %) ** b`` to snapshots of cumulative depth.

    Parameters
    ----------
    distances : array_like (levels,)
        From the price, fractions, increasing.
    cumulative : array_like (snapshots, levels)
        Value within each distance, of one side, in the order of time.
    blocks : int
        Of consecutive snapshots that are resampled together for the bands.

    Raises
    ------
    InputError
        If a snapshot falls with distance, or holds no depth.
    """
    x = np.asarray(distances, dtype=np.float64)
    d = np.atleast_2d(np.asarray(cumulative, dtype=np.float64))
    if x.size < 2 or d.shape[1] != x.size or (x <= 0.0).any() or (np.diff(x) <= 0.0).any():
        raise InputError(
            "distances", x.tolist(), "must increase from above 0, one for each level", "Sort them"
        )
    if not (np.isfinite(d).all() and (d > 0.0).all()):
        at = int(np.argmax(~(np.isfinite(d) & (d > 0.0)).all(axis=1)))
        raise InputError(
            "cumulative", at, "a snapshot holds a depth of 0, or none", "Leave such snapshots out"
        )
    if (np.diff(d, axis=1) < 0.0).any():
        at = int(np.argmax((np.diff(d, axis=1) < 0.0).any(axis=1)))
        raise InputError(
            "cumulative", at, "a snapshot's depth falls with distance", "Give cumulative depth"
        )
    slope, level = _lines(np.log(x / 0.01), np.log(d))
    one, exponent = math.exp(float(np.median(level))), float(np.median(slope))
    rng = np.random.default_rng(seed)
    many = min(blocks, len(d))
    parts = np.array_split(np.arange(len(d)), many)
    found = []
    for _ in range(DRAWS):
        rows = np.concatenate([parts[i] for i in rng.integers(0, many, many)])
        found.append((math.exp(float(np.median(level[rows]))), float(np.median(slope[rows]))))
    low, high = np.quantile(np.array(found), [0.025, 0.975], axis=0)
    return BookFit(
        OrderBookDepth(one, min(exponent, 1.0)),
        (float(low[0]), float(high[0])),
        (float(low[1]), float(high[1])),
        len(d),
        exponent > 1.0,
    )


@dataclass(frozen=True)
class QuotesFit:
    """A ladder fitted to quotes.

    Attributes
    ----------
    depth : LadderDepth
    table : DataFrame
        Value of each level, its median slippage with its quartiles, and the quotes behind it.
    left_out : int
        Quotes with no reference near them, or that cost less than nothing by more than 1 %.
    """

    depth: LadderDepth
    table: pd.DataFrame = field(repr=False)
    left_out: int = 0


def fit_quotes(
    time: npt.ArrayLike,
    value: npt.ArrayLike,
    price: npt.ArrayLike,
    *,
    levels: int = 8,
    small: float | None = None,
    within: str = "15min",
    beyond: BeyondLadder = BeyondLadder.SLOPE,
) -> QuotesFit:
    """A ladder from quotes of many sizes and moments.

    Parameters
    ----------
    time : array_like (N,)
        Moments.
    value, price : array_like (N,)
        Value sold, and the average price quoted for it.
    levels : int
        Of the ladder, evenly spaced in logs of the value; each needs three quotes.
    small : float, optional
        Largest value of a quote that serves as reference; the 10 % quantile if not given.
    within : str
        How near in time a reference must be.

    Raises
    ------
    InputError
        If fewer than two levels have quotes.
    """
    table = pd.DataFrame(
        {
            "time": pd.to_datetime(np.asarray(time)),
            "value": np.asarray(value, dtype=np.float64),
            "price": np.asarray(price, dtype=np.float64),
        }
    ).sort_values("time", kind="stable")
    good = np.isfinite(table["value"]) & (table["value"] > 0) & (table["price"] > 0)
    total, table = len(table), table[good]
    edge = float(np.quantile(table["value"], 0.1)) if small is None else small
    few = table[table["value"] <= edge].set_index("time")["price"]
    near = few.rolling(within, center=True).median()
    near = near[~near.index.duplicated()].rename("reference").reset_index()
    joined = pd.merge_asof(
        table, near, on="time", direction="nearest", tolerance=pd.Timedelta(within)
    ).dropna()
    joined = joined[joined["value"] > edge]
    slip = 1.0 - joined["price"] / joined["reference"]
    usable = slip > -0.01
    joined, slip = joined[usable], slip[usable].clip(lower=0.0)
    small_quotes = int((table["value"] <= edge).sum())
    left_out = total - small_quotes - len(joined)
    if joined.empty:
        raise InputError("quotes", total, "hold none with a reference", "Give smaller quotes too")
    bounds = np.geomspace(joined["value"].min(), joined["value"].max() * 1.000001, levels + 1)
    bins = np.digitize(joined["value"], bounds) - 1
    rows = []
    for level in range(levels):
        of = bins == level
        if of.sum() >= FEWEST:
            low, middle, high = np.quantile(slip[of], [0.25, 0.5, 0.75])
            typical = float(np.median(joined["value"][of]))
            rows.append((typical, float(middle), float(low), float(high), int(of.sum())))
    found = pd.DataFrame(rows, columns=["value", "slippage", "low", "high", "quotes"])
    if len(found) < 2:
        raise InputError(
            "quotes", len(joined), "must fill at least two levels with three each", "Give more"
        )
    rising = np.maximum.accumulate(found["slippage"].to_numpy())
    depth = LadderDepth.from_quotes(tuple(found["value"]), tuple(rising), beyond)
    return QuotesFit(depth, found, left_out)


def volatility_elasticity(
    depth: npt.ArrayLike, sigma: npt.ArrayLike, *, blocks: int = 20, seed: int = 1
) -> tuple[float, float, float, float]:
    """Elasticity of depth to volatility, and its 95 % band over blocks of time, with R².

    Returns
    -------
    elasticity, low, high, r2 : float
        Positive where depth falls. One day of one venue is a stress setting, no law.
    """
    y = np.log(np.asarray(depth, dtype=np.float64))
    x = np.log(np.asarray(sigma, dtype=np.float64))
    if x.size != y.size or x.size < 2 * FEWEST or not np.isfinite(x + y).all():
        raise InputError(
            "depth, sigma", (y.size, x.size), "must be positive, of one length", "Drop holes"
        )
    rng = np.random.default_rng(seed)
    parts = np.array_split(np.arange(x.size), min(blocks, x.size // 2))
    found = []
    for _ in range(DRAWS):
        rows = np.concatenate([parts[i] for i in rng.integers(0, len(parts), len(parts))])
        if np.ptp(x[rows]) > 0.0:
            found.append(-float(np.polyfit(x[rows], y[rows], 1)[0]))
    low, high = np.quantile(found, [0.025, 0.975])
    r2 = float(np.corrcoef(x, y)[0, 1] ** 2)
    return -float(np.polyfit(x, y, 1)[0]), float(low), float(high), r2


def _lines(x: Array, y: Array) -> tuple[Array, Array]:
    """Slope and level at 0 of a least-squares line through each row."""
    centred = x - x.mean()
    slope = (y - y.mean(axis=1, keepdims=True)) @ centred / (centred @ centred)
    return slope, y.mean(axis=1) - slope * x.mean()
