"""From a study and its prices to recommended parameters with their evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from riskkit.calibration import buffers
from riskkit.calibration.buffers import Solution, Starts
from riskkit.calibration.evidence import coverage_evidence
from riskkit.calibration.limits import Limits
from riskkit.calibration.loading import loading_history
from riskkit.calibration.outcome import simulate_outcome
from riskkit.calibration.positions import largest_covered_loss
from riskkit.calibration.result import (
    Calibration,
    Infeasible,
    Recommendation,
    WithoutSuspects,
)
from riskkit.calibration.suspects import returns_without, speaking_of, suspects_of
from riskkit.calibration.uncertainty import BootstrapRefits, bootstrap_refits
from riskkit.calibration.waterfall import margin_waterfall
from riskkit.errors import InputError
from riskkit.estimate import Estimate
from riskkit.market.history import PriceHistory
from riskkit.market.quality import Finding
from riskkit.market.returns import Returns, log_returns
from riskkit.paths.run import Run, Stream
from riskkit.paths.start import StartState
from riskkit.position import Side
from riskkit.study.scope import bars_until, check_paths, light_paths
from riskkit.study.study import Periods, Study
from riskkit.tail.along_history import check_length, dynamic_tail
from riskkit.tail.curve import TailTask
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.spec import VolatilitySpec

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class _Setting:
    """What every step of one calibration shares."""

    study: Study
    periods: Periods
    fit: VolatilityFit
    refits: BootstrapRefits
    suspects: tuple[Finding, ...]
    threads: int


def calibrate(
    study: Study,
    history: PriceHistory,
    *,
    threads: int = 1,
    progress: Progress | None = None,
) -> Calibration:
    """Calibrate the parameters a study asks for.

    Maintenance margin (or liquidation threshold) is solved by simulating the mechanism until
    P(default | liquidation) meets its target over the holding horizon; the distance to initial
    margin (or max LTV) by the quantile of the running excursion over the reaction time at the
    target P(liquidation within the reaction time). The recommendation sits at the safe end of the
    90 % band, and never below the floor.

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
        If the history is too short or does not move, or no buffer meets the targets from the
        study's start state.
    """
    history = bars_until(study, history)
    check_paths(study)
    returns = log_returns(history)
    check_length(len(returns), study.model.minimum_bars)
    tell = progress or _silent
    setting = _prepare(study, history, returns, threads, tell)
    states = list(StartState)
    solved: dict[tuple[StartState, Side], Solution | Infeasible] = {}
    for done, state in enumerate(states):
        for side in study.sides:
            solved[state, side] = _solve(setting, side, state)
        tell("buffers", done + 1, len(states))
    by_state = tuple(_row(setting, side, state, b) for (state, side), b in solved.items())
    at_floor = _at_floor(setting, returns)
    floor = () if study.venue.floor == "none" else _floor(setting, at_floor)
    chosen = {side: _chosen(setting, solved, side) for side in study.sides}
    recommended = tuple(_recommend(setting, side, by_state, floor) for side in study.sides)
    loading = loading_history(study, returns, setting.periods, threads)
    dynamic = dynamic_tail(
        history,
        VolatilitySpec.parse(study.model.spec),
        _task(study, setting.periods),
        Run(light_paths(study), study.simulation.seed, threads).stream(Stream.HISTORY),
        minimum_bars=study.model.minimum_bars,
        refit_every=study.model.refit_every_bars,
        shocks=study.model.shocks,
        progress=lambda done, total: tell("history", done, total),
    )
    return Calibration(
        study=study,
        history=history,
        periods=setting.periods,
        fit=setting.fit,
        by_state=by_state,
        floor=floor,
        recommended=recommended,
        frontier=tuple(
            buffers.frontier(study, b, side, b.covered.value) for side, b in chosen.items()
        ),
        loading=loading,
        dynamic=dynamic,
        evidence=tuple(
            coverage_evidence(study, dynamic, side, loading[side]) for side in study.sides
        ),
        forecast=next(iter(chosen.values())).moves,
        refits_failed=setting.refits.failed,
        without_suspects=_without_suspects(setting, history),
    )


def _prepare(
    study: Study, history: PriceHistory, returns: Returns, threads: int, tell: Progress
) -> _Setting:
    tell("fit", 0, 1)
    fit = fit_volatility(returns, VolatilitySpec.parse(study.model.spec))
    tell("fit", 1, 1)
    draws = study.simulation.bootstrap_refits
    seed = Run(1, study.simulation.seed).stream(Stream.BOOTSTRAP).stream_seed
    refits = bootstrap_refits(fit, returns, draws=draws, seed=seed)
    return _Setting(study, study.periods(history.bar), fit, refits, suspects_of(history), threads)


def _task(study: Study, periods: Periods) -> TailTask:
    return TailTask(
        loss_bars=periods.margin_period_of_risk,
        loss_confidence=1.0 - study.targets.default_given_liquidation_probability,
        excursion_bars=periods.reaction_time.bars,
        excursion_confidence=1.0 - study.targets.liquidation_within_reaction_time_probability,
    )


def _solve(setting: _Setting, side: Side, state: StartState) -> Solution | Infeasible:
    """The buffer from one state; only the study's own state may not be infeasible."""
    study = setting.study
    try:
        return _buffer(setting, setting.fit, side, buffers.state_starts(state))
    except InputError as error:
        if state is study.simulation.start_state:
            raise speaking_of(error, setting.suspects) from None
        return Infeasible(side, state, error.rule)


def _buffer(
    setting: _Setting, fit: VolatilityFit, side: Side, starts: Starts, paths: int | None = None
) -> Solution:
    return buffers.solve_buffer(
        setting.study,
        fit,
        side,
        setting.periods,
        starts,
        paths=paths or setting.study.simulation.paths,
        threads=setting.threads,
    )


def _row(
    setting: _Setting, side: Side, state: StartState, buffer: Solution | Infeasible
) -> Limits | Infeasible:
    if isinstance(buffer, Infeasible):
        return buffer
    covered, excursion = _bands(setting, side, buffer, buffers.state_starts(state))
    return buffers.limits(setting.study, side, state, covered, excursion)


def _bands(
    setting: _Setting, side: Side, buffer: Solution, starts: Starts
) -> tuple[Estimate[float], Estimate[float]]:
    """Bands of the two losses: Monte-Carlo error joined with the spread over the refits."""
    covered, excursion = [], []
    paths = light_paths(setting.study)
    for fit in setting.refits.fits:
        try:
            refitted = _buffer(setting, fit, side, starts, paths)
        except InputError:  # no buffer meets the target under this refit: as far out as they go
            covered.append(largest_covered_loss(setting.study, side))
            continue
        covered.append(refitted.covered.value)
        excursion.append(refitted.excursion.value)
    return buffers.band(buffer.covered, covered), buffers.band(buffer.excursion, excursion)


def _at_floor(setting: _Setting, returns: Returns) -> dict[Side, Solution]:
    """Buffers from the root mean square return of the whole history."""
    starts = buffers.history_starts(float(np.sqrt(np.mean(returns.array**2))))
    return {side: _buffer(setting, setting.fit, side, starts) for side in setting.study.sides}


def _floor(setting: _Setting, at_floor: dict[Side, Solution]) -> tuple[Limits, ...]:
    state = setting.study.simulation.start_state
    return tuple(
        buffers.limits(
            setting.study,
            side,
            state,
            buffers.band(buffer.covered, []),
            buffers.band(buffer.excursion, []),
        )
        for side, buffer in at_floor.items()
    )


def _chosen(
    setting: _Setting, solved: dict[tuple[StartState, Side], Solution | Infeasible], side: Side
) -> Solution:
    buffer = solved[setting.study.simulation.start_state, side]
    assert isinstance(buffer, Solution)  # _solve raises for the study's own state
    return buffer


def _recommend(
    setting: _Setting,
    side: Side,
    by_state: tuple[Limits | Infeasible, ...],
    floor: tuple[Limits, ...],
) -> Recommendation:
    study, state = setting.study, setting.study.simulation.start_state
    starts = buffers.state_starts(state)
    point = next(p for p in by_state if p.side is side and p.state is state)
    assert not isinstance(point, Infeasible)  # _solve raises for the study's own state
    low = next((f for f in floor if f.side is side), None)
    safe = buffers.safe_limits(study, point, low)
    final, reach = safe.covered_loss.value, safe.excursion.value
    outcome = simulate_outcome(
        study, setting.fit, side, setting.periods, starts, final, reach, threads=setting.threads
    )
    return Recommendation(
        side=side,
        point=point,
        limits=safe,
        floored=final > point.covered_loss.high,
        waterfall=margin_waterfall(
            study,
            setting.fit,
            side,
            setting.periods,
            starts,
            covered=point.covered_loss.value,
            upper=point.covered_loss.high,
            final=final,
            paths=study.simulation.paths,
            threads=setting.threads,
        ),
        outcome=outcome,
    )


def _without_suspects(setting: _Setting, history: PriceHistory) -> WithoutSuspects | None:
    """Point estimates if every suspected tick and one-way move were left out."""
    if not setting.suspects:
        return None
    study, state = setting.study, setting.study.simulation.start_state
    returns = returns_without(history, setting.suspects)
    rows = []
    try:
        fit = fit_volatility(returns, VolatilitySpec.parse(study.model.spec))
        for side in study.sides:
            buffer = _buffer(setting, fit, side, buffers.state_starts(state))
            covered, excursion = (buffers.band(e, []) for e in (buffer.covered, buffer.excursion))
            rows.append(buffers.limits(study, side, state, covered, excursion))
    except InputError:  # without them nothing can be said: what there is stands
        rows = []
    return WithoutSuspects(tuple(f.start.isoformat() for f in setting.suspects), tuple(rows))


def _silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""
