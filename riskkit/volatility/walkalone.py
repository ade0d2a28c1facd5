"""A walk whose windows are fitted one by one: models that are more than one likelihood."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from riskkit.market.measures import MEASURE
from riskkit.market.returns import LOG_RETURN
from riskkit.volatility.filtering import filter_returns
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.sample import Sample
from riskkit.volatility.spec import VolatilitySpec
from riskkit.volatility.walktable import COLUMNS, PARAMETERS, Ints

NESTED = {"gamma": 0.0, "lambda": 0.0, "nu": np.inf, "rho": 0.0, "phi": 0.0, "mu": 0.0}


def walk_alone(sample: Sample, spec: VolatilitySpec, first: Ints, stop: Ints) -> pd.DataFrame:
    """The table of `walk_forward`, its windows ``first[i]:stop[i]`` of a checked sample."""
    observed: pd.Series | pd.DataFrame = pd.Series(sample.values, sample.target, name=LOG_RETURN)
    if sample.measure is not None:
        observed = pd.DataFrame({LOG_RETURN: observed, MEASURE: sample.measure})
    until = np.append(stop[1:], len(sample.values))
    parts = [
        _rows(fit_volatility(observed.iloc[a:b], spec), observed.iloc[a:c], sample, b)
        for a, b, c in zip(first, stop, until, strict=True)
    ]
    table = pd.concat(parts, ignore_index=True)
    table["asset"], table["model"] = sample.asset, spec.name
    more = ["rho", "phi"] if "rho" in spec.parameters else []
    return table[[*COLUMNS, *more]]


def _rows(
    fit: VolatilityFit, seen: pd.Series | pd.DataFrame, sample: Sample, stop: int
) -> pd.DataFrame:
    """Forecasts of the bars after a window, whose bars and they are ``seen``."""
    sigma = filter_returns(fit, seen).sigma.iloc[fit.nobs :]
    bars = slice(stop, stop + len(sigma))
    row = {name: float(fit.params.get(name, NESTED.get(name, 0.0))) for name in PARAMETERS}
    refused = "; ".join(f"{f.spec.name} refused ({f.reason})" for f in fit.fallbacks)
    spent = np.zeros(len(sigma), dtype=np.int64)
    spent[:1] = fit.evaluations
    columns: dict[str, Any] = {
        "origin": sample.origin[bars],
        "target": sample.target[bars],
        "log_return": sample.values[bars],
        "sigma": sigma.to_numpy(dtype=np.float64),
        **row,
        "estimated": sample.target[stop - 1],
        "fitted": fit.spec.name,
        "healthy": fit.health.healthy,
        "health": fit.health.statement,
        "fallback": refused,
        "loglikelihood": fit.loglikelihood,
        "evaluations": spent,
    }
    return pd.DataFrame(columns)
