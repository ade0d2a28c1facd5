"""Slider to changed chart, in JupyterLab, in a real browser: ETH daily and BTC hourly.

Two clocks. ``compute``: `take_snapshot` for one move, 100,000 paths, in this process. ``screen``:
by the browser's clock, from the key press on a slider to the frame after the figure that belongs to
the new setting is drawn. ``echo``: the same for a slider whose callback only writes its value
back. Moves alternate between the two. Each market has two minutes: on a machine too busy for 30
moves in that time fewer are made, and the line says how many. Ends with one line of JSON, the worse
of the two markets. Run it with ``make bench-slider`` or ``python -m benchmarks.bench_slider``
(``--write`` also puts the figures into the README here).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np

from riskkit.lab.explorers import market_of_study
from riskkit.lab.explorers.market import fit_market
from riskkit.lab.explorers.model import ExplorerModel
from riskkit.lab.explorers.snapshot import take_snapshot
from riskkit.tail.losses import Side
from tests.browser.pages import browser_page, handle, run_all, wait_for_trace
from tests.browser.servers import jupyterlab

ROOT = Path(__file__).resolve().parents[1]
MOVES = 30
SECONDS_A_MARKET = 120.0
STUDIES = {
    "ETH daily": ROOT / "studies" / "eth-perpetual-daily.toml",
    "BTC hourly": ROOT / "studies" / "btc-perpetual-hourly.toml",
}
CELL = """\
import ipywidgets as w
from riskkit.lab.explorers import MarginExplorer
explorer = MarginExplorer({study!r})
echo, said = w.IntSlider(description="echo"), w.HTML("<i id='said'>0</i>")
echo.add_class("rk-echo")
echo.observe(lambda c: setattr(said, "value", f"<i id='said'>{{c['new']}}</i>"), "value")
display(explorer, echo, said)
"""
# Resolves one frame after the page says `words` and nothing in it is marked as stale: the mark goes
# after the figure and the table have come. Times are the browser's own.
CLOCK = """() => {
  const said = () => {
    const figure = [...document.querySelectorAll('.js-plotly-plot')]
      .find(g => g.layout?.meta?.id === 'margin-explorer');
    const current = !document.querySelector('.rk-stale');
    return [current ? figure?.querySelector('.gtitle')?.textContent ?? '' : '',
            'echo ' + (document.querySelector('#said')?.textContent ?? '') + ' '];
  };
  document.addEventListener('keydown', () => { window.rkPressed = performance.now(); }, true);
  window.rkUntil = words => new Promise((done, fail) => {
    const look = () => {
      if (said().some(text => text.includes(words)))
        requestAnimationFrame(() => done(performance.now() - window.rkPressed));
      else if (performance.now() - window.rkPressed > 30000)
        fail(new Error(`never said ${words}, but ${said().join('; ')}`));
      else requestAnimationFrame(look);
    };
    look();
  });
}"""


def compute_times(study: Path) -> tuple[list[float], list[float]]:
    """Wall and CPU milliseconds of the computation behind each move."""
    market = market_of_study(study)
    model = ExplorerModel({market.name: market})
    fitted = fit_market(market, model.spec)
    take_snapshot(fitted, model.study(), Side.LONG, threads=2)
    wall, cpu = [], []
    for i in range(MOVES):
        model.slippage_fraction = 0.005 + 0.0005 * (i + 1)
        start, busy = time.perf_counter(), time.process_time()
        take_snapshot(fitted, model.study(), Side.LONG, threads=2)
        wall.append(1e3 * (time.perf_counter() - start))
        cpu.append(1e3 * (time.process_time() - busy))
    return wall, cpu


def screen_times(study: Path) -> tuple[list[float], list[float], float]:
    """Milliseconds from key to chart, from key to echo; seconds from run to the first chart.

    The first chart is that of a fresh kernel, so it includes the imports.
    """
    end = time.monotonic() + SECONDS_A_MARKET
    cell = {
        "cell_type": "code",
        "id": "bench",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": CELL.format(study=str(study)),
    }
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "work"
        work.mkdir()
        (work / "bench.ipynb").write_text(json.dumps(notebook))
        with (
            jupyterlab(work, Path(folder) / "home") as server,
            browser_page(height=1500) as (page, _),
        ):
            run_all(page, server.url("lab/tree/bench.ipynb?reset"))
            start = time.perf_counter()
            wait_for_trace(page, "margin-explorer", "default")
            first = time.perf_counter() - start
            page.locator("#said").wait_for()
            page.evaluate(CLOCK)
            chart, echo = [], []
            slippage = 100.0 * market_of_study(study).study.mechanism.slippage_fraction
            for i in range(1, MOVES + 1):
                if time.monotonic() > end and len(chart) > 2:
                    break
                words = f"slippage {slippage + 0.05 * i:.3g} %"
                chart.append(press(page, handle(page, "slippage_fraction"), words))
                echo.append(press(page, handle(page, "echo"), f"echo {i} "))
            return chart, echo, first


def press(page: Any, knob: Any, words: str) -> float:
    """Milliseconds from one arrow key on a handle to the page that says the words."""
    knob.focus()
    page.keyboard.press("ArrowRight")
    return float(page.evaluate("words => window.rkUntil(words)", words))


def write_readme(lines: list[str]) -> None:
    """Replace this benchmark's marked section of the README."""
    begin, end = "<!-- bench-slider -->", "<!-- /bench-slider -->"
    path = Path(__file__).parent / "README.md"
    text = path.read_text()
    intro = [
        "## Slider to changed chart",
        "",
        "`make bench-slider`: 30 moves of a slider in JupyterLab, 100,000 paths each. *Echo* is a",
        "slider whose callback only writes its value back; *run to first chart* starts in a fresh",
        "kernel.",
        "",
    ]
    section = "\n".join([begin, *intro, "```", *lines, "```", end])
    if begin in text:
        head, rest = text.split(begin, 1)
        text = head + section + rest.split(end, 1)[1]
    else:
        text = text.rstrip() + "\n\n" + section + "\n"
    path.write_text(text)


def main() -> None:
    lines, worst = [], {}

    def say(text: str) -> None:
        print(text, flush=True)
        lines.append(text)

    for name, study in STUDIES.items():
        wall, cpu = compute_times(study)
        chart, echo, first = screen_times(study)
        figures = {
            "compute_ms_p50": float(np.median(wall)),
            "screen_ms_p50": float(np.median(chart)),
            "echo_ms_p50": float(np.median(echo)),
            "screen_ms_p95": float(np.quantile(chart, 0.95)),
        }
        load = os.getloadavg()[0]
        say(
            f"{name}: compute {figures['compute_ms_p50']:.0f} ms wall, {np.median(cpu):.0f} ms "
            f"CPU; key to chart {figures['screen_ms_p50']:.0f} ms (95 %: "
            f"{figures['screen_ms_p95']:.0f}), key to echo {figures['echo_ms_p50']:.0f} ms; "
            f"{len(chart)} moves; run to first chart {first:.1f} s (load of the machine {load:.1f})"
        )
        worst = {key: max(value, worst.get(key, 0.0)) for key, value in figures.items()}
    say(json.dumps({key: round(value, 1) for key, value in worst.items()}))
    if "--write" in sys.argv:
        write_readme(lines)


if __name__ == "__main__":
    main()
