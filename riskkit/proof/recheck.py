"""The targets, simulated again on the values that a venue will really run.

A venue rounds, and ties numbers together (Hyperliquid's maintenance margin is half of the initial
one), so what was calibrated is not what will run. The parameter file does not hold the shocks of
its model: they are refitted from the study and its prices, after checking that both are those
behind the file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import pandas as pd

from riskkit.calibration.outcome import simulate_positions
from riskkit.calibration.question import Question, spec_of
from riskkit.calibration.venue import BarrierVenue
from riskkit.errors import InputError
from riskkit.estimate import Array, Estimate
from riskkit.formats.calibrated import SlippageLadder
from riskkit.formats.format import EffectiveMargins, EffectiveThresholds
from riskkit.market.returns import log_returns
from riskkit.parameters.build import counted_section, data_section
from riskkit.parameters.file import ParameterFile
from riskkit.position import Side
from riskkit.simulation.result import DefaultEstimates
from riskkit.study.case import Case
from riskkit.study.inside import inside_words, ranges_of
from riskkit.venue.mechanism import Loan, Perpetual, Position
from riskkit.volatility.fit import fit_volatility

Effective = EffectiveMargins | EffectiveThresholds
# A position opened at a limit that is also its trigger (Aave V4) opens one hundredth of a percent
# inside it: on the trigger itself nothing is left to simulate.
JUST_INSIDE = 1e-4
SAME_MODEL = 1e-4


@dataclass(frozen=True)
class EffectiveOutcome:
    """One side of one row of effective values, simulated.

    Attributes
    ----------
    position : Position
        As opened at the venue's limits.
    reaction : DefaultEstimates
        Over the reaction time.
    held : DefaultEstimates
        Over the holding horizon, with losses.
    """

    side: Side
    row: Effective
    position: Position
    reaction: DefaultEstimates
    held: DefaultEstimates


def find_origin(file: ParameterFile, case: Case) -> Question:
    """The question behind a parameter file, its model refitted from its study and prices.

    Parameters
    ----------
    case : Case
        Its seed may differ: the file's counts.

    Raises
    ------
    InputError
        If the study or the prices are not those behind the file: the first difference is named.
    """
    history = case.history
    study = case.study.changed({"simulation.seed": file.study.simulation.seed})
    if file.data.closed_by_utc is not None:  # the file of prices may have grown since
        history = history.between(None, pd.Timestamp(file.data.closed_by_utc) - history.bar)
    periods = study.periods(history.bar)
    # Which prices they are is settled by their digest, below, and not by where they lie.
    unknown = {*file.header.lacks, "study.data.prices", "study.unconfirmed"}
    there, here = (
        {e.key: e.value for e in s.entries() if f"study.{e.key}" not in unknown}
        for s in (file.study, study)
    )
    _same("study", there, here)
    ranges = ranges_of(study, history)
    failed = file.counted.bootstrap_refits_failed
    counted = counted_section(periods, failed, inside_words(ranges))
    said = {name: value for name, value in file.counted.model_dump().items() if value != ""}
    _same("counted", said, counted.model_dump())
    found = file.data.model_dump(exclude={"source"})
    prices = data_section(study.data, history).model_dump(exclude={"source"})
    # A file from before a kind of finding was known counts none of it.
    known = found["quality_findings"]
    prices["quality_findings"] = {
        kind: n for kind, n in prices["quality_findings"].items() if kind in known
    }
    _same("data", found, prices)
    fit = fit_volatility(log_returns(history), spec_of(study))
    _same("model", {"spec_fitted": file.model.spec_fitted}, {"spec_fitted": fit.spec.name})
    sigma = file.model.sigma_next_bar_fraction
    if not math.isclose(fit.next_sigma, sigma, rel_tol=SAME_MODEL):
        _same(
            "model", {"sigma_next_bar_fraction": sigma}, {"sigma_next_bar_fraction": fit.next_sigma}
        )
    return Question.of(study, fit, history.bar, ranges=ranges)


def _same(section: str, there: dict[str, object], here: dict[str, object]) -> None:
    for name, value in there.items():
        if name not in here or here[name] != value:
            raise InputError(
                "study",
                f"{section}.{name} = {here.get(name, 'absent')}",
                f"must be the study behind the parameter file, which has {value}",
                "Give that study with its prices, or calibrate again",
            )


def simulate_effective(
    question: Question,
    rows: Sequence[Effective],
    *,
    ladder: SlippageLadder | None = None,
) -> tuple[EffectiveOutcome, ...]:
    """Both probabilities of positions opened at a venue's effective values, per row and side.

    The start state, seed and paths are those of the file; a row of a margin tier is closed out at
    the ladder's cost of a position of its size. A long that is fully paid is left out.
    """
    return tuple(
        _simulate(question, row, side, ladder)
        for row in rows
        for side in question.sides
        if not fully_paid(row, side)
    )


def fully_paid(row: Effective, side: Side) -> bool:
    """Whether it is a long without leverage, which no price above zero liquidates."""
    return isinstance(row, EffectiveMargins) and side is Side.LONG and row.initial_margin >= 1


def missed(outcomes: Sequence[EffectiveOutcome], file: ParameterFile) -> tuple[str, ...]:
    """Rows and sides that are less safe than the file, in words and numbers.

    They miss P(default | liquidation), and default more often than the file's evidence says of the
    recommendation. A venue that asks for more initial margin liquidates more rarely, and then in
    worse times: the conditional probability rises although fewer positions default.
    """
    target, known = file.study.targets.default_given_liquidation_probability, _default_known(file)
    return tuple(
        f"{_where(o)}: P(default | liquidation) = {_given(o.held)}, "
        f"P(default) = {_interval(o.held.default)} (at the recommendation at most "
        f"{known[o.side]:.3%})"
        for o in outcomes
        if float(o.held.default_given_liquidation.value) > target
        and float(o.held.default.value) > known[o.side]
    )


def rarer(outcomes: Sequence[EffectiveOutcome], file: ParameterFile) -> tuple[str, ...]:
    """Rows and sides that miss the target only by liquidating rarely; see `missed`."""
    target, known = file.study.targets.default_given_liquidation_probability, _default_known(file)
    return tuple(
        f"{_where(o)}: P(default | liquidation) = {_given(o.held)}, "
        f"but P(default) = {_interval(o.held.default)}"
        for o in outcomes
        if not o.held.never_liquidated
        and float(o.held.default_given_liquidation.value) > target
        and float(o.held.default.value) <= known[o.side]
    )


def never_liquidated(outcomes: Sequence[EffectiveOutcome]) -> tuple[str, ...]:
    """Rows and sides of which no simulated path was liquidated, so that no default could be."""
    return tuple(
        f"{_where(o)}: no path was liquidated, so that P(default | liquidation) is not known; "
        f"P(liquidation) is below {float(o.held.liquidation.high):.2g}"
        for o in outcomes
        if o.held.never_liquidated
    )


def _default_known(file: ParameterFile) -> dict[Side, float]:
    """P(default) of a position at the recommendation: the upper end of its interval."""
    return {Side(s.side): s.default.high_probability for s in file.evidence.simulated}


def liquidated_early(outcomes: Sequence[EffectiveOutcome], question: Question) -> tuple[str, ...]:
    """Rows and sides that miss P(liquidation within the reaction time), in words and numbers.

    It is the trader's risk and not the venue's, and some venues open positions at their trigger.
    """
    target = question.liquidation_target
    return tuple(
        f"{_where(o)}: P(liquidation within the reaction time) = "
        f"{_interval(o.reaction.liquidation)}, target {target:.3%}"
        for o in outcomes
        if float(o.reaction.liquidation.value) > target
    )


def _where(o: EffectiveOutcome) -> str:
    size = getattr(o.row, "notional", 0)
    return f"{o.side.value} of {o.row.market}" + (f" from {size}" if size else "")


def _given(held: DefaultEstimates) -> str:
    if held.never_liquidated:
        return "not known (no path was liquidated)"
    return _interval(held.default_given_liquidation)


def _interval(e: Estimate[Array]) -> str:
    return f"{float(e.value):.3%} [{float(e.low):.3%}, {float(e.high):.3%}]"


def open_at(venue: BarrierVenue, row: Effective, side: Side) -> Position:
    """The position that opens at a venue's effective limits."""
    if isinstance(row, EffectiveMargins):
        mm = float(row.maintenance_margin)
        im = max(float(row.initial_margin), mm * (1.0 + JUST_INSIDE))
        return Perpetual(side, im, mm, penalty=venue.fee)
    lt = float(stated(row, "liquidation_threshold"))
    ltv = min(float(stated(row, "max_ltv")), lt * (1.0 - JUST_INSIDE))
    return Loan(ltv, lt, float(stated(row, "liquidation_bonus")))


def stated(row: Effective, name: str) -> Decimal:
    """A value of a row, which must say it.

    Raises
    ------
    InputError
        If the file keeps today's value without naming it.
    """
    value: Decimal | None = getattr(row, name)
    if value is None:
        rule = "must be in the file: it keeps today's value, which it does not say"
        raise InputError(f"{row.market}.{name}", "nothing", rule, "Write today's value into it")
    return value


def simulate_at(
    question: Question, positions: Sequence[Position]
) -> tuple[tuple[DefaultEstimates, DefaultEstimates], ...]:
    """Each position over the reaction time and over the holding horizon, on the same paths.

    Rare defaults are estimated from tilted paths, cell by cell; see `riskkit.simulation.default`.

    Parameters
    ----------
    positions : sequence of Position
        All of one side.
    """
    bars = question.periods.reaction_time.bars
    reaction = simulate_positions(question, positions, bars=bars)
    held = simulate_positions(question, positions)
    return tuple((reaction[i], held[i]) for i in range(len(positions)))


def _simulate(
    question: Question, row: Effective, side: Side, ladder: SlippageLadder | None
) -> EffectiveOutcome:
    position = open_at(question.venue, row, side)
    ((reaction, held),) = simulate_at(at_cost(question, row, ladder), [position])
    return EffectiveOutcome(side, row, position, reaction, held)


def at_cost(question: Question, row: Effective, ladder: SlippageLadder | None) -> Question:
    """The question at the slippage of a row's size by a ladder, never less than the study's."""
    if ladder is None or not isinstance(row, EffectiveMargins):
        return question
    rungs = zip(ladder.notional, ladder.slippage, strict=True)
    assumed = question.venue.slippage
    cost = max([assumed, *(cost for size, cost in rungs if size <= row.notional)])
    return question.changed(venue=replace(question.venue, slippage=cost))
