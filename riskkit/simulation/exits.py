"""The prices at which paths are closed that cross one trigger: what a sweep of buffers needs.

Buffers that differ only in the loss they cover are triggered at one price, and closed out together.
One walk down the paths finds where each path is some bars after that; who has defaulted there is
then counted for any number of default prices, costs and bonuses, without simulating again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from riskkit.compiled import Cube, Matrix, Real, Vector, Whole, compiled
from riskkit.errors import InputError
from riskkit.paths.draws import LANES, ROW
from riskkit.paths.kernel import Source, new_block, simulate_block
from riskkit.paths.pieces import in_pieces
from riskkit.paths.run import Run, check_run
from riskkit.paths.simulate import path_source
from riskkit.paths.world import World
from riskkit.simulation.tally import Tally

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

NEVER = -1.0


@dataclass(frozen=True)
class Exits:
    """Paths that cross a trigger within a horizon, and where they are some bars after that.

    Attributes
    ----------
    lags : range
        Bars from the market's crossing to execution, consecutive.
    prices : ndarray (lags, n)
        Log prices at execution times the sign of the side, so that losses are downwards; a column
        for each path that crosses.
    times : ndarray (3,) of int
        Paths that cross, and the sums of their trigger bars (the first is 1) and of the squares.
    paths, failed : int
        Paths simulated, and those whose price did not stay finite, which count nowhere.
    """

    lags: range
    prices: Array = field(repr=False)
    times: Counts
    paths: int
    failed: int

    def tally(self, defaults: Array, lag: int) -> Tally:
        """Count the paths that are below each default price when they are closed.

        Parameters
        ----------
        defaults : ndarray (K,)
            Log prices times the sign of the side.
        lag : int
            One of ``lags``.
        """
        prices = self.prices[self.lags.index(lag)]
        hits = [np.count_nonzero(prices < default) for default in defaults]
        times = np.tile(self.times, (defaults.size, 1))
        return Tally(self.paths, self.failed, False, np.array(hits)[:, None], times)


def simulate_exits(
    world: World, run: Run, *, sign: int, trigger: float, lags: range, horizon: int
) -> Exits:
    """Simulate the paths of `riskkit.simulation.default.simulate_grid`, and close out at some lags.

    Parameters
    ----------
    sign : int
        +1 where a falling price loses, -1 where a rising one does.
    trigger : float
        Log price times the sign at or below which a bar's worst known price is a trigger.
    lags : range
        Bars from the market's crossing to execution, oracle latency and liquidation delay together:
        consecutive.
    horizon : int
        Bars in which a path may cross.

    Raises
    ------
    InputError
        If a count or the start breaks a rule.
    """
    bars = _bars(run, lags, horizon)
    source, paths = path_source(world, run, sign=sign), run.paths
    crossed, executed = np.empty(paths), np.empty((len(lags), paths))

    def piece(begin: int, end: int) -> int:
        return _close_out(source, begin, end, horizon, lags.start, trigger, crossed, executed)

    failed = sum(in_pieces(piece, paths, run.threads, bars=bars))
    return _exits(lags, crossed, executed, failed)


def simulate_both_exits(
    world: World, run: Run, *, triggers: tuple[float, float], lags: range, horizon: int
) -> tuple[Exits, Exits]:
    """`simulate_exits` of a long and of a short, from one walk: mirrored paths are the same paths.

    Parameters
    ----------
    triggers : (float, float)
        That of the long, and that of the short; each as there.
    lags, horizon
        As there.

    Raises
    ------
    InputError
        If a count or the start breaks a rule, or the world knows what bars touch: then a long's
        extremes are not a short's.
    """
    if world.model.inside is not None:
        rule = "must know closes only, since each side has extremes of its own"
        raise InputError("world", "with ranges", rule, "Use simulate_exits for each side")
    bars = _bars(run, lags, horizon)
    source, paths = path_source(world, run, sign=1), run.paths
    crossed, executed = np.empty((2, paths)), np.empty((2, len(lags), paths))
    levels = np.array(triggers, dtype=np.float64)

    def piece(begin: int, end: int) -> int:
        return _close_out_both(source, begin, end, horizon, lags.start, levels, crossed, executed)

    failed = sum(in_pieces(piece, paths, run.threads, bars=bars))
    long, short = (_exits(lags, crossed[i], executed[i], failed) for i in range(2))
    return long, short


def _bars(run: Run, lags: range, horizon: int) -> int:
    """Bars that the paths run, after checks."""
    if horizon < 1:
        raise InputError("horizon", horizon, "must be at least 1 bar", "Give bars, rounded up")
    if len(lags) == 0 or lags.start < 0 or lags.step != 1:
        rule = "must be consecutive bars, none of them negative"
        raise InputError("lags", lags, rule, "Give range(lag, lag + 1) for one")
    bars = horizon + lags.stop - 1
    check_run(run, bars)
    return bars


def _exits(lags: range, crossed: Array, executed: Array, failed: int) -> Exits:
    hit = crossed != NEVER
    bar = crossed[hit].astype(np.int64) + 1
    times = np.array([bar.size, bar.sum(), (bar * bar).sum()])
    return Exits(lags, executed[:, hit], times, crossed.size, failed)


@compiled()
def _close_out(  # pragma: no cover - compiled
    source: Source,
    begin: Whole,
    end: Whole,
    horizon: Whole,
    first_lag: Whole,
    trigger: Real,
    crossed: Vector,
    executed: Matrix,
) -> Whole:
    """First bar at or below the trigger, and prices from ``first_lag`` bars later on, path by path.

    ``crossed`` is NEVER where a path does not cross, or fails; returns how many fail.
    """
    lags = executed.shape[0]
    bars = horizon + first_lag + lags - 1
    block = new_block(source, bars, False)
    prices, touched, fills = block.prices, block.touched, block.fills
    first = np.empty(LANES)
    failed = 0
    for i in range(begin, end, LANES):
        for j in range(LANES):
            first[j] = NEVER
        simulate_block(source, i, block)
        # Backwards and without a branch, so that every lane is looked at at once.
        for t in range(horizon - 1, -1, -1):
            row = touched[t * ROW : t * ROW + LANES]
            for j in range(LANES):
                first[j] = t if row[j] <= trigger else first[j]
        last = prices[(bars - 1) * ROW : (bars - 1) * ROW + LANES]
        for j in range(min(LANES, end - i)):
            if not math.isfinite(last[j]):
                failed += 1
                first[j] = NEVER
            crossed[i + j] = first[j]
            if first[j] != NEVER:
                for d in range(lags):
                    executed[d, i + j] = fills[(np.int64(first[j]) + first_lag + d) * ROW + j]
    return failed


@compiled()
def _close_out_both(  # pragma: no cover - compiled
    source: Source,
    begin: Whole,
    end: Whole,
    horizon: Whole,
    first_lag: Whole,
    triggers: Vector,
    crossed: Matrix,
    executed: Cube,
) -> Whole:
    """`_close_out` of the paths as they are, and mirrored; only closes are known."""
    lags = executed.shape[1]
    bars = horizon + first_lag + lags - 1
    block = new_block(source, bars, False)
    prices, long, short = block.prices, triggers[0], -triggers[1]
    fell, rose = np.empty(LANES), np.empty(LANES)
    failed = 0
    for i in range(begin, end, LANES):
        for j in range(LANES):
            fell[j] = rose[j] = NEVER
        simulate_block(source, i, block)
        for t in range(horizon - 1, -1, -1):
            row = prices[t * ROW : t * ROW + LANES]
            for j in range(LANES):
                fell[j] = t if row[j] <= long else fell[j]
                rose[j] = t if row[j] >= short else rose[j]
        last = prices[(bars - 1) * ROW : (bars - 1) * ROW + LANES]
        for j in range(min(LANES, end - i)):
            if not math.isfinite(last[j]):
                failed += 1
                fell[j] = rose[j] = NEVER
            crossed[0, i + j], crossed[1, i + j] = fell[j], rose[j]
            for d in range(lags):
                at = first_lag + d
                if fell[j] != NEVER:
                    executed[0, d, i + j] = prices[(np.int64(fell[j]) + at) * ROW + j]
                if rose[j] != NEVER:
                    executed[1, d, i + j] = -prices[(np.int64(rose[j]) + at) * ROW + j]
    return failed
