"""How the out-of-sample tail fared: exceptions, breaches, and coverage tests per side."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.calibration.positions import largest_covered_loss
from riskkit.calibration.result import CoverageEvidence, LoadingHistory
from riskkit.position import Side
from riskkit.study.study import Study
from riskkit.tail.along_history import DynamicTail
from riskkit.validation.coverage import (
    conditional_coverage,
    proportion_of_failures,
    traffic_light,
)
from riskkit.venue.lending import liquidation_threshold, max_loan_to_value
from riskkit.venue.margin import initial_margin, loss_with_oracle_gap, maintenance_margin

Array = npt.NDArray[np.float64]


def published(
    study: Study, dynamic: DynamicTail, side: Side, loading: LoadingHistory | None = None
) -> pd.DataFrame:
    """Requirements along history as they would have been published, floor included.

    Columns of `DynamicTail.table` for one side, and for a perpetual ``maintenance_margin``,
    ``initial_margin``, for a loan ``liquidation_threshold``, ``max_loan_to_value``; ``needed`` is
    the requirement that the realised loss would have called for (NaN where not evaluated),
    ``shortfall`` what was missing (0 if covered), ``exception`` whether the loss exceeded the tail
    loss, ``breach`` whether it exceeded the requirement.

    Parameters
    ----------
    loading : LoadingHistory, optional
        Scales the tail to what a buffer must absorb; see `Calibration.loading`.
    """
    rows, m = dynamic.side(side), study.mechanism
    floored = study.venue.floor == "full-history"
    excursion = np.maximum(rows["excursion"], rows["floor_excursion"] if floored else 0.0)
    loss = _covered(study, side, rows, "tail_loss", "sigma", loading)
    if floored:
        floor = _covered(study, side, rows, "floor_loss", "floor_sigma", loading)
        loss = np.maximum(loss, floor)
    loss = np.minimum(loss, largest_covered_loss(study, side))
    realised = rows["realised_loss"].to_numpy(dtype=np.float64)
    if study.venue.kind == "loan":
        bonus = study.venue.liquidation_bonus_fraction
        lt = liquidation_threshold(loss, bonus=bonus, slippage=m.slippage_fraction)
        needed = (1.0 - realised) / (1.0 + bonus)
        shortfall = np.maximum(lt - needed, 0.0)
        extra = {
            "liquidation_threshold": lt,
            "max_loan_to_value": max_loan_to_value(lt, excursion),
        }
    else:
        costs = {"slippage": m.slippage_fraction, "fee": m.fee_fraction}
        mm = maintenance_margin(loss, side, **costs)
        needed = maintenance_margin(realised, side, **costs)
        shortfall = np.maximum(needed - mm, 0.0)
        extra = {"maintenance_margin": mm, "initial_margin": initial_margin(mm, excursion, side)}
    return rows.assign(
        **extra,
        needed=needed,
        shortfall=shortfall,
        exception=realised > rows["tail_loss"].to_numpy(),
        breach=shortfall > 0.0,
    )


def _covered(
    study: Study,
    side: Side,
    rows: pd.DataFrame,
    tail: str,
    sigma: str,
    loading: LoadingHistory | None,
) -> Array:
    """Covered loss of a tail forecast: oracle gap and loading included."""
    gap = loss_with_oracle_gap(rows[tail], side, study.mechanism.oracle_deviation_fraction)
    return gap if loading is None else gap * loading.at(rows["origin"], rows[sigma])


def coverage_evidence(
    study: Study, dynamic: DynamicTail, side: Side, loading: LoadingHistory | None = None
) -> CoverageEvidence:
    """Count exceptions and breaches of one side and test the tail's coverage.

    The tests run on non-overlapping periods (every h-th evaluated origin), since overlapping
    losses are dependent.
    """
    rows = published(study, dynamic, side, loading)
    judged = rows[rows["not_evaluated"] == ""]
    probability = 1.0 - dynamic.task.loss_confidence
    apart = judged["exception"].to_numpy()[:: dynamic.task.loss_bars]
    requirement = "liquidation_threshold" if study.venue.kind == "loan" else "maintenance_margin"
    return CoverageEvidence(
        side=side,
        first_origin=judged["origin"].iloc[0],
        last_origin=judged["origin"].iloc[-1],
        evaluated=len(judged),
        exceptions=int(judged["exception"].sum()),
        breaches=int(judged["breach"].sum()),
        worst_shortfall=float(judged["shortfall"].max()),
        mean_requirement=float(rows[requirement].mean()),
        tests=(
            proportion_of_failures(apart, probability),
            conditional_coverage(apart, probability),
            traffic_light(apart, probability),
        ),
    )
