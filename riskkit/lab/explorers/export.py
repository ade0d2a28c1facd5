"""Export: from an explorer's settings to a parameter file and a venue's file, and what changed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from riskkit.calibration.calibrate import Progress, calibrate
from riskkit.errors import InputError
from riskkit.formats import registry
from riskkit.formats.calibrated import CalibratedCollateral, CalibratedPerpetual
from riskkit.parameters.build import build_parameter_file
from riskkit.parameters.file import ParameterFile
from riskkit.parameters.write import write_atomically
from riskkit.proof import context as given
from riskkit.proof.assets import check_asset, is_stated
from riskkit.proof.export import check_exported, export_parameters, market_exported
from riskkit.proof.provenance import record_of, write_record
from riskkit.proof.recheck import EffectiveOutcome, find_origin
from riskkit.study.case import Case
from riskkit.study.tables import DataSection


@dataclass(frozen=True)
class ChangedValue:
    """One value of a parameter file that differs from the last export's; None where absent."""

    key: str
    before: Any
    after: Any


@dataclass(frozen=True)
class VenueFile:
    """Which venue's format to write, and what the user gives for it: nothing is invented.

    Attributes
    ----------
    name : str
        Of a format, such as ``"dydx-v4"``.
    live : path, optional
        The venue's file that runs today: ids, caps and addresses are taken from it.
    market : str, optional
        Market of the live file; needed if it holds several.
    context : path or mapping, optional
        The venue's own fields, as a TOML file or by name; instead of a live file, or on top.
    allow_historical : bool
        Write it even if the data are too old to set parameters from.
    asset_is : str, optional
        What the study's asset is declared to be, where the market names it otherwise.
    """

    name: str
    live: str | Path | None = None
    market: str | None = None
    context: str | Path | Mapping[str, object] | None = None
    allow_historical: bool = False
    asset_is: str | None = None


@dataclass(frozen=True)
class VenueExported:
    """A venue's file that was written.

    Attributes
    ----------
    path : Path
    name, text : str
        Of the format, and what the file holds.
    outcomes : tuple of EffectiveOutcome
        Both probabilities, simulated on the values as the venue rounds them.
    diff : str or None
        Unified diff to the last export in this format; None if there is none.
    doubt : str or None
        What could not be checked about the asset.
    """

    path: Path
    name: str
    text: str
    outcomes: tuple[EffectiveOutcome, ...]
    diff: str | None
    doubt: str | None = None


@dataclass(frozen=True)
class Exported:
    """A parameter file that was written.

    Attributes
    ----------
    path : Path
    file : ParameterFile
    changes : tuple of ChangedValue, or None
        Against the last export of the same explorer; None for the first.
    venue : VenueExported or None
        The venue's file beside it, if one was asked for.
    """

    path: Path
    file: ParameterFile
    changes: tuple[ChangedValue, ...] | None
    venue: VenueExported | None = None


def export_setting(
    case: Case,
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
    file = build_parameter_file(
        calibrate(case.study, case.history, threads=threads, progress=progress)
    )
    target = folder / _name(case.name) / "parameters.json"
    path = file.write(target)
    return Exported(path, file, None if last is None else changes(last.file, file))


def formats_for(kind: str) -> tuple[str, ...]:
    """Names of the venue formats that hold a kind of study, ``"perpetual"`` or ``"loan"``."""
    wanted = CalibratedCollateral if kind == "loan" else CalibratedPerpetual
    return tuple(name for name in registry.names() if registry.venue(name).calibrated is wanted)


def venue_context(venue: VenueFile) -> tuple[object, str | None]:
    """What the user gives for a venue's file, read and checked, and the market it is for.

    Raises
    ------
    InputError
        If a file cannot be read, or a field is missing, unknown or of the wrong type.
    """
    format_ = registry.venue(venue.name)
    today = None if venue.live is None else given.read_live(format_, venue.live)[0]
    fields = venue.context
    if isinstance(fields, str | Path):
        fields = given.read_context_file(fields)
    market = given.market_of(format_, today, venue.market) if today is not None else venue.market
    content = None if fields is None else {**fields}
    return given.build_context(format_, today, market, content), market


def check_venue(venue: VenueFile, data: DataSection) -> None:
    """Refuse what a calibration could not mend: a missing field, a live market of another asset.

    Raises
    ------
    InputError
    """
    _, market = venue_context(venue)
    if venue.live is not None and market is not None:
        format_ = registry.venue(venue.name)
        today = given.read_live(format_, venue.live)[0]
        asset, stated = data.asset, is_stated(data)
        check_asset(format_, today, market, asset, declared=venue.asset_is, stated=stated)


def export_venue(
    done: Exported,
    venue: VenueFile,
    case: Case,
    *,
    last: Exported | None = None,
) -> Exported:
    """Write a parameter file in a venue's format, beside it, once the target is met there too.

    Raises
    ------
    InputError
        If a field is missing, the venue cannot hold the parameters, they miss the target as the
        venue rounds them, or the data are too old.
    """
    format_ = registry.venue(venue.name)
    context, market = venue_context(venue)
    text = export_parameters(done.file, format_, context, allow_historical=venue.allow_historical)
    today, running = (None, None) if venue.live is None else given.read_live(format_, venue.live)
    named, value = market_exported(format_, today, format_.read(text), market)
    asset, stated = case.study.data.asset, is_stated(case.study.data)
    agreed = check_asset(format_, value, named, asset, declared=venue.asset_is, stated=stated)
    rows = given.rows_of(format_, format_.read(text), market or "")
    outcomes = check_exported(done.file, find_origin(done.file, case), rows)
    path = write_atomically(done.path.with_name(format_.name + format_.suffix), text)
    write_record(path, record_of(done.file, venue.name, named, text, running, agreed))
    before = last.venue if last is not None else None
    diff = _diff(before.text, text) if before and before.name == format_.name else None
    exported = VenueExported(path, format_.name, text, outcomes, diff, agreed.doubt)
    return replace(done, venue=exported)


def live_of(venue: VenueFile, data: DataSection) -> str:
    """What runs today according to a live file, as `riskkit.lab.explorers.live.read_live` reads it.

    Parameters
    ----------
    data : DataSection
        Whose asset must be the market's.

    Raises
    ------
    InputError
        If the file cannot be read, holds several markets and none is named, is of another asset,
        or keeps the numbers elsewhere.
    """
    assert venue.live is not None
    format_ = registry.venue(venue.name)
    today = given.read_live(format_, venue.live)[0]
    market = given.market_of(format_, today, venue.market)
    asset, stated = data.asset, is_stated(data)
    check_asset(format_, today, market, asset, declared=venue.asset_is, stated=stated)
    row = given.rows_of(format_, today, market)[0]
    names = ("maintenance_margin", "initial_margin", "liquidation_threshold", "max_ltv")
    numbers = [getattr(row, name) for name in names if getattr(row, name, None) is not None]
    if len(numbers) != 2:
        rule = "does not say both numbers that run today"
        raise InputError("live", str(venue.live), rule, "Type them instead")
    return ", ".join(f"{100 * float(number):.6g}" for number in numbers)


def changes(before: ParameterFile, after: ParameterFile) -> tuple[ChangedValue, ...]:
    """The values that differ between two parameter files, in the order of the file."""
    old, new = _leaves(before.to_dict()), _leaves(after.to_dict())
    keys = dict.fromkeys([*new, *old])
    return tuple(
        ChangedValue(key, old.get(key), new.get(key))
        for key in keys
        if old.get(key) != new.get(key)
    )


def _diff(before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), "last export", "this export", lineterm="", n=1
    )
    return "\n".join(lines)


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
