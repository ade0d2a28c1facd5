"""The loop over the years: chosen on the past of each, judged on the next, and stopped by its
record.

What is known at the start of a year is all that its choice may see. Two rules stand beside it on
the same days: doing nothing, and the best of a few fixed rules *in hindsight of all years*, which
nobody could have known: the difference to the last is regret.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from riskkit.errors import InputError
from riskkit.loop.evaluate import FEWEST_DAYS, HeldRule, LoopBench, LoopSpan, SpanResult
from riskkit.loop.search import LoopSearch, held_rule, search_policy
from riskkit.loop.space import LoopPolicy

Progress = Callable[[str, int, int], None]

#: Fixed rules that are known in hindsight: today's at other multiples, and margins that never move.
MULTIPLES = (0.5, 0.7, 1.0, 1.4, 2.0)
#: Days that a year must have to be judged.
FEWEST_JUDGED = 90


@dataclass(frozen=True)
class LoopYear:
    """One year of the loop.

    Attributes
    ----------
    year : int
    search : LoopSearch or None
        On all that was before; None once the loop has stopped.
    policy : LoopPolicy or None
        In force; None where nothing was done.
    found, today : SpanResult
        The loop, and doing nothing, on the year.
    fixed : mapping of str to SpanResult
        Every fixed rule on the year.
    promised : float
        Upper end of what a year's bad debt was to be, by the days before; infinite where nothing
        was promised.
    """

    year: int
    search: LoopSearch | None = field(repr=False)
    policy: LoopPolicy | None
    found: SpanResult
    today: SpanResult
    fixed: dict[str, SpanResult] = field(repr=False)
    promised: float

    @property
    def kept(self) -> bool:
        """Whether the year's bad debt lies within what was promised."""
        return self.found.bad_debt <= self.promised


@dataclass(frozen=True)
class LoopWalk:
    """The loop over all years.

    Attributes
    ----------
    years : tuple of LoopYear
    """

    years: tuple[LoopYear, ...]

    @property
    def best_fixed(self) -> str:
        """The fixed rule of the least mean loss over all judged days."""
        return min(self.years[0].fixed, key=self._mean_of)

    @property
    def stopped(self) -> int | None:
        """The year whose record stopped the loop."""
        return next((y.year for y in self.years if not y.kept), None)

    def table(self) -> pd.DataFrame:
        """One row per year, and all of them; losses in bps of open interest a year."""
        best = self.best_fixed
        rows = [self._row(str(y.year), [y], best) for y in self.years]
        rows.append(self._row("all", list(self.years), best))
        return pd.DataFrame(rows).set_index("year")

    def _mean_of(self, name: str) -> float:
        weights = [y.found.days for y in self.years]
        return float(np.average([y.fixed[name].loss for y in self.years], weights=weights))

    @staticmethod
    def _row(name: str, years: list[LoopYear], best: str) -> dict[str, object]:
        weights = [y.found.days for y in years]

        def mean(values: list[float]) -> float:
            return float(np.average(values, weights=weights))

        found = {
            "loop": [y.found for y in years],
            "nothing": [y.today for y in years],
            "fixed": [y.fixed[best] for y in years],
        }
        row: dict[str, object] = {"year": name}
        if len(years) == 1:
            policy, search = years[0].policy, years[0].search
            row["did"] = "nothing" if policy is None else policy.words()
            row["deflated_gain"] = math.nan if search is None else search.deflated
            row["kept_its_promise"] = years[0].kept
        else:
            row["did"] = f"{sum(y.policy is not None for y in years)} of {len(years)} years"
            row["deflated_gain"] = math.nan
            row["kept_its_promise"] = all(y.kept for y in years)
        for who, results in found.items():
            row[f"capital_{who}"] = mean([r.capital for r in results])
            row[f"bad_debt_{who}"] = mean([r.bad_debt for r in results])
            row[f"loss_{who}"] = mean([r.loss for r in results])
        row["regret_fixed"] = float(str(row["loss_loop"])) - float(str(row["loss_fixed"]))
        row["regret_nothing"] = float(str(row["loss_loop"])) - float(str(row["loss_nothing"]))
        return row


def walk_loop(
    bench: LoopBench,
    *,
    trials: int,
    bad_debt: float | None = None,
    rise: float | None = None,
    progress: Progress | None = None,
) -> LoopWalk:
    """Run the loop over every year that has a year before it.

    Raises
    ------
    InputError
        If the history is too short for one choice and one year that judges it.
    """
    years = judged_years(bench)
    fixed = fixed_rules(bench, years[0][1])
    found: list[LoopYear] = []
    stopped, policy = False, None
    for number, (year, start, end) in enumerate(years):
        if progress is not None:
            progress(str(year), number, len(years))
        search = None
        if not stopped:
            before = LoopSpan.of(bench.first, start, bench.seed)
            search = search_policy(
                bench, before, trials=trials, bad_debt=bad_debt, rise=rise, start=policy
            )
            chosen = search.adopted
            policy = None if chosen is None else chosen.policy
        else:
            policy = None
        span = LoopSpan.of(start, end, bench.seed)
        today = bench.over(bench.today, span)
        if policy is None or search is None or search.best is None:
            result, promised = today, math.inf
        else:
            result = bench.over(held_rule(bench, policy, start), span)
            # a past without bad debt promises no more than the bounds do
            promised = max(search.best.found.year_high, search.bounds.bad_debt)
        judged = {held.name: bench.over(held, span) for held in fixed}
        found.append(LoopYear(year, search, policy, result, today, judged, promised))
        stopped = stopped or not found[-1].kept
    return LoopWalk(tuple(found))


def judged_years(bench: LoopBench) -> list[tuple[int, pd.Timestamp, pd.Timestamp]]:
    """Calendar years with at least a year of forecasts before them: year, first day, end.

    Raises
    ------
    InputError
        If there is none.
    """
    found = []
    last = bench.last
    for year in range(bench.first.year + 1, last.year + 1):
        start = pd.Timestamp(year, 1, 1, tz=bench.first.tz)
        end = min(pd.Timestamp(year + 1, 1, 1, tz=bench.first.tz), last)
        known = (start - bench.first) / pd.Timedelta(days=1)
        if known >= FEWEST_DAYS and (end - start) / pd.Timedelta(days=1) >= FEWEST_JUDGED:
            found.append((year, start, end))
    if not found:
        days = (last - bench.first) / pd.Timedelta(days=1)
        raise InputError(
            "prices",
            f"{days:,.0f} days with a forecast, from {bench.first:%Y-%m-%d}",
            f"must hold a year to choose on ({FEWEST_DAYS} days before a 1 January) and "
            f"{FEWEST_JUDGED} days after it that judge the choice",
            "Give a longer history, or fewer model.minimum_bars",
        )
    return found


def fixed_rules(bench: LoopBench, until: pd.Timestamp) -> tuple[HeldRule, ...]:
    """Rules that never change: today's at other multiples, and constant margins of like size."""
    today = bench.today
    level = today.rule.multiple * bench.long_run(today.model, until) * math.sqrt(today.rule.window)
    level += today.rule.cost
    found = []
    for factor in MULTIPLES:
        rule = replace(today.rule, multiple=factor * today.rule.multiple)
        found.append(HeldRule(f"today's at {rule.multiple:.3g} sigma", today.model, rule))
    for factor in MULTIPLES:
        margin = min(factor * level, 0.95)
        name = f"a constant {margin:.2%}"
        found.append(HeldRule(name, today.model, today.rule, level=margin))
    return tuple(found)
