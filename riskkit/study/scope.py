"""What a study may use: bars closed by its day, paths enough for its targets, named crashes."""

from __future__ import annotations

import math
from datetime import date

import pandas as pd

from riskkit.errors import InputError
from riskkit.market import Calendar
from riskkit.market.history import PriceHistory
from riskkit.study.tables import DataSection, TargetsSection
from riskkit.validation.crashes import CrashMarket


def bars_until(as_of: date, history: PriceHistory) -> PriceHistory:
    """The bars that have closed by the end of the day ``as_of``.

    Raises
    ------
    InputError
        If fewer than two bars are left.
    """
    end = pd.Timestamp(as_of, tz="UTC") + pd.Timedelta(days=1)
    if history.last + history.bar <= end:
        return history
    kept = history.between(None, end - history.bar)
    if len(kept) < 2:
        raise InputError(
            "as_of",
            str(as_of),
            f"must leave bars to calibrate on (data starts {history.first.date()})",
            "Set as_of to the day whose knowledge the study should use",
        )
    return kept


def check_paths(paths: int, targets: TargetsSection) -> None:
    """Refuse a target so small that fewer than ten simulated paths would lie beyond it.

    Raises
    ------
    InputError
    """
    target = rarest(targets)
    need = math.ceil(round(10.0 / target, 6))
    if paths < need:
        raise InputError(
            "simulation.paths",
            paths,
            f"a target of {target:g} needs at least ten paths beyond it",
            f"Set simulation.paths to {need:,} or more",
        )


def light_paths(paths: int, targets: TargetsSection) -> int:
    """Paths for what is simulated many times over: 20,000, or enough for the rarest target."""
    return min(paths, max(20_000, math.ceil(round(20.0 / rarest(targets), 6))))


def rarest(targets: TargetsSection) -> float:
    """The smaller of the two target probabilities of one position."""
    return min(
        targets.default_given_liquidation_probability,
        targets.liquidation_within_reaction_time_probability,
    )


def crash_market(data: DataSection, calendar: Calendar) -> CrashMarket:
    """Whose crashes to replay: by the sample, else by the calendar of the prices."""
    if data.sample == "wti":
        return CrashMarket.OIL
    return CrashMarket.CRYPTO if calendar is Calendar.ALWAYS else CrashMarket.EQUITY
