"""Default probability of margined positions: simulated, with errors, over a stated horizon.

Everything is **per position over its holding horizon**, in bars: a position opened now, held for
``horizon`` bars, watched and closed by the mechanism of `riskkit.venue.run`. Paths run on
until every trigger within the horizon is closed.

Simulated paths have closes only, since a fitted volatility has no law for what happens within a
bar, and therefore understate liquidations that a bar's extremes would trigger. On a path that has
highs and lows the mechanism does honour them: `riskkit.venue.run.run_mechanism` on one, and
`riskkit reliability` on history, which shows both counts side by side.

Rare events are estimated from tilted paths: shocks on the losing side are drawn more often, and
each path carries the likelihood ratio read at the event itself, not at the end of the path. The
choice is made cell by cell: plain paths where they hit often enough, tilted ones elsewhere. An
uncapped loss without a bound is the exception, a short's and that of a long which pays funding on
its current notional: tilted paths whose volatility explodes own its mean whatever their weight (ETH
daily: a price times 1e17), so it rests on plain paths. Any other loss is at most what was opened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError
from riskkit.estimate import Estimate
from riskkit.paths.model import PathModel
from riskkit.paths.run import Run, check_run
from riskkit.paths.sampler import (
    Sampler,
    can_be_tilted,
    plain_sampler,
    tilted_sampler,
)
from riskkit.paths.world import World
from riskkit.position import Side
from riskkit.simulation import estimates
from riskkit.simulation.grid import tally_grid
from riskkit.simulation.mechanism_tally import tally_mechanism
from riskkit.simulation.result import DefaultEstimates, DefaultGrid
from riskkit.simulation.rows import (
    barrier_rows,
    check_alike,
    exposure,
    loses_without_bound,
)
from riskkit.simulation.tally import Tally
from riskkit.simulation.weighted_grid import Reading
from riskkit.venue.mechanism import (
    Mechanism,
    Position,
    bars_needed,
    check_mechanism,
    check_position,
    check_target,
)
from riskkit.volatility.spec import Innovation

Array = npt.NDArray[np.float64]
_Tallying = Callable[[Sampler], Tally]
_Make = Callable[[Tally], Estimate[Array]]

FEW_HITS = 400  # below it the relative error of a plain estimate exceeds 5 %
TILT_STRENGTH, TILTED_BARS = 0.8, 14.0


class Weighting(StrEnum):
    """Which paths to use.

    AUTO adds tilted paths where the plain ones have too few hits, unless the model resamples more
    residuals than can be tilted.
    """

    AUTO = "auto"
    PLAIN = "plain"
    TILTED = "tilted"


@dataclass(frozen=True)
class Execution:
    """When and at what cost positions are closed out.

    Attributes
    ----------
    delays, latencies : sequence of int
        Of the liquidation and of the oracle, in bars; a grid takes every pair.
    slippage : float
        Fraction of the value closed.
    """

    delays: Sequence[int]
    latencies: Sequence[int] = (0,)
    slippage: float = 0.0


def simulate_default(
    world: World,
    run: Run,
    position: Position,
    mechanism: Mechanism,
    *,
    horizon: int,
    weighting: Weighting = Weighting.AUTO,
    loss_cap: float | None = None,
) -> DefaultEstimates:
    """Simulate one position under any mechanism.

    Parameters
    ----------
    horizon : int
        Bars for which the position is held.
    loss_cap : float, optional
        Caps the bad debt of one position, a fraction of its opening notional. A short's mean loss
        under power-law shocks is infinite: without a cap it is refused.

    Returns
    -------
    DefaultEstimates
        Of shape ().

    Raises
    ------
    InputError
        If the position, the mechanism or a count breaks a rule.
    """
    check_position(position)
    check_mechanism(mechanism)
    check_target(position, mechanism.close_out)
    found = simulate_sweep(
        world,
        run,
        [position],
        mechanism,
        horizon=horizon,
        weighting=weighting,
        loss_cap=loss_cap,
    )
    return found[0]


def simulate_sweep(
    world: World,
    run: Run,
    positions: Sequence[Position],
    mechanism: Mechanism,
    *,
    horizon: int,
    weighting: Weighting = Weighting.AUTO,
    detail: bool = True,
    loss_cap: float | None = None,
) -> DefaultEstimates:
    """Simulate many positions under any mechanism, all on the same paths.

    What `simulate_grid` answers faster where positions are closed in full at one cost after fixed
    lags. A close-out that should restore a position to no better than its own trigger closes it.

    Parameters
    ----------
    positions : sequence of Position
        All of one exposure: longs, loans, or shorts.
    detail : bool
        Also unfair liquidations and losses.

    Returns
    -------
    DefaultEstimates
        Of shape (positions,).

    Raises
    ------
    InputError
        If a position, the mechanism or a count breaks a rule, or the positions are mixed.
    """
    check_alike(positions)
    check_mechanism(mechanism)
    for position in positions:
        check_position(position)
    bars = max(bars_needed(mechanism, horizon, p.notional) for p in positions)
    _check(run, horizon, bars, loss_cap)
    cap = np.inf if loss_cap is None else float(loss_cap)

    def tally(sampler: Sampler) -> Tally:
        return tally_mechanism(
            world,
            run,
            sampler,
            positions,
            mechanism,
            horizon=horizon,
            loss_cap=cap,
            detail=detail,
        )

    unbounded = loss_cap is None and any(loses_without_bound(p) for p in positions)
    asked = _Asked(world.model, exposure(positions[0]), horizon, loss_cap, unbounded)
    return _estimates(asked, *_tallies(asked, bars, weighting, tally))[:, 0]


def simulate_grid(
    world: World,
    run: Run,
    positions: Sequence[Position],
    execution: Execution,
    *,
    horizon: int,
    weighting: Weighting = Weighting.AUTO,
    detail: bool = False,
    loss_cap: float | None = None,
) -> DefaultGrid:
    """Simulate many positions at many latencies and delays in one pass over the same paths.

    Closes out in full, at flat slippage, without funding or interest, and with an oracle that
    publishes every bar; anything else is `simulate_default`'s.

    Parameters
    ----------
    positions : sequence of Position
        All of one exposure: longs and loans, or shorts.
    execution : Execution
    detail : bool
        Also unfair liquidations and losses, which take longer.

    Raises
    ------
    InputError
        If a position, a lag or a count breaks a rule.
    """
    rows, order, sign = barrier_rows(positions, execution.slippage)
    delays, latencies = execution.delays, execution.latencies
    for name, values in (("delays", delays), ("latencies", latencies)):
        if len(values) == 0 or min(values) < 0:
            raise InputError(name, tuple(values), "must not be negative", "Give 0 bars for none")
    lags = max(delays) + max(latencies) + 1
    bars = horizon + lags - 1
    _check(run, horizon, bars, loss_cap)
    cap = np.inf if loss_cap is None else float(loss_cap)

    def tally(sampler: Sampler) -> Tally:
        reading = Reading(horizon, lags, sampler.tilted, detail, float(sign), cap)
        return tally_grid(world, run, sampler, rows, reading)

    asked = _Asked(world.model, sign, horizon, loss_cap, sign < 0 and loss_cap is None)
    by_lag = _estimates(asked, *_tallies(asked, bars, weighting, tally))
    found = _by_latency_and_delay(by_lag, np.argsort(order), latencies, delays)
    return DefaultGrid(tuple(positions), tuple(latencies), tuple(delays), found)


@dataclass(frozen=True)
class _Asked:
    """What estimates are made for."""

    model: PathModel
    sign: int
    horizon: int
    loss_cap: float | None
    unbounded: bool


def _tallies(
    asked: _Asked, bars: int, weighting: Weighting, tally: _Tallying
) -> tuple[Tally | None, Tally | None]:
    model = asked.model
    plain = None if weighting is Weighting.TILTED else tally(plain_sampler(model))
    if weighting is Weighting.PLAIN:
        return plain, None
    if plain is not None and plain.hits.min() >= FEW_HITS and plain.times[:, 0].min() >= FEW_HITS:
        return plain, None
    if plain is not None and not can_be_tilted(model):
        return plain, None
    # About TILTED_BARS bars of a path are tilted: more only scatters the weights.
    share = min(0.5, TILTED_BARS / bars)
    return plain, tally(tilted_sampler(model, asked.sign, TILT_STRENGTH, share))


def _estimates(asked: _Asked, plain: Tally | None, tilted: Tally | None) -> DefaultEstimates:
    """Estimates of shape (K, D) from the tallies, plain where it hits often enough."""
    one = plain or tilted
    assert one is not None
    shape, loss_cap = one.hits.shape, asked.loss_cap
    reason = "" if loss_cap is not None else _infinite_mean(asked.model, asked.sign)
    counted_only = one.defaults is None

    def pick(make: _Make, hits_of_default: bool) -> Estimate[Array]:
        found = [make(t) for t in (plain, tilted) if t is not None]
        if len(found) == 2:
            assert plain is not None
            assert tilted is not None
            hits = plain.hits if hits_of_default else plain.times[:, 0]
            enough = (hits >= FEW_HITS) | (found[1].hits == 0)
            found = [found[0].where(enough, found[1])]
        estimate = found[0]
        return estimate if hits_of_default else estimate.spread(shape)

    def loss(make: _Make) -> Estimate[Array]:
        return make(plain) if asked.unbounded and plain is not None else pick(make, True)

    if counted_only:
        reason = "Only counts were asked for"
    return DefaultEstimates(
        horizon=asked.horizon,
        liquidation=pick(estimates.liquidation_probability, False),
        default=pick(estimates.default_probability, True),
        default_given_liquidation=pick(estimates.default_given_liquidation, True),
        unfair=None if counted_only else pick(estimates.unfair_probability, True),
        loss_given_default=None if reason else loss(estimates.loss_given_default),
        expected_bad_debt=None if reason else loss(estimates.expected_bad_debt),
        time_to_liquidation=pick(estimates.time_to_liquidation, False),
        refused=reason,
        beyond_data=asked.model.beyond_data,
    )


def _by_latency_and_delay(
    by_lag: DefaultEstimates,
    unsort: npt.NDArray[np.int64],
    latencies: Sequence[int],
    delays: Sequence[int],
) -> DefaultEstimates:
    """Cells (K, L, D) from lags: execution is latency + delay after the market's crossing."""
    late = np.asarray(latencies, dtype=np.int64)[:, None]
    lag = late + np.asarray(delays, dtype=np.int64)[None, :]
    row = unsort[:, None, None]
    found = by_lag[row, lag[None, :, :]]
    # The oracle sees the crossing `latency` bars late, whatever the delay.
    at_trigger = np.broadcast_to(late, lag.shape)
    shifted = found.time_to_liquidation.shift(np.broadcast_to(at_trigger, found.default.hits.shape))
    unfair = None if by_lag.unfair is None else by_lag.unfair[row, at_trigger[None, :, :]]
    return replace(found, time_to_liquidation=shifted, unfair=unfair)


def _infinite_mean(model: PathModel, sign: int) -> str:
    """Why the mean loss of a short does not exist under the model's shocks, or nothing."""
    if sign > 0 or model.beyond_data:
        return ""
    bounded = model.tails is not None and model.tails[1].xi < 0.0
    if bounded or (model.residuals is None and model.law is Innovation.NORMAL):
        return ""
    return (
        f"a {Side.SHORT.value}'s mean loss is infinite under power-law shocks: a simulated one "
        "would be finite and driven by the seed. Give a loss_cap"
    )


def _check(run: Run, horizon: int, bars: int, loss_cap: float | None) -> None:
    if horizon < 1:
        raise InputError("horizon", horizon, "must be at least 1 bar", "Give bars, rounded up")
    if loss_cap is not None and not loss_cap > 0.0:
        raise InputError("loss_cap", loss_cap, "must be positive", "Give 1 for one notional")
    check_run(run, bars)
