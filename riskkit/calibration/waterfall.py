"""The margin waterfall: what each part of a recommended buffer is for."""

from __future__ import annotations

import math

import pandas as pd
from scipy.special import ndtri

from riskkit.calibration.buffers import Starts
from riskkit.calibration.positions import open_position
from riskkit.paths.run import Run, Stream
from riskkit.paths.world import World
from riskkit.position import Side
from riskkit.study.study import Periods, Study
from riskkit.tail.forecast import Forecaster, forecast_moves
from riskkit.tail.losses import simple_loss
from riskkit.venue.margin import loss_with_oracle_gap
from riskkit.venue.mechanism import Loan
from riskkit.volatility.result import VolatilityFit


def margin_waterfall(
    study: Study,
    fit: VolatilityFit,
    side: Side,
    periods: Periods,
    starts: Starts,
    *,
    covered: float,
    upper: float,
    final: float,
    paths: int,
    threads: int = 1,
    forecast: Forecaster = forecast_moves,
) -> pd.Series:
    """Parts of MM (of 1 - LT for a loan), in order, as fractions that sum to it.

    Each part is what the requirement grows by when one more fact is faced: one normal bar at
    today's volatility; the shape of the tail; the liquidation delay; the oracle's latency, then
    its deviation; that liquidations happen in bad times; slippage and fee (or the bonus);
    uncertainty; the floor.

    Parameters
    ----------
    covered, upper, final : float
        Covered loss: point, safe end of its band, and recommended (floor included).
    forecast : callable
        `forecast_moves`, or one that remembers what it returned.
    """
    p = study.targets.default_given_liquidation_probability
    m = study.mechanism
    world = World.of_fit(fit, starts(fit), bar=periods.bar, shocks=study.model.shocks)
    run = Run(paths, study.simulation.seed, threads).stream(Stream.MARGIN_PERIOD)
    sigma = world.start.volatilities(world.model, run)

    def quantile(bars: int) -> float:
        moves = forecast(world, run, bars=bars)
        return moves.value_at_risk(1.0 - p, side).value

    scale = math.sqrt(float((sigma**2).mean()))
    normal = float(simple_loss(side.sign * scale * float(ndtri(p)), side))
    delay, latency = periods.liquidation_delay.bars, periods.oracle_latency.bars
    one, delayed, late = quantile(1), quantile(1 + delay), quantile(1 + delay + latency)
    deviated = float(loss_with_oracle_gap(late, side, m.oracle_deviation_fraction))
    steps = [
        ("volatility", normal),
        ("tail shape", one - normal),
        ("liquidation delay", delayed - one),
        ("oracle latency", late - delayed),
        ("oracle deviation", deviated - late),
        ("liquidations in bad times", covered - deviated),
    ]
    loss_part = pd.Series(dict(steps), dtype="float64")
    costs = _costs(study, side, covered)
    whole = _requirement(study, side, covered)
    if study.venue.kind == "loan":  # 1 - (1 - L)/(1 + LB) = L/(1 + LB) + LB/(1 + LB)
        loss_part = loss_part / (1.0 + study.venue.liquidation_bonus_fraction)
    rest = {
        **costs,
        "uncertainty": _requirement(study, side, upper) - whole,
        "floor": _requirement(study, side, final) - _requirement(study, side, upper),
    }
    return pd.concat([loss_part, pd.Series(rest, dtype="float64")]).rename("fraction")


def _requirement(study: Study, side: Side, covered: float) -> float:
    position = open_position(study, side, covered, 0.01)
    if isinstance(position, Loan):
        return 1.0 - position.liquidation_threshold
    return position.maintenance_margin


def _costs(study: Study, side: Side, covered: float) -> dict[str, float]:
    if study.venue.kind == "loan":
        bonus = study.venue.liquidation_bonus_fraction
        return {"liquidation bonus": bonus / (1.0 + bonus)}
    notional = 1.0 - side.sign * covered
    m = study.mechanism
    return {"slippage": notional * m.slippage_fraction, "fee": notional * m.fee_fraction}
