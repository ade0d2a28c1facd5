"""riskkit: margins and liquidation thresholds from price history.

The names below load their rooms on first use, so that ``import riskkit`` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

_HOMES = {
    "InputError": "riskkit.errors",
    "PriceHistory": "riskkit.market",
    "Returns": "riskkit.market",
    "load_prices": "riskkit.market",
    "load_sample": "riskkit.market",
    "log_returns": "riskkit.market",
    "VolatilitySpec": "riskkit.volatility.spec",
    "VolatilityFit": "riskkit.volatility.result",
    "fit_volatility": "riskkit.volatility.fit",
    "Side": "riskkit.position",
    "Study": "riskkit.study.study",
    "parse_study": "riskkit.study.study",
    "read_study": "riskkit.study.study",
    "load_study_prices": "riskkit.study.prices",
    "Calibration": "riskkit.calibration.result",
    "calibrate": "riskkit.calibration.calibrate",
    "ParameterFile": "riskkit.parameters.file",
    "build_parameter_file": "riskkit.parameters.build",
    "read_parameter_file": "riskkit.parameters.file",
    "show": "riskkit.lab.show",
}

__all__ = [
    "Calibration",
    "InputError",
    "ParameterFile",
    "PriceHistory",
    "Returns",
    "Side",
    "Study",
    "VolatilityFit",
    "VolatilitySpec",
    "__version__",
    "build_parameter_file",
    "calibrate",
    "fit_volatility",
    "load_prices",
    "load_sample",
    "load_study_prices",
    "log_returns",
    "parse_study",
    "read_parameter_file",
    "read_study",
    "show",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'riskkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)


if TYPE_CHECKING:
    from riskkit.calibration.calibrate import calibrate
    from riskkit.calibration.result import Calibration
    from riskkit.errors import InputError
    from riskkit.market import PriceHistory, Returns, load_prices, load_sample, log_returns
    from riskkit.parameters.build import build_parameter_file
    from riskkit.parameters.file import ParameterFile, read_parameter_file
    from riskkit.position import Side
    from riskkit.study.prices import load_study_prices
    from riskkit.study.study import Study, parse_study, read_study
    from riskkit.volatility.fit import fit_volatility
    from riskkit.volatility.result import VolatilityFit
    from riskkit.volatility.spec import VolatilitySpec

    # An import would lead from every room that asks for the version up into the lab.
    def show(result: object) -> Any:
        """See `riskkit.lab.show.show`."""
