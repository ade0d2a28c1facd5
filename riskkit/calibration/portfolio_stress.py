"""A book under stress: everything as one, legs that part, a peg that breaks; its worst dates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.calibration.portfolio import JointAnswer
from riskkit.calibration.question import run_of
from riskkit.dependence.joint import stressed
from riskkit.dependence.residuals import common_dates
from riskkit.errors import InputError
from riskkit.paths.joint import joint_world, simulate_joint_moves
from riskkit.paths.run import Stream
from riskkit.portfolio.accounts import Accounts
from riskkit.portfolio.measure import account_tails

Array = npt.NDArray[np.float64]


def stress_accounts(answer: JointAnswer, accounts: Accounts, *, threads: int = 1) -> pd.DataFrame:
    """Tails of accounts under the same margins where everything moves as one, and where legs part.

    Returns
    -------
    DataFrame
        A row for each account: ``account, tail`` (as margined), ``together``, ``apart``; money. A
        book of offsetting legs passes the first stress and fails the second. With pegs named,
        ``peg``: the largest tail where one of them breaks, its asset following its base less the
        break in every scenario.

    Raises
    ------
    InputError
        If a peg names no asset of the panel.
    """
    rule, study = answer.requirement.rule, answer.study
    run = run_of(study, threads).stream(Stream.MARGIN_PERIOD)
    bars = study.periods(answer.panel.bar).margin_period_of_risk
    dates = common_dates(answer.fits)
    found = {"tail": answer.requirement.moves}
    for name, toward in (("together", 1.0), ("apart", 0.0)):
        shocks = stressed(answer.shocks, toward)
        state = study.simulation.start_state
        world = joint_world(answer.fits, dates, shocks, state=state, bar=answer.panel.bar)
        moved = simulate_joint_moves(world, run, bars=bars)
        found[name] = np.ascontiguousarray(np.expm1(moved.terminal).T)

    def tail(moves: Array) -> Array:
        tails = account_tails(accounts.exposures, moves, rule.confidence, threads=threads)
        return tails.es if rule.measure == "expected-shortfall" else tails.var

    columns: dict[str, object] = {"account": accounts.names}
    columns |= {name: tail(moves) for name, moves in found.items()}
    broken = broken_pegs(
        found["tail"], answer.panel.names, study.portfolio.pegs, study.portfolio.peg_break_fraction
    )
    if broken:
        columns["peg"] = np.maximum.reduce([tail(moves) for moves in broken.values()])
    return pd.DataFrame(columns)


def broken_pegs(
    moves: Array, names: Sequence[str], pegs: Sequence[str], fall: float
) -> dict[str, Array]:
    """The same scenarios with one peg broken, by peg: its asset follows its base less ``fall``.

    Parameters
    ----------
    moves : ndarray (M, N)
        Simple returns.
    pegs : sequence of str
        ``ASSET/BASE``, or ``ASSET`` for one that is promised at a price in money.

    Raises
    ------
    InputError
        If a peg names no asset of the panel, or one asset twice.
    """
    found = {}
    for peg in pegs:
        asset, slash, base = peg.partition("/")
        if asset not in names or (slash and base not in names) or asset == base:
            rule = f"must be ASSET or ASSET/BASE, of {', '.join(names)}"
            raise InputError("portfolio.pegs", peg, rule, "Correct it, or add the asset")
        here = moves.copy()
        kept = 1.0 + moves[:, names.index(base)] if slash else 1.0
        here[:, names.index(asset)] = kept * (1.0 - fall) - 1.0
        found[peg] = here
    return found


def worst_dates(answer: JointAnswer, exposures: Array, *, most: int = 12) -> pd.DataFrame:
    """Rows of which dates would cost one account most over the next bar, at today's volatility.

    Returns
    -------
    DataFrame
        By date, the worst first: ``loss``, and what each asset adds to it; money.
    """
    shocks, parts = answer.shocks, []
    for asset, row in zip(answer.world.assets, shocks.tables[0], strict=True):
        volatility = float(np.median(asset.start.volatilities(asset.model, run_of(answer.study))))
        parts.append(np.expm1(asset.model.mu + volatility * row))
    lost = -(np.stack(parts, axis=1) * exposures)
    table = pd.DataFrame(lost, columns=list(shocks.names), index=shocks.dates)
    table.insert(0, "loss", lost.sum(axis=1))
    # Aged rows hold a recent date many times: it is one date all the same.
    table = table[~table.index.duplicated()].sort_values("loss", ascending=False, kind="stable")
    return table.head(most).rename_axis("date")
