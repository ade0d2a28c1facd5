"""Books along a panel's history: nothing looks ahead, and rules are equally safe where chosen."""

from dataclasses import replace

import numpy as np
import pytest

from riskkit.dependence.joint import JointKind, JointSpec
from riskkit.errors import InputError
from riskkit.market import load_prices
from riskkit.market.panel import Panel
from riskkit.portfolio.books import reference_books
from riskkit.proof.panel_generations import JUDGED, PORTFOLIO, compare_panel_generations
from riskkit.proof.panel_walk import WalkPlan, walk_panel
from riskkit.volatility.spec import VolatilitySpec
from tests.support import DATA

SPEC = VolatilitySpec.parse("garch-normal")
PLAN = WalkPlan(600, 400)
JOINT = JointSpec(rows=1100)
BOTH = (JointKind.ROTATED, JointKind.PLAIN)


def panel(end=None) -> Panel:
    names = {"BTC": "btc_usd_daily.csv", "ETH": "eth_usd_daily.csv"}
    histories = [load_prices(DATA / file, asset=name) for name, file in names.items()]
    return Panel.of([h.between("2019-01-01", end) for h in histories])


@pytest.fixture(scope="module")
def walk():
    return walk_panel(panel(), SPEC, reference_books(2, each=6), PLAN, joint=JOINT, kinds=BOTH)


def test_forecasts_do_not_know_what_comes(walk):
    cut = panel("2023-06-30")
    early = walk_panel(cut, SPEC, reference_books(2, each=6), PLAN, joint=JOINT, kinds=BOTH)
    n = len(early.loss)
    assert n < len(walk.loss)
    for kind in BOTH:
        assert np.array_equal(early.forecasts[kind].var, walk.forecasts[kind].var[:n])
    bent = [
        replace(h, bars=h.bars.assign(close=h.close.where(h.close.index < cut.histories[0].last,
                                                          7.0 / h.close)))
        for h in cut.histories
    ]  # fmt: skip
    scrambled = walk_panel(Panel.of(bent), SPEC, reference_books(2, each=6), PLAN, joint=JOINT)
    same = scrambled.origins < cut.histories[0].last
    kept = scrambled.forecasts[JointKind.ROTATED].var[same]
    assert np.array_equal(kept, walk.forecasts[JointKind.ROTATED].var[: same.sum()])


def test_single_legs_are_margined_alike_however_rows_are_joined(walk):
    alone = walk.of("single long") | walk.of("single short")
    rotated, plain = (walk.forecasts[kind].var[:, alone] for kind in BOTH)
    assert np.array_equal(rotated, plain)
    pairs = walk.of("pairs")
    assert not np.array_equal(
        walk.forecasts[BOTH[0]].var[:, pairs], walk.forecasts[BOTH[1]].var[:, pairs]
    )


def test_losses_are_those_of_the_bars_ahead(walk):
    closes = panel().closes.dropna()
    at = closes.index.get_indexer(walk.origins)
    moved = closes.to_numpy()[at + 1] / closes.to_numpy()[at] - 1.0
    assert walk.moves == pytest.approx(moved, abs=1e-12)
    assert walk.loss[:, 0] == pytest.approx(-moved[:, 0], abs=1e-12)


def test_several_bars_are_simulated_on_rows_of_the_same_origin():
    plan = replace(PLAN, bars=3, step=60, paths=2000)
    found = walk_panel(panel(), SPEC, reference_books(2, each=2), plan, joint=JOINT)
    assert (found.forecasts[JointKind.ROTATED].var[:, 0] > 0.03).all()
    closes = panel().closes.dropna()["BTC"].to_numpy()
    at = panel().closes.dropna().index.get_indexer(found.origins)
    assert found.moves[:, 0] == pytest.approx(closes[at + 3] / closes[at] - 1.0)


def test_rules_are_equally_safe_on_the_first_half(walk):
    found = compare_panel_generations(walk)
    half = len(walk.loss) // 2
    row = found.table.set_index(["rule", "equal"]).loc[(PORTFOLIO, "frequency")]
    var = walk.forecasts[JointKind.ROTATED].var[:half]
    short = walk.loss[:half] > row["scale"] * var
    worst = max(float(short[:, walk.of(g)].mean()) for g in JUDGED if walk.of(g).any())
    assert worst == pytest.approx(0.01, abs=3e-3)
    assert worst <= 0.01
    debt = found.table.set_index(["rule", "equal"]).loc[(PORTFOLIO, "bad debt")]
    assert debt["scale"] > row["scale"]
    assert 0.0 < debt["saved"] < row["saved"] < 1.0
    assert found.split == walk.origins[half]
    again = compare_panel_generations(walk)
    assert again.table.equals(found.table)
    with pytest.raises(InputError, match="strictly between"):
        compare_panel_generations(walk, rate=0.0)


def test_a_panel_too_short_to_walk_is_refused():
    with pytest.raises(InputError, match="Load longer histories"):
        walk_panel(panel("2022-05-31"), SPEC, reference_books(2, each=2), PLAN)
