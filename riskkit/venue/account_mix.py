"""A declared distribution of accounts: what every judgement of a margin is made over.

How often accounts default depends on how far from their trigger they were opened, for how long they
are held and who is large. None of that is the margin's doing, so that it is declared, with its
source, and stated with every result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError

Array = npt.NDArray[np.float64]

SUM = 1e-6  # how far shares may be from one


@dataclass(frozen=True)
class AccountMix:
    """Who holds positions at a venue.

    Attributes
    ----------
    name, source : str
        What the mix is called, and where its numbers are from.
    distance : tuple of float
        IM - MM of each group of accounts, fractions of notional, increasing.
    account_share : tuple of float
        Of the number of accounts, in each group; sums to 1.
    interest_share : tuple of float
        Of the open interest; sums to 1. Over the share of accounts it is their size.
    holding_days : float
        How long a position is held unless it is liquidated.
    long_share : float
        Of both accounts and open interest; the rest is short.
    """

    name: str
    source: str
    distance: tuple[float, ...]
    account_share: tuple[float, ...]
    interest_share: tuple[float, ...]
    holding_days: float = 7.0
    long_share: float = 0.5

    def __str__(self) -> str:
        """The mix as it is stated with a result."""
        low, high = self.distance[0], self.distance[-1]
        return (
            f"{self.name}: IM - MM {low:.1%} to {high:.1%} (mean by open interest "
            f"{self.mean_distance:.1%}), held {self.holding_days:g} days, "
            f"{self.long_share:.0%} long"
        )

    @property
    def mean_distance(self) -> float:
        """Mean IM - MM, weighted by open interest."""
        return float(np.dot(self.distance, self.interest_share))


def check_mix(mix: AccountMix) -> None:
    """Refuse a mix that is no distribution.

    Raises
    ------
    InputError
        Without accounts, with lists of different lengths, distances that do not increase from
        above 0, or shares that are negative or do not sum to 1.
    """
    count = len(mix.distance)
    if count == 0 or not count == len(mix.account_share) == len(mix.interest_share):
        raise InputError(
            "accounts",
            (count, len(mix.account_share), len(mix.interest_share)),
            "distances and both shares must be lists of one length, and not empty",
            "Give one share of the accounts and one of the open interest for each distance",
        )
    steps = np.diff((0.0, *mix.distance))
    if not (np.isfinite(steps).all() and (steps > 0.0).all()):
        raise InputError(
            "accounts.distance",
            mix.distance,
            "must increase, from above 0",
            "Sort the groups and merge those of one distance; write two points as 0.02",
        )
    for name in ("account_share", "interest_share"):
        shares = np.asarray(getattr(mix, name), dtype=np.float64)
        if not (shares >= 0.0).all() or abs(float(shares.sum()) - 1.0) > SUM:
            raise InputError(
                f"accounts.{name}",
                f"a sum of {float(shares.sum()):.6g}",
                "must hold no negative share and sum to 1",
                "Divide each by their sum",
            )
    if not (math.isfinite(mix.holding_days) and mix.holding_days > 0.0):
        raise InputError(
            "accounts.holding_days", mix.holding_days, "must be above 0", "Typical is 7"
        )
    if not 0.0 <= mix.long_share <= 1.0:
        raise InputError("accounts.long_share", mix.long_share, "must lie in [0, 1]", "Half is 0.5")


def shares_of_quantiles(
    levels: tuple[float, ...], distances: tuple[float, ...], groups: tuple[float, ...]
) -> Array:
    """Shares of groups of distances, from a few quantiles of the distances, shape (groups,).

    The quantile function is linear in the logarithm of the distance, and its first and last slopes
    go on to probabilities 0 and 1. Groups part half-way between their logarithms.

    Parameters
    ----------
    levels, distances : tuple of float
        Probabilities, and the distances there; both increasing.
    groups : tuple of float
        Distance that stands for each group, increasing.
    """
    p, x = np.asarray(levels), np.log(distances)
    first, last = (x[1] - x[0]) / (p[1] - p[0]), (x[-1] - x[-2]) / (p[-1] - p[-2])
    ends = (x[0] - first * p[0], x[-1] + last * (1.0 - p[-1]))
    knots, levels_at = np.array([ends[0], *x, ends[1]]), np.array([0.0, *p, 1.0])
    middle = np.log(groups)
    edges = 0.5 * (middle[1:] + middle[:-1])
    below = np.interp(edges, knots, levels_at)
    return np.diff(np.array([0.0, *below, 1.0]))


#: Quantiles 5, 25, 50 and 75 % of the health factors of the positions that borrow against wstETH on
#: Aave v3 in June 2023 (500 positions, debt of 404 m USD): by number, and weighted by debt. What a
#: fall of the collateral must be to reach a health factor of 1 is 1 - 1 / HF.
AAVE_V3_LEVELS = (0.05, 0.25, 0.50, 0.75)
AAVE_V3_BY_NUMBER = (1.06, 1.23, 1.73, 2.53)
AAVE_V3_BY_DEBT = (1.04, 1.10, 1.22, 1.35)
GROUPS = (0.04, 0.08, 0.16, 0.32, 0.64)

#: Shares by `shares_of_quantiles`, to three decimals; a test derives them again.
AAVE_V3_STETH = AccountMix(
    name="Aave v3 wstETH, June 2023",
    source="health factors of 500 positions, by number and by debt; distance 1 - 1/HF",
    distance=GROUPS,
    account_share=(0.050, 0.116, 0.143, 0.240, 0.451),
    interest_share=(0.140, 0.190, 0.326, 0.344, 0.0),
)
