"""Counter-based random bits: a draw is a hash of (seed, path, bar), and of nothing else.

So path i is the same for any number of threads, size of block, number of paths or of bars, and a
slider move sees the same randomness as the one before it (common random numbers).

The hash is the finaliser of SplitMix64 (Steele, Lea & Flood 2014) over a Weyl counter. The seed is
hashed first: small seeds XORed into a counter would return the same draws in another order.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from riskkit.compiled import Word, compiled
from riskkit.errors import InputError

Array = npt.NDArray[np.float64]
Bits = npt.NDArray[np.uint64]

BAR_BITS = 20
MAX_BARS = 1 << BAR_BITS

_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB
_WORD = (1 << 64) - 1


class Use(IntEnum):
    """Independent uses of one seed."""

    SHOCKS = 1
    START = 2
    LATENCY = 3
    DELAY = 4
    STRETCH = 5


@compiled(inline="always")
def hash_bits(counter: Word) -> Word:  # pragma: no cover - compiled
    """SplitMix64's finaliser of one counter."""
    z = counter * np.uint64(_GOLDEN)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(_FIRST)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(_SECOND)
    return z ^ (z >> np.uint64(31))


def stream_key(seed: int, use: Use) -> int:
    """The 64-bit key of one use of a seed.

    Raises
    ------
    InputError
        If the seed is not an integer in [0, 2^63).
    """
    whole = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)
    if not (whole and 0 <= seed < 1 << 63):
        raise InputError("seed", seed, "must be an integer in [0, 2^63)", "Use 20240101, say")
    return _hash((_hash(int(seed)) + int(use)) & _WORD)


def random_bits(key: int, first_path: int, paths: int, bars: npt.ArrayLike) -> Bits:
    """64 random bits for paths ``first_path ...`` (rows) and the given bars (columns)."""
    path = np.arange(first_path, first_path + paths, dtype=np.uint64)[:, None]
    bar = np.asarray(bars, dtype=np.uint64)[None, :]
    z = (((path << np.uint64(BAR_BITS)) + bar) ^ np.uint64(key)) * np.uint64(_GOLDEN)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(_FIRST)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(_SECOND)
    return np.asarray(z ^ (z >> np.uint64(31)))


def uniforms(key: int, first_path: int, paths: int, bars: npt.ArrayLike) -> Array:
    """Uniforms strictly inside (0, 1), shape (paths, bars), from the upper 53 bits of each draw."""
    bits = random_bits(key, first_path, paths, bars)
    return ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def _hash(value: int) -> int:
    z = (value * _GOLDEN) & _WORD
    z = ((z ^ (z >> 30)) * _FIRST) & _WORD
    z = ((z ^ (z >> 27)) * _SECOND) & _WORD
    return z ^ (z >> 31)
