"""The compiled mechanism fused with the path kernel: sums over simulated paths of one position."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from riskkit.compiled import Integers, Matrix, Real, Vector, Whole, Word, compiled
from riskkit.paths.draws import LANES, ROW
from riskkit.paths.kernel import SIGN, Source, in_pieces, new_block, simulate_block
from riskkit.paths.run import Run
from riskkit.paths.sampler import Sampler
from riskkit.paths.simulate import path_source
from riskkit.paths.world import World
from riskkit.simulation.mechanism_code import encode
from riskkit.simulation.mechanism_kernel import DEFAULT_BAR, LOSS, TRIGGER_BAR, UNFAIR, run_path
from riskkit.simulation.tally import DEFAULT_COLUMNS, TRIGGER_COLUMNS, Tally
from riskkit.venue.mechanism import Mechanism, Perpetual, Position

Array = npt.NDArray[np.float64]


@compiled()
def _tally(  # pragma: no cover - compiled
    source: Source,
    begin: Whole,
    end: Whole,
    bars: Whole,
    horizon: Whole,
    code: Vector,
    ladder: Matrix,
    latency: Vector,
    delay: Vector,
    latency_key: Word,
    delay_key: Word,
    first: Whole,
    screen: Real,
    loss_cap: Real,
    hits: Integers,
    times: Integers,
    triggers: Vector,
    defaults: Vector,
) -> Whole:
    """Simulate paths begin … end - 1 and add their outcomes to the sums; returns the failed."""
    block = new_block(bars, True)
    prices, weights = block.prices, block.weights
    weights[:] = 1.0
    closes, outcome = np.ones(bars + 1), np.empty(5)
    sign = source.recursion[SIGN]
    failed = 0
    for i in range(begin, end, LANES):
        simulate_block(source, i, block)
        for j in range(min(LANES, end - i)):
            lowest, finite = 0.0, True
            for t in range(bars):
                x = prices[t * ROW + j]
                finite = finite and math.isfinite(x)
                lowest = min(lowest, x)
            if not finite:
                failed += 1
                continue
            if lowest > screen:
                continue
            for t in range(bars):
                closes[t + 1] = math.exp(sign * prices[t * ROW + j])
            run_path(
                closes,
                closes,
                horizon,
                code,
                ladder,
                latency,
                delay,
                latency_key,
                delay_key,
                first + i + j,
                outcome,
            )
            bar = np.int64(outcome[TRIGGER_BAR])
            if bar == 0:
                continue
            w = weights[(bar - 1) * ROW + j]
            times[0] += 1
            times[1] += bar
            times[2] += bar * bar
            triggers[0] += w
            triggers[1] += w * w
            triggers[2] += w * bar
            triggers[3] += w * w * bar
            triggers[4] += w * w * bar * bar
            if outcome[UNFAIR] > 0.0:
                defaults[6] += w
                defaults[7] += w * w
            if outcome[DEFAULT_BAR] > 0.0:
                at_default = weights[(np.int64(outcome[DEFAULT_BAR]) - 1) * ROW + j]
                loss = min(outcome[LOSS], loss_cap)
                hits[0] += 1
                defaults[0] += at_default
                defaults[1] += at_default * at_default
                defaults[2] += at_default * w
                defaults[3] += at_default * loss
                defaults[4] += at_default * at_default * loss * loss
                defaults[5] += at_default * at_default * loss
    return failed


def tally_mechanism(
    world: World,
    run: Run,
    sampler: Sampler,
    position: Position,
    mechanism: Mechanism,
    *,
    horizon: int,
    bars: int,
    screen: float,
    loss_cap: float,
) -> Tally:
    """Tally one position.

    Parameters
    ----------
    bars : int
        Length of the paths, `riskkit.venue.mechanism.bars_needed`.
    screen : float
        Paths whose log price, times the sign of the side, stays above this cannot be triggered.
    """
    sign = position.side.sign if isinstance(position, Perpetual) else 1
    source = path_source(world, run, sampler, sign=sign)
    run_arguments = encode(position, mechanism, horizon, run.stream_seed, 0)

    def piece(begin: int, end: int) -> Tally:
        hits, times = np.zeros(1, dtype=np.int64), np.zeros(3, dtype=np.int64)
        triggers, defaults = np.zeros(TRIGGER_COLUMNS), np.zeros(DEFAULT_COLUMNS)
        sums = (hits, times, triggers, defaults)
        failed = _tally(source, begin, end, bars, *run_arguments, screen, loss_cap, *sums)
        return Tally(
            end - begin,
            failed,
            sampler.tilted,
            hits[None, :],
            times[None, :],
            triggers[None, :],
            defaults[None, None, :],
        )

    return Tally.total(in_pieces(piece, run.paths, run.threads))
