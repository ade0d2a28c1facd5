"""Where accounts at several distances are closed along the same paths: one walk for all groups.

A margin is judged over accounts that sit near their trigger and far from it. Each group has one
trigger, whatever its margin covers, so that one simulation finds when each path crosses each of
them and where it is closed; any covered loss is then judged without simulating again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from riskkit.compiled import IntegerMatrix, Matrix, Vector, Whole, compiled
from riskkit.errors import InputError
from riskkit.paths.draws import LANES, ROW, WORST
from riskkit.paths.kernel import Source, new_block, simulate_block
from riskkit.paths.pieces import in_pieces
from riskkit.paths.run import Run, check_run
from riskkit.paths.simulate import path_source
from riskkit.paths.world import World

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FAILED = -1


@dataclass(frozen=True)
class GroupExits:
    """Paths that cross each of several triggers within a horizon, and where they are closed.

    Attributes
    ----------
    bars : ndarray of int (groups, paths)
        Bar of the crossing, the first is 1; 0 where a path does not cross. Paths whose price did
        not stay finite are left out.
    prices : ndarray (groups, paths)
        Log price at execution times the sign of the side, so that losses are downwards; only known
        where a path crosses.
    failed : int
        Paths that were left out.
    """

    bars: Ints = field(repr=False)
    prices: Array = field(repr=False)
    failed: int


def simulate_group_exits(
    world: World, run: Run, *, sign: int, triggers: tuple[float, ...], lag: int, horizon: int
) -> GroupExits:
    """Simulate paths, and close each group out some bars after its own trigger.

    Parameters
    ----------
    sign : int
        +1 where a falling price loses, -1 where a rising one does.
    triggers : tuple of float
        Log prices times the sign at or below which a bar's worst known price is a trigger.
    lag : int
        Bars from the market's crossing to execution.
    horizon : int
        Bars in which a path may cross.

    Raises
    ------
    InputError
        If a count or the start breaks a rule, or there is no trigger.
    """
    if horizon < 1 or lag < 0 or not triggers:
        raise InputError(
            "horizon, lag, triggers",
            (horizon, lag, triggers),
            "must be at least one bar, no negative lag, and at least one trigger",
            "Give bars, rounded up",
        )
    check_run(run, horizon + lag)
    source, paths = path_source(world, run, sign=sign), run.paths
    levels = np.array(triggers, dtype=np.float64)
    bars = np.zeros((levels.size, paths), np.int64)
    prices = np.zeros((levels.size, paths))

    def piece(begin: int, end: int) -> int:
        return _close_groups(source, begin, end, horizon, lag, levels, bars, prices)

    failed = sum(in_pieces(piece, paths, run.threads, bars=horizon + lag))
    if failed:
        kept = bars[0] != FAILED
        bars, prices = bars[:, kept], prices[:, kept]
    return GroupExits(bars, prices, failed)


@compiled()
def _close_groups(  # pragma: no cover - compiled
    source: Source,
    begin: Whole,
    end: Whole,
    horizon: Whole,
    lag: Whole,
    triggers: Vector,
    crossed: IntegerMatrix,
    executed: Matrix,
) -> Whole:
    """First bar at or below each trigger, and the price ``lag`` bars later, path by path.

    ``crossed`` is FAILED for every group of a path that fails; returns how many fail.
    """
    groups, bars = triggers.size, horizon + lag
    block = new_block(source, bars, False)
    prices, touched, fills, state = block.prices, block.touched, block.fills, block.state
    first = np.empty(LANES)
    failed = 0
    for i in range(begin, end, LANES):
        simulate_block(source, i, block)
        last = prices[(bars - 1) * ROW : (bars - 1) * ROW + LANES]
        lowest = 0.0
        for j in range(LANES):
            lowest = min(lowest, state[WORST * LANES + j])
        for g in range(groups):
            level = triggers[g]
            for j in range(LANES):
                first[j] = -1.0
            if lowest <= level:
                # Backwards and without a branch, so that every lane is looked at at once.
                for t in range(horizon - 1, -1, -1):
                    row = touched[t * ROW : t * ROW + LANES]
                    for j in range(LANES):
                        first[j] = t if row[j] <= level else first[j]
            for j in range(min(LANES, end - i)):
                crossed[g, i + j] = np.int64(first[j]) + 1
                if first[j] >= 0.0:
                    executed[g, i + j] = fills[(np.int64(first[j]) + lag) * ROW + j]
        for j in range(min(LANES, end - i)):
            if not math.isfinite(last[j]):
                failed += 1
                for g in range(groups):
                    crossed[g, i + j] = FAILED
    return failed
