"""Options in an account: legs, full revaluation, and what a venue must hedge.

Examples
--------
>>> import riskkit
>>> round(float(riskkit.options.black76(100.0, 100.0, 1.0, 0.2)), 2)
7.97
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskkit.door import door

_HOMES = {
    "Greeks": "riskkit.options.black",
    "JointVolatility": "riskkit.options.joint_law",
    "OptionBook": "riskkit.options.legs",
    "OptionKind": "riskkit.options.legs",
    "OptionLeg": "riskkit.options.legs",
    "OptionScenarios": "riskkit.options.scenarios",
    "Structure": "riskkit.options.grid",
    "VolatilityLaw": "riskkit.options.law",
    "black76": "riskkit.options.black",
    "fully_covered": "riskkit.options.reserve",
    "greeks": "riskkit.options.black",
    "hedging_need": "riskkit.options.hedging",
    "hole_sweep": "riskkit.options.grid",
    "library": "riskkit.options.grid",
    "margin_options": "riskkit.options.margin",
    "rehedging_costs": "riskkit.options.hedging",
    "shaped": "riskkit.options.shapes",
    "verify_structures": "riskkit.options.grid",
}

__all__ = [
    "Greeks",
    "JointVolatility",
    "OptionBook",
    "OptionKind",
    "OptionLeg",
    "OptionScenarios",
    "Structure",
    "VolatilityLaw",
    "black76",
    "fully_covered",
    "greeks",
    "hedging_need",
    "hole_sweep",
    "library",
    "margin_options",
    "rehedging_costs",
    "shaped",
    "verify_structures",
]

__getattr__ = door(__name__, _HOMES)


def __dir__() -> list[str]:
    return list(__all__)


if TYPE_CHECKING:
    from riskkit.options.black import Greeks, black76, greeks
    from riskkit.options.grid import Structure, hole_sweep, library, verify_structures
    from riskkit.options.hedging import hedging_need, rehedging_costs
    from riskkit.options.joint_law import JointVolatility
    from riskkit.options.law import VolatilityLaw
    from riskkit.options.legs import OptionBook, OptionKind, OptionLeg
    from riskkit.options.margin import margin_options
    from riskkit.options.reserve import fully_covered
    from riskkit.options.scenarios import OptionScenarios
    from riskkit.options.shapes import shaped
