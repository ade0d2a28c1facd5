"""The fits of an expanding window along a history, made once and shared by many backtests.

Models with a compiled likelihood are walked forward: each optimisation starts where a neighbour
stopped, which changes the time and not the likelihood that is maximised. What the walk refuses,
and every other model, is fitted on its own, with its fallbacks and their reasons in full.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.health import Evidence, health_of, run_checks
from riskkit.volatility.persistence import persistence
from riskkit.volatility.presample import presample_variance
from riskkit.volatility.result import FitHealth, VolatilityFit
from riskkit.volatility.running import run_filter, start_variance
from riskkit.volatility.sample import check_returns
from riskkit.volatility.spec import Engine, VolatilitySpec
from riskkit.volatility.walkforward import WindowFits, fit_all
from riskkit.volatility.walktable import PARAMETERS

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Refits:
    """Fits to the first returns of a history, up to each of several positions.

    Attributes
    ----------
    returns : Series or DataFrame
        Log returns by target, all that the fits may see, as `Returns.observed` gives them.
    spec : VolatilitySpec
    positions : ndarray of int, shape (w,)
        Last return each fit has seen, increasing.
    walked : WindowFits or None
        Parameters of all windows; None for a model without a compiled likelihood.
    alone : mapping of int to VolatilityFit
        Fits that were made outside the walk.
    """

    returns: pd.Series | pd.DataFrame = field(repr=False)
    spec: VolatilitySpec
    positions: Indices = field(repr=False)
    walked: WindowFits | None = field(repr=False)
    alone: Mapping[int, VolatilityFit] = field(repr=False)

    def __len__(self) -> int:
        return len(self.positions)

    def at(self, position: int) -> VolatilityFit:
        """The fit whose last return is the one at ``position``; no later return is in it.

        The covariance of the estimates is not computed: no forecast needs it.
        """
        if position in self.alone:
            return self.alone[position]
        row = int(np.searchsorted(self.positions, position))
        assert self.walked is not None  # every fit of the other models is in `alone`
        assert self.positions[row] == position
        assert isinstance(self.returns, pd.Series)  # a walk sees returns alone
        return _assemble(self.returns.iloc[: position + 1], self.spec, self.walked, row)

    def require(
        self, returns: pd.Series | pd.DataFrame, spec: VolatilitySpec, positions: Indices
    ) -> None:
        """Refuse to serve another history, model or rhythm than these fits were made for.

        Raises
        ------
        InputError
            Unless spec and returns are the same and every position has its fit.
        """
        missing = positions[~np.isin(positions, self.positions)]
        same = spec == self.spec and _equal(returns, self.returns)
        if same and missing.size == 0:
            return
        at = returns.index[int(missing[0] if missing.size else positions[0])]
        raise InputError(
            "refits",
            f"none of {spec.name} with origin {at}",
            "must hold every refit of this history, spec and plan",
            "Make them with refit_along, or leave them out",
        )


def _equal(one: pd.Series | pd.DataFrame, other: pd.Series | pd.DataFrame) -> bool:
    if isinstance(one, pd.DataFrame):
        return isinstance(other, pd.DataFrame) and one.equals(other)
    return isinstance(other, pd.Series) and one.equals(other)


def refit_expanding(
    returns: pd.Series | pd.DataFrame, spec: VolatilitySpec, first: int, every: int
) -> Refits:
    """Fit the first ``first`` returns, then more of them, ``every`` at a time.

    Parameters
    ----------
    returns : Series of log returns indexed by target, or a table of them, length n >= first
    first, every : int
        Returns of the first fit, and from one fit to the next.
    """
    return refit_at(returns, spec, np.arange(first - 1, len(returns), every, dtype=np.int64))


def refit_at(returns: pd.Series | pd.DataFrame, spec: VolatilitySpec, positions: Indices) -> Refits:
    """Fit the returns up to each of some positions, increasing.

    Parameters
    ----------
    returns : Series of log returns indexed by target, or a table of them
    positions : ndarray of int
        Last return of each fit.
    """
    sample = check_returns(returns)
    walked, left = None, positions
    if spec.compiled and spec.direct:
        walked = fit_all(sample.values, spec, np.zeros_like(positions), positions + 1)
        left = positions[(walked.fallback != "") | ~walked.healthy]
    alone = {int(k): fit_volatility(returns.iloc[: k + 1], spec) for k in left}
    return Refits(returns, spec, positions, walked, alone)


def _assemble(past: pd.Series, spec: VolatilitySpec, walked: WindowFits, row: int) -> VolatilityFit:
    """A fit from its parameters: filter its own returns, and judge its health again."""
    values = np.array(past, dtype=np.float64)
    by_name = dict(zip(PARAMETERS, walked.params[row].tolist(), strict=True))
    # EWMA estimates none of its recursion, a component model not its omega: filtering needs them.
    names = dict.fromkeys((*spec.parameters, "omega", "alpha", "beta"))
    params = pd.Series({name: by_name[name] for name in names})
    presample = presample_variance(spec, values, by_name["mu"])
    first = start_variance(spec, by_name, presample)
    filtered = run_filter(spec, by_name, values, past.index, first)
    fit = VolatilityFit(
        spec=spec,
        requested=spec,
        params=params,
        covariance={},
        sigma=filtered.sigma,
        residuals=filtered.residuals,
        next_sigma=float(np.sqrt(walked.next_variance[row])),
        origin=filtered.origin,
        loglikelihood=float(walked.loglikelihood[row]),
        health=FitHealth(()),
        fallbacks=(),
        evaluations=int(walked.evaluations[row]),
        engine=Engine.COMPILED,
        presample_variance=presample,
        slow=filtered.slow,
    )
    if walked.health[row] == "healthy":
        return fit
    return replace(fit, health=_health(fit, values))


def _health(fit: VolatilityFit, values: npt.NDArray[np.float64]) -> FitHealth:
    """What the gates found, with the values they saw."""
    deviation = np.abs(values - values.mean())
    arrays = {name: np.array([fit.params[name]]) for name in fit.spec.parameters}
    seen = Evidence(
        converged=np.array([True]),  # what did not converge was fitted alone
        loglikelihood=np.array([fit.loglikelihood]),
        next_sigma=np.array([fit.next_sigma]),
        variance=np.array([values.var()]),
        mean_abs=np.array([deviation.mean()]),
        max_abs=np.array([deviation.max()]),
        nobs=np.array([values.size]),
    )
    return health_of(run_checks(fit.spec, arrays, persistence(fit.spec, arrays), seen))
