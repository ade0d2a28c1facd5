"""Legs of options answered beside a study's accounts: margins, sets of scenarios, hedging."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from riskkit.calibration.portfolio import JointAnswer
from riskkit.options.grid import Structure, VerifiedSet, calibrate_structures, hole, library
from riskkit.options.hedging import hedging_need, rehedging_costs
from riskkit.options.law import VolatilityLaw, law_of_file
from riskkit.options.legs import OptionBook
from riskkit.options.margin import OptionMargins, OptionScenarios, margin_options
from riskkit.paths.run import Run, Stream
from riskkit.portfolio.accounts import Accounts
from riskkit.portfolio.scenario_set import ScenarioSet
from riskkit.study import terms
from riskkit.study.options import OptionsSection
from riskkit.venue.depth import OrderBookDepth

#: Slippage at which a linear book is laid through a study's law: half of a move of 1 %.
HALF_PERCENT = 0.005
#: Depth left in a crash, unless measured.
CRASH = 0.1
#: Scenarios on which sets are held to structures.
SET_SCENARIOS = 20_000


@dataclass(frozen=True)
class OptionAnswer:
    """What accounts with options must hold, and what follows for the venue.

    Attributes
    ----------
    book : OptionBook
    law : VolatilityLaw
    margins : OptionMargins
    sets : mapping of str to VerifiedSet
        For each underlying a set of scenarios that covers the library of structures.
    holes : DataFrame
        A row an account and underlying: what the set asks, what is lost between its points beyond
        that without decayed scenarios, and where.
    hedging : DataFrame
        A row an underlying and move: delta, trade, cost and impact at crash depth.
    rehedging : DataFrame
        A row an underlying: cost of hedging again at every bar of the reaction time, mean and
        worst hundredth.
    """

    book: OptionBook = field(repr=False)
    law: VolatilityLaw = field(repr=False)
    margins: OptionMargins
    sets: Mapping[str, VerifiedSet]
    holes: pd.DataFrame = field(repr=False)
    hedging: pd.DataFrame = field(repr=False)
    rehedging: pd.DataFrame = field(repr=False)


def answer_options(
    answer: JointAnswer,
    legs: str | Path,
    scenario_set: ScenarioSet,
    folder: str | Path,
    *,
    accounts: Accounts | None = None,
    threads: int = 1,
) -> OptionAnswer:
    """Margin legs of options on the scenarios of the study's accounts.

    Parameters
    ----------
    legs : path
        CSV, `OptionBook.read`.
    scenario_set : ScenarioSet
        As it is without options: its ranges are kept, its shocks of volatility calibrated anew.
    folder : path
        In which the study's files have their names.
    accounts : Accounts, optional
        Linear positions of the same accounts.

    Raises
    ------
    InputError
        If a leg cannot be margined, or no set covers the library.
    """
    study, panel = answer.study, answer.panel
    asked = study.options or OptionsSection()
    law = _law(asked, answer, Path(folder))
    bars = study.periods(panel.bar).margin_period_of_risk
    days = bars * panel.bar / pd.Timedelta(days=1)
    prices = {name: float(panel.last_closes[name]) for name in panel.names}
    moment = pd.DatetimeIndex(panel.histories[0].bars.index)[-1] + panel.bar
    book = OptionBook.read(legs, moment, panel.names)
    rule = answer.requirement.rule
    run = Run(answer.study.simulation.paths, study.simulation.seed)
    seed = run.stream(Stream.IMPLIED_VOLATILITY).stream_seed
    scenarios = OptionScenarios.of(prices, answer.requirement.moves, days, law, seed)
    linear = {}
    if accounts is not None:
        linear = dict(zip(accounts.names, accounts.exposures, strict=True))
    margins = margin_options(
        book,
        scenarios,
        linear=linear,
        confidence=rule.confidence,
        loading=_loading(answer),
        short_floor=asked.short_floor_fraction,
        threads=threads,
    )
    held = tuple(n for n in panel.names if any(leg.underlying == n for leg in book.legs))
    sets = {name: _set(scenario_set, scenarios, name, moment, rule.confidence) for name in held}
    at_one_percent = _depth(answer)
    curve = OrderBookDepth(at_one_percent)
    rate = terms.slippage(study.liquidity).cost(study.position.notional)
    hedging, again = [], []
    for name in held:
        for need in hedging_need(book, name, prices[name], (curve, curve), CRASH):
            hedging.append({"underlying": name, **vars(need)})
        paths = answer.requirement.reaction[:, :, panel.names.index(name)]
        costs = rehedging_costs(
            book, name, prices[name], paths, panel.bar / pd.Timedelta(days=1), rate
        )
        worst = np.sort(costs)[::-1][: max(len(costs) // 100, 1)]
        again.append(
            {"underlying": name, "mean": float(costs.mean()), "worst": float(worst.mean())}
        )
    return OptionAnswer(
        book,
        law,
        margins,
        sets,
        _holes(book, sets, prices, days),
        pd.DataFrame(hedging),
        pd.DataFrame(again),
    )


def _law(asked: OptionsSection, answer: JointAnswer, folder: Path) -> VolatilityLaw:
    if asked.volatility_file is not None:
        return law_of_file(folder / asked.volatility_file, answer.panel.histories[0])
    return VolatilityLaw(asked.level, asked.slope, asked.response, asked.noise)


def _loading(answer: JointAnswer) -> float:
    """Margin over tail that the mechanism needs: the largest of the legs', at least one."""
    found = answer.table["loading"].to_numpy(dtype=np.float64)
    known = found[np.isfinite(found)]
    return max(float(known.max()), 1.0) if known.size else 1.0


def _set(
    scenario_set: ScenarioSet,
    scenarios: OptionScenarios,
    name: str,
    moment: pd.Timestamp,
    confidence: float,
) -> VerifiedSet:
    n = scenarios.names.index(name)
    alone = OptionScenarios(
        (name,),
        scenarios.prices[n : n + 1],
        np.ascontiguousarray(scenarios.moves[:SET_SCENARIOS, n : n + 1]),
        np.ascontiguousarray(scenarios.volatility[:SET_SCENARIOS, n : n + 1]),
        scenarios.days,
        scenarios.law,
    )
    structures = library(moment, name, float(scenarios.prices[n]))
    return calibrate_structures(
        scenario_set, structures, alone, moment, probability=1.0 - confidence
    )


def _holes(
    book: OptionBook, sets: Mapping[str, VerifiedSet], prices: Mapping[str, float], days: float
) -> pd.DataFrame:
    rows = []
    for account in book.accounts:
        for name, found in sets.items():
            legs = tuple(
                leg for leg in book.legs if leg.account == account and leg.underlying == name
            )
            if not legs:
                continue
            structure = Structure(account, legs)
            lost, at = hole(found.scenario_set, structure, book.moment, prices[name], days)
            closed, _ = hole(
                found.scenario_set, structure, book.moment, prices[name], days, decayed=True
            )
            rows.append(
                {
                    "account": account,
                    "underlying": name,
                    "hole": lost,
                    "at move": at if lost > 0.0 else math.nan,
                    "with decayed scenarios": closed,
                }
            )
    return pd.DataFrame(rows)


def _depth(answer: JointAnswer) -> float:
    """Value that moves a linear book by 1 %: where the study's law of slippage costs half of it."""
    law = terms.slippage(answer.study.liquidity)
    low, high = 1.0, 1e15
    if law.cost(low) >= HALF_PERCENT or law.cost(high) <= HALF_PERCENT:
        return max(answer.study.position.notional, 1.0)
    for _ in range(200):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if law.cost(middle) < HALF_PERCENT else (low, middle)
    return high
