"""Every state between what runs and what shall: values that belong together move together.

Threshold, loan-to-value and bonus make one margin of safety: with the threshold up before the bonus
is down, a liquidation may take more than a fall leaves, though both ends were sound. So may a cap
on the supply that is raised before the bonus pays for selling it; and a capped oracle's ratio and
the time of its snapshot are one pair. A state on the way that is worse than both ends is bad: the
path goes around it, or is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd

from riskkit.calibration.question import Question
from riskkit.collateral.capped_oracle import unfair_liquidations
from riskkit.collateral.pool import in_a_crash, limit_of
from riskkit.errors import InputError
from riskkit.formats.format import EffectiveMargins, EffectiveThresholds
from riskkit.formats.guardrails import ChangePath, check_state
from riskkit.proof.recheck import Effective, fully_paid, open_at, simulate_at
from riskkit.study import terms
from riskkit.study.cap_change import CapChange

Values = Mapping[str, Decimal]


def kept_when_late(values: Values) -> Decimal | None:
    """What of the collateral a liquidation takes when it comes as late as it may: LT (1 + LB)."""
    threshold, bonus = values.get("liquidation_threshold"), values.get("liquidation_bonus")
    return None if threshold is None or bonus is None else threshold * (1 + bonus)


def check_between(live: Values, target: Values) -> Callable[[Values], None]:
    """What refuses a state that no venue allows, or that covers a smaller fall than both ends.

    A loan clears while what is left of the collateral is LT (1 + LB) of what it was: the fall that
    is covered is 1 less that.

    Examples
    --------
    >>> from decimal import Decimal
    >>> live = {"liquidation_threshold": Decimal("0.80"), "liquidation_bonus": Decimal("0.08")}
    >>> goal = {"liquidation_threshold": Decimal("0.82"), "liquidation_bonus": Decimal("0.04")}
    >>> check_between(live, goal)(live | {"liquidation_bonus": Decimal("0.04")})
    """
    ends = [kept for kept in (kept_when_late(live), kept_when_late(target)) if kept is not None]

    def check(values: Values) -> None:
        check_state(values)
        kept = kept_when_late(values)
        if kept is None or not ends or kept <= max(ends):
            return
        said = f"{values['liquidation_threshold']}, {values['liquidation_bonus']}"
        covered, least = (f"{100 * (1 - part):.2f} %" for part in (kept, max(ends)))
        raise InputError(
            "liquidation_threshold, liquidation_bonus",
            said,
            f"must cover a fall of {least} as one of both ends does; together they cover {covered}",
            "Lower the bonus before the threshold rises",
        )

    return check


@dataclass(frozen=True)
class PathState:
    """The values in force from a step on; step 0 is what runs today."""

    step: int
    date: str
    values: Mapping[str, Decimal]


def states_of(path: ChangePath) -> list[PathState]:
    """What runs today, and what is in force after each step."""
    states = [PathState(0, "live", dict(path.live))]
    for number, step in enumerate(path.steps, start=1):
        states.append(PathState(number, f"{step.date:%Y-%m-%d}", dict(step.values)))
    return states


def simulate_states(question: Question, path: ChangePath) -> pd.DataFrame:
    """Positions opened at every state of a path, simulated on the same paths of prices.

    Returns
    -------
    DataFrame
        ``step, date, side, liquidation`` (within the reaction time), ``default`` (over the horizon)
        with ``low`` and ``high``.

    Raises
    ------
    InputError
        If positions of a state default more often than those of both ends, beyond what the paths
        leave open: it names the step and its values.
    """
    states, rows = states_of(path), []
    for side in question.sides:
        effective = [_row(state.values) for state in states]
        opened = [
            None if fully_paid(row, side) else open_at(question.venue, row, side)
            for row in effective
        ]
        found = simulate_at(question, [position for position in opened if position is not None])
        which = [state for state, at in zip(states, opened, strict=True) if at is not None]
        for state, (reaction, held) in zip(which, found, strict=True):
            default, early = held.default, float(reaction.liquidation.value)
            numbers = (float(default.value), float(default.low), float(default.high))
            rows.append((state.step, state.date, side.value, early, *numbers))
    columns = ["step", "date", "side", "liquidation", "default", "low", "high"]
    table = pd.DataFrame(rows, columns=columns)
    for side_, part in table.groupby("side"):
        ends = part[part["step"].isin([0, len(states) - 1])]
        worse = part[part["low"] > float(ends["high"].max())]
        for _, row in worse.iterrows():
            state = states[int(row["step"])]
            said = ", ".join(f"{name} {value}" for name, value in state.values.items())
            rule = (
                f"must not default more often than both ends; of {side_}s {row['default']:.3%} do, "
                f"of the ends' at most {float(ends['default'].max()):.3%}"
            )
            remedy = "Plan the values one after another, the safer one first"
            raise InputError(f"step {state.step} of the path", said, rule, remedy)
    return table


def mark_states(
    path: ChangePath, change: CapChange, folder: Path, question: Question | None = None
) -> pd.DataFrame:
    """A path of thresholds and a change of a capped oracle, taken together.

    Both take a step on each date, and one is in force before the other: each pair on the way is
    marked at the true rate, with the threshold of that moment.

    Parameters
    ----------
    folder : Path
        In which the change's positions have their name.
    question : Question, optional
        Whose liquidity says what a supply cap's sale costs.

    Returns
    -------
    DataFrame
        ``step, date, threshold, ratio, time, marked_low, unfair`` (healthy loans that the mark
        liquidates), ``supply_cap``.

    Raises
    ------
    InputError
        If a pair marks the token low, or lets more be supplied than its bonus pays for selling
        where both ends do not.
    """
    states, rows = states_of(path), []
    caps = change.caps()
    collateral, debt = change.loans(folder)
    moment = pd.Timestamp(change.moment)
    last, length = len(caps) - 1, max(len(states), len(caps))
    pairs = [(0, 0)]
    for step in range(1, length):
        here, before = min(step, len(states) - 1), min(step - 1, len(states) - 1)
        cap, earlier = min(step, last), min(step - 1, last)
        pairs += [(here, earlier), (before, cap), (here, cap)]
    for at, c in dict.fromkeys(pairs):
        state, cap_state = states[at], caps[c]
        threshold = float(state.values.get("liquidation_threshold", change.liquidation_threshold))
        low, unfair = cap_state.rate.marked_low(change.rate, moment), 0
        if collateral is not None and debt is not None:
            hit = unfair_liquidations(collateral, debt, threshold, change.rate, low)
            unfair = len(hit.accounts)
        strain = _strain(state.values, cap_state.supply, change, question)
        rows.append(
            (max(at, c), state.date, threshold, cap_state.rate.ratio, cap_state.rate.time, low,
             unfair, float("nan") if cap_state.supply is None else cap_state.supply, strain)
        )  # fmt: skip
    columns = ["step", "date", "threshold", "ratio", "time", "marked_low", "unfair", "supply_cap"]
    table = pd.DataFrame(rows, columns=[*columns, "strain"])
    _refuse(table, change.tolerance_fraction)
    return table


def _refuse(table: pd.DataFrame, tolerance: float) -> None:
    for _, row in table[table["marked_low"] > tolerance].iterrows():
        hit = f" and liquidates {row['unfair']} healthy accounts" if row["unfair"] else ""
        rule = f"must not mark the token low; it does by {row['marked_low']:.2%}{hit}"
        said = f"ratio {row['ratio']:.6g}, threshold {row['threshold']:.4g}"
        remedy = "Move the snapshot's time with its ratio, or its ratio alone first"
        raise InputError(f"step {row['step']} of the path", said, rule, remedy)
    ends = float(np.nanmax([table["strain"].iloc[0], table["strain"].iloc[-1], 1.0]))
    for _, row in table[table["strain"] > ends * (1.0 + 1e-12)].iterrows():
        rule = (
            f"must not let more be supplied than the bonus pays for selling in a crash; it does "
            f"{row['strain']:.2f} times as much"
        )
        remedy = "Lower the cap before the bonus, and raise it after"
        said = f"supply cap {row['supply_cap']:,.0f}"
        raise InputError(f"step {row['step']} of the path", said, rule, remedy)


def _strain(
    values: Values, supply: float | None, change: CapChange, question: Question | None
) -> float:
    """A supply cap over the most that the bonus pays for selling; NaN where one is not known."""
    bonus = values.get("liquidation_bonus")
    if supply is None or bonus is None or question is None:
        return float("nan")
    law = terms.slippage(question.study.liquidity)
    left = in_a_crash(law, None, change.crash_depth_fraction)
    most = limit_of("collateral", left, float(bonus), float("inf"), 1.0).by_depth
    return supply / most if most > 0.0 else float("inf")


def _row(values: Values) -> Effective:
    if "maintenance_margin" in values:
        initial, maintenance = values["initial_margin"], values["maintenance_margin"]
        return EffectiveMargins("", Decimal(0), initial, maintenance)
    threshold = values["liquidation_threshold"]
    # Aave V4's one factor is both limits.
    ltv = values.get("max_ltv", threshold)
    return EffectiveThresholds("", ltv, threshold, values.get("liquidation_bonus"))
