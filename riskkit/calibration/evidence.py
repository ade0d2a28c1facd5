"""How the out-of-sample tail fared: exceptions, breaches, and coverage tests per side."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.calibration.question import Question
from riskkit.calibration.result import CoverageEvidence, ExtremeEvidence, LoadingHistory
from riskkit.position import Side
from riskkit.tail.along_history import DynamicTail
from riskkit.validation.coverage import (
    conditional_coverage,
    proportion_of_failures,
    traffic_light,
)

Array = npt.NDArray[np.float64]

PERPETUAL_COLUMNS = ("maintenance_margin", "initial_margin")
LOAN_COLUMNS = ("liquidation_threshold", "max_loan_to_value")


def published(
    question: Question, dynamic: DynamicTail, side: Side, loading: LoadingHistory | None = None
) -> pd.DataFrame:
    """Requirements along history as they would have been published, floor included.

    Columns of `DynamicTail.table` for one side, and for a perpetual ``maintenance_margin``,
    ``initial_margin``, for a loan ``liquidation_threshold``, ``max_loan_to_value``; ``needed`` is
    the requirement that the realised loss would have called for (NaN where not evaluated),
    ``shortfall`` what was missing (0 if covered), ``exception`` whether the loss exceeded the tail
    loss (corrected by its record where the study has a memory; the requirement is not),
    ``breach`` whether it exceeded the requirement. Where extremes are watched,
    ``needed_at_extreme`` and ``shortfall_at_extreme`` are the same of a close-out at the adverse
    extreme of the last bar.

    Parameters
    ----------
    loading : LoadingHistory, optional
        Scales the tail to what a buffer must absorb; see `Calibration.loading`.
    """
    rows, venue = dynamic.side(side), question.venue

    def covered(tail: str, sigma: str) -> Array:
        """Covered loss of a tail forecast: oracle gap and loading included."""
        gap = venue.seen_late(rows[tail], side)
        return gap if loading is None else gap * loading.at(rows["origin"], rows[sigma])

    loss = covered("tail_loss", "sigma")
    excursion = rows["excursion"].to_numpy(dtype=np.float64)
    if question.floored:
        loss = np.maximum(loss, covered("floor_loss", "floor_sigma"))
        excursion = np.maximum(excursion, rows["floor_excursion"])
    loss = np.minimum(loss, venue.largest_covered_loss(side))
    realised = rows["realised_loss"].to_numpy(dtype=np.float64)
    trigger, opening = venue.limits(loss, np.maximum(excursion, 0.0), side)
    needed = venue.needed(realised, side)

    def missing(needed: Array) -> Array:
        return np.maximum(trigger - needed if venue.is_loan else needed - trigger, 0.0)

    shortfall = missing(needed)
    if "loss_at_extreme" in rows:
        worst = venue.needed(rows["loss_at_extreme"].to_numpy(dtype=np.float64), side)
        rows = rows.assign(needed_at_extreme=worst, shortfall_at_extreme=missing(worst))
    correction = rows["correction"].to_numpy() if "correction" in rows else 1.0
    names = LOAN_COLUMNS if venue.is_loan else PERPETUAL_COLUMNS
    return rows.assign(
        **dict(zip(names, (trigger, opening), strict=True)),
        needed=needed,
        shortfall=shortfall,
        exception=realised > rows["tail_loss"].to_numpy() * correction,
        breach=shortfall > 0.0,
    )


def _at_extremes(judged: pd.DataFrame) -> ExtremeEvidence | None:
    if "shortfall_at_extreme" not in judged:
        return None
    shortfall = judged["shortfall_at_extreme"]
    beyond = judged["loss_at_extreme"] > judged["tail_loss"] * judged.get("correction", 1.0)
    return ExtremeEvidence(
        exceptions=int(beyond.sum()),
        breaches=int((shortfall > 0.0).sum()),
        worst_shortfall=float(shortfall.max()),
    )


def coverage_evidence(
    question: Question, dynamic: DynamicTail, side: Side, loading: LoadingHistory | None = None
) -> CoverageEvidence:
    """Count exceptions and breaches of one side and test the tail's coverage.

    The tests run on non-overlapping periods (every h-th evaluated origin), since overlapping
    losses are dependent.
    """
    rows = published(question, dynamic, side, loading)
    judged = rows[rows["not_evaluated"] == ""]
    probability = 1.0 - dynamic.task.loss_confidence
    apart = judged["exception"].to_numpy()[:: dynamic.task.loss_bars]
    requirement = (LOAN_COLUMNS if question.venue.is_loan else PERPETUAL_COLUMNS)[0]
    return CoverageEvidence(
        side=side,
        first_origin=judged["origin"].iloc[0],
        last_origin=judged["origin"].iloc[-1],
        evaluated=len(judged),
        exceptions=int(judged["exception"].sum()),
        breaches=int(judged["breach"].sum()),
        worst_shortfall=float(judged["shortfall"].max()),
        at_extremes=_at_extremes(judged),
        mean_requirement=float(rows[requirement].mean()),
        tests=(
            proportion_of_failures(apart, probability),
            conditional_coverage(apart, probability),
            traffic_light(apart, probability),
        ),
    )
