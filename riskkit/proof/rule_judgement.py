"""A study's margin rule judged on its own history: beside what it would be otherwise.

One table answers what is asked of a rule before it is published: the measures with their bands,
what later or capped versions of it cost, what the three tools of EMIR RTS 153/2013 article 28 cost,
what other fills would have shown, who would have defaulted in the crashes inside the history, and
what the model predicts for a history as long as this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from riskkit.calibration.question import run_of, spec_of, venue_of
from riskkit.errors import InputError
from riskkit.paths.inside import Fill
from riskkit.paths.memory import OwnSideMemory
from riskkit.paths.run import Stream
from riskkit.proof.rule_replay import JudgingPlan, Replayed, replay_rule
from riskkit.proof.rule_tools import with_tools
from riskkit.proof.rule_worlds import FEWEST_ROWS, Predicted, predict_rule
from riskkit.proof.track import BarSight, Track, remembering, walk_track
from riskkit.study import terms
from riskkit.study.case import Case
from riskkit.study.rule import AccountsSection, RuleSection
from riskkit.units import count_bars
from riskkit.validation.judging import MEASURES
from riskkit.venue.account_mix import AccountMix
from riskkit.venue.rule import PublishedRule, Raises, check_rule

Progress = Callable[[str, int, int], None]

LATE = {"1 h": pd.Timedelta(hours=1), "1 d": pd.Timedelta(days=1), "7 d": pd.Timedelta(days=7)}
CAPS = (0.05, 0.1, 0.2)
HISTORIES = 40
EVERY = pd.Timedelta(hours=6)


@dataclass(frozen=True)
class RuleJudgement:
    """What a rule did, would have done, and was predicted to do.

    Attributes
    ----------
    case : Case
    plan : JudgingPlan
    base : Replayed
        The rule itself.
    bands : mapping of str to (float, float)
        95 % bands of its measures, by blocks of days.
    table : DataFrame
        One row per version: ``version``, the three measures, ``default_given_liquidation``,
        ``episodes``, ``defaults``, ``liquidations``, ``by_requirement`` (share of the liquidations
        that the requirement caused alone), ``mean_margin``, ``median_margin``, ``high_margin``
        (99 % quantile), ``rise_1d`` (largest in a day, points of notional).
    fills : DataFrame
        The rule filled at close, midpoint and extreme, and as if triggers were seen on closes.
    by_distance : DataFrame
        Bad debt per year of open interest (bps) of each group of accounts, by version.
    predicted : Predicted or None
    """

    case: Case
    plan: JudgingPlan
    base: Replayed
    bands: dict[str, tuple[float, float]]
    table: pd.DataFrame = field(repr=False)
    fills: pd.DataFrame = field(repr=False)
    by_distance: pd.DataFrame = field(repr=False)
    predicted: Predicted | None = field(repr=False)

    @property
    def inside(self) -> dict[str, bool]:
        """Whether each prediction lies in the band of what happened; empty without one."""
        if self.predicted is None:
            return {}
        typical = self.predicted.typical
        return {n: self.bands[n][0] <= typical[n] <= self.bands[n][1] for n in MEASURES}


def judge_rule(
    case: Case,
    *,
    start: pd.Timestamp | None = None,
    end: pd.Timestamp | None = None,
    every: pd.Timedelta = EVERY,
    fill: Fill | None = None,
    histories: int = HISTORIES,
    progress: Progress | None = None,
) -> RuleJudgement:
    """Judge the rule of a study, or the default one, along its history.

    Parameters
    ----------
    start, end : Timestamp, optional
        Positions are opened in [start, end); by default from where a thousand forecasts were held
        to what came, to the end.
    every : Timedelta
        From one opening to the next, rounded up to bars.
    fill : Fill, optional
        Convention of the base, by default the study's, or the extreme where triggers are seen
        there; the two others are shown beside it.
    histories : int
        Simulated histories behind the prediction; 0 makes none.

    Raises
    ------
    InputError
        If the rule or the mix breaks a rule, the venue closes out in parts or at a cost that
        grows with size, or the history is too short.

    Examples
    --------
    >>> import riskkit
    >>> import pandas as pd
    >>> case = riskkit.Case.read("studies/eth-perpetual-daily.toml")
    >>> start, end = (pd.Timestamp(f"{year}-01-01", tz="UTC") for year in (2023, 2024))
    >>> found = riskkit.judge_rule(case, start=start, end=end, histories=0)
    >>> found.table["version"].iloc[0]
    'the rule'
    """
    rule, plan = rule_of(case), plan_of(case, every, fill)
    check_rule(rule, plan.horizon(case.bar))
    track = track_of(case)
    if rule.memory > 0.0:
        # the simulated histories filter volatility alone: what they would predict is another rule
        histories = 0
        track = remembering(track, OwnSideMemory(rule.memory), rule.window)
    known = np.flatnonzero(np.isfinite(track.sigma))
    if start is None:
        first = int(known[0]) + FEWEST_ROWS + 1 if histories else int(known[0])
        _enough(track, first)
        start = track.times[first]
    else:
        start = max(start, track.times[int(known[0])])
        begin = int(track.times.searchsorted(start))
        _enough(track, begin)
        start = track.times[begin]  # a prediction begins where there are bars
    stop = track.times[-1] + track.bar if end is None else end
    versions = list(_versions(track, rule))
    rows, groups = [], {}
    base: Replayed | None = None
    for number, (name, bars, asked) in enumerate(versions):
        if progress is not None:
            progress(name, number, len(versions) + 1)
        found = replay_rule(bars, asked, plan, start=start, end=stop)
        base = found if base is None else base
        rows.append({"version": name, **described(found)})
        groups[name] = bad_debt_by_distance(found)
    assert base is not None
    flat = constant_rule(track, rule, float(base.margin.mean()))
    found = replay_rule(*flat, plan, start=start, end=stop)
    rows.append({"version": "constant, of the same mean", **described(found)})
    groups["constant, of the same mean"] = bad_debt_by_distance(found)
    fills = pd.DataFrame(
        {
            "fill": other.value,
            **described(
                base
                if other is fill
                else replay_rule(track, rule, plan.filled(other), start=start, end=stop)
            ),
        }
        for other in Fill
    )
    if not plan.sight.on_close:
        closes = replace(plan.filled(Fill.CLOSE), sight=replace(plan.sight, on_close=True))
        seen = replay_rule(track, rule, closes, start=start, end=stop)
        row = pd.DataFrame([{"fill": "close, seen on closes", **described(seen)}])
        fills = pd.concat([fills, row], ignore_index=True)
    if progress is not None:
        progress("simulating", len(versions), len(versions) + 1)
    made = None
    if histories:
        made = predict_rule(
            [track],
            rule,
            plan,
            start=start,
            end=stop,
            spell=case.study.pace(case.bar).refit_every,
            run=run_of(case.study).with_paths(histories).stream(Stream.REPLAY),
        )
    return RuleJudgement(
        case=case,
        plan=plan,
        base=base,
        bands=base.judged.bands(),
        table=pd.DataFrame(rows),
        fills=fills,
        by_distance=pd.DataFrame(groups),
        predicted=made,
    )


def rule_of(case: Case) -> PublishedRule:
    """The study's rule, or the default one, with its times in bars."""
    periods = case.study.periods(case.bar)
    return terms.margin_rule(
        case.study.rule or RuleSection(),
        case.bar,
        window=periods.margin_period_of_risk,
        cost=venue_of(case.study, case.bar).cost_of_closing,
    )


def mix_of(case: Case) -> AccountMix:
    """The study's accounts, or the shipped ones; all long where only longs are margined."""
    mix = (case.study.accounts or AccountsSection()).mix()
    if len(case.sides) == 1:
        return replace(mix, long_share=1.0 if case.sides[0].sign > 0 else 0.0)
    return mix


def plan_of(case: Case, every: pd.Timedelta, fill: Fill | None = None) -> JudgingPlan:
    """How a study's rule is judged.

    Raises
    ------
    InputError
        If its venue closes out in parts, at a cost that grows with size, or after drawn lags.
    """
    study, bar = case.study, case.bar
    if not terms.is_simple(study.position, study.oracle, study.liquidation, study.liquidity):
        raise InputError(
            "liquidation, liquidity, oracle, position",
            "a venue of another kind",
            "must close out in full, at one cost, after fixed lags and without carry, for a rule "
            "to be replayed account by account",
            "Replay a study with flat liquidity, a full close-out and constant lags",
        )
    periods, venue = study.periods(bar), venue_of(study, bar)
    on_close = study.liquidation.trigger == "close" or not case.history.has_extremes
    seen = Fill.CLOSE if on_close else Fill.EXTREME
    return JudgingPlan(
        mix=mix_of(case),
        sides=case.sides,
        every=max(count_bars(every, bar).bars, 1),
        delay=periods.margin_period_of_risk - 1,
        cost=venue.cost_of_closing,
        fill=fill or study.liquidation.fill or seen,
        sight=BarSight(on_close, venue.deviation),
    )


def track_of(case: Case) -> Track:
    """The study's history with its model walked along it, on a window as long as its first fit's.

    Raises
    ------
    InputError
        If the history is shorter than that.
    """
    pace = case.study.pace(case.bar)
    return walk_track(
        case.history, spec_of(case.study), window=pace.minimum_bars, refit_every=pace.refit_every
    )


def constant_rule(track: Track, rule: PublishedRule, margin: float) -> tuple[Track, PublishedRule]:
    """A track and a rule under which the margin never moves."""
    sigma = np.where(np.isfinite(track.sigma), 1.0, np.nan)
    level = max(margin - rule.cost, 1e-9) / np.sqrt(rule.window)
    fixed = replace(rule, multiple=level, late=0, fallback=0.0, cap=max(rule.cap, margin))
    return replace(track, sigma=sigma), fixed


def described(found: Replayed) -> dict[str, float]:
    """One replay as a row."""
    judged, margin = found.judged, found.margin
    day = max(round(pd.Timedelta(days=1) / (margin.index[1] - margin.index[0])), 1)
    rise = margin.to_numpy()[day:] - margin.to_numpy()[:-day] if len(margin) > day else np.zeros(1)
    return {
        **judged.measures(),
        "default_given_liquidation": judged.default_given_liquidation,
        "episodes": judged.episodes,
        "defaults": int(judged.days["defaulted"].sum()),
        "liquidations": int(judged.days["liquidated"].sum()),
        "by_requirement": judged.caused_share,
        "mean_margin": float(margin.mean()),
        "median_margin": float(margin.median()),
        "high_margin": float(margin.quantile(0.99)),
        "rise_1d": float(rise.max()),
    }


def bad_debt_by_distance(found: Replayed) -> pd.Series:
    """Bad debt per year of open interest, bps, of each group of accounts by itself."""
    rows = found.accounts
    held = (rows["ended"] - rows["opened"]).dt.total_seconds() / (365.0 * 86_400.0)
    sums = (
        pd.DataFrame({"distance": rows["distance"], "debt": rows["bad_debt"], "held": held})
        .groupby("distance")
        .sum()
    )
    return 1e4 * sums["debt"] / sums["held"]


def _enough(track: Track, first: int) -> None:
    if first >= len(track.times) - 1:
        raise InputError(
            "start",
            f"bar {first:,} of {len(track.times):,}",
            "must leave bars after the first fit and a thousand forecasts, to open positions at",
            "Give a longer history, an earlier start, or --histories 0",
        )


def _versions(track: Track, rule: PublishedRule) -> Iterator[tuple[str, Track, PublishedRule]]:
    yield "the rule", track, rule
    for raises in Raises:
        if raises is not rule.raises:
            words = {"after-notice": "after notice", "at-once": "at once", "never": "never"}
            yield f"raises bind {words[raises.value]}", track, replace(rule, raises=raises)
    for name, time in LATE.items():
        yield f"{name} late", track, rule.delayed(count_bars(time, track.bar).bars)
    for cap in CAPS:
        if cap < rule.cap and cap > max(rule.cost, rule.fallback):
            yield f"capped at {cap:.0%}", track, replace(rule, cap=cap)
    for name, changed in with_tools(track, rule):
        yield name, changed, rule
