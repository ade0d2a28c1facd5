"""How the path kernel draws a shock: by a table of the quantile function, or by residual index.

The quantile table is indexed by the bits of the uniform itself: 40 octaves on either side of the
median, each cut into 128 equal cells, linear inside a cell. So the tail is as precise, relatively,
as the centre, down to probabilities of 2^-41. Against the exact quantile the error stays below
1e-5, relative in the tail and absolute in the centre (a test measures it).

A *tilted* sampler draws stretches of the uniform (or residuals) with other probabilities, more
often where it hurts, and carries the likelihood ratio of each. Part of the mass keeps the original
law, so that a ratio stays near 1 / (1 - share) at most: no single bar can make a path's weight
explode.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError
from riskkit.paths.inside import Inside
from riskkit.volatility.innovations import Shape, quantile
from riskkit.volatility.spec import Innovation

if TYPE_CHECKING:
    from riskkit.paths.model import PathModel, ResidualTail

Array = npt.NDArray[np.float64]

OCTAVES = 40
CELL_BITS = 7
CELLS = OCTAVES << CELL_BITS  # on either side of the median
TILT_OCTAVES, TILT_PARTS = 20, 8  # stretches of the uniform a tilt can tell apart
# Shares of the tilted mass that go to single jumps: into the loss, and into a gain, which makes
# no loss itself but the volatility that makes one.
LOSS_JUMPS, GAIN_JUMPS = 0.1, 0.1
SLOT_BITS = 16
SLOTS = 1 << SLOT_BITS
MOST_TILTED = SLOTS // 4


class Sampling(IntEnum):
    """The inner loops of the kernel."""

    TABLE = 0
    RESIDUAL = 1
    TILTED_TABLE = 2
    TILTED_RESIDUAL = 3


@dataclass(frozen=True)
class Tilt:
    """Which stretch each slot draws; arrays over G stretches, those below the median first.

    Attributes
    ----------
    slots : ndarray (2^16,) of uint16
        The stretch (or residual) behind each of the equally likely slots.
    ratio : ndarray (G,)
        Likelihood ratio, original over tilted probability.
    lower, width : ndarray (G,)
        The stretch in the folded uniform; zeros for residuals.
    """

    slots: npt.NDArray[np.uint16]
    ratio: Array
    lower: Array
    width: Array


NO_TILT = Tilt(np.empty(0, dtype=np.uint16), np.empty(0), np.empty(0), np.empty(0))


@dataclass(frozen=True)
class Sampler:
    """What the kernel needs to draw shocks; arrays in the layout that it reads.

    Attributes
    ----------
    sampling : Sampling
    base, slope : ndarray
        Table: intercept and slope of each cell in the folded uniform, lower side first, shape
        (2 CELLS,). Residuals: the residuals, and nothing.
    tilt : Tilt
    inside : Inside or None
        Rows of the model, in the order of its residuals.
    """

    sampling: Sampling
    base: Array
    slope: Array
    tilt: Tilt = NO_TILT
    inside: Inside | None = None

    @property
    def tilted(self) -> bool:
        """True if paths carry weights."""
        return self.sampling in (Sampling.TILTED_TABLE, Sampling.TILTED_RESIDUAL)

    def adverse(self, sign: int) -> tuple[Array, Array]:
        """What bars touch on the losing side: see `riskkit.paths.draws.Draws`."""
        if self.inside is None:
            return np.empty(0), np.empty(0)
        adverse = self.inside.adverse(sign)
        if self.sampling in (Sampling.RESIDUAL, Sampling.TILTED_RESIDUAL):
            return np.empty(0), np.ascontiguousarray(adverse)
        order = np.argsort(self.inside.close, kind="stable")
        closes = self.inside.close[order]
        return closes, np.ascontiguousarray(adverse[order] - closes)


def plain_sampler(model: PathModel) -> Sampler:
    """The sampler of a model's own law."""
    if model.residuals is not None and model.tails is None:
        residuals = np.ascontiguousarray(model.residuals, dtype=np.float64)
        return Sampler(Sampling.RESIDUAL, residuals, np.empty(0), inside=model.inside)
    edges = _edges(OCTAVES, 1 << CELL_BITS)
    values = _both_sides(model, edges)
    slope = np.diff(values, axis=1) / np.diff(edges)
    base = values[:, :-1] - slope * edges[:-1]
    return Sampler(Sampling.TABLE, base.ravel(), slope.ravel(), inside=model.inside)


def can_be_tilted(model: PathModel) -> bool:
    """Whether `tilted_sampler` takes the model: resampled residuals must not be too many."""
    if model.residuals is None or model.tails is not None:
        return True
    return bool(model.residuals.size <= MOST_TILTED)


def tilted_sampler(model: PathModel, sign: int, strength: float, share: float) -> Sampler:
    """A sampler that draws losing shocks more often, with the ratio that undoes it.

    Parameters
    ----------
    sign : int
        +1 for a long, whose losses are negative shocks; -1 for a short.
    strength : float
        Tilted probabilities are proportional to ``exp(-strength * sign * z)``, with z clipped at
        8 so that a heavy tail cannot take the whole mass; a fifth of them is spread evenly over
        the octaves of both tails instead: single jumps make losses, on one side at once and on
        either side through the volatility that follows them.
    share : float
        Share of the mass that is tilted, in (0, 1); the rest keeps the original law.
    """
    plain = plain_sampler(model)
    if plain.sampling is Sampling.RESIDUAL:
        centre = plain.base
        lower = width = np.zeros(centre.size)
        mass = np.full(centre.size, 1.0 / centre.size)
    else:
        edges = np.append(0.0, _edges(TILT_OCTAVES, TILT_PARTS))
        lower, width = np.tile(edges[:-1], 2), np.tile(np.diff(edges), 2)
        centre = _both_sides(model, edges[:-1] + 0.5 * np.diff(edges)).ravel()
        mass = width
    if centre.size > MOST_TILTED:
        raise InputError(
            "model.residuals",
            centre.size,
            f"must be at most {MOST_TILTED} to be tilted",
            "Use the parametric law, or extend the residuals with tails",
        )
    shift = mass * np.exp(-strength * np.clip(sign * centre, -8.0, 8.0))
    tilted = (1.0 - LOSS_JUMPS - GAIN_JUMPS) * shift / shift.sum()
    tilted += LOSS_JUMPS * _log_uniform(sign * centre, mass)
    tilted += GAIN_JUMPS * _log_uniform(-sign * centre, mass)
    count = _whole_slots((1.0 - share) * mass + share * tilted)
    slots = np.repeat(np.arange(count.size, dtype=np.uint16), count)
    tilt = Tilt(slots, mass / (count / SLOTS), lower, width)
    residual = plain.sampling is Sampling.RESIDUAL
    sampling = Sampling.TILTED_RESIDUAL if residual else Sampling.TILTED_TABLE
    return Sampler(sampling, plain.base, plain.slope, tilt, model.inside)


def parametric_table_error(law: Innovation, shape: Shape, u: npt.ArrayLike) -> Array:
    """Table quantile less exact quantile at uniforms ``u`` in (0, 1): the sampler's only bias."""
    edges = _edges(OCTAVES, 1 << CELL_BITS)
    v = np.asarray(u, dtype=np.float64)
    low = v < 0.5
    folded = np.where(low, v, 1.0 - v)
    lower = np.interp(folded, edges, quantile(law, edges, shape))
    upper = np.interp(folded, edges, _upper_quantile(law, edges, shape))
    return np.asarray(np.where(low, lower, upper) - quantile(law, v, shape))


def _edges(octaves: int, parts: int) -> Array:
    """Edges of equal parts of each octave from 2^-(octaves + 1) to 1/2."""
    i = np.arange(octaves * parts + 1)
    return np.ldexp(1.0 + (i % parts) / parts, i // parts - (octaves + 1))


def _both_sides(model: PathModel, p: Array) -> Array:
    """Quantiles at p and at 1 - p, shape (2, n), for p in (0, 1/2]."""
    if model.residuals is None:
        lower = quantile(model.law, p, model.shape)
        return np.stack([lower, _upper_quantile(model.law, p, model.shape)])
    assert model.tails is not None
    data = np.sort(model.residuals)
    lower = -_spliced_quantile(-data[::-1], model.tails[0], model.tails[1], p)
    return np.stack([lower, _spliced_quantile(data, model.tails[1], model.tails[0], p)])


def _upper_quantile(law: Innovation, p: Array, shape: Shape) -> Array:
    """Quantile at 1 - p without forming 1 - p: by mirroring the law."""
    if law is Innovation.SKEW_T:
        shape = {"nu": float(shape["nu"]), "lambda": -float(shape["lambda"])}
    return -quantile(law, p, shape)


def _spliced_quantile(data: Array, tail: ResidualTail, opposite: ResidualTail, p: Array) -> Array:
    """Quantile at 1 - p: generalised Pareto beyond the threshold, order statistics inside it."""
    inside = data[(data <= tail.threshold) & (data >= -opposite.threshold)]
    knots = np.concatenate([[-opposite.threshold], inside, [tail.threshold]])
    level = np.linspace(opposite.mass, 1.0 - tail.mass, knots.size)
    centre = np.interp(1.0 - p, level, knots)
    from scipy import stats  # half a second, which only these tails need

    beyond = stats.genpareto.isf(np.minimum(p / tail.mass, 1.0), tail.xi, scale=tail.beta)
    return np.asarray(np.where(p < tail.mass, tail.threshold + beyond, centre))


def _log_uniform(centre: Array, mass: Array) -> Array:
    """Probabilities that give every octave of the lower tail the same chance."""
    lowest_first = np.argsort(centre, kind="stable")
    beyond = np.cumsum(mass[lowest_first])
    weight = np.where(beyond <= 0.5, mass[lowest_first] / beyond, 0.0)
    found = np.empty(mass.size)
    found[lowest_first] = weight / weight.sum()
    return found


def _whole_slots(wanted: Array) -> npt.NDArray[np.int64]:
    """Round probabilities to whole slots, at least one each, summing to SLOTS exactly."""
    count = np.maximum(np.round(wanted * SLOTS).astype(np.int64), 1)
    while (excess := int(count.sum()) - SLOTS) != 0:
        # Take from (or give to) the fullest cells, where one slot changes least.
        fullest = np.argsort(-count, kind="stable")[: min(abs(excess), count.size)]
        count[fullest] -= np.sign(excess) * (count[fullest] > 1)
    return count
