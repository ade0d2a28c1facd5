"""Margins held throughout a history, and the study's rule with its tools, by the three measures.

What a tear sheet says beside the share of liquidations that default: over the declared accounts,
defaults per account-day, bad debt per year of open interest and the worst days, each with a band by
blocks of days. A recommended constant was calibrated on this history: it is in sample. The rule is
published bar by bar from what was known, and is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from riskkit.position import Side
from riskkit.proof.rule_judgement import EVERY, constant_rule, plan_of, rule_of, track_of
from riskkit.proof.rule_replay import JudgingPlan, Replayed, replay_rule
from riskkit.proof.rule_tools import with_tools
from riskkit.proof.track import Track
from riskkit.study.case import Case
from riskkit.validation.judging import MEASURES, NAMES, SCALES, JudgedDays
from riskkit.venue.rule import PublishedRule

TOO_FEW = "too few days"


@dataclass(frozen=True)
class HeldMargins:
    """Margins judged over declared accounts along one history.

    Attributes
    ----------
    table : DataFrame
        One row per margin and side: ``margin``, ``side``, ``mean margin`` (fraction), the three
        measures by their names with their 95 % bands in words, ``defaults``, ``days`` (on which
        anything defaulted).
    accounts : str
        The mix that was judged over.
    start, end : Timestamp
        First and last bar on which a margin was in force.
    """

    table: pd.DataFrame = field(repr=False)
    accounts: str
    start: pd.Timestamp
    end: pd.Timestamp


def judge_held(case: Case, margins: Mapping[str, Mapping[Side, float]]) -> HeldMargins:
    """Judge constant margins, and the study's rule with each tool of article 28, on one history.

    Parameters
    ----------
    margins : mapping of name to mapping of Side to float
        Maintenance margins, fractions of notional, such as the recommended and the live ones.

    Raises
    ------
    InputError
        If the venue closes out in parts, at a cost that grows with size, or after drawn lags, or
        the history is too short; see `riskkit.proof.rule_judgement.plan_of`.
    """
    rule, plan, track = rule_of(case), plan_of(case, EVERY), track_of(case)
    start = track.times[int(np.flatnonzero(np.isfinite(track.sigma))[0])]
    rows, last = [], None
    for side in case.sides:
        mine = _one_side(plan, side)
        for name, bars, asked in _versions(track, rule, margins, side):
            last = replay_rule(bars, asked, mine, start=start)
            rows.append({"margin": name, "side": side.value, **_row(last)})
    assert last is not None  # a case has a side
    return HeldMargins(
        pd.DataFrame(rows), str(plan.mix), last.margin.index[0], last.margin.index[-1]
    )


def _one_side(plan: JudgingPlan, side: Side) -> JudgingPlan:
    mix = replace(plan.mix, long_share=1.0 if side is Side.LONG else 0.0)
    return replace(plan, sides=(side,), mix=mix)


def _versions(
    track: Track, rule: PublishedRule, margins: Mapping[str, Mapping[Side, float]], side: Side
) -> Iterator[tuple[str, Track, PublishedRule]]:
    for name, by_side in margins.items():
        if side in by_side:
            yield name, *constant_rule(track, rule, by_side[side])
    yield "the study's rule, bar by bar", track, rule
    for name, changed in with_tools(track, rule):
        yield f"the rule {name}", changed, rule


def _row(found: Replayed) -> dict[str, object]:
    judged = found.judged
    values, bands = judged.measures(), judged.bands()
    cells = {NAMES[name]: _cell(name, values[name], bands[name]) for name in MEASURES}
    return {
        "mean margin": float(found.margin.mean()),
        **cells,
        "defaults": _defaults(judged),
        "days": judged.episodes,
    }


def _cell(name: str, value: float, band: tuple[float, float]) -> str:
    scale, (low, high) = SCALES[name], band
    around = TOO_FEW if low != low else f"{scale * low:.3g} to {scale * high:.3g}"
    return f"{scale * value:.3g} ({around})"


def _defaults(judged: JudgedDays) -> int:
    return int(judged.days["defaulted"].sum())
