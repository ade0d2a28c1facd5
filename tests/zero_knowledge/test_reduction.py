"""Scenarios from paths: what a hull covers, no linear book loses beyond."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.calibration.portfolio import panel_world
from riskkit.errors import InputError
from riskkit.market.panel import Panel
from riskkit.paths.moves import simulate_moves
from riskkit.paths.run import Run
from riskkit.paths.start import Start
from riskkit.paths.world import World
from riskkit.study.panel import PanelCase
from riskkit.volatility.fit import fit_volatility
from riskkit.zero_knowledge.build import gains_of, read_instruments, simulated_moves
from riskkit.zero_knowledge.reduction import choose_corners
from riskkit.zero_knowledge.scenario_set import RiskInstrument
from tests.support import small_study


def heavy(assets: int, paths: int, seed: int) -> np.ndarray:
    """Correlated, skewed moves with heavy tails."""
    draw = np.random.default_rng(seed)
    common = draw.standard_t(4, (paths, 1))
    return np.expm1(0.02 * (common + draw.standard_t(5, (paths, assets))))


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 4), st.floats(0.9, 0.995), st.integers(0, 1000))
def test_no_linear_book_loses_beyond_its_worst_scenario_on_more_paths_than_said(assets, p, seed):
    moves = heavy(assets, 4000, seed)
    corners = choose_corners(moves, 2 if assets == 1 else 12 + 4 * assets, p)
    each, together = corners.covered(moves)
    assert together >= p
    assert (each >= together - 1e-12).all()
    books = np.random.default_rng(seed).normal(size=(50, assets))
    worst = np.max(-corners.moves @ books.T, axis=0)
    beyond = (-moves @ books.T > worst + 1e-12).mean(axis=0)
    assert (beyond <= 1.0 - together + 1e-12).all()


def test_one_asset_is_an_interval_with_as_many_paths_beyond_each_end():
    moves = heavy(1, 10_000, 1)
    corners = choose_corners(moves, 2, 0.98)
    (down,), (up,) = corners.moves.tolist()
    assert 90 <= (moves < down).sum() <= 100
    assert 90 <= (moves > up).sum() <= 100
    other = heavy(1, 10_000, 2)
    each, together = corners.covered(other)
    assert each.tolist() == [(other >= down).mean(), (other <= up).mean()]
    assert together == ((other >= down) & (other <= up)).mean()


@pytest.mark.parametrize(
    ("assets", "count", "p", "rule"),
    [
        (1, 3, 0.99, "must be 2 for one asset"),
        (2, 2, 0.99, "must be more scenarios than assets"),
        (9, 20, 0.99, "at most 8"),
        (2, 16, 1.0, r"must lie in \[0.5, 1\)"),
    ],
)
def test_what_cannot_be_enclosed_is_refused(assets, count, p, rule):
    with pytest.raises(InputError, match=rule):
        choose_corners(heavy(assets, 500, 3), count, p)
    with pytest.raises(InputError, match="must be a table of finite moves"):
        choose_corners(np.full((500, 2), np.nan), 16, 0.99)


def test_a_panel_of_one_moves_as_its_asset_and_two_move_together(btc_daily, eth_daily):
    study, run = small_study(), Run(paths=4000, seed=5)
    fit = fit_volatility(Panel.of([btc_daily]).returns()["BTC/USD"])
    world = World.one(World.of_fit(fit).model, Start.now(fit))
    alone = simulated_moves(world, run, 2)
    assert np.array_equal(alone[:, 0], np.expm1(simulate_moves(world, run, bars=2).terminal))
    joint = simulated_moves(panel_world(PanelCase(study, Panel.of([btc_daily, eth_daily]))), run, 2)
    assert joint.shape == (4000, 2)
    assert np.corrcoef(joint.T)[0, 1] > 0.5


def test_gains_are_whole_and_rounded_away_from_zero():
    one = RiskInstrument(name="X", asset="A", units_per_lot="0.001", price="1.5")
    assert gains_of([one], ["A"], [0.01]) == (15,)
    assert gains_of([one], ["A"], [0.0101]) == (16,)
    assert gains_of([one], ["A"], [-0.0101]) == (-16,)
    with pytest.raises(InputError, match="must be on an asset of the study: B"):
        gains_of([one], ["B"], [0.01])


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("instrument,asset\nX,A\n", "must begin with the line"),
        ("instrument,asset,units_per_lot,price\nX,A,-1,2\n", "line 2: .*two plain positive"),
        ("instrument,asset,units_per_lot,price\nX,A,1\n", "line 2: "),
        ("instrument,asset,units_per_lot,price\n", "must list at least one"),
    ],
)
def test_instruments_that_break_a_rule_are_named(tmp_path, text, rule):
    (tmp_path / "i.csv").write_text(text)
    with pytest.raises(InputError, match=rule):
        read_instruments(tmp_path / "i.csv")
