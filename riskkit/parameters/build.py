"""From a calibration to its parameter file: rounding happens here, once."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

import riskkit
from riskkit.calibration.result import (
    Calibration,
    CoverageEvidence,
    LoanParameters,
    PerpetualParameters,
)
from riskkit.calibration.result import Parameters as Chosen
from riskkit.market.quality import Kind
from riskkit.market.returns import log_returns
from riskkit.parameters.file import (
    SCHEMA_VERSION,
    Assumptions,
    Coverage,
    CoverageTest,
    Data,
    DroppedRow,
    Evidence,
    Header,
    Loan,
    Model,
    ParameterEstimate,
    ParameterFile,
    Parameters,
    Perpetual,
    Rows,
    Targets,
)
from riskkit.units import Rounding, Scale, from_scale, to_scale

DIGITS = 10


def build_parameter_file(calibration: Calibration) -> ParameterFile:
    """The parameter file of a calibration.

    Recommended and tabulated fractions are rounded to a millionth against the trader (margins up,
    thresholds and loan-to-value down); every other number keeps ten significant digits.
    """
    return ParameterFile(
        header=_header(calibration),
        data=_data(calibration),
        model=_model(calibration),
        assumptions=_assumptions(calibration),
        targets=Targets.model_validate(calibration.study.targets.model_dump()),
        parameters=_parameters(calibration),
        evidence=Evidence(
            method=(
                "walk-forward on an expanding window, refitted every "
                f"{calibration.study.model.refit_every_bars} bars, sigma filtered in between"
            ),
            model_refits=calibration.dynamic.refits,
            coverage=tuple(_coverage(e) for e in calibration.evidence),
        ),
    )


def _header(c: Calibration) -> Header:
    return Header(
        schema_version=SCHEMA_VERSION,
        riskkit_version=riskkit.__version__,
        title=c.study.title,
        asset=c.study.data.asset,
        as_of_date=c.study.as_of,
        status="HISTORICAL EXAMPLE" if c.is_historical_example else "calibrated",
        data_age_days=c.data_age_days,
    )


def _data(c: Calibration) -> Data:
    history, returns = c.history, log_returns(c.history)
    return Data(
        source=history.provenance.source,
        sha256=history.provenance.sha256,
        first_bar_utc=history.first.to_pydatetime(),
        last_bar_utc=history.last.to_pydatetime(),
        bars=len(history),
        bar_seconds=history.bar.total_seconds(),
        bars_per_year=history.bars_per_year,
        calendar=history.calendar.value,
        invalid_rows_policy=c.study.data.invalid_rows.value,
        rows_dropped=tuple(DroppedRow(row=r, reason=w) for r, w in history.provenance.dropped),
        rows_reordered=history.provenance.reordered,
        returns_used=len(returns),
        returns_excluded_across_holes=len(returns.excluded),
        quality_findings=history.quality.counts(),
        suspected_bad_ticks=tuple(f.start.isoformat() for f in history.quality.of(Kind.TICK)),
    )


def _model(c: Calibration) -> Model:
    fit, errors = c.fit, c.fit.standard_errors()
    half_life = fit.half_life
    return Model(
        spec_requested=fit.requested.name,
        spec_fitted=fit.spec.name,
        fallbacks=tuple(f"{f.spec.name}: {f.reason}" for f in fit.fallbacks),
        presample=fit.spec.presample.value,
        parameters_per_bar={
            name: ParameterEstimate(
                estimate=_digits(value),
                standard_error_qmle=(
                    _digits(errors[name])
                    if name in errors.index and np.isfinite(errors[name])
                    else None
                ),
            )
            for name, value in _pairs(fit.params)
        },
        loglikelihood=_digits(fit.loglikelihood),
        persistence=_digits(fit.persistence),
        half_life_bars=_digits(half_life) if math.isfinite(half_life) else None,
        sigma_next_bar_fraction=_digits(fit.next_sigma),
        sigma_annualised_fraction=_digits(fit.next_sigma * math.sqrt(c.history.bars_per_year)),
        health=fit.health.statement,
        healthy=fit.health.healthy,
        engine=fit.engine,
    )


def _assumptions(c: Calibration) -> Assumptions:
    study, m, periods = c.study, c.study.mechanism, c.periods
    loan = study.venue.kind == "loan"
    return Assumptions(
        venue_kind=study.venue.kind,
        sides=tuple(side.value for side in study.sides),
        margin_period_of_risk_bars=periods.margin_period_of_risk,
        observation_interval_bars=1,
        oracle_latency_seconds=m.oracle_latency_seconds,
        oracle_latency_bars=periods.oracle_latency.bars,
        liquidation_delay_hours=m.liquidation_delay_hours,
        liquidation_delay_bars=periods.liquidation_delay.bars,
        reaction_time_hours=m.reaction_time_hours,
        reaction_time_bars=periods.reaction_time.bars,
        holding_horizon_hours=m.holding_horizon_hours,
        holding_horizon_bars=periods.holding_horizon.bars,
        oracle_deviation_fraction=m.oracle_deviation_fraction,
        slippage_fraction=m.slippage_fraction,
        fee_fraction=m.fee_fraction,
        liquidation_bonus_fraction=study.venue.liquidation_bonus_fraction if loan else None,
        margin_floor=study.venue.floor,
        shocks=study.model.shocks.value,
        start_state=study.simulation.start_state.value,
        paths=study.simulation.paths,
        seed=study.simulation.seed,
        intrabar="closes only: moves within a bar are not seen, which understates both targets",
    )


def _parameters(c: Calibration) -> Parameters:
    suspects = c.without_suspects
    return Parameters(
        recommended=_rows(c, c.recommended),
        by_start_state=_rows(c, c.by_state),
        floor=_rows(c, c.floor),
        without_suspected_bad_ticks=_rows(c, suspects.parameters if suspects else ()),
    )


def _rows(c: Calibration, parameters: tuple[Chosen, ...]) -> Rows:
    perpetual = tuple(_perpetual(p) for p in parameters if isinstance(p, PerpetualParameters))
    bonus = c.study.venue.liquidation_bonus_fraction
    return perpetual or tuple(_loan(p, bonus) for p in parameters if isinstance(p, LoanParameters))


def _perpetual(p: PerpetualParameters) -> Perpetual:
    initial = millionth(p.initial_margin.value, Rounding.UP)
    return Perpetual(
        side=p.side.value,
        start_state=p.state.value,
        tail_loss_fraction=_digits(p.tail_loss.value),
        tail_loss_monte_carlo_se=_digits(p.tail_loss.standard_error),
        excursion_fraction=_digits(p.excursion.value),
        excursion_monte_carlo_se=_digits(p.excursion.standard_error),
        maintenance_margin_fraction=millionth(p.maintenance_margin.value, Rounding.UP),
        maintenance_margin_monte_carlo_se=_digits(p.maintenance_margin.standard_error),
        initial_margin_fraction=initial,
        initial_margin_monte_carlo_se=_digits(p.initial_margin.standard_error),
        max_leverage_multiple=_digits(1.0 / initial),
    )


def _loan(p: LoanParameters, bonus: float) -> Loan:
    return Loan(
        side="long",
        start_state=p.state.value,
        tail_loss_fraction=_digits(p.tail_loss.value),
        tail_loss_monte_carlo_se=_digits(p.tail_loss.standard_error),
        excursion_fraction=_digits(p.excursion.value),
        excursion_monte_carlo_se=_digits(p.excursion.standard_error),
        liquidation_threshold_fraction=millionth(p.liquidation_threshold.value, Rounding.DOWN),
        liquidation_threshold_monte_carlo_se=_digits(p.liquidation_threshold.standard_error),
        max_loan_to_value_fraction=millionth(p.max_loan_to_value.value, Rounding.DOWN),
        max_loan_to_value_monte_carlo_se=_digits(p.max_loan_to_value.standard_error),
        liquidation_bonus_fraction=bonus,
    )


def _coverage(e: CoverageEvidence) -> Coverage:
    return Coverage(
        side=e.side.value,
        first_origin_utc=e.first_origin.to_pydatetime(),
        last_origin_utc=e.last_origin.to_pydatetime(),
        periods_evaluated=e.evaluated,
        exceptions=e.exceptions,
        exception_rate=_digits(e.exceptions / e.evaluated),
        breaches_of_published_requirement=e.breaches,
        worst_shortfall_fraction=_digits(e.worst_shortfall),
        mean_requirement_fraction=_digits(e.mean_requirement),
        tests_on_non_overlapping_periods=tuple(
            CoverageTest(
                name=t.name,
                statistic=_digits(t.statistic),
                p_value=_digits(t.p_value),
                decision=t.decision.value,
                observations=t.observations,
                exceptions=t.exceptions,
            )
            for t in e.tests
        ),
    )


def millionth(fraction: float, rounding: Rounding) -> float:
    """A fraction rounded to six decimals in a stated direction, exactly."""
    return float(from_scale(to_scale(fraction, Scale.PPM, rounding), Scale.PPM))


def _digits(value: float) -> float:
    return float(f"{float(value):.{DIGITS}g}")


def _pairs(values: pd.Series) -> list[tuple[str, float]]:
    return [(str(name), float(value)) for name, value in values.items()]
