"""How much wider each side's tail is than sigma says, at every bar of a history."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.paths.memory import OwnSideMemory, column_of
from riskkit.position import Side
from riskkit.volatility.filtering import filter_returns
from riskkit.volatility.result import VolatilityFit

Array = npt.NDArray[np.float64]


def side_factors(
    fit: VolatilityFit,
    returns: pd.Series | pd.DataFrame,
    memory: OwnSideMemory | None,
    bars: int,
) -> dict[Side, Array]:
    """Scale of sigma for either side, shape (n + 1,): number t from the returns before bar t.

    Parameters
    ----------
    fit : VolatilityFit
        Its residuals say what is of usual size.
    returns : Series of log returns indexed by target, or a table of them, length n
        Old ones, new ones or both, as `filter_returns` takes them.
    memory : OwnSideMemory or None
        Ones without it.
    bars : int
        Of the period ahead.
    """
    if memory is None:
        return {side: np.ones(len(returns) + 1) for side in Side}
    residuals = filter_returns(fit, returns).residuals.to_numpy(dtype=np.float64)
    unit = 1.0 if fit.borrowed is not None else fit.residuals.to_numpy(dtype=np.float64).std()
    states = memory.states(residuals / unit)
    return {side: memory.factor(states[:, column_of(side)], bars) for side in Side}
