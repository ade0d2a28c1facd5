"""From a study and its prices to recommended parameters with their evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from riskkit.calibration import buffers
from riskkit.calibration.accounts import Measured, measured_at
from riskkit.calibration.buffers import Solution, solve_sides
from riskkit.calibration.evidence import coverage_evidence
from riskkit.calibration.limits import Limits
from riskkit.calibration.loading import loading_history
from riskkit.calibration.outcome import simulate_outcome
from riskkit.calibration.question import Question, spec_of
from riskkit.calibration.result import (
    Calibration,
    Infeasible,
    Recommendation,
    Unserved,
    WithoutSuspects,
)
from riskkit.calibration.suspects import returns_without, speaking_of, suspects_of
from riskkit.calibration.uncertainty import BootstrapRefits, bootstrap_refits
from riskkit.calibration.waterfall import margin_waterfall
from riskkit.calibration.young import young_market
from riskkit.errors import InputError
from riskkit.market.history import PriceHistory
from riskkit.market.quality import Finding
from riskkit.market.returns import log_returns
from riskkit.paths.run import Stream
from riskkit.paths.start import Start, StartState
from riskkit.position import Side
from riskkit.study.inside import ranges_of
from riskkit.study.scope import bars_until, check_paths
from riskkit.study.study import Study
from riskkit.tail.along_history import DynamicTail, check_length, dynamic_tail
from riskkit.units import count_bars
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.walk import WalkStep

Progress = Callable[[str, int, int], None]
DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class _Setting:
    """What every step of one calibration shares."""

    question: Question
    refits: BootstrapRefits
    suspects: tuple[Finding, ...]


def calibrate(
    study: Study,
    history: PriceHistory,
    *,
    threads: int = 1,
    progress: Progress | None = None,
    peers: Mapping[str, PriceHistory] | None = None,
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
    peers : mapping of str to PriceHistory, optional
        Prices of the study's peers up to the end of its own (`riskkit.study.peers.load_peers`);
        asked for only while its own are fewer than a first fit needs.

    Raises
    ------
    InputError
        If the history is too short or does not move, or no side has a buffer that meets the targets
        from the study's start state. Where only one side has none, the other is calibrated:
        `Calibration.unserved`.

    Examples
    --------
    >>> import riskkit
    >>> quick = {"simulation.paths": 10_000, "simulation.bootstrap_refits": 0}
    >>> case = riskkit.Case.read("studies/eth-collateral-daily.toml")
    >>> answer = riskkit.calibrate(case.study.changed(quick), case.history)
    >>> loan = answer.limits("long")
    >>> loan.opening.value < loan.trigger.value < 1.0  # max LTV, LT
    True
    """
    history = bars_until(study.as_of, history)
    check_paths(study.simulation.paths, study.targets)
    returns = log_returns(history)
    needed = study.pace(history.bar).minimum_bars
    young = young_market(study.peers, history, peers, spec=spec_of(study), needed=needed)
    if young is None:
        check_length(len(returns), needed)
    else:
        young.check(study.periods(history.bar).margin_period_of_risk)
    tell = progress or _silent
    tell("fit", 0, 1)
    fit = fit_volatility(returns, spec_of(study)) if young is None else young.fit()
    tell("fit", 1, 1)
    ranges = ranges_of(study, history, returns)
    question = Question.of(study, fit, history.bar, threads=threads, ranges=ranges)
    if young is None:
        seed = question.run.stream(Stream.BOOTSTRAP).stream_seed
        draws = study.simulation.bootstrap_refits
        refits = bootstrap_refits(fit, returns, draws=draws, seed=seed)
    else:
        refits = young.refits()
    # Too young a market cannot say which of its moves are odd.
    setting = _Setting(question, refits, suspects_of(history) if young is None else ())
    states = list(StartState)
    solved: dict[StartState, dict[Side, Solution | InputError]] = {}
    for done, state in enumerate(states):
        solved[state] = _solve(question.starting(state))
        tell("buffers", done + 1, len(states))
    usual = float(np.mean(returns.array**2)) if young is None else fit.presample_variance
    at_floor = question.changed(start=Start.measured(float(np.sqrt(usual))))
    floored = _solve(at_floor) if question.floored else {}
    today = solved[question.state]
    unserved = _unserved(setting, today, floored)
    chosen = {
        side: s
        for side, s in today.items()
        if isinstance(s, Solution) and side not in {u.side for u in unserved}
    }
    by_state = tuple(row for state, s in solved.items() for row in _rows(setting, state, s))
    floor = tuple(
        buffers.point_limits(question, side, s)
        for side, s in floored.items()
        if isinstance(s, Solution)
    )
    recommended = tuple(
        _recommend(question, side, by_state, floor, s.measured) for side, s in chosen.items()
    )
    walk = None if young is None else list(young.steps(question.refit_every))
    loading = loading_history(question, returns, tuple(chosen), walk and walk[:1])
    dynamic = _dynamic(question, history, tell, walk)
    return Calibration(
        question=question,
        history=history,
        by_state=by_state,
        floor=floor,
        recommended=recommended,
        frontier=tuple(buffers.frontier(question, s, side) for side, s in chosen.items()),
        loading=loading,
        dynamic=dynamic,
        evidence=tuple(
            coverage_evidence(question, dynamic, side, loading[side]) for side in chosen
        ),
        forecast=next(iter(chosen.values())).moves,
        refits_failed=refits.failed,
        without_suspects=_without_suspects(setting, history),
        unserved=unserved,
        without_holes=_without_holes(question),
        for_a_day=_for_a_day(question, at_floor if question.floored else None, recommended),
    )


def _without_holes(question: Question) -> tuple[Limits | Infeasible, ...]:
    """Point estimates if no return across a hole counted."""
    ranges = question.ranges
    if ranges is None or ranges.across is None:
        return ()
    known = replace(ranges, across=None) if ranges.watched else None
    return _points(replace(question, ranges=known).changed(fit=question.fit))


def _points(question: Question) -> tuple[Limits | Infeasible, ...]:
    return tuple(
        Infeasible(side, question.state, solution.rule)
        if isinstance(solution, InputError)
        else buffers.point_limits(question, side, solution)
        for side, solution in _solve(question).items()
    )


def _for_a_day(
    question: Question, at_floor: Question | None, recommended: tuple[Recommendation, ...]
) -> tuple[Limits, ...]:
    """The recommendation with a day to react, where its owner is given less."""
    day = count_bars(DAY, question.periods.bar)
    if day.bars <= question.periods.reaction_time.bars:
        return ()
    asked = [question] if at_floor is None else [question, at_floor]
    run = question.run.stream(Stream.REACTION_TIME)
    moves = [q.simulator.forecast(q.world, run, bars=day.bars) for q in asked]
    confidence = 1.0 - question.liquidation_target
    found = []
    for r in recommended:
        least = r.limits.excursion.value  # no less room than for a shorter time
        worst = max(m.excursion_at_risk(confidence, r.side).value for m in moves)
        excursion = replace(r.limits.excursion, value=max(worst, least))
        found.append(buffers.limits(question, r.side, r.limits.covered_loss, excursion))
    return tuple(found)


def _dynamic(
    question: Question, history: PriceHistory, tell: Progress, walk: list[WalkStep] | None
) -> DynamicTail:
    """The tail along history, out of sample."""
    return dynamic_tail(
        history,
        question.spec if walk is None else walk,
        question.task,
        question.lightly.run.stream(Stream.HISTORY),
        minimum_bars=question.minimum_bars if walk is None else 1,
        refit_every=question.refit_every,
        shocks=question.shocks,
        ranges=question.ranges,
        progress=lambda done, total: tell("history", done, total),
    )


def _solve(question: Question) -> dict[Side, Solution | InputError]:
    """Each side's buffer from the question's start, or why there is none."""
    return solve_sides(question, question.sides)


def _unserved(
    setting: _Setting,
    today: dict[Side, Solution | InputError],
    floored: dict[Side, Solution | InputError],
) -> tuple[Unserved, ...]:
    """Sides without a margin; if that is every side there is nothing to answer."""
    found: dict[Side, InputError] = {}
    for side, solution in today.items():
        at_floor = floored.get(side)
        if isinstance(solution, InputError):
            found[side] = speaking_of(solution, setting.suspects)
        elif isinstance(at_floor, InputError):
            rule = f"at the volatility of the whole history, which is the floor, {at_floor.rule}"
            error = InputError(at_floor.argument, at_floor.value, rule, at_floor.remedy)
            found[side] = speaking_of(error, setting.suspects)
    if len(found) == len(today):
        raise next(iter(found.values())) from None
    return tuple(Unserved.of(side, error) for side, error in found.items())


def _rows(
    setting: _Setting, state: StartState, solved: dict[Side, Solution | InputError]
) -> list[Limits | Infeasible]:
    """Limits from one state; Monte-Carlo error joins the spread over the refits in their bands."""
    feasible = {side: s for side, s in solved.items() if isinstance(s, Solution)}
    spread = _refitted(setting, state, feasible)
    rows: list[Limits | Infeasible] = []
    for side, solution in solved.items():
        if isinstance(solution, InputError):
            rows.append(Infeasible(side, state, solution.rule))
            continue
        covered = buffers.band(solution.covered, spread[side].covered)
        excursion = buffers.band(solution.excursion, spread[side].excursion)
        rows.append(buffers.limits(setting.question, side, covered, excursion, state))
    return rows


class _Refitted(NamedTuple):
    """The two losses under each refit."""

    covered: list[float]
    excursion: list[float]


def _refitted(
    setting: _Setting, state: StartState, solved: dict[Side, Solution]
) -> dict[Side, _Refitted]:
    """The two losses of some sides under every refit.

    Each meets P(default | liquidation); where the accounts asked for more, by the same factor more.
    """
    found = {side: _Refitted([], []) for side in solved}
    light = setting.question.lightly
    light = light.changed(targets=light.targets.unmeasured)
    for fit in setting.refits.fits if solved else ():
        here = light.changed(fit=fit).starting(state)
        for side, refitted in solve_sides(here, solved).items():
            losses = found[side]
            if isinstance(refitted, InputError):
                # No buffer meets the target under this refit: as far as they go.
                losses.covered.append(light.venue.largest_covered_loss(side))
                continue
            losses.covered.append(refitted.covered.value * solved[side].raised)
            losses.excursion.append(refitted.excursion.value)
    return found


def _recommend(
    question: Question,
    side: Side,
    by_state: tuple[Limits | Infeasible, ...],
    floor: tuple[Limits, ...],
    measured: Measured | None,
) -> Recommendation:
    point = next(p for p in by_state if p.side is side and p.state is question.state)
    assert not isinstance(point, Infeasible)  # an unserved side is never asked for
    low = next((f for f in floor if f.side is side), None)
    safe = buffers.safe_limits(question, point, low)
    final = safe.covered_loss.value
    return Recommendation(
        side=side,
        point=point,
        limits=safe,
        floored=final > point.covered_loss.high,
        waterfall=margin_waterfall(
            question,
            side,
            covered=point.covered_loss.value,
            upper=point.covered_loss.high,
            final=final,
        ),
        outcome=simulate_outcome(question, side, final, safe.excursion.value),
        measured=measured and measured_at(question, side, final, measured),
    )


def _without_suspects(setting: _Setting, history: PriceHistory) -> WithoutSuspects | None:
    """Point estimates if every suspected tick and one-way move were left out."""
    if not setting.suspects:
        return None
    question = setting.question
    returns = returns_without(history, setting.suspects)
    rows: list[Limits | Infeasible] = []
    try:
        question = question.changed(fit=fit_volatility(returns, question.spec))
        solved = _solve(question)
    except InputError as error:  # without them there is no model
        solved = dict.fromkeys(question.sides, error)
    for side, solution in solved.items():
        if isinstance(solution, InputError):
            rows.append(Infeasible(side, question.state, solution.rule))
        else:
            rows.append(buffers.point_limits(question, side, solution))
    return WithoutSuspects(tuple(f.start.isoformat() for f in setting.suspects), tuple(rows))


def _silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""
