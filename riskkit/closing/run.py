"""A book closed by a policy along paths: what it cost whom."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from riskkit.closing.kernel import KEPT, OUTCOMES, ClosingBook, run_closings
from riskkit.closing.policy import ClosingPolicy, closing_rules
from riskkit.errors import InputError
from riskkit.venue.accounts import AccountBook
from riskkit.venue.cascade import CascadePaths, depth_fall, in_parts
from riskkit.venue.depth import MarketDepth, check_market_depth, impact_law

Array = npt.NDArray[np.float64]

PIECE = 250


@dataclass(frozen=True)
class ClosingTerms:
    """What is the same for every policy.

    Attributes
    ----------
    delay : int
        Bars from threshold to the first sale.
    fee : float
        Of the notional closed.
    horizon : int or None
        Bars in which a threshold counts; all of them if None.
    """

    delay: int = 0
    fee: float = 0.0
    horizon: int | None = None


@dataclass(frozen=True)
class ClosingOutcome:
    """What became of a book under a policy, path by path; money in that of the book.

    Attributes
    ----------
    table : ndarray (paths, outcomes)
        In the order of `riskkit.closing.kernel.OUTCOMES`.
    accounts : ndarray (accounts, sums) or None
        Sums over the paths, in the order of `riskkit.closing.kernel.KEPT`.
    open_interest : float
    bars : int
    """

    table: Array = field(repr=False)
    accounts: Array | None = field(repr=False)
    open_interest: float
    bars: int

    def of(self, name: str) -> Array:
        """One outcome by name, (paths,)."""
        return self.table[:, OUTCOMES.index(name)]

    def of_account(self, name: str) -> Array:
        """One sum over the paths by name, (accounts,).

        Raises
        ------
        InputError
            If accounts were not asked for.
        """
        if self.accounts is None:
            raise InputError("by_account", False, "was not asked for", "Run with by_account = True")
        return self.accounts[:, KEPT.index(name)]

    @property
    def paths(self) -> int:
        """Number of paths."""
        return int(self.table.shape[0])

    @property
    def money_error(self) -> float:
        """Largest error of the sum of all money, of open interest."""
        return float(self.of("money_error").max() / self.open_interest)


def run_policy(
    book: AccountBook,
    depth: MarketDepth,
    policy: ClosingPolicy,
    paths: CascadePaths | npt.ArrayLike,
    *,
    terms: ClosingTerms | None = None,
    by_account: bool = False,
    threads: int = 1,
) -> ClosingOutcome:
    """Close a book by a policy along paths; `riskkit.closing.kernel` has the order of events.

    Parameters
    ----------
    paths : CascadePaths or array_like (paths, bars)
        Closes only: what a bar touched inside is not looked at.
    by_account : bool
        Also sums over the paths for each account, in the book's order.

    Raises
    ------
    InputError
        If an argument breaks a rule.

    Examples
    --------
    >>> from riskkit.venue.accounts import book_of
    >>> from riskkit.venue.depth import MarketDepth
    >>> from riskkit.closing.policy import ALL_AT_ONCE
    >>> book = book_of([1.0], [100.0], [-80.0], 0.1)
    >>> depth = MarketDepth.even(1e6, mark_weight=0.0)
    >>> found = run_policy(book, depth, ALL_AT_ONCE, [[-0.05, -0.1]])
    >>> found.of("closed").tolist(), round(float(found.of("bad_debt")[0]), 3)
    ([1.0], 0.0)
    """
    terms = terms or ClosingTerms()
    given = paths if isinstance(paths, CascadePaths) else CascadePaths(paths)
    if given.replaces or given.lows is not None:
        raise InputError(
            "paths",
            "extremes, or accounts that follow",
            "are not read here: a policy is run on closes, on the accounts there are",
            "Give log returns and the usual volatility of a bar",
        )
    returns = given.moves().returns
    check_market_depth(depth)
    law, fall = impact_law(depth), depth_fall(depth, given.volatility)
    count, bars = returns.shape
    horizon = terms.horizon if terms.horizon is not None else given.horizon
    rules = closing_rules(
        policy, delay=terms.delay, horizon=bars if horizon is None else horizon, fee=terms.fee
    )
    walked = closing_book(book, policy.early)
    out = np.empty((count, len(OUTCOMES)))
    parts = -(-count // PIECE)
    kept = np.zeros((parts, book.size if by_account else 0, len(KEPT)))

    def run(begin: int) -> None:
        rows = slice(begin, begin + PIECE)
        run_closings(returns[rows], walked, law, fall, rules, out[rows], kept[begin // PIECE])

    in_parts(run, count, threads)
    sums = kept.sum(axis=0) if by_account else None
    return ClosingOutcome(out, sums, book.open_interest, bars)


def price_path(
    book: AccountBook,
    depth: MarketDepth,
    policy: ClosingPolicy,
    path: CascadePaths,
    terms: ClosingTerms,
) -> Array:
    """Log of the price that is traded after each bar of one path, closing included, (bars,).

    Raises
    ------
    InputError
        For more than one path.
    """
    moves = path.moves().returns
    if moves.shape[0] != 1:
        raise InputError("path", moves.shape, "must be one path", "Give its log returns")
    fixed = replace(terms, horizon=moves.shape[1] if terms.horizon is None else terms.horizon)
    found = [
        run_policy(book, depth, policy, replace(path, returns=moves[:, :end]), terms=fixed)
        for end in range(1, moves.shape[1] + 1)
    ]
    return np.log([float(one.of("closing_price")[0]) for one in found])


def closing_book(book: AccountBook, early: float) -> ClosingBook:
    """A book by its thresholds, as the kernel walks it.

    Raises
    ------
    InputError
        If a threshold would lie beyond all equity.
    """
    asked = book.maintenance * (1.0 + early)
    if not (asked < 1.0).all():
        raise InputError(
            "policy.early",
            early,
            f"asks {float(asked.max()):.0%} of the notional of an account before it is closed",
            "Begin later",
        )
    threshold = replace(book, maintenance=asked).log_trigger
    columns = (book.side, book.quantity, book.cash, book.maintenance, book.log_trigger)
    found = []
    for sign in (1.0, -1.0):
        at = np.flatnonzero(book.side == sign)
        found.append(at[np.argsort(-sign * threshold[at], kind="stable")].astype(np.int64))
    keys = [np.ascontiguousarray(threshold[at]) for at in found]
    longs, shorts = found
    return ClosingBook(np.ascontiguousarray(np.column_stack(columns)), longs, shorts, *keys)
