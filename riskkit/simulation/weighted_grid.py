"""The compiled grid with weights: tilted paths, losses and unfair liquidations.

As `counted_grid`, with sums in place of counts: a path's likelihood ratio is read at the trigger
and again at the execution, where the event is, and not at the end of the path.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from riskkit.compiled import Cube, Integers, Matrix, Real, Truth, Vector, Whole, compiled
from riskkit.paths.draws import LANES, ROW, WORST, Block
from riskkit.paths.kernel import Source, new_block, simulate_block
from riskkit.simulation.tally import DEFAULT_COLUMNS

_WEIGHT, _WEIGHT_2, _CROSS, _LOSS, _LOSS_2, _LOSS_CROSS, _UNFAIR, _UNFAIR_2 = range(DEFAULT_COLUMNS)


class Reading(NamedTuple):
    """What is read off the paths.

    Attributes
    ----------
    horizon, lags : int
    tilted, detail : bool
        Whether paths carry weights; whether losses and unfair liquidations are summed, too.
    sign : float
        Of the prices.
    loss_cap : float
    """

    horizon: Whole
    lags: Whole
    tilted: Truth
    detail: Truth
    sign: Real
    loss_cap: Real


class Sums(NamedTuple):
    """Sums over paths, in the layout of `riskkit.simulation.tally`.

    Attributes
    ----------
    hits : ndarray (K x lags,)
    times : ndarray (K x 3,)
    triggers : ndarray (K, TRIGGER_COLUMNS)
    defaults : ndarray (K, lags, DEFAULT_COLUMNS)
    """

    hits: Integers
    times: Integers
    triggers: Matrix
    defaults: Cube


class Along(NamedTuple):
    """One path, bar by bar: what it touched, its weight, and where a close-out is filled."""

    path: Vector
    weight: Vector
    filled: Vector


@compiled()
def _weigh_block(  # pragma: no cover - compiled
    block: Block,
    lanes: Whole,
    reading: Reading,
    rows: Matrix,
    sums: Sums,
    along: Along,
) -> Whole:
    """Add a block's crossings and defaults to the sums; returns the number of failed paths."""
    state, prices, weights = block.state, block.prices, block.weights
    touched, fills = block.touched, block.fills
    path, weight, filled = along.path, along.weight, along.filled
    horizon, lags = reading.horizon, reading.lags
    tilted, detail = reading.tilted, reading.detail
    sign, loss_cap = reading.sign, reading.loss_cap
    hits, times, triggers, defaults = sums.hits, sums.times, sums.triggers, sums.defaults
    last = (horizon + lags - 2) * ROW
    failed = 0
    for t in range(horizon + lags - 1):
        weight[t] = 1.0
    for j in range(lanes):
        if not math.isfinite(prices[last + j]):
            failed += 1
            continue
        if state[WORST * LANES + j] > rows[0, 0]:
            continue
        lowest = 0.0
        for t in range(horizon + lags - 1):
            path[t] = touched[t * ROW + j]
            filled[t] = fills[t * ROW + j]
            if tilted:
                weight[t] = weights[t * ROW + j]
            if t < horizon:
                lowest = min(lowest, path[t])
        t = 0
        for k in range(rows.shape[0]):
            trigger, default = rows[k, 0], rows[k, 1]
            if lowest > trigger:
                break
            while path[t] > trigger:
                t += 1
            at_trigger, bar = weight[t], t + 1
            square = at_trigger * at_trigger
            times[3 * k] += 1
            times[3 * k + 1] += bar
            times[3 * k + 2] += bar * bar
            triggers[k, 0] += at_trigger
            triggers[k, 1] += square
            triggers[k, 2] += at_trigger * bar
            triggers[k, 3] += square * bar
            triggers[k, 4] += square * bar * bar
            for d in range(lags):
                x, w = filled[t + d], weight[t + d]
                if x < default:
                    hits[k * lags + d] += 1
                    defaults[k, d, _WEIGHT] += w
                    defaults[k, d, _WEIGHT_2] += w * w
                    defaults[k, d, _CROSS] += w * at_trigger
                    if detail:
                        loss = min(rows[k, 2] + rows[k, 3] * math.exp(sign * x), loss_cap)
                        defaults[k, d, _LOSS] += w * loss
                        defaults[k, d, _LOSS_2] += w * w * loss * loss
                        defaults[k, d, _LOSS_CROSS] += w * w * loss
                if detail and path[t + d] > trigger:
                    defaults[k, d, _UNFAIR] += w
                    defaults[k, d, _UNFAIR_2] += w * w
    return failed


@compiled()
def weigh_grid(  # pragma: no cover - compiled
    source: Source, begin: Whole, end: Whole, reading: Reading, rows: Matrix, sums: Sums
) -> Whole:
    """Simulate paths begin … end - 1 and add them to the sums; returns the failed."""
    bars = reading.horizon + reading.lags - 1
    block = new_block(source, bars, reading.tilted)
    path, weight, filled = np.empty(bars), np.empty(bars), np.empty(bars)
    failed = 0
    for i in range(begin, end, LANES):
        simulate_block(source, i, block)
        failed += _weigh_block(
            block, min(LANES, end - i), reading, rows, sums, Along(path, weight, filled)
        )
    return failed
