"""Returns across holes are observations of the tail: one each, over the bars that they span."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from riskkit.market.returns import log_returns
from riskkit.paths.inside import Ranges
from riskkit.paths.model import PathModel, Shocks
from riskkit.study.inside import across_holes, ranges_of
from riskkit.study.study import parse_study
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.spec import VolatilitySpec

SPEC = VolatilitySpec.parse("gjr-normal")


@pytest.fixture(scope="module")
def holed(eth_daily):
    history = eth_daily.between("2018-01-01", "2021-12-31")
    returns = log_returns(history)
    return history, returns, fit_volatility(returns, SPEC)


def test_a_hole_is_one_shock_over_the_root_of_its_bars(holed):
    _, returns, fit = holed
    across = across_holes(returns)
    assert across.moves.size == len(returns.excluded) > 3
    model = PathModel.from_fit(fit, Shocks.FILTERED, Ranges(None, across=across))
    assert model.residuals.size == len(returns) + across.moves.size
    assert model.residuals.std() == pytest.approx(1.0)
    raw = model.residuals * model.sigma_scale
    shift = fit.residuals.iloc[0] - raw[0]
    for k, row in enumerate(returns.excluded.itertuples()):
        bars = (row.target - row.origin) / pd.Timedelta("1D")
        # Known at the origin, as a forecast: the sigma of the first return after the hole.
        sigma = fit.sigma[fit.sigma.index > row.origin].iloc[0]
        shock = (row.log_return - fit.params["mu"] * bars) / (sigma * np.sqrt(bars))
        assert raw[len(returns) + k] + shift == pytest.approx(shock)


def test_a_fit_that_ends_before_a_hole_does_not_know_it(holed):
    _, returns, _ = holed
    across = across_holes(returns)
    early = fit_volatility(returns.values[: across.target[1]], SPEC)
    model = PathModel.from_fit(early, Shocks.FILTERED, Ranges(None, across=across))
    assert model.residuals.size == early.nobs + 1


def test_holes_count_unless_a_study_leaves_them_out(holed):
    history, _, _ = holed
    content = {"title": "ETH", "as_of": date(2021, 12, 31), "data": {"asset": "E", "prices": "e"}}
    assert ranges_of(parse_study(content), history) is None
    new = parse_study({"schema_version": 2, **content})
    assert ranges_of(new, history).across is not None
    assert ranges_of(new.changed({"model.holes": "left-out"}), history) is None
    whole = replace(history, bars=history.bars.iloc[:60])
    assert across_holes(log_returns(whole)) is None or whole.quality.missing_bars
