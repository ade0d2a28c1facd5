"""Run All, many times, with busy loops beside: how often does the figure come?

``python -m tests.browser.run_all_often 20`` ends with one line of JSON. Every try is a fresh kernel
and a fresh page of a stock JupyterLab; a figure counts if its traces are counted in the page.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Error

from tests.browser.conftest import Lab
from tests.browser.pages import browser_page, run_all, wait_for_figures
from tests.browser.servers import jupyterlab
from tests.support import ROOT

STUDY = ROOT / "studies" / "eth-perpetual-daily.toml"
CELL = f"from riskkit.lab.explorers import MarginExplorer\nMarginExplorer({str(STUDY)!r})"
BESIDE = 2


def spin() -> None:
    """Keep one core busy."""
    while True:
        pass


def main(tries: int) -> None:
    loops = [multiprocessing.Process(target=spin, daemon=True) for _ in range(BESIDE)]
    for loop in loops:
        loop.start()
    drawn, seconds, traces = 0, [], set()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "work"
        work.mkdir()
        with jupyterlab(work, Path(folder) / "home") as server:
            for turn in range(tries):
                url = Lab(server, work).notebook(f"try-{turn}", CELL)
                begin = time.monotonic()
                try:
                    with browser_page() as (page, _):
                        run_all(page, url)
                        (figure,) = wait_for_figures(page, 1)
                        traces.add(sum(bool(y) for y in figure["y"]))
                        drawn += 1
                except Error as error:
                    print(f"try {turn}: {error}", file=sys.stderr, flush=True)
                seconds.append(round(time.monotonic() - begin, 1))
                print(f"{drawn} of {turn + 1} drawn, {seconds[-1]} s", flush=True)
                server.stop_kernels()
    for loop in loops:
        loop.kill()
    found = {
        "tries": tries,
        "drawn": drawn,
        "traces": sorted(traces),
        "slowest_s": max(seconds),
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
