"""The parameters that run today, put through the evidence of a recommendation, beside it.

Both are simulated on the same paths, and both are held to the same out-of-sample periods: the live
margin as a constant, the recommendation as it would have been published then, from the bars before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.calibration.evidence import LOAN_COLUMNS, PERPETUAL_COLUMNS, published
from riskkit.calibration.question import Question
from riskkit.calibration.result import Calibration, Recommendation
from riskkit.calibration.venue import LARGEST_BUFFER, BarrierVenue, limits_of
from riskkit.errors import InputError
from riskkit.estimate import Estimate
from riskkit.formats.calibrated import SlippageLadder
from riskkit.formats.format import EffectiveMargins
from riskkit.position import Instrument, Side
from riskkit.proof.assessment import (
    AssessedSide,
    Assessment,
    Coverage,
    Judgement,
    Tested,
)
from riskkit.proof.recheck import Effective, at_cost, fully_paid, open_at, simulate_at, stated
from riskkit.validation.coverage import conditional_coverage, proportion_of_failures, traffic_light
from riskkit.validation.crashes import AT_EXTREME, CrashMarket, crash_ledger
from riskkit.venue.mechanism import Loan, Position

Array = npt.NDArray[np.float64]


def assess(
    calibration: Calibration,
    rows: Sequence[Effective],
    *,
    crashes: CrashMarket,
    ladder: SlippageLadder | None = None,
    threads: int = 1,
) -> Assessment:
    """Put the rows of one live market through the evidence of a calibration.

    Parameters
    ----------
    rows : sequence of EffectiveMargins or EffectiveThresholds
        What the venue's ``effective`` says of the market; see `riskkit.proof.context`.
    crashes : CrashMarket
        Whose named crashes to replay.
    ladder : SlippageLadder, optional
        What closing out a row's size costs, where the venue has tiers.

    A long that is fully paid has nothing to liquidate, and is left out; so is a side that no margin
    serves, which the calibration names.

    Raises
    ------
    InputError
        If a row is of the other kind than the study, does not say a number, or is so thin that the
        assumed oracle would show its trigger only after the default; or if no margin serves any of
        the sides that the rows can liquidate.
    """
    question = calibration.question
    check_rows(question.venue.instrument, question.sides, rows, ladder)
    question = question.changed(run=replace(question.run, threads=threads))
    found = tuple(
        _side(calibration, row, r, crashes, at_cost(question, row, ladder))
        for row in rows
        for r in calibration.recommended
        if not fully_paid(row, r.side)
    )
    if not found:
        (unserved, *_) = calibration.unserved
        raise InputError(
            f"{rows[0].market}, {unserved.side.value}",
            "the one side that can be liquidated",
            f"must have a recommendation to stand beside: {unserved.reason}",
            unserved.remedy,
        )
    return Assessment(calibration, crashes, found)


_THRESHOLDS = ("max_ltv", "liquidation_threshold", "liquidation_bonus")


def check_rows(
    instrument: Instrument,
    sides: tuple[Side, ...],
    rows: Sequence[Effective],
    ladder: SlippageLadder | None = None,
) -> None:
    """Refuse rows of the other kind than the study's, of two markets, or without a number.

    And a ladder where there are no tiers by size to which its costs could belong.

    Raises
    ------
    InputError
    """
    margins = [isinstance(row, EffectiveMargins) for row in rows]
    if not rows or any(m is (instrument is Instrument.LOAN) for m in margins):
        kind = "margins" if any(margins) else "thresholds"
        rule = f"must be a perpetual's for margins, and a loan's for thresholds; got {kind}"
        remedy = "Choose the venue's own kind of study, or the other venue"
        raise InputError("venue.kind", instrument.value, rule, remedy)
    if all(fully_paid(row, side) for row in rows for side in sides):
        rule = "must allow leverage: a long that is fully paid has nothing to liquidate"
        raise InputError(f"{rows[0].market}, long: live IM", 1, rule, "Assess the short side too")
    sizes = [(row.market, getattr(row, "notional", 0)) for row in rows]
    if len(set(sizes)) < len(sizes):
        rule = "must name one market of the live file"
        raise InputError("market", rows[0].market, rule, "Cut out the other of the same name")
    if ladder is not None and not any(notional for _, notional in sizes):
        rule = "is for a live market with margin tiers by position size; this one has none"
        remedy = "Leave it out, and set liquidity in a study"
        raise InputError("ladder", f"{len(ladder.notional)} rungs", rule, remedy)
    for row in rows:
        for name in () if isinstance(row, EffectiveMargins) else _THRESHOLDS:
            if stated(row, name) == 0 and name != "liquidation_bonus":
                rule = "must be above 0: nothing is lent on this collateral today"
                raise InputError(f"{row.market}.{name}", 0, rule, "Choose a market that is open")


def _side(
    c: Calibration, row: Effective, r: Recommendation, crashes: CrashMarket, question: Question
) -> AssessedSide:
    venue = question.venue
    mine = open_at(venue, row, r.side)
    _check_seen(venue, row, r.side, mine)
    theirs = venue.open_position(r.side, r.limits.covered_loss.value, r.limits.excursion.value)
    on_live, on_theirs = simulate_at(question, [mine, theirs])
    rows = published(question, c.dynamic, r.side, c.loading[r.side])
    judged = rows[rows["not_evaluated"] == ""].reset_index(drop=True)
    asked = _needed(venue, r.side, mine, judged)
    live = Tested(
        _stated(row, mine),
        *on_live,
        _coverage(c, judged, asked, np.full(len(judged), _margin(mine)), crashes),
    )
    trigger = judged[(LOAN_COLUMNS if venue.is_loan else PERPETUAL_COLUMNS)[0]]
    recommended = Tested(
        _values(theirs),
        *on_theirs,
        _coverage(
            c,
            judged,
            _needed(venue, r.side, theirs, judged),
            venue.requirement(trigger),
            crashes,
        ),
    )
    return AssessedSide(
        market=row.market,
        notional=float(getattr(row, "notional", 0)),
        side=r.side,
        live=live,
        recommended=recommended,
        defaults=_judge_defaults(live, recommended, question.default_target),
        early=judge(live.reaction.liquidation, question.liquidation_target),
        band=r.limits.trigger,
        floored=r.floored,
        at_live_bonus=_at_bonus(theirs, mine),
    )


def _margin(position: Position) -> float:
    """MM, or 1 - LT."""
    trigger, _ = limits_of(position)
    return 1.0 - trigger if isinstance(position, Loan) else trigger


def _values(position: Position) -> tuple[tuple[str, float], ...]:
    if isinstance(position, Loan):
        return (
            ("liquidation_threshold", position.liquidation_threshold),
            ("max_loan_to_value", position.loan_to_value),
            ("liquidation_bonus", position.bonus),
        )
    return (
        ("maintenance_margin", position.maintenance_margin),
        ("initial_margin", position.initial_margin),
    )


def _stated(row: Effective, position: Position) -> tuple[tuple[str, float], ...]:
    """The numbers of the file itself: a position at its trigger was opened just inside it."""
    stated = {"max_loan_to_value": "max_ltv"}
    return tuple(
        (name, float(getattr(row, stated.get(name, name)))) for name, _ in _values(position)
    )


def _check_seen(venue: BarrierVenue, row: Effective, side: Side, position: Position) -> None:
    """Refuse a margin that is gone before the assumed oracle shows its trigger."""
    try:
        venue.late(position)
    except InputError as error:
        rule = (
            f"is gone before an oracle that publishes on a deviation of {venue.deviation:.3%} "
            "shows its trigger"
        )
        remedy = f"Give a study with the venue's own {error.argument}"
        where = f"{row.market}, {side.value}: live margin"
        raise InputError(where, f"{_margin(position):.4%}", rule, remedy) from None


def _needed(
    venue: BarrierVenue, side: Side, position: Position, judged: pd.DataFrame
) -> pd.DataFrame:
    """Margin that each realised loss called for, costs or the position's bonus included.

    Column ``needed``, and where extremes are watched that of a close-out there.
    """
    if isinstance(position, Loan):
        venue = replace(venue, bonus=position.bonus)
    of = {"needed": "realised_loss", AT_EXTREME: "loss_at_extreme"}
    return pd.DataFrame(
        {
            name: venue.requirement(venue.needed(judged[loss], side))
            for name, loss in of.items()
            if loss in judged
        }
    )


def _coverage(
    c: Calibration, judged: pd.DataFrame, asked: pd.DataFrame, margin: Array, crashes: CrashMarket
) -> Coverage:
    needed = asked["needed"].to_numpy()
    shortfall = np.maximum(needed - margin, 0.0)
    breach = shortfall > 0.0
    apart = breach[:: c.dynamic.task.loss_bars]
    target = c.question.default_target
    table = pd.DataFrame(
        {
            "side": judged["side"],
            "start": judged["origin"],
            "target": judged["target"],
            "loss": judged["realised_loss"],
            "needed": needed,
            "margin": margin,
        }
    )
    if AT_EXTREME in asked:
        table[AT_EXTREME] = asked[AT_EXTREME].to_numpy()
    return Coverage(
        periods=len(judged),
        breaches=int(breach.sum()),
        worst_shortfall=float(shortfall.max()),
        mean_margin=float(margin.mean()),
        tests=(
            proportion_of_failures(apart, target),
            conditional_coverage(apart, target),
            traffic_light(apart, target),
        ),
        ledger=crash_ledger(table, crashes),
    )


def judge(e: Estimate[Array], target: float) -> Judgement:
    """What a probability, with its interval, says of a target that it must not exceed."""
    if float(e.low) > target:
        return Judgement.MISSES
    return Judgement.MEETS if float(e.high) <= target else Judgement.CLOSE


def _judge_defaults(live: Tested, recommended: Tested, target: float) -> Judgement:
    found = judge(live.held.default_given_liquidation, target)
    fewer = float(live.held.default.value) <= float(recommended.held.default.value)
    return Judgement.RARER if found is Judgement.MISSES and fewer else found


def _at_bonus(recommended: Position, live: Position) -> float | None:
    """The threshold that covers the same loss at the live bonus: LT (1 + LB) stays."""
    if not (isinstance(recommended, Loan) and isinstance(live, Loan)):
        return None
    at = recommended.liquidation_threshold * (1.0 + recommended.bonus) / (1.0 + live.bonus)
    return min(at, LARGEST_BUFFER)
