"""Run a parameter file's own study again, and compare."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from riskkit.calibration.calibrate import calibrate
from riskkit.errors import InputError
from riskkit.parameters.build import build_parameter_file
from riskkit.parameters.diff import Change, compare_files
from riskkit.parameters.file import ParameterFile
from riskkit.study.prices import load_study_prices

#: Relative difference up to which numbers agree: exp and log differ between processors.
AGREES = 1e-9


@dataclass(frozen=True)
class Reproduction:
    """A file beside the same study, run here.

    Attributes
    ----------
    same_bytes : bool
        Whether digests agree.
    changes : tuple of Change
        Values that differ by more than `AGREES`, relatively; others do not count.
    """

    same_bytes: bool
    changes: tuple[Change, ...]

    @property
    def agrees(self) -> bool:
        """Whether every number is the same, to `AGREES`."""
        return not self.changes


def reproduce(file: ParameterFile, prices: Path | None, *, threads: int = 1) -> Reproduction:
    """Calibrate the study that a file carries on its prices again.

    Parameters
    ----------
    file : ParameterFile
    prices : Path, optional
        Where its price file lies, since a parameter file knows the name only; without it the file
        of that name in the working folder, or the sample or stored series that the study names.

    Raises
    ------
    InputError
        If the prices are others than those the file was made from, or the file was migrated: then
        it does not carry its study whole.
    """
    if file.header.migrated_from_schema_version is not None:
        rule = "must carry its study: it was migrated from an earlier version, which did not"
        raise InputError("FILE", file.header.title, rule, "Calibrate its study instead")
    closed_by = file.data.closed_by_utc
    now = None if closed_by is None else pd.Timestamp(closed_by)
    study, folder = file.study, Path.cwd()
    if prices is not None:
        study, folder = study.changed({"data.prices": prices.name}), prices.parent
    history = load_study_prices(study, folder, now=now)
    if history.provenance.sha256 != file.data.sha256:
        found = history.provenance.sha256[:12]
        rule = f"must be the bytes that the file was made from (sha256 {file.data.sha256[:12]}…)"
        raise InputError("prices", f"{found}…", rule, "Name that price file with --prices")
    again = build_parameter_file(calibrate(file.study, history, threads=threads))
    different = tuple(c for c in compare_files(file, again).changes if not _agree(c))
    same = not file.edited and again.header.digest == file.header.digest
    return Reproduction(same, different)


def _agree(change: Change) -> bool:
    a, b = change.old, change.new
    if isinstance(a, bool) or isinstance(b, bool):
        return False
    if not isinstance(a, int | float) or not isinstance(b, int | float):
        return False
    return abs(a - b) <= AGREES * max(abs(a), abs(b))
