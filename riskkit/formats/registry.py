"""Which venue formats there are: riskkit's own, and those that installed packages declare.

A package adds one with an entry point, without a change in riskkit::

    [project.entry-points."riskkit.venues"]
    my-venue = "my_package.my_venue:FORMAT"

where ``FORMAT`` is a `VenueFormat` whose name is ``my-venue``.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from riskkit.errors import InputError
from riskkit.formats import (
    aave_v3_text,
    aave_v4,
    compound_v3,
    dydx_v4,
    hyperliquid_hip3,
    synthetix_v3,
)
from riskkit.formats.format import VenueFormat

GROUP = "riskkit.venues"
BUILT_IN: tuple[VenueFormat[Any, Any, Any], ...] = (
    aave_v3_text.FORMAT,
    aave_v3_text.JSON_FORMAT,
    aave_v4.FORMAT,
    compound_v3.FORMAT,
    dydx_v4.FORMAT,
    hyperliquid_hip3.FORMAT,
    synthetix_v3.FORMAT,
)


def names(declared: Iterable[EntryPoint] | None = None) -> tuple[str, ...]:
    """Names of all formats, sorted; declared ones are listed without being imported."""
    return tuple(sorted({f.name for f in BUILT_IN} | {point.name for point in _points(declared)}))


def venue(name: str, declared: Iterable[EntryPoint] | None = None) -> VenueFormat[Any, Any, Any]:
    """The format of that name.

    Parameters
    ----------
    name : str
    declared : iterable of EntryPoint, optional
        Entry points to look in; those of the installed packages by default.

    Raises
    ------
    InputError
        If no format has the name, two packages claim it, or the declared object is not a
        `VenueFormat` of that name.
    """
    for built_in in BUILT_IN:
        if built_in.name == name:
            return built_in
    declared = _points(declared)
    found = [point for point in declared if point.name == name]
    if not found:
        known = ", ".join(names(declared))
        raise InputError("venue", name, f"must be one of {known}", "Choose one of these")
    if len(found) > 1:
        claims = [point.value for point in found]
        raise InputError("venue", claims, "must be declared once", "Uninstall one of the packages")
    return _load(found[0])


def _points(declared: Iterable[EntryPoint] | None) -> tuple[EntryPoint, ...]:
    points = entry_points(group=GROUP) if declared is None else declared
    own = {built_in.name for built_in in BUILT_IN}
    # A package cannot take over a built-in name: the same command must mean the same rounding.
    return tuple(point for point in points if point.name not in own)


def _load(point: EntryPoint) -> VenueFormat[Any, Any, Any]:
    try:
        loaded = point.load()
    except (ImportError, AttributeError) as error:
        rule = f"cannot be imported: {error}"
        raise InputError(f"venue {point.name}", point.value, rule, "Repair its package") from error
    if not isinstance(loaded, VenueFormat) or loaded.name != point.name:
        rule = f"must be a VenueFormat named {point.name!r}"
        raise InputError(f"venue {point.name}", point.value, rule, "Correct the entry point")
    return loaded
