"""From a calibration to its parameter file: rounding happens here, once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import riskkit
from riskkit.calibration.limits import Limits
from riskkit.calibration.result import Calibration, Infeasible
from riskkit.errors import InputError
from riskkit.estimate import Estimate
from riskkit.market.history import PriceHistory
from riskkit.market.quality import Kind
from riskkit.market.returns import ACROSS_HOLE, AROUND_TICK, log_returns
from riskkit.parameters.build_evidence import evidence_section
from riskkit.parameters.file import ParameterFile
from riskkit.parameters.rounding import digits, millionth
from riskkit.parameters.seal import UNSEALED
from riskkit.parameters.sections import (
    SCHEMA_VERSION,
    Counted,
    Data,
    Digest,
    DroppedRow,
    Header,
    InfeasibleState,
    Loan,
    Model,
    ParameterEstimate,
    Parameters,
    Perpetual,
    Rows,
    UnservedSide,
    Waterfall,
)
from riskkit.parameters.validity import RULE, expiry_sigma, valid_until
from riskkit.position import Instrument
from riskkit.study.coarse import coarseness_of
from riskkit.study.inside import inside_words
from riskkit.study.study import Periods, Study
from riskkit.study.tables import DataSection
from riskkit.study.terms import bonus_of
from riskkit.units import Rounding
from riskkit.volatility.result import VolatilityFit

__all__ = [
    "build_parameter_file",
    "counted_section",
    "data_section",
    "millionth",
    "model_section",
    "published_study",
]


def build_parameter_file(calibration: Calibration) -> ParameterFile:
    """The parameter file of a calibration.

    Recommended and tabulated fractions are rounded to a millionth against the trader (margins up,
    thresholds and loan-to-value down); every other number keeps ten significant digits.

    Examples
    --------
    >>> import riskkit
    >>> quick = {"simulation.paths": 10_000, "simulation.bootstrap_refits": 0}
    >>> case = riskkit.Case.read("studies/eth-collateral-daily.toml")
    >>> answer = riskkit.calibrate(case.study.changed(quick), case.history)
    >>> file = riskkit.build_parameter_file(answer)
    >>> len(file.parameters.recommended)
    1
    """
    study, fit = calibration.study, calibration.fit
    _check_errors(calibration)
    file = ParameterFile(
        header=_header(calibration),
        data=data_section(study.data, calibration.history),
        model=model_section(fit, calibration.history.bars_per_year),
        study=published_study(study),
        counted=counted_section(
            calibration.periods,
            calibration.refits_failed,
            inside_words(calibration.question.ranges),
        ),
        parameters=_parameters(calibration),
        evidence=evidence_section(calibration),
    )
    return file.sealed()


def _check_errors(c: Calibration) -> None:
    """Refuse a number whose Monte-Carlo error could not be estimated: too few paths came near it.

    Raises
    ------
    InputError
    """
    suspects = c.without_suspects.limits if c.without_suspects else ()
    for p in (*c.by_state, *c.floor, *(r.limits for r in c.recommended), *suspects):
        if isinstance(p, Infeasible):
            continue
        for name, value in vars(p).items():
            if isinstance(value, Estimate) and not math.isfinite(value.error):
                raise InputError(
                    "simulation.paths",
                    c.study.simulation.paths,
                    f"are too few to estimate the error of the {p.side.value} "
                    f"{name.replace('_', ' ')} (state '{p.state.value}')",
                    f"Raise simulation.paths to {10 * c.study.simulation.paths:,}",
                )


def _header(c: Calibration) -> Header:
    history = c.history
    until = valid_until(history.last.to_pydatetime(), history.bar.total_seconds())
    return Header(
        schema_version=SCHEMA_VERSION,
        riskkit_version=riskkit.__version__,
        title=c.study.title,
        asset=c.study.data.asset,
        as_of_date=c.study.as_of,
        status=c.status,
        data_age_days=c.data_age_days,
        valid_until_date=until,
        expires_above_sigma_next_bar_fraction=digits(expiry_sigma(c)),
        validity_rule=RULE,
        migrated_from_schema_version=None,
        lacks=(),
        edited_before_migration=(),
        digest=Digest.model_validate(UNSEALED),
    )


def data_section(data: DataSection, history: PriceHistory) -> Data:
    """Where the prices come from, and what was found in them."""
    returns = log_returns(history)
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
        invalid_rows_policy=data.invalid_rows.value,
        rows_dropped=tuple(DroppedRow(row=r, reason=w) for r, w in history.provenance.dropped),
        rows_reordered=history.provenance.reordered,
        returns_used=len(returns),
        returns_excluded_across_holes=int((reasons == ACROSS_HOLE).sum()),
        returns_excluded_around_implausible_ticks=int((reasons == AROUND_TICK).sum()),
        quality_findings=history.quality.counts(),
        suspected_bad_ticks=tuple(f.start.isoformat() for f in history.quality.of(Kind.TICK)),
        one_way_moves=tuple(f.start.isoformat() for f in history.quality.of(Kind.ONE_WAY)),
        closed_by_utc=(history.last + history.bar).to_pydatetime(),
    )


def model_section(fit: VolatilityFit, bars_per_year: float) -> Model:
    """The fitted volatility model."""
    errors, half_life = fit.standard_errors(), fit.half_life
    return Model(
        spec_requested=fit.requested.name,
        spec_fitted=fit.spec.name,
        fallbacks=tuple(f"{f.spec.name}: {f.reason}" for f in fit.fallbacks),
        presample=fit.spec.presample.value,
        parameters_per_bar={
            name: ParameterEstimate(
                estimate=digits(value),
                standard_error_qmle=(
                    digits(errors[name])
                    if name in errors.index and np.isfinite(errors[name])
                    else None
                ),
            )
            for name, value in _pairs(fit.params)
        },
        loglikelihood=digits(fit.loglikelihood),
        persistence=digits(fit.persistence),
        half_life_bars=digits(half_life) if math.isfinite(half_life) else None,
        sigma_next_bar_fraction=digits(fit.next_sigma),
        sigma_annualised_fraction=digits(fit.next_sigma * math.sqrt(bars_per_year)),
        health=fit.health.statement,
        healthy=fit.health.healthy,
        engine=fit.engine,
    )


def counted_section(periods: Periods, refits_failed: int, intrabar: str) -> Counted:
    """What a study's times come to in bars."""
    coarse = coarseness_of(periods)
    return Counted(
        margin_period_of_risk_bars=periods.margin_period_of_risk,
        observation_interval_bars=1,
        oracle_latency_bars=periods.oracle_latency.bars,
        liquidation_delay_bars=periods.liquidation_delay.bars,
        reaction_time_bars=periods.reaction_time.bars,
        holding_horizon_bars=periods.holding_horizon.bars,
        bootstrap_refits_failed=refits_failed,
        intrabar=intrabar,
        coarse_bars=coarse.statement if coarse.short_beside else "",
    )


def published_study(study: Study) -> Study:
    """The study as a file carries it: its price files by name only, wherever they lie here."""
    changes: dict[str, object] = {}
    if study.data.prices is not None:
        changes["data.prices"] = Path(study.data.prices).name
    if study.assets.prices:
        changes["assets.prices"] = tuple(Path(name).name for name in study.assets.prices)
    if study.assets.folder is not None:
        changes["assets.folder"] = Path(study.assets.folder).name
    return study.changed(changes) if changes else study


def _parameters(c: Calibration) -> Parameters:
    suspects = c.without_suspects.limits if c.without_suspects else ()
    return Parameters(
        recommended=_rows(c, tuple(r.limits for r in c.recommended)),
        by_start_state=_rows(c, _solved(c.by_state)),
        infeasible_start_states=_infeasible(c.by_state),
        floor=_rows(c, c.floor),
        without_suspected_bad_ticks=_rows(c, _solved(suspects)),
        waterfall=tuple(
            Waterfall(
                side=r.side.value,
                parts_fraction={name: digits(part) for name, part in _pairs(r.waterfall)},
            )
            for r in c.recommended
        ),
        sides_not_served=tuple(
            UnservedSide(side=u.side.value, reason=u.reason, remedy=u.remedy) for u in c.unserved
        ),
        not_solved_without_suspects=_infeasible(suspects),
    )


def _solved(rows: Sequence[Limits | Infeasible]) -> tuple[Limits, ...]:
    return tuple(p for p in rows if not isinstance(p, Infeasible))


def _infeasible(rows: Sequence[Limits | Infeasible]) -> tuple[InfeasibleState, ...]:
    return tuple(
        InfeasibleState(side=p.side.value, start_state=p.state.value, reason=p.reason)
        for p in rows
        if isinstance(p, Infeasible)
    )


def _rows(c: Calibration, limits: tuple[Limits, ...]) -> Rows:
    bonus = bonus_of(c.study.position)
    perpetual = tuple(_perpetual(p) for p in limits if p.instrument is Instrument.PERPETUAL)
    return perpetual or tuple(_loan(p, bonus) for p in limits)


def _perpetual(p: Limits) -> Perpetual:
    initial = millionth(p.opening.value, Rounding.UP)
    return Perpetual(
        side=p.side.value,
        start_state=p.state.value,
        **_losses(p),
        **_banded("maintenance_margin", p.trigger, Rounding.UP),
        **_banded("initial_margin", p.opening, Rounding.UP),
        max_leverage_multiple=digits(1.0 / initial),
    )


def _loan(p: Limits, bonus: float) -> Loan:
    return Loan(
        side="long",
        start_state=p.state.value,
        **_losses(p),
        **_banded("liquidation_threshold", p.trigger, Rounding.DOWN),
        **_banded("max_loan_to_value", p.opening, Rounding.DOWN),
        liquidation_bonus_fraction=bonus,
    )


def _losses(p: Limits) -> dict[str, float]:
    return {
        "covered_loss_fraction": digits(p.covered_loss.value),
        "covered_loss_monte_carlo_se": digits(p.covered_loss.error),
        "excursion_fraction": digits(p.excursion.value),
        "excursion_monte_carlo_se": digits(p.excursion.error),
    }


def _banded(name: str, number: Estimate[float], rounding: Rounding) -> dict[str, float]:
    return {
        f"{name}_fraction": millionth(number.value, rounding),
        f"{name}_monte_carlo_se": digits(number.error),
        f"{name}_low_fraction": millionth(number.low, rounding),
        f"{name}_high_fraction": millionth(number.high, rounding),
    }


def _pairs(values: pd.Series) -> list[tuple[str, float]]:
    return [(str(name), float(value)) for name, value in values.items()]
