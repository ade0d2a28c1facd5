"""Export: from an explorer's settings to a parameter file, and what changed since the last one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riskkit.calibration.calibrate import Progress, calibrate
from riskkit.calibration.study import Study
from riskkit.market.history import PriceHistory
from riskkit.parameters.build import build_parameter_file
from riskkit.parameters.file import ParameterFile
from riskkit.parameters.write import canonical_json, write_atomically


@dataclass(frozen=True)
class Change:
    """One value of a parameter file that differs from the last export's; None where absent."""

    key: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Exported:
    """A parameter file that was written.

    Attributes
    ----------
    path : Path
    file : ParameterFile
    changes : tuple of Change, or None
        Against the last export of the same explorer; None for the first.
    """

    path: Path
    file: ParameterFile
    changes: tuple[Change, ...] | None


def export_setting(
    study: Study,
    history: PriceHistory,
    folder: Path,
    *,
    last: Exported | None = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> Exported:
    """Calibrate a setting in full and write its parameter file into a folder named after it.

    Raises
    ------
    InputError
        If the setting cannot be calibrated, or the folder cannot be written.
    """
    file = build_parameter_file(calibrate(study, history, threads=threads, progress=progress))
    target = folder / _name(study.title) / "parameters.json"
    path = write_atomically(target, canonical_json(file.to_dict()))
    return Exported(path, file, None if last is None else changes(last.file, file))


def changes(before: ParameterFile, after: ParameterFile) -> tuple[Change, ...]:
    """The values that differ between two parameter files, in the order of the file."""
    old, new = _leaves(before.to_dict()), _leaves(after.to_dict())
    keys = dict.fromkeys([*new, *old])
    return tuple(
        Change(key, old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)
    )


def _leaves(value: Any, key: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        parts = [(f"{key}.{name}" if key else name, part) for name, part in value.items()]
    elif isinstance(value, list):
        parts = [(f"{key}[{_row(part, i)}]", part) for i, part in enumerate(value)]
    else:
        return {key: value}
    return {leaf: v for name, part in parts for leaf, v in _leaves(part, name).items()}


def _row(part: Any, position: int) -> str:
    """Rows are named by what they are about, so that a diff compares like with like."""
    if not isinstance(part, dict):
        return str(position)
    words = [str(part[name]) for name in ("side", "start_state", "name") if name in part]
    return " ".join(words) or str(position)


def _name(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "study"
