"""What the recommendation hangs on: every assumption halved and doubled, one at a time.

All point estimates use the same random numbers, so that a difference is an effect and not noise.
Times are changed in whole bars, since a study's times round up to them: a delay within one bar
cannot be halved on that bar, and the row says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pandas as pd

from riskkit.calibration.buffers import solve_buffer, state_starts
from riskkit.calibration.positions import open_position
from riskkit.errors import InputError
from riskkit.market.history import PriceHistory
from riskkit.market.returns import Returns, log_returns
from riskkit.position import Side
from riskkit.study.scope import bars_until
from riskkit.study.study import Periods, Study, parse_study
from riskkit.venue.mechanism import Loan
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.spec import VolatilitySpec

SPECS = ("garch-normal", "garch-t", "gjr-t", "egarch-t")
FACTORS = (0.5, 2.0)
PATHS = 50_000


@dataclass(frozen=True)
class _Assumption:
    """A number of the study; ``period`` names its count of bars if it is a time."""

    name: str
    section: str
    key: str
    period: str | None = None
    kinds: tuple[str, ...] = ("perpetual", "loan")


_ASSUMPTIONS = (
    _Assumption("liquidation delay", "mechanism", "liquidation_delay_hours", "liquidation_delay"),
    _Assumption("oracle latency", "mechanism", "oracle_latency_seconds", "oracle_latency"),
    _Assumption("reaction time", "mechanism", "reaction_time_hours", "reaction_time"),
    _Assumption("holding horizon", "mechanism", "holding_horizon_hours", "holding_horizon"),
    _Assumption("oracle deviation", "mechanism", "oracle_deviation_fraction"),
    _Assumption("slippage", "mechanism", "slippage_fraction", kinds=("perpetual",)),
    _Assumption("fee", "mechanism", "fee_fraction", kinds=("perpetual",)),
    _Assumption("bonus", "venue", "liquidation_bonus_fraction", kinds=("loan",)),
    _Assumption("P(default | liquidation)", "targets", "default_given_liquidation_probability"),
    _Assumption(
        "P(liquidation in time to react)",
        "targets",
        "liquidation_within_reaction_time_probability",
    ),
)


@dataclass(frozen=True)
class Sensitivity:
    """How far each assumption moves the recommendation.

    Attributes
    ----------
    study : Study
    base : DataFrame
        One row per side: ``side``, ``trigger`` and ``opening`` (MM and IM; for a loan LT and LTV),
        point estimates from the study's start state.
    table : DataFrame
        One row per side, assumption and change: ``side``, ``assumption``, ``change`` (``"/ 2"``,
        ``"x 2"`` or the spec), ``setting`` (the new value, in words), ``trigger``, ``opening``,
        ``trigger_change`` and ``opening_change`` (less the base); ``note`` says why a row has no
        numbers, or cannot differ.
    """

    study: Study
    base: pd.DataFrame = field(repr=False)
    table: pd.DataFrame = field(repr=False)

    def ranked(self, side: Side, column: str = "trigger_change") -> pd.DataFrame:
        """The rows of one side that have numbers, the assumption with the largest effect first."""
        rows = self.table[(self.table["side"] == side.value) & self.table[column].notna()]
        reach = rows[column].abs().groupby(rows["assumption"]).transform("max")
        return rows.assign(reach=reach).sort_values(
            ["reach", "assumption", "change"], ascending=[False, True, True], ignore_index=True
        )


def measure_sensitivity(
    study: Study,
    history: PriceHistory,
    *,
    specs: tuple[str, ...] = SPECS,
    paths: int = PATHS,
    threads: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> Sensitivity:
    """Solve the study again with each assumption changed.

    Parameters
    ----------
    history : PriceHistory
        Bars that close after ``study.as_of`` are left out.
    specs : tuple of str
        Volatility models to set beside the study's own.
    paths : int
        Of every point estimate; the same paths serve all that share horizon and model.

    Raises
    ------
    InputError
        If the study itself has no solution, or the history is too short.
    """
    history = bars_until(study, history)
    returns = log_returns(history)
    fits: dict[str, VolatilityFit] = {}
    base = {
        side: _solve(study, returns, history.bar, side, fits, paths, threads)
        for side in study.sides
    }
    changes = list(_changes(study, study.periods(history.bar), specs))
    rows: list[dict[str, object]] = []
    for done, (assumption, change, setting, changed) in enumerate(changes):
        for side in study.sides:
            key = {
                "side": side.value,
                "assumption": assumption,
                "change": change,
                "setting": setting,
            }
            rows.append(
                {
                    **key,
                    **_row(base[side], changed, returns, history.bar, side, fits, paths, threads),
                }
            )
        if progress is not None:
            progress("changes", done + 1, len(changes))
    found = [{"side": s.value, "trigger": b[0], "opening": b[1]} for s, b in base.items()]
    return Sensitivity(study, pd.DataFrame(found), pd.DataFrame(rows))


def _row(
    base: tuple[float, float],
    changed: Study | str,
    returns: Returns,
    bar: pd.Timedelta,
    side: Side,
    fits: dict[str, VolatilityFit],
    paths: int,
    threads: int,
) -> dict[str, object]:
    if isinstance(changed, str):
        return {"note": changed}
    try:
        trigger, opening = _solve(changed, returns, bar, side, fits, paths, threads)
    except InputError as error:
        return {"note": error.rule}
    return {
        "trigger": trigger,
        "opening": opening,
        "trigger_change": trigger - base[0],
        "opening_change": opening - base[1],
        "note": "",
    }


def _solve(
    study: Study,
    returns: Returns,
    bar: pd.Timedelta,
    side: Side,
    fits: dict[str, VolatilityFit],
    paths: int,
    threads: int,
) -> tuple[float, float]:
    """MM and IM (LT and LTV): point estimates from the study's start state."""
    spec = study.model.spec
    if spec not in fits:
        fits[spec] = fit_volatility(returns, VolatilitySpec.parse(spec))
    buffer = solve_buffer(
        study,
        fits[spec],
        side,
        study.periods(bar),
        state_starts(study.simulation.start_state),
        paths=paths,
        threads=threads,
    )
    position = open_position(study, side, buffer.covered.value, buffer.excursion.value)
    if isinstance(position, Loan):
        return position.liquidation_threshold, position.loan_to_value
    return position.maintenance_margin, position.initial_margin


def _changes(
    study: Study, periods: Periods, specs: tuple[str, ...]
) -> Iterator[tuple[str, str, str, Study | str]]:
    """Assumption, change, setting in words, and the changed study or why there is none."""
    for a in _ASSUMPTIONS:
        if study.venue.kind not in a.kinds:
            continue
        for factor in FACTORS:
            value, setting, note = _changed_value(study, periods, a, factor)
            change = f"x {factor:g}" if factor > 1.0 else f"/ {1.0 / factor:g}"
            yield a.name, change, setting, note or _with(study, a.section, a.key, value)
    for spec in specs:
        if spec != study.model.spec:
            yield "volatility model", spec, spec, _with(study, "model", "spec", spec)


def _changed_value(
    study: Study, periods: Periods, a: _Assumption, factor: float
) -> tuple[float, str, str]:
    """The new value, its setting in words, and a note if it is the old one."""
    if a.period is None:
        value = factor * float(getattr(getattr(study, a.section), a.key))
        return value, f"{value:.4%}", "" if value > 0.0 else "0 stays 0"
    bars = getattr(periods, a.period).bars
    changed = math.ceil(factor * bars)
    unit = pd.Timedelta(seconds=1) if a.key.endswith("seconds") else pd.Timedelta(hours=1)
    noun = "bar" if changed == 1 else "bars"
    note = "" if changed != bars else f"{bars} {noun} before and after: times round up to bars"
    return changed * periods.bar / unit, f"{changed} {noun}", note


def _with(study: Study, section: str, key: str, value: object) -> Study | str:
    content = study.model_dump()
    content[section][key] = value
    try:
        return parse_study(content)
    except InputError as error:
        return error.rule
