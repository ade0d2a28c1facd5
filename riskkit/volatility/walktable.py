"""What the table of a walk holds: its columns, and the parameters of any model in it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
PARAMETERS = ("mu", "omega", "alpha", "gamma", "beta", "nu", "lambda", "rho", "phi")
COLUMNS = (
    "asset", "model", "origin", "target", "log_return", "sigma", "mu", "omega", "alpha", "gamma",
    "beta", "nu", "lambda", "estimated", "fitted", "healthy", "health", "fallback",
    "loglikelihood", "evaluations",
)  # fmt: skip
"""Columns of the walk-forward table, in order; a component model adds its ``rho`` and ``phi``."""
