"""What a simulation returns: estimates of one position, or of a grid of them, as values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.estimate import Estimate
from riskkit.venue.mechanism import Position

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DefaultEstimates:
    """Estimates per position over the holding horizon; all of one shape.

    Attributes
    ----------
    horizon : int
        Bars for which the position is held.
    liquidation, default, default_given_liquidation, unfair : Estimate[Array]
        Probabilities. ``unfair`` is None where only counts were asked for.
    loss_given_default, expected_bad_debt : Estimate or None
        Fractions of the opening notional; None where ``refused`` says why.
    time_to_liquidation : Estimate[Array]
        Mean bar of the first trigger, given one.
    refused : str
        Why means of the loss are missing; empty if they are not.
    beyond_data : bool
        Shocks cannot exceed the worst residual seen: small probabilities are understated.
    """

    horizon: int
    liquidation: Estimate[Array]
    default: Estimate[Array]
    default_given_liquidation: Estimate[Array]
    unfair: Estimate[Array] | None
    loss_given_default: Estimate[Array] | None
    expected_bad_debt: Estimate[Array] | None
    time_to_liquidation: Estimate[Array]
    refused: str
    beyond_data: bool

    @property
    def never_liquidated(self) -> bool:
        """Whether no path of a single cell was liquidated: nothing is known given a liquidation."""
        return bool(self.liquidation.bound)

    def __getitem__(self, where: Any) -> DefaultEstimates:
        """The estimates of some cells."""
        names = [n for n in _QUANTITIES if getattr(self, n) is not None]
        return replace(self, **{n: getattr(self, n)[where] for n in names})

    def summary(self) -> pd.DataFrame:
        """One row per quantity of a single cell."""
        rows = {n: getattr(self, n).series() for n in _QUANTITIES if getattr(self, n) is not None}
        return pd.DataFrame(rows).T.rename_axis("quantity")


_QUANTITIES = (
    "liquidation",
    "default",
    "default_given_liquidation",
    "unfair",
    "loss_given_default",
    "expected_bad_debt",
    "time_to_liquidation",
)


@dataclass(frozen=True)
class DefaultGrid:
    """Positions by oracle latencies by delays, from one pass over the same paths.

    Attributes
    ----------
    positions : tuple of Position, length K
    latencies, delays : tuple of int, lengths L and D
    estimates : DefaultEstimates
        Shape (K, L, D).
    """

    positions: tuple[Position, ...]
    latencies: tuple[int, ...]
    delays: tuple[int, ...]
    estimates: DefaultEstimates

    def table(self) -> pd.DataFrame:
        """Tidy: one row per position, latency and delay, with probabilities and their errors."""
        index = pd.MultiIndex.from_product(
            [range(len(self.positions)), self.latencies, self.delays],
            names=["position", "latency_bars", "delay_bars"],
        )
        columns = {}
        for name in ("liquidation", "default", "default_given_liquidation"):
            estimate = getattr(self.estimates, name)
            for part in ("value", "error", "low", "high", "hits", "tilted", "bound"):
                label = f"{name}_probability" if part == "value" else f"{name}_{part}"
                columns[label] = getattr(estimate, part).ravel()
        return pd.DataFrame(columns, index=index).reset_index()
