"""Which policy of closing a venue should have: chosen on one half, judged on the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from riskkit.closing.compare import (
    UNFAIR_WEIGHT,
    ClosingBench,
    PolicyTable,
    compare_closings,
)
from riskkit.closing.halves import HalfHistory, split_history
from riskkit.closing.library import policies_for
from riskkit.closing.policy import ClosingPolicy
from riskkit.closing.run import ClosingTerms
from riskkit.errors import InputError
from riskkit.stress.open import PosedVenue, pose_venue
from riskkit.study.case import Case
from riskkit.venue.cascade import EngineRule

Progress = Callable[[str, int, int], None]

#: Paths that each half's model makes.
PATHS = 1_000
#: Of the accounts by size, the one for whom a pace is best.
LARGE = 0.99


@dataclass(frozen=True)
class ChosenPolicy:
    """A policy named on one half of the history, before the other is opened.

    Attributes
    ----------
    case : Case
    bench : ClosingBench
    halves : tuple of HalfHistory
    policies : tuple of ClosingPolicy
    made, lived : PolicyTable
        Of the first half: its model's paths, by which the policy is chosen, and its days.
    name : str
        The policy of the least total among those within the bound.
    bound : float
        On bad debt, bps of open interest a year; infinite for none.
    early_interest : float
        Share of open interest that stands beyond the earliest threshold as the book opens: what
        closing earlier sells at once, in every path.
    """

    case: Case = field(repr=False)
    bench: ClosingBench
    halves: tuple[HalfHistory, HalfHistory]
    policies: tuple[ClosingPolicy, ...]
    made: PolicyTable
    lived: PolicyTable
    name: str
    bound: float
    early_interest: float

    @property
    def policy(self) -> ClosingPolicy:
        """The policy itself."""
        return next(policy for policy in self.policies if policy.name == self.name)


@dataclass(frozen=True)
class ClosingAnswer:
    """The chosen policy, judged on the other half.

    Attributes
    ----------
    chosen : ChosenPolicy
    made, lived : PolicyTable
        Of the second half.
    """

    chosen: ChosenPolicy
    made: PolicyTable
    lived: PolicyTable

    @property
    def tables(self) -> tuple[PolicyTable, ...]:
        """All four, the first half's first."""
        return self.chosen.made, self.chosen.lived, self.made, self.lived

    @property
    def regret(self) -> dict[str, float]:
        """Total of the chosen policy over the best of the second half, by sample; bps a year."""
        return {
            table.sample.name: float(
                table.table.loc[self.chosen.name, "total"] - table.table["total"].min()
            )
            for table in (self.made, self.lived)
        }

    def verdict(self) -> str:
        """What the second half says of the chosen policy, in a sentence or two."""
        name, first = self.chosen.name, self.made.policies[0].name
        if name == first:
            return (
                f"{first!r} was the best on the first half: nothing earlier or smaller paid for "
                "itself there"
            )
        parts = []
        for table in (self.made, self.lived):
            row = table.table.loc[name]
            parts.append(
                f"{row['against']:+,.1f} bps of open interest a year against {first!r} on the "
                f"{table.sample.name} ({row['against_low']:+,.1f} to {row['against_high']:+,.1f})"
            )
        both = (self.made, self.lived)
        held = all(float(t.table["against_high"][name]) < 0.0 for t in both)
        failed = any(float(t.table["against_low"][name]) > 0.0 for t in both)
        says = "it held" if held else "it failed" if failed else "no difference is shown"
        return f"{name!r}: {says}: " + "; ".join(parts)

    def words(self) -> list[str]:
        """What there is to say, line by line."""
        chosen = self.chosen
        lines = [self.verdict()]
        lines += [
            f"regret on the {name}: {bps:,.1f} bps of open interest a year against the policy "
            "that was best there"
            for name, bps in self.regret.items()
        ]
        lines.append(
            f"{chosen.early_interest:.1%} of both sides' interest stands beyond the earliest "
            "threshold as the book opens: closing earlier begins with those, on every path"
        )
        for half in chosen.halves:
            if half.lived.left_out:
                name = half.lived.name.removeprefix("days of the ")
                lines.append(
                    f"{half.lived.left_out} days of the {name} begin a stretch with a hole in it, "
                    "and are left out"
                )
            if half.made.left_out:
                lines.append(
                    f"{half.made.left_out} more {half.made.name} move further than twice as far as "
                    "that half ever did: a volatility that runs away, left out"
                )
        return lines

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain JSON values."""
        chosen, bench = self.chosen, self.chosen.bench
        study = chosen.case.study
        return {
            "kind": "closing-policy",
            "title": study.title,
            "asset": study.data.asset,
            "as_of_date": study.as_of.isoformat(),
            "accounts": bench.book.size,
            "open_interest": bench.book.open_interest,
            "unfair_weight": bench.unfair_weight,
            "bars": int(self.made.sample.returns.shape[1]),
            "bound_on_bad_debt_bps": None if np.isinf(chosen.bound) else chosen.bound,
            "open_interest_beyond_the_earliest_threshold": chosen.early_interest,
            "policies": [
                {
                    "name": p.name,
                    "words": p.words(),
                    "early": p.early,
                    "shares": list(p.shares),
                    "finishes": p.finishes,
                    "capacity_per_bar": None if np.isinf(p.capacity) else p.capacity,
                    "follows_depth": p.follows_depth,
                }
                for p in chosen.policies
            ],
            "chosen": chosen.name,
            "samples": [
                {
                    "name": table.sample.name,
                    "paths": table.sample.paths,
                    "left_out": table.sample.left_out,
                    "policies": plain_rows(table.table),
                }
                for table in self.tables
            ],
            "regret_bps": self.regret,
            "verdict": self.verdict(),
            "study": study.model_dump(mode="json"),
        }


def choose_policy(
    case: Case,
    folder: str | Path,
    *,
    policies: tuple[ClosingPolicy, ...] | None = None,
    bound: float = float("inf"),
    paths: int = PATHS,
    unfair_weight: float = UNFAIR_WEIGHT,
    threads: int = 1,
    progress: Progress | None = None,
) -> ChosenPolicy:
    """Choose a policy on the first half of a study's history.

    Parameters
    ----------
    folder : str or Path
        In which the study's files have their names.
    policies : tuple of ClosingPolicy, optional
        The first is what the others are compared with; by default those of
        `riskkit.closing.library`.
    bound : float
        On bad debt, bps of open interest a year: the upper end of a policy's band must lie within.
    paths : int
        That each half's model makes.
    unfair_weight : float
        Of the missed rebounds of unfair liquidations, in what is minimised.

    Raises
    ------
    InputError
        If the study describes no venue, no policy meets the bound, or a half is too short.
    """
    if not bound >= 0.0:
        raise InputError("bound", bound, "must not be negative", "Give bps of open interest a year")
    if paths < 100:
        raise InputError("paths", paths, "must be at least 100", "A thousand takes seconds")
    if not unfair_weight >= 0.0:
        raise InputError("unfair_weight", unfair_weight, "must not be negative", "0 leaves it out")
    posed = pose_venue(case, folder, threads=threads)
    bench = replace(bench_of(posed, threads), unfair_weight=unfair_weight)
    bars = posed.venue.horizon + bench.terms.delay
    halves = split_history(case, bars, paths, threads=threads)
    usual = halves[0].made.volatility
    large = float(np.quantile(bench.book.quantity, LARGE))
    asked = policies or policies_for(bench.depth, large, usual)
    tables = [
        compare_closings(bench, sample, asked, progress=progress)
        for sample in (halves[0].made, halves[0].lived)
    ]
    table = tables[0].table
    within = table[table["bad_debt_high"] <= bound]
    if within.empty:
        least = table["bad_debt_high"].idxmin()
        raise InputError(
            "bound",
            f"{bound:g} bps of open interest a year",
            "is met by no policy on the paths of the first half: the upper end of the band of "
            f"{least!r}, the lowest, is {table['bad_debt_high'].min():,.4g}",
            "Raise the bound, or raise margins: no way of closing mends a margin that is too low",
        )
    early = max(policy.early for policy in asked)
    return ChosenPolicy(
        case,
        bench,
        halves,
        asked,
        tables[0],
        tables[1],
        str(within["total"].idxmin()),
        bound,
        _beyond(bench, early),
    )


def judge_policy(chosen: ChosenPolicy, *, progress: Progress | None = None) -> ClosingAnswer:
    """Open the other half."""
    made, lived = (
        compare_closings(chosen.bench, sample, chosen.policies, progress=progress)
        for sample in (chosen.halves[1].made, chosen.halves[1].lived)
    )
    return ClosingAnswer(chosen, made, lived)


def bench_of(posed: PosedVenue, threads: int = 1) -> ClosingBench:
    """A posed venue as policies are compared in it.

    Raises
    ------
    InputError
        If the venue closes loans, sees prices late, or its margin moves.
    """
    venue = posed.venue
    engine = venue.engine
    if engine.rule is EngineRule.LOAN or engine.latency or engine.deviation or posed.margin:
        raise InputError(
            "position, oracle, stress",
            "loans, a late oracle or a margin that moves",
            "is not answered here: policies of closing are compared for a perpetual whose venue "
            "sees each close, at margins that stand still",
            "Leave out the oracle's lag and deviation, and the margin that follows volatility",
        )
    terms = ClosingTerms(engine.delay, engine.fee, venue.horizon)
    return ClosingBench(venue.book, venue.depth, terms, venue.bar, threads, posed.run.seed)


def _beyond(bench: ClosingBench, early: float) -> float:
    """Share of the interest of both sides that stands beyond a threshold as the book opens."""
    book = bench.book
    ratio = book.equity / book.quantity
    near = ratio <= book.maintenance * (1.0 + early)
    return float(book.quantity[near].sum() / book.quantity.sum())


def plain_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table as JSON rows, its index among the columns; what is not finite is null."""
    rows = []
    for row in table.reset_index().to_dict(orient="records"):
        rows.append({str(k): _plain(v) for k, v in row.items()})
    return rows


def _plain(value: Any) -> Any:
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value
