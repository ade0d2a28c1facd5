"""Folders, and a study small enough for a test."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from riskkit.cli import main
from riskkit.paths.model import PathModel
from riskkit.paths.run import Run
from riskkit.paths.start import Start
from riskkit.paths.world import World
from riskkit.simulation.default import Execution
from riskkit.study.study import Study, parse_study

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data"

# The study of `small_study`, as a file beside its prices.
STUDY = """
title = "BTC perpetual, a small study"
as_of = 2024-12-31
[data]
asset = "BTC/USD"
prices = "btc_usd_daily.csv"
[model]
spec = "gjr-t"
refit_every_bars = 300
[mechanism]
oracle_latency_seconds = 0.0
[simulation]
paths = 40_000
seed = 7
bootstrap_refits = 4
"""


def small_study(**sections: dict[str, object]) -> Study:
    """A study on BTC's daily closes that runs in a second or two."""
    content: dict[str, object] = {
        "title": "BTC perpetual, a small study",
        "as_of": date(2024, 12, 31),
        "data": {"asset": "BTC/USD", "prices": "btc_usd_daily.csv"},
        "model": {"spec": "gjr-t", "refit_every_bars": 300},
        "mechanism": {"oracle_latency_seconds": 0.0},
        "simulation": {"paths": 40_000, "seed": 7, "bootstrap_refits": 4},
    }
    for name, values in sections.items():
        base = content.get(name)
        content[name] = {**base, **values} if isinstance(base, dict) else values
    return parse_study(content)


def riskkit(*words: str | Path) -> int:
    """Run a command as a user types it; its exit code."""
    sys.argv = ["riskkit", *map(str, words)]
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def simulated(
    simulate: Callable[..., Any],
    model: PathModel,
    *what: Any,
    start_sigma: Any,
    paths: int,
    seed: Any,
    threads: int = 1,
    **asked: Any,
) -> Any:
    """A simulation of a world of one, whose parts a test names one by one."""
    if "delays" in asked:
        names = ("delays", "latencies", "slippage")
        what += (Execution(**{name: asked.pop(name) for name in names if name in asked}),)
    dates = {name: asked.pop(name) for name in ("origin", "bar") if name in asked}
    world = World.one(model, Start.measured(start_sigma), **dates)
    return simulate(world, Run(paths, seed, threads), *what, **asked)
