"""A fleet of two small markets, run once: by two processes, of which one is killed."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from riskkit.fleet.archive import Archive
from riskkit.fleet.identity import this_machine
from riskkit.fleet.plan import plan_markets, read_case, study_files
from riskkit.fleet.run import Asking, Ended, run_markets
from riskkit.fleet.task import solve
from riskkit.fleet.workers import ProcessWorkers
from tests.support import DATA, STUDY

NOW = pd.Timestamp("2025-01-05", tz="UTC")
SEEDS = (7, 8)


@dataclass(frozen=True)
class Fleet:
    """Studies in a folder, and what a run with a killed process made of them."""

    studies: Path
    archive: Archive
    ended: tuple[Ended, ...]
    killed: int


def light_study(seed: int) -> str:
    """A study that calibrates in about a second."""
    text = STUDY.replace("paths = 40_000", "paths = 10_000").replace("seed = 7", f"seed = {seed}")
    text = text.replace("bootstrap_refits = 4", "bootstrap_refits = 2")
    return text.replace("refit_every_bars = 300", "refit_every_bars = 1000")


def asking() -> Asking:
    """Read markets as of a fixed moment."""
    return Asking(partial(read_case, now=NOW), NOW, this_machine())


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """Two markets, by two processes; one is killed as soon as the first market has ended."""
    folder = tmp_path_factory.mktemp("fleet")
    studies = folder / "studies"
    studies.mkdir()
    shutil.copy(DATA / "btc_usd_daily.csv", studies)
    for seed in SEEDS:
        (studies / f"market-{seed}.toml").write_text(light_study(seed), encoding="utf-8")
    archive = Archive(folder / "out")
    killed: list[int] = []

    def kill_one(done: int, failed: int, total: int) -> None:
        if not killed:
            victim = multiprocessing.active_children()[0].pid
            assert victim is not None
            os.kill(victim, signal.SIGKILL)
            killed.append(victim)

    markets = plan_markets(study_files([studies]), this_machine())
    with ProcessWorkers(solve, 2) as workers:
        ended = run_markets(markets, archive, workers, asking(), kill_one)
    return Fleet(studies, archive, ended, killed[0])
