"""Engle and Manganelli's dynamic quantile test: exceptions must not be predictable."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from riskkit.errors import InputError
from riskkit.validation.verdict import Verdict, as_exceptions, as_sample, check_fraction, decide


def dynamic_quantile(
    exceptions: npt.ArrayLike,
    var: npt.ArrayLike,
    probability: float,
    *,
    lags: int = 4,
    significance: float = 0.05,
) -> Verdict:
    """Regress the centred exceptions on a constant, today's VaR and their own lags.

    ``DQ = hit' X (X'X)^-1 X' hit / (p (1 - p))``, chi-squared with as many degrees of freedom as
    X has independent columns: 2 + lags, fewer where VaR is constant or no exception is among the
    lags.

    Parameters
    ----------
    exceptions : array_like of bool, shape (n,)
    var : array_like, shape (n,)
        The VaR each exception was judged by.
    probability : float
    lags : int
        Lagged exceptions among the regressors; the first ``lags`` observations only serve there.

    Raises
    ------
    InputError
        If the sample is too short for the regression.

    Sources: Engle and Manganelli (2004), the out-of-sample version.
    """
    flags = as_exceptions(exceptions)
    (level,) = as_sample(flags.size, var=var)
    check_fraction("probability", probability)
    n = flags.size
    if lags < 0 or n <= 2 * lags + 2:
        raise InputError(
            "exceptions",
            f"{n} observations",
            f"must exceed {2 * max(lags, 0) + 2} for a regression on {lags} lags",
            "Give a longer sample or fewer lags",
        )
    hit = flags - probability
    lagged = [hit[lags - j : n - j] for j in range(1, lags + 1)]
    x = np.column_stack([np.ones(n - lags), level[lags:], *lagged])
    scale = np.linalg.norm(x, axis=0)
    basis, singular, _ = np.linalg.svd(x / np.where(scale > 0.0, scale, 1.0), full_matrices=False)
    rank = int(np.sum(singular > 1e-10 * singular[0]))
    projected = basis[:, :rank].T @ hit[lags:]
    statistic = float(projected @ projected / (probability * (1.0 - probability)))
    p_value = float(stats.chi2.sf(statistic, rank))
    return Verdict(
        name="Engle-Manganelli DQ",
        tests="Neither VaR nor past exceptions predict the next exception.",
        statistic=statistic,
        p_value=p_value,
        decision=decide(p_value, significance),
        significance=significance,
        observations=n,
        exceptions=int(flags.sum()),
        note=f"{rank} independent regressors of {x.shape[1]}",
    )
