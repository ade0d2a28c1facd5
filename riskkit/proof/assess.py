"""The parameters that run today, put through the evidence of a recommendation, beside it.

Both are simulated on the same paths, and both are held to the same out-of-sample periods: the live
margin as a constant, the recommendation as it would have been published then, from the bars before.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.calibration.evidence import published
from riskkit.calibration.positions import LARGEST_BUFFER, late_trigger, open_position
from riskkit.calibration.result import Calibration, Recommendation
from riskkit.errors import InputError
from riskkit.estimate import Estimate
from riskkit.formats.calibrated import SlippageLadder
from riskkit.formats.format import EffectiveMargins
from riskkit.position import Side
from riskkit.proof.assessment import (
    AssessedSide,
    Assessment,
    Coverage,
    Judgement,
    Tested,
)
from riskkit.proof.recheck import (
    Effective,
    Origin,
    close_out_cost,
    fully_paid,
    open_at,
    simulate_positions,
    stated,
)
from riskkit.study.study import Study
from riskkit.validation.coverage import conditional_coverage, proportion_of_failures, traffic_light
from riskkit.validation.crashes import CrashMarket, crash_ledger
from riskkit.venue.margin import maintenance_margin
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

    A long that is fully paid has nothing to liquidate, and is left out.

    Raises
    ------
    InputError
        If a row is of the other kind than the study, does not say a number, or is so thin that the
        assumed oracle would show its trigger only after the default.
    """
    check_rows(calibration.study, rows, ladder)
    found = tuple(
        _side(calibration, row, r, crashes, close_out_cost(calibration.study, row, ladder), threads)
        for row in rows
        for r in calibration.recommended
        if not fully_paid(row, r.side)
    )
    return Assessment(calibration, crashes, found)


_THRESHOLDS = ("max_ltv", "liquidation_threshold", "liquidation_bonus")


def check_rows(
    study: Study, rows: Sequence[Effective], ladder: SlippageLadder | None = None
) -> None:
    """Refuse rows of the other kind than the study's, of two markets, or without a number.

    And a ladder where there are no tiers by size to which its costs could belong.

    Raises
    ------
    InputError
    """
    margins = [isinstance(row, EffectiveMargins) for row in rows]
    if not rows or any(m is (study.venue.kind == "loan") for m in margins):
        kind = "margins" if any(margins) else "thresholds"
        rule = f"must be a perpetual's for margins, and a loan's for thresholds; got {kind}"
        remedy = "Choose the venue's own kind of study, or the other venue"
        raise InputError("venue.kind", study.venue.kind, rule, remedy)
    if all(fully_paid(row, side) for row in rows for side in study.sides):
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
    c: Calibration,
    row: Effective,
    r: Recommendation,
    crashes: CrashMarket,
    cost: float,
    threads: int,
) -> AssessedSide:
    study = _costing(c.study, cost)
    mine = open_at(study, row, r.side)
    _check_seen(study, row, r.side, mine)
    theirs = open_position(study, r.side, r.limits.covered_loss.value, r.limits.excursion.value)
    origin = Origin(c.study, c.fit, c.periods)
    on_live, on_theirs = simulate_positions(origin, [mine, theirs], slippage=cost, threads=threads)
    rows = published(study, c.dynamic, r.side, c.loading[r.side])
    judged = rows[rows["not_evaluated"] == ""].reset_index(drop=True)
    needed = _needed(study, r.side, mine, judged)
    live = Tested(
        _stated(row, mine),
        *on_live,
        _coverage(c, judged, needed, np.full(len(judged), _margin(mine)), crashes),
    )
    margin = judged["liquidation_threshold" if _is_loan(mine) else "maintenance_margin"]
    as_published = 1.0 - margin if _is_loan(mine) else margin
    recommended = Tested(
        _values(theirs),
        *on_theirs,
        _coverage(
            c, judged, _needed(study, r.side, theirs, judged), as_published.to_numpy(), crashes
        ),
    )
    targets = study.targets
    return AssessedSide(
        market=row.market,
        notional=float(getattr(row, "notional", 0)),
        side=r.side,
        live=live,
        recommended=recommended,
        defaults=_judge_defaults(live, recommended, targets.default_given_liquidation_probability),
        early=judge(
            live.reaction.liquidation, targets.liquidation_within_reaction_time_probability
        ),
        band=r.limits.trigger,
        floored=r.floored,
        at_live_bonus=_at_bonus(theirs, mine),
    )


def _costing(study: Study, slippage: float) -> Study:
    return study.changed({"liquidity": {"kind": "flat", "rate_fraction": slippage}})


def _is_loan(position: Position) -> bool:
    return isinstance(position, Loan)


def _margin(position: Position) -> float:
    """MM, or 1 - LT."""
    if isinstance(position, Loan):
        return 1.0 - position.liquidation_threshold
    return position.maintenance_margin


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


def _check_seen(study: Study, row: Effective, side: Side, position: Position) -> None:
    """Refuse a margin that is gone before the assumed oracle shows its trigger."""
    deviation = study.mechanism.oracle_deviation_fraction
    try:
        late_trigger(position, deviation)
    except InputError:
        rule = (
            f"is gone before an oracle that publishes on a deviation of {deviation:.3%} shows its "
            "trigger"
        )
        remedy = "Give a study with the venue's own mechanism.oracle_deviation_fraction"
        where = f"{row.market}, {side.value}: live margin"
        raise InputError(where, f"{_margin(position):.4%}", rule, remedy) from None


def _needed(study: Study, side: Side, position: Position, judged: pd.DataFrame) -> Array:
    """Margin that each realised loss called for: costs, or the bonus, included."""
    loss = judged["realised_loss"].to_numpy(dtype=np.float64)
    if isinstance(position, Loan):
        return 1.0 - (1.0 - loss) / (1.0 + position.bonus)
    m = study.mechanism
    return maintenance_margin(loss, side, slippage=m.slippage_fraction, fee=m.fee_fraction)


def _coverage(
    c: Calibration, judged: pd.DataFrame, needed: Array, margin: Array, crashes: CrashMarket
) -> Coverage:
    shortfall = np.maximum(needed - margin, 0.0)
    breach = shortfall > 0.0
    apart = breach[:: c.dynamic.task.loss_bars]
    target = c.study.targets.default_given_liquidation_probability
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
