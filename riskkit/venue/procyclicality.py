"""Anti-procyclicality: overlays on a margin series, composed from left to right.

A margin that follows volatility asks for the most collateral when it is scarcest. Each overlay is
a value with one method, ``apply``, from a margin series to a margin series of the same index; none
looks ahead. Levels are fractions of notional: a number, or a series that covers the margin's index.

Sources: EMIR RTS 153/2013, article 28, for buffer, stressed weight and floor.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pandas as pd

from riskkit.errors import InputError

#: A fraction of notional, constant or per bar.
Level = float | pd.Series


class Overlay(Protocol):
    """A tool that reshapes a margin series."""

    def apply(self, margin: pd.Series) -> pd.Series:
        """The margin after the overlay, same index; row t uses rows up to t."""


@dataclass(frozen=True)
class Buffer:
    """A buffer that is released in stress: ``max(min((1 + share) M, release), M)``.

    Attributes
    ----------
    release : float or Series
        Margin at which the buffer begins to be used up.
    share : float
        0.25 in the regulation.
    """

    release: Level = field(repr=False)
    share: float = 0.25

    def apply(self, margin: pd.Series) -> pd.Series:
        """Add the buffer below the release level, hand it back above."""
        m = _checked(margin)
        if not self.share >= 0.0:
            raise InputError("share", self.share, "must not be negative", "Typical is 0.25")
        release = _level("release", self.release, m)
        return pd.Series(np.maximum(np.minimum((1.0 + self.share) * m, release), m), m.index)


@dataclass(frozen=True)
class StressedWeight:
    """A weight on stressed observations: ``(1 - weight) M + weight S``.

    Attributes
    ----------
    stressed : float or Series
        Margin S that stressed observations alone would ask for.
    weight : float
        0.25 in the regulation.
    """

    stressed: Level = field(repr=False)
    weight: float = 0.25

    def apply(self, margin: pd.Series) -> pd.Series:
        """Mix the margin with the stressed one."""
        m = _checked(margin)
        if not 0.0 <= self.weight <= 1.0:
            raise InputError("weight", self.weight, "must lie in [0, 1]", "Typical is 0.25")
        stressed = _level("stressed", self.stressed, m)
        return pd.Series((1.0 - self.weight) * m + self.weight * stressed, m.index)


@dataclass(frozen=True)
class Floor:
    """A margin never below a level, e.g. that of the long-run volatility (`long_run_level`)."""

    level: Level = field(repr=False)

    def apply(self, margin: pd.Series) -> pd.Series:
        """Raise what lies below the floor."""
        m = _checked(margin)
        return pd.Series(np.maximum(m, _level("level", self.level, m)), m.index)


@dataclass(frozen=True)
class Cap:
    """A margin never above a level: it bounds the users' burden, not the venue's loss."""

    level: Level = field(repr=False)

    def apply(self, margin: pd.Series) -> pd.Series:
        """Lower what lies above the cap."""
        m = _checked(margin)
        return pd.Series(np.minimum(m, _level("level", self.level, m)), m.index)


@dataclass(frozen=True)
class SpeedLimit:
    """A margin that grows by no more than ``factor`` within ``bars``: min(M_t, k M'_{t-n}).

    The limit refers to the limited margin itself, so a long rise is stretched and not only
    delayed. It never slows a fall.
    """

    factor: float
    bars: int = 1

    def apply(self, margin: pd.Series) -> pd.Series:
        """Hold back what rises too fast."""
        m = _checked(margin)
        if not self.factor >= 1.0 or self.bars < 1:
            raise InputError(
                "factor, bars",
                (self.factor, self.bars),
                "factor must be at least 1 and bars at least 1",
                "For example SpeedLimit(1.5, bars=5)",
            )
        limited = m.to_numpy(dtype=np.float64).copy()
        for t in range(self.bars, limited.size):
            limited[t] = min(limited[t], self.factor * limited[t - self.bars])
        return pd.Series(limited, m.index)


def apply_overlays(margin: pd.Series, overlays: Iterable[Overlay]) -> pd.Series:
    """Apply overlays in order; the last one has the last word.

    Parameters
    ----------
    margin : Series
        Margins in force, fractions of notional, in time order.

    Raises
    ------
    InputError
        If a margin is missing or not positive, or an overlay's own numbers break its rule.
    """
    result = _checked(margin)
    for overlay in overlays:
        result = overlay.apply(result)
    return pd.Series(result.to_numpy(), margin.index, name=margin.name)


def long_run_level(returns: pd.Series, multiple: float, bars: int | None = None) -> pd.Series:
    """A multiple of long-run volatility, the classical margin floor.

    Parameters
    ----------
    returns : Series of log returns indexed by target
    multiple : float
        Of the standard deviation; the quantile of the standardised loss, for instance 2.33.
    bars : int, optional
        Window; the whole past if not given (10 years in the regulation).

    Returns
    -------
    Series
        Same index; row t uses returns up to t - 1. The first row takes the second's level, there
        being no past.
    """
    if not multiple > 0.0 or len(returns) < 3:
        raise InputError(
            "multiple, returns",
            (multiple, len(returns)),
            "needs a positive multiple and three returns",
            "Typical is the quantile of the standardised loss, about 2.3 to 4",
        )
    past = returns.rolling(bars, min_periods=2) if bars else returns.expanding(min_periods=2)
    return multiple * past.std().shift(1).bfill()


def _checked(margin: pd.Series) -> pd.Series:
    values = margin.to_numpy(dtype=np.float64)
    if values.size == 0 or not (np.isfinite(values) & (values > 0.0)).all():
        raise InputError(
            "margin",
            f"{int((~(np.isfinite(values) & (values > 0.0))).sum())} of {values.size} values",
            "must be positive and finite, at least one",
            "Apply overlays to margins as fractions of notional",
        )
    return margin


def _level(name: str, level: Level, margin: pd.Series) -> pd.Series:
    if isinstance(level, pd.Series):
        aligned = level.reindex(margin.index)
        if aligned.isna().any():
            raise InputError(
                name,
                f"{int(aligned.isna().sum())} bars without a level",
                "a series must cover every bar of the margin",
                "Extend the series, or give one number",
            )
        return aligned
    if not (math.isfinite(level) and level > 0.0):
        raise InputError(name, level, "must be positive and finite", "Give a fraction of notional")
    return pd.Series(float(level), margin.index)
