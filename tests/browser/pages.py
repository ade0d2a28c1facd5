"""What a test does in a page: find a figure by its name, read its data, move a slider."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, Request, sync_playwright

from tests.support import ROOT

SHOTS = ROOT / "out" / "screenshots"
CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
HERE = ("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:", "about:")

# Plotly keeps the figure that it drew on the element itself.
TRACE = """([figure, trace]) => {
  const found = [...document.querySelectorAll('.js-plotly-plot')]
    .find(g => g.layout?.meta?.id === figure);
  const data = found?.data?.find(t => t.meta === trace);
  return data?.x?.length && data?.y?.length ? {x: Array.from(data.x), y: Array.from(data.y)} : null;
}"""
CHANGED = f"""([figure, trace, before]) => {{
  const now = ({TRACE})([figure, trace]);
  return now && JSON.stringify(now.y) !== before && now;
}}"""
FIGURES = """() => [...document.querySelectorAll('.js-plotly-plot')]
  .filter(g => g.isConnected && g.querySelector('.scatterlayer .js-line')?.getAttribute('d')
    && g.data.filter(t => t.x?.length && t.y?.length).length > 8)
  .map(g => ({
    id: g.layout.meta.id,
    title: g.layout.title.text,
    width: g._fullLayout.width,
    y: g.data.map(t => Array.from(t.y ?? [])),
  }))"""
STOPPED = ".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']"
SETTLED = """() => !document.querySelector('.rk-stale')"""
OPAQUE = """() => [...document.querySelectorAll('.rk-shown')]
  .every(shown => getComputedStyle(shown).opacity === '1')"""


@dataclass
class Seen:
    """What left the page, and what went wrong in it."""

    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@contextlib.contextmanager
def browser_page(width: int = 1500, height: int = 1300) -> Iterator[tuple[Page, Seen]]:
    """A page of a fresh browser that writes down every request to another machine."""
    seen = Seen()

    def note(request: Request) -> None:
        if not request.url.startswith(HERE):
            seen.outside.append(request.url)

    def forget(request: Request) -> None:
        # Refused by the page's own policy: it never left the browser.
        if request.failure == "csp":
            seen.outside.remove(request.url)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=list(FLAGS)
        )
        page = browser.new_page(viewport={"width": width, "height": height})
        page.on("request", note)
        page.on("requestfailed", forget)
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        try:
            yield page, seen
        except BaseException as error:
            error.add_note(f"errors in the page: {seen.errors}")
            SHOTS.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=SHOTS / "failed.png")
            raise
        finally:
            browser.close()


def open_notebook(page: Page, url: str) -> None:
    """Open a notebook in JupyterLab, and wait until its kernel is truly there."""
    page.goto(url, wait_until="domcontentloaded")
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=240_000)
    page.evaluate(
        """async () => {
          const panel = window.jupyterapp.shell.currentWidget;
          await panel.context.ready;
          await panel.sessionContext.ready;
          const kernel = panel.sessionContext.session.kernel;
          await kernel.info;
          while (kernel.connectionStatus !== 'connected')
            await new Promise(done => setTimeout(done, 50));
        }"""
    )


def command(page: Page, name: str) -> None:
    """Begin one of JupyterLab's commands."""
    page.evaluate("name => { window.jupyterapp.commands.execute(name); }", name)


def save(page: Page) -> None:
    """Save the notebook, and wait until it is."""
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")


def run_all(page: Page, url: str) -> None:
    """Open a notebook in JupyterLab and run every cell."""
    open_notebook(page, url)
    command(page, "notebook:run-all-cells")


def figures(page: Page) -> list[dict[str, Any]]:
    """Every figure that is drawn, in the order of the page; an empty one is none."""
    return page.evaluate(FIGURES)


def wait_for_figures(page: Page, count: int, seconds: float = 600.0) -> list[dict[str, Any]]:
    """As `figures`, once so many are drawn and nothing is stale."""
    wait_for(page, f"count => ({FIGURES})().length === count", count, seconds)
    page.wait_for_function(SETTLED, timeout=240_000)
    return figures(page)


def wait_for(page: Page, condition: str, argument: Any, seconds: float) -> None:
    """Wait for what a cell will show; a cell that stops is the end of the wait."""
    page.wait_for_function(
        f"argument => document.querySelector({STOPPED!r}) || ({condition})(argument)",
        arg=argument,
        timeout=1000 * seconds,
    )
    stopped = page.locator(STOPPED)
    assert stopped.count() == 0, stopped.first.inner_text()


def wait_for_words(page: Page, place: str, seconds: float = 600.0) -> None:
    """Wait until an explorer says something in a place."""
    wait_for(page, "place => document.querySelector(place)", place, seconds)


def wait_for_trace(page: Page, figure: str, trace: str, seconds: float = 600.0) -> dict[str, Any]:
    """The data of a trace, once it is drawn and nothing is stale."""
    wait_for(page, TRACE, [figure, trace], seconds)
    page.wait_for_function(SETTLED, timeout=240_000)
    return page.evaluate(TRACE, [figure, trace])


def wait_for_change(page: Page, figure: str, trace: str, before: str) -> dict[str, Any]:
    """The data of a trace after it changed and settled."""
    page.wait_for_function(CHANGED, arg=[figure, trace, before], timeout=240_000)
    page.wait_for_function(SETTLED, timeout=240_000)
    return page.evaluate(TRACE, [figure, trace])


def wait_for_setting(page: Page, figure: str, words: str) -> None:
    """Wait until the figure says that it belongs to a setting."""
    page.wait_for_function(
        """([figure, words]) => [...document.querySelectorAll('.js-plotly-plot')]
          .find(g => g.layout?.meta?.id === figure)?.layout.title?.text.includes(words)""",
        arg=[figure, words],
        timeout=240_000,
    )


def handle(page: Page, trait: str) -> Locator:
    """The handle of the slider of a trait."""
    return page.locator(f".rk-{trait.replace('_', '-')} .noUi-handle").first


def drag(page: Page, trait: str, share: float) -> None:
    """Drag a slider's handle to a share of its width, in steps, as a hand does."""
    knob = handle(page, trait)
    knob.scroll_into_view_if_needed()
    box = knob.bounding_box()
    rail = page.locator(f".rk-{trait.replace('_', '-')} .noUi-base").first.bounding_box()
    assert box is not None
    assert rail is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(rail["x"] + share * rail["width"], y, steps=12)
    page.mouse.up()


def readout(page: Page, trait: str) -> float:
    """The number a slider shows, without its unit."""
    text = page.locator(f".rk-{trait.replace('_', '-')} .widget-readout").first.inner_text()
    return float(text.split()[0])


def wait_until_opaque(page: Page) -> None:
    """Wait until nothing is stale, and nothing looks as if it were."""
    page.wait_for_function(SETTLED, timeout=240_000)
    page.wait_for_function(OPAQUE, timeout=240_000)


def shoot(page: Page, name: str) -> Path:
    """Keep a picture of the whole page."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.evaluate("() => document.querySelector('.rk-explorer')?.scrollIntoView()")
    page.wait_for_timeout(200)
    path = SHOTS / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    return path
