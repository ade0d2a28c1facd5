"""Margin saved at equal bad debt: two margin rules replayed on the same accounts.

A rule is k times a side's volatility over the margin period, plus the cost of closing, at most
half of notional; a raise binds open positions after a bar. Positions of the shipped mix of accounts
are opened every six hours (every day) on both sides, held a week (a month on days), triggered and
closed at adverse extremes. The first rule's k is 5; the other's is found where its bad debt per
year of open interest is the same: on the first half of every asset, judged on its second; and on
all other assets, judged on the one left out. Saved is the mean margin against the margin with which
the other rule would have had the same bad debt on the judged days; its band resamples blocks of 28
days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from riskkit.market import PriceHistory
from riskkit.paths.inside import Fill
from riskkit.position import Side
from riskkit.proof.rule_replay import JudgingPlan, replay_rule
from riskkit.proof.track import Track
from riskkit.study.rule import AccountsSection
from riskkit.venue.rule import PublishedRule
from riskkit.volatility.spec import VolatilitySpec

BASE_MULTIPLE = 5.0
MULTIPLES = np.geomspace(1.5, 15.0, 18)
COST = {"hourly": 0.0035, "daily": 0.0055}
PERIOD = {"hourly": 3, "daily": 2}
BLOCK, DRAWS = 28, 1_000
COLUMNS = ["account_days", "oi_days", "liquidations", "defaults", "bad_debt"]


@dataclass(frozen=True)
class Replays:
    """One rule on one asset at every multiple.

    ``days``: (multiples, days, columns) of what happened; ``margin``: (multiples, days), the mean
    margin published; ``first``: the first day since the epoch.
    """

    first: int
    days: np.ndarray
    margin: np.ndarray


def replays(
    kind: str, history: PriceHistory, sigma: Mapping[Side, pd.Series], since: pd.Timestamp
) -> Replays:
    """Replay a rule on an asset: ``sigma`` is each side's volatility over the period, a bar's."""
    times = pd.DatetimeIndex(history.bars.index)
    steps = np.diff(times.as_unit("ns").asi8) // history.bar.value
    close = history.close.to_numpy(np.float64)
    mix = AccountsSection().mix()
    mix = replace(mix, holding_days=7.0 if kind == "hourly" else 30.0)
    plan = JudgingPlan(
        mix=mix,
        sides=(Side.LONG,),
        every=6 if kind == "hourly" else 1,
        delay=PERIOD[kind] - 1,
        cost=COST[kind],
        fill=Fill.EXTREME,
    )
    tracks = {
        side: Track(
            asset=history.asset,
            times=times,
            bar=history.bar,
            close=close,
            high=np.maximum(history.bars["high"].to_numpy(np.float64), close),
            low=np.minimum(history.bars["low"].to_numpy(np.float64), close),
            gap=np.concatenate([[0.0], (steps - 1).astype(np.float64)]),
            sigma=series.reindex(times).ffill().to_numpy(np.float64),
            coefficients=np.zeros((len(times), 5)),
            spec=VolatilitySpec(),
        )
        for side, series in sigma.items()
    }
    found, margins, first = [], [], 0
    for multiple in MULTIPLES:
        rule = PublishedRule(
            multiple=float(multiple), window=PERIOD[kind], cost=COST[kind], notice=1, cap=0.5
        )
        parts = []
        for side, track in tracks.items():
            done = replay_rule(track, rule, replace(plan, sides=(side,)), start=since)
            table = done.judged.days[COLUMNS].copy()
            day = (done.margin.index - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(days=1)
            table["margin"] = done.margin.groupby(day).mean().reindex(table.index)
            parts.append(table)
        both = sum(part[COLUMNS] for part in parts).dropna()
        margin = (parts[0]["margin"] + parts[1]["margin"]) / 2.0
        index = pd.RangeIndex(int(both.index.min()), int(both.index.max()) + 1)
        found.append(both.reindex(index, fill_value=0.0).to_numpy(np.float64))
        margins.append(margin.reindex(index).to_numpy(np.float64))
        first = index.start
    last = min(len(part) for part in found)
    return Replays(
        first,
        np.stack([part[:last] for part in found]),
        np.stack([part[:last] for part in margins]),
    )


def debt(days: np.ndarray) -> np.ndarray:
    """Bad debt in bps of open interest a year, (multiples,)."""
    return 1e4 * 365.0 * days[:, :, 4].sum(axis=1) / days[:, :, 1].sum(axis=1)


def solved(curve: np.ndarray, target: float) -> float:
    """Place on the grid of multiples, in steps, from which on bad debt is below a target."""
    curve = np.maximum(curve, 1e-3)
    above = np.flatnonzero(curve > target)
    if above.size == 0:
        return 0.0
    i = int(above[-1])
    if i + 1 == curve.size:
        return float(i)
    a, b = np.log(curve[i]), np.log(curve[i + 1])
    return i + (a - np.log(target)) / (a - b)


def at(values: np.ndarray, place: float) -> float:
    """A value of the grid at a place between its steps."""
    return float(np.interp(place, np.arange(values.size), values))


def saved(base: np.ndarray, other: np.ndarray, means: tuple, place: float) -> float:
    """Per cent of margin that the other rule saves at its place, at its own bad debt."""
    reached = np.exp(at(np.log(np.maximum(debt(other), 1e-3)), place))
    same = solved(debt(base), reached)
    return 100.0 * (1.0 - at(means[1], place) / at(means[0], same))


def joined(parts: list[Replays], which: list[slice]) -> tuple[np.ndarray, np.ndarray]:
    """Days of several assets as one calendar, and mean margins over asset-days."""
    first = min(p.first + (s.start or 0) for p, s in zip(parts, which, strict=True))
    last = max(p.first + range(p.days.shape[1])[s].stop for p, s in zip(parts, which, strict=True))
    total = np.zeros((len(MULTIPLES), last - first, len(COLUMNS)))
    margins = []
    for part, span in zip(parts, which, strict=True):
        begin = part.first + (span.start or 0) - first
        days = part.days[:, span]
        total[:, begin : begin + days.shape[1]] += days
        margins.append(part.margin[:, span])
    return total, np.nanmean(np.concatenate(margins, axis=1), axis=1)


def capital_saved(base: dict[str, Replays], other: dict[str, Replays]) -> dict[str, object]:
    """Both ways of judging, with the band, and what stands beside them."""
    names = list(base)
    span = {n: min(base[n].days.shape[1], other[n].days.shape[1]) for n in names}
    base, other = (
        {n: Replays(r[n].first, r[n].days[:, : span[n]], r[n].margin[:, : span[n]]) for n in names}
        for r in (base, other)
    )
    halves = {n: base[n].days.shape[1] // 2 for n in names}
    early = [slice(0, halves[n]) for n in names]
    late = [slice(halves[n], base[n].days.shape[1]) for n in names]
    pick = [[rule[n] for n in names] for rule in (base, other)]
    (train_base, _), (train, _) = (joined(parts, early) for parts in pick)
    (test_base, m_base), (test, m_other) = (joined(parts, late) for parts in pick)
    place_base = float(np.interp(BASE_MULTIPLE, MULTIPLES, np.arange(MULTIPLES.size)))
    place = solved(debt(train), at(debt(train_base), place_base))
    means = (m_base, m_other)
    value = saved(test_base, test, means, place)
    rng = np.random.default_rng(1)
    count = test.shape[1]
    drawn = []
    for _ in range(DRAWS):
        starts = rng.integers(0, count, -(-count // BLOCK))
        rows = ((starts[:, None] + np.arange(BLOCK)) % count).ravel()[:count]
        drawn.append(saved(test_base[:, rows], test[:, rows], means, place))
    low, high = np.quantile(drawn, [0.025, 0.975])
    out = []
    for left in names:
        rest = [n for n in names if n != left]
        whole = [slice(0, base[n].days.shape[1]) for n in rest]
        asked = at(debt(joined([base[n] for n in rest], whole)[0]), place_base)
        at_rest = solved(debt(joined([other[n] for n in rest], whole)[0]), asked)
        all_days = [slice(0, base[left].days.shape[1])]
        (one_base, mb), (one, mo) = (joined([rule[left]], all_days) for rule in (base, other))
        out.append(saved(one_base, one, (mb, mo), at_rest))
    return {
        "value": round(value, 2),
        "low": round(float(low), 2),
        "high": round(float(high), 2),
        "left_out_mean": round(float(np.mean(out)), 2),
        "left_out": dict(zip(names, np.round(out, 1).tolist(), strict=True)),
        "multiples": [round(at(MULTIPLES, p), 2) for p in (place_base, place)],
        "mean_margin_pct": [
            round(100 * at(m, p), 2) for m, p in zip(means, (place_base, place), strict=True)
        ],
        "debt_bps": [round(at(debt(t), p), 1) for t, p in ((test_base, place_base), (test, place))],
        "defaults_1000_days": [
            round(1000 * at(t[:, :, 3].sum(1) / t[:, :, 0].sum(1), p), 3)
            for t, p in ((test_base, place_base), (test, place))
        ],
        "worst_days_pct": [
            round(at(worst(t), p), 3) for t, p in ((test_base, place_base), (test, place))
        ],
    }


def worst(days: np.ndarray) -> np.ndarray:
    """Mean bad debt of the worst hundredth of the days, per cent of open interest, (multiples,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(days[:, :, 1] > 0.0, 100.0 * days[:, :, 4] / days[:, :, 1], 0.0)
    count = max(1, round(0.01 * share.shape[1]))
    return np.sort(share, axis=1)[:, ::-1][:, :count].mean(axis=1)
