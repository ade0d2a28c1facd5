"""Joint shocks: rows of same-date residuals, rotated to today's correlation, margins kept exactly.

A scenario is a date: all assets take their residual of that date. A rotated row is turned from the
correlation of its own day to today's (symmetric roots of a scalar DCC), and every column is then
put back on the asset's own sample in the order of the turned one: the dependence is today's, the
margins are those of the single asset, to the bit.

Sources: Barone-Adesi, Giannopoulos & Vosper (1999) for joint rows; Engle (2002) for the
correlation; Iman & Conover (1982) for keeping margins by ranks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.dependence.correlation import (
    DccFit,
    correlation_of,
    correlation_path,
    expected_correlations,
    fit_dcc,
    symmetric_roots,
)
from riskkit.dependence.residuals import FEWEST_ROWS, JointResiduals
from riskkit.errors import InputError

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

EIGENVALUE_FLOOR = 1e-6
HALF_LIFE = 250.0
AGED_ROWS = 2048
LAST_ROWS = 4000
# Where the floor lifts more rows than this, the panel holds near twins and no rotation is trusted.
MOST_FLOORED = 0.05


class JointKind(StrEnum):
    """How rows of residuals become scenarios.

    ``ROTATED``  turned to today's correlation, each column on its own sample
    ``PLAIN``    as they are
    """

    ROTATED = "rotated-rows"
    PLAIN = "joint-rows"


@dataclass(frozen=True)
class JointSpec:
    """How joint shocks are formed.

    Attributes
    ----------
    kind : JointKind
    half_life : float or None
        Bars after which a row counts half; None counts the last ``rows`` alike.
    rows : int
        Equally likely rows of a scenario table.
    eigenvalue_floor : float
        Eigenvalues of a correlation below it are lifted to it before a root is taken.
    """

    kind: JointKind = JointKind.ROTATED
    half_life: float | None = HALF_LIFE
    rows: int = AGED_ROWS
    eigenvalue_floor: float = EIGENVALUE_FLOOR

    def __post_init__(self) -> None:
        if self.half_life is not None and not self.half_life > 0.0:
            rule = "must be a positive number of bars"
            raise InputError("half_life", self.half_life, rule, "Use 250 on daily bars, say")
        if self.rows < FEWEST_ROWS:
            rule = f"must be at least {FEWEST_ROWS}"
            raise InputError("rows", self.rows, rule, "Use 2,048 aged rows or the last 4,000")
        if not 0.0 <= self.eigenvalue_floor < 0.1:
            rule = "must lie in [0, 0.1)"
            raise InputError("eigenvalue_floor", self.eigenvalue_floor, rule, "Use 1e-6")

    @classmethod
    def for_bar(cls, bar: pd.Timedelta, kind: JointKind = JointKind.ROTATED) -> JointSpec:
        """Aged rows on days; on shorter bars the last 4,000, unaged.

        A half-life of 500 hours is too short once holders choose their books: measured, 1.2 % of
        exceptions for a target of 1 %.
        """
        if bar >= pd.Timedelta(days=1):
            return cls(kind)
        return cls(kind, None, LAST_ROWS)

    def chosen(self, count: int) -> Indices:
        """Positions of the rows of a table among ``count`` of them, oldest first."""
        if self.half_life is None:
            return np.arange(max(0, count - self.rows), count)
        return aged_rows(count, self.half_life, self.rows)


def aged_rows(count: int, half_life: float, rows: int) -> Indices:
    """Systematic sample of positions whose frequencies halve every ``half_life`` bars back."""
    weight = np.exp(-math.log(2.0) / half_life * np.arange(count - 1, -1, -1, dtype=np.float64))
    reached = np.cumsum(weight)
    at = (np.arange(rows) + 0.5) / rows * reached[-1]
    return np.asarray(np.minimum(np.searchsorted(reached, at), count - 1), dtype=np.int64)


@dataclass(frozen=True)
class JointShocks:
    """Equally likely joint shocks for the bars after an origin.

    Attributes
    ----------
    names : tuple of str
    tables : ndarray, shape (tables, N, M)
        Standardised shocks: a row for each asset, a column for each scenario. One table holds for
        every bar; with several, number k is that of bar k + 1, and the last holds from there on.
    dates : Index, length M
        Date of the row behind each scenario, the same for all assets.
    kind : JointKind
        What was used, after any fallback.
    fallbacks : tuple of str
        What was tried before it and refused, and why.
    correlation : ndarray (N, N)
        Of the next bar; of the residuals themselves for plain rows.
    """

    names: tuple[str, ...]
    tables: Array = field(repr=False)
    dates: pd.Index = field(repr=False)
    kind: JointKind
    fallbacks: tuple[str, ...]
    correlation: Array = field(repr=False)

    @property
    def rows(self) -> int:
        """Scenarios of a table."""
        return int(self.tables.shape[2])

    def of_asset(self, name: str) -> Array:
        """The shocks of one asset, shape (tables, M).

        Raises
        ------
        InputError
            If it is none of the panel's.
        """
        if name not in self.names:
            rule = f"must be an asset of the panel: {', '.join(self.names)}"
            raise InputError("asset", name, rule, "Correct the name, or add its prices")
        return np.asarray(self.tables[:, self.names.index(name)])


@dataclass(frozen=True)
class JointModel:
    """Dependence of a panel, estimated on residuals that are taken as given.

    Attributes
    ----------
    residuals : JointResiduals
        Of which the last is of the origin.
    spec : JointSpec
    kind : JointKind
        What is used, after any fallback.
    fallbacks : tuple of str
    dcc : DccFit or None
        None where rows are not rotated.
    correlations : ndarray (T + 1, N, N)
        Number t is known before bar t; empty where rows are not rotated.
    whitened : ndarray (T, N)
        Residuals freed of the correlation of their own day.
    smallest : ndarray (T + 1,)
        Smallest eigenvalue of each correlation, before the floor.
    """

    residuals: JointResiduals
    spec: JointSpec
    kind: JointKind
    fallbacks: tuple[str, ...] = ()
    dcc: DccFit | None = None
    correlations: Array = field(default_factory=lambda: np.empty((0, 0, 0)), repr=False)
    whitened: Array = field(default_factory=lambda: np.empty((0, 0)), repr=False)
    smallest: Array = field(default_factory=lambda: np.empty(0), repr=False)

    @classmethod
    def of(
        cls,
        residuals: JointResiduals,
        spec: JointSpec | None = None,
        *,
        dcc: DccFit | None = None,
    ) -> JointModel:
        """Estimate on all rows but to draw from the chosen ones.

        Parameters
        ----------
        dcc : DccFit, optional
            Parameters held from an earlier estimation, along a walk.

        Raises
        ------
        InputError
            For fewer than 100 common rows.
        """
        spec = spec or JointSpec()
        plain = cls(residuals, spec, JointKind.PLAIN)
        if spec.kind is JointKind.PLAIN:
            return plain
        z = residuals.values
        try:
            fit = fit_dcc(z) if dcc is None else dcc
        except InputError as error:
            return replace(plain, fallbacks=(f"rotated-rows: {error}",))
        if not fit.converged:
            return replace(plain, fallbacks=("rotated-rows: the likelihood did not converge",))
        correlations = correlation_path(z, fit.a, fit.b, fit.target)
        _, inverse, smallest = symmetric_roots(correlations, spec.eigenvalue_floor)
        lifted = float((smallest < spec.eigenvalue_floor).mean())
        if lifted > MOST_FLOORED:
            words = f"rotated-rows: {lifted:.0%} of the correlations lie under the eigenvalue floor"
            return replace(plain, fallbacks=(words,))
        whitened = np.einsum("tij,tj->ti", inverse[:-1], z)
        return cls(residuals, spec, JointKind.ROTATED, (), fit, correlations, whitened, smallest)

    def shocks(self, origin: int | None = None, *, frozen: int = 1, bars: int = 1) -> JointShocks:
        """Joint shocks for the bars after a row; no later row is in them.

        Parameters
        ----------
        origin : int, optional
            Position of the last row known; the last of all if not given.
        frozen : int
            Bars over which the correlation is held: the margin period of risk.
        bars : int
            Bars that tables are made for: beyond the frozen ones each has its own, at the
            correlation expected then.
        """
        known = len(self.residuals) if origin is None else origin + 1
        if known < FEWEST_ROWS:
            rule = f"must leave {FEWEST_ROWS} rows"
            raise InputError("origin", known, rule, "Begin later")
        rows = self.spec.chosen(known)
        own = np.ascontiguousarray(self.residuals.values[rows].T)
        dates = self.residuals.dates[rows]
        if self.dcc is None:
            return JointShocks(
                self.residuals.names, own[None], dates, self.kind, self.fallbacks,
                correlation_of(own.T),
            )  # fmt: skip
        today = self.correlations[known]
        tables = [self._turned(today, own, rows)]
        if bars > frozen:
            later = expected_correlations(today, self.dcc.a, self.dcc.b, self.dcc.target, bars)
            tables = tables * frozen
            tables += [self._turned(r, own, rows) for r in later[frozen:]]
        return JointShocks(
            self.residuals.names,
            np.stack(tables),
            dates,
            self.kind,
            self.fallbacks,
            today,
        )

    def _turned(self, correlation: Array, own: Array, rows: Indices) -> Array:
        half = symmetric_roots(correlation, self.spec.eigenvalue_floor)[0]
        return ranked(np.einsum("ij,mj->im", half, self.whitened[rows]), own)

    def health(self) -> dict[str, float | int | str]:
        """What a reader needs to trust the model, or not."""
        found: dict[str, float | int | str] = {
            "kind": self.kind.value,
            "rows": len(self.residuals),
            "first": str(pd.Timestamp(self.residuals.dates[0]).date()),
            "last": str(pd.Timestamp(self.residuals.dates[-1]).date()),
        }
        if self.dcc is not None:
            values = np.linalg.eigvalsh(self.correlations[-1])
            found |= {
                "a": self.dcc.a,
                "b": self.dcc.b,
                "persistence": self.dcc.persistence,
                "gain_over_constant": self.dcc.loglikelihood - self.dcc.constant,
                "smallest_eigenvalue": float(self.smallest.min()),
                "condition_number": float(values[-1] / values[0]),
                "floored_share": float((self.smallest < self.spec.eigenvalue_floor).mean()),
            }
        return found


def ranked(turned: Array, own: Array) -> Array:
    """Each row of ``own`` (N, M) put in the order of that of ``turned``: margins to the bit.

    Equal values keep the order of their rows, so that a panel of one comes back as it was.
    """
    out = np.empty_like(own)
    for out_row, turned_row, own_row in zip(out, turned, own, strict=True):
        out_row[np.argsort(turned_row, kind="stable")] = np.sort(own_row)
    return out


def stressed(shocks: JointShocks, toward: float) -> JointShocks:
    """The same margins with legs that move as one (``toward`` 1) or apart (0), in part or in full.

    In the order of a common factor every asset has its worst shock in one scenario; apart, each
    draws its row from another date. Both are shown: a book of offsetting legs passes the first
    and fails the second.

    Parameters
    ----------
    toward : float
        In [0, 1]: 1 orders every column alike, 0 shifts each against the others.
    """
    if toward not in (0.0, 1.0):
        rule = "must be 1 (everything moves as one) or 0 (legs decouple)"
        raise InputError("toward", toward, rule, "Show both")
    tables = np.empty_like(shocks.tables)
    for k, table in enumerate(shocks.tables):
        if toward == 1.0:
            factor = table.mean(axis=0)
            tables[k] = ranked(np.broadcast_to(factor, table.shape), table)
        else:
            tables[k] = [_apart(row, i) for i, row in enumerate(table)]
    size = len(shocks.names)
    correlation = np.ones((size, size)) if toward == 1.0 else np.eye(size)
    return replace(shocks, tables=tables, correlation=correlation)


def _apart(row: Array, which: int) -> Array:
    """A column in an order of its own: a fixed permutation by the bits of its position."""
    order = np.random.Generator(np.random.PCG64(which)).permutation(row.size)
    return np.asarray(row[order])
