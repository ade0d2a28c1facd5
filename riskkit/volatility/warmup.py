"""Compile the volatility kernels ahead of use, so that the first fit does not have to."""

from __future__ import annotations

import time

import pandas as pd

from riskkit.compiled import compile_module

MODULES = (
    "riskkit.volatility.recursion",
    "riskkit.volatility.engine.kernel",
    "riskkit.volatility.engine.passes",
    "riskkit.volatility.engine.garch_normal",
    "riskkit.volatility.engine.component",
    "riskkit.volatility.engine.garch_t",
    "riskkit.volatility.engine.garch_skewt",
    "riskkit.volatility.held",
    "riskkit.volatility.engine.egarch",
    "riskkit.volatility.engine.quadratic",
    "riskkit.volatility.engine.newton",
    "riskkit.volatility.engine.cold",
    "riskkit.volatility.engine.kinks",
    "riskkit.volatility.engine.basins",
    "riskkit.volatility.engine.scores",
    "riskkit.volatility.engine.walk",
)


def warm_up() -> pd.DataFrame:
    """Load every kernel; compile what the cache on disk does not hold.

    Returns
    -------
    DataFrame
        ``module, seconds``: what each took. All small if the cache was warm.
    """
    rows = []
    for name in MODULES:
        began = time.perf_counter()
        compile_module(name)
        rows.append((name, time.perf_counter() - began))
    return pd.DataFrame(rows, columns=["module", "seconds"])
