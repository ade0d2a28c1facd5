"""riskkit: margins and liquidation thresholds from price history.

The names below load their rooms on first use, so that ``import riskkit`` stays light. What only one
room speaks of is asked of that room: ``riskkit.venue.MarketDepth``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskkit.door import door

__version__ = "0.2.0"

_HOMES = {
    "InputError": "riskkit.errors",
    "PriceHistory": "riskkit.market",
    "Returns": "riskkit.market",
    "load_prices": "riskkit.market",
    "load_sample": "riskkit.market",
    "log_returns": "riskkit.market",
    "import_prices": "riskkit.market.importing",
    "resample": "riskkit.market.resample",
    "open_store": "riskkit.market.store",
    "VolatilitySpec": "riskkit.volatility.spec",
    "VolatilityFit": "riskkit.volatility.result",
    "fit_volatility": "riskkit.volatility.fit",
    "compare_models": "riskkit.volatility.compare",
    "walk_forward_many": "riskkit.volatility.many",
    "resimulated_sigma": "riskkit.paths.simulate",
    "fit_tail": "riskkit.tail.extremes",
    "traffic_light": "riskkit.validation.coverage",
    "model_confidence_set": "riskkit.validation.scores",
    "compare_tails": "riskkit.validation.tail_comparison",
    "compare_policies": "riskkit.validation.policy_comparison",
    "Side": "riskkit.position",
    "Case": "riskkit.study.case",
    "Study": "riskkit.study.study",
    "parse_study": "riskkit.study.study",
    "read_study": "riskkit.study.study",
    "load_study_prices": "riskkit.study.prices",
    "Calibration": "riskkit.calibration.result",
    "calibrate": "riskkit.calibration.calibrate",
    "JointAnswer": "riskkit.calibration.portfolio",
    "answer_panel": "riskkit.calibration.portfolio",
    "walk_books": "riskkit.proof.panel_walk",
    "compare_panel_generations": "riskkit.proof.panel_generations",
    "compare_generations": "riskkit.proof.generations",
    "ParameterFile": "riskkit.parameters.file",
    "build_parameter_file": "riskkit.parameters.build",
    "read_parameter_file": "riskkit.parameters.file",
    "judge_rule": "riskkit.proof.rule_judgement",
    "plan_steps": "riskkit.proof.steps",
    "margin_proofs": "riskkit.zero_knowledge.proofs",
    "attack_venue": "riskkit.attack.answer",
    "incident_table": "riskkit.attack.incidents",
    "criticality": "riskkit.venue.criticality",
    "fixed_point": "riskkit.venue.criticality",
    "venue": "",
    "closing": "",
    "collateral": "",
    "loop": "",
    "options": "",
    "answer_options": "riskkit.calibration.options",
    "show": "riskkit.lab.show",
    "explore": "riskkit.lab.explore",
    "keep": "riskkit.lab.keep",
    "tear_sheet": "riskkit.lab.tear_sheet",
}

__all__ = [
    "Calibration",
    "Case",
    "InputError",
    "JointAnswer",
    "ParameterFile",
    "PriceHistory",
    "Returns",
    "Side",
    "Study",
    "VolatilityFit",
    "VolatilitySpec",
    "__version__",
    "answer_options",
    "answer_panel",
    "attack_venue",
    "build_parameter_file",
    "calibrate",
    "closing",
    "collateral",
    "compare_generations",
    "compare_models",
    "compare_panel_generations",
    "compare_policies",
    "compare_tails",
    "criticality",
    "explore",
    "fit_tail",
    "fit_volatility",
    "fixed_point",
    "import_prices",
    "incident_table",
    "judge_rule",
    "keep",
    "load_prices",
    "load_sample",
    "load_study_prices",
    "log_returns",
    "loop",
    "margin_proofs",
    "model_confidence_set",
    "open_store",
    "options",
    "parse_study",
    "plan_steps",
    "read_parameter_file",
    "read_study",
    "resample",
    "resimulated_sigma",
    "show",
    "tear_sheet",
    "traffic_light",
    "venue",
    "walk_books",
    "walk_forward_many",
]


__getattr__ = door(__name__, _HOMES)


def __dir__() -> list[str]:
    return list(__all__)


if TYPE_CHECKING:
    from riskkit.attack.answer import attack_venue
    from riskkit.attack.incidents import incident_table
    from riskkit.calibration.calibrate import calibrate
    from riskkit.calibration.portfolio import JointAnswer, answer_panel
    from riskkit.calibration.result import Calibration
    from riskkit.errors import InputError
    from riskkit.market import PriceHistory, Returns, load_prices, load_sample, log_returns
    from riskkit.market.importing import import_prices
    from riskkit.market.resample import resample
    from riskkit.market.store import open_store
    from riskkit.parameters.build import build_parameter_file
    from riskkit.parameters.file import ParameterFile, read_parameter_file
    from riskkit.paths.simulate import resimulated_sigma
    from riskkit.position import Side
    from riskkit.study.case import Case
    from riskkit.study.prices import load_study_prices
    from riskkit.study.study import Study, parse_study, read_study
    from riskkit.tail.extremes import fit_tail
    from riskkit.validation.coverage import traffic_light
    from riskkit.validation.policy_comparison import compare_policies
    from riskkit.validation.scores import model_confidence_set
    from riskkit.validation.tail_comparison import compare_tails
    from riskkit.venue.criticality import criticality, fixed_point
    from riskkit.volatility.compare import compare_models
    from riskkit.volatility.fit import fit_volatility
    from riskkit.volatility.many import walk_forward_many
    from riskkit.volatility.result import VolatilityFit
    from riskkit.volatility.spec import VolatilitySpec

    # Names of the lab, of the proofs and of margin proofs are not typed here: an import would lead
    # from every room that asks for the version up into those rooms.
