"""Explorers, driven in plain Python: what is drawn is what the package computes."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pandas as pd
import pytest
from plotly.io.json import to_json_plotly

from riskkit.calibration.calibrate import calibrate
from riskkit.cli.asked import asked_by_study
from riskkit.errors import DataError, InputError
from riskkit.lab.explorers import LiquidationExplorer, MarginExplorer, Market, chart, snapshot
from riskkit.lab.explorers.controls import SLIDERS
from riskkit.lab.explorers.market import (
    FittedMarket,
    fit_market,
    market_of_prices,
    market_of_study,
)
from riskkit.lab.explorers.memory import Memory
from riskkit.lab.explorers.snapshot import Snapshot, take_snapshot
from riskkit.lab.figures.trade_off_data import panels
from riskkit.lab.notebook_report import EXPLORER
from riskkit.market import PriceHistory
from riskkit.parameters.file import read_parameter_file
from riskkit.position import Side
from riskkit.study.case import Case
from tests.support import DATA, ROOT, STUDY, small_study


@pytest.fixture(scope="module")
def market(btc_daily: PriceHistory) -> Market:
    return Market("BTC daily", small_study(simulation={"bootstrap_refits": 0}), btc_daily)


@pytest.fixture
def explorer(market: Market, tmp_path: Path) -> MarginExplorer:
    return MarginExplorer([market], out=tmp_path)


def drawn(explorer: MarginExplorer | LiquidationExplorer, trace: str) -> tuple[list, list]:
    found = next(t for t in explorer.figure.data if t.meta == trace)
    return list(found.x), list(found.y)


def forgetful(fitted: FittedMarket) -> FittedMarket:
    """The same fit, with nothing remembered."""
    return replace(fitted, memory=Memory())


def assert_current(explorer: MarginExplorer | LiquidationExplorer) -> None:
    """Every trace holds what a fresh computation of the model's settings gives."""
    study = explorer.model.study()
    fitted = forgetful(fit_market(explorer.model.chosen, study.model.spec))
    fresh = take_snapshot(fitted, study, Side(explorer.model.side))
    for name, properties in panels(fresh, explorer.pins).items():
        x, y = drawn(explorer, name)
        assert list(properties["x"]) == x, name
        np.testing.assert_array_equal(np.asarray(properties["y"], float), np.asarray(y, float))


def test_a_snapshot_is_the_calibration_without_refits(market: Market) -> None:
    full = calibrate(market.study, market.history)
    for i, side in enumerate(market.study.sides):
        now = take_snapshot(
            fit_market(market, market.study.model.spec), market.study, side, threads=2
        )
        assert now.recommended == full.recommended[i].limits
        assert now.point == full.recommended[i].point
        assert now.floor == full.floor[i]
        assert now.floored == full.recommended[i].floored
        pd.testing.assert_series_equal(now.waterfall, full.recommended[i].waterfall)
        pd.testing.assert_frame_equal(now.frontier.default, full.frontier[i].default)
        pd.testing.assert_frame_equal(now.frontier.liquidation, full.frontier[i].liquidation)


def test_margin_along_history_is_near_the_walk_forward_of_a_calibration(market: Market) -> None:
    full = calibrate(market.study, market.history)
    now = take_snapshot(fit_market(market, market.study.model.spec), market.study, Side.LONG)
    refitted = full.dynamic.side(Side.LONG).iloc[: len(now.history)]
    assert list(now.history["origin"]) == list(refitted["origin"])
    np.testing.assert_array_equal(now.history["realised_loss"], refitted["realised_loss"])
    ratio = now.history["tail_loss"].to_numpy() / refitted["tail_loss"].to_numpy()
    # Sigma is the same; the tail is today's model's, not that of the last refit before the origin.
    assert 0.8 < np.median(ratio) < 1.25


def test_sigma_along_history_does_not_look_ahead(market: Market) -> None:
    cut = Market(
        "cut",
        market.study,
        market.history.between(None, market.history.last - pd.Timedelta(days=301)),
    )
    whole, part = (fit_market(m, market.study.model.spec).walk for m in (market, cut))
    np.testing.assert_allclose(part["sigma"], whole["sigma"][: len(part)], rtol=1e-6)
    np.testing.assert_allclose(part["floor"], whole["floor"][: len(part)], rtol=1e-12)
    assert list(part["origin"]) == list(whole["origin"][: len(part)])


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("delay_hours", 48.0),
        ("oracle_latency_seconds", 7200.0),
        ("slippage_fraction", 0.02),
        ("fee_fraction", 0.03),
        ("default_probability", 0.03),
        ("liquidation_probability", 0.2),
        ("reaction_hours", 72.0),
        ("side", "short"),
        ("spec", "garch-t"),
        ("start_state", "through-the-cycle"),
    ],
)
def test_every_setting_changes_the_figure_to_what_the_package_computes(
    explorer: MarginExplorer, trait: str, value: object
) -> None:
    before = [drawn(explorer, name) for name in ("default", "liquidation", "parts")]
    setattr(explorer.model, trait, value)
    assert not explorer.stale
    assert explorer.error == ""
    assert [drawn(explorer, name) for name in ("default", "liquidation", "parts")] != before
    assert_current(explorer)


def test_more_delay_more_slippage_and_rarer_targets_ask_for_more(explorer: MarginExplorer) -> None:
    def margin() -> float:
        found = explorer.snapshot.recommended
        return found.trigger.value

    start = margin()
    for trait, value in (("delay_hours", 72.0), ("slippage_fraction", 0.03)):
        setattr(explorer.model, trait, value)
        assert margin() > start
        start = margin()
    explorer.model.default_probability = 0.003
    assert margin() > start


def test_the_waterfall_sums_to_the_recommended_margin(explorer: MarginExplorer) -> None:
    _, parts = drawn(explorer, "parts")
    found = explorer.snapshot.recommended
    assert sum(parts[:-1]) == pytest.approx(parts[-1], abs=1e-12)
    assert parts[-1] == pytest.approx(found.trigger.value, abs=1e-12)


def test_the_band_holds_the_curve_and_the_star_sits_on_it(explorer: MarginExplorer) -> None:
    for panel in ("default", "liquidation"):
        x, y = drawn(explorer, panel)
        band = drawn(explorer, f"{panel} band")[1]
        high, low = np.array(band[: len(y)]), np.array(band[len(y) :])[::-1]
        assert (low <= np.array(y)).all()
        assert (np.array(y) <= high).all()
        (sx,), (sy,) = drawn(explorer, f"{panel} recommended")
        order = np.argsort(x)
        assert sy == pytest.approx(np.interp(sx, np.array(x)[order], np.array(y)[order]))


def test_a_setting_that_breaks_a_rule_is_said_in_words_and_nothing_passes_for_current(
    explorer: MarginExplorer,
) -> None:
    before = drawn(explorer, "default")
    explorer.model.slippage_fraction = 1.5
    assert explorer.stale
    assert explorer.error.startswith("liquidity.rate_fraction: got 1.5")
    assert "rate_fraction" in explorer.view._status.value
    assert "rk-stale" in explorer.view.widget._dom_classes
    assert drawn(explorer, "default") == before
    with pytest.raises(InputError, match="rate_fraction"):
        explorer.snapshot
    explorer.model.slippage_fraction = 0.01
    assert not explorer.stale
    assert explorer.error == explorer.view._status.value == ""
    assert "rk-stale" not in explorer.view.widget._dom_classes
    assert_current(explorer)


def test_going_back_to_what_is_drawn_clears_the_error(explorer: MarginExplorer) -> None:
    slippage = explorer.model.slippage_fraction
    explorer.model.slippage_fraction = 1.5
    explorer.model.slippage_fraction = slippage
    assert not explorer.stale
    assert explorer.error == explorer.view._status.value == ""


@pytest.mark.parametrize(
    ("trait", "value", "words"),
    [
        ("spec", "garch-cauchy", "must read variance-innovation"),
        ("spec", "aparch-t", "simulated"),
        ("side", "both", "must be one of long, short"),
        ("market", "DOGE", "must be one of BTC daily"),
        ("start_state", "yesterday", "through-the-cycle"),
        ("default_probability", 1e-5, "ten paths"),
    ],
)
def test_errors_say_what_to_do(
    explorer: MarginExplorer, trait: str, value: object, words: str
) -> None:
    setattr(explorer.model, trait, value)
    assert words in explorer.error
    assert explorer.stale


def test_two_pinned_settings_stay_while_sliders_move(explorer: MarginExplorer) -> None:
    first = drawn(explorer, "default")
    explorer.pin()
    explorer.model.delay_hours = 72.0
    second = drawn(explorer, "default")
    explorer.pin()
    explorer.model.slippage_fraction = 0.03
    assert drawn(explorer, "pin 1 default") == first
    assert drawn(explorer, "pin 2 default") == second
    assert drawn(explorer, "default") not in (first, second)
    assert "pinned 2" in explorer.view._table.value
    explorer.pin()
    assert drawn(explorer, "pin 1 default") == second
    explorer.unpin()
    assert explorer.pins == ()
    assert drawn(explorer, "pin 1 default") == drawn(explorer, "pin 2 default") == ([], [])
    assert_current(explorer)


def test_while_costs_move_no_path_is_simulated_again(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = []

    def counted(simulate: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(simulate)
        def simulate_and_count(*args: Any, **rest: Any) -> Any:
            run.append(simulate.__name__)
            return simulate(*args, **rest)

        return simulate_and_count

    for simulate in (snapshot.simulate_exits, snapshot.forecast_moves):
        monkeypatch.setattr(snapshot, simulate.__name__, counted(simulate))
    fitted = forgetful(fit_market(market, market.study.model.spec))
    study = market.study

    def simulations(key: str, value: float) -> set[str]:
        nonlocal study
        study = study.changed({key: value})
        run.clear()
        take_snapshot(fitted, study, Side.LONG, threads=2)
        return set(run)

    both = {"simulate_exits", "forecast_moves"}
    assert simulations("liquidity.rate_fraction", 0.01) == both
    assert simulations("liquidity.rate_fraction", 0.02) == set()
    assert simulations("position.penalty_fraction", 0.02) == set()
    assert simulations("targets.default_given_liquidation_probability", 0.02) == set()
    assert simulations("oracle.deviation_fraction", 0.01) == {"simulate_exits"}
    assert simulations("targets.liquidation_within_reaction_time_probability", 0.1) == {
        "simulate_exits"
    }
    assert simulations("position.reaction_time_hours", 96.0) == both
    assert simulations("liquidation.delay.seconds", 49.0 * 3600.0) == {"forecast_moves"}
    assert simulations("liquidation.delay.seconds", 240.0 * 3600.0) == both


def test_a_move_is_one_message_from_which_a_page_can_draw_everything(
    explorer: MarginExplorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, put_into_words = [], []
    explorer.chart.sheet.observe(lambda change: sent.append(change["new"]), "text")
    encode = chart.plain_json
    monkeypatch.setattr(
        chart, "plain_json", lambda part: put_into_words.append(part) or encode(part)
    )
    explorer.model.slippage_fraction = 0.02
    (message,) = sent
    assert message == explorer.chart.sheet.text
    figure = json.loads(message)
    assert "slippage 2 %" in figure["layout"]["title"]["text"]
    assert "template" not in figure["layout"]
    for trace, shown in zip(explorer.figure.data, figure["data"], strict=True):
        plotly_writes = to_json_plotly(trace).replace("+00:00", "")  # its script reads no zone
        assert shown == json.loads(plotly_writes)
    names = {part["meta"] for part in put_into_words if isinstance(part.get("meta"), str)}
    assert {"default", "lenient", "parts"} <= names
    assert not any(name.startswith("pin") or name.endswith("live") for name in names)
    assert_current(explorer)


def test_what_does_not_move_sends_nothing(explorer: MarginExplorer) -> None:
    sent = []
    explorer.chart.sheet.observe(lambda change: sent.append(change["new"]), "text")
    explorer.recompute()
    assert sent == []


def test_a_chart_is_told_nothing_after_it_was_made(explorer: MarginExplorer) -> None:
    """A page may drop every message to it: see `riskkit/lab/explorers/chart.js`."""
    told = []
    explorer.chart.observe(told.append)
    explorer.pin()
    explorer.model.slippage_fraction = 0.02
    explorer.model.slippage_fraction = 1.5
    assert told == []
    assert explorer.chart._dom_classes == ()


def test_plotly_is_sent_once_for_every_explorer_of_a_kernel(
    explorer: MarginExplorer, market: Market
) -> None:
    other = MarginExplorer([market])
    assert other.chart.source == explorer.chart.source
    assert other.chart.figure != explorer.chart.figure
    chart.plotly_source().close()
    assert MarginExplorer([market]).chart.source != explorer.chart.source


def test_in_a_running_loop_a_burst_of_moves_is_computed_once(
    explorer: MarginExplorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[Snapshot] = []
    compute = explorer._compute
    monkeypatch.setattr(explorer, "_compute", lambda: computed.append(compute()) or computed[-1])

    async def drag() -> None:
        for hours in (24.0, 48.0, 72.0):
            explorer.model.delay_hours = hours
        assert explorer.stale
        assert "rk-stale" in explorer.view.widget._dom_classes
        assert computed == []
        while explorer.stale:
            await asyncio.sleep(0.01)
        assert len(computed) == 1
        explorer.model.delay_hours = 24.0
        # Whoever reads gets the present settings, not the drawn ones.
        assert explorer.snapshot.study.liquidation.delay.seconds == 24.0 * 3600.0
        while explorer._due:  # the computation that the move had asked for has nothing to do
            await asyncio.sleep(0.01)
        assert len(computed) == 2

    asyncio.run(drag())
    assert_current(explorer)


def test_a_move_that_comes_in_another_thread_during_a_computation_is_not_lost(
    explorer: MarginExplorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a kernel that handles a cell and the sliders' messages in two threads."""
    compute, threads, done = explorer._compute, [], Event()

    async def move() -> None:
        explorer.model.delay_hours = 72.0
        done.wait(600.0)  # the loop has no moment before the other computation is over
        while explorer._due:
            await asyncio.sleep(0.01)

    def interrupted() -> Snapshot:
        answer = compute()
        if not threads:
            threads.append(Thread(target=lambda: asyncio.run(move())))
            threads[0].start()
            while explorer.model.delay_hours != 72.0:
                time.sleep(0.001)
        return answer

    monkeypatch.setattr(explorer, "_compute", interrupted)
    explorer.model.slippage_fraction = 0.02
    done.set()
    threads[0].join(600.0)
    assert not explorer.stale
    assert "delay 72 h" in explorer.figure.layout.title.text
    assert explorer.snapshot.study.liquidation.delay.seconds == 72.0 * 3600.0
    assert_current(explorer)


def test_sliders_and_model_move_together(explorer: MarginExplorer) -> None:
    sliders = explorer.view.sliders
    sliders["slippage_fraction"].value = 0.0125
    assert explorer.model.slippage_fraction == 0.0125
    assert explorer.snapshot.study.liquidity.rate_fraction == 0.0125
    sliders["default_probability"].value = 0.02
    assert explorer.model.default_probability == 0.02
    # Beyond and between the stops: the slider does not lie, nor about the bars it comes to.
    for hours, said in ((200.0, "200 h → 9 bars"), (7.25, "7.25 h → 1 bar")):
        explorer.model.delay_hours = hours
        assert sliders["delay_hours"].value == hours
        assert sliders["delay_hours"].label == said
        assert explorer.model.delay_hours == hours
    assert_current(explorer)


def test_a_sliders_time_is_said_in_the_bars_of_its_market() -> None:
    studies = [
        ROOT / "studies" / f"{name}.toml"
        for name in ("btc-perpetual-hourly", "eth-perpetual-daily")
    ]
    explorer = MarginExplorer(studies)
    slider = explorer.view.sliders["delay_hours"]
    for market, bar in zip(explorer.model.markets, ("h", "D"), strict=True):
        explorer.model.market = market
        explorer.model.delay_hours = 30.0
        bars = math.ceil(pd.Timedelta(hours=30) / pd.Timedelta(1, bar))
        assert slider.label == f"30 h → {bars} bars"
        assert explorer.snapshot.periods.liquidation_delay.bars == bars


def test_the_sliders_of_every_shipped_study_stand_at_its_settings() -> None:
    for path in sorted((ROOT / "studies").glob("*-perpetual-*.toml")):
        if path.stem.endswith("-5m"):
            continue  # 52,416 bars: the same code, and ten times the time
        explorer = MarginExplorer(path)
        for trait, found in explorer.view.sliders.items():
            assert found.value == getattr(explorer.model, trait)
        assert explorer.model.study() == explorer.model.chosen.study
        assert explorer.snapshot.study == explorer.model.chosen.study


def test_every_slider_states_its_unit() -> None:
    for dial in SLIDERS:
        assert dial.label.endswith(f", {dial.unit}")
        assert dial.words(dial.stops[1]).endswith(f" {dial.unit}")
        assert list(dial.stops) == sorted(set(dial.stops))


def test_choosing_a_market_takes_over_its_settings_in_one_computation(
    market: Market, btc_hourly: PriceHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = small_study(
        title="hourly",
        model={"spec": "garch-skewt-zero", "minimum_bars": 2000, "refit_every_bars": 5000},
        mechanism={"holding_horizon_hours": 24.0, "slippage_fraction": 0.011},
    )
    hourly = Market("hourly", study, btc_hourly.between(None, "2018-06-01"))
    explorer = MarginExplorer([market, hourly])
    computed = []
    compute = explorer._compute
    monkeypatch.setattr(explorer, "_compute", lambda: computed.append(1) or compute())
    explorer.model.market = "hourly"
    assert computed == [1]
    assert explorer.model.slippage_fraction == 0.011
    assert explorer.view._spec.value == explorer.model.spec == study.model.spec
    assert explorer.snapshot.periods.bar == pd.Timedelta(hours=1)
    assert_current(explorer)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_own_prices_are_loaded_in_place(
    explorer: MarginExplorer, tmp_path: Path, suffix: str
) -> None:
    prices = pd.read_csv(DATA / "eth_usd_daily.csv", comment="#").iloc[-1200:]
    path = tmp_path / f"mine{suffix}"
    if suffix == ".csv":
        prices.to_csv(path, index=False)
    else:
        prices.to_parquet(path, index=False)
    explorer.model.delay_hours = 48.0
    explorer.view._path.value = str(path)
    assert explorer.model.market == f"mine (mine{suffix})"
    assert explorer.view._market.value == explorer.model.market
    assert explorer.model.delay_hours == 48.0
    assert explorer.snapshot.study.data.asset == "mine"
    assert f"{len(prices):,} bars" in explorer.view._health.value
    assert "HISTORICAL EXAMPLE: the data end" in explorer.view._health.value
    assert_current(explorer)


def test_own_prices_are_as_old_as_the_command_line_calls_them(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    pd.read_csv(DATA / "eth_usd_daily.csv", comment="#").iloc[-900:].to_csv(path, index=False)
    mine = market_of_prices(path, small_study())
    # As `riskkit calibrate --prices` asks: today (this test may run at midnight).
    assert abs(mine.study.as_of - datetime.now(UTC).date()) <= timedelta(days=1)
    last = mine.history.last.date()
    fresh = market_of_prices(path, small_study(), as_of=last + timedelta(days=1))
    assert fresh.history.last == mine.history.last
    cut = market_of_prices(path, small_study(), as_of=last - timedelta(days=7))
    assert len(cut.history) == len(mine.history) - 7


def test_own_prices_say_how_old_they_are_and_leave_an_unfinished_bar_out(
    explorer: MarginExplorer, tmp_path: Path
) -> None:
    now = pd.Timestamp.now("UTC")
    today, table = now.floor("D"), pd.read_csv(DATA / "eth_usd_daily.csv", comment="#")
    for name, last, bars, old in (("fresh", 0, 799, False), ("old", 60, 800, True)):
        prices = table.iloc[-800:].assign(
            time=pd.date_range(end=today - pd.Timedelta(days=last), periods=800)
        )
        path = tmp_path / f"{name}.csv"
        prices.to_csv(path, index=False)
        explorer.load(path)
        assert now.date() <= explorer.snapshot.study.as_of <= pd.Timestamp.now("UTC").date()
        assert f"{bars} bars" in explorer.view._health.value
        assert ("HISTORICAL EXAMPLE" in explorer.view._health.value) == old


def test_an_unfinished_bar_is_no_bar_whoever_reads_the_study(tmp_path: Path) -> None:
    today = pd.Timestamp.now("UTC").floor("D")
    table = pd.read_csv(DATA / "eth_usd_daily.csv", comment="#").iloc[-800:]
    times = pd.date_range(end=today + pd.Timedelta(days=1), periods=800)
    table.assign(time=times).to_csv(tmp_path / "btc_usd_daily.csv", index=False)
    study = tmp_path / "small.toml"
    study.write_text(STUDY.replace("2024-12-31", f"{today + pd.Timedelta(days=7):%Y-%m-%d}"))
    readers = (
        lambda: market_of_study(study).history,
        lambda: asked_by_study(study).case.history,
        lambda: Case.read(study).history,
        lambda: (
            market_of_prices(
                tmp_path / "btc_usd_daily.csv", small_study(), as_of=times[-1].date()
            ).history
        ),
    )
    for read in readers:
        history = read()
        # The bars of today and of tomorrow have not closed; at midnight the first of them has.
        assert len(history) in (798, 799)
        assert history.last + history.bar <= pd.Timestamp.now("UTC")
        (note,) = history.provenance.notes
        assert "after now: left out" in note


def test_own_prices_that_break_a_rule_leave_everything_as_it_was(
    explorer: MarginExplorer, tmp_path: Path
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("time,close\n2024-01-01,1.0\n2024-01-02,-3.0\n")
    before = explorer.model.settings()
    with pytest.raises(DataError, match="line 3"):
        explorer.load(path)
    explorer.view._path.value = str(path)
    assert "line 3" in explorer.view._status.value
    assert explorer.model.settings() == before
    short = tmp_path / "short.csv"
    pd.read_csv(DATA / "eth_usd_daily.csv", comment="#").iloc[:300].to_csv(short, index=False)
    with pytest.raises(InputError, match="minimum_bars"):
        explorer.load(short)
    assert explorer.model.settings() == before
    assert not explorer.stale


def test_a_corrected_file_is_read_again_and_bad_rows_are_dropped_when_asked(
    explorer: MarginExplorer, tmp_path: Path
) -> None:
    prices = (
        pd.read_csv(DATA / "eth_usd_daily.csv", comment="#").iloc[-1200:].reset_index(drop=True)
    )
    path, bad = tmp_path / "mine.csv", prices.copy()
    bad.loc[100, "close"] = -1.0
    bad.to_csv(path, index=False)
    explorer.view._load.click()
    assert "must name a file" in explorer.view._status.value
    explorer.view._path.value = str(path)
    assert "line 102" in explorer.view._status.value
    explorer.view._drop.value = True
    explorer.view._load.click()
    assert explorer.view._status.value == ""
    assert "; 1 row dropped" in explorer.view._health.value
    assert explorer.model.study().data.invalid_rows == "drop"
    prices.to_csv(path, index=False)
    explorer.view._load.click()
    assert "1,200 bars" in explorer.view._health.value
    assert_current(explorer)


def test_what_is_displayed_holds_the_settings_made_in_the_same_cell(
    explorer: MarginExplorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    displayed = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: displayed.append(data))

    async def cell() -> None:
        explorer.model.slippage_fraction = 0.02
        assert explorer.stale
        explorer._ipython_display_()

    asyncio.run(cell())
    assert "slippage 2 %" in displayed[0][EXPLORER]["layout"]["title"]["text"]


def test_an_uploaded_file_keeps_its_name(explorer: MarginExplorer) -> None:
    prices = pd.read_csv(DATA / "eth_usd_daily.csv", comment="#").iloc[-1200:]
    content = prices.to_csv(index=False).encode()
    explorer.view._upload.value = [
        {
            "name": "../up.csv",
            "type": "text/csv",
            "size": len(content),
            "content": memoryview(content),
            "last_modified": pd.Timestamp("2024-01-01", tz="UTC").to_pydatetime(),
        }
    ]
    assert explorer.model.market == "up (up.csv)"
    assert explorer.model.chosen.history.provenance.source == "up.csv"


def test_export_writes_a_valid_file_and_says_what_changed(
    explorer: MarginExplorer, tmp_path: Path
) -> None:
    explorer.model.delay_hours = 48.0
    first = explorer.export()
    assert first.path == tmp_path / "btc-perpetual-a-small-study" / "parameters.json"
    assert first.changes is None
    file = read_parameter_file(first.path)
    assert file == first.file
    assert file.study.liquidation.delay.seconds == 48.0 * 3600.0
    shown = explorer.snapshot.recommended
    row = next(r for r in file.parameters.recommended if r.side == "long")
    assert row.maintenance_margin_fraction == pytest.approx(shown.trigger.value, abs=1.1e-6)
    assert str(first.path) in explorer.view._said.value
    explorer.model.slippage_fraction = 0.02
    second = explorer.export()
    assert second.changes is not None
    changed = {c.key: (c.before, c.after) for c in second.changes}
    assert changed["study.liquidity.rate_fraction"] == (0.005, 0.02)
    assert "parameters.recommended[long now].maintenance_margin_fraction" in changed
    assert "data.sha256" not in changed
    assert "study.liquidity.rate_fraction" in explorer.view._written.value
    third = explorer.export()
    assert third.changes == ()


def test_a_click_on_export_that_fails_is_said_in_words(
    explorer: MarginExplorer, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    explorer.out = tmp_path / "file"
    explorer.view._export.click()
    assert "must lie in a folder that can be written" in explorer.view._status.value


def test_health_and_what_is_left_out_are_always_said(explorer: MarginExplorer) -> None:
    health = explorer.view._health.value
    assert "HISTORICAL EXAMPLE" in health
    assert "rounded up" in health
    assert "floor" in health
    assert explorer.snapshot.fit.health.statement in health


def test_a_loan_is_explored_by_thresholds(tmp_path: Path) -> None:
    explorer = LiquidationExplorer(ROOT / "studies" / "eth-collateral-daily.toml", out=tmp_path)
    assert "bonus_fraction" in explorer.view.sliders
    assert "fee_fraction" not in explorer.view.sliders
    assert "max LTV" in explorer.view._table.value
    lt = explorer.snapshot.recommended.trigger.value
    explorer.model.bonus_fraction = 0.10
    assert explorer.snapshot.recommended.trigger.value < lt
    assert_current(explorer)
    explorer.model.bonus_fraction = 0.0
    assert "no liquidator would come" in explorer.error
    assert "datetime" not in explorer.error


def test_an_explorer_refuses_the_other_kind(market: Market) -> None:
    with pytest.raises(InputError, match="LiquidationExplorer"):
        LiquidationExplorer([market])


@pytest.mark.usefixtures("shared_by_threads")
def test_threads_change_no_number(market: Market) -> None:
    fitted = fit_market(market, market.study.model.spec)
    one, two = (take_snapshot(fitted, market.study, Side.SHORT, threads=n) for n in (1, 2))
    assert one.recommended == two.recommended
    pd.testing.assert_frame_equal(one.history, two.history)


def test_a_study_without_a_floor_has_none(market: Market) -> None:
    study = market.study.changed({"floor.kind": "none"})
    now = take_snapshot(fit_market(market, study.model.spec), study, Side.LONG)
    assert now.floor is None
    assert now.recommended.covered_loss.value == now.point.covered_loss.high
