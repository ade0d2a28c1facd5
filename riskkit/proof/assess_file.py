"""An assessment as a file: JSON with a unit in every key, unknown keys refused."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import riskkit
from riskkit.parameters.build import counted_section, data_section, published_study
from riskkit.parameters.build_evidence import mean_or_none, probability_section, tests_section
from riskkit.parameters.rounding import digits
from riskkit.parameters.sections import (
    Count,
    Counted,
    CoverageTest,
    Data,
    Fraction,
    Part,
    Probability,
    Sha256,
    UnservedSide,
)
from riskkit.proof.assess_words import doubts, verdict
from riskkit.proof.assessment import AssessedSide, Assessment, Judgement, Tested
from riskkit.study.inside import inside_words
from riskkit.study.study import Study


class LiveFile(Part):
    """The file that was assessed, and whose prices it was held to."""

    venue: str
    market: str
    source: str
    sha256: Sha256
    study_asset: str = ""
    market_asset: str | None = None
    asset_declared_to_be: str | None = None


class Crash(Part):
    """A named crash, at the period that asked most of the live margin; excesses were missing."""

    event: str
    worst_period_ends_utc: datetime
    loss_fraction: float
    needed_margin_fraction: float
    margin_in_force_fraction: float
    excess_fraction: float


class Numbers(Part):
    """One set of numbers under the evidence.

    The margin of the coverage is MM, or 1 - LT for a loan: the live one a constant, the
    recommended one as it would have been published then.
    """

    parameters_fraction: dict[str, float]
    liquidation: Probability
    default_given_liquidation: Probability
    default: Probability
    liquidation_within_reaction_time: Probability
    expected_bad_debt_fraction: float | None
    losses_refused: str
    periods_evaluated: Count
    breaches: Count
    covered_probability: Fraction
    worst_shortfall_fraction: Fraction
    mean_margin_fraction: float
    tests_of_breaches_on_non_overlapping_periods: tuple[CoverageTest, ...]
    crashes: tuple[Crash, ...]


class Side(Part):
    """One side of one row of the live market."""

    market: str
    from_notional: Fraction
    side: Literal["long", "short"]
    default_given_liquidation: Judgement
    liquidation_within_reaction_time: Judgement
    verdict: str
    live: Numbers
    recommended: Numbers
    recommended_less_live_fraction: dict[str, float]
    threshold_at_live_bonus_fraction: Fraction | None


class AssessmentFile(Part):
    """An assessment, version 2."""

    kind: Literal["riskkit assessment"]
    schema_version: Literal[2]
    riskkit_version: str
    title: str
    as_of_date: date
    status: Literal["calibrated", "HISTORICAL EXAMPLE"]
    data_age_days: int
    live: LiveFile
    doubts_about_units: tuple[str, ...]
    data: Data
    study: Study
    counted: Counted
    sides: tuple[Side, ...]
    sides_not_served: tuple[UnservedSide, ...] = ()


def assessment_file(assessment: Assessment, live: LiveFile) -> AssessmentFile:
    """The file of an assessment; numbers keep ten significant digits."""
    c = assessment.calibration
    return AssessmentFile(
        kind="riskkit assessment",
        schema_version=2,
        riskkit_version=riskkit.__version__,
        title=c.study.title,
        as_of_date=c.study.as_of,
        status="HISTORICAL EXAMPLE" if c.is_historical_example else "calibrated",
        data_age_days=c.data_age_days,
        live=live,
        doubts_about_units=doubts(assessment),
        data=data_section(c.study.data, c.history),
        study=published_study(c.study),
        counted=counted_section(c.periods, c.refits_failed, inside_words(c.question.ranges)),
        sides=tuple(_side(assessment, s) for s in assessment.sides),
        sides_not_served=tuple(
            UnservedSide(side=u.side.value, reason=u.reason, remedy=u.remedy) for u in c.unserved
        ),
    )


def _side(assessment: Assessment, s: AssessedSide) -> Side:
    return Side(
        market=s.market,
        from_notional=s.notional,
        side=s.side.value,
        default_given_liquidation=s.defaults,
        liquidation_within_reaction_time=s.early,
        verdict=verdict(assessment, s),
        live=_numbers(s.live),
        recommended=_numbers(s.recommended),
        recommended_less_live_fraction={
            name: digits(value - s.live.value(name)) for name, value in s.recommended.values
        },
        threshold_at_live_bonus_fraction=(
            None if s.at_live_bonus is None else digits(s.at_live_bonus)
        ),
    )


def _numbers(t: Tested) -> Numbers:
    held, c = t.held, t.coverage
    return Numbers(
        parameters_fraction={name: digits(value) for name, value in t.values},
        liquidation=probability_section(held.liquidation),
        default_given_liquidation=probability_section(held.default_given_liquidation),
        default=probability_section(held.default),
        liquidation_within_reaction_time=probability_section(t.reaction.liquidation),
        expected_bad_debt_fraction=mean_or_none(held.expected_bad_debt),
        losses_refused=held.refused,
        periods_evaluated=c.periods,
        breaches=c.breaches,
        covered_probability=digits(c.covered),
        worst_shortfall_fraction=digits(c.worst_shortfall),
        mean_margin_fraction=digits(c.mean_margin),
        tests_of_breaches_on_non_overlapping_periods=tests_section(c.tests),
        crashes=tuple(
            Crash(
                event=str(row["event"]),
                worst_period_ends_utc=row["worst"].to_pydatetime(),
                loss_fraction=digits(row["loss"]),
                needed_margin_fraction=digits(row["needed"]),
                margin_in_force_fraction=digits(row["margin"]),
                excess_fraction=digits(row["excess"]),
            )
            for _, row in c.ledger.rows.iterrows()
        ),
    )
