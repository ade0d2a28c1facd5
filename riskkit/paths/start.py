"""Where simulated volatility starts: a stated policy, in whose units it was stated.

A fit's sigma and the volatility of resampled paths differ by a factor (see `PathModel.from_fit`).
A start therefore says whether it is a sigma of a fit, to which the factor is applied here and
nowhere else, or a volatility measured on returns, which is taken as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.paths.bits import uniforms
from riskkit.paths.memory import OwnSideMemory
from riskkit.paths.model import PathModel
from riskkit.paths.run import Run
from riskkit.volatility.result import VolatilityFit

Array = npt.NDArray[np.float64]

STRESSED_QUANTILE = 0.99


class StartState(StrEnum):
    """The volatility a simulation starts from: a chosen policy, never mixed into a band.

    ``NOW``                the forecast for the bar after the last return
    ``THROUGH_THE_CYCLE``  each path draws one of the historical volatilities
    ``STRESSED``           the 99th percentile of the historical volatilities
    """

    NOW = "now"
    THROUGH_THE_CYCLE = "through-the-cycle"
    STRESSED = "stressed"


@dataclass(frozen=True)
class Start:
    """Volatility of the first simulated bar; made by one of its class methods.

    Attributes
    ----------
    levels : ndarray (1,), (paths,) or, if drawn, of any length
        Fractions per bar.
    of_fit : bool
        Whether they are sigmas of a fit, in its scale, or volatilities measured on returns.
    drawn : bool
        Whether each path draws one of them.
    remembered : ndarray, shape (levels, 2), or None
        What falls and rises have left where each level was (`OwnSideMemory.states`); None where
        they have left as much as ever.
    slow : ndarray, shape (levels,), or None
        The slow part of a component model where each level was, as a volatility on its scale; None
        where it is what usually goes with the level.
    """

    levels: Array = field(repr=False)
    of_fit: bool
    drawn: bool = False
    remembered: Array | None = field(default=None, repr=False)
    slow: Array | None = field(default=None, repr=False)

    @classmethod
    def now(cls, fit: VolatilityFit, memory: OwnSideMemory | None = None) -> Start:
        """The forecast of a fit for the bar after its last return."""
        left = None if memory is None else remembered_by(fit, memory)[-1:]
        slow = None if fit.slow is None else fit.slow[-1:]
        return cls(np.array([fit.next_sigma]), True, remembered=left, slow=slow)

    @classmethod
    def stressed(cls, fit: VolatilityFit) -> Start:
        """The 99th percentile of the sigmas of a fit, the forecast among them."""
        return cls(np.array([np.quantile(_history(fit), STRESSED_QUANTILE)]), True)

    @classmethod
    def through_the_cycle(cls, fit: VolatilityFit, memory: OwnSideMemory | None = None) -> Start:
        """Each path draws one of the sigmas of a fit, the forecast among them."""
        left = None if memory is None else remembered_by(fit, memory)
        slow = None if fit.slow is None else fit.slow * _to_next_season(fit)
        if fit.borrowed is not None:
            left, slow = None, None
        return cls(_history(fit), True, drawn=True, remembered=left, slow=slow)

    @classmethod
    def of(
        cls, fit: VolatilityFit, state: StartState, memory: OwnSideMemory | None = None
    ) -> Start:
        """The start of a stated policy."""
        if state is StartState.NOW:
            return cls.now(fit, memory)
        if state is StartState.STRESSED:
            return cls.stressed(fit)
        return cls.through_the_cycle(fit, memory)

    @classmethod
    def at(cls, sigma: npt.ArrayLike) -> Start:
        """A sigma as fits state it (one number, or one for each path), in the scale of the fit.

        Raises
        ------
        InputError
            If one is not positive and finite.
        """
        return cls(_checked(sigma), True)

    @classmethod
    def measured(cls, volatility: npt.ArrayLike) -> Start:
        """The standard deviation of the first bar's return itself, as measured on returns.

        Of a model with seasons it is that of an average bar, and the first bar has its own.

        Raises
        ------
        InputError
            If one is not positive and finite.
        """
        return cls(_checked(volatility), False)

    def volatilities(self, model: PathModel, run: Run) -> Array:
        """Volatility of the first bar under a model: (1,) if all paths share it, or (paths,).

        Raises
        ------
        InputError
            If the start holds another number of volatilities than the run has paths.
        """
        levels = _checked(self.levels)
        if self.drawn:
            levels = levels[self._picked(run)]
        elif levels.size not in (1, run.paths):
            raise InputError(
                "start",
                levels.shape,
                f"must hold one volatility, or {run.paths} of them",
                "Give one for each path of the run",
            )
        if self.of_fit:
            return model.volatility(levels)
        return levels if model.seasons is None else levels * float(np.sqrt(model.seasons[0]))

    def beside(self, model: PathModel, run: Run, volatility: Array | None = None) -> Array:
        """The other states before the first bar, shape (3, 1) or (3, paths).

        What falls and rises have left, and the slow part of a component model's variance.

        Parameters
        ----------
        volatility : ndarray, optional
            `volatilities`, where they have been asked for before.
        """
        volatility = self.volatilities(model, run) if volatility is None else volatility
        if self.remembered is None:
            left = np.ones((2, len(volatility)))
        else:
            left = (self.remembered[self._picked(run)] if self.drawn else self.remembered).T
        if self.slow is None:
            slow = model.usual_slow(volatility)
        else:
            slow = self.slow[self._picked(run)] if self.drawn else self.slow
            slow = model.volatility(slow) if self.of_fit else slow
        states = np.empty((3, max(left.shape[1], len(slow))))
        states[:2], states[2] = left, np.square(slow)
        return states

    def _picked(self, run: Run) -> npt.NDArray[np.int64]:
        """Which of the levels each path draws."""
        u = uniforms(run.start_key, 0, run.paths, [0])[:, 0]
        return np.asarray((u * self.levels.size).astype(np.int64))


def remembered_by(fit: VolatilityFit, memory: OwnSideMemory) -> Array:
    """What each side remembers before each bar of a fit and after the last, shape (n + 1, 2)."""
    z = fit.residuals.to_numpy(dtype=np.float64)
    return memory.states(z if fit.borrowed is not None else z / z.std())


def _history(fit: VolatilityFit) -> Array:
    """Sigmas of a fit, at the season of the bar that paths begin with."""
    seen = np.append(fit.sigma.to_numpy(dtype=np.float64), fit.next_sigma)
    if fit.borrowed is not None:  # a cycle it has not seen is that of its peers
        return np.append(fit.borrowed.sigma * np.sqrt(fit.presample_variance), fit.next_sigma)
    return np.asarray(seen * _to_next_season(fit))


def _to_next_season(fit: VolatilityFit) -> Array | float:
    if fit.season is None:
        return 1.0
    factors = fit.season.next(pd.DatetimeIndex(fit.sigma.index))
    return np.asarray(np.sqrt(factors[-1] / factors))


def _checked(sigma: npt.ArrayLike) -> Array:
    levels = np.atleast_1d(np.asarray(sigma, dtype=np.float64))
    if levels.ndim != 1 or levels.size == 0:
        raise InputError("start", levels.shape, "must be a number or a row of them", "Flatten it")
    # One number, as a search asks for thousands of times, is compared a hundred times faster.
    inside = (
        0.0 < levels[0] < math.inf
        if levels.size == 1
        else np.isfinite(levels).all() and (levels > 0.0).all()
    )
    if not inside:
        raise InputError(
            "start",
            float(levels.min()),
            "must be positive and finite",
            "Start from a healthy fit: Start.now(fit)",
        )
    return levels
