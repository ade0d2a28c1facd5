"""How a venue closes accounts: from which threshold, in what slices, at what rate.

Liquidating everything at maintenance is the crudest policy there is. The others begin earlier, sell
in slices, or bound what a bar sells; each is a threshold, a schedule and a capacity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskkit.closing.kernel import ClosingRules
from riskkit.errors import InputError

Array = npt.NDArray[np.float64]

#: Slices of a schedule, at most: a slice is a bar.
MOST_SLICES = 1_000


@dataclass(frozen=True)
class ClosingPolicy:
    """A policy of closing; times in bars, money as the book's.

    Attributes
    ----------
    name : str
    early : float
        Closing begins where the margin ratio is the maintenance margin times ``1 + early``; 0
        begins at maintenance.
    shares : tuple of float
        Of the quantity held then, a slice a bar, which sum to 1.
    finishes : bool
        Whether whatever is left at maintenance is closed at once. Without it an account that began
        early goes on by slices beyond its maintenance.
    stops : bool
        Whether slices wait while the account is above its threshold again: a slice sold raises the
        margin ratio of the rest.
    capacity : float
        Most that the venue closes in a bar, in money; infinite without one.
    follows_depth : bool
        Whether the capacity is a share of the depth that there is in the bar: it falls as depth
        does.

    Examples
    --------
    >>> ClosingPolicy("halves", early=0.5, shares=(0.5, 0.5)).words()
    'from 1.5 times maintenance, in 2 slices, the rest at once at maintenance'
    """

    name: str
    early: float = 0.0
    shares: tuple[float, ...] = (1.0,)
    finishes: bool = True
    stops: bool = True
    capacity: float = math.inf
    follows_depth: bool = False

    def words(self) -> str:
        """What it does, in a line."""
        begins = (
            "at maintenance"
            if self.early == 0.0
            else f"from {1.0 + self.early:g} times maintenance"
        )
        parts = [begins]
        if len(self.shares) > 1:
            parts.append(f"in {len(self.shares)} slices")
            if self.early > 0.0 and self.finishes:
                parts.append("the rest at once at maintenance")
        else:
            parts.append("all at once")
        if math.isfinite(self.capacity):
            what = "of the depth there is" if self.follows_depth else "whatever the depth"
            parts.append(f"at most {self.capacity:,.4g} a bar {what}")
        return ", ".join(parts)


#: What venues do: everything, at maintenance.
ALL_AT_ONCE = ClosingPolicy("all at once")


def slices(count: int) -> tuple[float, ...]:
    """Equal slices.

    Raises
    ------
    InputError
        For a count that is none.
    """
    if not 1 <= count <= MOST_SLICES:
        rule = f"must lie between 1 and {MOST_SLICES:,}"
        raise InputError("slices", count, rule, "A slice is a bar")
    return (1.0 / count,) * count


def check_policy(policy: ClosingPolicy) -> None:
    """Refuse a policy that cannot be.

    Raises
    ------
    InputError
    """
    if not 0.0 <= policy.early <= 20.0:
        rule = "must lie between 0, at maintenance, and 20"
        raise InputError("policy.early", policy.early, rule, "0.5 begins at 1.5 times maintenance")
    sold = np.asarray(policy.shares, dtype=np.float64)
    if not 1 <= sold.size <= MOST_SLICES or not (sold >= 0.0).all() or abs(sold.sum() - 1.0) > 1e-9:
        raise InputError(
            "policy.shares",
            policy.shares[:5],
            f"must be 1 to {MOST_SLICES:,} shares, none below 0, that sum to 1",
            "Two halves are (0.5, 0.5)",
        )
    if policy.early == 0.0 and sold.size > 1 and policy.finishes:
        raise InputError(
            "policy.finishes",
            True,
            "leaves nothing to slice where closing begins at maintenance",
            "Begin earlier, or say finishes = False",
        )
    if not policy.capacity > 0.0:
        rule = "must be positive: a venue that closes nothing has no answer"
        raise InputError("policy.capacity", policy.capacity, rule, "Leave it out for no cap")


def closing_rules(policy: ClosingPolicy, *, delay: int, horizon: int, fee: float) -> ClosingRules:
    """A policy as the kernel takes it.

    Raises
    ------
    InputError
    """
    check_policy(policy)
    return ClosingRules(
        float(policy.early),
        np.ascontiguousarray(policy.shares, dtype=np.float64),
        policy.finishes,
        policy.stops,
        float(policy.capacity),
        policy.follows_depth,
        delay,
        horizon,
        float(fee),
    )
