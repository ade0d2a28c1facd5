"""The variance before the first observation, by the convention of a specification."""

from __future__ import annotations

import math

import numpy as np

from riskkit.volatility.sample import Array
from riskkit.volatility.spec import Mean, Presample, VolatilitySpec

BACKCAST_BARS = 75
EWMA_DECAY = 0.94


def presample_variance(spec: VolatilitySpec, values: Array, mu: float) -> float:
    """The variance before the first observation, by the convention of the spec.

    ``SAMPLE``: mean of the squared deviations from ``mu``. ``BACKCAST``: mean of the first 75
    squared deviations from the sample mean (from 0 in a zero-mean model), weights decaying by
    0.94 a bar, as in arch; of all squared deviations where the first 75 are 0.
    """
    if spec.presample is Presample.SAMPLE:
        return float(np.mean((values - mu) ** 2))
    centre = 0.0 if spec.mean is Mean.ZERO else float(values.mean())
    head = values[:BACKCAST_BARS]
    weights = EWMA_DECAY ** np.arange(len(head))
    total = math.fsum(weights * (head - centre) ** 2)
    if not total > 0.0:
        return float(np.mean((values - centre) ** 2))
    return total / math.fsum(weights)
