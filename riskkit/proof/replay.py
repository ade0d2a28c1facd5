"""The same overlapping schedule on histories that the model itself produced.

Positions overlap and defaults cluster: thousands of positions may hold a few dozen independent
facts. How far a realised rate may lie from its prediction, though the model is right, is therefore
measured and not derived: whole histories are simulated, positions opened at the same bars at the
margins recommended for the simulated volatility, and the rates counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from riskkit.calibration.buffer_curve import BufferCurve, buffer_curve
from riskkit.calibration.question import Question
from riskkit.calibration.venue import BarrierVenue, GeneralVenue
from riskkit.paths.run import Stream
from riskkit.paths.simulate import simulate_bars, simulate_paths
from riskkit.position import Side
from riskkit.proof.schedule import Lags, Schedule, run_schedule
from riskkit.simulation.openings import MetPrices, run_openings
from riskkit.study.study import Periods
from riskkit.volatility.running import recursion_coefficients
from riskkit.volatility.spec import PARTED

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CHUNK = 50  # histories held in memory at once
NODES = 9
EVENTS = (
    "liquidation within the reaction time",
    "liquidation",
    "default",
    "default given liquidation",
)


@dataclass(frozen=True)
class Rates:
    """Predicted and realised rates of each simulated history, shape (histories, events)."""

    predicted: Array = field(repr=False)
    realised: Array = field(repr=False)

    def band(self, level: float) -> tuple[Array, Array]:
        """Central band of realised less predicted, per event; histories without a rate are out."""
        tail = 0.5 * (1.0 - level)
        low, high = np.nanquantile(self.realised - self.predicted, [tail, 1.0 - tail], axis=0)
        return low, high


def lags_of(periods: Periods, venue: BarrierVenue) -> Lags:
    """The study's lags in bars, the longest where they are drawn; a capped close-out takes more."""
    latency = periods.oracle_latency.bars
    after = periods.liquidation_delay.bars
    if isinstance(venue, GeneralVenue):
        after = venue.bars_of(0) - latency
    return Lags(periods.holding_horizon.bars, latency, after)


def run_losses(
    question: Question,
    side: Side,
    losses: tuple[Array, Array],
    opened: Ints,
    log_close: Array,
    *,
    log_extreme: Array | None = None,
    log_fill: Array | None = None,
    history: int = 0,
) -> Schedule:
    """Run positions that cover losses (k,), each opened at the close of its bar, along a history.

    Barriers answer where the venue is simple, else the whole mechanism runs.

    Parameters
    ----------
    losses : (ndarray (k,), ndarray (k,))
        Covered loss and excursion.
    log_extreme, log_fill : ndarray, optional
        What the bars touched and where close-outs are filled; closes if not given.
    history : int
        Number of the history: lags that are drawn are drawn once for each of its bars.
    """
    venue = question.venue
    lags = lags_of(question.periods, venue)
    if not isinstance(venue, GeneralVenue):
        levels = venue.barriers(*losses, side)
        return run_schedule(
            log_close, opened, *levels, side, lags, log_extreme=log_extreme, log_fill=log_fill
        )
    found = run_openings(
        MetPrices(
            np.exp(log_close),
            None if log_extreme is None else np.exp(log_extreme),
            None if log_fill is None else np.exp(log_fill),
        ),
        opened,
        venue.dressed(venue.open_position(side, 0.1, 0.1)),
        venue.limits(*losses, side),
        venue.mechanism,
        horizon=lags.horizon,
        lots=(question.run.stream(Stream.REPLAY).stream_seed, history),
    )
    return Schedule(found.trigger_bar, found.default_bar, np.zeros(opened.size))


def event_rates(
    within_reaction: npt.ArrayLike, liquidation: npt.ArrayLike, default: npt.ArrayLike
) -> Array:
    """Rate of every event, from probabilities or from what happened; shape (4,).

    Default given liquidation is a ratio of means, and NaN where nothing is liquidated.
    """
    means = [
        float(np.asarray(x, dtype=np.float64).mean())
        for x in (within_reaction, liquidation, default)
    ]
    return np.array([*means, means[2] / means[1] if means[1] > 0.0 else np.nan])


def replay_schedule(
    question: Question, targets: tuple[float, ...], opened: Ints, *, histories: int
) -> dict[tuple[Side, float], Rates]:
    """Rates of the schedule on ``histories`` simulated histories, per side and target.

    Parameters
    ----------
    question : Question
        Its fit is taken to be true: its recursion makes the histories, from the question's start,
        and recommends the margins. Its paths are those of every quick calibration.
    opened : ndarray (k,)
        Bars at whose close positions are opened, from 0.
    """
    curves: Sequence[BufferCurve] = ()
    found: dict[tuple[Side, float], list[tuple[Array, Array]]] = {
        (side, target): [] for side in question.sides for target in targets
    }
    for first, prices, sigma in simulate_histories(question, opened, histories):
        if not curves:  # the states of the first chunk span those of the others well enough
            low, high = (float(np.quantile(sigma, level)) for level in (0.001, 0.999))
            curves = [
                buffer_curve(question, side, targets, low=low, high=high, nodes=NODES)
                for side in question.sides
            ]
        for curve in curves:
            inside = _inside(question, curve.side, first, prices)
            for k, target in enumerate(targets):
                for x, s in zip(inside, sigma, strict=True):
                    rates = found[curve.side, target]
                    rates.append(_one(question, curve, k, x, s, opened, 1 + len(rates)))
    return {
        key: Rates(np.array([r[0] for r in rows]), np.array([r[1] for r in rows]))
        for key, rows in found.items()
    }


def _one(
    question: Question,
    curve: BufferCurve,
    target: int,
    logs: tuple[Array, ...],
    sigma: Array,
    opened: Ints,
    number: int,
) -> tuple[Array, Array]:
    """Predicted and realised rates of one history, of which the closes, extremes and fills."""
    buffers = curve.at(sigma, target)
    feasible = np.isfinite(buffers.covered)
    if not feasible.any():
        return np.full(4, np.nan), np.full(4, np.nan)
    buffers = buffers.where(feasible)
    losses = (buffers.covered, buffers.excursion)
    close, *inside = logs
    seen = dict(zip(("log_extreme", "log_fill"), inside, strict=False))
    outcome = run_losses(
        question, curve.side, losses, opened[feasible], close, history=number, **seen
    )
    latency = question.periods.oracle_latency.bars
    within = outcome.within(question.periods.reaction_time.bars + latency)
    return (
        event_rates(buffers.within_reaction, buffers.liquidation, buffers.default),
        event_rates(within, outcome.liquidated, outcome.defaulted),
    )


def _inside(question: Question, side: Side, first: int, prices: Array) -> list[tuple[Array, ...]]:
    """Closes of each history of a chunk, with extremes and fills where a study watches them."""
    if question.ranges is None or not question.ranges.watched:
        return [(x,) for x in prices]
    run = question.run.stream(Stream.REPLAY).with_paths(len(prices))
    _, touched, fills = simulate_bars(
        question.world, run, bars=prices.shape[1] - 1, sign=side.sign, first_path=first
    )
    start = np.zeros((len(prices), 1))
    whole = [prices, *(np.concatenate([start, part], axis=1) for part in (touched, fills))]
    return list(zip(*whole, strict=True))


def simulate_histories(
    question: Question, opened: Ints, histories: int
) -> Iterator[tuple[int, Array, Array]]:
    """Chunks of log prices (chunk, bars + 1), and of the volatility of the bar after each opening.

    Each with the number of its first history.

    The volatility is what the venue would filter from the simulated prices, in the scale of the
    shocks; shape (chunk, k).
    """
    from riskkit.volatility.recursion import component_path, variance_path

    world, fit = question.world, question.fit
    bars = int(opened[-1]) + lags_of(question.periods, question.venue).bars
    run = question.run.stream(Stream.REPLAY)
    model = world.model
    first_variance = float(world.start.volatilities(model, run)[0]) ** 2
    parts = fit.spec.variance in PARTED
    if parts:
        coef = np.array([model.omega, model.rho, model.alpha, model.gamma, model.beta])
        first_slow = float(world.start.beside(model, run)[2, 0])
    else:
        log, _ = recursion_coefficients(fit.spec, fit.params)
        coef = np.array([model.omega, model.alpha, model.gamma, model.beta])
    for first in range(0, histories, CHUNK):
        moves = simulate_paths(
            world,
            run.with_paths(min(CHUNK, histories - first)),
            bars=bars,
            first_path=first,
        )
        prices = np.concatenate([np.zeros((len(moves), 1)), moves], axis=1)
        shocks = np.diff(prices, axis=1) - model.mu
        if parts:
            found = [component_path(coef, e, first_variance, first_slow) for e in shocks]
            both = np.sqrt(np.array(found)[:, :, opened])
            bars_ahead = question.periods.reaction_time.bars
            yield first, prices, np.array([model.equivalent(h, q, bars_ahead) for h, q in both])
            continue
        variance = np.array([variance_path(log, coef, e, first_variance) for e in shocks])
        yield first, prices, np.sqrt(variance[:, opened])
