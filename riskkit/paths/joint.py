"""Joint paths of several assets: the one path kernel, one hash of (seed, path, bar) for all.

Every asset draws the same scenario of its own table of shocks, so that an asset inside a panel has
the paths that it would have alone with that table, to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.dependence.joint import JointShocks
from riskkit.dependence.residuals import restricted
from riskkit.errors import InputError
from riskkit.paths.bits import random_bits
from riskkit.paths.model import PathModel, Shocks
from riskkit.paths.moves import simulate_moves
from riskkit.paths.run import Run, check_run
from riskkit.paths.simulate import run_recursion, simulate_paths
from riskkit.paths.start import Start, StartState
from riskkit.paths.world import Asset, World
from riskkit.volatility.result import VolatilityFit

Array = npt.NDArray[np.float64]

_HALF = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True)
class JointMoves:
    """Simulated cumulative log returns, a row for each asset.

    Attributes
    ----------
    names : tuple of str
    terminal, lowest, highest : ndarray (N, paths)
        As in `riskkit.paths.moves.Moves`.
    """

    names: tuple[str, ...]
    terminal: Array = field(repr=False)
    lowest: Array = field(repr=False)
    highest: Array = field(repr=False)


def joint_world(
    fits: Mapping[str, VolatilityFit],
    dates: pd.Index,
    shocks: JointShocks,
    *,
    state: StartState = StartState.NOW,
    bar: pd.Timedelta | None = None,
) -> World:
    """The world of a panel: fitted recursions with joint shocks.

    Parameters
    ----------
    fits : mapping of str to VolatilityFit
        One for each asset of the shocks.
    dates : Index
        Common bars of the panel, which the shocks were standardised on.
    shocks : JointShocks
    state : StartState

    Raises
    ------
    InputError
        If an asset has no fit, or its model cannot be simulated.
    """
    assets = []
    for name in shocks.names:
        if name not in fits:
            rule = "must have a fit"
            raise InputError("asset", name, rule, "Fit it, or leave it out of the panel")
        seen = restricted(fits[name], dates)
        model = PathModel.from_fit(seen, Shocks.FILTERED)
        table = shocks.of_asset(name)
        model = replace(model, residuals=np.ascontiguousarray(table[0]))
        assets.append(Asset(name, model, Start.of(seen, state)))
    origin = max(fits[name].origin for name in shocks.names)
    return World(tuple(assets), origin, bar)


def worlds_of(world: World) -> tuple[World, ...]:
    """A world of several assets as worlds of one, whose paths belong together."""
    return tuple(replace(world, assets=(asset,)) for asset in world.assets)


def simulate_joint_moves(world: World, run: Run, *, bars: int) -> JointMoves:
    """Simulate cumulative log returns of every asset of a world, on the same paths.

    Raises
    ------
    InputError
        If a count is not positive, or a start does not fit the run.
    """
    moves = [simulate_moves(alone, run, bars=bars) for alone in worlds_of(world)]
    return JointMoves(
        tuple(asset.name for asset in world.assets),
        np.stack([m.terminal for m in moves]),
        np.stack([m.lowest for m in moves]),
        np.stack([m.highest for m in moves]),
    )


def drawn_rows(run: Run, count: int, bars: int) -> npt.NDArray[np.int64]:
    """The scenario of ``count`` that the kernel draws for each path and bar: ndarray (paths, bars).

    One hash serves two bars, 32 bits each, as in `riskkit.paths.draws`.
    """
    bits = random_bits(run.shocks_key, 0, run.paths, np.arange(bars) >> 1)
    half = (bits >> (np.uint64(32) * (np.arange(bars, dtype=np.uint64) & np.uint64(1)))) & _HALF
    return np.asarray((half * np.uint64(count)) >> np.uint64(32), dtype=np.int64)


def simulate_changing_paths(world: World, shocks: JointShocks, run: Run, *, bars: int) -> Array:
    """Joint paths under a table of shocks for each bar: ndarray (N, bars, paths).

    The same scenarios are drawn as by the kernel: with one table it is `simulate_joint_paths`, up
    to rounding.

    Raises
    ------
    InputError
        If a count is not positive, or a start does not fit the run.
    """
    check_run(run, bars)
    rows = drawn_rows(run, shocks.rows, bars)
    last = len(shocks.tables) - 1
    found = []
    for asset in world.assets:
        tables = shocks.of_asset(asset.name)
        drawn = np.stack([tables[min(t, last)][rows[:, t]] for t in range(bars)], axis=1)
        start = Start.measured(asset.start.volatilities(asset.model, run))
        found.append(run_recursion(asset.model, start, drawn)[0].T)
    return np.stack(found)


def simulate_joint_paths(world: World, run: Run, *, bars: int, first_path: int = 0) -> Array:
    """Simulate cumulative log returns of every asset: ndarray (N, bars, paths).

    Raises
    ------
    InputError
        If a count is not positive, or a start does not fit the run.
    """
    return np.stack(
        [
            simulate_paths(alone, run, bars=bars, first_path=first_path).T
            for alone in worlds_of(world)
        ]
    )
