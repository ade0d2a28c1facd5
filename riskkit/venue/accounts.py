"""The accounts of a venue in one market, as what a fall or a rise of the price does to them.

An account is a side, a quantity, cash (equity = cash + side · quantity · price), and the
maintenance rate asked of it. A loan is the same line: long its collateral, debt as cash below 0,
and a maintenance of one less its threshold. Quantities are values at the opening price, and prices
are relative to it. Owners are kept as hashes: no address leaves a book.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.position import Side
from riskkit.venue.cascade_values import (
    ACTS,
    NEVER,
    SortedBook,
)

Array = npt.NDArray[np.float64]

#: Longs and shorts that differ by less than this are one venue's book.
BALANCED = 1e-6


class AccountClass(IntEnum):
    """Who holds an account.

    ``TRADER``  nothing but the position
    ``HEDGER``  another leg elsewhere, which is unwound when a winner's position is taken away
    ``MAKER``   quotes in the book, which are withdrawn when his positions are taken away
    """

    TRADER = 0
    HEDGER = 1
    MAKER = 2


@dataclass(frozen=True)
class AccountBook:
    """N accounts of one market.

    Attributes
    ----------
    side : ndarray (N,)
        +1 long, -1 short.
    quantity : ndarray (N,)
        Value at the opening price, above 0.
    cash : ndarray (N,)
        Money.
    maintenance : ndarray (N,)
        Fraction of the notional.
    owner : tuple of str
        Hashes, which say who holds several accounts; empty where nobody is named.
    kind : ndarray (N,) of int
        `AccountClass`.
    notes : tuple of str
        What was left out or changed on the way, in words.
    entry : ndarray (N,) or None
        Price at which each was opened, of the opening price; None where that is not known, and is
        taken as 1.
    cluster : tuple of str
        Hashes of clusters of wallets that are one owner's; empty where they are not known.
    acting : ndarray (N,) of bool or None
        Whose owners act where the engine has a conduct for them; None for nobody.
    """

    side: Array = field(repr=False)
    quantity: Array = field(repr=False)
    cash: Array = field(repr=False)
    maintenance: Array = field(repr=False)
    kind: npt.NDArray[np.int64] = field(repr=False)
    owner: tuple[str, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()
    entry: Array | None = field(default=None, repr=False)
    cluster: tuple[str, ...] = field(default=(), repr=False)
    acting: npt.NDArray[np.bool_] | None = field(default=None, repr=False)

    @property
    def size(self) -> int:
        """Number of accounts."""
        return int(self.side.size)

    def interest(self, side: Side) -> float:
        """Open interest of a side, in money at the opening."""
        return float(self.quantity[self.side == side.sign].sum())

    @property
    def open_interest(self) -> float:
        """The larger of the two sides."""
        return max(self.interest(Side.LONG), self.interest(Side.SHORT))

    @property
    def equity(self) -> Array:
        """Equity at the opening."""
        return np.asarray(self.cash + self.side * self.quantity)

    @property
    def leverage(self) -> Array:
        """Notional over equity; infinite where equity is gone."""
        with np.errstate(divide="ignore"):
            return np.where(self.equity > 0.0, self.quantity / self.equity, math.inf)

    @property
    def log_trigger(self) -> Array:
        """Log price at which each is at its requirement, beyond every price if at none."""
        long = self.side > 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            price = np.where(
                long,
                np.maximum(-self.cash, 0.0) / (self.quantity * (1.0 - self.maintenance)),
                np.maximum(self.cash, 0.0) / (self.quantity * (1.0 + self.maintenance)),
            )
            return np.clip(np.log(price), -NEVER, NEVER)

    @property
    def beyond_trigger(self) -> npt.NDArray[np.bool_]:
        """Accounts that are liquidatable as they stand: live bad debt among them."""
        return np.asarray(self.side * self.log_trigger >= 0.0)

    @property
    def live_bad_debt(self) -> float:
        """Equity below zero as the book opens, in money, positive."""
        return float(-np.minimum(self.equity, 0.0).sum())

    def scaled(self, factor: float) -> AccountBook:
        """The book with all money and quantities times a factor: another open interest."""
        return replace(self, quantity=self.quantity * factor, cash=self.cash * factor)

    def geared(self, factor: float) -> AccountBook:
        """The book with every leverage times a factor: the same interest on other equity."""
        own = self.side * self.quantity
        return replace(self, cash=self.equity / factor - own)

    def without(self, accounts: npt.ArrayLike) -> AccountBook:
        """The book without some accounts, by position."""
        keep = np.ones(self.size, dtype=bool)
        keep[np.asarray(accounts, dtype=np.int64)] = False
        return self.kept(keep)

    def kept(self, keep: npt.NDArray[np.bool_]) -> AccountBook:
        """The accounts at which ``keep`` is true."""
        owner = tuple(np.asarray(self.owner, dtype=object)[keep]) if self.owner else ()
        return replace(
            self,
            side=self.side[keep],
            quantity=self.quantity[keep],
            cash=self.cash[keep],
            maintenance=self.maintenance[keep],
            kind=self.kind[keep],
            owner=owner,
            entry=None if self.entry is None else self.entry[keep],
            cluster=tuple(np.asarray(self.cluster, dtype=object)[keep]) if self.cluster else (),
            acting=None if self.acting is None else self.acting[keep],
        )

    def largest(self, side: Side, count: int = 10) -> npt.NDArray[np.int64]:
        """Positions of a side's largest accounts that some price triggers, largest first."""
        can = (self.side == side.sign) & (np.abs(self.log_trigger) < NEVER)
        found = np.flatnonzero(can)
        return found[np.argsort(-self.quantity[found], kind="stable")][:count]

    def share_of_largest(self, side: Side, count: int) -> float:
        """Share of a side's interest that its largest accounts hold."""
        q = np.sort(self.quantity[self.side == side.sign])[::-1]
        return float(q[:count].sum() / q.sum()) if q.size else 0.0

    @cached_property
    def walked(self) -> SortedBook:
        """The accounts as the kernel walks them: nearest triggers first."""
        trigger = self.log_trigger
        rows = np.column_stack([trigger, self.quantity, self.cash, self.maintenance])
        entry = np.ones(self.size) if self.entry is None else self.entry
        acts = np.zeros(self.size, dtype=bool) if self.acting is None else self.acting
        kind = self.kind + np.where(acts, float(ACTS), 0.0)
        whole = np.column_stack([rows, entry, kind])
        found, entries, kinds, acting = [], [], [], []
        for sign in (1.0, -1.0):
            at = np.flatnonzero((self.side == sign) & ~acts)
            order = at[np.argsort(-sign * trigger[at], kind="stable")]
            found.append(np.ascontiguousarray(rows[order]))
            entries.append(np.ascontiguousarray(entry[order]))
            kinds.append(np.ascontiguousarray(kind[order]))
            acting.append(np.ascontiguousarray(whole[(self.side == sign) & acts]))
        return SortedBook(*found, *entries, *kinds, *acting)

    def summary(self) -> pd.DataFrame:
        """Interest, concentration and leverage by side."""
        rows = []
        for side in Side:
            of = self.side == side.sign
            if not of.any():
                continue
            leverage = self.leverage[of]
            rows.append(
                {
                    "side": side.value,
                    "accounts": int(of.sum()),
                    "open_interest": self.interest(side),
                    "largest": self.share_of_largest(side, 1),
                    "ten_largest": self.share_of_largest(side, 10),
                    "median_leverage": float(np.median(leverage)),
                    "liquidatable": int(self.beyond_trigger[of].sum()),
                }
            )
        return pd.DataFrame(rows).set_index("side")


def hashed(owners: Iterable[str]) -> tuple[str, ...]:
    """Owners as hashes: accounts of one owner stay together, and no address is kept."""
    return tuple(hashlib.blake2b(name.encode(), digest_size=8).hexdigest() for name in owners)


def book_of(
    side: npt.ArrayLike,
    quantity: npt.ArrayLike,
    cash: npt.ArrayLike,
    maintenance: npt.ArrayLike,
    *,
    kind: npt.ArrayLike | None = None,
    owner: Iterable[str] = (),
    notes: tuple[str, ...] = (),
) -> AccountBook:
    """A book from columns, each (N,).

    Raises
    ------
    InputError
        If a column holds what no account can have, naming the first account.
    """
    s, q, c = (np.atleast_1d(np.asarray(x, dtype=np.float64)) for x in (side, quantity, cash))
    m = np.broadcast_to(np.asarray(maintenance, dtype=np.float64), s.shape).copy()
    if not s.size == q.size == c.size or s.size == 0:
        raise InputError(
            "book", (s.size, q.size, c.size), "columns must have one length, above 0", "Give each"
        )
    for name, bad, rule in (
        ("side", np.abs(s) != 1.0, "must be 1 (long) or -1 (short)"),
        ("quantity", ~(np.isfinite(q) & (q > 0.0)), "must be positive"),
        ("cash", ~np.isfinite(c), "must be a number"),
        ("maintenance", ~((m >= 0.0) & (m < 1.0)), "must lie in [0, 1)"),
    ):
        if bad.any():
            at = int(np.argmax(bad))
            value = {"side": s, "quantity": q, "cash": c, "maintenance": m}[name][at]
            raise InputError(
                f"book.{name}", float(value), f"{rule}: account {at + 1}", "Correct it"
            )
    kinds = np.zeros(s.size, dtype=np.int64) if kind is None else np.asarray(kind, dtype=np.int64)
    return AccountBook(s, q, c, m, kinds, hashed(owner), notes)


def balanced(book: AccountBook) -> AccountBook:
    """The book with its smaller side scaled up to the larger: done only where it is asked for."""
    long, short = book.interest(Side.LONG), book.interest(Side.SHORT)
    if not long or not short or abs(long - short) <= BALANCED * max(long, short):
        return book
    factor = np.where(book.side > 0.0, max(long, short) / long, max(long, short) / short)
    note = f"balanced: longs {long:,.6g} and shorts {short:,.6g}, the smaller scaled up"
    return replace(
        book,
        quantity=book.quantity * factor,
        cash=book.cash * factor,
        notes=(*book.notes, note),
    )


def imbalance_words(book: AccountBook) -> str | None:
    """Words on interests that differ, which a perpetual's book never does; None if they agree."""
    long, short = book.interest(Side.LONG), book.interest(Side.SHORT)
    if not long or not short or abs(long - short) <= BALANCED * max(long, short):
        return None
    return (
        f"long interest {long:,.6g} is not short interest {short:,.6g}: accounts are missing, and "
        "are not made up; ask for balanced = true to scale the smaller side up"
    )
