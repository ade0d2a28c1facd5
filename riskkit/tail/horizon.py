"""One forecast interface, every tail, any horizon: VaR, ES and tail probability given sigma.

For given parameters the loss over the next bars depends on the state through sigma alone. Over one
bar, and for the unconditional history, it is exact; over several bars the recursion is simulated
at a few volatilities with common random numbers, and interpolated between them in logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.paths.memory import OwnSideMemory
from riskkit.paths.model import PathModel, ResidualTail, Shocks, check_memory
from riskkit.paths.moves import simulate_moves
from riskkit.paths.run import Run
from riskkit.paths.start import Start, remembered_by
from riskkit.paths.world import World
from riskkit.position import Contract, Side
from riskkit.tail.aging import AGED_POINTS, HALF_LIFE, AgedShocks, aged_shocks
from riskkit.tail.extremes import DEFAULT_RULE, ThresholdRule
from riskkit.tail.losses import log_move
from riskkit.tail.onebar import capped_loss, one_bar_risk, require_finite_mean
from riskkit.tail.shocks import (
    ExtremeShocks,
    ParametricShocks,
    ShockLaw,
    TailMethod,
    empirical_shocks,
    extreme_shocks,
)
from riskkit.tail.sigma_curve import SigmaCurve, sigma_nodes
from riskkit.volatility.result import VolatilityFit

Array = npt.NDArray[np.float64]

DEPTHS = 25
SIGMA_NODES = 6


@dataclass(frozen=True)
class TailQuestion:
    """What is asked of the tail.

    Attributes
    ----------
    confidence : float
    bars : int
        Margin period of risk.
    cap : float or None
        Largest simple loss that counts (see `one_bar_risk`).
    contract : Contract
    rule : ThresholdRule
        Where the Pareto tails of `TailMethod.EXTREMES` begin.
    half_life : float
        Bars after which a residual of `TailMethod.AGED` counts half.
    paths, seed : int
        Of the simulation, where there is one.
    memory : OwnSideMemory or None
        What each side remembers of its own losses: the shocks are then those left without it, and
        whoever asks scales sigma by its factor, side by side.
    """

    confidence: float = 0.99
    bars: int = 1
    cap: float | None = 1.0
    contract: Contract = Contract.LINEAR
    rule: ThresholdRule = DEFAULT_RULE
    half_life: float = HALF_LIFE
    paths: int = 20_000
    seed: int = 1
    memory: OwnSideMemory | None = None


class HorizonTail(Protocol):
    """The loss over the horizon as a function of sigma, the volatility of the first bar."""

    def risk(self, sigma: Array, side: Side) -> tuple[Array, Array]:
        """VaR and ES, each of the shape of ``sigma`` (n,)."""

    def beyond(self, sigma: Array, side: Side, var: Array, es: Array) -> Array:
        """Equally likely losses beyond ``var`` whose mean is ``es``, those of `risk`: (n, 25)."""

    def tail_probability(self, sigma: Array, losses: Array, side: Side) -> Array:
        """Probability of a loss larger than each of ``losses`` (n,), capped losses included."""


def horizon_tail(
    method: TailMethod,
    question: TailQuestion,
    fit: VolatilityFit,
    past: npt.ArrayLike,
    *,
    low: float,
    high: float,
) -> HorizonTail:
    """Form the tail of a fit.

    Parameters
    ----------
    method : TailMethod
    question : TailQuestion
    fit : VolatilityFit
        Its innovation law or its residuals are the shocks.
    past : array_like, shape (n,)
        Log returns up to the fit's origin, for `TailMethod.HISTORICAL`.
    low, high : float
        Range of volatilities that will be asked for; the simulation's nodes span it.

    Raises
    ------
    InputError
        If the sample is too short for the horizon, the confidence or the Pareto tails.
    """
    bars = question.bars
    r = np.asarray(past, dtype=np.float64)
    if bars < 1 or bars > r.size // 10:
        raise InputError(
            "bars",
            bars,
            f"must lie between 1 and a tenth of the {r.size} returns known",
            "Shorten the horizon or lengthen the sample",
        )
    if method is TailMethod.HISTORICAL:
        # Overlapping sums are dependent, but their quantile is still that of the h-bar loss.
        sums = np.convolve(r, np.ones(bars), mode="valid")
        return ExactTail(empirical_shocks(sums), 0.0, question, unconditional=True)
    if question.memory is not None and method is TailMethod.PARAMETRIC:
        check_memory(question.memory, Shocks.PARAMETRIC)
    law = _shock_law(method, fit, question)
    if bars == 1:
        return ExactTail(law, float(fit.params.get("mu", 0.0)), question)
    return _simulate(law, fit, question, low, high)


@dataclass(frozen=True)
class ExactTail:
    """Tail of one bar, or of the unconditional history, from the law of the shock.

    Attributes
    ----------
    unconditional : bool
        True where the law already is that of the whole return, and sigma plays no part.
    """

    law: ShockLaw = field(repr=False)
    mean: float
    question: TailQuestion
    unconditional: bool = False

    def risk(self, sigma: Array, side: Side) -> tuple[Array, Array]:
        """VaR and ES at each sigma."""
        q = self.question
        result = one_bar_risk(
            self.law,
            self.mean,
            self._scale(sigma),
            q.confidence,
            side,
            contract=q.contract,
            cap=q.cap,
        )
        return result.var[:, 0], result.es[:, 0]

    def beyond(self, sigma: Array, side: Side, var: Array, es: Array) -> Array:
        """Losses at evenly spaced depths of the tail, stretched so that they average ES."""
        depth = (1.0 - self.question.confidence) * (np.arange(DEPTHS) + 0.5) / DEPTHS
        z = self.law.quantile(depth if side is Side.LONG else 1.0 - depth)
        move = self.mean + self._scale(sigma)[:, None] * z[None, :]
        losses = capped_loss(move, side, self.question.contract, self.question.cap)
        return _stretched(losses, var, es)

    def tail_probability(self, sigma: Array, losses: Array, side: Side) -> Array:
        """One minus the distribution function, on the side that hurts."""
        move = log_move(losses, side, self.question.contract)
        p = self.law.distribution((move - self.mean) / self._scale(sigma))
        return p if side is Side.LONG else np.asarray(1.0 - p)

    def _scale(self, sigma: Array) -> Array:
        return np.ones_like(sigma) if self.unconditional else np.asarray(sigma, dtype=np.float64)


@dataclass(frozen=True)
class SimulatedTail:
    """Tail over several bars, simulated at increasing volatilities.

    Attributes
    ----------
    sigma : ndarray, shape (k,)
    losses : mapping of Side to ndarray (k, paths)
        Simulated losses in ascending order.
    """

    sigma: Array
    losses: Mapping[Side, Array] = field(repr=False)
    question: TailQuestion

    def risk(self, sigma: Array, side: Side) -> tuple[Array, Array]:
        """VaR and ES at each sigma, interpolated per unit of sigma."""
        tail = self._tails(side)
        return self._at(sigma, tail[:, 0]), self._at(sigma, tail[:, 1:].mean(axis=1))

    def beyond(self, sigma: Array, side: Side, var: Array, es: Array) -> Array:
        """Quantiles of the simulated tail, stretched so that they average ES."""
        tail = self._tails(side)[:, 1:]
        count = tail.shape[1]
        pick = ((np.arange(DEPTHS) + 0.5) / DEPTHS * count).astype(np.int64)
        losses = np.column_stack([self._at(sigma, tail[:, i]) for i in pick])
        return _stretched(losses, var, es)

    def tail_probability(self, sigma: Array, losses: Array, side: Side) -> Array:
        """Share of larger losses at the nearest volatility, its losses scaled to this one."""
        nearest = np.abs(np.log(sigma)[:, None] - np.log(self.sigma)[None, :]).argmin(axis=1)
        scaled = np.asarray(losses) * self.sigma[nearest] / sigma
        paths = self.losses[side].shape[1]
        below = [
            np.searchsorted(self.losses[side][k], x, side="right")
            for k, x in zip(nearest, scaled, strict=True)
        ]
        return np.asarray((paths - np.array(below) + 0.5) / (paths + 1.0))

    def _tails(self, side: Side) -> Array:
        """The losses from VaR on, of each volatility."""
        return self.losses[side][:, _first_of_tail(self.question) - 1 :]

    def _at(self, sigma: Array, values: Array) -> Array:
        return SigmaCurve(self.sigma, values).proportional(sigma)


def _shock_law(method: TailMethod, fit: VolatilityFit, question: TailQuestion) -> ShockLaw:
    if method is TailMethod.PARAMETRIC:
        return ParametricShocks(fit.spec.innovation, fit.params)
    # As they are: their spread is what the fitted sigma leaves out, and dividing by it would take
    # a fifth off the tail where heavy-tailed fits put sigma too low.
    z = fit.residuals.to_numpy(dtype=np.float64)
    if question.memory is not None:
        z = question.memory.without(z, remembered_by(fit, question.memory)[:-1])
    if method is TailMethod.AGED:
        return aged_shocks(z, question.half_life)
    if method is TailMethod.EXTREMES:
        return extreme_shocks(z, question.rule)
    return empirical_shocks(z)


def _simulate(
    law: ShockLaw, fit: VolatilityFit, question: TailQuestion, low: float, high: float
) -> SimulatedTail:
    if _first_of_tail(question) > question.paths - 10:
        raise InputError(
            "paths",
            question.paths,
            f"a tail at confidence {question.confidence:g} needs at least ten paths beyond it",
            f"Simulate at least {int(np.ceil(11.0 / (1.0 - question.confidence))):,} paths",
        )
    for side in Side:
        require_finite_mean(law, side, question.contract, question.cap)
    parametric = isinstance(law, ParametricShocks)
    memory, unit = question.memory, float(fit.residuals.to_numpy(dtype=np.float64).std())
    if isinstance(law, AgedShocks):  # its points have no order, and no memory left
        fit = replace(fit, residuals=pd.Series(law.points(AGED_POINTS)))
    shocks = Shocks.PARAMETRIC if parametric else Shocks.FILTERED
    aged = isinstance(law, AgedShocks)
    model = PathModel.from_fit(fit, shocks, memory=None if aged else memory)
    if aged and memory is not None:
        model = replace(model, memory=memory, memory_unit=model.sigma_scale / unit)
    if isinstance(law, ExtremeShocks):
        plain = question.memory is None
        mean = float(fit.residuals.mean() if plain else law.middle.ordered.mean())
        scale = model.sigma_scale
        lower, upper = law.lower.residual_tail, law.upper.residual_tail
        model = replace(
            model,
            tails=(_standardised(lower, mean, scale), _standardised(upper, -mean, scale)),
        )
    model = replace(model, seasons=None)  # sigma holds those of the period
    narrow = high < low * 1.01
    nodes = sigma_nodes(low, high, 2 if narrow else SIGMA_NODES)
    losses: dict[Side, list[Array]] = {side: [] for side in Side}
    for node in nodes.tolist():
        world = World.one(model, Start.at(node))
        run = Run(question.paths, question.seed)
        moves = simulate_moves(world, run, bars=question.bars).terminal
        for side in Side:
            losses[side].append(np.sort(capped_loss(moves, side, question.contract, question.cap)))
    return SimulatedTail(nodes, {s: np.stack(v) for s, v in losses.items()}, question)


def _standardised(tail: ResidualTail, mean: float, scale: float) -> ResidualTail:
    """A tail of residuals as one of residuals with mean 0 and variance 1, like the model's own."""
    return replace(tail, threshold=(tail.threshold + mean) / scale, beta=tail.beta / scale)


def _first_of_tail(question: TailQuestion) -> int:
    """Rank (from 0, ascending) of the first loss beyond VaR among the paths."""
    return int(np.ceil(question.paths * question.confidence - 1e-9))


def _stretched(losses: Array, var: Array, es: Array) -> Array:
    """Losses beyond VaR rescaled around it: evenly spaced depths miss some of a heavy tail."""
    excess = losses - var[:, None]
    mean = excess.mean(axis=1)
    factor = np.where(mean > 0.0, (es - var) / np.where(mean > 0.0, mean, 1.0), 1.0)
    return np.asarray(var[:, None] + excess * factor[:, None])
