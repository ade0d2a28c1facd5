"""Joint paths: an asset inside a panel has the bits of the single engine."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from riskkit.dependence.joint import JointKind, JointModel, JointSpec
from riskkit.dependence.residuals import common_dates, joint_residuals, restricted
from riskkit.errors import InputError
from riskkit.market import load_prices
from riskkit.market.panel import Panel
from riskkit.paths.joint import joint_world, simulate_joint_moves, simulate_joint_paths
from riskkit.paths.model import PathModel, Shocks
from riskkit.paths.run import Run
from riskkit.paths.simulate import simulate_paths
from riskkit.paths.start import Start, StartState
from riskkit.paths.world import World
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.spec import VolatilitySpec
from tests.support import ROOT

RUN = Run(3000, 7)


@pytest.fixture(scope="module")
def fits():
    histories = [
        load_prices(ROOT / "data" / f"{name.lower()}_usd_daily.csv", asset=name)
        for name in ("BTC", "ETH")
    ]
    panel = Panel.of(histories)
    spec = VolatilitySpec.parse("gjr-normal")
    return {name: fit_volatility(part.values, spec) for name, part in panel.returns().items()}


def alone(fit, rows, dates):
    """The single engine, given the panel's rows and ages."""
    seen = restricted(fit, dates)
    model = PathModel.from_fit(seen, Shocks.FILTERED)
    assert model.residuals is not None
    return World.one(replace(model, residuals=model.residuals[rows]), Start.now(fit))


def test_plain_rows_give_the_bits_of_the_single_engine(fits):
    dates = common_dates(fits)
    model = JointModel.of(joint_residuals(fits), JointSpec(JointKind.PLAIN))
    paths = simulate_joint_paths(joint_world(fits, dates, model.shocks()), RUN, bars=3)
    rows = model.spec.chosen(len(dates))
    for k, fit in enumerate(fits.values()):
        single = simulate_paths(alone(fit, rows, dates), RUN, bars=3)
        assert np.array_equal(paths[k].T, single)


def test_rotated_rows_give_them_for_a_panel_of_one_and_the_same_shocks_for_two(fits):
    one = {"ETH": fits["ETH"]}
    dates = common_dates(one)
    model = JointModel.of(joint_residuals(one))
    paths = simulate_joint_paths(joint_world(one, dates, model.shocks()), RUN, bars=3)
    single = simulate_paths(alone(fits["ETH"], model.spec.chosen(len(dates)), dates), RUN, bars=3)
    assert np.array_equal(paths[0].T, single)
    both = JointModel.of(joint_residuals(fits))
    world = joint_world(fits, common_dates(fits), both.shocks())
    rows = both.spec.chosen(len(common_dates(fits)))
    for asset, fit in zip(world.assets, fits.values(), strict=True):
        engine = alone(fit, rows, common_dates(fits)).model
        assert np.array_equal(np.sort(asset.model.residuals), np.sort(engine.residuals))
        assert replace(asset.model, residuals=None) == replace(engine, residuals=None)


def test_moves_are_the_ends_of_the_paths_on_any_number_of_threads(fits):
    model = JointModel.of(joint_residuals(fits))
    world = joint_world(fits, common_dates(fits), model.shocks(), bar=pd.Timedelta(days=1))
    many = Run(9000, 3, threads=2)
    moves = simulate_joint_moves(world, many, bars=2)
    paths = simulate_joint_paths(world, replace(many, threads=1), bars=2)
    assert np.array_equal(moves.terminal, paths[:, -1])
    assert np.array_equal(moves.lowest, np.minimum(paths.min(axis=1), 0.0))
    assert np.corrcoef(moves.terminal)[0, 1] > 0.6


def test_a_start_through_the_cycle_takes_one_date_for_all(fits):
    model = JointModel.of(joint_residuals(fits))
    dates = common_dates(fits)
    world = joint_world(fits, dates, model.shocks(), state=StartState.THROUGH_THE_CYCLE)
    sizes = {asset.start.levels.size for asset in world.assets}
    assert sizes == {len(dates) + 1}


def test_an_asset_without_a_fit_is_named(fits):
    shocks = JointModel.of(joint_residuals(fits)).shocks()
    with pytest.raises(InputError, match="must have a fit"):
        joint_world({"BTC": fits["BTC"]}, common_dates(fits), shocks)
    with pytest.raises(InputError, match="BTC, ETH"):
        shocks.of_asset("DOGE")


def test_three_common_days_are_refused_in_words(fits):
    old = fits["ETH"]
    cut = replace(old, residuals=old.residuals.iloc[:-1399], sigma=old.sigma.iloc[:-1399])
    with pytest.raises(InputError, match="bars in common"):
        joint_residuals({"BTC": fits["BTC"], "ETH": cut})
