"""How large a fund must be: what its years needed, by how rarely it may be used up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError

Array = npt.NDArray[np.float64]

#: Years in which a fund may be used up once.
ONCE_IN = (10.0, 20.0, 50.0)
#: Coverage of a size's band.
COVERAGE = 0.95


@dataclass(frozen=True)
class FundSize:
    """A size of the fund at the start of a year, with its band.

    Attributes
    ----------
    once_in : float
        Years in which it is used up once.
    size, low, high : float
        Money; the band is of order statistics, exact for any law.
    shortfall : float
        Mean need of the years that use it up.
    years : int
        Expected to use it up: below ten the size is rough.
    """

    once_in: float
    size: float
    low: float
    high: float
    shortfall: float
    years: float


def fund_size(needed: npt.ArrayLike, once_in: float) -> FundSize:
    """The size that is used up once in so many years.

    Parameters
    ----------
    needed : array_like (years,)
        What each year would have needed at its start.
    once_in : float
        Above 1.

    Raises
    ------
    InputError
        If that is less than one of the years that were run.
    """
    from scipy.stats import binom

    x = np.sort(np.asarray(needed, dtype=np.float64))
    if not 1.0 < once_in <= x.size:
        raise InputError(
            "once_in", once_in, f"must lie between 1 and the {x.size} years run", "Run more years"
        )
    share = 1.0 - 1.0 / once_in
    tail = 0.5 * (1.0 - COVERAGE)
    at = min(int(np.ceil(share * x.size)) - 1, x.size - 1)
    low = int(binom.ppf(tail, x.size, share)) - 1
    high = int(binom.ppf(1.0 - tail, x.size, share))
    beyond = x[at + 1 :] if at + 1 < x.size else x[-1:]
    return FundSize(
        once_in,
        float(x[at]),
        float(x[max(low, 0)]),
        float(x[min(high, x.size - 1)]),
        float(beyond.mean()),
        x.size / once_in,
    )


def size_table(needed: npt.ArrayLike, interest: float) -> pd.DataFrame:
    """Sizes by frequency, with bands and the mean need beyond, and as a share of open interest."""
    rows = []
    for once_in in ONCE_IN:
        found = fund_size(needed, once_in)
        rows.append(
            {
                "years": once_in,
                "size": found.size,
                "low": found.low,
                "high": found.high,
                "shortfall": found.shortfall,
                "of_interest": found.size / interest,
            }
        )
    return pd.DataFrame(rows).set_index("years")


def ruin(fund: float, *, rate: float, mean: float, inflow: float) -> float:
    """Probability that a fund is ever used up by exponential losses: Cramér and Lundberg's.

    A check of orders of size: real losses come in crashes and their sizes have no mean.

    Parameters
    ----------
    rate, mean : float
        Losses a year, and their mean size.
    inflow : float
        A year; above ``rate * mean``, or ruin is certain.
    """
    loading = inflow / (rate * mean) - 1.0
    if loading <= 0.0:
        return 1.0
    return float(np.exp(-loading * fund / ((1.0 + loading) * mean)) / (1.0 + loading))


def fund_for_ruin(probability: float, *, rate: float, mean: float, inflow: float) -> float:
    """The fund at which `ruin` is a probability."""
    loading = inflow / (rate * mean) - 1.0
    if loading <= 0.0:
        return float("inf")
    size = mean * (1.0 + loading) / loading * np.log(1.0 / ((1.0 + loading) * probability))
    return float(max(size, 0.0))
