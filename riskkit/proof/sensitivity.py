"""What the recommendation hangs on: every assumption halved and doubled, one at a time.

All point estimates use the same random numbers, so that a difference is an effect and not noise.
Times are changed in whole bars, since a study's times round up to them: a delay within one bar
cannot be halved on that bar, and the row says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import pandas as pd

from riskkit.calibration.buffers import solve_buffer
from riskkit.calibration.question import Question, spec_of
from riskkit.calibration.result import Unserved
from riskkit.errors import InputError
from riskkit.market.returns import log_returns
from riskkit.position import Side
from riskkit.study.case import Case
from riskkit.study.fact import Entry
from riskkit.study.inside import ranges_of
from riskkit.study.study import Study
from riskkit.units import count_bars
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.result import VolatilityFit

SPECS = ("garch-normal", "garch-t", "gjr-t", "egarch-t")
FACTORS = (0.5, 2.0)
PATHS = 50_000


@dataclass(frozen=True)
class Sensitivity:
    """How far each assumption moves the recommendation.

    Attributes
    ----------
    study : Study
    base : DataFrame
        One row per side: ``side``, ``trigger`` and ``opening`` (MM and IM; for a loan LT and LTV),
        point estimates from the study's start state. A side that no margin serves has none.
    table : DataFrame
        One row per side, assumption and change: ``side``, ``assumption``, ``change`` (``"/ 2"``,
        ``"x 2"`` or the spec), ``setting`` (the new value, in words), ``trigger``, ``opening``,
        ``trigger_change`` and ``opening_change`` (less the base); ``note`` says why a row has no
        numbers, or cannot differ.
    unserved : tuple of Unserved
        Sides that no margin serves under the study itself.
    """

    study: Study
    base: pd.DataFrame = field(repr=False)
    table: pd.DataFrame = field(repr=False)
    unserved: tuple[Unserved, ...] = ()

    @property
    def served(self) -> tuple[Side, ...]:
        """Sides with numbers to vary."""
        return tuple(Side(side) for side in self.base["side"])

    def ranked(self, side: Side, column: str = "trigger_change") -> pd.DataFrame:
        """The rows of one side that have numbers, the assumption with the largest effect first."""
        rows = self.table[(self.table["side"] == side.value) & self.table[column].notna()]
        reach = rows[column].abs().groupby(rows["assumption"]).transform("max")
        return rows.assign(reach=reach).sort_values(
            ["reach", "assumption", "change"], ascending=[False, True, True], ignore_index=True
        )


def measure_sensitivity(
    case: Case,
    *,
    specs: tuple[str, ...] = SPECS,
    paths: int = PATHS,
    threads: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> Sensitivity:
    """Solve the study again with each assumption changed.

    Parameters
    ----------
    case : Case
    specs : tuple of str
        Volatility models to set beside the study's own.
    paths : int
        Of every point estimate; the same paths serve all that share horizon and model.

    Raises
    ------
    InputError
        If the study itself has no solution on any side, or the history is too short.
    """
    returns = log_returns(case.history)
    fits: dict[str, VolatilityFit] = {}

    def solve(side: Side, asked: Case) -> tuple[float, float]:
        """MM and IM (LT and LTV): point estimates from the study's start state."""
        spec = asked.study.model.spec
        if spec not in fits:
            fits[spec] = fit_volatility(returns, spec_of(asked.study))
        ranges = ranges_of(asked.study, asked.history, returns)
        question = Question.of(asked.study, fits[spec], asked.bar, threads=threads, ranges=ranges)
        question = question.changed(paths=paths)
        found = solve_buffer(question, side)
        at = question.venue.limits(found.covered.value, found.excursion.value, side)
        return float(at[0]), float(at[1])

    base: dict[Side, tuple[float, float]] = {}
    refused: dict[Side, InputError] = {}
    for side in case.sides:
        try:
            base[side] = solve(side, case)
        except InputError as error:
            refused[side] = error
    if not base:
        raise next(iter(refused.values()))
    changes = list(_changes(case, specs))
    rows: list[dict[str, object]] = []
    for done, (assumption, change, setting, changed) in enumerate(changes):
        for side, was in base.items():
            key = {
                "side": side.value,
                "assumption": assumption,
                "change": change,
                "setting": setting,
            }
            rows.append({**key, **_row(was, changed, partial(solve, side))})
        if progress is not None:
            progress("changes", done + 1, len(changes))
    found = [{"side": s.value, "trigger": b[0], "opening": b[1]} for s, b in base.items()]
    return Sensitivity(
        case.study,
        pd.DataFrame(found),
        pd.DataFrame(rows),
        tuple(Unserved.of(side, error) for side, error in refused.items()),
    )


def _row(
    base: tuple[float, float],
    changed: Case | str,
    solve: Callable[[Case], tuple[float, float]],
) -> dict[str, object]:
    if isinstance(changed, str):
        return {"note": changed}
    try:
        trigger, opening = solve(changed)
    except InputError as error:
        return {"note": error.rule}
    return {
        "trigger": trigger,
        "opening": opening,
        "trigger_change": trigger - base[0],
        "opening_change": opening - base[1],
        "note": "",
    }


def _changes(case: Case, specs: tuple[str, ...]) -> Iterator[tuple[str, str, str, Case | str]]:
    """Assumption, change, setting in words, and the changed case or why there is none."""
    study = case.study
    for entry in study.entries():
        if not entry.fact.assumption or entry.fact.only not in ("", study.position.kind):
            continue
        if entry.value is None:  # not assumed at all: nothing to vary
            continue
        for factor in FACTORS:
            value, setting, note = _changed_value(entry, case.bar, factor)
            change = f"x {factor:g}" if factor > 1.0 else f"/ {1.0 / factor:g}"
            yield entry.fact.label, change, setting, note or _with(case, entry.key, value)
    for spec in specs:
        if spec != study.model.spec:
            yield "volatility model", spec, spec, _with(case, "model.spec", spec)


def _changed_value(entry: Entry, bar: pd.Timedelta, factor: float) -> tuple[object, str, str]:
    """The new value, its setting in words, and a note if it is the old one."""
    seconds = entry.fact.unit.seconds
    if isinstance(entry.value, tuple):
        values = tuple(factor * value for value in entry.value)
        return values, entry.fact.words(values), ""
    assert isinstance(entry.value, int | float)  # what is varied is a number
    if seconds is None:
        value = factor * entry.value
        words = f"{value:.4%}" if entry.fact.scale[1] == 0.01 else entry.fact.words(value)
        return value, words, "0 stays 0" if value == 0.0 else ""
    bars = count_bars(pd.Timedelta(seconds=entry.value * seconds), bar).bars
    changed = math.ceil(factor * bars)
    noun = "bar" if changed == 1 else "bars"
    note = "" if changed != bars else f"{bars} {noun} before and after: times round up to bars"
    return changed * bar.total_seconds() / seconds, f"{changed} {noun}", note


def _with(case: Case, key: str, value: object) -> Case | str:
    try:
        return replace(case, study=case.study.changed({key: value}))
    except InputError as error:
        return error.rule
