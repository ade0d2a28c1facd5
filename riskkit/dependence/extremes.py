"""How often assets are extreme together, in falls and in rises, beside what two laws would say.

Crypto's tails are one-sided: falls are shared, rises less so. A correlation alone says neither.

Sources: Longin & Solnik (2001) for looking at either side apart; Demarta & McNeil (2005) for the
tail dependence of the t copula.
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pandas as pd

from riskkit.dependence.residuals import JointResiduals

SHARE = 0.025
_NODES = 200


def shared_extremes(residuals: JointResiduals, share: float = SHARE) -> pd.DataFrame:
    """For each pair, P(one beyond its quantile, given the other is), in falls and in rises.

    Returns
    -------
    DataFrame
        ``asset, other, correlation, falls, rises, normal``: the last is what a normal pair of the
        same correlation would show on either side.
    """
    rows = []
    z = residuals.values
    low, high = np.quantile(z, [share, 1.0 - share], axis=0)
    for i, j in combinations(range(len(residuals.names)), 2):
        rho = float(np.corrcoef(z[:, i], z[:, j])[0, 1])
        falls = float(((z[:, i] <= low[i]) & (z[:, j] <= low[j])).mean()) / share
        rises = float(((z[:, i] >= high[i]) & (z[:, j] >= high[j])).mean()) / share
        pair = (residuals.names[i], residuals.names[j])
        rows.append((*pair, rho, falls, rises, normal_extremes(rho, share)))
    columns = ["asset", "other", "correlation", "falls", "rises", "normal"]
    return pd.DataFrame(rows, columns=columns)


def normal_extremes(rho: float, share: float) -> float:
    """P(one beyond its quantile, given the other is) of a normal pair."""
    from scipy.special import ndtr, ndtri

    if rho >= 1.0 - 1e-12:
        return 1.0
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    p = 0.5 * share * (nodes + 1.0)
    edge, x = ndtri(share), ndtri(p)
    inside = ndtr((edge - rho * x) / math.sqrt(1.0 - rho * rho))
    return float(0.5 * (weights * inside).sum())


def student_tail_dependence(nu: float, rho: float) -> float:
    """Limit of P(one extreme, given the other is) of a t copula: the same in falls and in rises."""
    from scipy.stats import t as student

    at = -math.sqrt((nu + 1.0) * (1.0 - rho) / (1.0 + rho))
    return float(2.0 * student.cdf(at, nu + 1.0))
