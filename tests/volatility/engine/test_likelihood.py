"""The compiled likelihoods against a plain loop, finite differences, and their own scores."""

import math

import numpy as np
import pytest

from riskkit.volatility.engine.models import model_of
from riskkit.volatility.engine.scores import scores
from riskkit.volatility.innovations import log_density
from riskkit.volatility.spec import Variance, VolatilitySpec

NAMES = [
    f"{variance}-{innovation}"
    for variance in ("gjr", "egarch")
    for innovation in ("normal", "t", "skewt")
]
POINTS = {
    "gjr": [
        (0.03, 0.05, 0.06, 0.05, 0.85, 1 / 6, -0.15),
        (-0.2, 0.4, 0.0, 0.3, 0.2, 1 / 30, 0.5),
        (0.0, 1e-6, 0.1, 0.0, 0.9, 0.45, 0.0),
    ],
    "egarch": [
        (0.03, 0.01, 0.15, -0.08, 0.95, 1 / 6, -0.15),
        (-0.2, -0.3, 0.3, 0.1, 0.3, 1 / 30, 0.5),
        (0.0, 0.0, 0.05, 0.0, 1.0, 0.45, 0.0),
    ],
}
STARTS = {"sample": 1.0, "backcast": 0.0}
EXACT = 1e300


def returns(n: int = 1003) -> np.ndarray:
    return np.random.default_rng(20).standard_t(5, n) * 0.9


def plain_loop(
    spec: VolatilitySpec, x: tuple[float, ...], y: np.ndarray, first: float
) -> tuple[float, float]:
    """-log likelihood by the definitions of methods, one bar at a time, and the next variance."""
    mu, omega, alpha, gamma, beta, rho, lam = x
    log = spec.variance is Variance.EGARCH
    h = math.exp(omega + beta * math.log(first)) if log else 0.0
    if not log:
        h = omega + (alpha + gamma / 2) * first + beta * first
    total = 0.0
    for r in y:
        e = r - mu
        z = e / math.sqrt(h)
        density = float(log_density(spec.innovation, z, {"nu": 1 / rho, "lambda": lam}))
        total -= density - 0.5 * math.log(h)
        if log:
            s = omega + alpha * (abs(z) - math.sqrt(2 / math.pi)) + gamma * z + beta * math.log(h)
            h = math.exp(s)
        else:
            h = omega + alpha * e * e + gamma * e * e * (e < 0) + beta * h
    return total, h


@pytest.mark.parametrize("convention", STARTS)
@pytest.mark.parametrize("name", NAMES)
def test_value_and_next_variance_equal_a_plain_loop(name: str, convention: str) -> None:
    spec, y, g = VolatilitySpec.parse(name), returns(), np.empty(8)
    start = np.array([0.8, 0.1, STARTS[convention], EXACT])
    for x in POINTS[name.split("-")[0]]:
        first = 0.8 + STARTS[convention] * (x[0] - 0.1) ** 2
        value = model_of(spec).likelihood(np.array(x), y, start, g)
        plain, ahead = plain_loop(spec, x, y, first)
        assert value == pytest.approx(plain, rel=1e-11)
        assert g[7] == pytest.approx(ahead, rel=1e-11)


@pytest.mark.parametrize("convention", STARTS)
@pytest.mark.parametrize("name", NAMES)
def test_gradient_equals_finite_differences(name: str, convention: str) -> None:
    spec, y, g, waste = VolatilitySpec.parse(name), returns(), np.empty(8), np.empty(8)
    likelihood = model_of(spec).likelihood
    start = np.array([0.8, 0.1, STARTS[convention], EXACT])
    movable = [0, 1, 2, 3, 4] + {"normal": [], "t": [5], "skewt": [5, 6]}[spec.innovation.value]
    for point in POINTS[name.split("-")[0]][:2]:
        x = np.array(point)
        likelihood(x, y, start, g)
        for j in movable:
            step = 1e-6
            up, down = x.copy(), x.copy()
            up[j] += step
            down[j] -= step
            slope = (likelihood(up, y, start, waste) - likelihood(down, y, start, waste)) / 2e-6
            # Central differences of a value near 1e3 carry rounding of about 1e-6.
            assert g[j] == pytest.approx(slope, rel=1e-6, abs=2e-5), (name, j)


@pytest.mark.parametrize("name", NAMES)
def test_scores_of_the_observations_sum_to_the_gradient(name: str) -> None:
    spec, y, g = VolatilitySpec.parse(name), returns(), np.empty(8)
    model = model_of(spec)
    start = np.array([0.8, 0.1, 1.0, EXACT])
    for point in POINTS[name.split("-")[0]][:2]:
        x = np.array(point)
        model.likelihood(x, y, start, g)
        total = scores(model, spec.innovation, x, y, start).sum(axis=0)
        np.testing.assert_allclose(total, g[:7], rtol=1e-8, atol=1e-7)


def test_smoothed_gradient_of_egarch_differs_only_in_mu() -> None:
    model, y = model_of(VolatilitySpec.parse("egarch-t")), returns()
    x, exact, smooth = np.array(POINTS["egarch"][0]), np.empty(8), np.empty(8)
    a = model.likelihood(x, y, np.array([0.8, 0.1, 1.0, EXACT]), exact)
    b = model.likelihood(x, y, np.array([0.8, 0.1, 1.0, 20.0]), smooth)
    assert a == b
    np.testing.assert_array_equal(exact[1:], smooth[1:])
    assert exact[0] != smooth[0]


@pytest.mark.parametrize("innovation", ["normal", "t", "skewt"])
def test_a_filter_that_does_not_forget_its_start_has_no_likelihood(innovation: str) -> None:
    """Two first variances a hair apart end within tenfold of it, or there is no likelihood."""
    spec, y, g = VolatilitySpec.parse(f"egarch-{innovation}"), returns(), np.empty(8)
    start = np.array([0.8, 0.1, 0.0, EXACT])
    verdicts = set()
    for alpha, gamma, beta in (
        (-0.14, 0.12, 0.97), (0.14, 0.12, 0.97), (-0.02, 0.02, 0.9), (-0.3, 0.2, 0.9),
        (0.0, 0.0, 0.999), (0.0, 0.0, 0.99),
    ):  # fmt: skip
        x = np.array([0.03, 0.0, alpha, gamma, beta, 1 / 6, -0.15])
        finite = math.isfinite(model_of(spec).likelihood(x, y, start, g))
        one, other = (last_log_variance(x, y, s) for s in (0.0, 1e-7))
        assert finite == (abs(other - one) < 1e-6), (alpha, gamma, beta)
        verdicts.add(finite)
    assert verdicts == {True, False}


@pytest.mark.parametrize("innovation", ["normal", "t", "skewt"])
def test_a_sigma_that_vanishes_as_mu_meets_a_return_has_no_likelihood(innovation: str) -> None:
    """Ever steeper reactions to one fall are ever more likely, up to the depth allowed."""
    spec, g = VolatilitySpec.parse(f"egarch-{innovation}"), np.empty(8)
    y = 0.1 * returns(250)
    y[99:102] = 0.03, -20.0, 0.03
    start, values = np.array([1.0, 0.1, 0.0, EXACT]), []
    for gamma in (0.2, 0.6, 1.0, 1.14, 1.16, 1.5):
        x = np.array([0.03, 0.0, 0.0, gamma, 0.0, 1 / 6, -0.15])
        values.append(model_of(spec).likelihood(x, y, start, g))
    assert np.all(np.diff(values[:4]) < 0.0)
    # The fall is 20.03 deviations, and exp(-20.03 gamma) is 1e-10 at gamma = 1.1496.
    assert [math.isfinite(v) for v in values] == [True] * 4 + [False] * 2


@pytest.mark.parametrize("innovation", ["normal", "t", "skewt"])
def test_a_variance_that_is_none_has_no_likelihood(innovation: str) -> None:
    """Below 0 or at it in the first bar, in one bar between, or in all; too large, and NaN."""
    f, g = model_of(VolatilitySpec.parse(f"gjr-{innovation}")).likelihood, np.empty(8)
    y, start = returns(), np.array([0.8, 0.1, 0.0, EXACT])
    for omega, alpha, gamma, beta, presample in (
        (0.05, -0.1, 0.0, 0.85, 0.8), (1e-8, -0.01, 0.0, 0.5, 0.8), (0.05, 0.1, -0.3, 0.85, 0.8),
        (-0.001, 0.0, 0.0, 0.0, 0.8), (-0.001, 0.1, 0.0, 0.9, 0.0), (0.0, 0.0, 0.0, 0.0, 0.8),
        (0.0, 0.06, 0.0, 0.94, 0.0), (0.05, 0.1, 0.0, 3.0, 0.8), (np.inf, 0.1, 0.0, 0.0, 0.8),
        (np.nan, 0.1, 0.0, 0.0, 0.8), (0.05, np.nan, 0.0, 0.9, 0.8), (0.05, 0.1, 0.0, 0.8, np.nan),
    ):  # fmt: skip
        start[0] = presample
        value = f(np.array([0.03, omega, alpha, gamma, beta, 1 / 6, -0.15]), y, start, g)
        assert math.isnan(value) or value == math.inf, (omega, alpha, gamma, beta, presample)


def last_log_variance(x: np.ndarray, y: np.ndarray, s: float) -> float:
    for r in y:
        z = (r - x[0]) * math.exp(-s / 2)
        s = x[1] + x[2] * (abs(z) - math.sqrt(2 / math.pi)) + x[3] * z + x[4] * s
        if abs(s) > 500.0:
            return math.inf
    return s
