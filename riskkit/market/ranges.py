"""How far each bar ran on the way to its close: what closes alone hide."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.history import PriceHistory
from riskkit.market.returns import Returns
from riskkit.position import Side

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def moves_to_extremes(history: PriceHistory, start: Ints, last: Ints, side: Side) -> Array:
    """Log moves from closes to the adverse extremes of later bars, shape (n,).

    Parameters
    ----------
    start, last : ndarray of int (n,)
        Positions of the bars: exposed at the close of the first, closed out within the last.
    side : Side
        A long is hurt by lows, a short by highs; the close counts as touched.
    """
    close = np.log(history.close.to_numpy(dtype=np.float64))
    worst = np.log(history.bars["low" if side is Side.LONG else "high"].to_numpy(dtype=np.float64))
    touched = side.sign * np.minimum(side.sign * worst, side.sign * close)
    return np.asarray(touched[last] - close[start])


def log_ranges(history: PriceHistory, returns: Returns) -> pd.DataFrame:
    """Log moves from the close before each return to the low and the high of its bar.

    A range holds its bar's close: where a file's does not, it contradicts itself, and the close
    counts as touched (`riskkit.market.quality` names such bars).

    Parameters
    ----------
    returns : Returns
        Of the same history.

    Returns
    -------
    DataFrame
        Index the returns' ``target``; ``low`` at most the return, ``high`` at least.

    Raises
    ------
    InputError
        If the history has no highs and lows.
    """
    if not history.has_extremes:
        raise InputError(
            "liquidation.trigger",
            "extreme",
            "needs a high and a low in every bar, and these prices have closes only",
            'Give prices with highs and lows, or set liquidation.trigger = "close"',
        )
    before = np.log(history.close.loc[returns.origin].to_numpy(dtype=np.float64))
    bars = history.bars.loc[returns.target]
    moves = {
        name: np.log(bars[name].to_numpy(dtype=np.float64)) - before for name in ("low", "high")
    }
    close = returns.values.to_numpy(dtype=np.float64)
    return pd.DataFrame(
        {"low": np.minimum(moves["low"], close), "high": np.maximum(moves["high"], close)},
        index=returns.target,
    )
