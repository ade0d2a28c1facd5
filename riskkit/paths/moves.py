"""Where simulated paths end and how far they ran on the way: all that a tail needs of them.

The paths are those of `riskkit.paths.simulate.simulate_paths`, to the last bit, but a block of
them is forgotten once it is read: writing them all down takes several times what simulating does.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from riskkit.compiled import Vector, Whole, compiled
from riskkit.paths.draws import LANES, ROW
from riskkit.paths.kernel import Source, new_block, simulate_block
from riskkit.paths.pieces import fill_pieces
from riskkit.paths.run import Run, check_run
from riskkit.paths.simulate import path_source
from riskkit.paths.world import World

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Moves:
    """Simulated log returns over a period, one of each kind for every path.

    Attributes
    ----------
    terminal : ndarray, shape (paths,)
        Over the whole period.
    lowest, highest : ndarray, shape (paths,)
        Running minimum (at most 0) and maximum (at least 0) of the cumulative return, over the
        same period or another.
    """

    terminal: Array = field(repr=False)
    lowest: Array = field(repr=False)
    highest: Array = field(repr=False)


def simulate_moves(world: World, run: Run, *, bars: int, within: int | None = None) -> Moves:
    """Simulate cumulative log returns of a world's only asset.

    Parameters
    ----------
    world : World
    run : Run
    bars : int
        After which the paths end.
    within : int, optional
        Bars within which they run; as many, if not given. The paths are the same ones: one
        simulation serves two periods.

    Raises
    ------
    InputError
        If a count is not positive, or the start does not fit the run.
    """
    reach = bars if within is None else within
    check_run(run, min(bars, reach))
    source, paths, longest = path_source(world, run), run.paths, max(bars, reach)
    terminal, lowest, highest = np.empty(paths), np.empty(paths), np.empty(paths)

    def piece(begin: int, end: int) -> None:
        _move(source, begin, end, bars, reach, terminal, lowest, highest)

    fill_pieces(piece, paths, run.threads, bars=longest)
    if world.model.inside is not None:
        # A block knows one side's extremes: the other side's are those of the mirrored paths.
        source, mirrored, rest = path_source(world, run, sign=-1), np.empty(paths), np.empty(paths)
        fill_pieces(
            lambda begin, end: _move(source, begin, end, reach, reach, rest, mirrored, rest),
            paths,
            run.threads,
            bars=reach,
        )
        highest = -mirrored
    return Moves(terminal, lowest, highest)


@compiled()
def _move(  # pragma: no cover - compiled
    source: Source,
    begin: Whole,
    end: Whole,
    bars: Whole,
    within: Whole,
    terminal: Vector,
    lowest: Vector,
    highest: Vector,
) -> None:
    """Simulate paths ``begin ... end - 1``, block by block."""
    block = new_block(source, max(bars, within), False)
    prices, touched = block.prices, block.touched
    low, high = np.empty(LANES), np.empty(LANES)
    for i in range(begin, end, LANES):
        for j in range(LANES):
            low[j] = high[j] = 0.0
        simulate_block(source, i, block)
        for t in range(within):
            row, worst = prices[t * ROW : t * ROW + LANES], touched[t * ROW : t * ROW + LANES]
            for j in range(LANES):
                low[j] = worst[j] if worst[j] < low[j] else low[j]
                high[j] = row[j] if row[j] > high[j] else high[j]
        last = prices[(bars - 1) * ROW : (bars - 1) * ROW + LANES]
        for j in range(min(LANES, end - i)):
            terminal[i + j], lowest[i + j], highest[i + j] = last[j], low[j], high[j]
