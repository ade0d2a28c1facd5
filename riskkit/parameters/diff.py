"""What moved between two parameter files: by how much, and in which unit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from riskkit.errors import InputError
from riskkit.parameters.file import ParameterFile


class Unit(StrEnum):
    """Units of a change."""

    BPS = "bps"
    PERCENTAGE_POINT = "pp"
    BARS = "bars"
    HOURS = "h"
    SECONDS = "s"
    DAYS = "d"
    MULTIPLE = "x"
    NUMBER = ""


_SUFFIXES = (
    ("_fraction", Unit.BPS),
    ("_monte_carlo_se", Unit.BPS),
    ("_probability", Unit.PERCENTAGE_POINT),
    ("_rate", Unit.PERCENTAGE_POINT),
    ("_bars", Unit.BARS),
    ("_hours", Unit.HOURS),
    ("_seconds", Unit.SECONDS),
    (".seconds", Unit.SECONDS),
    ("_days", Unit.DAYS),
    ("_multiple", Unit.MULTIPLE),
)
_PER_UNIT = {Unit.BPS: 1e4, Unit.PERCENTAGE_POINT: 1e2}
BANDED = ("maintenance_margin", "initial_margin", "liquidation_threshold", "max_loan_to_value")
NOT_COMPARED = (
    "digest",
    "schema_version",
    "migrated_from_schema_version",
    "validity_rule",
    "lacks",
    "edited_before_migration",
)
_NAMES = ("side", "name", "start_state", "distance_bars")


@dataclass(frozen=True)
class Change:
    """One value that differs.

    Attributes
    ----------
    key : str
        ``"parameters.recommended[long].initial_margin_fraction"``.
    old, new : object
        As in the files; None where a file does not hold the key.
    change : float or None
        New less old in ``unit``; None unless both are numbers.
    unit : Unit
    """

    key: str
    old: object
    new: object
    change: float | None
    unit: Unit

    @property
    def section(self) -> str:
        """``header``, ``data``, ``model``, … or ``parameters``."""
        return self.key.split(".", 1)[0]


@dataclass(frozen=True)
class Moved:
    """A recommended number of both files, moved or not.

    ``beyond_band`` says whether it moved by more than half the width of the old 90 % band, and so
    by more than the old file was sure of.
    """

    side: str
    parameter: str
    old: float
    new: float
    beyond_band: bool

    @property
    def change_bps(self) -> float:
        """New less old, in basis points."""
        return 1e4 * (self.new - self.old)


@dataclass(frozen=True)
class OneSided:
    """A side with a recommendation in one of the files only, and what the other says of it."""

    side: str
    recommended_in: str
    reason: str


@dataclass(frozen=True)
class Difference:
    """Two files, compared.

    Attributes
    ----------
    recommended : tuple of Moved
        Every recommended margin, threshold and LTV, in the order of the new file.
    changes : tuple of Change
        Every value that differs, header's digest and version aside, in the order of the files.
    one_sided : tuple of OneSided
        Sides that only one of the files recommends for.
    """

    recommended: tuple[Moved, ...]
    changes: tuple[Change, ...]
    one_sided: tuple[OneSided, ...] = ()

    def of(self, *sections: str) -> tuple[Change, ...]:
        """The changes of some sections."""
        return tuple(change for change in self.changes if change.section in sections)


def compare_files(old: ParameterFile, new: ParameterFile) -> Difference:
    """What moved from one file to another, which must be of the same kind of venue.

    Raises
    ------
    InputError
        If one file is for a perpetual and the other for a loan.
    """
    kinds = old.study.position.kind, new.study.position.kind
    if kinds[0] != kinds[1]:
        rule = f"must be of the old file's kind, {kinds[0]}"
        raise InputError("new file", kinds[1], rule, "Compare files of one kind")
    before, after = _flat(old), _flat(new)
    keys = [*after, *(key for key in before if key not in after)]
    return Difference(
        _recommended(old, new),
        tuple(
            _change(key, before.get(key), after.get(key))
            for key in keys
            if before.get(key) != after.get(key) and not _never_looked_for(key, before, after)
        ),
        (*_one_sided("old", old, new), *_one_sided("new", new, old)),
    )


def unit_of(key: str) -> Unit:
    """The unit in which a key's change is told, from the unit that its name states."""
    if ".parts_fraction." in key:
        return Unit.BPS
    return next((unit for suffix, unit in _SUFFIXES if key.endswith(suffix)), Unit.NUMBER)


def _recommended(old: ParameterFile, new: ParameterFile) -> tuple[Moved, ...]:
    rows = {row.side: row.model_dump() for row in old.parameters.recommended}
    found = []
    for row in new.parameters.recommended:
        if row.side not in rows:
            continue
        before, after = rows[row.side], row.model_dump()
        for name in (name for name in BANDED if f"{name}_fraction" in after):
            was, now = before[f"{name}_fraction"], after[f"{name}_fraction"]
            low, high = before[f"{name}_low_fraction"], before[f"{name}_high_fraction"]
            # The width, not the ends: a recommendation is the safe end of its band, or a floor.
            found.append(Moved(row.side, name, was, now, 2.0 * abs(now - was) > high - low))
    return tuple(found)


def _one_sided(name: str, file: ParameterFile, other: ParameterFile) -> list[OneSided]:
    """Sides that ``file`` recommends for and the other does not."""
    there = {row.side for row in other.parameters.recommended}
    why = {u.side: f"no margin serves it: {u.reason}" for u in other.parameters.sides_not_served}
    return [
        OneSided(row.side, name, why.get(row.side, "its study does not margin it"))
        for row in file.parameters.recommended
        if row.side not in there
    ]


def _never_looked_for(key: str, before: dict[str, object], after: dict[str, object]) -> bool:
    """Whether a kind of finding is none in one file, and was not known to the other's version."""
    if not key.startswith("data.quality_findings."):
        return False
    return (key not in before or key not in after) and not (before.get(key) or after.get(key))


def _change(key: str, old: object, new: object) -> Change:
    unit = unit_of(key)
    a, b = _number(old), _number(new)
    moved = None if a is None or b is None else (b - a) * _PER_UNIT.get(unit, 1.0)
    return Change(key, old, new, moved, unit)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def _flat(file: ParameterFile) -> dict[str, object]:
    content = file.to_dict()
    for key in NOT_COMPARED:
        del content["header"][key]
    del content["study"]["schema_version"]
    found: dict[str, object] = {}
    _walk("", content, found)
    return found


def _walk(key: str, node: Any, found: dict[str, object]) -> None:
    if isinstance(node, dict):
        for name, value in node.items():
            _walk(f"{key}.{name}" if key else name, value, found)
    elif isinstance(node, list) and node and all(isinstance(item, dict) for item in node):
        for i, item in enumerate(node):
            label = ", ".join(str(item[name]) for name in _NAMES if name in item)
            _walk(f"{key}[{label or i}]", item, found)
    else:
        found[key] = node
