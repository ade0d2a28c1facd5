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
from riskkit.paths.joint import (
    joint_world,
    simulate_changing_paths,
    simulate_joint_moves,
    simulate_joint_paths,
)
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


def test_a_table_for_each_bar_draws_the_scenarios_of_the_kernel(fits):
    model = JointModel.of(joint_residuals(fits))
    dates = common_dates(fits)
    for state in (StartState.NOW, StartState.THROUGH_THE_CYCLE):
        world = joint_world(fits, dates, model.shocks(), state=state)
        kernel = simulate_joint_paths(world, RUN, bars=5)
        one = simulate_changing_paths(world, model.shocks(), RUN, bars=5)
        assert one == pytest.approx(kernel, rel=1e-12, abs=1e-14)
        several = simulate_changing_paths(world, model.shocks(frozen=2, bars=5), RUN, bars=5)
        assert np.array_equal(several[:, :2], one[:, :2])
        assert not np.array_equal(several[:, 4], one[:, 4])


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


def test_a_correlation_that_moves_along_each_path_changes_little_over_three_bars(fits):
    """The slow reference: every path carries its own Q, updated by its own rotated shocks."""
    residuals = joint_residuals(fits)
    dates = common_dates(fits)
    model = JointModel.of(residuals)
    dcc = model.dcc
    assert dcc is not None
    count, bars = 40_000, 3
    world = joint_world(fits, dates, model.shocks(frozen=bars))
    fast = np.expm1(simulate_joint_moves(world, Run(count, 11), bars=bars).terminal)
    rng, rows = np.random.default_rng(3), model.spec.chosen(len(dates))
    last = model.correlations[-1]
    q = np.broadcast_to(last, (count, 2, 2)).copy()
    h = np.array([asset.start.volatilities(asset.model, RUN)[0] for asset in world.assets])
    h = np.broadcast_to(h**2, (count, 2)).copy()
    price = np.zeros((count, 2))
    sample = np.sort(residuals.values[rows], axis=0)
    parts = {
        name: np.array([getattr(asset.model, name) for asset in world.assets])
        for name in ("mu", "omega", "alpha", "gamma", "beta")
    }
    for _ in range(bars):
        d = np.sqrt(np.einsum("pii->pi", q))
        values, vectors = np.linalg.eigh(q / (d[:, :, None] * d[:, None, :]))
        half = (vectors * np.sqrt(values)[:, None, :]) @ np.swapaxes(vectors, 1, 2)
        drawn = model.whitened[rows[rng.integers(0, len(rows), count)]]
        turned = np.einsum("pij,pj->pi", half, drawn)
        # Margins kept: the rank of a turned shock among all paths, read off the own sample.
        place = (np.argsort(np.argsort(turned, axis=0), axis=0) + 0.5) / count * len(rows)
        z = np.take_along_axis(sample, place.astype(int), axis=0)
        price += parts["mu"] + np.sqrt(h) * z
        h = parts["omega"] + h * (
            parts["beta"] + (parts["alpha"] + parts["gamma"] * (z < 0.0)) * z**2
        )
        q = (1.0 - dcc.a - dcc.b) * dcc.target + dcc.b * q
        q += dcc.a * z[:, :, None] * z[:, None, :]
    slow = np.expm1(price).T
    for weights in ((0.5, -0.5), (-0.5, 0.5), (0.5, 0.5), (0.7, -0.3)):
        one, other = (np.quantile(-np.array(weights) @ moves, 0.99) for moves in (fast, slow))
        assert one == pytest.approx(other, rel=0.06)
