"""No empty figure: in a stock JupyterLab, however slowly a page loads and whatever it missed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.browser.pages import (
    CHROMIUM,
    browser_page,
    command,
    figures,
    handle,
    open_notebook,
    run_all,
    wait_for_figures,
    wait_for_setting,
    wait_for_words,
    wait_until_opaque,
)
from tests.browser.servers import Server, jupyterlab
from tests.support import ROOT

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


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ETH study with few paths: what is tested is the page."""
    text = (ROOT / "studies" / "eth-perpetual-daily.toml").read_text()
    text = text.replace("../data/", f"{ROOT / 'data'}/")
    assert text.count("paths = 100_000") == 1
    text = text.replace("paths = 100_000", "paths = 20_000")
    path = tmp_path_factory.mktemp("study") / "eth.toml"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    folder = tmp_path_factory.mktemp("lab")
    work = folder / "work"
    work.mkdir()
    with jupyterlab(work, folder / "home") as server:
        yield server, work


def notebook(lab: tuple[Server, Path], name: str, *cells: str) -> str:
    """Write a notebook of code cells; the address of its page."""
    server, work = lab
    content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    content.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(content, work / f"{name}.ipynb")
    return server.url(f"lab/tree/{name}.ipynb?reset")


def assert_moves(page: Any, times: int = 1, to: str = "slippage 0.55 %") -> None:
    """The first explorer's slippage goes up one stop, and its figures follow."""
    handle(page, "slippage_fraction").focus()
    page.keyboard.press("ArrowRight")
    wait_for_setting(page, FIGURE, to)
    wait_until_opaque(page)
    for shown in wait_for_figures(page, times):
        assert to in shown["title"]


@pytest.mark.parametrize("least", [1_000_000, 0], ids=["plotly", "every module"])
def test_a_page_that_loads_late_draws_the_present(
    lab: tuple[Server, Path], study: Path, least: int
) -> None:
    url = notebook(lab, f"late{least}", EXPLORER.format(str(study)))
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


def test_a_failed_import_is_said_and_can_be_tried_again(
    lab: tuple[Server, Path], study: Path
) -> None:
    url = notebook(lab, "failed", EXPLORER.format(str(study)))
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


def test_two_explorers_at_once_import_plotly_once(lab: tuple[Server, Path], study: Path) -> None:
    cells = [
        EXPLORER.format(str(study)),
        f"from riskkit.lab.explorers import BacktestExplorer\nBacktestExplorer({str(study)!r})",
    ]
    url = notebook(lab, "two", *cells)
    with browser_page() as (page, seen):
        page.add_init_script(HOLD % 1_000_000)
        run_all(page, url)
        wait_for_words(page, "#rk-behaviour")
        page.evaluate("() => window.release()")
        both = wait_for_figures(page, 2)
        assert {shown["id"] for shown in both} == {FIGURE, "backtest-explorer"}
        assert page.evaluate("() => window.held") == 1
        assert seen.errors == []


def test_two_views_of_one_explorer_show_the_same(lab: tuple[Server, Path], study: Path) -> None:
    again = "explorer.model.delay_hours = 48.0\nexplorer"
    url = notebook(lab, "views", EXPLORER.format(str(study)), again)
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


def test_restart_and_run_all_draws_again(lab: tuple[Server, Path], study: Path) -> None:
    url = notebook(lab, "restart", EXPLORER.format(str(study)))
    with browser_page() as (page, _):
        run_all(page, url)
        wait_for_figures(page, 1)
        page.evaluate("() => document.querySelector('.js-plotly-plot').remove()")
        command(page, "notebook:restart-run-all")
        page.get_by_role("button", name="Restart").last.click()
        wait_for_figures(page, 1)
        assert_moves(page)


def test_a_saved_notebook_reopened_is_drawn_from_its_kernel(
    lab: tuple[Server, Path], study: Path
) -> None:
    url = notebook(lab, "reopened", EXPLORER.format(str(study)))
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
        command(page, "docmanager:save")
        open_notebook(page, url.replace("?reset&", "?"))
        (after,) = wait_for_figures(page, 1)
        assert after == before
        assert_moves(page)


def test_output_that_is_scrolled_away_while_it_computes_is_drawn(
    lab: tuple[Server, Path], study: Path
) -> None:
    pages = ["for i in range(60): print(i)"] * 12
    url = notebook(lab, "away", "1 + 1", EXPLORER.format(str(study)), *pages)
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
