"""Three generations of liquidation rules on one history, each as safe as the others.

Every policy is scaled to the same rate of realised default on positions opened in the first half of
the history, and reported on the second half, which it has not seen: what capital it locks up, when
it fails, how procyclical it is. A rule that was safe by luck fails here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import overload

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.calibration.question import run_of, spec_of, task_of, venue_of
from riskkit.calibration.venue import BarrierVenue
from riskkit.errors import InputError
from riskkit.market.history import PriceHistory
from riskkit.paths.run import Stream
from riskkit.position import Side
from riskkit.proof.judged_schedule import judge_schedule, measured
from riskkit.proof.panel_generations import PanelGenerations, compare_panel_generations
from riskkit.proof.panel_walk import PanelWalk
from riskkit.proof.policies import Generation, Policy, constant_policy, dynamic_policy
from riskkit.proof.replay import lags_of
from riskkit.proof.schedule import Lags, openings
from riskkit.study.case import Case
from riskkit.study.study import Study
from riskkit.tail.along_history import CURVE_PATHS, DynamicTail, dynamic_tail
from riskkit.tail.curve import TailTask
from riskkit.tail.losses import simple_loss
from riskkit.units import count_bars
from riskkit.validation.judging import JudgedDays
from riskkit.validation.procyclicality import margin_behaviour

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Progress = Callable[[str, int, int], None]

RATE = 0.01
LAG_DAYS = (0, 1, 3, 7)
RISE_DAYS = (1, 5, 20)
SCALES = np.geomspace(0.01, 20.0, 800)
FEWEST = 100
KEY = ("generation", "lag_days", "side")
FAILURE = [*KEY, "opened", "closed", "bad_debt"]


@dataclass(frozen=True)
class Halves:
    """Bars at whose close positions are opened, before and after the split.

    A position of the first half is closed before the second begins.
    """

    first: Ints = field(repr=False)
    second: Ints = field(repr=False)


@dataclass(frozen=True)
class Generations:
    """What each generation costs and when it fails.

    Attributes
    ----------
    study : Study
    rate : float
        Rate of default per position that every policy was scaled to on the first half.
    split : Timestamp
        First bar of the second half.
    table : DataFrame
        One row per generation, lag and side: ``generation``, ``lag_days``, ``side``, ``scale``,
        ``first_positions``, ``first_defaults``; of the second half ``positions``, ``defaults``,
        ``default_rate``, ``episodes`` (bars with a default), ``liquidation_rate``, ``mean_margin``
        and ``largest_margin`` (posted at opening, fractions of notional; of the collateral for a
        loan), ``bad_debt_bps`` (of notional, per position), ``peak_to_trough`` and ``rise_1_days``,
        ``rise_5_days``, ``rise_20_days`` of the margin (ratios); ``reason`` says why a policy could
        not be matched: it then has no other numbers.
    failures : DataFrame
        One row per default of the second half: ``generation``, ``lag_days``, ``side``, ``opened``,
        ``closed``, ``bad_debt`` (fraction of notional).
    margins : DataFrame
        Opening margin in force, indexed by bar; columns (generation, lag_days, side).
    measures : DataFrame
        The second half as `riskkit.validation.judging` judges it, one row per matched generation,
        lag and side, each position an account of the same size: ``account_day``, ``oi_year_bps``,
        ``episode_es``, each with ``_low`` and ``_high`` of its 95 % band by blocks of days, and
        ``days_with_defaults``.
    """

    study: Study
    rate: float
    split: pd.Timestamp
    table: pd.DataFrame = field(repr=False)
    failures: pd.DataFrame = field(repr=False)
    margins: pd.DataFrame = field(repr=False)
    measures: pd.DataFrame = field(repr=False)

    def headline(self) -> pd.DataFrame:
        """One row per generation and lag, both sides together: means, and defaults in total."""
        matched = self.table[self.table["reason"] == ""]
        groups = matched.groupby(["generation", "lag_days"], sort=False)
        return groups.agg(
            mean_margin=("mean_margin", "mean"),
            largest_margin=("largest_margin", "max"),
            positions=("positions", "sum"),
            defaults=("defaults", "sum"),
            episodes=("episodes", "sum"),
            liquidation_rate=("liquidation_rate", "mean"),
            bad_debt_bps=("bad_debt_bps", "mean"),
            peak_to_trough=("peak_to_trough", "max"),
            rise_5_days=("rise_5_days", "max"),
        ).reset_index()


@overload
def compare_generations(case: PanelWalk) -> PanelGenerations: ...


@overload
def compare_generations(
    case: Case,
    *,
    rate: float = RATE,
    lag_days: tuple[int, ...] = LAG_DAYS,
    threads: int = 1,
    progress: Progress | None = None,
) -> Generations: ...


def compare_generations(
    case: Case | PanelWalk,
    *,
    rate: float = RATE,
    lag_days: tuple[int, ...] = LAG_DAYS,
    threads: int = 1,
    progress: Progress | None = None,
) -> Generations | PanelGenerations:
    """Scale every generation to one default rate on the first half; report the second.

    Parameters
    ----------
    case : Case or PanelWalk
        A walk of books is answered by `compare_panel_generations`, at its own rate.
    rate : float
        Defaults per position opened at every bar and held for the study's horizon.
    lag_days : tuple of int
        Days until a new volatility-adjusted margin applies, rounded up to bars.

    Raises
    ------
    InputError
        If the rate is no probability, a lag is negative, or a half has too few positions.

    Examples
    --------
    >>> import riskkit
    >>> case = riskkit.Case.read("studies/eth-collateral-daily.toml")
    >>> quick = {"as_of": "2019-12-31", "simulation.paths": 10_000}
    >>> early = riskkit.Case.of(case.study.changed(quick), case.history)
    >>> found = riskkit.compare_generations(early, rate=0.05, lag_days=(0,))
    >>> "mean_margin" in found.headline()
    True
    """
    if isinstance(case, PanelWalk):
        return compare_panel_generations(case)
    _check(rate, lag_days)
    study, history = case.study, case.history
    venue = venue_of(study, history.bar)
    lags = lags_of(study.periods(history.bar), venue)
    late = {d: count_bars(pd.Timedelta(days=d), history.bar).bars for d in lag_days}
    pace = study.pace(history.bar)
    halves, split = split_history(history, pace.minimum_bars + max(late.values()), lags)
    dynamic = dynamic_tail(
        history,
        spec_of(study),
        task_of(study, history.bar),
        run_of(study, threads).with_paths(CURVE_PATHS).stream(Stream.HISTORY),
        minimum_bars=pace.minimum_bars,
        refit_every=pace.refit_every,
        shocks=study.model.shocks,
        progress=None if progress is None else lambda a, b: progress("history", a, b),
    )
    log_close = np.log(history.close.to_numpy(dtype=np.float64))
    rows: list[dict[str, object]] = []
    failures: list[pd.DataFrame] = []
    margins: dict[tuple[str, int, str], Array] = {}
    judged: list[dict[str, object]] = []
    for policy, days in _policies(venue, study.sides, history, dynamic, late, halves):
        names = (policy.generation.value, days, policy.side.value)
        key: dict[str, object] = dict(zip(KEY, names, strict=True))
        scale, hits = match_rate(policy, venue, log_close, halves.first, lags, rate)
        if np.isnan(scale):
            rows.append({**key, "reason": "no margin keeps the first half at the rate"})
            continue
        report, lost, days_of = _second_half(policy, venue, history, halves.second, scale, lags)
        matched = {"scale": scale, "first_positions": len(halves.first), "first_defaults": hits}
        rows.append({**key, **matched, **report, "reason": ""})
        failures.append(pd.concat([pd.DataFrame(key, lost.index), lost], axis=1))
        margins[names] = policy.margins(venue, scale)[1]
        judged.append({**key, **measured(days_of)})
    times = pd.DatetimeIndex(history.bars.index)
    columns = pd.MultiIndex.from_tuples(list(margins), names=KEY)
    frame = pd.DataFrame(np.array(list(margins.values())).reshape(-1, len(times)).T, times, columns)
    return Generations(
        study,
        rate,
        split,
        pd.DataFrame(rows),
        pd.concat(failures, ignore_index=True) if failures else pd.DataFrame(columns=FAILURE),
        frame.iloc[int(halves.first[0]) :],
        pd.DataFrame(judged),
    )


def split_history(history: PriceHistory, known: int, lags: Lags) -> tuple[Halves, pd.Timestamp]:
    """Openings of both halves, the same for every policy, and the bar that parts them.

    Positions whose life crosses a hole are left out.

    Parameters
    ----------
    known : int
        Bars before the first opening: enough for the most lagged policy to have a requirement.
    """
    inside, whole = openings(history, lags.bars)
    bars = np.flatnonzero(inside & whole)
    bars = bars[bars > known]
    if len(bars) < 2 * FEWEST:
        raise InputError(
            "prices",
            f"{len(bars)} positions",
            f"must leave {2 * FEWEST} positions with their whole holding horizon",
            "Load a longer history, or shorten the study's holding horizon",
        )
    middle = int(bars[len(bars) // 2])
    halves = Halves(bars[bars + lags.bars < middle], bars[bars >= middle])
    return halves, pd.DatetimeIndex(history.bars.index)[middle]


def match_rate(
    policy: Policy, venue: BarrierVenue, log_close: Array, opened: Ints, lags: Lags, rate: float
) -> tuple[float, int]:
    """Smallest scale from which on no more than ``rate`` of the positions default; its defaults.

    A sweep from above: the rate need not fall everywhere, since a delay can heal a gap. NaN if
    even the largest scale defaults more often.
    """
    allowed = int(rate * len(opened))
    scale, hits = np.nan, 0
    for candidate in SCALES[::-1]:
        outcome, _ = policy.run(venue, log_close, opened, float(candidate), lags)
        count = int(outcome.defaulted.sum())
        if count > allowed:
            break
        scale, hits = float(candidate), count
    return scale, hits


def _policies(
    venue: BarrierVenue,
    sides: tuple[Side, ...],
    history: PriceHistory,
    dynamic: DynamicTail,
    late: dict[int, int],
    halves: Halves,
) -> Iterator[tuple[Policy, int]]:
    times = pd.DatetimeIndex(history.bars.index)
    n = len(times)
    for side in sides:
        yield constant_policy(Generation.STATIC, side, n, 0.0), 0
        room = _excursion(history, side, dynamic.task, halves.first)
        yield constant_policy(Generation.FIXED, side, n, room), 0
        for tools in (False, True):
            for days, lag in late.items():
                yield dynamic_policy(venue, dynamic, side, times, lag, tools), days


def _excursion(history: PriceHistory, side: Side, task: TailTask, opened: Ints) -> float:
    """Quantile of the worst close within the reaction time, over the first half."""
    log = np.log(history.close.to_numpy(dtype=np.float64))
    ahead = np.stack([log[opened + t] - log[opened] for t in range(1, task.excursion_bars + 1)])
    worst = np.maximum(simple_loss(ahead, side).max(axis=0), 0.0)
    return float(np.quantile(worst, task.excursion_confidence))


def _second_half(
    policy: Policy,
    venue: BarrierVenue,
    history: PriceHistory,
    opened: Ints,
    scale: float,
    lags: Lags,
) -> tuple[dict[str, float], pd.DataFrame, JudgedDays]:
    log_close = np.log(history.close.to_numpy(dtype=np.float64))
    times = pd.DatetimeIndex(history.bars.index)
    outcome, debt = policy.run(venue, log_close, opened, scale, lags)
    opening = policy.margins(venue, scale)[1]
    lost = outcome.defaulted
    failures = pd.DataFrame(
        {
            "opened": times[opened[lost]],
            "closed": times[opened[lost] + outcome.default_bar[lost]],
            "bad_debt": debt[lost],
        }
    )
    per_day = max(round(pd.Timedelta(days=1) / history.bar), 1)
    bars = np.arange(opened[0], opened[-1] + 1)  # every bar: openings leave holes out
    ahead = log_close[bars + 1 + lags.latency + lags.delay] - log_close[bars]
    behaviour = margin_behaviour(
        pd.Series(opening[bars], times[bars]),
        pd.Series(simple_loss(ahead, policy.side), times[bars]),
        [days * per_day for days in RISE_DAYS],
    )
    report = {
        "positions": len(opened),
        "defaults": int(lost.sum()),
        "default_rate": float(lost.mean()),
        "episodes": int(failures["closed"].nunique()),
        "liquidation_rate": _liquidation_rate(policy, outcome.liquidated),
        "mean_margin": behaviour.mean_margin,
        "largest_margin": float(opening[bars].max()),
        "bad_debt_bps": 1e4 * float(debt.mean()),
        "peak_to_trough": behaviour.peak_to_trough,
        **{
            f"rise_{days}_days": ratio
            for days, (_, ratio) in zip(RISE_DAYS, behaviour.rise, strict=True)
        },
    }
    return report, failures, judge_schedule(times, history.bar, opened, outcome, debt, lags)


def _liquidation_rate(policy: Policy, triggered: npt.NDArray[np.bool_]) -> float:
    """Generation I liquidates nobody: what ends it is the default itself."""
    return 0.0 if policy.generation is Generation.STATIC else float(triggered.mean())


def _check(rate: float, lag_days: tuple[int, ...]) -> None:
    if not 0.0 < rate < 1.0:
        raise InputError("rate", rate, "must lie strictly between 0 and 1", "Typical is 0.01")
    if not lag_days or min(lag_days) < 0:
        raise InputError(
            "lag_days", lag_days, "must not be negative, at least one", "Typical is (0, 1, 3, 7)"
        )
