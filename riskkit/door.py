"""Public names that load their modules on first use, for the package and for its rooms.

``import riskkit`` stays light, and ``riskkit.venue.MarketDepth`` needs no second import.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def door(room: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package whose public names live in modules below it.

    ``homes`` gives each name the module that holds it; a name without a module (``""``) is a room
    of the package, itself.
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        if not homes[name]:
            return importlib.import_module(f"{room}.{name}")
        return getattr(importlib.import_module(homes[name]), name)

    return find
