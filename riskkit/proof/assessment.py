"""A live market under the evidence of a calibration, as values: one side of one row each."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import pandas as pd

from riskkit.calibration.result import Calibration
from riskkit.estimate import Estimate
from riskkit.position import Side
from riskkit.simulation.result import DefaultEstimates
from riskkit.validation.crashes import CrashLedger, CrashMarket
from riskkit.validation.verdict import Verdict

NONE_SEEN = "none seen"  # no simulated position defaulted, so nothing tells the loss


class Judgement(StrEnum):
    """What a simulated probability says of its target, given its 95 % interval.

    RARER is for P(default | liquidation) only: it misses the target, and yet fewer positions
    default than at the recommendation, because they are liquidated more rarely, in worse times.
    """

    MEETS = "meets the target"
    CLOSE = "cannot be told from the target"
    RARER = "misses the target by liquidating rarely"
    MISSES = "misses the target"


@dataclass(frozen=True)
class Coverage:
    """A margin against the losses that came, one period for every origin out of sample.

    The margin is MM, or 1 - LT for a loan; a breach is a loss, costs included, beyond it.

    Attributes
    ----------
    periods, breaches : int
        Overlapping periods, as long as the margin period of risk.
    worst_shortfall, mean_margin : float
        Fractions of notional (of the collateral's value for a loan).
    tests : tuple of Verdict
        Of the breaches, against the target rate, on non-overlapping periods.
    ledger : CrashLedger
        The margin in force in every named crash within the span.
    """

    periods: int
    breaches: int
    worst_shortfall: float
    mean_margin: float
    tests: tuple[Verdict, ...] = field(repr=False)
    ledger: CrashLedger = field(repr=False)

    @property
    def covered(self) -> float:
        """Share of the periods whose loss the margin covered."""
        return 1.0 - self.breaches / self.periods


@dataclass(frozen=True)
class Tested:
    """One set of numbers, with what is known of it.

    Attributes
    ----------
    values : tuple of (str, float)
        Fractions: ``maintenance_margin, initial_margin``, or ``liquidation_threshold,
        max_loan_to_value, liquidation_bonus``.
    reaction, held : DefaultEstimates
        Over the reaction time, and over the holding horizon.
    coverage : Coverage
    """

    values: tuple[tuple[str, float], ...]
    reaction: DefaultEstimates = field(repr=False)
    held: DefaultEstimates = field(repr=False)
    coverage: Coverage

    def value(self, name: str) -> float:
        """One of the numbers."""
        return dict(self.values)[name]

    @property
    def bad_debt(self) -> float | None:
        """Expected bad debt per position, a fraction of its opening notional.

        None if it is refused, or if no path that could tell it defaulted.
        """
        e = self.held.expected_bad_debt
        return None if e is None or bool(e.bound) else float(e.value)


@dataclass(frozen=True)
class AssessedSide:
    """One side of one row of a live market, beside the recommendation.

    Attributes
    ----------
    notional : float
        Position size from which the row holds; 0 where the venue has no tiers.
    defaults, early : Judgement
        Of the live numbers: P(default | liquidation), P(liquidation within the reaction time).
    band : Estimate
        The recommended MM or LT with the 90 % band that decided it.
    floored : bool
        Whether the floor decided that number, rather than today's volatility.
    at_live_bonus : float or None
        For a loan: the recommended threshold if the live bonus stays.
    """

    market: str
    notional: float
    side: Side
    live: Tested
    recommended: Tested
    defaults: Judgement
    early: Judgement
    band: Estimate[float]
    floored: bool
    at_live_bonus: float | None


@dataclass(frozen=True)
class Assessment:
    """A live market under the evidence of a calibration.

    Attributes
    ----------
    calibration : Calibration
    crashes : CrashMarket
        Whose named crashes were replayed.
    sides : tuple of AssessedSide
        Per row of the live market and side of the study.
    """

    calibration: Calibration = field(repr=False)
    crashes: CrashMarket
    sides: tuple[AssessedSide, ...]

    def table(self) -> pd.DataFrame:
        """One row per market, size, side and quantity: ``unit, live, recommended, difference``.

        Probabilities and numbers are fractions; what was refused, or seen on no path, is missing,
        with its reason in ``note``.
        """
        rows = []
        for s in self.sides:
            mine, theirs = _quantities(s.live), _quantities(s.recommended)
            for (name, unit, live, why), (_, _, recommended, why_not) in zip(
                mine, theirs, strict=True
            ):
                gap = None if live is None or recommended is None else recommended - live
                key = (s.market, s.notional, s.side.value, name, unit)
                rows.append((*key, live, recommended, gap, why or why_not))
        return pd.DataFrame(rows, columns=_COLUMNS)

    def crash_table(self) -> pd.DataFrame:
        """The ledgers side by side, the live one's worst period of each crash.

        Columns ``market, notional, side, event, what, worst, loss, needed, live_margin,
        live_excess, recommended_margin, recommended_excess``; an excess is what was missing, and
        negative where the margin held.
        """
        parts = []
        for s in self.sides:
            live, theirs = s.live.coverage.ledger.rows, s.recommended.coverage.ledger.rows
            both = live.merge(theirs, on=["event", "side"], suffixes=("", "_recommended"))
            parts.append(both.assign(market=s.market, notional=s.notional))
        names = {
            "margin": "live_margin",
            "excess": "live_excess",
            "margin_recommended": "recommended_margin",
            "excess_recommended": "recommended_excess",
        }
        table = pd.concat(parts, ignore_index=True).rename(columns=names)
        return table[[*_CRASH_KEYS, "loss", "needed", *names.values()]]


_COLUMNS = [
    *("market", "notional", "side", "quantity", "unit"),
    *("live", "recommended", "difference", "note"),
]
_CRASH_KEYS = ["market", "notional", "side", "event", "what", "worst"]


def _quantities(t: Tested) -> list[tuple[str, str, float | None, str]]:
    fractions = [(name, "fraction", value, "") for name, value in t.values]
    none = t.held.never_liquidated
    given = None if none else float(t.held.default_given_liquidation.value)
    simulated = [
        ("liquidation", "probability", float(t.held.liquidation.value), ""),
        ("default_given_liquidation", "probability", given, NONE_SEEN if none else ""),
        ("default", "probability", float(t.held.default.value), ""),
        (
            "liquidation_within_reaction_time",
            "probability",
            float(t.reaction.liquidation.value),
            "",
        ),
    ]
    c = t.coverage
    no_debt = t.held.refused or ("" if t.bad_debt is not None else NONE_SEEN)
    return [
        *fractions,
        *simulated,
        ("expected_bad_debt", "fraction", t.bad_debt, no_debt),
        ("covered_periods", "fraction", c.covered, ""),
        ("worst_shortfall", "fraction", c.worst_shortfall, ""),
    ]
