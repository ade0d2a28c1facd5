"""The fund explorer, driven from Python: what moves, and which way."""

from __future__ import annotations

import pandas as pd
import pytest

from riskkit.lab.explore import explore
from riskkit.lab.explorers import FundExplorer
from riskkit.paths.model import PathModel
from riskkit.paths.run import Run
from riskkit.paths.start import Start
from riskkit.paths.world import World
from riskkit.stress.open import PosedVenue
from riskkit.stress.terms import StressedVenue
from riskkit.venue.accounts_made import SyntheticBook
from riskkit.venue.cascade import CascadeEngine
from riskkit.venue.depth import MarketDepth, OrderBookDepth
from riskkit.venue.layers import CascadeFund
from riskkit.volatility.spec import Variance
from tests.support import small_study


@pytest.fixture
def posed() -> PosedVenue:
    world = World.one(PathModel(Variance.GARCH, 0.0, 1.6e-5, 0.09, 0.0, 0.89), Start.at(0.04))
    curve = OrderBookDepth(3e8)
    venue = StressedVenue(
        SyntheticBook(1e9, 100, 4.0, most_leverage=15.0, maintenance=0.03, seed=3).draw(),
        MarketDepth(curve, curve, 0.4),
        CascadeEngine(fee=0.002),
        CascadeFund(1e7),
        pd.Timedelta("1D"),
        24,
        0.3,
        100,
        20.0,
    )
    return PosedVenue(small_study(), venue, world, Run(100, 5), None)


def test_every_slider_moves_the_answer_the_way_it_must(posed):
    explorer = explore(posed, "fund", years=100)
    assert isinstance(explorer, FundExplorer)
    first = explorer.snapshot
    assert explorer.error == ""
    assert "once in 20 years" in explorer._words.value
    explorer.model.fund = 0.0
    assert explorer.snapshot.used_up >= first.used_up
    explorer.model.fund = 1.0
    explorer.model.depth = 0.1
    thin = explorer.snapshot
    interest = thin.years.open_interest / first.years.open_interest
    assert interest == pytest.approx(10.0)
    assert thin.sizes[1].size / interest > first.sizes[1].size
    explorer.model.depth = 1.0
    explorer.model.leverage = 2.0
    assert explorer.snapshot.sizes[1].size > first.sizes[1].size
    explorer.model.leverage = 1.0
    explorer.model.hedged = 1.0
    hedged = explorer.snapshot
    low = hedged.layered.of("lowest_price").mean()
    assert low < first.layered.of("lowest_price").mean()
    traces = {trace.meta: trace for trace in explorer.figure.data}
    assert len(traces["payers"].y) == 5
    assert list(traces["sizes"].x) == ["10", "20", "50"]
