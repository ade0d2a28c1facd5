"""The explorer as people meet it: JupyterLab and the dashboard, in a real browser."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from riskkit.lab.explorers import Market, market_of_study
from riskkit.lab.explorers.market import fit_market
from riskkit.lab.explorers.model import ExplorerModel
from riskkit.lab.explorers.snapshot import take_snapshot
from riskkit.lab.figures.trade_off_data import panels
from riskkit.parameters.file import read_parameter_file
from riskkit.tail.losses import Side
from tests.browser.pages import (
    CHROMIUM,
    browser_page,
    drag,
    handle,
    readout,
    run_all,
    shoot,
    wait_for_setting,
    wait_for_trace,
    wait_until_opaque,
)
from tests.browser.servers import dashboard, jupyterlab
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


def computed(market: Market, trace: str, **settings: Any) -> dict[str, Any]:
    """What the package gives for these settings, without any page."""
    model = ExplorerModel({market.name: market})
    for name, value in settings.items():
        setattr(model, name, value)
    study = model.study()
    fitted = fit_market(market, study.model.spec)
    return panels(take_snapshot(fitted, study, Side(model.side)))[trace]


def assert_same(page: dict[str, Any], package: dict[str, Any]) -> None:
    for axis in ("x", "y"):
        np.testing.assert_allclose(
            np.asarray(page[axis], float), np.asarray(package[axis], float), rtol=1e-9
        )


def use_the_explorer(page: Any, eth: Market, out: Path, name: str) -> None:
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

    own = page.get_by_placeholder("path of a CSV or parquet")
    own.fill("/nowhere/prices.csv")
    own.press("Enter")
    page.locator("#rk-error").wait_for(timeout=30_000)
    assert "must be a file that can be read" in page.locator("#rk-error").inner_text()
    shoot(page, f"{name}-error")

    page.get_by_role("button", name="Export", exact=True).click()
    page.locator("#rk-path").wait_for(timeout=180_000)
    written = Path(page.locator("#rk-path").inner_text())
    file = read_parameter_file(written)
    assert written.resolve().is_relative_to(out.resolve())
    assert file.assumptions.slippage_fraction == 0.007
    assert file.assumptions.liquidation_delay_hours == hours
    assert page.locator("#rk-error").count() == 0
    shoot(page, f"{name}-exported")


def test_jupyterlab_runs_the_notebook_and_the_sliders_move_the_chart(
    eth: Market, tmp_path: Path
) -> None:
    for folder in ("notebooks", "studies", "data"):
        shutil.copytree(ROOT / folder, tmp_path / "work" / folder)
    with (
        jupyterlab(tmp_path / "work", tmp_path / "home") as server,
        browser_page() as (page, seen),
    ):
        status, _ = server.status_without_token("api/contents")
        assert status == 403
        path = "lab/tree/notebooks/06_trade_off_explorer.ipynb?reset"
        run_all(page, server.url(path))
        use_the_explorer(page, eth, tmp_path / "work" / "out" / "explorer", "lab")
        page.wait_for_function(
            "() => document.querySelector('.jp-Notebook-ExecutionIndicator')"
            "?.dataset.status === 'idle'",
            timeout=120_000,
        )
        assert page.locator(".jp-RenderedText[data-mime-type*='stderr']").count() == 0
        assert seen.outside == []
        assert seen.errors == []


def test_the_dashboard_asks_for_its_token_and_works_alike(eth: Market, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with (
        dashboard([ETH, BTC], out, tmp_path / "home") as server,
        browser_page() as (page, seen),
    ):
        status, where = server.status_without_token("")
        assert status in (401, 403) or "/login?" in where
        page.goto(server.url(""), wait_until="domcontentloaded", timeout=120_000)
        use_the_explorer(page, eth, out, "dashboard")
        assert seen.outside == []
        assert seen.errors == []
