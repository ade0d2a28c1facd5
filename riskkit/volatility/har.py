"""A measure of variance regressed on its own past at several spans, in logs, with leverage.

    ln mean m[t+1..t+h] = b0 + sum_k bk ln mean m over the last k bars
                          + c1 min(r[t], 0) + c2 mean min(r, 0) over the second span

by least squares, one regression for each horizon h, brought back from logs by the mean of the
exponential of its residuals. Returns are taken in units of their own standard deviation.

Sources: Corsi (2009); Corsi & Reno (2012) for leverage; Duan (1983) for the way back from logs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from riskkit.volatility.sample import Array

DAY, HOUR, MINUTE = pd.Timedelta(days=1), pd.Timedelta(hours=1), pd.Timedelta(minutes=1)
SPANS = {
    DAY: (DAY, 5 * DAY, 22 * DAY),
    HOUR: (HOUR, 6 * HOUR, DAY, 7 * DAY, 30 * DAY),
    MINUTE: (MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, DAY, 7 * DAY),
}
"""Spans of the regression for bars from so long on: a day, an hour, less."""
FEWEST_ROWS = 3
"""Rows per coefficient, without which there is no regression."""


def spans_of(bar: pd.Timedelta) -> tuple[int, ...]:
    """Bars of each span for bars of a length, increasing, the bar itself first.

    Examples
    --------
    >>> spans_of(pd.Timedelta("1h"))
    (1, 6, 24, 168, 720)
    """
    kind = next(length for length in SPANS if bar >= length or length == MINUTE)
    return tuple(sorted({1, *(max(1, round(span / bar)) for span in SPANS[kind])}))


@dataclass(frozen=True)
class LogHar:
    """Regressions of a measure on its past, for a few horizons.

    Attributes
    ----------
    spans : tuple of int
    horizons : tuple of int
    coefficients : ndarray, shape (horizons, spans + 3)
        Constant, spans, two of leverage; the constant brings back from logs.
    low, high : ndarray, shape (horizons,)
        Of what was regressed: no forecast leaves what has been seen.
    deviation, usual : float
        Of returns: the unit of leverage. Mean of the measure.
    """

    spans: tuple[int, ...]
    horizons: tuple[int, ...]
    coefficients: Array = field(repr=False)
    low: Array = field(repr=False)
    high: Array = field(repr=False)
    deviation: float
    usual: float

    def forecasts(self, measure: Array, returns: Array) -> Array:
        """Expected sum of the measure over each horizon, shape (horizons, n + 1).

        Column t from the bars before t; the first ones, which a span does not fill, from as many
        as there are.
        """
        rows = _regressors(measure, returns / self.deviation, self.spans, self.usual)
        found = np.empty((len(self.horizons), len(measure) + 1))
        for j, bars in enumerate(self.horizons):
            logs = np.clip(rows @ self.coefficients[j], self.low[j], self.high[j])
            found[j] = bars * np.exp(logs)
        return found


def fit_har(
    measure: Array, returns: Array, spans: tuple[int, ...], horizons: tuple[int, ...]
) -> LogHar | None:
    """Regress a measure on its past; None where there are too few bars for it.

    Parameters
    ----------
    measure : ndarray, shape (n,)
        Positive.
    returns : ndarray, shape (n,)
        Demeaned.
    """
    n, deviation, usual = len(measure), float(returns.std()), float(measure.mean())
    begin = max(spans)
    if n - begin - max(horizons) < FEWEST_ROWS * (len(spans) + 3):
        return None
    rows = _regressors(measure, returns / deviation, spans, usual)
    total = np.concatenate([[0.0], np.cumsum(measure)])
    coefficients = np.empty((len(horizons), len(spans) + 3))
    low, high = np.empty(len(horizons)), np.empty(len(horizons))
    for j, bars in enumerate(horizons):
        at = np.arange(begin, n - bars + 1)
        came = np.log((total[at + bars] - total[at]) / bars)
        solved = np.linalg.lstsq(rows[at], came, rcond=None)[0]
        solved[0] += np.log(np.mean(np.exp(came - rows[at] @ solved)))
        coefficients[j], low[j], high[j] = solved, came.min(), came.max()
    return LogHar(spans, horizons, coefficients, low, high, deviation, usual)


def _regressors(measure: Array, returns: Array, spans: tuple[int, ...], usual: float) -> Array:
    """Row t from the bars before t, shape (n + 1, spans + 3)."""
    falls = np.minimum(returns, 0.0)
    columns = [np.ones(len(measure) + 1)]
    columns += [np.log(_trailing(measure, k, usual)) for k in spans]
    columns += [_trailing(falls, k, 0.0) for k in (1, spans[min(1, len(spans) - 1)])]
    return np.column_stack(columns)


def _trailing(values: Array, bars: int, first: float) -> Array:
    """Mean of the last ``bars`` values before each of n + 1 points, or of as many as there are."""
    n = len(values)
    total = np.concatenate([[0.0], np.cumsum(values)])
    end = np.arange(n + 1)
    begin = np.maximum(end - bars, 0)
    found = (total[end] - total[begin]) / np.maximum(end - begin, 1)
    found[0] = first
    return np.asarray(found)
