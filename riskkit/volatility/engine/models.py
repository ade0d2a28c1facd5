"""A specification in the engine's terms: likelihood, free variables, constraints, starting grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from riskkit.volatility.engine.kernel import SIZE, Array, FitTerms, Ints
from riskkit.volatility.health import (
    GAMMA_MAX,
    LAMBDA_MAX,
    LEAST_NEWS,
    LOG_VARIANCE_RANGE,
    NU_MAX_SKEW_T,
    NU_RANGE,
    OMEGA_SHARE,
    RHO_RANGE,
)
from riskkit.volatility.presample import EWMA_DECAY
from riskkit.volatility.spec import Innovation, Mean, Presample, Variance, VolatilitySpec

VARIABLES = ("mu", "omega", "alpha", "gamma", "beta", "nu", "lambda")
COMPONENT_VARIABLES = ("mu", "rho", "alpha", "phi", "beta", "nu", "lambda")
"""What stands in the same places of a component model."""
QUICK = 0.98
"""alpha + beta is at most this share of rho: the parts must differ."""
TOLERANCE = 1e-8
TOLERANCE_KINKED = 1e-4
"""EGARCH's likelihood has a kink in mu at every observation: its smoothed gradient says no more.
Short samples are searched further, kink by kink (`kinks.search_kinks`)."""

NEWS = (0.02, 0.05, 0.1, 0.2)
PERSISTENCES = (0.5, 0.8, 0.94, 0.99)
# alpha, gamma, beta and 1/nu of points in corners where optima lie apart from the others.
TREND = [(0.003, 0.0, 0.992, 0.1)]
"""The variance drifts from its presample value, whatever the news."""
GARCH_CORNERS = [
    [(0.003, 0.0, 0.992, 0.44)],  # a trend of the variance and tails hardly integrable
    [(0.5, 0.0, 0.0, 0.0)],  # no memory beyond one bar
    [(0.9, 0.0, 0.05, 0.0)],
    [(0.3, 0.0, 0.69, 0.0)],  # much news and no mean reversion
]
GJR_CORNERS = [
    [(0.0, 0.03, 0.98, 0.4)],
    [(1.2, -1.1, 0.0, 0.0), (0.5, -0.45, 0.0, 0.0)],
]
COMPONENT_GRID = [
    # alpha, phi, beta, rho, part
    (0.05, 0.01, 0.80, 0.990, 0.0),
    (0.10, 0.02, 0.75, 0.990, 0.0),
    (0.10, 0.03, 0.50, 0.990, 0.0),
    (0.05, 0.01, 0.90, 0.998, 1.0),
    (0.10, 0.02, 0.80, 0.998, 1.0),
    (0.15, 0.05, 0.50, 0.980, 2.0),
    (0.15, 0.02, 0.20, 0.980, 2.0),
    (0.05, 0.05, 0.40, 0.950, 3.0),
    (0.10, 0.10, 0.30, 0.930, 3.0),
]
"""Starts of a component model: short and long memory of the slow part, quick and slow news."""
EGARCH_CORNERS = [
    [(0.01, -0.1, 0.995, 0.0)],  # a random walk of the log variance, driven by the sign
    [(0.01, 0.1, 0.995, 0.0)],
    [(0.0, -0.2, 0.6, 0.0), (0.0, 0.2, 0.6, 0.0)],  # the sign of the news, not its size
    [(0.4, 0.1, 0.6, 0.3), (0.4, -0.1, 0.6, 0.3)],
    [(0.3, -0.3, 0.0, 0.0), (0.3, 0.3, 0.0, 0.0)],  # no memory beyond one bar
]


@dataclass(frozen=True)
class CompiledModel:
    """What the kernels need to know of a specification.

    Attributes
    ----------
    likelihood : Kernel
        Of the type `kernel.Likelihood`.
    log, centred, sample : bool
        EGARCH; constant mean; presample mean(e^2).
    constraints : ndarray, shape (m, 7)
        Rows of ``A x >= low``; the first two bound omega from below and above.
    bounds : ndarray, shape (m, 3)
        Each ``low`` as a constant, a multiple of the variance, and of the log variance.
    free : int ndarray, shape (n,)
    fixed : ndarray, shape (7,)
    grid : ndarray, shape (k, 5)
        Starting points, as `cold.fit_cold` takes them.
    tolerance : float
    component : bool
        Whether the variables are those of `COMPONENT_VARIABLES`.
    """

    likelihood: Any
    log: bool
    centred: bool
    sample: bool
    constraints: Array
    bounds: Array
    free: Ints
    fixed: Array
    grid: Array
    tolerance: float
    component: bool = False

    def terms(self, tolerance: float) -> FitTerms:
        """The model as the kernels take it, with a grid of its own."""
        return FitTerms(
            self.log,
            self.centred,
            self.sample,
            self.constraints,
            self.bounds,
            self.free,
            self.fixed,
            self.grid.copy(),
            float(tolerance),
        )


def variables_of(spec: VolatilitySpec) -> tuple[str, ...]:
    """The names of the engine's seven variables."""
    return COMPONENT_VARIABLES if spec.variance is Variance.COMPONENT else VARIABLES


def model_of(spec: VolatilitySpec, thorough: bool = True) -> CompiledModel:
    """The engine's model of a specification; ``thorough`` starts in every basin known."""
    constraints, bounds = _constraints(spec)
    fixed = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.0])
    if spec.variance is Variance.EWMA:
        fixed[2], fixed[4] = 1.0 - EWMA_DECAY, EWMA_DECAY
    kinked = spec.variance is Variance.EGARCH and spec.mean is Mean.CONSTANT
    return CompiledModel(
        likelihood=likelihood_of(spec),
        log=spec.variance is Variance.EGARCH,
        centred=spec.mean is Mean.CONSTANT,
        sample=spec.presample is Presample.SAMPLE,
        constraints=constraints,
        bounds=bounds,
        free=np.array([variables_of(spec).index(name) for name in spec.parameters], np.int64),
        fixed=fixed,
        grid=_grid(spec, thorough),
        tolerance=TOLERANCE_KINKED if kinked else TOLERANCE,
        component=spec.variance is Variance.COMPONENT,
    )


def likelihood_of(spec: VolatilitySpec) -> Any:
    """The compiled likelihood; its module is loaded here, when first needed."""
    if spec.variance is Variance.EGARCH:
        from riskkit.volatility.engine import egarch

        return {
            Innovation.NORMAL: egarch.egarch_normal,
            Innovation.STUDENT_T: egarch.egarch_t,
            Innovation.SKEW_T: egarch.egarch_skewt,
        }[spec.innovation]
    if spec.variance is Variance.COMPONENT:
        from riskkit.volatility.engine.component import component_normal

        return component_normal
    if spec.innovation is Innovation.NORMAL:
        from riskkit.volatility.engine.garch_normal import garch_normal

        return garch_normal
    if spec.innovation is Innovation.STUDENT_T:
        from riskkit.volatility.engine.garch_t import garch_t

        return garch_t
    from riskkit.volatility.engine.garch_skewt import garch_skewt

    return garch_skewt


def _constraints(spec: VolatilitySpec) -> tuple[Array, Array]:
    """The linear constraints, arch's: omega and persistence; nu and lambda within their ranges.

    As in arch, persistence counts gamma by one half under every innovation. Unlike in arch,
    EGARCH's alpha is not negative: as in GARCH, news of average size does not calm. Given the
    freedom, about a third of 250-bar windows (and no 1,000-bar window seen) take a slightly
    negative one, with which the filter all but stops forgetting: their likelihood rises up to
    the edge of invertibility, and has no optimum inside.
    """
    rows: list[tuple[dict[str, float], tuple[float, float, float]]] = []

    def at_least(low: tuple[float, float, float], **weights: float) -> None:
        rows.append((weights, low))

    if spec.variance is Variance.EWMA:
        at_least((-1e300, 0.0, 0.0), omega=1.0)
        at_least((-1e300, 0.0, 0.0), omega=-1.0)
    elif spec.variance is Variance.EGARCH:
        at_least((-LOG_VARIANCE_RANGE, 0.0, 1.0), omega=1.0)
        at_least((-LOG_VARIANCE_RANGE, 0.0, -1.0), omega=-1.0)
        at_least((0.0, 0.0, 0.0), alpha=1.0)
        at_least((0.0, 0.0, 0.0), beta=1.0)
        at_least((-1.0, 0.0, 0.0), beta=-1.0)
    elif spec.variance is Variance.COMPONENT:
        at_least((RHO_RANGE[0], 0.0, 0.0), rho=1.0)
        at_least((-RHO_RANGE[1], 0.0, 0.0), rho=-1.0)
        at_least((LEAST_NEWS, 0.0, 0.0), alpha=1.0)
        at_least((LEAST_NEWS, 0.0, 0.0), phi=1.0)
        at_least((0.0, 0.0, 0.0), beta=1.0, phi=-1.0)
        at_least((0.0, 0.0, 0.0), rho=QUICK, alpha=-1.0, beta=-1.0)
    else:
        at_least((0.0, OMEGA_SHARE[0], 0.0), omega=1.0)
        at_least((0.0, -OMEGA_SHARE[1], 0.0), omega=-1.0)
        at_least((0.0, 0.0, 0.0), alpha=1.0)
        at_least((0.0, 0.0, 0.0), beta=1.0)
        at_least((-1.0, 0.0, 0.0), alpha=-1.0, gamma=-0.5, beta=-1.0)
        if spec.variance is Variance.GJR:
            at_least((0.0, 0.0, 0.0), alpha=1.0, gamma=1.0)
            at_least((-GAMMA_MAX, 0.0, 0.0), gamma=-1.0)
    if spec.innovation is not Innovation.NORMAL:
        cap = NU_MAX_SKEW_T if spec.innovation is Innovation.SKEW_T else NU_RANGE[1]
        at_least((1.0 / cap, 0.0, 0.0), nu=1.0)
        at_least((-1.0 / NU_RANGE[0], 0.0, 0.0), nu=-1.0)
    if spec.innovation is Innovation.SKEW_T:
        at_least((-LAMBDA_MAX, 0.0, 0.0), **{"lambda": 1.0})
        at_least((-LAMBDA_MAX, 0.0, 0.0), **{"lambda": -1.0})
    constraints = np.zeros((len(rows), SIZE))
    for i, (weights, _) in enumerate(rows):
        for name, weight in weights.items():
            constraints[i, variables_of(spec).index(name)] = weight
    return constraints, np.array([low for _, low in rows])


def _grid(spec: VolatilitySpec, thorough: bool) -> Array:
    """Starting points, in the form `cold.fit_cold` takes: a few parts, or some in every basin."""
    if spec.variance is Variance.EWMA:
        return np.array([[1.0 - EWMA_DECAY, 0.0, EWMA_DECAY, 0.0, 0.0]])
    if spec.variance is Variance.COMPONENT:
        return np.array(COMPONENT_GRID)
    parts: list[list[tuple[float, float, float, float]]] = []
    for persistence in PERSISTENCES:
        parts.append([])
        for news in NEWS:
            if spec.variance is Variance.EGARCH:
                parts[-1] += [(news, gamma, persistence, 0.0) for gamma in (0.0, -0.1, 0.1)]
                continue
            tilts = [(news, 0.0)]
            if spec.variance is Variance.GJR:
                tilts += [(0.5 * news, 0.1), (news, -0.9 * news)]
            betas = [(a, c, persistence - a - 0.5 * c, 0.0) for a, c in tilts]
            parts[-1] += [point for point in betas if point[2] >= 0.0]
    if spec.variance is not Variance.EGARCH:
        parts.append(TREND)
    if thorough:
        parts += EGARCH_CORNERS if spec.variance is Variance.EGARCH else GARCH_CORNERS
        if spec.variance is Variance.GJR:
            parts += GJR_CORNERS
    return np.array([(*point, float(k)) for k, part in enumerate(parts) for point in part])
