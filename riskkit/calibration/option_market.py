"""What legs of options are margined on: the scenarios of a study's accounts, with volatilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.calibration.portfolio import JointAnswer
from riskkit.calibration.question import run_of
from riskkit.errors import InputError
from riskkit.market.panel import Panel
from riskkit.options.grid import VerifiedSet, calibrate_structures, library, verify_structures
from riskkit.options.joint_law import Days, JointVolatility
from riskkit.options.law import VolatilityLaw, law_of_file
from riskkit.options.legs import OptionBook
from riskkit.options.scenarios import OptionScenarios
from riskkit.options.smile import StrikeRule
from riskkit.paths.joint import drawn_rows, simulate_joint_moves, simulate_joint_paths
from riskkit.paths.run import Stream
from riskkit.portfolio.scenario_set import ScenarioSet
from riskkit.study.options import OptionsSection

Array = npt.NDArray[np.float64]

#: Scenarios on which sets are held to structures.
SET_SCENARIOS = 20_000


@dataclass(frozen=True)
class OptionMarket:
    """Prices, scenarios and rules for the options of a study.

    Attributes
    ----------
    answer : JointAnswer
    asked : OptionsSection
    volatility : JointVolatility
    scenarios : OptionScenarios
        The scenarios of the study's accounts.
    moment : Timestamp
        At which options are margined: the end of the last bar.
    bars : int
        Of the margin period.
    matched : float
        Share of the rows whose day the files of volatility know; 0 for stated laws.
    """

    answer: JointAnswer = field(repr=False)
    asked: OptionsSection = field(repr=False)
    volatility: JointVolatility = field(repr=False)
    scenarios: OptionScenarios = field(repr=False)
    moment: pd.Timestamp
    bars: int
    matched: float

    @classmethod
    def of(cls, answer: JointAnswer, folder: str | Path) -> OptionMarket:
        """The market of an answered study.

        Parameters
        ----------
        folder : path
            In which the study's files have their names.

        Raises
        ------
        InputError, DataError
            If a file of volatilities cannot be read.
        """
        asked = answer.study.options or OptionsSection()
        panel = answer.panel
        volatility = _volatility(asked, answer, Path(folder))
        bars = answer.study.periods(panel.bar).margin_period_of_risk
        days = bars * panel.bar / pd.Timedelta(days=1)
        prices = {name: float(panel.last_closes[name]) for name in panel.names}
        moment = margined_at(panel)
        dates = _dates(answer, Stream.MARGIN_PERIOD, bars)
        scenarios = OptionScenarios.of(
            prices,
            answer.requirement.moves,
            days,
            volatility,
            run_of(answer.study).stream(Stream.IMPLIED_VOLATILITY).stream_seed,
            dates=dates,
            strikes=StrikeRule(asked.strikes),
        )
        matched = volatility.matched(dates)
        return cls(answer, asked, volatility, scenarios, moment, bars, matched)

    @property
    def prices(self) -> Mapping[str, float]:
        """Today's price of every underlying."""
        return dict(zip(self.scenarios.names, self.scenarios.prices.tolist(), strict=True))

    @property
    def loading(self) -> float:
        """Margin over tail that the mechanism needs: the largest of the legs', at least one."""
        found = self.answer.table["loading"].to_numpy(dtype=np.float64)
        known = found[np.isfinite(found)]
        return max(float(known.max()), 1.0) if known.size else 1.0

    @property
    def evidence(self) -> str:
        """What the volatilities rest on, in a line."""
        said = self.volatility.evidence
        if self.matched > 0.0:
            said += f"; {self.matched:.0%} of the rows are of days that the files know"
        return f"{said}; {self.scenarios.strikes.value}"

    def scenarios_for(self, book: OptionBook) -> OptionScenarios:
        """The scenarios, with prices on the way where a leg expires before the period ends."""
        days = self.scenarios.days
        if self.bars == 1 or all(leg.days(book.moment) >= days for leg in book.legs):
            return self.scenarios
        run = run_of(self.answer.study).stream(Stream.MARGIN_PERIOD)
        paths = simulate_joint_paths(self.answer.world, run, bars=self.bars)
        return replace(self.scenarios, path=np.expm1(paths).transpose(1, 2, 0))

    def rows(self) -> tuple[pd.DatetimeIndex, OptionScenarios]:
        """Dates of the scenarios' rows with what each would do over the next bar.

        Prices at today's volatility; implied ones as the laws answer them, with what the files
        left on that very day, and without noise where a law is stated.
        """
        shocks, moves = self.answer.shocks, []
        dates = pd.DatetimeIndex(shocks.dates)
        once = ~dates.duplicated()
        run = run_of(self.answer.study)
        for asset, row in zip(self.answer.world.assets, shocks.tables[0], strict=True):
            level = float(np.median(asset.start.volatilities(asset.model, run)))
            moves.append(np.expm1(asset.model.mu + level * row[once]))
        quiet = JointVolatility(
            tuple(
                law if law.residuals.size else replace(law, noise=0.0)
                for law in self.volatility.laws
            ),
            self.volatility.correlation,
        )
        found = OptionScenarios.of(
            self.prices,
            np.stack(moves, axis=1),
            self.answer.panel.bar / pd.Timedelta(days=1),
            quiet,
            run.stream(Stream.IMPLIED_VOLATILITY).stream_seed,
            dates=_naive(dates[once])[:, None],
            strikes=self.scenarios.strikes,
        )
        return dates[once], found

    def calibrated(self, base: ScenarioSet, name: str) -> VerifiedSet:
        """A set whose shocks cover the library of structures on one underlying.

        Raises
        ------
        InputError
            If no set does.
        """
        structures = library(self.moment, name, self.prices[name])
        alone = self.scenarios.alone(name, SET_SCENARIOS)
        law = self.volatility.laws[self.scenarios.names.index(name)]
        said = base.shocks[name].evidence.partition("; volatility")[0]
        evidence = (
            f"{said}, raised until it covers {len(structures)} structures; implied volatility: "
            f"{law.evidence}"
        )
        shocks = {**base.shocks, name: replace(base.shocks[name], evidence=evidence)}
        return calibrate_structures(
            replace(base, shocks=shocks),
            structures,
            alone,
            self.moment,
            probability=self._probability,
        )

    def verified(self, scenario_set: ScenarioSet, name: str) -> VerifiedSet:
        """A set held to the structures on paths that calibrated nothing.

        Raises
        ------
        InputError
            If the set lacks the underlying.
        """
        if name not in scenario_set.shocks:
            rule = f"must hold {name}; it holds {', '.join(scenario_set.shocks)}"
            raise InputError("option set", scenario_set.style.value, rule, "Export it again")
        run = run_of(self.answer.study).stream(Stream.OUTCOME)
        moved = simulate_joint_moves(self.answer.world, run, bars=self.bars)
        fresh = OptionScenarios.of(
            self.prices,
            np.ascontiguousarray(np.expm1(moved.terminal).T),
            self.scenarios.days,
            self.volatility,
            run.stream_seed,
            dates=_dates(self.answer, Stream.OUTCOME, self.bars),
            strikes=self.scenarios.strikes,
        )
        structures = library(self.moment, name, self.prices[name])
        return verify_structures(
            scenario_set,
            structures,
            fresh.alone(name, SET_SCENARIOS),
            self.moment,
            probability=self._probability,
            decayed=scenario_set.decayed_days is not None,
        )

    @property
    def _probability(self) -> float:
        return 1.0 - self.answer.requirement.rule.confidence


def margined_at(panel: Panel) -> pd.Timestamp:
    """When options of a panel are margined: the end of its last bar."""
    return pd.DatetimeIndex(panel.histories[0].bars.index)[-1] + panel.bar


def _volatility(asked: OptionsSection, answer: JointAnswer, folder: Path) -> JointVolatility:
    histories = answer.panel.histories
    if asked.volatility_files:
        if len(asked.volatility_files) != len(histories):
            raise InputError(
                "options.volatility_files",
                f"{len(asked.volatility_files)} files",
                f"must be one for each of {', '.join(answer.panel.names)}",
                "Add files, or give one for all by volatility_file",
            )
        files = zip(asked.volatility_files, histories, strict=True)
        laws = tuple(law_of_file(folder / name, history) for name, history in files)
    elif asked.volatility_file is not None:
        laws = (law_of_file(folder / asked.volatility_file, histories[0]),) * len(histories)
    else:
        law = VolatilityLaw(asked.level, asked.slope, asked.response, asked.noise)
        laws = (law,) * len(histories)
    return JointVolatility(laws, asked.noise_correlation_fraction)


def _dates(answer: JointAnswer, stream: Stream, bars: int) -> Days:
    """Date of the row that each path draws in each bar: (paths, bars)."""
    rows = drawn_rows(run_of(answer.study).stream(stream), answer.shocks.rows, bars)
    return _naive(pd.DatetimeIndex(answer.shocks.dates))[rows]


def _naive(stamps: pd.DatetimeIndex) -> Days:
    return np.asarray(
        (stamps if stamps.tz is None else stamps.tz_convert("UTC").tz_localize(None)).to_numpy()
    )
