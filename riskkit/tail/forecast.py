"""The loss over the margin period of risk, simulated from a stated state.

Multi-bar tails come from running the fitted recursion forward, never from sqrt(h).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.estimate import Estimate
from riskkit.paths.moves import simulate_moves
from riskkit.paths.run import Run
from riskkit.paths.world import World
from riskkit.position import Contract, Side
from riskkit.tail.losses import simple_loss
from riskkit.tail.ranks import order_statistics
from riskkit.volatility.spec import Innovation

Array = npt.NDArray[np.float64]
_Which = tuple[str, Side, Contract]


@dataclass(frozen=True)
class MoveForecast:
    """Simulated log moves over ``bars`` bars after ``origin``.

    Attributes
    ----------
    origin : Timestamp
        Last bar of information.
    target : Timestamp
        Last bar of the period.
    bars : int
    terminal : ndarray, shape (paths,)
        Log return over the whole period.
    lowest, highest : ndarray, shape (paths,)
        Running minimum (at most 0) and maximum (at least 0) of the cumulative log return.
    mean_exists : bool
        Whether E[exp(move)] is finite: False under shocks with power-law tails.
    seed : int
    """

    origin: pd.Timestamp
    target: pd.Timestamp
    bars: int
    terminal: Array = field(repr=False)
    lowest: Array = field(repr=False)
    highest: Array = field(repr=False)
    mean_exists: bool
    seed: int
    _sorted: dict[_Which, Array] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _quantiles: dict[_Which, dict[float, Estimate[float]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def paths(self) -> int:
        """Number of simulated paths."""
        return len(self.terminal)

    def loss(self, side: Side, contract: Contract = Contract.LINEAR) -> Array:
        """Simple loss of each path at the end of the period, shape (paths,)."""
        return simple_loss(self.terminal, side, contract)

    def excursion(self, side: Side, contract: Contract = Contract.LINEAR) -> Array:
        """Largest simple loss of each path at any close within the period, shape (paths,)."""
        worst = self.lowest if side is Side.LONG else self.highest
        return simple_loss(worst, side, contract)

    def sorted_excursions(self, side: Side, contract: Contract = Contract.LINEAR) -> Array:
        """`excursion`, increasing; sorted once, and not to be written to."""
        return self._in_order(self.excursion, side, contract)

    def value_at_risk(
        self, confidence: float, side: Side, contract: Contract = Contract.LINEAR
    ) -> Estimate[float]:
        """Quantile of the simple loss at the end of the period; positive is a loss."""
        return self._quantile(self.loss, side, contract, confidence)

    def excursion_at_risk(
        self, confidence: float, side: Side, contract: Contract = Contract.LINEAR
    ) -> Estimate[float]:
        """Quantile of the running maximum adverse excursion; at least 0."""
        return self._quantile(self.excursion, side, contract, confidence)

    def expected_shortfall(
        self,
        confidence: float,
        side: Side,
        contract: Contract = Contract.LINEAR,
        cap: float | None = None,
    ) -> Estimate[float]:
        """Mean simple loss in the worst ``1 - confidence`` of paths.

        Where losses are unbounded (a linear short, an inverse long) and the shocks have power-law
        tails the mean is infinite, and any simulated value is an artefact of the seed: it is
        refused unless ``cap`` states the largest loss that counts.
        """
        bounded = (side is Side.LONG) == (contract is Contract.LINEAR)
        if not bounded and not self.mean_exists and cap is None:
            raise InputError(
                "side",
                side.value,
                "its expected shortfall is infinite under power-law shocks",
                "Use value at risk, or state the largest loss that counts with cap=",
            )
        _check_confidence(confidence)
        loss = self.loss(side, contract)
        loss = loss if cap is None else np.minimum(loss, cap)
        tail = np.sort(loss)[math.ceil(len(loss) * confidence) :]
        if len(tail) < 2:
            raise _too_few(len(loss), confidence)
        error = float(tail.std(ddof=1) / math.sqrt(len(tail)))
        return Estimate.normal(float(tail.mean()), error, paths=self.paths)

    def _quantile(
        self,
        of: Callable[[Side, Contract], Array],
        side: Side,
        contract: Contract,
        confidence: float,
    ) -> Estimate[float]:
        """Found once for each question: an explorer asks the same forecast again and again.

        Sorting takes as long as a few answers: from the third question on.
        """
        found = self._quantiles.setdefault((of.__name__, side, contract), {})
        if confidence not in found:
            if len(found) > 1:
                losses = self._in_order(of, side, contract)
                found[confidence] = _quantile(self.paths, confidence, lambda ranks: losses[ranks])
            else:
                moves = self._moves(of, side)
                found[confidence] = _quantile(
                    self.paths,
                    confidence,
                    lambda ranks: _losses_at(ranks, moves, side, contract),
                )
        return found[confidence]

    def _moves(self, of: Callable[[Side, Contract], Array], side: Side) -> Array:
        """The log returns that `loss` or `excursion` turns into losses."""
        if of == self.loss:
            return self.terminal
        return self.lowest if side is Side.LONG else self.highest

    def _in_order(
        self, of: Callable[[Side, Contract], Array], side: Side, contract: Contract
    ) -> Array:
        which = (of.__name__, side, contract)
        if which not in self._sorted:
            found = np.sort(of(side, contract))
            found.flags.writeable = False
            self._sorted[which] = found
        return self._sorted[which]


def forecast_moves(world: World, run: Run, *, bars: int, within: int | None = None) -> MoveForecast:
    """Simulate the moves of the next ``bars`` bars of a world's only asset.

    Parameters
    ----------
    world : World
        With its origin and bar: the target is ``origin + bars * bar``.
    run : Run
    bars : int
    within : int, optional
        Bars that excursions are taken over, if not the same.

    Raises
    ------
    InputError
        If the world does not say its origin and bar, or a count is not positive.
    """
    if bars < 1 or (within is not None and within < 1):
        raise InputError("bars", bars, "must be at least 1", "Give the period in bars")
    origin, bar, model = world.origin, world.bar, world.model
    if origin is None or bar is None:
        rule = "must say its origin and its bar"
        raise InputError("world", (origin, bar), rule, "Make it with World.of_fit(fit, bar=...)")
    moves = simulate_moves(world, run, bars=bars, within=within)
    return MoveForecast(
        origin=origin,
        target=origin + bars * bar,
        bars=bars,
        terminal=moves.terminal,
        lowest=moves.lowest,
        highest=moves.highest,
        mean_exists=model.beyond_data or (model.tails is None and model.law is Innovation.NORMAL),
        seed=run.stream_seed,
    )


# `forecast_moves`, or whatever answers as it does.
Forecaster = Callable[..., MoveForecast]


def _losses_at(ranks: list[int], moves: Array, side: Side, contract: Contract) -> Array:
    """Losses at these ranks, from the moves: a loss rises or falls with the move throughout."""
    last = len(moves) - 1
    places = [last - rank for rank in ranks] if side is Side.LONG else ranks
    return simple_loss(order_statistics(moves, places), side, contract)


def _quantile(n: int, confidence: float, at: Callable[[list[int]], Array]) -> Estimate[float]:
    """Empirical quantile; its error from the order statistics that bracket it (binomial).

    ``at`` gives the losses, of n, at ranks that count from the smallest.
    """
    _check_confidence(confidence)
    if n * (1.0 - confidence) < 10.0 - 1e-6:  # 1 - 0.9999 is a little less than 0.0001
        raise _too_few(n, confidence)
    spread = math.sqrt(n * confidence * (1.0 - confidence))
    ranks = [math.ceil(n * confidence + k * spread) - 1 for k in (-1.0, 0.0, 1.0)]
    ranks = [min(max(r, 0), n - 1) for r in ranks]
    low, mid, high = at(ranks)
    return Estimate.normal(float(mid), float(high - low) / 2.0, paths=n)


def _check_confidence(confidence: float) -> None:
    if not 0.0 < confidence < 1.0:
        raise InputError(
            "confidence", confidence, "must lie strictly between 0 and 1", "Typical is 0.99"
        )


def _too_few(paths: int, confidence: float) -> InputError:
    need = math.ceil(round(10.0 / (1.0 - confidence), 6))
    return InputError(
        "paths",
        paths,
        f"a tail at confidence {confidence:g} needs at least ten paths beyond it",
        f"Simulate at least {need:,} paths",
    )
