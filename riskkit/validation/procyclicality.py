"""How a margin behaves over time: how fast it rises, what it costs, what it leaves uncovered.

Sources: Murphy, Vasios and Vause (2014) for peak-to-trough and n-day measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskkit.errors import InputError
from riskkit.validation.verdict import as_sample


@dataclass(frozen=True)
class MarginBehaviour:
    """A margin series against the losses it was meant to cover.

    Attributes
    ----------
    peak_to_trough : float
        Largest rise from any earlier low: max over t of M_t / min of M_s, s <= t.
    rise : tuple of (int, float)
        Largest ratio M_t / M_{t-n} for each number of bars n.
    mean_margin : float
        Fraction of notional; lower is cheaper.
    mean_leverage : float
        Reciprocal of the mean margin.
    over_foresight : float
        Mean margin over that of perfect foresight, which would ask for just the loss to come.
        Infinite if no bar lost.
    breach_rate : float
        Share of observations whose loss exceeds the margin.
    mean_shortfall, largest_shortfall : float
        Loss beyond the margin, over the breaches; 0 if there are none.
    observations, breaches : int
    """

    peak_to_trough: float
    rise: tuple[tuple[int, float], ...]
    mean_margin: float
    mean_leverage: float
    over_foresight: float
    breach_rate: float
    mean_shortfall: float
    largest_shortfall: float
    observations: int
    breaches: int

    def summary(self) -> pd.Series:
        """The numbers by name, for a column of a table of candidates."""
        rise = {f"{n}-bar rise": value for n, value in self.rise}
        return pd.Series(
            {
                "peak to trough": self.peak_to_trough,
                **rise,
                "mean margin": self.mean_margin,
                "over foresight": self.over_foresight,
                "breach rate": self.breach_rate,
                "mean shortfall": self.mean_shortfall,
                "largest shortfall": self.largest_shortfall,
            }
        )


def margin_behaviour(
    margin: pd.Series, losses: pd.Series, bars: Sequence[int] = (1, 5, 20)
) -> MarginBehaviour:
    """Measure a margin series in force against the losses of the same rows.

    Parameters
    ----------
    margin : Series
        Margin in force, a fraction of notional, in time order.
    losses : Series
        Realised loss that each row's margin was to cover; positive is a loss.
    bars : sequence of int
        Distances n of the n-bar rise; those beyond the sample are refused.

    Raises
    ------
    InputError
        If rows differ, a margin is not positive, or a distance does not fit the sample.
    """
    m, loss = as_sample(margin=margin, losses=losses)
    if not margin.index.equals(losses.index):
        raise InputError(
            "losses", "another index", "must have the rows of the margin", "Join them by target"
        )
    if not (m > 0.0).all():
        raise InputError("margin", float(m.min()), "must be positive", "Drop rows without one")
    if not all(1 <= n < m.size for n in bars):
        raise InputError(
            "bars", tuple(bars), f"must lie between 1 and {m.size - 1}", "Use shorter distances"
        )
    short = loss[loss > m] - m[loss > m]
    foresight = float(np.maximum(loss, 0.0).mean())
    return MarginBehaviour(
        peak_to_trough=float((m / np.minimum.accumulate(m)).max()),
        rise=tuple((n, float((m[n:] / m[:-n]).max())) for n in bars),
        mean_margin=float(m.mean()),
        mean_leverage=float(1.0 / m.mean()),
        over_foresight=float(m.mean() / foresight) if foresight > 0.0 else float("inf"),
        breach_rate=short.size / m.size,
        mean_shortfall=float(short.mean()) if short.size else 0.0,
        largest_shortfall=float(short.max()) if short.size else 0.0,
        observations=m.size,
        breaches=short.size,
    )
