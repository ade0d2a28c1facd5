"""No empty figure: in a stock JupyterLab, however slowly a page loads and whatever it missed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Lab
from tests.browser.pages import (
    CHROMIUM,
    browser_page,
    command,
    figures,
    handle,
    open_notebook,
    run_all,
    save,
    wait_for_figures,
    wait_for_setting,
    wait_for_words,
    wait_until_opaque,
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium"),
]
FIGURE = "margin-explorer"
EXPLORER = (
    "from riskkit.lab.explorers import MarginExplorer\nexplorer = MarginExplorer({!r})\nexplorer"
)
#: Modules are held back as on a busy machine: none of so many bytes runs before the test lets it,
#: nor in the first three seconds, one more than anywidget waits.
HOLD = """(() => {
  window.held = 0;
  const released = new Promise(done => { window.release = done; });
  window.hold = () => Promise.all([released, new Promise(done => setTimeout(done, 3000))]);
  const make = URL.createObjectURL;
  URL.createObjectURL = blob => {
    if (blob.type !== 'text/javascript' || blob.size < %d) return make.call(URL, blob);
    window.held += 1;
    return make.call(URL, new Blob(['await window.hold();\\n', blob], {type: blob.type}));
  };
})()"""
BREAK = """(() => {
  window.broken = true;
  const make = URL.createObjectURL;
  URL.createObjectURL = blob => blob.type === 'text/javascript' && blob.size > 1e6 && window.broken
    ? make.call(URL, new Blob(['throw new Error("out of memory")'], {type: blob.type}))
    : make.call(URL, blob);
})()"""


def assert_moves(page: Any, times: int = 1, to: str = "slippage 0.55 %") -> None:
    """The first explorer's slippage goes up one stop, and its figures follow."""
    handle(page, "slippage_fraction").focus()
    page.keyboard.press("ArrowRight")
    wait_for_setting(page, FIGURE, to)
    wait_until_opaque(page)
    for shown in wait_for_figures(page, times):
        assert to in shown["title"]


@pytest.mark.parametrize("least", [1_000_000, 0], ids=["plotly", "every module"])
def test_a_page_that_loads_late_draws_the_present(lab: Lab, study: Path, least: int) -> None:
    url = lab.notebook(f"late{least}", EXPLORER.format(str(study)))
    with browser_page() as (page, seen):
        page.add_init_script(HOLD % least)
        run_all(page, url)
        wait_for_words(page, "#rk-parameters")
        page.wait_for_function("() => window.held", timeout=60_000)
        assert figures(page) == []
        if least:
            assert "Loading the figure" in page.locator(".rk-waiting").inner_text()
        before = page.locator("#rk-parameters").inner_text()
        handle(page, "slippage_fraction").focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function(
            "before => document.querySelector('#rk-parameters').innerText !== before",
            arg=before,
            timeout=240_000,
        )
        wait_until_opaque(page)
        page.evaluate("() => window.release()")
        (shown,) = wait_for_figures(page, 1)
        assert "slippage 0.55 %" in shown["title"]
        assert page.locator(".rk-waiting").is_hidden()
        assert_moves(page, to="slippage 0.6 %")
        # A module that anywidget gave up may say so; the figure must not mind.
        assert [e for e in seen.errors if "Failed to initialize model" not in e] == []


def test_a_failed_import_is_said_and_can_be_tried_again(lab: Lab, study: Path) -> None:
    url = lab.notebook("failed", EXPLORER.format(str(study)))
    with browser_page() as (page, _):
        page.add_init_script(BREAK)
        run_all(page, url)
        again = page.get_by_role("button", name="Draw again")
        again.wait_for(timeout=240_000)
        assert "out of memory" in page.locator(".rk-waiting").inner_text()
        assert figures(page) == []
        again.click()
        again.wait_for()
        page.evaluate("() => { window.broken = false; }")
        again.click()
        wait_for_figures(page, 1)
        assert page.locator(".rk-waiting").is_hidden()
        assert_moves(page)


def test_two_explorers_at_once_import_plotly_once(lab: Lab, study: Path) -> None:
    cells = [
        EXPLORER.format(str(study)),
        f"from riskkit.lab.explorers import BacktestExplorer\nBacktestExplorer({str(study)!r})",
    ]
    url = lab.notebook("two", *cells)
    with browser_page() as (page, seen):
        page.add_init_script(HOLD % 1_000_000)
        run_all(page, url)
        wait_for_words(page, "#rk-behaviour")
        page.evaluate("() => window.release()")
        both = wait_for_figures(page, 2)
        assert {shown["id"] for shown in both} == {FIGURE, "backtest-explorer"}
        assert page.evaluate("() => window.held") == 1
        assert seen.errors == []


def test_two_views_of_one_explorer_show_the_same(lab: Lab, study: Path) -> None:
    again = "explorer.model.delay_hours = 48.0\nexplorer"
    url = lab.notebook("views", EXPLORER.format(str(study)), again)
    with browser_page(height=2_600) as (page, seen):
        run_all(page, url)
        wait_for_setting(page, FIGURE, "delay 48 h")
        wait_until_opaque(page)
        first, second = wait_for_figures(page, 2)
        assert first["y"] == second["y"]
        assert sum(map(len, first["y"])) > 1_000
        assert "delay 48 h" in second["title"]
        assert_moves(page, times=2)
        first, second = wait_for_figures(page, 2)
        assert first == second
        assert seen.errors == []


def test_restart_and_run_all_draws_again(lab: Lab, study: Path) -> None:
    url = lab.notebook("restart", EXPLORER.format(str(study)))
    with browser_page() as (page, _):
        run_all(page, url)
        wait_for_figures(page, 1)
        page.evaluate("() => document.querySelector('.js-plotly-plot').remove()")
        command(page, "notebook:restart-run-all")
        page.locator(".jp-Dialog .jp-mod-accept").click(timeout=240_000)
        wait_for_figures(page, 1)
        assert_moves(page)


def test_a_saved_notebook_reopened_is_drawn_from_its_kernel(lab: Lab, study: Path) -> None:
    url = lab.notebook("reopened", EXPLORER.format(str(study)))
    with browser_page() as (page, _):
        run_all(page, url)
        wait_for_figures(page, 1)
        handle(page, "delay_hours").focus()
        page.keyboard.press("PageUp")
        page.wait_for_function(
            "() => !document.querySelector('.js-plotly-plot').layout.title.text"
            ".includes('delay 1 h')",
            timeout=240_000,
        )
        wait_until_opaque(page)
        (before,) = wait_for_figures(page, 1)
        save(page)
        open_notebook(page, url.replace("?reset&", "?"))
        (after,) = wait_for_figures(page, 1)
        assert after == before
        assert_moves(page)


def test_output_that_is_scrolled_away_while_it_computes_is_drawn(lab: Lab, study: Path) -> None:
    pages = ["for i in range(60): print(i)"] * 12
    url = lab.notebook("away", "1 + 1", EXPLORER.format(str(study)), *pages)
    with browser_page(height=900) as (page, seen):
        run_all(page, url)
        page.evaluate(
            """async () => {
              const panel = window.jupyterapp.shell.currentWidget;
              panel.content.activeCellIndex = panel.content.widgets.length - 1;
              await panel.content.scrollToItem(panel.content.widgets.length - 1);
            }"""
        )
        page.wait_for_function(
            "() => document.querySelector('.jp-Notebook-ExecutionIndicator')"
            "?.dataset.status === 'idle'",
            timeout=240_000,
        )
        page.evaluate("() => window.jupyterapp.shell.currentWidget.content.scrollToItem(1)")
        (shown,) = wait_for_figures(page, 1)
        assert shown["width"] > 300
        assert_moves(page)
        assert seen.errors == []
