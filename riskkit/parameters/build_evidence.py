"""The evidence of a calibration, as sections of the parameter file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from riskkit.calibration.accounts import Measured
from riskkit.calibration.evidence import published
from riskkit.calibration.result import Calibration, CoverageEvidence, Recommendation
from riskkit.estimate import Array, Estimate
from riskkit.parameters.rounding import digits
from riskkit.parameters.sections import (
    Coverage,
    CoverageTest,
    Evidence,
    ForecastLevel,
    MeasuredAccounts,
    Probability,
    Procyclicality,
    Rise,
    Simulated,
)
from riskkit.position import Side
from riskkit.validation.procyclicality import margin_behaviour
from riskkit.validation.verdict import Verdict
from riskkit.volatility.level import LevelRecord

RISE_DISTANCES_BARS = (1, 5, 20)


def evidence_section(calibration: Calibration) -> Evidence:
    """What was simulated, how the past was covered, and how the margin moved."""
    return Evidence(
        method=(
            "walk-forward on an expanding window, refitted every "
            f"{calibration.question.refit_every} bars, sigma filtered in between"
        ),
        model_refits=calibration.dynamic.refits,
        simulated=tuple(_simulated(r) for r in calibration.recommended),
        coverage=tuple(_coverage(e) for e in calibration.evidence),
        procyclicality=tuple(_procyclicality(calibration, e.side) for e in calibration.evidence),
        measured=tuple(
            _measured(r.side, r.measured, str(calibration.question.accounts))
            for r in calibration.recommended
            if r.measured is not None
        ),
        forecast_levels=tuple(
            level_section(record, calibration.dynamic.task.half_life)
            for record in calibration.dynamic.levels
        ),
    )


def _measured(side: Side, found: Measured, accounts: str) -> MeasuredAccounts:
    worst = found.values.get("episode_es")
    return MeasuredAccounts(
        side=side.value,
        accounts=accounts,
        default_per_account_day=digits(found.values["account_day"]),
        bad_debt_per_year_fraction=digits(found.values["oi_year_bps"] / 1e4),
        worst_days_loss_fraction=None if worst is None else digits(worst / 100.0),
        decided=found.decided,
    )


def level_section(record: LevelRecord, half_life: float) -> ForecastLevel:
    """The record of one horizon; ``half_life`` in bars."""
    known = record.forecasts > 0
    return ForecastLevel(
        horizon_bars=record.bars,
        half_life_bars=half_life,
        forecasts=record.forecasts,
        factor_ratio=record.factor,
        realised_over_predicted_ratio=record.ratio if known else None,
        corrected_ratio=record.corrected_ratio if known else None,
    )


def _simulated(r: Recommendation) -> Simulated:
    o = r.outcome
    assert o.unfair is not None  # the outcome is simulated in detail
    return Simulated(
        side=r.side.value,
        holding_horizon_bars=o.horizon,
        liquidation=probability_section(o.liquidation),
        default=probability_section(o.default),
        default_given_liquidation=probability_section(o.default_given_liquidation),
        unfair_liquidation=probability_section(o.unfair),
        loss_given_default_fraction=mean_or_none(o.loss_given_default),
        expected_bad_debt_fraction=mean_or_none(o.expected_bad_debt),
        losses_refused=o.refused,
        time_to_liquidation_bars=mean_or_none(o.time_to_liquidation),
        paths=o.default.paths,
        paths_failed=o.default.failed,
        shocks_bounded_by_data=o.beyond_data,
    )


def probability_section(e: Estimate[Array]) -> Probability:
    """A simulated probability with its interval."""
    return Probability(
        point_probability=digits(float(e.value)),
        low_probability=digits(float(e.low)),
        high_probability=digits(float(e.high)),
        hits=int(e.hits),
    )


def mean_or_none(e: Estimate[Array] | None) -> float | None:
    """A simulated mean, or None where there is none."""
    return digits(float(e.value)) if e is not None and np.isfinite(e.value) else None


def _coverage(e: CoverageEvidence) -> Coverage:
    return Coverage(
        side=e.side.value,
        first_origin_utc=e.first_origin.to_pydatetime(),
        last_origin_utc=e.last_origin.to_pydatetime(),
        periods_evaluated=e.evaluated,
        exceptions=e.exceptions,
        exception_rate=digits(e.exceptions / e.evaluated),
        breaches_of_published_requirement=e.breaches,
        worst_shortfall_fraction=digits(e.worst_shortfall),
        mean_requirement_fraction=digits(e.mean_requirement),
        tests_on_non_overlapping_periods=tests_section(e.tests),
        breaches_at_extremes=e.at_extremes and e.at_extremes.breaches,
        worst_shortfall_at_extremes_fraction=(
            e.at_extremes and digits(e.at_extremes.worst_shortfall)
        ),
    )


def tests_section(tests: Sequence[Verdict]) -> tuple[CoverageTest, ...]:
    """Coverage tests, as the file holds them."""
    return tuple(
        CoverageTest(
            name=t.name,
            statistic=digits(t.statistic),
            p_value=digits(t.p_value),
            decision=t.decision.value,
            observations=t.observations,
            exceptions=t.exceptions,
        )
        for t in tests
    )


def _procyclicality(c: Calibration, side: Side) -> Procyclicality:
    """The published margin of one side against the margins that the losses called for."""
    rows = published(c.question, c.dynamic, side, c.loading[side])
    judged = rows[rows["not_evaluated"] == ""].set_index("origin")
    if c.study.is_loan:
        margin, needed = 1.0 - judged["liquidation_threshold"], 1.0 - judged["needed"]
    else:
        margin, needed = judged["maintenance_margin"], judged["needed"]
    distances = [n for n in RISE_DISTANCES_BARS if n < len(judged)]
    found = margin_behaviour(margin, needed, distances)
    over = found.over_foresight
    return Procyclicality(
        side=side.value,
        peak_to_trough_multiple=digits(found.peak_to_trough),
        largest_rises=tuple(
            Rise(distance_bars=n, largest_rise_multiple=digits(rise)) for n, rise in found.rise
        ),
        mean_margin_fraction=digits(found.mean_margin),
        mean_margin_over_foresight_multiple=digits(over) if np.isfinite(over) else None,
        breach_rate=digits(found.breach_rate),
        mean_shortfall_fraction=digits(found.mean_shortfall),
        largest_shortfall_fraction=digits(found.largest_shortfall),
        observations=found.observations,
    )
