"""Books along the history of a panel, out of sample: what each lost, and what was forecast.

At every origin only earlier bars are used: parameters of the margins and of the correlation come
from the last refit, volatility and correlation from filtering on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.calibration.portfolio import JointAnswer, joint_spec
from riskkit.calibration.question import spec_of
from riskkit.dependence.correlation import DccFit, fit_dcc
from riskkit.dependence.joint import JointKind, JointModel, JointSpec
from riskkit.dependence.residuals import JointResiduals, restricted
from riskkit.errors import InputError
from riskkit.market.panel import Panel
from riskkit.paths.joint import simulate_joint_moves
from riskkit.paths.model import PathModel, Shocks
from riskkit.paths.run import Run
from riskkit.paths.start import Start
from riskkit.paths.world import Asset, World
from riskkit.portfolio.books import Books, hedged_books, reference_books
from riskkit.portfolio.measure import account_tails
from riskkit.validation.coverage import binomial_interval
from riskkit.volatility.filtering import filter_returns
from riskkit.volatility.refits import refit_at
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.spec import VolatilitySpec
from riskkit.volatility.walk import observed_by

Array = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]

HEDGE_DAYS = 250
HEDGE_HOURS = 2160
# Rows before the first that is drawn from, on which a correlation forgets where it began.
BURN = 300


@dataclass(frozen=True)
class WalkPlan:
    """How a panel is walked.

    Attributes
    ----------
    first, every : int
        Common bars before the first forecast, and from one refit to the next.
    step : int
        Bars from one origin to the next.
    bars : int
        Margin period; beyond one bar it is simulated on ``paths`` paths, at origins that do not
        overlap where ``step`` is as long.
    confidence : float
    paths, seed : int
    """

    first: int
    every: int
    step: int = 1
    bars: int = 1
    confidence: float = 0.99
    paths: int = 4000
    seed: int = 7


@dataclass(frozen=True)
class Forecasts:
    """VaR and ES of every book at every origin, fractions of gross: ndarray (T, A) each."""

    var: Array = field(repr=False)
    es: Array = field(repr=False)


@dataclass(frozen=True)
class PanelWalk:
    """A panel's books along its history.

    Attributes
    ----------
    names : tuple of str
    origins : DatetimeIndex, length T
        Last bar of information; periods across a hole are left out.
    groups : ndarray (A,) of str
    weights : ndarray (T, A, N)
    moves : ndarray (T, N)
        What the assets did over the margin period, simple.
    loss : ndarray (T, A)
        What each book lost of its gross.
    forecasts : mapping of JointKind to Forecasts
    """

    names: tuple[str, ...]
    origins: pd.DatetimeIndex = field(repr=False)
    groups: npt.NDArray[np.str_] = field(repr=False)
    weights: Array = field(repr=False)
    moves: Array = field(repr=False)
    loss: Array = field(repr=False)
    forecasts: Mapping[JointKind, Forecasts] = field(repr=False)

    def of(self, group: str) -> npt.NDArray[np.bool_]:
        """Which books belong to a group."""
        return np.asarray(self.groups == group)

    @property
    def kind(self) -> JointKind:
        """The first way in which rows became scenarios."""
        return next(iter(self.forecasts))

    def coverage(self, kind: JointKind | None = None, probability: float = 0.01) -> pd.DataFrame:
        """Days lost by group of books, and the band in which 95 % of right forecasts lie.

        Parameters
        ----------
        probability : float
            Of a loss beyond VaR, as it was asked.

        Returns
        -------
        DataFrame
            ``group, books, days lost, mean margin`` (of gross), ``band low, band high``.
        """
        asked = kind or self.kind
        hits, margins = self.exceeded(asked), self.forecasts[asked].var
        low, high = (n / len(hits) for n in binomial_interval(len(hits), probability))
        rows = [
            {
                "group": group,
                "books": int(self.of(group).sum()),
                "days lost": float(hits[:, self.of(group)].mean()),
                "mean margin": float(margins[:, self.of(group)].mean()),
                "band low": low,
                "band high": high,
            }
            for group in dict.fromkeys(self.groups.tolist())
        ]
        table = pd.DataFrame(rows)
        table.attrs["fractions"] = ["days lost", "mean margin", "band low", "band high"]
        return table

    def exceeded(self, kind: JointKind) -> npt.NDArray[np.bool_]:
        """Whether a book lost more than its VaR, (T, A)."""
        return np.asarray(self.loss > self.forecasts[kind].var)


@dataclass(frozen=True)
class Stretch:
    """Origins that share one fit of each asset; arrays over the common bars up to the last of them.

    Attributes
    ----------
    begin, end : int
        Common bars that are forecast: begin ... end - 1.
    fits : tuple of VolatilityFit
        On the bars before ``begin``.
    models : tuple of PathModel
    sigma, residuals : ndarray (end - start, N)
        Volatility of each bar in the scale of the paths, and standardised residuals.
    start : int
        First common bar that they hold.
    """

    begin: int
    end: int
    fits: tuple[VolatilityFit, ...] = field(repr=False)
    models: tuple[PathModel, ...] = field(repr=False)
    sigma: Array = field(repr=False)
    residuals: JointResiduals = field(repr=False)
    start: int


def walk_panel(
    panel: Panel,
    spec: VolatilitySpec,
    books: Books,
    plan: WalkPlan,
    *,
    joint: JointSpec | None = None,
    kinds: Sequence[JointKind] = (JointKind.ROTATED,),
    progress: Progress | None = None,
) -> PanelWalk:
    """Forecast every book's tail at every origin; hedged books are added, hedged anew each refit.

    Parameters
    ----------
    joint : JointSpec, optional
        By the bar if not given.
    kinds : sequence of JointKind
        Ways in which rows become scenarios, all on the same margins.

    Raises
    ------
    InputError
        If too few bars are common to all.
    """
    returns = panel.joint_rows()
    values = returns.to_numpy(dtype=np.float64)
    origin = pd.DatetimeIndex(returns.index.get_level_values("origin"))
    target = pd.DatetimeIndex(returns.index.get_level_values("target"))
    asked = joint or JointSpec.for_bar(panel.bar)
    at = np.arange(plan.first, len(returns) - plan.bars + 1, plan.step)
    broken = np.cumsum(np.append(False, origin[1:] != target[:-1]))
    # A period across a hole has no loss that rows can tell.
    at = at[broken[at] == broken[at + plan.bars - 1]]
    if at.size == 0:
        rule = f"must leave bars after the first {plan.first:,} that all assets have"
        raise InputError("panel", f"{len(returns):,} common bars", rule, "Load longer histories")
    hours = panel.bar < pd.Timedelta(days=1)
    hedge = HEDGE_HOURS if hours else HEDGE_DAYS
    size = len(books) + 2 * len(panel)
    weights = np.empty((at.size, size, len(panel)))
    found = {
        kind: Forecasts(np.empty((at.size, size)), np.empty((at.size, size))) for kind in kinds
    }
    done = 0
    for stretch in stretches(panel, spec, asked, plan):
        own = books.beside(
            hedged_books(values[max(0, stretch.begin - hedge) : stretch.begin]), "hedged"
        )
        inside = at[(at >= stretch.begin) & (at < stretch.end)]
        dcc = None
        if JointKind.ROTATED in kinds and inside.size:
            dcc = dcc_before(stretch)
        for kind in kinds:
            model = JointModel.of(
                stretch.residuals, replace(asked, kind=kind),
                dcc=dcc if kind is JointKind.ROTATED else None,
            )  # fmt: skip
            for k, t in enumerate(inside, start=done):
                scenarios = scenarios_at(stretch, model, int(t), plan)
                tails = account_tails(own.weights, scenarios, plan.confidence)
                found[kind].var[k], found[kind].es[k] = tails.var, tails.es
        weights[done : done + inside.size] = own.weights
        done += inside.size
        if progress is not None:
            progress(done, at.size)
    ahead = np.array([values[t : t + plan.bars].sum(axis=0) for t in at])
    moves = np.expm1(ahead)
    return PanelWalk(
        panel.names,
        origin[at],
        np.concatenate([books.groups, np.full(2 * len(panel), "hedged")]),
        weights,
        moves,
        -np.einsum("tan,tn->ta", weights, moves),
        found,
    )


def walk_books(
    answer: JointAnswer, *, each: int = 30, first: int = 500, every: int = 30, seed: int = 1
) -> PanelWalk:
    """Walk the reference books of a study's assets along their history, as the study joins them.

    Parameters
    ----------
    each : int
        Random books of a kind; see `riskkit.portfolio.books.reference_books`.
    first, every : int
        Common bars before the first forecast, and from one refit to the next.

    Raises
    ------
    InputError
        If too few bars are common to all.

    Examples
    --------
    >>> import riskkit
    >>> answer = riskkit.answer_panel("studies/btc-eth-accounts-daily.toml")
    >>> walk = riskkit.walk_books(answer, each=1, first=900, every=300)
    >>> len(walk.coverage()) > 0
    True
    """
    study, panel = answer.study, answer.panel
    joint = joint_spec(study.dependence, panel.bar)
    books, plan = reference_books(len(panel), each, seed), WalkPlan(first, every)
    return walk_panel(panel, spec_of(study), books, plan, joint=joint, kinds=(joint.kind,))


def stretches(
    panel: Panel, spec: VolatilitySpec, joint: JointSpec, plan: WalkPlan
) -> Iterator[Stretch]:
    """Walk the common bars of a panel, from one refit to the next."""
    dates = panel.joint_returns().index
    begins = np.arange(plan.first, len(dates), plan.every)
    series = {name: observed_by(part, spec) for name, part in panel.returns().items()}
    last = {
        name: np.asarray(values.index.get_indexer(dates[begins - 1]), dtype=np.int64)
        for name, values in series.items()
    }
    refits = {name: refit_at(values, spec, last[name]) for name, values in series.items()}
    for b, begin in enumerate(begins.tolist()):
        end = min(begin + plan.every, len(dates))
        start = 0 if joint.half_life is not None else max(0, begin - joint.rows - BURN)
        here = dates[start:end]
        fits, models, sigma, rows = [], [], [], []
        for name, values in series.items():
            fit = refits[name].at(int(last[name][b]))
            known = restricted(fit, dates[start:begin])
            model = PathModel.from_fit(known, Shocks.FILTERED)
            filtered = filter_returns(fit, values.loc[: here[-1]])
            z = known.residuals.to_numpy(dtype=np.float64)
            later = filtered.residuals.loc[here].to_numpy(dtype=np.float64)
            rows.append((later - z.mean()) / float(z.std()))
            sigma.append(model.volatility(filtered.sigma.loc[here].to_numpy(dtype=np.float64)))
            fits.append(fit)
            models.append(model)
        residuals = JointResiduals(panel.names, here, np.ascontiguousarray(np.stack(rows, axis=1)))
        yield Stretch(
            begin, end, tuple(fits), tuple(models), np.stack(sigma, axis=1), residuals, start
        )


def dcc_before(stretch: Stretch) -> DccFit | None:
    """Parameters of the correlation from the rows before the stretch; None if there are none."""
    try:
        found = fit_dcc(stretch.residuals.values[: stretch.begin - stretch.start])
    except InputError:
        return None
    return found if found.converged else None


def scenarios_at(stretch: Stretch, model: JointModel, t: int, plan: WalkPlan) -> Array:
    """Simple returns over the margin period that begins with common bar t, (M, N)."""
    row = t - stretch.start
    shocks, sigma = model.shocks(row - 1), stretch.sigma[row]
    if plan.bars == 1:
        mu = np.array([m.mu for m in stretch.models])
        return np.ascontiguousarray(np.expm1(mu + sigma * shocks.tables[0].T))
    assets = tuple(
        Asset(name, replace(m, residuals=np.ascontiguousarray(table)), Start.measured(s))
        for name, m, table, s in zip(
            shocks.names, stretch.models, shocks.tables[0], sigma, strict=True
        )
    )
    moves = simulate_joint_moves(World(assets), Run(plan.paths, plan.seed), bars=plan.bars)
    return np.ascontiguousarray(np.expm1(moves.terminal).T)
