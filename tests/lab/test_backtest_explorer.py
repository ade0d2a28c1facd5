"""The backtest explorer, driven in plain Python: what is drawn is what the package computes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from riskkit.lab.explorers import BacktestExplorer, Market
from riskkit.lab.explorers.backtest_answer import take_answer
from riskkit.lab.explorers.backtest_model import BacktestModel, Tools
from riskkit.lab.explorers.controls import BACKTEST_SLIDERS
from riskkit.lab.figures.coverage_data import panels
from riskkit.market import PriceHistory
from riskkit.market.returns import log_returns
from riskkit.position import Side
from riskkit.tail.horizon import TailQuestion
from riskkit.validation.backtest import BacktestPlan, backtest
from riskkit.validation.battery import side_report
from riskkit.validation.procyclicality import margin_behaviour
from riskkit.venue.procyclicality import Buffer, Floor, SpeedLimit, apply_overlays, long_run_level
from riskkit.volatility.spec import VolatilitySpec
from tests.support import DATA, small_study

PLAN = BacktestPlan(500, 300, slippage=0.005, fee=0.0005)


@pytest.fixture(scope="module")
def market(btc_daily: PriceHistory) -> Market:
    return Market("BTC daily", small_study(), btc_daily)


@pytest.fixture
def explorer(market: Market) -> BacktestExplorer:
    return BacktestExplorer([market])


def drawn(explorer: BacktestExplorer, trace: str) -> tuple[list, list]:
    found = next(t for t in explorer.figure.data if t.meta == trace)
    return list(found.x), list(found.y)


def assert_current(explorer: BacktestExplorer) -> None:
    fresh = BacktestModel({explorer.model.market: explorer.model.chosen})
    for name, value in explorer.model.settings().items():
        setattr(fresh, name, value)
    for name, properties in panels(take_answer(fresh), explorer.pins).items():
        x, y = drawn(explorer, name)
        assert list(properties["x"]) == x, name
        np.testing.assert_array_equal(np.asarray(properties["y"], float), np.asarray(y, float))


def test_the_first_answer_is_the_packages_own_backtest(
    explorer: BacktestExplorer, market: Market
) -> None:
    direct = backtest(
        market.history, VolatilitySpec.parse("gjr-t"), question=TailQuestion(seed=7), plan=PLAN
    )
    now = explorer.snapshot
    pd.testing.assert_frame_equal(now.result.table, direct.table)
    assert now.report == side_report(direct, Side.LONG)
    rows = direct.side(Side.LONG)
    assert now.plain == now.adjusted == margin_behaviour(rows["margin"], rows["needed"])
    x, y = drawn(explorer, "exception")
    beyond = rows[rows["exception"]]
    assert list(beyond["loss"]) == y
    assert list(beyond.index) == list(x)
    assert drawn(explorer, "seen")[1][-1] == now.report.exceptions == len(beyond)
    assert f"{len(beyond)} exceptions" in explorer.view._health.value


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("spec", "garch-t"),
        ("spec", "ewma-normal"),
        ("tail", "historical"),
        ("horizon", "margin period of risk"),
        ("confidence", 0.95),
        ("minimum_bars", 750),
        ("first_day", "2023-01-01"),
        ("last_day", "2023-06-30"),
        ("lag_days", 5),
        ("side", "short"),
        ("stressed_weight", 0.25),
        ("buffer_share", 0.25),
        ("floor_multiple", 2.5),
        ("speed_limit", 1.2),
    ],
)
def test_every_setting_changes_the_figure_to_what_the_package_computes(
    explorer: BacktestExplorer, trait: str, value: object
) -> None:
    names = ("var", "seen", "adjusted")
    before = [drawn(explorer, name) for name in names]
    setattr(explorer.model, trait, value)
    assert not explorer.stale
    assert explorer.error == ""
    assert [drawn(explorer, name) for name in names] != before
    assert_current(explorer)


def test_overlays_are_those_of_the_venue_on_margins_published_before(
    explorer: BacktestExplorer, market: Market
) -> None:
    rows = explorer.snapshot.rows
    for trait, value in (("buffer_share", 0.3), ("floor_multiple", 2.0), ("speed_limit", 1.5)):
        setattr(explorer.model, trait, value)
    margin = rows["margin"]
    level = long_run_level(log_returns(market.history).values, 2.0)
    floor = pd.Series(level.loc[rows["origin"]].to_numpy(), margin.index)
    overlays = (
        Buffer(margin.expanding().quantile(0.95), 0.3), Floor(floor), SpeedLimit(1.5, 5)
    )  # fmt: skip
    now = explorer.snapshot
    np.testing.assert_allclose(now.rows["adjusted"], apply_overlays(margin, overlays), rtol=1e-12)
    assert "30 % buffer, floor 2 × long-run sigma, at most 1.5× in 5 bars" in (
        explorer.figure.layout.title.text
    )
    assert now.adjusted.mean_margin > now.plain.mean_margin
    assert now.adjusted.peak_to_trough < now.plain.peak_to_trough


def test_a_window_changes_what_is_judged_and_not_what_was_forecast(
    explorer: BacktestExplorer,
) -> None:
    explorer.model.floor_multiple = 2.0
    whole = explorer.snapshot.rows
    explorer.model.first_day, explorer.model.last_day = "2023-01-01", "2023-12-31"
    part = explorer.snapshot.rows
    same = whole[(whole["start"] >= "2023-01-01") & (whole["start"] < "2024-01-01")]
    pd.testing.assert_frame_equal(part, same)
    assert explorer.snapshot.report.observations == len(part)


def test_the_window_slider_and_the_days_move_together(explorer: BacktestExplorer) -> None:
    window = explorer.view.window
    days = [day for _, day in window.options]
    assert window.value == (days[0], days[-1])
    window.value = (days[4], days[-5])
    assert (explorer.model.first_day, explorer.model.last_day) == (days[4], days[-5])
    assert explorer.snapshot.rows["start"].min() >= pd.Timestamp(days[4], tz="UTC")
    explorer.model.first_day = ""
    assert window.value == (days[0], days[-5])
    explorer.model.last_day = "2024-03-15"  # between two months: the figure says it, not the slider
    assert explorer.snapshot.rows["start"].max() == pd.Timestamp("2024-03-15", tz="UTC")
    assert "2024-03-15" in explorer.figure.layout.title.text


@pytest.mark.parametrize(
    ("trait", "value", "words"),
    [
        ("tail", "fat", "must be one of parametric"),
        ("horizon", "a year", "must be one of one bar"),
        ("confidence", 1.5, "between 0.5 and 1"),
        ("first_day", "yesterday", "must be a day"),
        ("first_day", "2024-10-20", "at least 60 periods"),
        ("last_day", "2001-01-01", "must not come before first_day"),
        ("minimum_bars", 100, "minimum_bars"),
        ("speed_limit", 0.5, "factor must be at least 1"),
        ("stressed_weight", 1.5, "must lie in"),
        ("market", "DOGE", "must be one of BTC daily"),
        ("spec", "garch-cauchy", "must read variance-innovation"),
    ],
)
def test_errors_say_what_to_do_and_nothing_passes_for_current(
    explorer: BacktestExplorer, trait: str, value: object, words: str
) -> None:
    before, shown = drawn(explorer, "seen"), getattr(explorer.model, trait)
    setattr(explorer.model, trait, value)
    assert words in explorer.error
    assert explorer.stale
    assert "rk-stale" in explorer.view.widget._dom_classes
    assert "rk-error" in explorer.view._status.value
    assert drawn(explorer, "seen") == before
    setattr(explorer.model, trait, shown)
    assert not explorer.stale
    assert explorer.view._status.value == ""


def test_pinned_settings_stay_while_sliders_move(explorer: BacktestExplorer) -> None:
    first = drawn(explorer, "adjusted")
    explorer.pin()
    explorer.model.floor_multiple = 3.0
    second = drawn(explorer, "adjusted")
    explorer.pin()
    explorer.model.buffer_share = 0.5
    assert drawn(explorer, "pin 1 adjusted") == first
    assert drawn(explorer, "pin 2 adjusted") == second
    assert "pinned 2" in explorer.view._table.value
    explorer.unpin()
    assert drawn(explorer, "pin 1 adjusted") == drawn(explorer, "pin 1 rises") == ([], [])
    assert_current(explorer)


def test_a_burst_of_moves_is_computed_once(
    explorer: BacktestExplorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = []
    compute = explorer._compute
    monkeypatch.setattr(explorer, "_compute", lambda: computed.append(1) or compute())

    async def drag() -> None:
        for multiple in (1.0, 2.0, 3.0):
            explorer.model.floor_multiple = multiple
        assert explorer.stale
        assert computed == []
        while explorer.stale:
            await asyncio.sleep(0.01)

    asyncio.run(drag())
    assert computed == [1]
    assert_current(explorer)


def test_sliders_state_their_units_and_stand_at_the_study(explorer: BacktestExplorer) -> None:
    for dial in BACKTEST_SLIDERS:
        assert dial.label.endswith(f", {dial.unit}")
        assert list(dial.stops) == sorted(set(dial.stops))
        assert explorer.view.sliders[dial.trait].value == getattr(explorer.model, dial.trait)
    assert explorer.view.sliders["speed_limit"].label == "no limit"
    explorer.view.sliders["confidence"].value = 0.975
    assert explorer.snapshot.result.question.confidence == 0.975


def test_own_prices_are_loaded_in_place(explorer: BacktestExplorer, tmp_path: Path) -> None:
    prices = pd.read_csv(DATA / "eth_usd_daily.csv", comment="#").iloc[-1200:]
    prices.to_csv(tmp_path / "mine.csv", index=False)
    explorer.view._path.value = str(tmp_path / "mine.csv")
    assert explorer.model.market == "mine (mine.csv)"
    assert explorer.view.window.options[-1][1] == prices["time"].iloc[-1]
    assert explorer.snapshot.result.asset == "mine"
    assert_current(explorer)


def test_no_tool_is_said_so() -> None:
    assert Tools(0.0, 0.0, 0.0, 0.0).words() == "no overlay"
