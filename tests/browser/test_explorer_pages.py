"""The explorer as people meet it: JupyterLab and the dashboard, in a real browser."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from riskkit.formats import registry
from riskkit.lab.explorers import BacktestExplorer, Market, market_of_study
from riskkit.lab.explorers.market import fit_market
from riskkit.lab.explorers.model import ExplorerModel
from riskkit.lab.explorers.snapshot import take_snapshot
from riskkit.lab.figures import coverage_data
from riskkit.lab.figures.trade_off_data import panels
from riskkit.parameters.file import read_parameter_file
from riskkit.position import Side
from tests.browser.pages import (
    CHROMIUM,
    browser_page,
    drag,
    handle,
    readout,
    run_all,
    shoot,
    wait_for_change,
    wait_for_setting,
    wait_for_trace,
    wait_until_opaque,
)
from tests.browser.servers import dashboard, jupyterlab
from tests.parameters.venue_cases import DYDX
from tests.support import ROOT

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium"),
]
FIGURE = "margin-explorer"
ETH = ROOT / "studies" / "eth-perpetual-daily.toml"
BTC = ROOT / "studies" / "btc-perpetual-hourly.toml"


@pytest.fixture(scope="module")
def eth() -> Market:
    return market_of_study(ETH)


@pytest.fixture
def venue(tmp_path: Path) -> Path:
    """The venue's file that runs today: riskkit never invents ids and caps."""
    path = tmp_path / "tiers.json"
    path.write_text(DYDX)
    return path


def few_refits(study: Path) -> None:
    """Two bootstrap refits instead of twenty: what is tested is the page, not the band."""
    text = study.read_text()
    assert text.count("[simulation]\n") == 1
    study.write_text(text.replace("[simulation]\n", "[simulation]\nbootstrap_refits = 2\n"))


def computed(market: Market, trace: str, **settings: Any) -> dict[str, Any]:
    """What the package gives for these settings, without any page."""
    model = ExplorerModel({market.name: market})
    for name, value in settings.items():
        setattr(model, name, value)
    study = model.study()
    fitted = fit_market(market, study.model.spec)
    now = take_snapshot(fitted, study, Side(model.side), live=model.live_parameters())
    return panels(now)[trace]


def assert_same(page: dict[str, Any], package: dict[str, Any]) -> None:
    for axis in ("x", "y"):
        np.testing.assert_allclose(
            np.asarray(page[axis], float), np.asarray(package[axis], float), rtol=1e-9
        )


def use_the_explorer(page: Any, eth: Market, out: Path, name: str, venue: Path) -> None:
    """Keyboard, mouse, pin, error, export: what the page shows is what the package computes."""
    first = wait_for_trace(page, FIGURE, "default")
    assert_same(first, computed(eth, "default"))
    shoot(page, f"{name}-first")

    handle(page, "slippage_fraction").focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    wait_for_setting(page, FIGURE, "slippage 0.7 %")
    assert readout(page, "slippage_fraction") == 0.7
    by_key = wait_for_trace(page, FIGURE, "default")
    assert_same(by_key, computed(eth, "default", slippage_fraction=0.007))

    page.get_by_role("button", name="Pin", exact=True).click()
    wait_for_trace(page, FIGURE, "pin 1 default")
    drag(page, "delay_hours", 0.8)
    hours = readout(page, "delay_hours")
    assert hours > 48.0
    wait_for_setting(page, FIGURE, f"delay {hours:g} h")
    dragged = wait_for_trace(page, FIGURE, "default")
    settings = {"slippage_fraction": 0.007, "delay_hours": hours}
    assert_same(dragged, computed(eth, "default", **settings))
    liquidation = wait_for_trace(page, FIGURE, "liquidation")
    assert_same(liquidation, computed(eth, "liquidation", **settings))
    parts = wait_for_trace(page, FIGURE, "parts")
    np.testing.assert_allclose(parts["y"], computed(eth, "parts", **settings)["y"], rtol=1e-9)
    assert_same(wait_for_trace(page, FIGURE, "pin 1 default"), by_key)
    assert "pinned 1" in page.locator("#rk-parameters").inner_text()
    wait_until_opaque(page)
    shoot(page, f"{name}-pinned")

    live = page.get_by_placeholder("today's, e.g. 5, 10")
    live.fill("15, 20")
    live.press("Enter")
    shown = wait_for_trace(page, FIGURE, "default live")
    assert_same(shown, computed(eth, "default live", live="15, 20", **settings))

    own = page.get_by_placeholder("path of a CSV or parquet")
    own.fill("/nowhere/prices.csv")
    own.press("Enter")
    page.locator("#rk-error").wait_for(timeout=240_000)
    assert "must be a file that can be read" in page.locator("#rk-error").inner_text()
    shoot(page, f"{name}-error")

    page.locator(".widget-dropdown", has_text="Export as").locator("select").select_option(
        "dydx-v4"
    )
    for hint, text in (("its name, if there", "Small-Cap"), ("the venue's file", str(venue))):
        entry = page.get_by_placeholder(hint)
        entry.fill(text)
        entry.press("Enter")
    # The live file says what runs today, and the frontier shows it.
    wait_for_change(page, FIGURE, "default live", json.dumps(shown["y"]))
    page.get_by_label("although data are old").check()
    page.get_by_role("button", name="Export", exact=True).click()
    page.locator("#rk-venue-path, #rk-error").first.wait_for(timeout=600_000)
    written = Path(page.locator("#rk-path").inner_text())
    file = read_parameter_file(written)
    assert written.resolve().is_relative_to(out.resolve())
    assert file.study.liquidity.rate_fraction == 0.007
    assert file.study.liquidation.delay.seconds == hours * 3600.0
    assert page.locator("#rk-error").count() == 0
    dydx = registry.venue("dydx-v4")
    tiers = dydx.effective(dydx.read(Path(page.locator("#rk-venue-path").inner_text()).read_text()))
    tier = next(tier for tier in tiers if tier.market == "Small-Cap")
    asked = max(row.maintenance_margin_fraction for row in file.parameters.recommended)
    assert float(tier.maintenance_margin) >= asked
    shoot(page, f"{name}-exported")


def test_jupyterlab_runs_the_notebook_and_the_sliders_move_the_chart(
    eth: Market, venue: Path, tmp_path: Path
) -> None:
    for folder in ("notebooks", "studies", "data"):
        shutil.copytree(ROOT / folder, tmp_path / "work" / folder)
    few_refits(tmp_path / "work" / "studies" / ETH.name)
    with (
        jupyterlab(tmp_path / "work", tmp_path / "home") as server,
        browser_page() as (page, seen),
    ):
        status, _ = server.status_without_token("api/contents")
        assert status == 403
        path = "lab/tree/notebooks/06_trade_off_explorer.ipynb?reset"
        run_all(page, server.url(path))
        use_the_explorer(page, eth, tmp_path / "work" / "out" / "explorer", "lab", venue)
        page.wait_for_function(
            "() => document.querySelector('.jp-Notebook-ExecutionIndicator')"
            "?.dataset.status === 'idle'",
            timeout=600_000,
        )
        assert page.locator(".jp-RenderedText[data-mime-type*='stderr']").count() == 0
        assert seen.outside == []
        assert seen.errors == []


def test_the_dashboard_asks_for_its_token_and_works_alike(
    eth: Market, venue: Path, tmp_path: Path
) -> None:
    for folder in ("studies", "data"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    studies = [tmp_path / "studies" / study.name for study in (ETH, BTC)]
    few_refits(studies[0])
    out = tmp_path / "out"
    with (
        dashboard(studies, out, tmp_path / "home", "--open", "margins") as server,
        browser_page() as (page, seen),
    ):
        status, where = server.status_without_token("")
        assert status in (401, 403) or "/login?" in where
        page.goto(server.url(""), wait_until="domcontentloaded", timeout=600_000)
        use_the_explorer(page, eth, out, "dashboard", venue)
        assert seen.outside == []
        assert seen.errors == []


def test_the_backtest_explorer_moves_in_jupyterlab(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    source = f"from riskkit.lab.explorers import BacktestExplorer\nBacktestExplorer({str(ETH)!r})"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, work / "backtest.ipynb")
    explorer = BacktestExplorer(ETH)
    figure = "backtest-explorer"
    with jupyterlab(work, tmp_path / "home") as server, browser_page() as (page, seen):
        run_all(page, server.url("lab/tree/backtest.ipynb?reset"))
        first = wait_for_trace(page, figure, "adjusted")
        expected = coverage_data.panels(explorer.snapshot)
        np.testing.assert_allclose(first["y"], expected["adjusted"]["y"], rtol=1e-9)
        handle(page, "floor_multiple").focus()
        for _ in range(10):
            page.keyboard.press("ArrowRight")
        wait_for_setting(page, figure, "floor 2.5 ×")
        explorer.model.floor_multiple = 2.5
        expected = coverage_data.panels(explorer.snapshot)
        for trace in ("adjusted", "seen", "rises adjusted"):
            shown = wait_for_trace(page, figure, trace)
            np.testing.assert_allclose(shown["y"], expected[trace]["y"], rtol=1e-9)
        assert "Verdict: " in page.locator("#rk-verdict").inner_text()
        wait_until_opaque(page)
        shoot(page, "backtest")
        assert seen.outside == []
        assert seen.errors == []
