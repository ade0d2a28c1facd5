"""Run one calibration and write its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from riskkit.calibration.calibrate import Progress, calibrate
from riskkit.calibration.result import Calibration
from riskkit.lab.report import render_report
from riskkit.parameters.build import build_parameter_file
from riskkit.parameters.write import canonical_json, write_atomically
from riskkit.study.prices import load_study_prices
from riskkit.study.study import Study


@dataclass(frozen=True)
class Written:
    """The files of one calibration."""

    parameters: Path
    report: Path


def run_calibration(
    study: Study,
    folder: Path,
    out: Path,
    *,
    closed_by: pd.Timestamp | None = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> tuple[Calibration, Written]:
    """Load the study's prices from ``folder``, calibrate, and write into ``out``.

    Bars that close after ``closed_by`` (the moment of the command) are unfinished and left out.
    The report is rendered before anything is written, and the parameter file is written last: if
    it is there, all of it is.
    """
    history = load_study_prices(study, folder)
    if closed_by is not None:
        history = history.between(None, closed_by - history.bar)
    result = calibrate(study, history, threads=threads, progress=progress)
    parameters = build_parameter_file(result)
    page = render_report(result, parameters)
    report = write_atomically(out / "report.html", page)
    written = write_atomically(out / "parameters.json", canonical_json(parameters.to_dict()))
    return result, Written(written, report)
