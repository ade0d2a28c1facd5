"""The mechanism fused with the path kernel: sums over simulated paths, account by account."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from riskkit.compiled import IntegerMatrix, Matrix, Real, Vector, Whole, compiled, inlined
from riskkit.paths.draws import LANES, ROW
from riskkit.paths.kernel import SIGN, Source, new_block, simulate_block
from riskkit.paths.pieces import in_pieces
from riskkit.paths.run import Run
from riskkit.paths.sampler import Sampler
from riskkit.paths.simulate import path_source
from riskkit.paths.world import World
from riskkit.simulation.mechanism_kernel import Opening, PathRoom, make_room, run_one, settle_in
from riskkit.simulation.rows import exposure
from riskkit.simulation.screen import is_quiet
from riskkit.simulation.tally import DEFAULT_COLUMNS, TRIGGER_COLUMNS, Tally
from riskkit.venue.mechanism import Mechanism, Position, bars_needed
from riskkit.venue.run import Events


class MechanismSums(NamedTuple):
    """Sums over paths by account, in the columns of `riskkit.simulation.tally`."""

    hits: IntegerMatrix
    times: IntegerMatrix
    triggers: Matrix
    defaults: Matrix


@inlined
def _add(  # pragma: no cover - compiled
    lane: Whole, weights: Vector, events: Events, loss_cap: Real, sums: MechanismSums
) -> None:
    """Add what became of each account on the path of one lane to its sums."""
    hits, times, triggers, defaults = sums
    for k in range(events.loss.size):
        bar = events.trigger_bar[k]
        if bar == 0:
            continue
        w = weights[(bar - 1) * ROW + lane]
        times[k, 0] += 1
        times[k, 1] += bar
        times[k, 2] += bar * bar
        triggers[k, 0] += w
        triggers[k, 1] += w * w
        triggers[k, 2] += w * bar
        triggers[k, 3] += w * w * bar
        triggers[k, 4] += w * w * bar * bar
        if events.unfair[k] > 0:
            defaults[k, 6] += w
            defaults[k, 7] += w * w
        if events.default_bar[k] > 0:
            at_default = weights[(events.default_bar[k] - 1) * ROW + lane]
            loss = min(events.loss[k], loss_cap)
            hits[k, 0] += 1
            defaults[k, 0] += at_default
            defaults[k, 1] += at_default * at_default
            defaults[k, 2] += at_default * w
            defaults[k, 3] += at_default * loss
            defaults[k, 4] += at_default * at_default * loss * loss
            defaults[k, 5] += at_default * at_default * loss


@compiled()
def _tally(  # pragma: no cover - compiled
    source: Source,
    begin: Whole,
    end: Whole,
    setting: Opening,
    room: PathRoom,
    loss_cap: Real,
    sums: MechanismSums,
) -> Whole:
    """Simulate paths begin … end - 1 and add their outcomes to the sums; returns the failed."""
    closes, events = room.market.closes, room.events
    bars = closes.shape[0] - 1
    block = new_block(source, bars, True)
    prices, weights = block.prices, block.weights
    touches, fills = block.touched, block.fills
    touched, filled = room.market.touched, room.market.fills
    inside = source.draws.adverse.size > 0
    weights[:] = 1.0
    sign, screen = source.recursion[SIGN], setting.screen
    failed = 0
    for i in range(begin, end, LANES):
        simulate_block(source, i, block)
        for j in range(min(LANES, end - i)):
            lowest, highest, finite = 0.0, 0.0, True
            for t in range(bars):
                x = prices[t * ROW + j]
                finite = finite and math.isfinite(x)
                lowest, highest = min(lowest, touches[t * ROW + j]), max(highest, x)
            if not finite:
                failed += 1
                continue
            if is_quiet(lowest, highest, bars, screen):
                continue
            for t in range(bars):
                closes[t + 1, 0] = math.exp(sign * prices[t * ROW + j])
                if inside:
                    touched[t + 1, 0] = math.exp(sign * touches[t * ROW + j])
                    filled[t + 1, 0] = math.exp(sign * fills[t * ROW + j])
            run_one(i + j, setting, room)
            _add(j, weights, events, loss_cap, sums)
    return failed


def tally_mechanism(
    world: World,
    run: Run,
    sampler: Sampler,
    positions: Sequence[Position],
    mechanism: Mechanism,
    *,
    horizon: int,
    loss_cap: float,
    detail: bool,
) -> Tally:
    """Tally positions of one exposure.

    Parameters
    ----------
    detail : bool
        Also losses and unfair liquidations; tilted paths have their weights summed in any case.
    """
    bars = max(bars_needed(mechanism, horizon, p.notional) for p in positions)
    sign, count = exposure(positions[0]), len(positions)
    source = path_source(world, run, sampler, sign=sign)
    setting = settle_in(positions, mechanism, horizon, run.stream_seed)

    def piece(begin: int, end: int) -> Tally:
        sums = MechanismSums(
            np.zeros((count, 1), dtype=np.int64),
            np.zeros((count, 3), dtype=np.int64),
            np.zeros((count, TRIGGER_COLUMNS)),
            np.zeros((count, DEFAULT_COLUMNS)),
        )
        room = make_room(setting, bars, sign, extremes=world.model.inside is not None)
        failed = _tally(source, begin, end, setting, room, loss_cap, sums)
        if not (detail or sampler.tilted):
            return Tally(end - begin, failed, False, sums.hits, sums.times)
        return Tally(
            end - begin,
            failed,
            sampler.tilted,
            sums.hits,
            sums.times,
            sums.triggers,
            sums.defaults[:, None, :],
        )

    return Tally.total(in_pieces(piece, run.paths, run.threads, bars=bars))
