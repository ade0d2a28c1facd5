"""Models run in the shadow of the studies' own: calibrated every night, adopted by nobody yet."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from riskkit.errors import InputError
from riskkit.fleet.plan import Changes
from riskkit.reading import read_toml
from riskkit.study.kinds import nested

#: What a challenger may say otherwise: how moves are modelled, and not what is asked of them.
TABLES = ("model", "dependence", "floor", "simulation")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


def read_challengers(path: Path) -> dict[str, Changes]:
    """Challengers by name from TOML, each a table of what it changes in every study.

    ::

        [egarch]
        "model.spec" = "egarch-t"

    Raises
    ------
    InputError
        If the file cannot be read, holds none, or one of them changes more than a model.
    """
    content = read_toml(path, "challengers", remedy="See docs/fleet.md")
    if not content:
        rule = "must name at least one challenger"
        raise InputError("challengers", str(path), rule, 'Write [egarch] and "model.spec" = …')
    return {name: _changes(name, changes) for name, changes in content.items()}


def _changes(name: str, changes: Any) -> Changes:
    if not _NAME.fullmatch(name):
        rule = "must have a name of small letters, digits and '-': files and rows carry it"
        raise InputError("challengers", name, rule, "Write [egarch]")
    if not isinstance(changes, dict) or not changes:
        rule = "must be a table of the keys that it changes"
        raise InputError(f"challengers.{name}", changes, rule, 'Write "model.spec" = "egarch-t"')
    others = sorted(nested(changes).keys() - set(TABLES))
    if others:
        rule = f"may change {', '.join(TABLES)} alone, or it would answer another question"
        raise InputError(f"challengers.{name}", ", ".join(others), rule, "Leave them out")
    return changes
