"""From a calibration to its parameter file: rounding happens here, once."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

import riskkit
from riskkit.calibration.result import (
    Banded,
    Calibration,
    CoverageEvidence,
    Infeasible,
    LoanParameters,
    PerpetualParameters,
    Recommendation,
)
from riskkit.calibration.result import Parameters as Chosen
from riskkit.market.quality import Kind
from riskkit.market.returns import ACROSS_HOLE, AROUND_TICK, log_returns
from riskkit.parameters.file import (
    SCHEMA_VERSION,
    Assumptions,
    Coverage,
    CoverageTest,
    Data,
    DroppedRow,
    Evidence,
    Header,
    InfeasibleState,
    Loan,
    Model,
    ParameterEstimate,
    ParameterFile,
    Parameters,
    Perpetual,
    Probability,
    Rows,
    Simulated,
    Targets,
    Waterfall,
)
from riskkit.simulation.estimates import Estimate
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
            simulated=tuple(_simulated(r) for r in calibration.recommended),
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
    reasons = returns.excluded["reason"]
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
        returns_excluded_across_holes=int((reasons == ACROSS_HOLE).sum()),
        returns_excluded_around_implausible_ticks=int((reasons == AROUND_TICK).sum()),
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
        bootstrap_refits=study.simulation.bootstrap_refits,
        bootstrap_refits_failed=c.refits_failed,
        intrabar="closes only: moves within a bar are not seen, which understates both targets",
    )


def _parameters(c: Calibration) -> Parameters:
    suspects = c.without_suspects
    feasible = tuple(p for p in c.by_state if not isinstance(p, Infeasible))
    return Parameters(
        recommended=_rows(c, tuple(r.parameters for r in c.recommended)),
        by_start_state=_rows(c, feasible),
        infeasible_start_states=tuple(
            InfeasibleState(side=p.side.value, start_state=p.state.value, reason=p.reason)
            for p in c.by_state
            if isinstance(p, Infeasible)
        ),
        floor=_rows(c, c.floor),
        without_suspected_bad_ticks=_rows(c, suspects.parameters if suspects else ()),
        waterfall=tuple(
            Waterfall(
                side=r.side.value,
                parts_fraction={name: _digits(part) for name, part in _pairs(r.waterfall)},
            )
            for r in c.recommended
        ),
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
        **_losses(p),
        **_banded("maintenance_margin", p.maintenance_margin, Rounding.UP),
        **_banded("initial_margin", p.initial_margin, Rounding.UP),
        max_leverage_multiple=_digits(1.0 / initial),
    )


def _loan(p: LoanParameters, bonus: float) -> Loan:
    return Loan(
        side="long",
        start_state=p.state.value,
        **_losses(p),
        **_banded("liquidation_threshold", p.liquidation_threshold, Rounding.DOWN),
        **_banded("max_loan_to_value", p.max_loan_to_value, Rounding.DOWN),
        liquidation_bonus_fraction=bonus,
    )


def _losses(p: Chosen) -> dict[str, float]:
    return {
        "covered_loss_fraction": _digits(p.covered_loss.value),
        "covered_loss_monte_carlo_se": _digits(p.covered_loss.standard_error),
        "excursion_fraction": _digits(p.excursion.value),
        "excursion_monte_carlo_se": _digits(p.excursion.standard_error),
    }


def _banded(name: str, number: Banded, rounding: Rounding) -> dict[str, float]:
    return {
        f"{name}_fraction": millionth(number.value, rounding),
        f"{name}_monte_carlo_se": _digits(number.standard_error),
        f"{name}_low_fraction": millionth(number.low, rounding),
        f"{name}_high_fraction": millionth(number.high, rounding),
    }


def _simulated(r: Recommendation) -> Simulated:
    o = r.outcome
    assert o.unfair is not None  # the outcome is simulated in detail
    return Simulated(
        side=r.side.value,
        holding_horizon_bars=o.horizon,
        liquidation=_probability(o.liquidation),
        default=_probability(o.default),
        default_given_liquidation=_probability(o.default_given_liquidation),
        unfair_liquidation=_probability(o.unfair),
        loss_given_default_fraction=_mean(o.loss_given_default),
        expected_bad_debt_fraction=_mean(o.expected_bad_debt),
        losses_refused=o.refused,
        time_to_liquidation_bars=_mean(o.time_to_liquidation),
        paths=o.default.paths,
        paths_failed=o.default.failed,
        shocks_bounded_by_data=o.beyond_data,
    )


def _probability(e: Estimate) -> Probability:
    return Probability(
        point_probability=_digits(float(e.value)),
        low_probability=_digits(float(e.low)),
        high_probability=_digits(float(e.high)),
        hits=int(e.hits),
    )


def _mean(e: Estimate | None) -> float | None:
    return _digits(float(e.value)) if e is not None and np.isfinite(e.value) else None


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
