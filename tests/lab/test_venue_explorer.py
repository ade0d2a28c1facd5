"""The venue explorer, driven from Python: what moves, and which way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskkit.lab.explorers import VenueExplorer
from riskkit.paths.model import PathModel
from riskkit.paths.run import Run
from riskkit.paths.start import Start
from riskkit.paths.world import World
from riskkit.stress.open import OpenedVenue
from riskkit.stress.paths import return_blocks
from riskkit.stress.terms import StressedVenue
from riskkit.venue.accounts_made import SyntheticBook
from riskkit.venue.cascade import CascadeEngine, FollowingMargin
from riskkit.venue.depth import MarketDepth, OrderBookDepth
from riskkit.venue.layers import CascadeFund
from riskkit.volatility.spec import Variance
from tests.support import small_study


@pytest.fixture
def opened() -> OpenedVenue:
    world = World.one(PathModel(Variance.GARCH, 0.0, 0.72e-6, 0.09, 0.0, 0.89), Start.at(0.012))
    curve, run = OrderBookDepth(3e8), Run(100, 5)
    venue = StressedVenue(
        SyntheticBook(1e9, accounts=300, seed=3).draw(),
        MarketDepth(curve, curve, 0.4),
        CascadeEngine(fee=0.002),
        CascadeFund(1e7),
        pd.Timedelta("1h"),
        24,
        0.3,
        100,
        20.0,
    )
    _, returns = next(return_blocks(world, run, 24))
    margin = FollowingMargin(3.0, 6.0, 0.012)
    return OpenedVenue(small_study(), venue, world, run, margin, returns, 0.012)


def test_every_slider_moves_the_answer_the_way_it_must(opened):
    explorer = VenueExplorer(opened)
    first = explorer.snapshot
    assert explorer.error == ""
    assert "largest n" in explorer._words.value
    explorer.model.depth = 0.1
    thin = explorer.snapshot
    assert thin.peak == pytest.approx(10.0 * first.peak)
    assert thin.outcome.of("sold").mean() >= first.outcome.of("sold").mean()
    explorer.model.depth = 1.0
    explorer.model.interest = 2.0
    assert explorer.snapshot.peak == pytest.approx(2.0 * first.peak)
    explorer.model.interest = 1.0
    explorer.model.leverage = 2.0
    assert explorer.snapshot.outcome.of("closures").mean() > first.outcome.of("closures").mean()
    explorer.model.leverage = 1.0
    explorer.model.notice = 1_000
    calm = explorer.snapshot.outcome
    assert calm.of("by_requirement").sum() < first.outcome.of("by_requirement").sum()
    explorer.model.notice = 0
    again = explorer.snapshot
    assert np.array_equal(again.outcome.table, first.outcome.table)
    assert again.heat.shape == (7, 40)
    price = {trace.meta: trace for trace in explorer.figure.data}["price"]
    assert len(price.y) == 24
    explorer.model.delay = -1
    assert "delay" in explorer.error
    assert "rk-error" in explorer._words.value
