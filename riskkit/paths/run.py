"""How many paths are run, from which random numbers, on how many threads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cache

import numpy as np

from riskkit.errors import InputError
from riskkit.paths.bits import MAX_BARS, Use, stream_key


class Stream(IntEnum):
    """Independent streams of one seed, one for each question that a study asks of it.

    Questions that must see the same paths name the same stream: the parameters that were solved
    are shown on the paths that solved them, and held to paths of their own.
    """

    MARGIN_PERIOD = 0
    REACTION_TIME = 1
    HISTORY = 2
    START = 3
    SOLVE = 4
    BOOTSTRAP = 5
    OUTCOME = 6
    CURVE_REACTION = 7
    CURVE_HOLDING = 8
    REPLAY = 9
    ACCOUNTS = 10
    IMPLIED_VOLATILITY = 11


@dataclass(frozen=True)
class Run:
    """Paths to simulate; the threads change the time taken, never a number.

    Attributes
    ----------
    paths : int
    seed : int
        In [0, 2^63).
    threads : int
    purpose : Stream or None
        The stream of the seed that the shocks come from; None for the seed itself. Start states
        that are drawn come from `Stream.START`, whatever the purpose: every question of a study
        starts its paths alike.
    """

    paths: int
    seed: int
    threads: int = 1
    purpose: Stream | None = None

    def stream(self, purpose: Stream) -> Run:
        """The same number of paths from one of the seed's streams."""
        return replace(self, purpose=purpose)

    def with_paths(self, paths: int) -> Run:
        """Another number of paths, of which as many as both have are the same."""
        return replace(self, paths=paths)

    @property
    def stream_seed(self) -> int:
        """Seed of the stream that the shocks come from."""
        return self.seed if self.purpose is None else _seed_of(self.seed, self.purpose)

    @property
    def shocks_key(self) -> int:
        """Key of the shocks, see `riskkit.paths.bits`."""
        return stream_key(self.stream_seed, Use.SHOCKS)

    @property
    def stretch_key(self) -> int:
        """Key of where stretches of resampled rows begin."""
        return stream_key(self.stream_seed, Use.STRETCH)

    @property
    def start_key(self) -> int:
        """Key of the draws of a start state."""
        seed = self.seed if self.purpose is None else _seed_of(self.seed, Stream.START)
        return stream_key(seed, Use.START)


def check_run(run: Run, bars: int, first_path: int = 0) -> None:
    """Check the counts of a simulation.

    Raises
    ------
    InputError
        If one is not in its range, or ``run`` is no `Run`.
    """
    if not isinstance(run, Run):
        raise InputError("run", run, "must be a Run", "Give Run(paths=100_000, seed=1), say")
    for name, count, low, high in (
        ("bars", bars, 1, MAX_BARS),
        ("paths", run.paths, 1, 1 << 40),
        ("first_path", first_path, 0, 1 << 40),
        ("threads", run.threads, 1, 1 << 10),
    ):
        if not low <= count <= high:
            raise InputError(name, count, f"must lie in [{low}, {high}]", "Give a whole number")


@cache
def _seed_of(seed: int, purpose: Stream) -> int:
    words = np.random.SeedSequence([seed, int(purpose)]).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))
