"""The three tools of EMIR RTS 153/2013, article 28, on a margin rule, each by itself.

A regulator's tools act on the margin, and a rule is published as a formula of sigma: a tool is
applied to the formula's margin, and handed on as the sigma that would give it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from riskkit.proof.track import Track
from riskkit.venue.procyclicality import Buffer, Floor, Overlay, StressedWeight
from riskkit.venue.rule import PublishedRule

STRESSED_QUANTILE = 0.99
TEN_YEARS = pd.Timedelta(days=3_652)


def with_tools(track: Track, rule: PublishedRule) -> Iterator[tuple[str, Track]]:
    """A track for each tool, under which the rule publishes the margin that the tool makes.

    The stressed level is the 99th percentile of the margins so far; a buffer is used up from there
    on. The floor is the rule on the volatility of the last ten years, or of all that there is.
    """
    known = np.isfinite(track.sigma)
    scale = rule.multiple * math.sqrt(rule.window)
    margin = pd.Series(scale * track.sigma[known] + rule.cost)
    stressed = margin.expanding().quantile(STRESSED_QUANTILE)
    years = (track.times[-1] - track.times[0]) / pd.Timedelta(days=365.25)
    tools: dict[str, Overlay] = {
        "with a 25 % buffer": Buffer(stressed),
        "with a 25 % stress weight": StressedWeight(stressed),
        f"with a floor of {min(years, 10.0):.2g} years": Floor(
            _floor(track, scale, rule)[known].reset_index(drop=True)
        ),
    }
    for name, tool in tools.items():
        sigma = track.sigma.copy()
        sigma[known] = (tool.apply(margin).to_numpy(dtype=np.float64) - rule.cost) / scale
        yield name, replace(track, sigma=sigma)


def _floor(track: Track, scale: float, rule: PublishedRule) -> pd.Series:
    """The rule on the standard deviation of the returns of ten years up to each bar."""
    moves = pd.Series(np.diff(np.log(track.close), prepend=np.nan))
    moves[track.gap > 0.0] = np.nan
    bars = max(int(TEN_YEARS / track.bar), 2)
    past = moves.rolling(min(bars, len(moves)), min_periods=2).std()
    return (scale * past + rule.cost).ffill().bfill()
