"""Residuals of several fits on the bars that all of them have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.volatility.result import VolatilityFit

Array = npt.NDArray[np.float64]

FEWEST_ROWS = 100
"""Common bars below which no dependence is estimated."""


@dataclass(frozen=True)
class JointResiduals:
    """Standardised residuals of the same bars, of fits that are taken as they are.

    Attributes
    ----------
    names : tuple of str
    dates : Index, length T
        Targets that every fit has a residual of.
    values : ndarray, shape (T, N)
        Mean 0 and variance 1 in each column, as resampled shocks are
        (`riskkit.paths.model.PathModel.from_fit`).
    """

    names: tuple[str, ...]
    dates: pd.Index = field(repr=False)
    values: Array = field(repr=False)

    def __len__(self) -> int:
        return len(self.dates)


def joint_residuals(fits: Mapping[str, VolatilityFit]) -> JointResiduals:
    """Residuals of the bars that all fits share.

    Parameters
    ----------
    fits : mapping of str to VolatilityFit
        One for each asset.

    Raises
    ------
    InputError
        If fewer than `FEWEST_ROWS` bars are common to all.
    """
    dates = common_dates(fits)
    columns = [standardised(fit, dates) for fit in fits.values()]
    return JointResiduals(tuple(fits), dates, np.ascontiguousarray(np.stack(columns, axis=1)))


def common_dates(fits: Mapping[str, VolatilityFit]) -> pd.Index:
    """Targets that every fit has a residual of.

    Raises
    ------
    InputError
        If there are fewer than `FEWEST_ROWS`.
    """
    if not fits:
        raise InputError("fits", "none", "must be one or more", "Fit each asset first")
    parts = [fit.residuals.index for fit in fits.values()]
    dates = parts[0]
    for part in parts[1:]:
        dates = dates.intersection(part)
    if len(dates) < FEWEST_ROWS:
        spans = "; ".join(
            f"{name} {fit.residuals.index[0]:%Y-%m-%d} to {fit.residuals.index[-1]:%Y-%m-%d}"
            for name, fit in fits.items()
        )
        raise InputError(
            "assets",
            f"{len(dates)} bars in common",
            f"dependence is estimated on {FEWEST_ROWS} or more bars that all assets have ({spans})",
            "Leave out the asset that began last, or load longer histories",
        )
    return dates


def standardised(fit: VolatilityFit, dates: pd.Index) -> Array:
    """A fit's residuals on some dates, with mean 0 and variance 1."""
    z = fit.residuals.loc[dates].to_numpy(dtype=np.float64)
    return np.asarray((z - z.mean()) / float(z.std()))


def restricted(fit: VolatilityFit, dates: pd.Index) -> VolatilityFit:
    """The fit as the panel sees it: its past volatilities and residuals on common bars only."""
    slow = fit.slow
    if slow is not None:
        slow = np.append(slow[fit.sigma.index.get_indexer(dates)], slow[-1])
    return replace(fit, sigma=fit.sigma.loc[dates], residuals=fit.residuals.loc[dates], slow=slow)
