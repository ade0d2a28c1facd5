"""A loop that proposes a margin rule from its record, and stops when the record fails.

Examples
--------
>>> import riskkit
>>> riskkit.loop.policy_at([0.5] * 8).words()[:27]
'6 sigma of garch-normal, fl'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskkit.door import door

_HOMES = {
    "optimise": "riskkit.loop.answer",
    "policy_at": "riskkit.loop.space",
}

__all__ = ["optimise", "policy_at"]

__getattr__ = door(__name__, _HOMES)


def __dir__() -> list[str]:
    return list(__all__)


if TYPE_CHECKING:
    from riskkit.loop.answer import optimise
    from riskkit.loop.space import policy_at
