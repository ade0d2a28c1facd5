"""From the values that run today to the recommended ones, in steps that the venue allows.

A venue limits how far, how often and to what a parameter may move. The path is greedy: at every
date, as many parameters as may move go as far as they may, and every state on the way is legal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations

import pandas as pd

from riskkit.errors import InputError
from riskkit.units import Rounding, Scale, as_decimal, duration, from_scale, to_scale_exactly

MAX_STEPS = 10_000
EARLIEST, LATEST = pd.Timestamp("1970-01-01"), pd.Timestamp("2200-01-01")
Values = Mapping[str, Decimal]


@dataclass(frozen=True)
class Limit:
    """How far and how often one parameter may move.

    Attributes
    ----------
    max_absolute : Decimal or None
        Largest change in one step, as a fraction (0.005 is 50 basis points).
    max_relative : Decimal or None
        Largest change in one step, as a fraction of the value before it. With both, both hold.
    min_delay : Timedelta
        Least time between two steps of the parameter.
    zero_allowed : bool
    """

    max_absolute: Decimal | None
    max_relative: Decimal | None
    min_delay: pd.Timedelta
    zero_allowed: bool = False


@dataclass(frozen=True)
class Guardrail:
    """A venue's limits by parameter, and the resolution in which it stores values."""

    name: str
    limits: tuple[tuple[str, Limit], ...]
    scale: Scale

    def limit(self, parameter: str) -> Limit:
        """The limit of one parameter; a parameter without one may not move, and is refused."""
        for name, limit in self.limits:
            if name == parameter:
                return limit
        known = ", ".join(name for name, _ in self.limits)
        rule = f"must be limited by {self.name}: {known}"
        raise InputError("parameter", parameter, rule, "Add a limit for it, or leave it as it is")


_STEWARD = Limit(Decimal("0.005"), None, pd.Timedelta(days=3))

AAVE_STEWARDS = Guardrail(
    "Aave risk stewards",
    tuple((name, _STEWARD) for name in ("max_ltv", "liquidation_threshold", "liquidation_bonus")),
    Scale.BPS,
)
"""LTV, threshold and bonus move at most 50 basis points (absolute) in 3 days, and never to zero."""


@dataclass(frozen=True)
class Step:
    """The values in force from a date on; ``moved`` names those that changed."""

    date: pd.Timestamp
    values: tuple[tuple[str, Decimal], ...]
    moved: tuple[str, ...]

    def value(self, parameter: str) -> Decimal:
        """The value of one parameter."""
        return dict(self.values)[parameter]


@dataclass(frozen=True)
class ChangePath:
    """Legal steps from the live values to the target, which the last one reaches."""

    guardrail: str
    live: tuple[tuple[str, Decimal], ...]
    steps: tuple[Step, ...]

    @property
    def reached(self) -> pd.Timestamp | None:
        """Date on which the target is in force; None when the live values are the target."""
        return self.steps[-1].date if self.steps else None

    def table(self) -> pd.DataFrame:
        """One row per step: ``date``, one column per parameter (fraction), ``moved``."""
        names = [name for name, _ in self.live]
        rows = [
            (step.date, *(float(step.value(name)) for name in names), ", ".join(step.moved))
            for step in self.steps
        ]
        return pd.DataFrame(rows, columns=["date", *names, "moved"])

    def summary(self) -> str:
        """One sentence: how many steps, and when the target is reached."""
        if self.reached is None:
            return "The live values are the target: no step is needed."
        noun = "step" if len(self.steps) == 1 else "steps"
        return f"{len(self.steps)} {noun}; the target is reached on {self.reached:%Y-%m-%d}."


def check_state(values: Values) -> None:
    """Refuse a state no venue allows, whichever of the known parameters are present."""
    ltv, threshold = values.get("max_ltv"), values.get("liquidation_threshold")
    bonus = values.get("liquidation_bonus")
    if ltv is not None and threshold is not None and ltv > threshold:
        rule = f"must be at most the liquidation threshold, {threshold}"
        raise InputError("max_ltv", str(ltv), rule, "Move the threshold first")
    if threshold is not None and bonus is not None and threshold * (1 + bonus) > 1:
        rule = f"times 1 + bonus = {1 + bonus} must be at most 1"
        raise InputError("liquidation_threshold", str(threshold), rule, "Lower the bonus first")
    initial, maintenance = values.get("initial_margin"), values.get("maintenance_margin")
    if initial is not None and maintenance is not None and maintenance > initial:
        rule = f"must be at most the initial margin, {initial}"
        raise InputError("maintenance_margin", str(maintenance), rule, "Move the initial first")


def plan_change(
    live: Values,
    target: Values,
    guardrail: Guardrail,
    start: pd.Timestamp,
    check: Callable[[Values], None] = check_state,
) -> ChangePath:
    """Legal steps from the live values to the target.

    Parameters
    ----------
    live, target : mapping of str to Decimal
        The same parameters, as exact fractions the venue can store.
    guardrail : Guardrail
    start : Timestamp
        Date of the first step; later ones keep the minimum delay of each parameter.
    check : callable, optional
        Refuses a state that the venue does not allow.

    Raises
    ------
    InputError
        If the target cannot be reached; the message says which rule stands in the way.
    """
    if not EARLIEST <= start <= LATEST:
        rule = f"must lie between {EARLIEST:%Y-%m-%d} and {LATEST:%Y-%m-%d}"
        raise InputError("start", str(start.date()), rule, "Give the day of the first step")
    if set(live) != set(target):
        rule = f"must hold the same parameters as live: {sorted(live)}"
        raise InputError("target", sorted(target), rule, "Name the same on both sides")
    check(target)
    scale = guardrail.scale
    now = {name: to_scale_exactly(live[name], scale, f"live {name}") for name in sorted(live)}
    goal = {name: to_scale_exactly(target[name], scale, f"target {name}") for name in now}
    due = dict.fromkeys(now, start)
    for name in now:
        if now[name] != goal[name]:
            _check_reachable(name, now[name], goal[name], guardrail)
    steps: list[Step] = []
    while now != goal:
        if len(steps) >= MAX_STEPS:
            rule = f"must be within {MAX_STEPS:,} steps"
            raise InputError("target", dict(target), rule, "Choose a nearer target")
        open_names = [name for name in now if now[name] != goal[name]]
        date = min(due[name] for name in open_names)
        moves = {
            name: _move(name, now[name], goal[name], guardrail)
            for name in open_names
            if due[name] <= date
        }
        chosen = _largest_legal(now, moves, scale, check)
        if not chosen:
            later = [due[name] for name in open_names if due[name] > date]
            if not later:
                raise _blocked(now, moves, scale, check)
            due |= dict.fromkeys(moves, min(later))
            continue
        for name in chosen:
            now[name] = moves[name]
            if now[name] != goal[name]:
                due[name] = _next_date(name, date, guardrail)
        steps.append(Step(date, tuple(_fractions(now, scale).items()), chosen))
    return ChangePath(guardrail.name, tuple((n, live[n]) for n in sorted(live)), tuple(steps))


def _next_date(name: str, date: pd.Timestamp, guardrail: Guardrail) -> pd.Timestamp:
    delay = guardrail.limit(name).min_delay
    if delay > LATEST - date:
        rule = f"sets the next step of {name} after {LATEST:%Y-%m-%d}"
        raise InputError(
            "min_delay", duration(delay), rule, "Give a shorter delay or a nearer target"
        )
    return date + delay


def _fractions(units: Mapping[str, int], scale: Scale) -> dict[str, Decimal]:
    return {name: from_scale(value, scale) for name, value in units.items()}


def _check_reachable(name: str, now: int, goal: int, guardrail: Guardrail) -> None:
    limit = guardrail.limit(name)
    if goal == 0 and not limit.zero_allowed:
        rule = f"must not be 0 under {guardrail.name}"
        raise InputError(f"target {name}", 0, rule, "Choose a small positive value, or ask a vote")
    if limit.max_absolute is None and limit.max_relative is None:
        rule = "must have a largest change"
        raise InputError(f"limit {name}", limit, rule, "Set max_absolute or max_relative")
    if limit.min_delay < pd.Timedelta(0):
        rule = "must not be negative"
        raise InputError(f"limit {name}", duration(limit.min_delay), rule, "Give 0 for none")
    for field, change in (("absolute", limit.max_absolute), ("relative", limit.max_relative)):
        if change is not None and not as_decimal(change) > 0:
            rule = f"must allow a positive {field} change"
            raise InputError(f"limit {name}", str(change), rule, "Give a fraction above 0")
    _move(name, now, goal, guardrail)


def _move(name: str, now: int, goal: int, guardrail: Guardrail) -> int:
    """The furthest value one step may reach; refused when that is where it stands."""
    limit, scale = guardrail.limit(name), guardrail.scale
    room = abs(goal - now)
    if limit.max_absolute is not None:
        room = min(room, int(limit.max_absolute * scale.per_one))
    if limit.max_relative is not None:
        room = min(room, int(limit.max_relative * now))
    if room == 0:
        value = from_scale(now, scale)
        rule = (
            f"cannot leave {value}: the largest change that {guardrail.name} allows there is below "
            f"the venue's resolution of 1 / {scale.per_one:,}"
        )
        remedy = "Widen the limit, or ask a vote for the first step"
        raise InputError(f"live {name}", str(value), rule, remedy)
    return now + room if goal > now else now - room


def _largest_legal(
    now: Mapping[str, int],
    moves: Mapping[str, int],
    scale: Scale,
    check: Callable[[Values], None],
) -> tuple[str, ...]:
    for count in range(len(moves), 0, -1):
        for names in combinations(moves, count):
            state = {**now, **{name: moves[name] for name in names}}
            try:
                check(_fractions(state, scale))
            except InputError:
                continue
            return names
    return ()


def _blocked(
    now: Mapping[str, int],
    moves: Mapping[str, int],
    scale: Scale,
    check: Callable[[Values], None],
) -> InputError:
    state = _fractions({**now, **moves}, scale)
    try:
        check(state)
    except InputError as reason:
        shown = {name: str(value) for name, value in _fractions(now, scale).items()}
        rule = f"cannot be left by a legal step: {reason.argument} {reason.rule}"
        return InputError("live", shown, rule, "Choose a target in between first")
    raise AssertionError("a legal state was called illegal")


def round_toward(value: Decimal, scale: Scale, *, up: bool) -> Decimal:
    """A fraction at the venue's resolution, on the chosen side."""
    rounding = Rounding.UP if up else Rounding.DOWN
    units = (value * scale.per_one).to_integral_value(rounding=rounding.value)
    return from_scale(int(units), scale)
