"""Where two optima take turns in leading, a walk holds the better one on every window."""

from pathlib import Path

import numpy as np
import pandas as pd

from riskkit.volatility.engine.cold import MOMENTS, describe, fit_cold
from riskkit.volatility.engine.kernel import SIZE, Point
from riskkit.volatility.engine.models import model_of
from riskkit.volatility.engine.newton import minimise
from riskkit.volatility.spec import VolatilitySpec
from riskkit.volatility.walkforward import walk_forward

DATA = Path(__file__).parents[3] / "data"
WINDOW = 1000


def best_of_all_starts(values: np.ndarray, spec: VolatilitySpec) -> float:
    """Log-likelihood of the best of a cold fit from every point of the grid."""
    model = model_of(spec)
    scale = float(values.std())
    y = np.ascontiguousarray(values / scale)
    moments, n, m = np.empty(MOMENTS), len(model.free), len(model.bounds)
    terms = model.terms(model.tolerance)
    terms.grid[:, 4] = np.arange(len(terms.grid))
    point = Point(
        model.fixed.copy(), np.zeros((n, n)), np.zeros(m, dtype=np.bool_), np.empty(SIZE + 1)
    )
    describe(y, model.centred, model.sample, moments)
    value, _, _, _ = fit_cold(
        minimise.native, model.likelihood.native, y, moments, terms, point, np.empty(SIZE)
    )
    return float(-value - len(y) * np.log(scale))


def test_the_lead_is_followed_there_and_back() -> None:
    """ETH in autumn 2023: without rivals kept in mind 10 of these 50 windows stay behind."""
    close = pd.read_csv(DATA / "eth_usd_daily.csv", index_col=0, parse_dates=True)["close"]
    returns = np.log(close).diff().dropna()
    at = int(returns.index.searchsorted(pd.Timestamp("2023-09-05")))
    part = returns.iloc[at - WINDOW : at + 50]
    spec = VolatilitySpec.parse("gjr-t-backcast")
    table = walk_forward(part, spec, WINDOW)
    best = [best_of_all_starts(part.to_numpy()[i : i + WINDOW], spec) for i in range(len(table))]
    short = np.array(best) - table["loglikelihood"].to_numpy()
    assert (short > 1e-9 * np.abs(best)).sum() <= 3
