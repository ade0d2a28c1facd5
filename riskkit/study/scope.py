"""What a study may use: bars closed by its day, paths enough for its targets, named crashes."""

from __future__ import annotations

import math

import pandas as pd

from riskkit.errors import InputError
from riskkit.market import Calendar
from riskkit.market.history import PriceHistory
from riskkit.study.study import Study
from riskkit.validation.crashes import CrashMarket


def bars_until(study: Study, history: PriceHistory) -> PriceHistory:
    """The bars that have closed by the end of the study's ``as_of`` day.

    Raises
    ------
    InputError
        If fewer than two bars are left.
    """
    end = pd.Timestamp(study.as_of, tz="UTC") + pd.Timedelta(days=1)
    if history.last + history.bar <= end:
        return history
    kept = history.between(None, end - history.bar)
    if len(kept) < 2:
        raise InputError(
            "as_of",
            str(study.as_of),
            f"must leave bars to calibrate on (data starts {history.first.date()})",
            "Set as_of to the day whose knowledge the study should use",
        )
    return kept


def check_paths(study: Study) -> None:
    """Refuse a target so small that fewer than ten simulated paths would lie beyond it.

    Raises
    ------
    InputError
    """
    target = min(study.targets.model_dump().values())
    need = math.ceil(round(10.0 / target, 6))
    if study.simulation.paths < need:
        raise InputError(
            "simulation.paths",
            study.simulation.paths,
            f"a target of {target:g} needs at least ten paths beyond it",
            f"Set simulation.paths to {need:,} or more",
        )


def light_paths(study: Study) -> int:
    """Paths for what is simulated many times over: 20,000, or enough for the rarest target."""
    target: float = min(study.targets.model_dump().values())
    return min(study.simulation.paths, max(20_000, math.ceil(round(20.0 / target, 6))))


def crash_market(study: Study, calendar: Calendar) -> CrashMarket:
    """Whose crashes to replay: by the sample, else by the calendar of the prices."""
    if study.data.sample == "wti":
        return CrashMarket.OIL
    return CrashMarket.CRYPTO if calendar is Calendar.ALWAYS else CrashMarket.EQUITY
