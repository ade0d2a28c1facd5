"""Joint shocks: margins to the bit, dates shared, no look ahead, declared fallbacks."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from riskkit.dependence.joint import (
    JointKind,
    JointModel,
    JointSpec,
    aged_rows,
    ranked,
    stressed,
)
from riskkit.dependence.residuals import JointResiduals
from riskkit.errors import InputError

DATES = pd.date_range("2020-01-01", periods=700, freq="D", tz="UTC")


def residuals(assets: int = 3, seed: int = 2, rho: float = 0.6) -> JointResiduals:
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(np.full((assets, assets), rho) + (1.0 - rho) * np.eye(assets))
    z = rng.standard_t(5, (len(DATES), assets)) @ root.T
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    return JointResiduals(tuple("ABCDEFGH"[:assets]), DATES, z)


def test_every_asset_keeps_its_own_aged_sample_to_the_bit():
    joint = residuals()
    model = JointModel.of(joint)
    shocks = model.shocks()
    rows = model.spec.chosen(len(joint))
    for k, name in enumerate(joint.names):
        own = joint.values[rows, k]
        assert np.array_equal(np.sort(shocks.of_asset(name)[0]), np.sort(own))
    assert shocks.kind is JointKind.ROTATED
    assert len(shocks.dates) == shocks.rows == 2048


def test_a_panel_of_one_comes_back_in_the_order_of_its_rows():
    joint = residuals(1)
    model = JointModel.of(joint)
    assert np.array_equal(model.shocks().tables[0, 0], joint.values[model.spec.chosen(700), 0])


def test_plain_rows_are_the_rows_of_one_date():
    joint = residuals()
    shocks = JointModel.of(joint, JointSpec(JointKind.PLAIN)).shocks()
    table = pd.DataFrame(joint.values, index=joint.dates, columns=joint.names)
    assert np.array_equal(shocks.tables[0].T, table.loc[shocks.dates].to_numpy())


def test_assets_in_another_order_have_the_same_scenarios():
    joint = residuals(4)
    order = [2, 0, 3, 1]
    other = JointResiduals(
        tuple(joint.names[k] for k in order), joint.dates, joint.values[:, order].copy()
    )
    one, two = JointModel.of(joint).shocks(), JointModel.of(other).shocks()
    assert two.correlation == pytest.approx(one.correlation[np.ix_(order, order)], abs=1e-6)
    held = JointModel.of(joint).dcc
    assert held is not None
    turned = replace(held, target=held.target[np.ix_(order, order)].copy())
    exact = JointModel.of(other, dcc=turned).shocks()
    assert exact.tables[0] == pytest.approx(one.tables[0][order], abs=1e-12)


def test_later_rows_change_no_earlier_scenario():
    joint = residuals()
    dcc = JointModel.of(replace(joint, dates=DATES[:500], values=joint.values[:500])).dcc
    scrambled = joint.values.copy()
    scrambled[500:] = -3.0 * scrambled[500:][::-1]
    other = replace(joint, values=scrambled)
    for table in (JointModel.of(joint, dcc=dcc), JointModel.of(other, dcc=dcc)):
        found = table.shocks(499)
        assert found.dates.max() <= DATES[499]
        if table.residuals is joint:
            first = found
    assert np.array_equal(first.tables, found.tables)


def test_rotation_brings_todays_correlation_and_a_longer_horizon_the_expected_one():
    joint = residuals(2, rho=0.1)
    calm = joint.values.copy()
    calm[-60:, 1] = calm[-60:, 0]
    model = JointModel.of(replace(joint, values=calm))
    assert model.dcc is not None
    assert model.kind is JointKind.ROTATED
    shocks = model.shocks(frozen=2, bars=5)
    assert shocks.tables.shape == (5, 2, 2048)
    assert np.array_equal(shocks.tables[0], shocks.tables[1])
    ranks = [np.corrcoef(table)[0, 1] for table in shocks.tables]
    plain = np.corrcoef(JointModel.of(joint, JointSpec(JointKind.PLAIN)).shocks().tables[0])[0, 1]
    assert ranks[0] > plain + 0.2
    assert ranks[4] < ranks[0]


def test_rows_age_by_half():
    rows = aged_rows(2000, 100.0, 4000)
    assert (np.diff(rows) >= 0).all()
    newest, before = (rows >= 1900).sum(), ((rows >= 1800) & (rows < 1900)).sum()
    assert newest == pytest.approx(2000, abs=2)
    assert before == pytest.approx(1000, abs=2)
    hourly = JointSpec.for_bar(pd.Timedelta(hours=1))
    assert np.array_equal(hourly.chosen(5000), np.arange(1000, 5000))


def test_what_cannot_be_rotated_falls_back_and_says_so():
    joint = residuals(2)
    twins = replace(joint, values=np.repeat(joint.values[:, :1], 2, axis=1))
    model = JointModel.of(twins)
    assert model.kind is JointKind.PLAIN
    assert "positive definite" in model.shocks().fallbacks[0]
    near = twins.values.copy()
    near[:, 1] += 1e-5 * np.random.default_rng(0).standard_normal(700)
    floored = JointModel.of(replace(joint, values=near / near.std(axis=0)))
    assert "eigenvalue floor" in floored.fallbacks[0]
    assert floored.health()["kind"] == "joint-rows"


def test_stress_moves_both_ways_and_keeps_margins():
    shocks = JointModel.of(residuals(2)).shocks()
    one, apart = stressed(shocks, 1.0), stressed(shocks, 0.0)
    for found in (one, apart):
        assert np.array_equal(np.sort(found.tables), np.sort(shocks.tables))
    spread = [np.quantile(s.tables[0][0] - s.tables[0][1], 0.99) for s in (one, shocks, apart)]
    assert spread[0] < spread[1] < spread[2]
    together = [np.quantile(s.tables[0].sum(axis=0), 0.99) for s in (one, shocks, apart)]
    assert together[0] > together[1] > together[2]
    with pytest.raises(InputError, match="legs decouple"):
        stressed(shocks, 0.5)


def test_ranks_put_own_values_in_the_others_order():
    found = ranked(np.array([[3.0, 1.0, 2.0]]), np.array([[-1.0, 5.0, 0.5]]))
    assert found.tolist() == [[5.0, -1.0, 0.5]]


@pytest.mark.parametrize("numbers", [{"half_life": 0.0}, {"rows": 50}, {"eigenvalue_floor": 0.5}])
def test_numbers_out_of_range_are_refused(numbers):
    with pytest.raises(InputError):
        JointSpec(**numbers)


def test_a_start_with_few_rows_is_refused():
    with pytest.raises(InputError, match="100 rows"):
        JointModel.of(residuals()).shocks(50)
