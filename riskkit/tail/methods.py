"""The names of the ways to form a tail, apart from their code: a command's help needs no more."""

from __future__ import annotations

from enum import StrEnum


class TailMethod(StrEnum):
    """How the tail of the next bars is formed.

    ``PARAMETRIC``  the fitted innovation law
    ``FILTERED``    filtered historical simulation: the fit's standardised residuals
    ``AGED``        the residuals, the older the less likely
    ``EXTREMES``    the residuals, with generalised Pareto tails beyond a threshold (GARCH-EVT)
    ``HISTORICAL``  past returns as they are, whatever the volatility: the baseline to beat
    """

    PARAMETRIC = "parametric"
    FILTERED = "filtered"
    AGED = "aged"
    EXTREMES = "extremes"
    HISTORICAL = "historical"
