"""Health gates: what is wrong, or at its limit, in a fit; for one fit or a whole walk at once.

A converged flag is not health: unscaled S&P 500 returns "converge" to a daily sigma of 71,936.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskkit.volatility.result import FitHealth, Gate, GateFinding
from riskkit.volatility.sample import Array
from riskkit.volatility.spec import Innovation, Variance, VolatilitySpec

Flags = npt.NDArray[np.bool_]

OMEGA_SHARE = (1e-8, 10.0)
"""Range of omega as a share of the sample variance (GARCH, GJR), as in arch."""
LOG_VARIANCE_RANGE = float(np.log(1e4))
"""EGARCH: omega lies within this of the log sample variance on the unit-variance scale."""
GAMMA_MAX = 2.0
RHO_RANGE = (0.9, 0.9995)
"""Of a component model's slow part: half of a shock to it is gone after 7 bars, or after 1,386."""
LEAST_NEWS = 1e-3
"""Of a component model's alpha and phi: without news a part's memory may be anything."""
NU_RANGE = (2.05, 500.0)
NU_NEAR_TWO = 2.06
NU_MAX_SKEW_T = 300.0
LAMBDA_MAX = 0.999

BOUND_MARGIN = 1e-6
PERSISTENCE_LIMIT = 0.9999
SIGMA_RANGE = (1e-3, 2.0)
FEW_OBSERVATIONS = 250
NO_NEWS = 1e-3
RECURSIVE = (Variance.GARCH, Variance.GJR, Variance.EGARCH, Variance.COMPONENT)


@dataclass(frozen=True)
class Evidence:
    """What the gates judge besides the parameters; arrays of shape (m,), one entry per fit.

    Attributes
    ----------
    converged : bool array
    loglikelihood, next_sigma : float array
    variance : float array
        Sample variance of the returns fitted.
    mean_abs, max_abs : float array
        Mean and largest absolute deviation of the returns fitted from their mean.
    nobs : int array
    """

    converged: Flags
    loglikelihood: Array
    next_sigma: Array
    variance: Array
    mean_abs: Array
    max_abs: Array
    nobs: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Check:
    """One gate's verdict on m fits: where it spoke, the value it saw, and whether that is fatal."""

    gate: Gate
    detail: str
    fatal: bool
    value: Array
    hit: Flags


def run_checks(
    spec: VolatilitySpec, params: Mapping[str, Array], persistence: Array, seen: Evidence
) -> tuple[Check, ...]:
    """Apply every gate to m fits of one specification.

    Fatal: the optimiser did not converge; a number is not finite; the sigma forecast lies
    outside 1/1000 of the mean to twice the largest absolute deviation of its own sample; nu
    sits at its lower bound while the variance parameters are estimated with it. A parameter on
    another bound, persistence at 1, weak identification and a short sample are told, not
    punished: they are normal for crypto and for calm index data.
    """
    finite = np.isfinite(seen.loglikelihood) & np.isfinite(seen.next_sigma)
    for name in spec.parameters:
        finite &= np.isfinite(params[name])
    low, high = SIGMA_RANGE[0] * seen.mean_abs, SIGMA_RANGE[1] * seen.max_abs
    with np.errstate(invalid="ignore"):
        wild = ~((seen.next_sigma > low) & (seen.next_sigma < high))
    checks = [
        Check(
            Gate.STATUS,
            "the optimiser did not converge",
            True,
            seen.converged.astype(np.float64),
            ~seen.converged,
        ),
        Check(Gate.FINITE, "a number is not finite", True, seen.loglikelihood, ~finite),
        Check(Gate.SIGMA, "sigma forecast outside its sample's range", True, seen.next_sigma, wild),
    ]
    checks += _bound_checks(spec, params, seen)
    if spec.variance in RECURSIVE:
        near = persistence >= PERSISTENCE_LIMIT
        checks.append(
            Check(Gate.PERSISTENCE, "persistence at or above 1", False, persistence, near)
        )
        reaction = _reaction(spec, params)
        checks.append(
            Check(
                Gate.IDENTIFICATION,
                "weakly identified: news hardly moves sigma",
                False,
                reaction,
                reaction < NO_NEWS,
            )
        )
    if spec.innovation in (Innovation.STUDENT_T, Innovation.SKEW_T):
        nu = params["nu"]
        fatal = spec.variance is not Variance.EWMA
        at_two = nu < NU_NEAR_TWO
        checks.append(Check(Gate.NU, "nu near 2: the variance hardly exists", fatal, nu, at_two))
    short = seen.nobs < FEW_OBSERVATIONS
    few = Check(
        Gate.OBSERVATIONS,
        f"fewer than {FEW_OBSERVATIONS} observations",
        False,
        seen.nobs.astype(np.float64),
        short,
    )
    return (*checks, few)


def _bound_checks(spec: VolatilitySpec, params: Mapping[str, Array], seen: Evidence) -> list[Check]:
    found: list[Check] = []

    def note(name: str, value: Array, hit: Flags) -> None:
        found.append(Check(Gate.BOUND, f"{name} on its bound", False, value, hit))

    if spec.variance in (Variance.GARCH, Variance.GJR):
        share = params["omega"] / np.where(seen.variance > 0.0, seen.variance, 1.0)
        note("omega", params["omega"], share <= OMEGA_SHARE[0] * (1.0 + 1e-3))
        note("omega (upper)", params["omega"], share >= OMEGA_SHARE[1] * (1.0 - BOUND_MARGIN))
    if spec.variance in RECURSIVE and spec.variance is not Variance.COMPONENT:
        # Of arch's EGARCH alpha may be negative, which is no bound of its.
        note("alpha", params["alpha"], np.abs(params["alpha"]) <= BOUND_MARGIN)
    if spec.variance is Variance.COMPONENT:
        rho = params["rho"]
        note("rho (upper)", rho, rho >= RHO_RANGE[1] - BOUND_MARGIN)
        note("rho (lower)", rho, rho <= RHO_RANGE[0] + BOUND_MARGIN)
        for name in ("alpha", "phi"):
            note(name, params[name], params[name] <= LEAST_NEWS + BOUND_MARGIN)
    if spec.variance is Variance.GJR:
        downside = params["alpha"] + params["gamma"]
        note("alpha + gamma", downside, downside <= BOUND_MARGIN)
    if spec.variance in RECURSIVE:
        note("beta", params["beta"], params["beta"] <= BOUND_MARGIN)
    if spec.innovation in (Innovation.STUDENT_T, Innovation.SKEW_T):
        cap = NU_MAX_SKEW_T if spec.innovation is Innovation.SKEW_T else NU_RANGE[1]
        note("nu (upper: normal tails)", params["nu"], params["nu"] >= cap * (1.0 - BOUND_MARGIN))
    if spec.innovation is Innovation.SKEW_T:
        steep = np.abs(params["lambda"]) >= LAMBDA_MAX * (1.0 - BOUND_MARGIN)
        note("lambda", params["lambda"], steep)
    return found


def _reaction(spec: VolatilitySpec, params: Mapping[str, Array]) -> Array:
    """Size of the response to news; near 0 the decay of news (beta) cannot be told."""
    if spec.variance is Variance.GARCH:
        return params["alpha"]
    if spec.variance is Variance.COMPONENT:
        return params["alpha"] + params["phi"]
    if spec.variance is Variance.GJR:
        return params["alpha"] + 0.5 * params["gamma"]
    return np.abs(params["alpha"]) + np.abs(params["gamma"])


def health_of(checks: Sequence[Check], row: int = 0) -> FitHealth:
    """The health of one fit among those checked."""
    return FitHealth(
        tuple(
            GateFinding(c.gate, float(c.value[row]), f"{c.detail} ({c.value[row]:.4g})", c.fatal)
            for c in checks
            if c.hit[row]
        )
    )


def healthy_rows(checks: Sequence[Check]) -> Flags:
    """For each of m fits, whether no fatal gate spoke."""
    return np.asarray(~np.logical_or.reduce([c.hit for c in checks if c.fatal]), dtype=np.bool_)


def statements(checks: Sequence[Check]) -> npt.NDArray[np.object_]:
    """For each of m fits, the findings in words without their values; ``"healthy"`` if none."""
    code = np.zeros(len(checks[0].hit), dtype=np.int64)
    for bit, check in enumerate(checks):
        code |= check.hit.astype(np.int64) << bit
    distinct, where = np.unique(code, return_inverse=True)
    words = np.array([_words(checks, int(c)) for c in distinct], dtype=object)
    return np.asarray(words[where], dtype=object)


def _words(checks: Sequence[Check], code: int) -> str:
    spoken = [c for bit, c in enumerate(checks) if code >> bit & 1]
    state = "unhealthy" if any(c.fatal for c in spoken) else "healthy"
    return ": ".join([state, "; ".join(c.detail for c in spoken)]) if spoken else state
