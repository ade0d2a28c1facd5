"""Collateral whose price is a promise: the venue's own, a constant, or its issuer's word.

No price says how often a bridge is unbacked, an issuer fails, a contract breaks. What can be said
is what it would cost, and how often it may happen before what is earned is lost: the break-even
intensity. A venue that marks collateral on its own book, hard-codes it, or takes its issuer's word
keeps lending at the mark while the true value is x.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import pandas as pd

from riskkit.errors import InputError

VALUES = (1.0, 0.9, 0.75, 0.5, 0.25, 0.1, 0.0)


class MarkedBy(StrEnum):
    """Whose price marks the collateral.

    ``MARKET``  a market that the venue does not make: it follows the true value
    ``OWN_BOOK``  the venue's own: it can be held where its maker wants it
    ``CONSTANT``  hard-coded
    ``ISSUER``  its issuer's word, or a proof that the issuer publishes
    """

    MARKET = "market"
    OWN_BOOK = "own-book"
    CONSTANT = "constant"
    ISSUER = "issuer"


@dataclass(frozen=True)
class Promise:
    """Collateral accepted up to a cap, and what stands behind it.

    Attributes
    ----------
    cap : float
        Most that is accepted, money at its mark.
    loan_to_value : float
        Lent against it, a fraction of the mark.
    source : MarkedBy
    fund : float
        What pays for a loss, money.
    income : float
        Earned on it a year, money.
    haircut : float
        Of a market price between the fall and the close-out; no matter where the mark stands still.
    """

    cap: float
    loan_to_value: float
    source: MarkedBy
    fund: float = 0.0
    income: float = 0.0
    haircut: float = 0.0

    def __post_init__(self) -> None:
        if not self.cap > 0.0 or self.fund < 0.0 or self.income < 0.0:
            rule = "must be a cap above 0, a fund and an income of 0 or more"
            raise InputError("promise", (self.cap, self.fund, self.income), rule, "Give money")
        for name in ("loan_to_value", "haircut"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InputError(name, getattr(self, name), "must lie in [0, 1]", "Use 0.8, say")

    def loss(self, value: float) -> float:
        """Lost if the true value is a fraction of the mark at which the cap was filled.

        Where the mark does not follow, everything lent stays out, and whoever knows fills the cap.
        A market's mark liquidates on the way, at its haircut: what falls faster is lost.

        Raises
        ------
        InputError
            Unless the value lies in [0, 1].
        """
        if not 0.0 <= value <= 1.0:
            rule = "must lie in [0, 1], a fraction of the mark"
            raise InputError("value", value, rule, "Use 0 for a whole loss")
        left = value
        if self.source is MarkedBy.MARKET and value > 0.0:
            left = max(value, 1.0 - self.haircut)
        return self.cap * max(0.0, self.loan_to_value - left)

    def cap_within(self, value: float) -> float:
        """Largest cap whose loss at that true value the fund pays; infinite without a loss."""
        share = self.loss(value) / self.cap
        return self.fund / share if share > 0.0 else float("inf")

    def break_even(self, value: float = 0.0) -> float:
        """Events a year at which the income is just lost; infinite where nothing is lost."""
        lost = self.loss(value)
        return self.income / lost if lost > 0.0 else float("inf")

    def table(self, values: Sequence[float] = VALUES) -> pd.DataFrame:
        """``value, loss, beyond_fund, cap_within, break_even_years`` (once in so many)."""
        rows = []
        for value in values:
            lost, often = self.loss(value), self.break_even(value)
            years = 0.0 if often == float("inf") else (1.0 / often if often else float("inf"))
            rows.append((value, lost, max(0.0, lost - self.fund), self.cap_within(value), years))
        columns = ["value", "loss", "beyond_fund", "cap_within", "break_even_years"]
        return pd.DataFrame(rows, columns=columns)


@dataclass(frozen=True)
class ReportedValue:
    """A value that is told every few days, smoothed: what it hides.

    Attributes
    ----------
    smoothing : float
        First autocorrelation of its returns, at least 0: how much of the last one is in the next.
    error : float
        Its standard error.
    observed, true : float
        Standard deviation of a period's return, as told and with the smoothing taken out.
    """

    smoothing: float
    error: float
    observed: float
    true: float
    periods: int
    returns: pd.Series = field(repr=False)

    def haircut(self, confidence: float, periods: float) -> float:
        """Loss over so many periods: of Student's t, as few returns say how wild they are.

        Raises
        ------
        InputError
            Unless the confidence lies in (0, 1) and the periods are positive.
        """
        from scipy.stats import t as student

        if not (0.0 < confidence < 1.0 and periods > 0.0):
            rule = "must be a confidence in (0, 1) over a positive time"
            raise InputError("confidence", (confidence, periods), rule, "Use 0.99")
        wide = float(student.ppf(confidence, self.periods - 1)) * self.true
        return float(min(1.0, wide * periods**0.5))


def reported_value(values: pd.Series) -> ReportedValue:
    """Take the smoothing out of a reported value: r* = (r - rho r_before)/(1 - rho).

    Source: Geltner (1993). For a first-order smoothing sd is widened by sqrt((1 + rho)/(1 - rho)).

    Raises
    ------
    InputError
        For fewer than 12 values, or ones that are not positive.
    """
    told = values.to_numpy(dtype=float)
    if told.size < 12 or not (told > 0.0).all():
        rule = "must be 12 or more values above 0"
        raise InputError("values", f"{told.size} values", rule, "Load a longer record")
    r = values.pct_change().iloc[1:]
    centred = r.to_numpy() - float(r.mean())
    total = float((centred**2).sum())
    rho = float((centred[1:] * centred[:-1]).sum()) / total if total > 0.0 else 0.0
    rho = min(max(rho, 0.0), 0.95)
    observed = float(r.std(ddof=1))
    freed = (r - rho * r.shift(1)).iloc[1:] / (1.0 - rho)
    error = ((1.0 - rho * rho) / len(r)) ** 0.5
    true = observed * ((1.0 + rho) / (1.0 - rho)) ** 0.5
    return ReportedValue(rho, error, observed, true, len(r), freed)
