"""Where an explorer's parts stand in JupyterLab, from 900 to 1,920 pixels, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest

from riskkit.lab.template import Theme, template
from tests.browser.boxes import label_faults
from tests.browser.conftest import Lab
from tests.browser.pages import (
    CHROMIUM,
    browser_page,
    handle,
    run_all,
    shoot,
    wait_for,
    wait_for_figures,
    wait_for_setting,
    wait_for_trace,
    wait_until_opaque,
)
from tests.support import ROOT

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium"),
]
FIGURE = "margin-explorer"
WIDTHS = (900, 1000, 1100, 1200, 1320, 1440, 1600, 1760, 1920)
#: Lowest edge of the numbers and of every slider, once the explorer is scrolled to the top.
LOWEST = """() => {
  document.querySelector('.rk-explorer').scrollIntoView();
  const seen = document.querySelectorAll('#rk-parameters, .rk-explorer .widget-slider');
  return Math.max(...[...seen].map(part => part.getBoundingClientRect().bottom));
}"""
DRAWN = """count => [...document.querySelectorAll('.rk-explorer .js-plotly-plot')]
  .filter(plot => plot.data?.filter(t => t.y?.length || t.z?.length).length > 3
    && plot.querySelector('svg text')).length === count"""
PAPER = """paper => [...document.querySelectorAll('.js-plotly-plot')]
  .every(plot => plot._fullLayout.paper_bgcolor === paper)"""


def test_margins_stand_beside_their_sliders_and_no_label_is_lost(lab: Lab, study: Path) -> None:
    source = "from riskkit.lab.explorers import MarginExplorer\nMarginExplorer({!r})"
    with browser_page(width=1440, height=900) as (page, seen):
        run_all(page, lab.notebook("margins", source.format(str(study))))
        wait_for_figures(page, 1)
        assert page.locator(".jp-FileBrowser").is_visible()
        assert page.evaluate(LOWEST) < 900
        faults = [fault for width in WIDTHS for fault in label_faults(page, width, 900)]
        live = page.get_by_placeholder("today's, e.g. 5, 10")
        live.fill("15, 20")
        live.press("Enter")
        wait_for_trace(page, FIGURE, "default live")
        pin = page.get_by_role("button", name="Pin", exact=True)
        for i, words in ((1, "delay 26 h"), (2, "delay 51 h")):
            pin.click()
            wait_for_trace(page, FIGURE, f"pin {i} default")
            handle(page, "delay_hours").focus()
            for _ in range(5):
                page.keyboard.press("PageUp")
            wait_for_setting(page, FIGURE, words)
        wait_until_opaque(page)
        faults += [fault for width in WIDTHS for fault in label_faults(page, width, 900)]
        for width in (900, 1440, 1920):
            label_faults(page, width, 2_000)
            shoot(page, f"margins-{width}")
        assert faults == []
        assert seen.errors == []


def test_backtest_and_loan_lose_no_label_and_follow_the_theme(
    lab: Lab, study: Path, loan: Path
) -> None:
    source = "from riskkit.lab.explorers import {0}Explorer\n{0}Explorer({1!r})"
    cells = [source.format("Backtest", str(study)), source.format("Liquidation", str(loan))]
    with browser_page(width=1440, height=900) as (page, seen):
        run_all(page, lab.notebook("backtest", *cells))
        wait_for_trace(page, "backtest-explorer", "adjusted")
        wait_for_trace(page, "liquidation-explorer", "default")
        pin = page.get_by_role("button", name="Pin", exact=True).first
        for i, words in ((1, "floor 1.25 ×"), (2, "floor 2.5 ×")):
            pin.click()
            wait_for_trace(page, "backtest-explorer", f"pin {i} adjusted")
            handle(page, "floor_multiple").focus()
            for _ in range(5):
                page.keyboard.press("ArrowRight")
            wait_for_setting(page, "backtest-explorer", words)
        wait_until_opaque(page)
        faults = [fault for width in WIDTHS for fault in label_faults(page, width, 900)]
        for name, theme in (("JupyterLab Dark", Theme.DARK), ("JupyterLab Light", Theme.LIGHT)):
            page.evaluate(
                "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})",
                name,
            )
            paper = template(theme).layout.paper_bgcolor
            page.wait_for_function(PAPER, arg=paper, timeout=240_000)
            for width in (900, 1440, 1920):
                label_faults(page, width, 2_000)
                shoot(page, f"backtest-{theme.value}-{width}")
        assert faults == []
        assert seen.errors == []


def test_the_venue_portfolio_and_options_explorers_lose_no_label(lab: Lab) -> None:
    source = "from riskkit.lab.explorers import {0}Explorer\n{0}Explorer({1!r})"
    studies = {
        "Venue": "btc-venue-hourly",
        "Portfolio": "btc-eth-accounts-daily",
        "Options": "btc-eth-options-daily",
    }
    cells = [
        source.format(name, str(ROOT / "studies" / f"{study}.toml"))
        for name, study in studies.items()
    ]
    with browser_page(width=1440, height=900) as (page, seen):
        run_all(page, lab.notebook("venue", *cells))
        wait_for(page, DRAWN, len(studies), 600.0)
        faults = [fault for width in WIDTHS for fault in label_faults(page, width, 900)]
        for name, theme in (("JupyterLab Dark", Theme.DARK), ("JupyterLab Light", Theme.LIGHT)):
            page.evaluate(
                "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})",
                name,
            )
            paper = template(theme).layout.paper_bgcolor
            page.wait_for_function(PAPER, arg=paper, timeout=240_000)
            for width in (900, 1440, 1920):
                label_faults(page, width, 2_400)
                shoot(page, f"venue-{theme.value}-{width}")
        assert faults == []
        assert seen.errors == []
