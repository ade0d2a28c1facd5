"""What the path kernels make paths from: a model, a sampler and a start, laid out flat for them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from riskkit.paths.draws import draws_of
from riskkit.paths.inside import Fill
from riskkit.paths.kernel import FILLS, IN_LOGS, IN_PARTS, IN_SQUARES, Source
from riskkit.paths.model import PathModel
from riskkit.paths.sampler import Sampler
from riskkit.volatility.spec import Variance

Array = npt.NDArray[np.float64]

# EGARCH runs in log2 of sigma; this many of them make one of ln h.
_PER_LOG2 = 0.5 / math.log(2.0)


def source_of(
    model: PathModel,
    sampler: Sampler,
    key: int,
    volatility: Array,
    sign: int = 1,
    first: int = 0,
    fill: Fill = Fill.EXTREME,
    beside: Array | None = None,
) -> Source:
    """What the kernels make paths from.

    Parameters
    ----------
    key : int
        Of the stream of shocks.
    volatility : ndarray (1,) or (paths,)
    sign : int
        -1 mirrors the prices, not the shocks.
    first : int
        Number of the first path.
    fill : Fill
        Plays no part where the model knows closes only.
    beside : ndarray (3, 1) or (3, paths), optional
        The other states before the first bar, as `Start.beside` gives them; the usual ones if not
        given.
    """
    recursion, start = recursion_parameters(model, sign), start_variances(model, volatility)
    left = usual_beside(model, volatility) if beside is None else beside
    return Source(
        np.uint64(key), first, recursion, start, left, draws_of(sampler, sign), FILLS.index(fill)
    )


def recursion_parameters(model: PathModel, sign: int) -> Array:
    """The recursion in the layout of the kernel; sign -1 mirrors the prices, not the shocks."""
    egarch = model.variance is Variance.EGARCH
    unit = _PER_LOG2 if egarch else 1.0
    law = IN_LOGS if egarch else IN_SQUARES
    if model.variance is Variance.COMPONENT:
        law = IN_PARTS
    return np.array(
        [
            model.mu,
            sign,
            unit * model.omega,
            unit * model.alpha,
            unit * model.gamma,
            model.beta,
            law,
            *memory_parameters(model),
            model.rho,
            *([] if model.seasons is None else model.seasons),
        ],
        dtype=np.float64,
    )


def usual_beside(model: PathModel, volatility: Array) -> Array:
    """No memory of either side, and the slow part that usually goes with a volatility."""
    ones = np.ones(len(volatility))
    return np.stack([ones, ones, np.square(model.usual_slow(volatility))])


def memory_parameters(model: PathModel) -> tuple[float, float, float, float]:
    """Weight, decay, cap and unit of a model's memory; a weight of 0 without one."""
    m = model.memory
    return (0.0, 0.0, 0.0, 1.0) if m is None else (m.weight, m.decay, m.cap, model.memory_unit)


def start_variances(model: PathModel, volatility: Array) -> Array:
    """The state the kernel starts from: the variance, or for EGARCH log2 of sigma."""
    if model.variance is Variance.EGARCH:
        return np.log2(volatility)
    return np.square(volatility)
