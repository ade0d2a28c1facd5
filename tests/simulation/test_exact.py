"""Simulated probabilities against exact ones: discrete first passage by quadrature, one bar."""

import math

import numpy as np
import pytest
from scipy import special, stats

from riskkit.paths.model import PathModel, ResidualTail
from riskkit.position import Side
from riskkit.simulation.default import Weighting, simulate_default, simulate_grid
from riskkit.venue.mechanism import Loan, Mechanism, Perpetual, Slippage
from riskkit.venue.oracle import Oracle
from riskkit.volatility.innovations import distribution
from riskkit.volatility.spec import Innovation, Variance
from tests.support import simulated

SIGMA = 0.02
MODEL = PathModel(Variance.GARCH, 0.0, SIGMA**2, 0.0, 0.0, 0.0)


def first_passage(trigger, default, horizon, delay, sigma=SIGMA, drift=0.0):
    """P(X falls to the trigger at a bar <= horizon), and P(that, and X below `default` `delay`
    bars later) for a Gaussian random walk, by Gauss-Legendre quadrature of the surviving density.
    """
    nodes, weights = np.polynomial.legendre.leggauss(24)
    top = 9 * sigma * math.sqrt(horizon) + abs(drift) * horizon
    edges = np.arange(trigger, top, sigma)
    y = (edges[:, None] + 0.5 * sigma * (nodes + 1)).ravel()
    w = np.tile(0.5 * sigma * weights, edges.size)
    fine_nodes, fine_weights = np.polynomial.legendre.leggauss(120)
    below, below_w = trigger - 5 * sigma * (fine_nodes + 1), 5 * sigma * fine_weights

    def step(x, start):
        return stats.norm.pdf(x, start + drift, sigma)

    if delay == 0:

        def hit_and_default(start):
            return special.ndtr((min(trigger, default) - start - drift) / sigma)
    else:
        spread = sigma * math.sqrt(delay)
        later = special.ndtr((default - below - drift * delay) / spread)

        def hit_and_default(start):
            return (step(below[:, None], np.atleast_1d(start)[None, :]).T * below_w) @ later

    hit = float(special.ndtr((trigger - drift) / sigma))
    bad = float(np.squeeze(hit_and_default(np.array(0.0))))
    density = step(y, 0.0)
    transition = step(y[:, None], y[None, :])
    leave, lose = special.ndtr((trigger - y - drift) / sigma), hit_and_default(y)
    for _ in range(horizon - 1):
        hit += float(density @ (w * leave))
        bad += float(density @ (w * lose))
        density = transition @ (w * density)
    return hit, bad


def test_the_quadrature_itself():
    # One bar is exact, and two bars are a bivariate normal.
    assert first_passage(-0.03, -0.05, 1, 0) == pytest.approx(
        (stats.norm.cdf(-1.5), stats.norm.cdf(-2.5)), abs=1e-13
    )
    both_above = stats.multivariate_normal([0, 0], [[1, 1], [1, 2]]).cdf([1.5, 1.5])
    assert first_passage(-0.03, -1.0, 2, 0)[0] == pytest.approx(1 - both_above, abs=1e-6)
    joint = stats.multivariate_normal([0, 0], [[1, 1], [1, 3]]).cdf([-1.5, -2.0])
    assert first_passage(-0.03, -0.04, 1, 2)[1] == pytest.approx(joint, abs=1e-6)


@pytest.mark.parametrize("side", Side)
def test_ten_million_paths_agree_with_discrete_first_passage(side):
    s, cost = side.sign, 0.004
    position = Perpetual(side, 0.10, 0.04)
    grid = simulated(
        simulate_grid,
        MODEL,
        [position],
        delays=(0, 2),
        slippage=cost,
        start_sigma=SIGMA,
        horizon=12,
        paths=10_000_000,
        seed=17,
        threads=2,
        weighting=Weighting.PLAIN,
    )
    trigger = s * math.log((1 - s * 0.10) / (1 - s * 0.04))
    default = s * math.log((1 - s * 0.10) / (1 - s * cost))
    for i, delay in enumerate((0, 2)):
        hit, bad = first_passage(trigger, default, 12, delay)
        found = grid.estimates[0, 0, i]
        for estimate, exact in ((found.liquidation, hit), (found.default, bad)):
            assert abs(float(estimate) - exact) < 4 * float(estimate.error)
            assert float(estimate.error) < 2e-4
    # Powerful enough to see the continuity correction, 2 Phi(-(b + .5826 sigma) / sigma sqrt(n)).
    shifted = (trigger - 0.5826 * SIGMA) / (SIGMA * math.sqrt(12))
    corrected = 2 * stats.norm.cdf(shifted)
    hit = first_passage(trigger, default, 12, 0)[0]
    assert abs(corrected - hit) > 4 * float(grid.estimates[0, 0, 0].liquidation.error)


@pytest.mark.parametrize("side", Side)
def test_oracle_latency_is_delay_on_the_market_and_drift_counts(side):
    s = side.sign
    model = PathModel(Variance.GARCH, 0.002, SIGMA**2, 0.0, 0.0, 0.0)
    found = simulated(
        simulate_default,
        model,
        Perpetual(side, 0.08, 0.03, penalty=0.001),
        Mechanism(Oracle(latency=2), delay=1, slippage=Slippage(rate=0.004)),
        start_sigma=SIGMA,
        horizon=8,
        paths=500_000,
        seed=3,
    )
    trigger = s * math.log((1 - s * 0.08) / (1 - s * 0.03))
    default = s * math.log((1 - s * 0.08) / (1 - s * 0.005))
    hit, bad = first_passage(trigger, default, 8, 3, drift=s * 0.002)
    assert abs(float(found.liquidation) - hit) < 4 * float(found.liquidation.error)
    assert abs(float(found.default) - bad) < 4 * float(found.default.error)


def test_a_loan_against_first_passage():
    found = simulated(
        simulate_default,
        MODEL,
        Loan(0.7, 0.75, 0.05),
        Mechanism(delay=2),
        start_sigma=SIGMA,
        horizon=10,
        paths=500_000,
        seed=4,
        weighting=Weighting.PLAIN,
    )
    hit, bad = first_passage(math.log(0.7 / 0.75), math.log(0.7 * 1.05), 10, 2)
    assert abs(float(found.liquidation) - hit) < 4 * float(found.liquidation.error)
    assert abs(float(found.default) - bad) < 4 * float(found.default.error)


LAWS = {
    "normal": (Innovation.NORMAL, {}),
    "t": (Innovation.STUDENT_T, {"nu": 4.0}),
    "skewt": (Innovation.SKEW_T, {"nu": 5.0, "lambda": -0.2}),
}


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("weighting", [Weighting.PLAIN, Weighting.TILTED])
def test_one_bar_is_the_law_itself(name, side, weighting):
    law, shape = LAWS[name]
    model = PathModel(Variance.GARCH, 1e-3, 1e-6, 0.05, 0.0, 0.9, law, shape)
    s = side.sign
    found = simulated(
        simulate_default,
        model,
        Perpetual(side, 0.06, 0.02),
        Mechanism(slippage=Slippage(rate=0.003)),
        start_sigma=SIGMA,
        horizon=1,
        paths=400_000,
        seed=6,
        weighting=weighting,
        loss_cap=1e9,
    )
    for estimate, edge in (
        (found.liquidation, (1 - s * 0.06) / (1 - s * 0.02)),
        (found.default, (1 - s * 0.06) / (1 - s * 0.003)),
    ):
        p = float(distribution(law, (math.log(edge) - 1e-3) / SIGMA, shape))
        exact = p if s > 0 else 1 - p
        assert abs(float(estimate) - exact) < 4 * float(estimate.error)
    if name == "normal" and side is Side.LONG:
        # E[(1 - IM - P (1 - s))^+] with ln P normal: Black's formula.
        edge, v = math.log(0.94 / 0.997), SIGMA
        put = 0.94 * special.ndtr((edge - 1e-3) / v) - 0.997 * math.exp(
            1e-3 + v * v / 2
        ) * special.ndtr((edge - 1e-3 - v * v) / v)
        debt = found.expected_bad_debt
        assert abs(float(debt) - put) < 4 * float(debt.error)


def test_one_bar_in_the_fitted_tail_of_the_residuals():
    residuals = np.random.default_rng(1).standard_normal(1_000)
    tail = ResidualTail(1.3, 0.25, 0.6, 0.1)
    model = PathModel(Variance.GARCH, 0, 1e-4, 0, 0, 0, residuals=residuals, tails=(tail, tail))
    found = simulated(simulate_default,
        model, Perpetual(Side.LONG, 0.30, 0.01), Mechanism(),
        start_sigma=SIGMA, horizon=1, paths=400_000, seed=2,
    )  # fmt: skip
    exact = 0.1 * stats.genpareto.sf(-math.log(0.7) / SIGMA - 1.3, 0.25, scale=0.6)
    assert abs(float(found.default) - exact) < 4 * float(found.default.error)
    assert float(found.default.error) < 0.03 * exact
