"""Errors of estimates, means that do not exist, and the faults seen in other tools."""

import math
from dataclasses import replace

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from riskkit.errors import InputError
from riskkit.paths.model import PathModel
from riskkit.paths.simulate import simulate_paths
from riskkit.position import Side
from riskkit.simulation.default import Weighting, simulate_default, simulate_grid
from riskkit.simulation.estimates import wilson
from riskkit.venue.mechanism import CloseOut, CloseOutRule, Loan, Mechanism, Perpetual, Slippage
from riskkit.volatility.spec import Innovation, Variance
from tests.support import simulated

T_MODEL = PathModel(Variance.GARCH, 0.0, 8e-6, 0.08, 0.0, 0.9, Innovation.STUDENT_T, {"nu": 5.0})
RUN = {"start_sigma": 0.02, "horizon": 10, "paths": 40_000, "seed": 1}
LONG, SHORT = Perpetual(Side.LONG, 0.08, 0.03), Perpetual(Side.SHORT, 0.08, 0.03)


@pytest.mark.parametrize(("hits", "trials"), [(0, 50), (3, 50), (50, 50), (1_234, 100_000)])
def test_wilson_is_that_of_statsmodels(hits, trials):
    expected = proportion_confint(hits, trials, alpha=0.05, method="wilson")
    assert np.allclose(wilson(hits, trials), expected, rtol=0, atol=1e-12)


def test_estimates_hang_together():
    found = simulated(simulate_default, T_MODEL, LONG, Mechanism(delay=2), **RUN)
    n = RUN["paths"]
    assert float(found.default) == found.default.hits / n
    assert float(found.default) == pytest.approx(
        float(found.liquidation) * float(found.default_given_liquidation)
    )
    assert float(found.expected_bad_debt) == pytest.approx(
        float(found.default) * float(found.loss_given_default)
    )
    p, conditional = float(found.default), float(found.default_given_liquidation)
    assert float(found.default.error) == pytest.approx(math.sqrt(p * (1 - p) / n))
    assert float(found.default_given_liquidation.error) == pytest.approx(
        math.sqrt(conditional * (1 - conditional) / int(found.liquidation.hits))
    )
    assert found.default.low < p < found.default.high
    assert 1 <= float(found.time_to_liquidation) <= 10
    summary = found.summary()
    assert summary.loc["default", "paths"] == n
    assert summary.loc["default", "paths"] == 40_000
    assert summary.loc["default", "failed"] == 0


def test_a_mean_that_does_not_exist_is_refused_or_capped():
    refused = simulated(simulate_default, T_MODEL, SHORT, Mechanism(), **RUN)
    assert refused.expected_bad_debt is None
    assert refused.loss_given_default is None
    assert "infinite under power-law shocks" in refused.refused
    capped = simulated(simulate_default, T_MODEL, SHORT, Mechanism(), loss_cap=0.01, **RUN)
    assert capped.refused == ""
    assert float(capped.loss_given_default) <= 0.01
    for position, model in (
        (LONG, T_MODEL),
        (SHORT, replace(T_MODEL, law=Innovation.NORMAL)),
        (SHORT, replace(T_MODEL, residuals=np.linspace(-2, 2, 100))),
    ):
        assert (
            simulated(simulate_default, model, position, Mechanism(), **RUN).expected_bad_debt
            is not None
        )


def test_volatility_does_not_decay_when_it_should_persist():
    # The fault: a daily variance fed with one-minute squared returns falls to its floor in
    # 14 bars. Here every bar feeds on its own return: the mean variance stays for 1,440 bars.
    model = PathModel(Variance.GARCH, 0.0, 2e-8, 0.02, 0.0, 0.96)
    x = simulated(simulate_paths, model, start_sigma=1e-3, bars=1_440, paths=4_000, seed=2)
    squares = np.diff(x, axis=1)[:, -200:] ** 2
    by_path = squares.mean(axis=1)
    assert abs(by_path.mean() - 1e-6) < 4 * by_path.std() / math.sqrt(4_000)


def test_volatility_is_applied_once():
    # The fault: scaling by a Cholesky factor of the covariance after scaling by sigma.
    flat = PathModel(Variance.GARCH, 0.0, 4e-4, 0.0, 0.0, 0.0)
    x = simulated(simulate_paths, flat, start_sigma=0.02, bars=4, paths=200_000, seed=3)
    assert x[:, -1].std() == pytest.approx(0.02 * 2, rel=0.01)


def test_filtered_shocks_hold_the_jumps_of_the_sample_once():
    # The fault: jumps fitted inside the GARCH and added again to its shocks.
    residuals = np.append(np.linspace(-1, 1, 199), -9.0)
    model = PathModel(Variance.GARCH, 0.0, 4e-4, 0.0, 0.0, 0.0, residuals=residuals)
    x = (
        simulated(simulate_paths, model, start_sigma=0.02, bars=1, paths=400_000, seed=3)[:, 0]
        / 0.02
    )
    assert x.min() == pytest.approx(-9.0)
    assert (x < -1.1).mean() == pytest.approx(1 / 200, rel=0.1)
    assert x.std() == pytest.approx(residuals.std(), rel=0.02)


def test_today_decides_and_not_the_long_run():
    # The fault: starting from the long-run variance. Same model, two states of today.
    calm, wild = (
        simulated(simulate_default,
            T_MODEL, LONG, Mechanism(), **{**RUN, "start_sigma": sigma},
            weighting=Weighting.PLAIN,
        ).liquidation
        for sigma in (0.01, 0.05)
    )  # fmt: skip
    assert float(wild) > 3 * float(calm)


def test_failed_paths_are_counted_and_shown():
    # The fault: failed paths dropped uncounted. This variance explodes on large shocks.
    explosive = PathModel(
        Variance.EGARCH, 0.0, 0.0, 500.0, 0.0, 1.0, Innovation.STUDENT_T, {"nu": 3.0}
    )
    run = {**RUN, "weighting": Weighting.PLAIN}
    x = simulated(simulate_paths, explosive, start_sigma=0.02, bars=10, paths=40_000, seed=1)
    failed = int((~np.isfinite(x[:, -1])).sum())
    assert failed > 100
    one = simulated(simulate_default, explosive, LONG, Mechanism(), **run)
    grid = simulated(simulate_grid, explosive, [LONG], delays=(0,), **run).estimates[0, 0, 0]
    for found in (one, grid):
        assert (found.default.paths, found.default.failed) == (40_000, failed)
        assert float(found.default) == found.default.hits / (40_000 - failed)


def test_default_falls_with_margin_and_grows_with_volatility_and_slippage():
    # In the region of 2 to 4 % per bar, 10 bars, delay 1; no law is claimed beyond it.
    positions = [Perpetual(Side.LONG, im, 0.02) for im in (0.06, 0.09, 0.12, 0.15)]
    values = []
    for sigma in (0.02, 0.03, 0.04):
        for slippage in (0.0, 0.01):
            found = simulated(simulate_grid,
                T_MODEL, positions, delays=(1,), slippage=slippage,
                **{**RUN, "start_sigma": sigma}, weighting=Weighting.PLAIN,
            ).estimates.default  # fmt: skip
            values.append(found.value[:, 0, 0])
    cube = np.array(values).reshape(3, 2, 4)
    assert (np.diff(cube, axis=2) < 0).all()
    assert (np.diff(cube, axis=1) >= 0).all()
    assert (np.diff(cube, axis=0) > 0).all()


def test_the_grid_table_is_tidy_and_names_its_horizon_elsewhere():
    grid = simulated(simulate_grid, T_MODEL, [LONG, LONG], delays=(0, 3), latencies=(0, 1), **RUN)
    table = grid.table()
    assert len(table) == 8
    assert table.columns[:3].tolist() == ["position", "latency_bars", "delay_bars"]
    assert grid.estimates.horizon == 10
    row = table.query("position == 1 and latency_bars == 1 and delay_bars == 3").iloc[0]
    assert row["default_probability"] == grid.estimates.default.value[1, 1, 1]
    assert grid.estimates.refused == "Only counts were asked for"


BAD = [
    ({"horizon": 0}, "horizon: got 0"),
    ({"paths": 0}, "paths: got 0"),
    ({"start_sigma": math.nan}, "start: got nan"),
    ({"loss_cap": -1.0}, "loss_cap: got -1.0; must be positive"),
    ({"seed": 0.5}, "seed: got 0.5"),
]


@pytest.mark.parametrize(("change", "match"), BAD)
def test_bad_runs_are_refused(change, match):
    with pytest.raises(InputError, match=match):
        simulated(simulate_default, T_MODEL, LONG, Mechanism(), **{**RUN, **change})


def test_bad_grids_are_refused():
    def grid(positions, **change):
        return simulated(simulate_grid, T_MODEL, positions, **{"delays": (0,), **RUN, **change})

    with pytest.raises(InputError, match=r"delays: .*must not be negative"):
        grid([LONG], delays=(-1,))
    with pytest.raises(InputError, match=r"positions: .*all of one exposure. Simulate longs"):
        grid([LONG, SHORT])
    with pytest.raises(InputError, match=r"positions: .*must be one or more"):
        grid([])
    with pytest.raises(InputError, match=r"positions: .*must not accrue"):
        grid([replace(LONG, funding=0.001)])
    with pytest.raises(InputError, match=r"slippage: got 1.5"):
        grid([LONG], slippage=1.5)
    with pytest.raises(InputError, match=r"initial_margin: got 0.03; must exceed"):
        grid([replace(LONG, initial_margin=0.03)])


def test_bad_mechanisms_are_refused_before_anything_runs():
    restore = Mechanism(close_out=CloseOut(CloseOutRule.RESTORE, 0.9))
    with pytest.raises(InputError, match=r"close_out.level: got 0.9; must exceed the trigger"):
        simulated(simulate_default, T_MODEL, Loan(0.7, 0.8, 0.05), restore, **RUN)
    with pytest.raises(InputError, match="delay: got -2"):
        simulated(
            simulate_default, T_MODEL, LONG, Mechanism(delay=-2, slippage=Slippage(rate=0.1)), **RUN
        )
