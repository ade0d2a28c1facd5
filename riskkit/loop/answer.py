"""The loop's answer for a study: what it would have been worth, and what it proposes now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from riskkit.calibration.calibrate import calibrate
from riskkit.calibration.question import spec_of
from riskkit.errors import InputError
from riskkit.formats.guardrails import Guardrail
from riskkit.loop.evaluate import HeldRule, LoopBench, LoopSpan
from riskkit.loop.legal import DEFAULT_GUARDRAIL, LegalMove, legal_move, margins_of
from riskkit.loop.record import LoopRecord
from riskkit.loop.search import LoopSearch, held_rule, no_policy_meets, search_policy
from riskkit.loop.space import MODELS, LoopPolicy
from riskkit.loop.walk import LoopWalk, judged_years, walk_loop
from riskkit.parameters.build import build_parameter_file
from riskkit.parameters.file import ParameterFile
from riskkit.proof.rule_judgement import plan_of, rule_of
from riskkit.proof.track import walk_track
from riskkit.study.case import Case
from riskkit.study.study import Study
from riskkit.venue.rule import PublishedRule
from riskkit.volatility.spec import VolatilitySpec

Progress = Callable[[str, int, int], None]

TRIALS = 200
CARRY = 0.05
EVERY = pd.Timedelta(hours=6)


@dataclass(frozen=True)
class LoopAnswer:
    """What the loop found.

    Attributes
    ----------
    case : Case
    bench : LoopBench
    walk : LoopWalk
        Every year, chosen on its past and judged on itself.
    search : LoopSearch or None
        On all of the history; None where the loop has stopped.
    record : LoopRecord or None
        Of a fleet, where one was given.
    move : LegalMove
        From the margins in force to the proposal's.
    """

    case: Case = field(repr=False)
    bench: LoopBench
    walk: LoopWalk
    search: LoopSearch | None
    record: LoopRecord | None
    move: LegalMove

    @property
    def stopped(self) -> str:
        """Why the loop proposes nothing, whatever it would find; empty where it may go on."""
        if self.record is not None and self.record.stops:
            return self.record.words()
        year = self.walk.stopped
        if year is not None:
            return f"bad debt of {year} lay above the band that the loop had promised for it"
        return ""

    @property
    def proposed(self) -> LoopPolicy | None:
        """The policy that is proposed; None for doing nothing."""
        if self.stopped or self.search is None or self.search.adopted is None:
            return None
        return self.search.adopted.policy

    def study(self) -> Study:
        """The study with the proposed rule; the study as it is where nothing is proposed."""
        policy = self.proposed
        if policy is None:
            return self.case.study
        held = held_rule(self.bench, policy, self.bench.last)
        return self.case.study.changed(rule_changes(held, self.bench.bar))

    def parameter_file(self) -> ParameterFile:
        """The proposal as a parameter file, which `riskkit sign` signs.

        Raises
        ------
        InputError
            If the study cannot be calibrated.
        """
        return build_parameter_file(calibrate(self.study(), self.case.history))

    def words(self) -> list[str]:
        """What there is to say, line by line."""
        table = self.walk.table()
        row = table.loc["all"]
        lines = [
            f"out of sample, {len(self.walk.years)} years: regret {row['regret_fixed']:+.1f} bps "
            f"of open interest a year against the best fixed rule in hindsight "
            f"({self.walk.best_fixed}), {row['regret_nothing']:+.1f} against doing nothing"
        ]
        if self.record is not None:
            lines.append(self.record.words())
        if self.stopped:
            lines.append(f"stopped, nothing is proposed: {self.stopped}")
            return lines
        found = self.search
        assert found is not None
        lines.append(
            f"{len(found.trials)} policies tried: the best within the bounds saves "
            f"{found.gain:.1f} bps of open interest a year in sample, {found.deflated:.1f} after "
            "what luck makes of the best of so many"
        )
        policy = self.proposed
        if policy is None:
            lines.append("nothing is proposed: what luck leaves of the gain is not above zero")
        else:
            lines.append(f"proposed: {policy.words()}")
            lines.append(f"to get there: {self.move.path.summary()}")
            if self.move.withheld:
                lines.append(f"margins in force stay for now: {self.move.withheld}")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain JSON values."""
        study, found = self.case.study, self.search
        policy = self.proposed
        return {
            "kind": "loop",
            "title": study.title,
            "asset": study.data.asset,
            "as_of_date": study.as_of.isoformat(),
            "carry_per_year": self.bench.carry,
            "years": _rows(self.walk.table().reset_index()),
            "best_fixed": self.walk.best_fixed,
            "stopped": self.stopped or None,
            "record": None if self.record is None else vars(self.record),
            "trials": 0 if found is None else len(found.trials),
            "bounds": None if found is None else vars(found.bounds),
            "gain_bps": None if found is None else found.gain,
            "deflated_gain_bps": None if found is None else found.deflated,
            "tried": [] if found is None else _rows(found.table()),
            "proposed": None if policy is None else policy.to_dict(),
            "live": {name: str(value) for name, value in self.move.live.items()},
            "target": {name: str(value) for name, value in self.move.target.items()},
            "steps": [
                {
                    "date": step.date.date().isoformat(),
                    **{name: str(value) for name, value in step.values},
                }
                for step in self.move.path.steps
            ],
            "withheld": self.move.withheld or None,
            "words": self.words(),
            "study": self.study().model_dump(mode="json"),
        }


def optimise(
    case: Case,
    *,
    trials: int = TRIALS,
    bound: float | None = None,
    rise: float | None = None,
    carry: float = CARRY,
    every: pd.Timedelta = EVERY,
    record: LoopRecord | None = None,
    guardrail: Guardrail = DEFAULT_GUARDRAIL,
    progress: Progress | None = None,
) -> LoopAnswer:
    """Run the loop on a study's history and propose a rule.

    Parameters
    ----------
    trials : int
        Policies tried for each choice.
    bound : float, optional
        On the upper end of the band of bad debt, bps of open interest a year; by default today's
        own.
    rise : float, optional
        Largest rise of the margin in a day, a fraction; by default today's own.
    carry : float
        What capital costs its owners a year.
    every : Timedelta
        From one opening of positions to the next.
    record : LoopRecord, optional
        Of a fleet: outside its band, nothing is proposed.

    Raises
    ------
    InputError
        Without trials, with a bound that no policy meets, or with a history too short to choose on
        one year and judge on the next.
    """
    if not carry >= 0.0:
        raise InputError("carry", carry, "must not be negative", "Five per cent a year is 0.05")
    if trials < 1:
        raise InputError(
            "trials", trials, "must be at least 1: nothing is learnt from none", "200 is usual"
        )
    bench = bench_of(case, carry, every)
    judged_years(bench)
    whole = LoopSpan.of(bench.first, bench.last, bench.seed)
    walk = walk_loop(bench, trials=trials, bad_debt=bound, rise=rise, progress=progress)
    start = next((y.policy for y in reversed(walk.years) if y.policy is not None), None)
    found = None
    if walk.stopped is None and not (record is not None and record.stops):
        found = search_policy(bench, whole, trials=trials, bad_debt=bound, rise=rise, start=start)
        if found.best is None and found.bounds.broken_by(found.today) > 0.0:
            raise no_policy_meets(found)
    chosen = None if found is None else found.adopted
    live = margin_in_force(bench, bench.today)
    target = live if chosen is None else margin_in_force(bench, chosen.held)
    distance = bench.plan.mix.distance[0]
    move = legal_move(
        margins_of(live, distance, guardrail.scale),
        margins_of(target, distance, guardrail.scale),
        pd.Timestamp(case.study.as_of),
        guardrail,
    )
    return LoopAnswer(case, bench, walk, found, record, move)


def bench_of(case: Case, carry: float = CARRY, every: pd.Timedelta = EVERY) -> LoopBench:
    """A study as the loop evaluates policies in it: its model and the others walked along it.

    Raises
    ------
    InputError
        If it is a loan's, or its venue is not one whose rule can be replayed.
    """
    study = case.study
    if study.is_loan:
        raise InputError(
            "position.kind",
            "loan",
            "has thresholds, and the loop proposes the rule of a margin",
            "Give a perpetual's study",
        )
    plan = plan_of(case, every)
    spec, pace = spec_of(study), study.pace(case.bar)
    names = dict.fromkeys((spec.name, *MODELS))
    tracks = {
        name: walk_track(
            case.history,
            spec if name == spec.name else VolatilitySpec.parse(name),
            window=pace.minimum_bars,
            refit_every=pace.refit_every,
        )
        for name in names
    }
    today = HeldRule("doing nothing", spec.name, rule_of(case))
    return LoopBench(tracks, plan, today, carry, study.simulation.seed)


def margin_in_force(bench: LoopBench, held: HeldRule) -> float:
    """Maintenance margin that a rule has published at the last close."""
    start = bench.last - max(90 * pd.Timedelta(days=1), 3 * bench.horizon * bench.bar)
    found = bench.replay(held, max(start, bench.first), bench.last)
    return float(found.margin.iloc[-1])


def rule_changes(held: HeldRule, bar: pd.Timedelta) -> dict[str, Any]:
    """A rule as changes of a study."""
    rule: PublishedRule = held.rule
    seconds = bar.total_seconds()
    return {
        "model.spec": held.model,
        "rule": {
            "multiple": rule.multiple,
            "interval_seconds": rule.interval * seconds,
            "notice_seconds": rule.notice * seconds,
            "raises": rule.raises.value,
            "greatest_change_fraction": None
            if np.isinf(rule.greatest_change)
            else rule.greatest_change,
            "staleness_seconds": rule.staleness * seconds,
            "fallback_fraction": rule.fallback,
            "cap_fraction": rule.cap,
            "floor_fraction": rule.floor,
            "smoothing_seconds": rule.smoothing * seconds,
            "memory_weight_fraction": rule.memory,
        },
    }


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): _plain(v) for k, v in row.items()} for row in table.to_dict(orient="records")]


def _plain(value: Any) -> Any:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value
