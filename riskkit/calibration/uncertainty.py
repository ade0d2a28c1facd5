"""Parameter uncertainty: the model refitted to histories that it could have produced.

A residual bootstrap: the fitted recursion is run with its own residuals resampled, refitted, and
the refitted parameters filter the real returns to today's volatility. Unlike draws from the
asymptotic law it stays valid at the boundary (alpha + beta = 1), where crypto sits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.returns import Returns
from riskkit.paths.model import PathModel, Shocks
from riskkit.paths.simulate import run_recursion
from riskkit.paths.start import Start
from riskkit.volatility.filtering import filter_returns
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.result import VolatilityFit


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
    assert model.residuals is not None
    rng = np.random.default_rng(seed)
    start = Start.measured(float(fit.sigma.iloc[0]))
    fits = []
    if draws == 0:
        return BootstrapRefits((), 0)
    shocks = np.stack([rng.choice(model.residuals, size=fit.nobs) for _ in range(draws)])
    moves, _ = run_recursion(model, start, shocks)  # all draws at once: the loop is over bars
    for path in moves:
        history = pd.Series(np.diff(path, prepend=0.0), index=fit.sigma.index)
        try:
            refit = fit_volatility(history, fit.spec)
        except InputError:
            continue
        if not refit.health.healthy or refit.fallbacks:
            continue
        today = filter_returns(refit, returns.values)
        if not np.isfinite(today.next_sigma):
            continue
        fits.append(
            replace(
                refit,
                sigma=today.sigma,
                residuals=today.residuals,
                next_sigma=today.next_sigma,
                slow=today.slow,
                origin=fit.origin,
            )
        )
    return BootstrapRefits(tuple(fits), draws - len(fits))
