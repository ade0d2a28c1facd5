"""`riskkit calibrate`: from a study, or just a price file, to parameters, evidence and report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from riskkit.cli.asked import AskedAbout, asked_by_study
from riskkit.cli.options import (
    NOTHING,
    FolderOption,
    ManyArgument,
    ThreadsOption,
    asks,
)
from riskkit.errors import InputError

if TYPE_CHECKING:
    from riskkit.cli.asked import Asked


@asks(ManyArgument, word="studies")
def calibrate(
    asking: AskedAbout = NOTHING,
    seed: Annotated[
        int | None, typer.Option(help="Replace the seed: the change shows the Monte-Carlo error.")
    ] = None,
    threads: ThreadsOption = 2,
    out: FolderOption = Path("out"),
) -> None:
    """Calibrate studies, and write a parameter file and a report for each.

    Writes OUT/NAME/parameters.json and OUT/NAME/report.html (self-contained); NAME is the study's,
    or asset and bar of the prices, whose study is written beside them as study.toml. Data that ends
    more than 30 days before the study's as_of is labelled HISTORICAL EXAMPLE.

    Example:

        riskkit calibrate studies/eth-perpetual-daily.toml

        riskkit calibrate studies/*.toml --out results

        riskkit calibrate --prices my.csv --asset SOL --bar 1h
    """
    console = Console(soft_wrap=False, emoji=False)
    jobs = _jobs(asking, seed)
    from riskkit.cli.progress import calibration_progress, foretell
    from riskkit.cli.run import run_calibration
    from riskkit.cli.tables import markets_table, print_calibration

    results = []
    before = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)
    for asked in jobs:
        foretell(before, asked)
        began = time.perf_counter()
        with calibration_progress() as tell:
            result, written = run_calibration(
                asked, out / asked.name, threads=threads, progress=tell
            )
        results.append(result)
        print_calibration(console, result, written)
        if written.study is not None:
            console.print(f"study:          {written.study}", soft_wrap=True, markup=False)
        if asked.study.unconfirmed:
            console.print(
                f"unconfirmed:    {', '.join(asked.study.unconfirmed)}; riskkit export refuses "
                "until they are confirmed",
                soft_wrap=True,
                highlight=False,
            )
        console.print(f"done in {time.perf_counter() - began:.1f} s")
    if len(results) > 1:
        console.print(markets_table(results))


def _jobs(asking: AskedAbout, seed: int | None) -> list[Asked]:
    """Every calibration asked for; all are read and validated before any runs."""
    if not asking.files:
        jobs = [asking.read()]
    else:
        from riskkit.study.name import study_name

        names = [study_name(path) for path in asking.files]
        if len(set(names)) < len(names):
            raise InputError(
                "STUDIES",
                ", ".join(names),
                "file names must differ, since results are named after them",
                "Rename one, or run them with different --out",
            )
        jobs = [asked_by_study(path) for path in asking.files]
    if seed is None:
        return jobs
    return [job.changed({"simulation.seed": seed}) for job in jobs]
