"""The published GARCH benchmark, in correct digits.

Fiorentini, Calzolari & Panattoni (1996), "Analytic derivatives and the computation of GARCH
estimates", Journal of Applied Econometrics 11, 399-417, on the 1,974 DEM/GBP returns of
Bollerslev & Ghysels (1996), in percent; presample variance mean(e^2) at every mu.
The score is -log10 of the relative error.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.spec import VolatilitySpec

DATA = Path(__file__).parents[2] / "data" / "dem_gbp_returns.csv"
COEFFICIENTS = [-0.00619041, 0.0107613, 0.153134, 0.805974]
ERRORS = {
    "hessian": [0.00846212, 0.00285271, 0.0265228, 0.0335527],
    "opg": [0.00843359, 0.00132298, 0.0139737, 0.0165604],
    "qmle": [0.00918935, 0.00649319, 0.0535317, 0.0724614],
}


def digits(x: pd.Series, reference: list[float]) -> np.ndarray:
    benchmark = np.array(reference)
    return -np.log10(np.abs(x.to_numpy() - benchmark) / np.abs(benchmark))


@pytest.fixture(scope="module")
def fit() -> VolatilityFit:
    percent = pd.read_csv(DATA, index_col="bar")["log_return_percent"]
    return fit_volatility(percent, VolatilitySpec.parse("garch-normal"))


def test_coefficients(fit: VolatilityFit) -> None:
    assert (digits(fit.params, COEFFICIENTS) >= [6, 5, 6, 6]).all()


@pytest.mark.parametrize("kind", ERRORS)
def test_standard_errors(fit: VolatilityFit, kind: str) -> None:
    assert (digits(fit.standard_errors(kind), ERRORS[kind]) >= 5).all()


def test_log_likelihood(fit: VolatilityFit) -> None:
    assert fit.loglikelihood == pytest.approx(-1106.60788104, abs=5e-9)
    assert fit.engine == "compiled"
