"""The portfolio explorer, driven from Python: what moves, and which way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from riskkit.calibration.collateral import answer_collateral
from riskkit.calibration.pool import answer_pool
from riskkit.calibration.portfolio import answer_panel
from riskkit.calibration.portfolio_stress import broken_pegs, worst_dates
from riskkit.collateral.pool import Seizure
from riskkit.errors import InputError
from riskkit.lab.explorers import CollateralExplorer, OptionsExplorer, PortfolioExplorer
from riskkit.study.panel import PanelCase
from tests.support import DATA

STUDY = """
schema_version = 2
title = "two assets, small"
as_of = 2024-12-31
[data]
asset = "ETH"
prices = "{data}/eth_usd_daily.csv"
[assets]
prices = ["{data}/btc_usd_daily.csv"]
names = ["BTC"]
[model]
spec = "garch-normal"
[floor]
kind = "none"
[position]
holding_horizon_hours = 240
[simulation]
paths = 10_000
seed = 3
"""


@pytest.fixture(scope="module")
def answer(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "two.toml"
    path.write_text(STUDY.format(data=DATA.as_posix()))
    return answer_panel(PanelCase.read(path))


def test_every_slider_moves_the_answer_the_way_it_must(answer):
    explorer = PortfolioExplorer(answer)
    pair = explorer.snapshot
    assert explorer.error == ""
    assert "ETH against BTC" in explorer.books
    assert pair.contributions.sum() == pytest.approx(pair.row["maintenance"])
    assert pair.saved > 0.3
    explorer.take("all long")
    long = explorer.snapshot
    assert long.saved < pair.saved
    assert long.dates["loss"].is_monotonic_decreasing
    assert long.dates["loss"].to_numpy() == pytest.approx(long.dates[["ETH", "BTC"]].sum(axis=1))
    explorer.model.decorrelation = 1.0
    assert explorer.snapshot.saved == pytest.approx(0.0, abs=1e-12)
    explorer.model.decorrelation, explorer.model.floor = 0.0, 0.5
    assert explorer.snapshot.row["maintenance"] == pytest.approx(0.5 * long.row["gross"])
    explorer.model.floor = 0.0
    explorer.model.notionals = (1.0, 0.0)
    one = explorer.snapshot
    assert one.row["maintenance"] == pytest.approx(one.row["legs"], rel=1e-14)
    traces = {trace.meta: trace for trace in explorer.figure.data}
    assert sum(traces["parts"].y[:5]) == pytest.approx(one.row["maintenance"] / one.row["gross"])
    assert len(traces["date ETH"].x) == 12


def test_a_study_with_collateral_says_what_the_book_needs_in_it(answer):
    accepted = answer.study.changed({"collateral": {"accepted": ["ETH"]}})
    explorer = PortfolioExplorer(replace(answer, study=accepted))
    explorer.model.notionals = (1.0, 0.0)
    explorer.model.floor = explorer.model.decorrelation = 0.0
    rows = explorer.snapshot.collateral.set_index("collateral")
    own = explorer.snapshot.row["maintenance"]
    assert rows.loc["USD", "joint"] == own
    assert rows.loc["ETH", "joint"] == pytest.approx(own / (1.0 - own / 1e6), rel=1e-9)
    assert rows.loc["ETH", "way"] == "wrong-way"
    assert "held in ETH, wrong-way" in explorer._words.value
    assert PortfolioExplorer(answer).snapshot.collateral is None


def test_no_legs_and_unknown_books_are_told_in_words(answer):
    explorer = PortfolioExplorer(answer)
    explorer.model.notionals = (0.0, 0.0)
    assert "one of them not 0" in explorer.error
    assert "rk-error" in explorer._words.value
    with pytest.raises(InputError, match="all short"):
        explorer.take("butterfly")


def test_the_worst_dates_are_those_of_the_row_that_lost_most(answer):
    table = worst_dates(answer, np.array([1.0, 0.0]), most=1)
    rows = answer.shocks.tables[0][0]
    assert table.index[0] == answer.shocks.dates[int(np.argmin(rows))]


def test_a_peg_that_breaks_costs_what_it_falls_by(answer):
    moves = answer.requirement.moves
    broken = broken_pegs(moves, ("ETH", "BTC"), ["ETH/BTC", "ETH"], 0.1)
    spread = broken["ETH/BTC"] @ np.array([1.0, -1.0])
    assert spread == pytest.approx(-0.1 * (1.0 + moves[:, 1]))
    assert broken["ETH"][:, 0] == pytest.approx(np.full(len(moves), -0.1))
    with pytest.raises(InputError, match="ASSET/BASE"):
        broken_pegs(moves, ("ETH", "BTC"), ["ETH/DOGE"], 0.1)


def test_the_options_explorer_shows_the_hole_of_a_butterfly_and_closes_it(answer):
    explorer = OptionsExplorer(answer)
    assert explorer.error == ""
    short = explorer.snapshot
    # Short, one day, wings of 1 %: pinned between two points of the set it loses what none sees.
    assert short.here > 0.001 * short.price
    assert short.holes["hole"].max() >= short.here * 0.99
    assert (short.holes["with decayed scenarios"] <= 1e-9 * short.price).all()
    assert short.decayed > short.at_once
    assert short.dates["loss"].is_monotonic_decreasing
    parts = short.dates["price"] + short.dates["volatility"]
    assert parts.to_numpy() == pytest.approx(short.dates["loss"].to_numpy())
    explorer.model.sold = False
    bought = explorer.snapshot
    assert bought.gains["expiry"] == pytest.approx(-short.gains["expiry"])
    explorer.model.shape, explorer.model.sold, explorer.model.middle = "straddle", True, 0.0
    explorer.model.days = 30.0
    straddle = explorer.snapshot
    assert straddle.row["var"] > straddle.spot  # what implied volatility adds
    assert straddle.row["maintenance"] >= explorer.market.loading * straddle.row["var"] - 1e-9
    explorer.model.shape, explorer.model.middle = "call", 0.1
    alone = explorer.snapshot.row["var"]
    explorer.model.hedged = True
    assert explorer.snapshot.row["var"] < alone
    traces = {trace.meta: trace for trace in explorer.figure.data}
    assert len(traces["date price"].x) == 12
    assert traces["here"].x == (0.1,)
    assert "covers 122 structures" in explorer._words.value
    explorer.model.shape, explorer.model.wing = "condor", 0.6
    assert "between 0 and 0.5" in explorer.error


ACCEPTED = {
    "liquidity": {"kind": "square-root", "rate_fraction": 0.01, "depth_notional": 2e7},
    "collateral": {
        "accepted": ["ETH", "BTC"],
        "depth_notionals": [2e7, 4e7],
        "settlement": {
            "name": "USDX",
            "breaks_per_year": 1.0,
            "depth_scale_fraction": 0.1,
            "stay_days": 2.0,
            "held_fraction": 0.9,
        },
    },
}


@pytest.fixture(scope="module")
def accepting(answer):
    return replace(answer, study=answer.study.changed(ACCEPTED))


def test_every_slider_over_collateral_moves_the_answer_the_way_it_must(accepting, answer):
    explorer = CollateralExplorer(accepting)
    assert explorer.error == ""
    first = explorer.snapshot
    kinds = first.schedule.set_index("collateral")
    assert first.here["share"] == 0.5
    assert first.here["threshold"] == pytest.approx(kinds["threshold"][["ETH", "BTC"]].mean())
    explorer.model.bonus = 0.1
    paid = explorer.snapshot.schedule.set_index("collateral")
    assert paid.loc["ETH", "threshold"] < kinds.loc["ETH", "threshold"]
    assert paid.loc["ETH", "largest"] > kinds.loc["ETH", "largest"]
    assert paid.loc["BTC", "largest"] == pytest.approx(2.0 * paid.loc["ETH", "largest"])
    explorer.model.bonus, explorer.model.crash_depth = 0.05, 1.0
    calm = explorer.snapshot.schedule.set_index("collateral")
    assert calm.loc["ETH", "largest"] == pytest.approx(5.0 * kinds.loc["ETH", "largest"])
    explorer.model.crash_depth, explorer.model.hours = 0.2, 5
    assert (
        explorer.snapshot.schedule.set_index("collateral").loc["ETH", "published"]
        > (kinds.loc["ETH", "published"])
    )
    explorer.model.hours, explorer.model.share = 1, 1.0
    alone = explorer.snapshot.here
    assert alone["mixture"] == "ETH"
    assert alone["threshold"] == pytest.approx(kinds.loc["ETH", "threshold"])
    explorer.model.side = "short"
    needs = explorer.snapshot.needs.set_index("collateral")
    assert needs.loc["ETH", "way"] == "right-way"
    traces = {trace.meta: trace for trace in explorer.figure.data}
    assert traces["joint"].y == pytest.approx(needs["joint"].to_numpy())
    with pytest.raises(InputError, match="must name what is accepted"):
        CollateralExplorer(answer)


def test_a_pool_by_mixture_order_and_coin(accepting):
    haircuts = answer_collateral(accepting)
    found = answer_pool(haircuts, paths=600)
    assert found.mixtures["mixture"].tolist() == ["ETH", "BTC", "ETH 50 %, BTC 50 %"]
    assert found.orders["order"].tolist() == [order.value for order in Seizure]
    orders = found.orders.set_index("order")["bad_debt_bps"]
    # The deeper market is that of the safer kind here, and the listing begins with the other.
    assert orders["deepest-first"] == orders["safest-first"]
    assert orders["listed"] == orders["riskiest-first"]
    assert (found.limits["decides"] == "depth").all()
    coin = found.settlement.set_index(["role", "mark"])
    assert len(coin) == 4
    # A deep break liquidates who holds the coin, if its mark moves.
    assert coin.loc[("held", "market"), "liquidated"] > coin.loc[("held", "constant"), "liquidated"]
    assert coin.loc[("held", "market"), "added"] > 0.0
    assert coin["per_year"].to_numpy() == pytest.approx(coin["added"].to_numpy())
    again = answer_pool(haircuts, paths=600)
    assert again.mixtures.equals(found.mixtures)
    assert np.isfinite(found.mixtures["needed"]).all()
