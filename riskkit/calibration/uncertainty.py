"""Parameter uncertainty: the model refitted to histories that it could have produced.

A residual bootstrap: the fitted recursion is run with its own residuals resampled, refitted, and
the refitted parameters filter the real returns to today's volatility. Unlike draws from the
asymptotic law it stays valid at the boundary (alpha + beta = 1), where crypto sits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.measures import MEASURE
from riskkit.market.returns import LOG_RETURN, Returns
from riskkit.paths.model import PathModel, Shocks
from riskkit.paths.simulate import run_recursion
from riskkit.paths.start import Start
from riskkit.volatility.filtering import filter_returns
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.walk import observed_by


@dataclass(frozen=True)
class BootstrapRefits:
    """Bootstrap refits, each with sigma and residuals of the real returns; and how many failed."""

    fits: tuple[VolatilityFit, ...]
    failed: int


def bootstrap_refits(
    fit: VolatilityFit, returns: Returns, *, draws: int, seed: int
) -> BootstrapRefits:
    """Refit the model to ``draws`` histories resampled from its own residuals.

    A refit that is unhealthy or falls back to another model is left out and counted.
    """
    model = PathModel.from_fit(fit, Shocks.FILTERED)
    rng = np.random.default_rng(seed)
    sigma = fit.sigma.to_numpy(dtype=np.float64)
    level = float(sigma[0])
    if fit.season is not None:
        seasons = fit.season.at(pd.DatetimeIndex(fit.sigma.index))
        model, level = replace(model, seasons=seasons), level / float(np.sqrt(seasons[0]))
    start = Start.measured(level)
    fits = []
    if draws == 0:
        return BootstrapRefits((), 0)
    residuals = model.residuals
    assert residuals is not None
    rows = np.stack([rng.choice(residuals.size, size=fit.nobs) for _ in range(draws)])
    # All draws at once: the loop is over bars.
    moves, sigmas = run_recursion(model, start, residuals[rows])
    of_row = None if fit.measured is None else _measure(fit) / np.square(sigma)
    for path, drawn, varied in zip(moves, rows, sigmas, strict=True):
        moved = pd.Series(np.diff(path, prepend=0.0), index=fit.sigma.index, name=LOG_RETURN)
        history: pd.Series | pd.DataFrame = moved
        if of_row is not None:  # a row brings its range with it
            history = moved.to_frame().assign(**{MEASURE: of_row[drawn] * np.square(varied)})
        try:
            refit = fit_volatility(history, fit.spec)
        except InputError:
            continue
        if not refit.health.healthy or refit.fallbacks:
            continue
        today = filter_returns(refit, observed_by(returns, fit.spec))
        if not np.isfinite(today.next_sigma):
            continue
        fits.append(
            replace(
                refit,
                sigma=today.sigma,
                residuals=today.residuals,
                next_sigma=today.next_sigma,
                slow=today.slow,
                known=fit.known,
                origin=fit.origin,
            )
        )
    return BootstrapRefits(tuple(fits), draws - len(fits))


def _measure(fit: VolatilityFit) -> npt.NDArray[np.float64]:
    assert fit.known is not None  # every combined fit keeps its bars
    return fit.known[MEASURE].to_numpy(dtype=np.float64)
