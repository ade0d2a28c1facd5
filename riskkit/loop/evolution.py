"""Search without gradients: the evolution strategy with covariance matrix adaptation.

Hansen, "The CMA evolution strategy: a tutorial" (arXiv 1604.00772), with its default weights and
rates: a mean, a step size and a covariance, which are moved towards the better half of each
generation. Written here, over numpy's own generator, since the package of that name draws from
numpy's *global* state, which nothing here may touch; a search is a function of its seed.

Points live in the unit cube. One that is drawn outside is mirrored at the wall, and what is ranked
is the mirrored point: every trial is a policy that could be had.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError

Array = npt.NDArray[np.float64]

#: Step size at the start, of the cube's side.
FIRST_STEP = 0.2
SMALLEST_STEP, LARGEST_STEP = 1e-8, 1.0


@dataclass
class Evolution:
    """A search under way: `ask` for points, `tell` what they were worth (lower is better).

    Attributes
    ----------
    mean : ndarray (n,)
        Centre of the first generation, in the unit cube.
    seed : int
    step : float
        Standard deviation of the first generation along each axis.

    Examples
    --------
    >>> search = Evolution(np.full(2, 0.9), seed=1)
    >>> for _ in range(40):
    ...     points = search.ask()
    ...     search.tell(((points - 0.3) ** 2).sum(axis=1))
    >>> search.mean.round(3).tolist()
    [0.3, 0.3]
    """

    mean: Array
    seed: int
    step: float = FIRST_STEP
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.mean = np.array(self.mean, dtype=np.float64)
        n = self.mean.size
        if n == 0 or not ((self.mean >= 0.0) & (self.mean <= 1.0)).all():
            rule = "must be a point of the unit cube"
            raise InputError("mean", self.mean.tolist(), rule, "Scale each axis to [0, 1]")
        if not SMALLEST_STEP < self.step <= LARGEST_STEP:
            raise InputError("step", self.step, "must lie in (0, 1]", "A fifth is usual")
        self.size = 4 + int(3.0 * math.log(n)) if n > 1 else 5
        half = self.size // 2
        weights = math.log((self.size + 1) / 2.0) - np.log(np.arange(1, half + 1))
        self._weights = weights / weights.sum()
        mass = 1.0 / float((self._weights**2).sum())
        self._mass = mass
        self._c_sigma = (mass + 2.0) / (n + mass + 5.0)
        self._damping = (
            1.0 + 2.0 * max(0.0, math.sqrt((mass - 1.0) / (n + 1.0)) - 1.0) + self._c_sigma
        )
        self._c_path = (4.0 + mass / n) / (n + 4.0 + 2.0 * mass / n)
        self._c_one = 2.0 / ((n + 1.3) ** 2 + mass)
        self._c_mu = min(
            1.0 - self._c_one, 2.0 * (mass - 2.0 + 1.0 / mass) / ((n + 2.0) ** 2 + mass)
        )
        self._expected = math.sqrt(n) * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n))
        self._covariance, self._path, self._sigma_path = np.eye(n), np.zeros(n), np.zeros(n)
        self._generation = 0
        self._bits = np.random.Generator(np.random.PCG64(self.seed))
        self._asked: Array | None = None

    def ask(self) -> Array:
        """The next generation, (size, n), in the unit cube."""
        values, axes = np.linalg.eigh(self._covariance)
        roots = np.sqrt(np.maximum(values, 1e-20))
        z = self._bits.standard_normal((self.size, self.mean.size))
        self._asked = mirrored(self.mean + self.step * (z * roots) @ axes.T)
        return self._asked.copy()

    def tell(self, worth: npt.ArrayLike) -> None:
        """Move towards the points that were worth least; one that failed is given as infinity.

        Raises
        ------
        InputError
            Before `ask`, or for another number of points.
        """
        found = np.asarray(worth, dtype=np.float64)
        if self._asked is None or found.shape != (self.size,):
            rule = f"must be one number for each of the {self.size} points that were asked for"
            raise InputError("worth", found.shape, rule, "Ask first")
        order = np.argsort(np.where(np.isnan(found), np.inf, found), kind="stable")
        best = self._asked[order[: self._weights.size]]
        steps = (best - self.mean) / self.step
        moved = self._weights @ steps
        n = self.mean.size
        values, axes = np.linalg.eigh(self._covariance)
        whitened = axes @ ((axes.T @ moved) / np.sqrt(np.maximum(values, 1e-20)))
        c = self._c_sigma
        self._sigma_path = (1.0 - c) * self._sigma_path + math.sqrt(
            c * (2.0 - c) * self._mass
        ) * whitened
        self._generation += 1
        long = float(np.linalg.norm(self._sigma_path))
        usual = math.sqrt(1.0 - (1.0 - c) ** (2 * self._generation))
        calm = long / usual < (1.4 + 2.0 / (n + 1.0)) * self._expected
        c = self._c_path
        self._path = (1.0 - c) * self._path
        if calm:
            self._path += math.sqrt(c * (2.0 - c) * self._mass) * moved
        lost = 0.0 if calm else self._c_one * c * (2.0 - c)
        self._covariance = (
            (1.0 - self._c_one - self._c_mu + lost) * self._covariance
            + self._c_one * np.outer(self._path, self._path)
            + self._c_mu * (steps * self._weights[:, None]).T @ steps
        )
        self.mean = np.clip(self.mean + self.step * moved, 0.0, 1.0)
        grown = math.exp(self._c_sigma / self._damping * (long / self._expected - 1.0))
        self.step = min(max(self.step * grown, SMALLEST_STEP), LARGEST_STEP)
        self._asked = None


def mirrored(points: Array) -> Array:
    """Points reflected into the unit cube."""
    folded = np.mod(points, 2.0)
    return np.asarray(np.where(folded > 1.0, 2.0 - folded, folded))
