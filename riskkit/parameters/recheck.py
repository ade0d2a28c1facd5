"""The targets, simulated again on the values that a venue will really run.

A venue rounds, and ties numbers together (Hyperliquid's maintenance margin is half of the initial
one), so what was calibrated is not what will run. The parameter file does not hold the shocks of
its model: they are refitted from the study and its prices, after checking that both are those
behind the file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from riskkit.calibration.buffers import seed_of, state_starts
from riskkit.calibration.positions import late_trigger
from riskkit.calibration.study import Periods, Study, parse_study
from riskkit.errors import InputError
from riskkit.market.history import PriceHistory
from riskkit.market.returns import log_returns
from riskkit.parameters.build import assumptions_section, data_section
from riskkit.parameters.calibrated import SlippageLadder
from riskkit.parameters.file import ParameterFile
from riskkit.parameters.venues.format import EffectiveMargins, EffectiveThresholds
from riskkit.simulation.default import Weighting, simulate_grid
from riskkit.simulation.estimates import Estimate
from riskkit.simulation.result import DefaultEstimates
from riskkit.tail.losses import Side
from riskkit.venue.mechanism import Loan, Perpetual, Position
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.paths import PathModel
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.spec import VolatilitySpec

Effective = EffectiveMargins | EffectiveThresholds
# A position opened at a limit that is also its trigger (Aave V4) opens one hundredth of a percent
# inside it: on the trigger itself nothing is left to simulate.
JUST_INSIDE = 1e-4
SAME_MODEL = 1e-4


@dataclass(frozen=True)
class Origin:
    """What a parameter file was calibrated from, found again."""

    study: Study
    fit: VolatilityFit
    periods: Periods


@dataclass(frozen=True)
class Outcome:
    """One side of one row of effective values, simulated.

    Attributes
    ----------
    position : Position
        As opened at the venue's limits.
    reaction : DefaultEstimates
        Over the reaction time.
    held : DefaultEstimates
        Over the holding horizon, with losses.
    """

    side: Side
    row: Effective
    position: Position
    reaction: DefaultEstimates
    held: DefaultEstimates


def find_origin(file: ParameterFile, study: Study, history: PriceHistory) -> Origin:
    """Refit the model of a parameter file from its study and prices.

    Parameters
    ----------
    study : Study
        Its seed may differ: the file's counts.
    history : PriceHistory
        Bars that close after ``study.as_of`` are left out.

    Raises
    ------
    InputError
        If the study or the prices are not those behind the file: the first difference is named.
    """
    content = study.model_dump()
    content["simulation"]["seed"] = file.assumptions.seed
    study = parse_study(content)
    history = _known_at(history, study)
    periods = study.periods(history.bar)
    assumed = assumptions_section(study, periods, file.assumptions.bootstrap_refits_failed)
    _same("assumptions", file.assumptions.model_dump(), assumed.model_dump())
    _same("targets", file.targets.model_dump(), study.targets.model_dump())
    here = {"title": study.title, "as_of_date": study.as_of}
    _same("header", {name: getattr(file.header, name) for name in here}, here)
    prices = data_section(study, history).model_dump(exclude={"source"})
    _same("data", file.data.model_dump(exclude={"source"}), prices)
    fit = fit_volatility(log_returns(history), VolatilitySpec.parse(study.model.spec))
    _same("model", {"spec_fitted": file.model.spec_fitted}, {"spec_fitted": fit.spec.name})
    sigma = file.model.sigma_next_bar_fraction
    if not math.isclose(fit.next_sigma, sigma, rel_tol=SAME_MODEL):
        _same(
            "model", {"sigma_next_bar_fraction": sigma}, {"sigma_next_bar_fraction": fit.next_sigma}
        )
    return Origin(study, fit, periods)


def _known_at(history: PriceHistory, study: Study) -> PriceHistory:
    """Bars that have closed by the end of the day ``as_of``: those that were calibrated on."""
    end = pd.Timestamp(study.as_of, tz="UTC") + pd.Timedelta(days=1)
    return (
        history if history.last + history.bar <= end else history.between(None, end - history.bar)
    )


def _same(section: str, there: dict[str, object], here: dict[str, object]) -> None:
    for name, value in there.items():
        if here[name] != value:
            raise InputError(
                "study",
                f"{section}.{name} = {here[name]}",
                f"must be the study behind the parameter file, which has {value}",
                "Give that study with its prices, or calibrate again",
            )


def simulate_effective(
    origin: Origin,
    rows: Sequence[Effective],
    *,
    ladder: SlippageLadder | None = None,
    threads: int = 1,
) -> tuple[Outcome, ...]:
    """Both probabilities of positions opened at a venue's effective values, per row and side.

    The start state, seed and paths are those of the file; a row of a margin tier is closed out at
    the ladder's cost of a position of its size.
    """
    return tuple(
        _simulate(origin, row, side, ladder, threads) for row in rows for side in origin.study.sides
    )


def missed(outcomes: Sequence[Outcome], study: Study) -> tuple[str, ...]:
    """Rows and sides that miss P(default | liquidation), in words and numbers."""
    target = study.targets.default_given_liquidation_probability
    return tuple(
        f"{_where(o)}: P(default | liquidation) = {_interval(o.held.default_given_liquidation)}"
        for o in outcomes
        if float(o.held.default_given_liquidation.value) > target
    )


def liquidated_early(outcomes: Sequence[Outcome], study: Study) -> tuple[str, ...]:
    """Rows and sides that miss P(liquidation within the reaction time), in words and numbers.

    It is the trader's risk and not the venue's, and some venues open positions at their trigger.
    """
    target = study.targets.liquidation_within_reaction_time_probability
    return tuple(
        f"{_where(o)}: P(liquidation within the reaction time) = "
        f"{_interval(o.reaction.liquidation)}, target {target:.3%}"
        for o in outcomes
        if float(o.reaction.liquidation.value) > target
    )


def _where(o: Outcome) -> str:
    size = getattr(o.row, "notional", 0)
    return f"{o.side.value} of {o.row.market}" + (f" from {size}" if size else "")


def _interval(e: Estimate) -> str:
    return f"{float(e.value):.3%} [{float(e.low):.3%}, {float(e.high):.3%}]"


def open_at(study: Study, row: Effective, side: Side) -> Position:
    """The position that opens at a venue's effective limits."""
    if isinstance(row, EffectiveMargins):
        mm = float(row.maintenance_margin)
        im = max(float(row.initial_margin), mm * (1.0 + JUST_INSIDE))
        return Perpetual(side, im, mm, penalty=study.mechanism.fee_fraction)
    for name in ("max_ltv", "liquidation_threshold", "liquidation_bonus"):
        if getattr(row, name) is None:
            rule = "must be in the file: it keeps today's value, which it does not say"
            raise InputError(f"{row.market}.{name}", "nothing", rule, "Write today's value into it")
    lt = float(row.liquidation_threshold or 0)
    ltv = min(float(row.max_ltv or 0), lt * (1.0 - JUST_INSIDE))
    return Loan(ltv, lt, float(row.liquidation_bonus or 0))


def _simulate(
    origin: Origin, row: Effective, side: Side, ladder: SlippageLadder | None, threads: int
) -> Outcome:
    study, m = origin.study, origin.study.mechanism
    position = open_at(study, row, side)
    slippage = max(m.slippage_fraction, _cost(ladder, row))
    model = PathModel.from_fit(origin.fit, study.model.shocks)
    paths = study.simulation.paths
    sigma = state_starts(study, study.simulation.start_state)(origin.fit, paths)

    def run(horizon: int) -> DefaultEstimates:
        grid = simulate_grid(
            model,
            [late_trigger(position, m.oracle_deviation_fraction)],
            delays=[origin.periods.liquidation_delay.bars],
            latencies=[origin.periods.oracle_latency.bars],
            slippage=slippage,
            start_sigma=sigma,
            horizon=horizon,
            paths=paths,
            seed=seed_of(study, 6),
            threads=threads,
            weighting=Weighting.PLAIN,
            detail=True,
        )
        return grid.estimates[0, 0, 0]

    reaction, held = (
        run(bars.bars) for bars in (origin.periods.reaction_time, origin.periods.holding_horizon)
    )
    return Outcome(side, row, position, reaction, held)


def _cost(ladder: SlippageLadder | None, row: Effective) -> float:
    if ladder is None or not isinstance(row, EffectiveMargins):
        return 0.0
    reached = [
        cost
        for size, cost in zip(ladder.notional, ladder.slippage, strict=True)
        if size <= row.notional
    ]
    return reached[-1] if reached else 0.0
