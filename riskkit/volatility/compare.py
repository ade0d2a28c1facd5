"""Fit several models to the same returns and rank them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from riskkit.errors import InputError
from riskkit.market.returns import Returns
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.spec import VolatilitySpec, spec_named


def compare_models(
    returns: Returns | pd.Series, specs: Sequence[VolatilitySpec | str]
) -> pd.DataFrame:
    """Rank models by BIC, healthy ones first; likelihoods are of the same returns.

    A model that fell back is ranked last, with the criteria of the model it fell back to.

    Parameters
    ----------
    returns : Returns, or Series of log returns as fractions indexed by target, length n
    specs : sequence of VolatilitySpec or str

    Returns
    -------
    DataFrame
        One row per spec, index ``model``: ``rank, fitted, bic, aic, loglikelihood, parameters,
        persistence, half_life`` (bars), ``next_sigma`` (per bar), ``health``.

    Raises
    ------
    InputError
        If there is no spec, one is repeated, or the returns are refused by `fit_volatility`.

    Examples
    --------
    >>> import riskkit
    >>> returns = riskkit.log_returns(riskkit.load_prices("data/eth_usd_daily.csv"))
    >>> table = riskkit.compare_models(returns, ["garch-normal", "gjr-normal"])
    >>> len(table)
    2
    """
    known = [spec_named(spec) for spec in specs]
    names = [spec.name for spec in known]
    if not names or len(set(names)) < len(names):
        raise InputError("specs", names, "must hold distinct models", "List each model once")
    fits = [fit_volatility(returns, spec) for spec in known]
    table = pd.DataFrame(
        {
            "fitted": [fit.spec.name for fit in fits],
            "bic": [fit.bic for fit in fits],
            "aic": [fit.aic for fit in fits],
            "loglikelihood": [fit.loglikelihood for fit in fits],
            "parameters": [len(fit.spec.parameters) for fit in fits],
            "persistence": [fit.persistence for fit in fits],
            "half_life": [fit.half_life for fit in fits],
            "next_sigma": [fit.next_sigma for fit in fits],
            "health": [fit.health.statement for fit in fits],
            "refused": [bool(fit.fallbacks) for fit in fits],
        },
        index=pd.Index(names, name="model"),
    )
    table = table.sort_values(["refused", "bic"], kind="stable").drop(columns="refused")
    table.insert(0, "rank", range(1, len(table) + 1))
    return table
