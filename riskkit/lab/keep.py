"""Keeping an answer: its parameter file, its report, and the file of a venue that runs it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from riskkit.calibration.result import Calibration
from riskkit.lab.explorers.export import Exported, VenueFile, export_venue
from riskkit.lab.report import render_report
from riskkit.parameters.build import build_parameter_file
from riskkit.parameters.write import write_atomically
from riskkit.study.case import Case

PARAMETERS, REPORT = "parameters.json", "report.html"


def keep(
    calibration: Calibration,
    folder: str | Path,
    *,
    venue: str | None = None,
    live: str | Path | None = None,
    market: str | None = None,
    context: str | Path | Mapping[str, object] | None = None,
    allow_historical: bool = False,
) -> Exported:
    """Write what a calibration recommends: ``parameters.json``, ``report.html``, a venue's file.

    Each is written whole or not at all, the parameter file first.

    Parameters
    ----------
    folder : path
        Made if need be; files of these names in it are replaced.
    venue : str, optional
        Name of a format, such as ``"dydx-v4"``: the same numbers there, rounded against the trader
        and simulated again as the venue will run them.
    live, market, context, allow_historical
        As in `riskkit.lab.explorers.VenueFile`.

    Returns
    -------
    Exported
        ``path`` and ``file`` of the parameters, and ``venue``, the venue's file if one was asked.

    Raises
    ------
    InputError
        If a file cannot be written, or the venue cannot run the recommendation.

    Examples
    --------
    >>> import riskkit
    >>> import tempfile
    >>> quick = {"simulation.paths": 10_000, "simulation.bootstrap_refits": 0}
    >>> case = riskkit.Case.read("studies/eth-collateral-daily.toml")
    >>> answer = riskkit.calibrate(case.study.changed(quick), case.history)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     riskkit.keep(answer, folder).path.name
    'parameters.json'
    """
    file = build_parameter_file(calibration)
    path = file.write(Path(folder) / PARAMETERS)
    write_atomically(Path(folder) / REPORT, render_report(calibration, file))
    done = Exported(path, file, None)
    if not venue:
        return done
    asked = VenueFile(
        venue, live or None, market or None, context=context, allow_historical=allow_historical
    )
    return export_venue(done, asked, Case.of(calibration.study, calibration.history))
