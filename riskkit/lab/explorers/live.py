"""Today's parameters, as the user gives them, held to the same simulation as the new ones."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from riskkit.calibration.question import Question
from riskkit.calibration.solve import sweep_buffers
from riskkit.calibration.venue import BarrierVenue
from riskkit.errors import InputError
from riskkit.estimate import Estimate
from riskkit.position import Side
from riskkit.simulation.estimates import wilson
from riskkit.tail.forecast import MoveForecast


@dataclass(frozen=True)
class Live:
    """What a venue runs today, as fractions: MM and IM, or LT and max LTV."""

    strict: float
    lenient: float


@dataclass(frozen=True)
class LivePoint:
    """Where today's parameters lie under a setting.

    Attributes
    ----------
    live : Live
    default : Estimate
        P(default | liquidation) within the holding horizon.
    liquidation : Estimate
        P(liquidation within the reaction time).
    never_liquidated : bool
        Whether no path was liquidated within the holding horizon: nothing is known given one.
    """

    live: Live
    default: Estimate[float]
    liquidation: Estimate[float]
    never_liquidated: bool = False

    @property
    def strict(self) -> float:
        """MM or LT."""
        return self.live.strict

    @property
    def distance(self) -> float:
        """IM - MM, or LT - max LTV."""
        return abs(self.live.lenient - self.live.strict)


def read_live(text: str) -> Live | None:
    """Two percentages as a person types them, ``"5, 10"``; None for an empty text.

    Raises
    ------
    InputError
        If the text holds anything else.
    """
    parts = [part for part in re.split(r"[\s,;%]+", text) if part]
    if not parts:
        return None
    try:
        strict, lenient = (float(part) / 100.0 for part in parts)
    except ValueError:
        rule = "must be two percentages: MM and IM, or LT and max LTV"
        raise InputError("live", text, rule, "For example: 5, 10") from None
    return Live(strict, lenient)


def live_words(live: Live) -> str:
    """The text that `read_live` reads."""
    return f"{100 * live.strict:.6g}, {100 * live.lenient:.6g}"


def losses_of(venue: BarrierVenue, side: Side, live: Live) -> tuple[float, float]:
    """The covered loss and the excursion that make these numbers.

    Raises
    ------
    InputError
        Unless 0 < MM < IM < 1 (0 < max LTV < LT < 1), with a buffer beyond the costs.
    """
    strict, lenient = live.strict, live.lenient
    less, more = (lenient, strict) if venue.is_loan else (strict, lenient)
    trigger, opening = venue.instrument.names
    if not 0.0 < less < more < 1.0:
        names = f"{opening} < {trigger}" if venue.is_loan else f"{trigger} < {opening}"
        raise InputError(
            "live",
            live_words(live),
            f"must hold 0 < {names} < 100 %",
            f"Give {trigger}, then {opening}, in percent",
        )
    covered, excursion = venue.losses(strict, lenient, side)
    if covered <= venue.deviation:
        rule = "leaves no buffer once costs and the oracle's deviation are paid: it cannot be shown"
        raise InputError("live", live_words(live), rule, "Correct the live parameters or the costs")
    return covered, excursion


def live_point(question: Question, side: Side, live: Live, reaction: MoveForecast) -> LivePoint:
    """Both probabilities of positions opened at today's parameters, on the frontier's own paths.

    Raises
    ------
    InputError
        If the numbers break a rule.
    """
    covered, excursion = losses_of(question.venue, side, live)
    cell = sweep_buffers(question, side, np.array([covered]), excursion).table.iloc[0]
    name = "default_given_liquidation"
    parts = (name, f"{name}_error", f"{name}_low", f"{name}_high")
    value, error, low, high = (float(cell[part]) for part in parts)
    default = Estimate(value, error, low, high)
    hits = int(np.count_nonzero(reaction.excursion(side) >= excursion))
    p, n = hits / reaction.paths, reaction.paths
    least, most = (float(end) for end in wilson(hits, n))
    error = math.sqrt(p * (1.0 - p) / n)
    early = Estimate(p, error, least, most, hits=hits, paths=n)
    never = not np.isfinite(float(cell["liquidation_error"]))
    return LivePoint(live, default, early, never)
