"""Run one calibration and write its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from riskkit.calibration.calibrate import Progress, calibrate
from riskkit.calibration.result import Calibration
from riskkit.cli.asked import Asked, text_beside
from riskkit.lab.report import render_report
from riskkit.parameters.build import build_parameter_file
from riskkit.parameters.write import write_atomically


@dataclass(frozen=True)
class Written:
    """The files of one calibration; a study only where it was proposed for prices."""

    parameters: Path
    report: Path
    study: Path | None


def run_calibration(
    asked: Asked,
    out: Path,
    *,
    threads: int = 1,
    progress: Progress | None = None,
) -> tuple[Calibration, Written]:
    """Calibrate, and write into ``out``.

    The report is rendered before anything is written, and the parameter file is written last: if
    it is there, all of it is.
    """
    result = calibrate(
        asked.study, asked.history, threads=threads, progress=progress, peers=asked.peers()
    )
    parameters = build_parameter_file(result)
    page = render_report(result, parameters)
    study = None
    if asked.proposed:
        study = write_atomically(out / "study.toml", text_beside(asked, out))
    report = write_atomically(out / "report.html", page)
    written = parameters.write(out / "parameters.json")
    return result, Written(written, report, study)
