"""A study of several assets answered for a book of accounts: fits, joint shocks, margins.

Every leg is margined first as the single engine margins it, given the panel's rows and ages: the
mechanism is simulated until P(default | liquidation) meets its target. Offsets then leave of the
legs' sum what the account's own tail leaves of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.calibration.buffers import Tails, solve_buffer
from riskkit.calibration.question import Question, spec_of
from riskkit.dependence.joint import JointKind, JointModel, JointShocks, JointSpec
from riskkit.dependence.residuals import common_dates, joint_residuals
from riskkit.errors import InputError
from riskkit.market.panel import Panel
from riskkit.paths.joint import (
    joint_world,
    simulate_changing_paths,
    simulate_joint_moves,
    simulate_joint_paths,
    worlds_of,
)
from riskkit.paths.run import Run, Stream
from riskkit.paths.start import Start
from riskkit.paths.world import World
from riskkit.portfolio.accounts import Accounts
from riskkit.portfolio.books import hedged_books, reference_books
from riskkit.portfolio.hedging import HedgeLoading, Watched, hedge_loading
from riskkit.portfolio.liquidation import close_legs
from riskkit.portfolio.margin import (
    LegMargins,
    MarginRule,
    PortfolioMargin,
    Requirement,
    leg_tails,
    margin_accounts,
)
from riskkit.position import Side
from riskkit.study import terms
from riskkit.study.panel import PanelCase
from riskkit.study.portfolio import DependenceSection, PortfolioSection
from riskkit.study.study import Study
from riskkit.study.tables import TargetsSection
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.spec import VolatilitySpec

Array = npt.NDArray[np.float64]
Progress = Callable[[str, int, int], None]

EWMA = VolatilitySpec.parse("ewma-normal")
SIDES = (Side.LONG, Side.SHORT)
# Reference books of each random kind, and paths that they are run through the mechanism on.
BOOKS_EACH, BOOK_PATHS = 10, 6_000


@dataclass(frozen=True)
class JointAnswer:
    """What a study of several assets knows before it looks at an account.

    Attributes
    ----------
    study : Study
    panel : Panel
    fits : mapping of str to VolatilityFit
    joint : JointModel
    shocks : JointShocks
        ``kind`` and ``fallbacks`` say what was used and what was refused.
    world : World
        All assets, from the study's start state.
    requirement : Requirement
    table : DataFrame
        A row for each asset and side: ``asset, side, maintenance, tail, loading`` (margin over
        tail), ``alone`` (the margin on all of the asset's own rows, unaged, as the point of
        `riskkit calibrate`) and ``reason`` where no margin meets the target.

    Examples
    --------
    >>> import riskkit
    >>> answer = riskkit.answer_panel("studies/btc-eth-accounts-daily.toml")
    >>> margin = answer.margin(answer.read("data/accounts_example.csv"))
    >>> "account" in margin.table.columns
    True
    """

    study: Study = field(repr=False)
    panel: Panel = field(repr=False)
    fits: Mapping[str, VolatilityFit] = field(repr=False)
    joint: JointModel = field(repr=False)
    shocks: JointShocks = field(repr=False)
    world: World = field(repr=False)
    requirement: Requirement = field(repr=False)
    table: pd.DataFrame = field(repr=False)

    @property
    def statement(self) -> str:
        """What the numbers rest on, in a line."""
        health = self.joint.health()
        found = (
            f"{len(self.panel)} assets, {health['rows']:,} bars in common, {health['first']} to "
            f"{health['last']}; {health['kind']}"
        )
        if "persistence" in health:
            found += f" (a + b {health['persistence']:.3f})"
        return "; ".join([found, *(f"fell back from {why}" for why in self.shocks.fallbacks)])

    def read(self, path: str | Path) -> Accounts:
        """Accounts of these assets from a file, at the panel's last closes; see `Accounts.read`."""
        return Accounts.read(path, self.panel.last_closes)

    def margin(self, accounts: Accounts, *, threads: int = 1) -> PortfolioMargin:
        """Margins of a book, with what closing each account's own size costs beyond the legs'.

        Raises
        ------
        InputError
            If the accounts hold other assets than the panel.
        """
        if accounts.assets != self.panel.names:
            rule = f"must be those of the panel, in its order: {', '.join(self.panel.names)}"
            raise InputError("accounts.assets", accounts.assets, rule, "Read them with its prices")
        return margin_accounts(accounts, self.requirement, threads=threads)


def close_accounts(answer: JointAnswer, margin: PortfolioMargin) -> pd.DataFrame:
    """Every liquidatable account closed leg by leg, in three orders.

    Returns
    -------
    DataFrame
        ``account, order, step, asset, notional, cost, maintenance, equity`` after each close-out;
        orders as in `riskkit.portfolio.liquidation.close_legs`.
    """
    closing, parts = Closing(answer.study), []
    accounts = margin.accounts
    for a in np.flatnonzero((margin.table["state"] == "liquidatable").to_numpy()):
        for order in ("marginal", "largest", "all"):
            done = close_legs(
                accounts.exposures[a],
                float(accounts.equity[a]),
                answer.requirement,
                closing.cost,
                order=order,
            )
            steps = done.steps.assign(asset=[accounts.assets[i] for i in done.steps["asset"]])
            steps.insert(0, "order", order)
            steps.insert(0, "account", accounts.names[a])
            parts.append(steps)
    if parts:
        return pd.concat(parts, ignore_index=True)
    return pd.DataFrame(
        columns=["account", "order", "step", "asset", "notional", "cost", "maintenance", "equity"]
    )


def answer_panel(
    case: PanelCase | str | Path, *, threads: int = 1, progress: Progress | None = None
) -> JointAnswer:
    """Fit every asset, form joint shocks, and margin every leg by itself.

    Parameters
    ----------
    case : PanelCase or path
        A study of several assets, or its file.
    threads : int
        Of the simulation; changes no number.
    progress : callable, optional
        Called with (stage, done, total).

    Raises
    ------
    InputError
        If an asset has too little history, or too few bars are common to all.

    Examples
    --------
    >>> import riskkit
    >>> answer = riskkit.answer_panel("studies/btc-eth-accounts-daily.toml")
    >>> sorted(answer.fits)
    ['BTC', 'ETH']
    """
    case = case if isinstance(case, PanelCase) else PanelCase.read(case)
    study, panel = case.study, case.panel
    if study.is_loan:
        rule = "must be a perpetual: accounts of several positions are margined, not loans"
        raise InputError("position.kind", "loan", rule, "Set position.kind to perpetual")
    tell = progress or (lambda stage, done, total: None)
    fits, joint = _joint(case, tell)
    shocks = joint.shocks()
    dates = common_dates(fits)
    state = study.simulation.start_state
    world = joint_world(fits, dates, shocks, state=state, bar=panel.bar)
    first = Question.of(study, next(iter(fits.values())), panel.bar, threads=threads)
    margin_rule = rule_of(study.portfolio, study.targets)
    run, periods = first.run, first.periods
    moved = simulate_joint_moves(
        world, run.stream(Stream.MARGIN_PERIOD), bars=periods.margin_period_of_risk
    )
    moves = np.ascontiguousarray(np.expm1(moved.terminal).T)
    light = first.lightly.run.stream(Stream.REACTION_TIME)
    ahead, frozen = periods.reaction_time.bars, periods.margin_period_of_risk
    paths = joint_paths(joint, world, light, ahead, frozen)
    reaction = np.ascontiguousarray(np.expm1(paths).transpose(1, 2, 0))
    tails = leg_tails(moves, margin_rule, threads=threads)
    margins, rows = np.full_like(tails, np.nan), []
    worlds = worlds_of(world)
    for i, name in enumerate(panel.names):
        question = Question.of(study, fits[name], panel.bar, threads=threads)
        measured = float(np.sqrt(np.mean(panel.returns()[name].array ** 2)))
        for k, side in enumerate(SIDES):
            found, reason = _leg(question, worlds[i], side, measured)
            alone, _ = _leg(question, question.world, side, measured)
            margins[k, i] = found
            rows.append((name, side.value, found, tails[k, i], found / tails[k, i], alone, reason))
        tell("legs", i + 1, len(panel))
    columns = ["asset", "side", "maintenance", "tail", "loading", "alone", "reason"]
    legs = LegMargins(margins, tails)
    requirement = Requirement(moves, reaction, legs, margin_rule, Closing(study).beyond_usual)
    few = replace(first.run, paths=min(first.run.paths, BOOK_PATHS)).stream(Stream.SOLVE)
    held = periods.holding_horizon.bars + first.lag
    hedging = _hedging(panel, requirement, first, joint_paths(joint, world, few, held, frozen))
    requirement = replace(requirement, hedging=hedging)
    tell("books", 1, 1)
    table = pd.DataFrame(rows, columns=columns)
    return JointAnswer(study, panel, fits, joint, shocks, world, requirement, table)


def joint_paths(joint: JointModel, world: World, run: Run, bars: int, frozen: int) -> Array:
    """Joint paths (N, bars, M); beyond the margin period the correlation is that expected then."""
    if bars > frozen and joint.dcc is not None:
        changing = joint.shocks(frozen=frozen, bars=bars)
        return simulate_changing_paths(world, changing, run, bars=bars)
    return simulate_joint_paths(world, run, bars=bars)


def _hedging(
    panel: Panel, requirement: Requirement, question: Question, paths: Array
) -> HedgeLoading | None:
    """What reference books need beyond their tail; None where no leg has a margin or N is 1."""
    if len(panel) == 1:
        return None
    books = reference_books(len(panel), BOOKS_EACH).beside(
        hedged_books(panel.joint_returns().to_numpy()), "hedged"
    )
    parts = requirement.parts(books.weights)
    known = np.isfinite(parts.base) & (parts.base > 0.0)
    alone = np.count_nonzero(books.weights, axis=1) == 1
    if not (known & alone).any():
        return None
    own, periods = parts.own.sum(axis=1), question.periods
    watched = Watched(
        periods.holding_horizon.bars,
        periods.reaction_time.bars,
        question.lag,
        1.0 - question.liquidation_target,
        question.default_target,
        question.venue.slippage + question.venue.fee,
    )
    return hedge_loading(
        books.weights[known],
        parts.base[known],
        parts.base[known] / own[known],
        paths,
        watched,
    )


def panel_world(case: PanelCase) -> World:
    """The joint future of a study's assets, from its start state: what `answer_panel` rests on.

    Raises
    ------
    InputError
        If an asset has too little history, or too few bars are common to all.
    """
    fits, joint = _joint(case, lambda stage, done, total: None)
    state = case.study.simulation.start_state
    return joint_world(fits, common_dates(fits), joint.shocks(), state=state, bar=case.panel.bar)


@dataclass(frozen=True)
class Closing:
    """What closing exposures at their own size costs, by a study's law of slippage."""

    study: Study = field(repr=False)

    def cost(self, exposures: Array) -> Array:
        """Money, of the same shape."""
        law, sizes = terms.slippage(self.study.liquidity), np.abs(exposures)
        rates = np.array([law.cost(float(size)) for size in sizes.ravel()]).reshape(sizes.shape)
        return np.asarray(np.where(sizes > 0.0, sizes * rates, 0.0))

    def beyond_usual(self, exposures: Array) -> Array:
        """Beyond the rate that the legs' margins hold: that of the study's own position."""
        usual = terms.slippage(self.study.liquidity).cost(self.study.position.notional)
        return np.maximum(self.cost(exposures) - usual * np.abs(exposures), 0.0)


def joint_spec(asked: DependenceSection, bar: pd.Timedelta) -> JointSpec:
    """How a study's joint shocks are formed on bars of a length."""
    kind = JointKind.ROTATED if asked.kind == "rotated-rows" else JointKind.PLAIN
    spec = replace(JointSpec.for_bar(bar, kind), eigenvalue_floor=asked.eigenvalue_floor_fraction)
    if asked.half_life_bars is not None:
        spec = replace(spec, half_life=asked.half_life_bars)
    return spec if asked.rows is None else replace(spec, rows=asked.rows)


def rule_of(asked: PortfolioSection, targets: TargetsSection) -> MarginRule:
    """How a study margins accounts."""
    return MarginRule(
        asked.measure,
        1.0 - targets.default_given_liquidation_probability,
        1.0 - targets.liquidation_within_reaction_time_probability,
        asked.floor_gross_fraction,
        asked.decorrelation_fraction,
    )


def _joint(case: PanelCase, tell: Progress) -> tuple[dict[str, VolatilityFit], JointModel]:
    """Fits and dependence; where a fit is unhealthy, rows of EWMA residuals, and it says so."""
    study, panel = case.study, case.panel
    wanted = EWMA if study.dependence.kind == "ewma-rows" else spec_of(study)
    fits = _fits(panel, wanted, tell)
    sick = [name for name, fit in fits.items() if not fit.health.healthy]
    spec = joint_spec(study.dependence, panel.bar)
    if not sick:
        return fits, JointModel.of(joint_residuals(fits), spec)
    fits = _fits(panel, EWMA, tell)
    model = JointModel.of(joint_residuals(fits), replace(spec, kind=JointKind.PLAIN))
    words = f"{wanted.name}: no healthy fit of {', '.join(sick)}; rows of EWMA residuals instead"
    return fits, replace(model, fallbacks=(words,))


def _fits(panel: Panel, spec: VolatilitySpec, tell: Progress) -> dict[str, VolatilityFit]:
    found = {}
    for done, (name, returns) in enumerate(panel.returns().items()):
        found[name] = fit_volatility(returns, spec)
        tell("fits", done + 1, len(panel))
    return found


def _leg(question: Question, world: World, side: Side, measured: float) -> tuple[float, str]:
    """Maintenance margin of a book of one leg, never below that at full-history volatility."""
    asked = question.changed(world=world)
    found = []
    starts = [world.start]
    if question.floored:
        starts.append(Start.measured(measured))
    for start in starts:
        here = asked.changed(start=start)
        try:
            solution = solve_buffer(here, side, Tails.of(here))
        except InputError as error:
            return float("nan"), error.rule
        trigger, _ = here.venue.limits(solution.covered.value, solution.excursion.value, side)
        found.append(float(trigger))
    return max(found), ""
