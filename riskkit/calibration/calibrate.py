"""From a study and its prices to recommended parameters with their evidence."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from riskkit.calibration.evidence import coverage_evidence
from riskkit.calibration.result import (
    Calibration,
    LoanParameters,
    Parameters,
    PerpetualParameters,
    WithoutSuspects,
)
from riskkit.calibration.study import Study
from riskkit.errors import InputError
from riskkit.market.history import PriceHistory
from riskkit.market.quality import Kind, inspect_quality
from riskkit.market.returns import log_returns
from riskkit.tail.curve import TailTask
from riskkit.tail.forecast import Array, Estimate, MoveForecast, forecast_moves
from riskkit.tail.losses import Side
from riskkit.venue.dynamic import check_length, dynamic_tail
from riskkit.venue.lending import liquidation_threshold, max_loan_to_value
from riskkit.venue.margin import initial_margin, loss_with_oracle_gap, maintenance_margin
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.paths import PathModel, StartState, start_sigmas
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.spec import VolatilitySpec

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class _Moves:
    """Simulated moves over the margin period of risk and over the reaction time."""

    loss: MoveForecast
    excursion: MoveForecast


def calibrate(
    study: Study,
    history: PriceHistory,
    *,
    threads: int = 1,
    progress: Progress | None = None,
) -> Calibration:
    """Calibrate the parameters a study asks for.

    Maintenance margin (or liquidation threshold) is set by the quantile of the loss over the
    margin period of risk at the target P(default | liquidation); the distance to initial margin
    (or max LTV) by the quantile of the running excursion over the reaction time at the target
    P(liquidation within the reaction time).

    Parameters
    ----------
    study : Study
    history : PriceHistory
        Bars that close after ``study.as_of`` are left out: nothing looks ahead.
    threads : int
        Of the simulation; changes no number.
    progress : callable, optional
        Called with (stage, done, total).

    Raises
    ------
    InputError
        If the history is too short, does not move, or ends before it begins.
    """
    history = _until(history, study)
    periods = study.periods(history.bar)
    task = TailTask(
        loss_bars=periods.margin_period_of_risk,
        loss_confidence=1.0 - study.targets.default_given_liquidation_probability,
        excursion_bars=periods.reaction_time.bars,
        excursion_confidence=1.0 - study.targets.liquidation_within_reaction_time_probability,
    )
    _check_paths(study)
    returns = log_returns(history)
    check_length(len(returns), study.model.minimum_bars)
    tell = progress or _silent
    tell("fit", 0, 1)
    fit = fit_volatility(returns, VolatilitySpec.parse(study.model.spec))
    tell("fit", 1, 1)
    moves = {
        state: _simulate(
            study, fit, history, task, start_sigmas(fit, state, *_draws(study)), threads
        )
        for state in StartState
    }
    by_state = tuple(
        _parameters(study, side, state, m, task)
        for state, m in moves.items()
        for side in study.sides
    )
    floor = _floor(study, fit, history, task, threads)
    recommended = tuple(
        _no_less_safe(study, p, floor) for p in by_state if p.state is study.simulation.start_state
    )
    dynamic = dynamic_tail(
        history,
        VolatilitySpec.parse(study.model.spec),
        task,
        minimum_bars=study.model.minimum_bars,
        refit_every=study.model.refit_every_bars,
        shocks=study.model.shocks,
        seed=_seed(study, 2),
        threads=threads,
        progress=lambda done, total: tell("history", done, total),
    )
    return Calibration(
        study=study,
        history=history,
        periods=periods,
        fit=fit,
        by_state=by_state,
        floor=floor,
        recommended=recommended,
        dynamic=dynamic,
        evidence=tuple(coverage_evidence(study, dynamic, side) for side in study.sides),
        forecast=moves[study.simulation.start_state].loss,
        without_suspects=_without_suspects(study, history, task, threads),
    )


def _until(history: PriceHistory, study: Study) -> PriceHistory:
    """Bars that have closed by the end of the day ``as_of``."""
    end = pd.Timestamp(study.as_of, tz="UTC") + pd.Timedelta(days=1)
    if history.last + history.bar <= end:
        return history
    kept = history.between(None, end - history.bar)
    if len(kept) < 2:
        raise InputError(
            "as_of",
            str(study.as_of),
            f"must leave bars to calibrate on (data starts {history.first.date()})",
            "Set as_of to the day whose knowledge the study should use",
        )
    return kept


def _check_paths(study: Study) -> None:
    target = min(study.targets.model_dump().values())
    need = math.ceil(round(10.0 / target, 6))
    if study.simulation.paths < need:
        raise InputError(
            "simulation.paths",
            study.simulation.paths,
            f"a target of {target:g} needs at least ten paths beyond it",
            f"Set simulation.paths to {need:,} or more",
        )


def _simulate(
    study: Study,
    fit: VolatilityFit,
    history: PriceHistory,
    task: TailTask,
    start: Array,
    threads: int,
) -> _Moves:
    model = PathModel.from_fit(fit, study.model.shocks)
    loss, excursion = (
        forecast_moves(
            model,
            start_sigma=start,
            bars=bars,
            paths=study.simulation.paths,
            seed=_seed(study, stream),
            origin=fit.origin,
            bar=history.bar,
            threads=threads,
        )
        for stream, bars in enumerate((task.loss_bars, task.excursion_bars))
    )
    return _Moves(loss, excursion)


def _parameters(
    study: Study, side: Side, state: StartState, moves: _Moves, task: TailTask
) -> Parameters:
    raw = moves.loss.value_at_risk(task.loss_confidence, side)
    excursion = moves.excursion.excursion_at_risk(task.excursion_confidence, side)
    deviation = study.mechanism.oracle_deviation_fraction
    loss = Estimate(
        float(loss_with_oracle_gap(raw.value, side, deviation)),
        raw.standard_error * (1.0 - side.sign * deviation),
    )
    return _from_tail(study, side, state, loss, excursion)


def _from_tail(
    study: Study, side: Side, state: StartState, loss: Estimate, excursion: Estimate
) -> Parameters:
    """Margins or thresholds from the tail loss (oracle gap included) and the excursion."""
    m = study.mechanism
    if study.venue.kind == "loan":
        bonus = study.venue.liquidation_bonus_fraction
        lt = float(liquidation_threshold(loss.value, bonus=bonus, slippage=m.slippage_fraction))
        threshold = Estimate(lt, loss.standard_error / (1.0 + bonus))
        ltv = Estimate(
            float(max_loan_to_value(lt, excursion.value)),
            math.hypot(
                threshold.standard_error * (1.0 - excursion.value), lt * excursion.standard_error
            ),
        )
        return LoanParameters(side, state, loss, excursion, threshold, ltv)
    cost = m.slippage_fraction + m.fee_fraction
    mm = float(
        maintenance_margin(loss.value, side, slippage=m.slippage_fraction, fee=m.fee_fraction)
    )
    maintenance = Estimate(mm, loss.standard_error * (1.0 - side.sign * cost))
    initial = Estimate(
        float(initial_margin(mm, excursion.value, side)),
        math.hypot(
            maintenance.standard_error * (1.0 - side.sign * excursion.value),
            excursion.standard_error * (1.0 - side.sign * mm),
        ),
    )
    return PerpetualParameters(side, state, loss, excursion, maintenance, initial)


def _floor(
    study: Study, fit: VolatilityFit, history: PriceHistory, task: TailTask, threads: int
) -> tuple[Parameters, ...]:
    """Parameters at the root mean square return of the whole history."""
    if study.venue.floor == "none":
        return ()
    sigma = float(np.sqrt(np.mean(log_returns(history).array ** 2)))
    start = np.full(study.simulation.paths, sigma)
    moves = _simulate(study, fit, history, task, start, threads)
    state = study.simulation.start_state
    return tuple(_parameters(study, side, state, moves, task) for side in study.sides)


def _no_less_safe(study: Study, chosen: Parameters, floor: tuple[Parameters, ...]) -> Parameters:
    """The requirement at the larger of the chosen state's tail and the floor's."""
    for low in floor:
        if low.side is chosen.side:
            loss = max(chosen.tail_loss, low.tail_loss, key=_value)
            excursion = max(chosen.excursion, low.excursion, key=_value)
            return _from_tail(study, chosen.side, chosen.state, loss, excursion)
    return chosen


def _value(estimate: Estimate) -> float:
    return estimate.value


def _without_suspects(
    study: Study, history: PriceHistory, task: TailTask, threads: int
) -> WithoutSuspects | None:
    """What the recommendation would be if every suspected tick were left out by name."""
    ticks = [f.start for f in history.quality.of(Kind.TICK)]
    if not ticks:
        return None
    bars = history.bars.drop(index=ticks)
    clean = replace(
        history, bars=bars, quality=inspect_quality(bars, history.bar, history.calendar)
    )
    fit = fit_volatility(log_returns(clean), VolatilitySpec.parse(study.model.spec))
    state = study.simulation.start_state
    start = start_sigmas(fit, state, *_draws(study))
    moves = _simulate(study, fit, clean, task, start, threads)
    floor = _floor(study, fit, clean, task, threads)
    return WithoutSuspects(
        rows=tuple(t.isoformat() for t in ticks),
        parameters=tuple(
            _no_less_safe(study, _parameters(study, side, state, moves, task), floor)
            for side in study.sides
        ),
    )


def _seed(study: Study, stream: int) -> int:
    """Independent streams for the simulations of one study."""
    words = np.random.SeedSequence([study.simulation.seed, stream]).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))


def _draws(study: Study) -> tuple[int, int]:
    return study.simulation.paths, _seed(study, 3)


def _silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""
