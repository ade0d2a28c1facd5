"""Markets too young for a model of their own: what is borrowed, and how near the level is drawn."""

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.paths.model import PathModel, Shocks
from riskkit.paths.run import Run
from riskkit.paths.start import Start
from riskkit.volatility.filtering import filter_returns
from riskkit.volatility.spec import VolatilitySpec
from riskkit.volatility.young import fit_peers, pool_peers, young_fit, young_spec

SPEC = young_spec(VolatilitySpec.parse("combined-normal"))
DAYS = pd.date_range("2022-01-01", periods=700, tz="UTC", name="target")
LEVELS = {"A": 0.02, "B": 0.03, "C": 0.045, "D": 0.03}


def market(seed: int, deviation: float, count: int = 700) -> pd.Series:
    rng = np.random.default_rng(seed)
    h, out = 1.0, np.empty(count)
    for t in range(count):
        out[t] = np.sqrt(h) * rng.standard_t(5) / np.sqrt(5 / 3)
        h = 0.08 + 0.12 * out[t] ** 2 + 0.8 * h
    return pd.Series(deviation * out, DAYS[:count], name="log_return")


@pytest.fixture(scope="module")
def returns():
    return {name: market(seed, d) for seed, (name, d) in enumerate(LEVELS.items())}


@pytest.fixture(scope="module")
def fits(returns):
    return fit_peers(returns, SPEC, "NEW")


@pytest.fixture(scope="module")
def peers(fits, returns):
    return pool_peers(fits, returns)


def test_dynamics_are_medians_that_belong_together(fits, peers):
    p, quick = peers.params, [f.params["alpha"] + f.params["beta"] for f in fits.values()]
    assert p["alpha"] == pytest.approx(np.median([f.params["alpha"] for f in fits.values()]))
    assert p["alpha"] + p["beta"] == pytest.approx(np.median(quick))
    assert p["omega"] == pytest.approx(1.0 - p["rho"])


def test_the_level_moves_from_the_peers_to_its_own_with_its_bars(peers):
    own = 0.2
    found = [np.log(peers.level(np.full(n, own))) for n in (20, 60, 200, 5_000)]
    assert peers.levels.mean() < found[0] < found[1] < found[2] < found[3] < 2.0 * np.log(own)
    assert found[3] == pytest.approx(2.0 * np.log(own), abs=0.05)
    between = peers.levels.var(ddof=1) + 1e-3
    weight = between / (between + 2.5 * 8.0 / 60.0)
    by_hand = weight * 2.0 * np.log(own) + (1.0 - weight) * peers.levels.mean()
    assert found[1] == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize("bars", [0, 1, 19])
def test_below_twenty_bars_it_is_the_wildest_peer(bars, peers):
    fit = young_fit(market(9, 0.001).iloc[:bars], peers, SPEC, DAYS[0])
    assert fit.presample_variance == pytest.approx(np.exp(peers.levels.max()))
    assert f"{bars} bars of its own" in fit.health.statement
    assert "wildest" in fit.health.statement
    assert fit.health.healthy


def test_shocks_are_the_peers_and_the_state_is_its_own(peers):
    own = market(9, 0.03, 60)
    fit = young_fit(own, peers, SPEC, own.index[-1], died=("B",))
    assert "survivors A, C, D and B (died)" in fit.health.statement
    model = PathModel.from_fit(fit, Shocks.FILTERED)
    assert model.residuals.size == 4 * 700
    seen = filter_returns(fit, own)
    np.testing.assert_allclose(seen.sigma, fit.sigma, rtol=1e-12)
    assert seen.next_sigma == fit.next_sigma
    drawn = Start.through_the_cycle(fit)
    assert drawn.levels.size == 4 * 700 + 1  # the peers' cycle at its level
    assert np.median(drawn.levels) == pytest.approx(np.sqrt(fit.presample_variance), rel=0.4)
    assert drawn.beside(model, Run(50, 1)).shape == (3, 50)


def test_gjr_where_the_study_has_no_parts(returns):
    spec = young_spec(VolatilitySpec.parse("gjr-skewt"))
    fits = fit_peers(returns, spec, "NEW")
    peers = pool_peers(fits, returns)
    fit = young_fit(market(9, 0.03, 40), peers, spec, DAYS[39])
    assert fit.spec.name == "gjr-normal"
    assert fit.persistence == pytest.approx(np.median([f.persistence for f in fits.values()]))


def test_what_cannot_lend_is_refused_in_words(returns):
    with pytest.raises(InputError, match="other markets"):
        fit_peers(returns, SPEC, "A")
    short = {name: series.iloc[:499] for name, series in returns.items()}
    with pytest.raises(InputError, match="500 bars"):
        fit_peers(short, SPEC, "NEW")
