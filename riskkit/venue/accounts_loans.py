"""A book of borrowers drawn from what is published of a real one: quantiles, and a largest share.

A lending book is given as its sales: at the price where a loan's health factor is 1 a liquidator
sells so much of its collateral. That is a book of liquidation levels: its branching ratio, cascade
and cap by branching are exact; who bears what is another engine's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from riskkit.errors import InputError
from riskkit.venue.accounts import AccountBook
from riskkit.venue.accounts_made import book_of_levels, cut_shares, pareto_sizes


@dataclass(frozen=True)
class BorrowersBook:
    """Loans of a declared shape.

    Attributes
    ----------
    debt : float
        In money, of all.
    accounts : int
    health : tuple of (probability, factor)
        Quantiles of the health factor over accounts, both increasing, from above 1; linear in logs
        between them. The first is taken down to the factor ``lowest``, the last goes on flat.
    size_tail, largest_share : float
        Pareto index of the debts, and the most that one account has of them.
    rank_correlation : float
        Of debt and health: below 0, large loans sit nearer their threshold.
    sold_share : float
        Of a debt that a liquidation repays: the close factor.
    bonus : float
        Of the liquidator, a fraction of what he repays.
    lowest : float
        Smallest health factor drawn, above 1.
    seed : int

    Examples
    --------
    >>> import riskkit
    >>> health = ((0.05, 1.17), (0.25, 1.44), (0.50, 1.99), (0.75, 3.04))
    >>> book = riskkit.venue.BorrowersBook(debt=401e6, accounts=977, health=health).draw()
    >>> book.size
    977
    """

    debt: float
    accounts: int
    health: tuple[tuple[float, float], ...]
    size_tail: float = 0.7
    largest_share: float = 0.1
    rank_correlation: float = -0.5
    sold_share: float = 0.5
    bonus: float = 0.05
    lowest: float = 1.01
    seed: int = 1

    def draw(self) -> AccountBook:
        """Draw the loans, as their sales; the same seed gives the same book.

        Raises
        ------
        InputError
            If a quantile is not above the one before it, or numbers cannot be.
        """
        p, factor = np.array(self.health, dtype=np.float64).T
        rising = (np.diff(p) > 0.0).all() and (np.diff(factor) > 0.0).all()
        if not rising or not 1.0 < self.lowest < factor[0] or not 0.0 < p[0] < p[-1] < 1.0:
            raise InputError(
                "health",
                self.health,
                "must be quantiles that increase, of factors above the lowest, which is above 1",
                "Loans below 1 are liquidatable already: leave them out",
            )
        from scipy.special import ndtr

        rng = np.random.default_rng(np.random.SFC64(self.seed))
        z, other = rng.standard_normal((2, self.accounts))
        r = 2.0 * math.sin(math.pi * self.rank_correlation / 6.0)
        w = r * z + math.sqrt(max(1.0 - r * r, 0.0)) * other
        debts = cut_shares(pareto_sizes(z, self.size_tail), self.largest_share) * self.debt
        levels = np.concatenate([[0.0], p, [1.0]])
        logs = np.log(np.concatenate([[self.lowest], factor, [factor[-1]]]))
        health = np.exp(np.interp(ndtr(w), levels, logs))
        sold = self.sold_share * (1.0 + self.bonus) * debts
        return book_of_levels(
            1.0 / health, sold, np.ones(self.accounts), price=1.0, maintenance=0.0
        )
