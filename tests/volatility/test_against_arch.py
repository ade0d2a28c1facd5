"""The compiled engine against arch's optimum, arch's filter and arch's standard errors."""

import numpy as np
import pandas as pd
import pytest

from riskkit.volatility.archfit import arch_model, estimate_with_arch
from riskkit.volatility.engine.estimator import estimate
from riskkit.volatility.spec import VolatilitySpec

SMOOTH = ["garch-normal", "garch-t", "garch-skewt", "gjr-normal", "gjr-t", "gjr-skewt", "ewma-t"]
KINKED = ["egarch-normal", "egarch-t", "egarch-skewt"]


@pytest.mark.parametrize("series", ["sp500", "wti"])
@pytest.mark.parametrize("name", SMOOTH)
def test_the_likelihood_is_nowhere_below_archs(
    name: str, series: str, request: pytest.FixtureRequest
) -> None:
    values = request.getfixturevalue(series).to_numpy(copy=True)[-1500:]
    spec = VolatilitySpec.parse(f"{name}-backcast")
    ours, theirs = estimate(values, spec), estimate_with_arch(values, spec)
    assert ours.converged
    assert ours.loglikelihood >= theirs.loglikelihood * (1.0 - 1e-9)
    assert ours.presample_variance == pytest.approx(theirs.presample_variance, rel=1e-12)


@pytest.mark.parametrize("name", KINKED)
def test_egarch_is_within_its_kinks_of_arch(name: str, sp500: pd.Series) -> None:
    values = sp500.to_numpy(copy=True)[-1500:]
    spec = VolatilitySpec.parse(f"{name}-backcast")
    ours, theirs = estimate(values, spec), estimate_with_arch(values, spec)
    assert ours.loglikelihood > theirs.loglikelihood - 5e-4


@pytest.mark.parametrize("name", ["egarch-normal-zero", "egarch-t-zero", "egarch-skewt-zero"])
def test_egarch_without_a_mean_is_smooth_and_exact(name: str, sp500: pd.Series) -> None:
    values = sp500.to_numpy(copy=True)[-1500:]
    spec = VolatilitySpec.parse(f"{name}-backcast")
    ours, theirs = estimate(values, spec), estimate_with_arch(values, spec)
    assert ours.loglikelihood >= theirs.loglikelihood * (1.0 - 1e-9)


@pytest.mark.parametrize("name", ["garch-t", "gjr-skewt", "egarch-normal", "egarch-skewt"])
def test_sigma_and_likelihood_equal_archs_at_our_parameters(name: str, sp500: pd.Series) -> None:
    values = sp500.to_numpy(copy=True)[-1500:]
    spec = VolatilitySpec.parse(f"{name}-backcast")
    found = estimate(values, spec)
    fixed = arch_model(values, spec).fix(found.params[list(spec.parameters)].to_numpy())
    # arch clips variances above 1e-8 of the sample's; nothing here comes near.
    assert found.loglikelihood == pytest.approx(fixed.loglikelihood, abs=1e-7)


@pytest.mark.parametrize("name", ["garch-normal", "garch-t", "gjr-skewt"])
def test_standard_errors_agree_with_archs_numerical_ones(name: str, wti: pd.Series) -> None:
    values = wti.to_numpy(copy=True)[-2500:]
    spec = VolatilitySpec.parse(f"{name}-backcast")
    ours, theirs = estimate(values, spec), estimate_with_arch(values, spec)
    for kind in ("hessian", "opg", "qmle"):
        a = np.sqrt(np.diag(ours.covariance[kind]))
        b = np.sqrt(np.diag(theirs.covariance[kind]))
        np.testing.assert_allclose(a, b, rtol=0.02, err_msg=kind)
