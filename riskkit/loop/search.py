"""The best policy on a stretch of history, within its bounds, and what luck leaves of its gain."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.loop.evaluate import HeldRule, LoopBench, LoopSpan, SpanResult, expected_best
from riskkit.loop.evolution import Evolution
from riskkit.loop.space import MODELS, MOST_MEMORY, LoopPolicy, policy_at

Array = npt.NDArray[np.float64]
Tell = Callable[[int, int], None]

#: What a breach of a bound by all of it costs in the search, bps of open interest a year.
PENALTY = 1_000.0
#: A bound of nothing would forbid what no history can rule out.
LEAST_BOUND = 5.0


@dataclass(frozen=True)
class LoopBounds:
    """What a policy must keep to.

    Attributes
    ----------
    bad_debt : float
        Upper end of the band of its bad debt, bps of open interest a year, at most.
    rise : float
        Largest rise of the margin in a day, at most.
    """

    bad_debt: float
    rise: float

    def broken_by(self, found: SpanResult) -> float:
        """By how much, of the bounds; 0 where both hold."""
        return max(found.bad_debt_high / self.bad_debt - 1.0, 0.0) + max(
            found.rise / self.rise - 1.0, 0.0
        )


@dataclass(frozen=True)
class Trial:
    """A policy that was tried."""

    policy: LoopPolicy
    held: HeldRule
    found: SpanResult = field(repr=False)
    broken: float


@dataclass(frozen=True)
class LoopSearch:
    """What a search came to.

    Attributes
    ----------
    span : LoopSpan
    bounds : LoopBounds
    today : SpanResult
        Doing nothing, on the same days.
    trials : tuple of Trial
    """

    span: LoopSpan = field(repr=False)
    bounds: LoopBounds
    today: SpanResult
    trials: tuple[Trial, ...] = field(repr=False)

    @property
    def best(self) -> Trial | None:
        """The trial of the least loss that keeps its bounds; None if none does."""
        legal = [trial for trial in self.trials if trial.broken == 0.0]
        return min(legal, key=lambda trial: trial.found.loss) if legal else None

    @property
    def gain(self) -> float:
        """What the best saves against doing nothing, bps of open interest a year; 0 without one."""
        return 0.0 if self.best is None else self.today.loss - self.best.found.loss

    @property
    def deflated(self) -> float:
        """The gain less what luck makes of the best of so many trials."""
        if self.best is None:
            return 0.0
        error = float(np.std(self.today.drawn - self.best.found.drawn))
        return self.gain - expected_best(len(self.trials)) * error

    @property
    def adopted(self) -> Trial | None:
        """The best, where something of its gain is left."""
        return self.best if self.deflated > 0.0 else None

    def table(self) -> pd.DataFrame:
        """One row per trial, in the order in which they were tried."""
        rows = [
            {
                **trial.policy.to_dict(),
                "capital": trial.found.capital,
                "bad_debt": trial.found.bad_debt,
                "bad_debt_high": trial.found.bad_debt_high,
                "rise": trial.found.rise,
                "loss": trial.found.loss,
                "broken": trial.broken,
            }
            for trial in self.trials
        ]
        return pd.DataFrame(rows)


def bounds_of(
    today: SpanResult, bad_debt: float | None = None, rise: float | None = None
) -> LoopBounds:
    """Bounds as they are given, or today's own: no more bad debt, no faster rise.

    Raises
    ------
    InputError
    """
    for name, value in (("bound", bad_debt), ("rise", rise)):
        if value is not None and not value > 0.0:
            raise InputError(name, value, "must be positive", "Leave it out for today's own")
    return LoopBounds(
        max(today.bad_debt_high, LEAST_BOUND) if bad_debt is None else bad_debt,
        max(today.rise, 1e-3) if rise is None else rise,
    )


def search_policy(
    bench: LoopBench,
    span: LoopSpan,
    *,
    trials: int,
    bad_debt: float | None = None,
    rise: float | None = None,
    start: LoopPolicy | None = None,
    tell: Tell | None = None,
) -> LoopSearch:
    """Try so many policies on a span, by an evolution strategy.

    Parameters
    ----------
    bad_debt, rise : float, optional
        Bounds; by default what doing nothing has on the same days.
    start : LoopPolicy, optional
        Where the search begins; by default at what is done today.

    Raises
    ------
    InputError
        Without trials.
    """
    if trials < 1:
        raise InputError(
            "trials", trials, "must be at least 1: nothing is learnt from none", "200 is usual"
        )
    today = bench.over(bench.today, span)
    bounds = bounds_of(today, bad_debt, rise)
    evolution = Evolution((start or policy_of(bench, span.end)).point(), bench.seed)
    done: list[Trial] = []
    while len(done) < trials:
        points = evolution.ask()
        worth = np.full(evolution.size, np.inf)
        for row, point in enumerate(points):
            if len(done) == trials:
                break
            trial = try_policy(bench, span, policy_at(point), bounds)
            done.append(trial)
            worth[row] = trial.found.loss + PENALTY * trial.broken
            if tell is not None:
                tell(len(done), trials)
        evolution.tell(worth)
    return LoopSearch(span, bounds, today, tuple(done))


def try_policy(bench: LoopBench, span: LoopSpan, policy: LoopPolicy, bounds: LoopBounds) -> Trial:
    """One policy on a span; its floor stands at what was usual by the span's end."""
    held = held_rule(bench, policy, span.end)
    found = bench.over(held, span)
    return Trial(policy, held, found, bounds.broken_by(found))


def policy_of(bench: LoopBench, until: pd.Timestamp) -> LoopPolicy:
    """What is done today, as a policy; the nearest where it reads a model that none may choose."""
    rule, hours = bench.today.rule, bench.bar / pd.Timedelta(hours=1)
    level = rule.multiple * bench.long_run(bench.today.model, until) * math.sqrt(rule.window)
    return LoopPolicy(
        multiple=rule.multiple,
        floor_share=min(rule.floor / (level + rule.cost), 1.0) if rule.floor else 0.0,
        smoothing_hours=rule.smoothing * hours,
        notice_hours=rule.notice * hours,
        step=rule.greatest_change,
        cap=rule.cap,
        memory=min(rule.memory, MOST_MEMORY),
        model=bench.today.model if bench.today.model in MODELS else MODELS[0],
    )


def held_rule(bench: LoopBench, policy: LoopPolicy, until: pd.Timestamp) -> HeldRule:
    """A policy's rule, as it would be published on a day."""
    rule = policy.rule(
        bench.today.rule,
        bar_hours=bench.bar / pd.Timedelta(hours=1),
        long_run=bench.long_run(policy.model, until),
        horizon=bench.horizon,
    )
    return HeldRule(policy.words(), policy.model, rule)


def no_policy_meets(found: LoopSearch) -> InputError:
    """Words on a bound that no trial met."""
    least = min(found.trials, key=lambda trial: trial.broken)
    return InputError(
        "bound",
        f"{found.bounds.bad_debt:,.4g} bps of open interest a year, {found.bounds.rise:.2%} a day",
        f"is met by none of {len(found.trials)} policies: the nearest has an upper end of "
        f"{least.found.bad_debt_high:,.4g} bps and rises by {least.found.rise:.2%} in a day",
        "Raise the bound, or give more trials",
    )
