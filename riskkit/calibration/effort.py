"""How long a calibration will take, said before it starts: what it simulates and what it fits."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from riskkit.calibration.accounts import paths_of
from riskkit.calibration.loading import STATES
from riskkit.paths.start import StartState
from riskkit.study.case import Case
from riskkit.study.rule import AccountsSection
from riskkit.study.scope import light_paths
from riskkit.tail.along_history import CURVE_PATHS
from riskkit.tail.curve import NODES
from riskkit.units import bars_per_year, count_bars
from riskkit.volatility.walk import steps_of_walk

# Processor seconds on one core of 2020 or later, measured on five-minute bars: they foretell, and
# no number of an answer rests on them.
OF_A_STEP = 5e-9
OF_A_FITTED_RETURN = 2e-6
OF_A_RESAMPLED_RETURN = 1.5e-6
OF_THE_REST = 5.0


@dataclass(frozen=True)
class Effort:
    """What a calibration will do.

    Attributes
    ----------
    steps : float
        Bars of simulated paths, all paths and buffers together.
    fitted : float
        Returns that the model is fitted to, all fits together.
    seconds : float
        Of one processor, about.
    """

    steps: float
    fitted: float
    seconds: float

    @property
    def statement(self) -> str:
        """For a person who waits."""
        return (
            f"about {_rounded(self.seconds)} of one processor: {self.steps / 1e9:.1f} billion "
            f"steps of simulated paths, {self.fitted / 1e6:.1f} million returns fitted"
        )


def effort_of(case: Case) -> Effort:
    """What a calibration of a study on these prices will take.

    Raises
    ------
    InputError
        If the study's times hold too few bars.
    """
    study, history = case.study, case.history
    bar, n = history.bar, max(len(history) - 1, 1)
    periods, pace, simulation = study.periods(bar), study.pace(bar), study.simulation
    held = periods.holding_horizon.bars + periods.margin_period_of_risk
    short = periods.margin_period_of_risk + periods.reaction_time.bars
    years = n // max(round(bars_per_year(bar, 365.0)), 1) + 1
    refits, states, sides = simulation.bootstrap_refits, len(StartState), len(study.sides)
    light = light_paths(study.simulation.paths, study.targets)
    whole = simulation.paths * (held + short)
    lighter = light * (held + short)
    walked = steps_of_walk(n, pace.minimum_bars, pace.refit_every)
    steps = (
        sides * ((states + 2) * whole + (refits * states + years * len(STATES)) * lighter)
        + walked * NODES * min(CURVE_PATHS, light) * short
    )
    if study.targets.measures:
        days = (study.accounts or AccountsSection()).holding_days
        lived = count_bars(pd.Timedelta(days=days), bar).bars
        many = [paths_of(paths, lived) for paths in (simulation.paths, light)]
        steps += sides * lived * ((states + 2) * many[0] + years * len(STATES) * many[1])
    resampled = float(n * refits)
    fitted = float(n * (1 + refits + years / 2)) + n * min(walked, 20) / 2
    seconds = (
        steps * OF_A_STEP
        + fitted * OF_A_FITTED_RETURN
        + resampled * OF_A_RESAMPLED_RETURN
        + OF_THE_REST
    )
    return Effort(float(steps), fitted, seconds)


def _rounded(seconds: float) -> str:
    if seconds < 90.0:
        return f"{5.0 * max(round(seconds / 5.0), 1):.0f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 5_400.0 else f"{seconds / 3600.0:.0f} h"
