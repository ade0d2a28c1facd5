"""Slider to changed chart, in JupyterLab, in a real browser: ETH daily and BTC hourly.

Thirty moves, in turn on every slider of the explorer: some leave the price's paths as they were,
others need new ones, and the table says how long each takes. Two clocks. ``compute``:
`take_snapshot` for one move, 100,000 paths, in this process. ``screen``: by the browser's clock,
from the key press on a slider to the end of the frame that paints the figure of the new setting.
``echo``: the same for a slider whose callback only writes its value back, moved after each of the
others. Each market has two minutes: on a machine too busy for 30 moves in that time fewer are made,
and the line says how many. Ends with one line of JSON, the worse of the two markets. Run it with
``make bench-slider`` or ``python -m benchmarks.bench_slider`` (``--write`` also puts the figures
into the README here).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np

from riskkit.lab.explorers import market_of_study
from riskkit.lab.explorers.controls import SLIDERS, bind_slider, slider
from riskkit.lab.explorers.market import Market, fit_market
from riskkit.lab.explorers.model import ExplorerModel
from riskkit.lab.explorers.snapshot import take_snapshot
from riskkit.lab.figures.trade_off_data import setting_lines
from riskkit.position import Side
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
    const title = figure?.querySelector('.gtitle')?.textContent ?? '';
    return [current ? title.replace(/\\u200b/g, '') : '',
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


@dataclass
class Sliders:
    """The explorer's sliders as a user would move them: one stop up, each in turn."""

    study: Path
    market: Market = field(init=False)
    model: ExplorerModel = field(init=False)
    _knobs: list[tuple[str, Any]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.market = market_of_study(self.study)
        self.model = ExplorerModel({self.market.name: self.market})
        for dial in SLIDERS:
            if self.market.study.position.kind in dial.kinds:
                knob = slider(dial)
                bind_slider(self.model, dial, knob)
                self._knobs.append((dial.trait, knob))

    def move(self, turn: int) -> tuple[str, str]:
        """Move the slider whose turn it is; its trait, and what the page says of the setting."""
        trait, knob = self._knobs[turn % len(self._knobs)]
        knob.index += 1
        return trait, "".join(setting_lines(self.model.study()))


def compute_times(study: Path) -> list[tuple[str, float]]:
    """Wall milliseconds of the computation behind each move, by the slider that moved."""
    sliders = Sliders(study)
    fitted = fit_market(sliders.market, sliders.model.spec)
    take_snapshot(fitted, sliders.model.study(), Side.LONG, threads=2)
    found = []
    for turn in range(MOVES):
        trait, _ = sliders.move(turn)
        start = time.perf_counter()
        take_snapshot(fitted, sliders.model.study(), Side.LONG, threads=2)
        found.append((trait, 1e3 * (time.perf_counter() - start)))
    return found


def screen_times(study: Path) -> tuple[list[tuple[str, float]], list[float], float]:
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
            sliders, chart, echo = Sliders(study), [], []
            for turn in range(MOVES):
                if time.monotonic() > end and len(chart) > 2:
                    break
                trait, words = sliders.move(turn)
                chart.append((trait, press(page, handle(page, trait), words)))
                echo.append(press(page, handle(page, "echo"), f"echo {turn + 1} "))
            return chart, echo, first


def press(page: Any, knob: Any, words: str) -> float:
    """Milliseconds from one arrow key on a handle to the page that says the words."""
    knob.focus()
    page.keyboard.press("ArrowRight")
    return float(page.evaluate("words => window.rkUntil(words)", words))


def median_of(trait: str, timed: list[tuple[str, float]]) -> float:
    """Median of the moves of one slider; NaN if it was never moved."""
    found = [ms for moved, ms in timed if moved == trait]
    return float(np.median(found)) if found else float("nan")


def write_readme(lines: list[str]) -> None:
    """Replace this benchmark's marked section of the README."""
    begin, end = "<!-- bench-slider -->", "<!-- /bench-slider -->"
    path = Path(__file__).parent / "README.md"
    text = path.read_text()
    intro = [
        "## Slider to changed chart",
        "",
        "`make bench-slider`: 30 moves in JupyterLab, in turn on every slider, 100,000 paths each.",
        "*Echo* is a slider whose callback only writes its value back; *run to first chart* starts",
        "in a fresh kernel. Medians of all moves, then of each slider's.",
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
        compute = compute_times(study)
        chart, echo, first = screen_times(study)
        milliseconds = [ms for _, ms in chart]
        figures = {
            "compute_ms_p50": float(np.median([ms for _, ms in compute])),
            "screen_ms_p50": float(np.median(milliseconds)),
            "echo_ms_p50": float(np.median(echo)),
            "screen_ms_p95": float(np.quantile(milliseconds, 0.95)),
        }
        load = os.getloadavg()[0]
        say(
            f"{name}: compute {figures['compute_ms_p50']:.0f} ms; key to chart "
            f"{figures['screen_ms_p50']:.0f} ms (95 %: {figures['screen_ms_p95']:.0f}), key to "
            f"echo {figures['echo_ms_p50']:.0f} ms; {len(chart)} moves; run to first chart "
            f"{first:.1f} s (load of the machine {load:.1f})"
        )
        for trait in dict(compute):
            say(
                f"  {trait}: compute {median_of(trait, compute):.0f} ms, key to chart "
                f"{median_of(trait, chart):.0f} ms"
            )
        worst = {key: max(value, worst.get(key, 0.0)) for key, value in figures.items()}
    say(json.dumps({key: round(value, 1) for key, value in worst.items()}))
    if "--write" in sys.argv:
        write_readme(lines)


if __name__ == "__main__":
    main()
