"""A book run along the paths of a world, in blocks: memory does not grow with the paths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from riskkit.paths.run import Run
from riskkit.paths.simulate import simulate_paths
from riskkit.paths.start import Start
from riskkit.paths.world import World
from riskkit.stress.terms import StressedVenue
from riskkit.venue.cascade import CascadePaths, FollowingMargin, run_cascade
from riskkit.venue.cascade_values import (
    OUTCOMES,
)

Array = npt.NDArray[np.float64]

#: Paths that are held at once.
BLOCK = 1_000

#: Outcomes that are kept of every path.
KEPT = (
    "lowest_price",
    "lowest_market",
    "highest_price",
    "highest_market",
    "sold",
    "bought",
    "closures",
    "bad_debt",
    "fund_lowest",
    "deleveraged",
    "deleveraging_cost",
    "fees",
    "most_in_a_bar",
    "unclosed",
    "by_requirement",
    "keepers",
    "given_up",
)


@dataclass(frozen=True)
class StressPaths:
    """What became of a book along the paths of a world; money in the book's.

    Attributes
    ----------
    table : ndarray (paths, kept)
        In the order of `KEPT`.
    open_interest, fund : float
    bars : int
        Of each path.
    volatility : float
        Of a bar at which depth is calm: that of the start.
    """

    table: Array = field(repr=False)
    open_interest: float
    fund: float
    bars: int
    volatility: float

    def of(self, name: str) -> Array:
        """One outcome by name, (paths,)."""
        return self.table[:, KEPT.index(name)]

    @property
    def paths(self) -> int:
        """Number of paths."""
        return int(self.table.shape[0])

    @property
    def losses(self) -> Array:
        """What fund and winners bore, (paths,)."""
        return np.asarray(self.of("bad_debt") + self.of("deleveraging_cost"))

    @property
    def used_up(self) -> npt.NDArray[np.bool_]:
        """Paths on which losses exceeded the fund."""
        return np.asarray((self.of("deleveraged") > 0.0) | (self.of("fund_lowest") < 0.0))

    @property
    def worst(self) -> int:
        """The path with the largest losses; of equals the one that sold most."""
        sold = self.of("sold") + self.of("bought")
        return int(np.lexsort((sold, self.losses))[-1])

    def amplification(self) -> tuple[float, float]:
        """How much deeper prices fell, and rose, for the closing: median over paths that closed."""
        found = []
        for low, market in (("lowest_price", "lowest_market"), ("highest_price", "highest_market")):
            moved = np.abs(self.of(low)) > 1e-9
            deep = moved & (np.abs(self.of(market)) > 1e-9)
            ratio = self.of(low)[deep] / self.of(market)[deep]
            found.append(float(np.median(ratio)) if deep.any() else 1.0)
        return found[0], found[1]


def run_paths(
    venue: StressedVenue,
    world: World,
    run: Run,
    *,
    thickness: float = 1.0,
    margin: FollowingMargin | None = None,
) -> StressPaths:
    """Run the venue's book along the paths of a world.

    Parameters
    ----------
    run : Run
        Path i is the same for any number of paths or threads.
    thickness : float
        Depth throughout, beside what falls with volatility and in a crash.

    Raises
    ------
    InputError
    """
    bars = venue.horizon + venue.engine.delay + venue.engine.latency
    usual = usual_volatility(world)
    kept = [OUTCOMES.index(name) for name in KEPT]
    table = np.empty((run.paths, len(kept)))
    for first, returns in return_blocks(world, run, bars):
        found = run_cascade(
            venue.book,
            venue.depth,
            venue.engine,
            venue.fund,
            CascadePaths(returns, volatility=usual, horizon=venue.horizon),
            thickness=thickness,
            margin=margin,
            threads=run.threads,
        )
        table[first : first + len(returns)] = found.table[:, kept]
    return StressPaths(table, venue.book.open_interest, venue.fund.fund, bars, usual)


def usual_volatility(world: World) -> float:
    """Volatility of a bar as the paths begin, at which depth is calm."""
    start = world.start
    levels = start.levels.mean() if start.levels.size > 1 else start.levels[0]
    return float(world.model.volatility(levels) if start.of_fit else levels)


def return_blocks(
    world: World, run: Run, bars: int, block: int | None = None
) -> Iterator[tuple[int, Array]]:
    """Log returns of a world's paths, a block at a time, with the number of its first path."""
    starts = world.start.volatilities(world.model, run)
    size = BLOCK if block is None else block
    for first in range(0, run.paths, size):
        count = min(size, run.paths - first)
        part = world
        if starts.size > 1:
            part = world.starting(Start.measured(starts[first : first + count]))
        logs = simulate_paths(part, run.with_paths(count), bars=bars, first_path=first)
        yield first, np.ascontiguousarray(np.diff(logs, axis=1, prepend=0.0))


def path_returns(world: World, run: Run, bars: int, path: int) -> Array:
    """Log returns of one path, as `return_blocks` gives it."""
    starts = world.start.volatilities(world.model, run)
    part = world
    if starts.size > 1:
        part = world.starting(Start.measured(starts[path : path + 1]))
    block = simulate_paths(part, run.with_paths(1), bars=bars, first_path=path)
    return np.ascontiguousarray(np.diff(block[0], prepend=0.0))
