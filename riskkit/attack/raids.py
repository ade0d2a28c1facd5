"""Two attacks beside the attacker's own positions: borrowing, and making others' be closed.

*Borrowing*: collateral whose price was moved is lent against, and left behind. *Hunting*: the mark
is moved to where accounts are liquidated; the attacker buys what they are made to sell at the moved
price (which goes back), and takes the liquidator's reward where one is paid.

Both lose the cost of the move, and win in proportion to something that a venue can limit: the
collateral that it accepts, the open interest that can be closed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from riskkit.attack.cost import MoveCost
from riskkit.attack.gain import LARGEST, AttackedMark, Prey, search_attacks
from riskkit.errors import InputError
from riskkit.position import Side
from riskkit.venue.accounts import AccountBook

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Raid:
    """The best attack of a kind at today's size, and the size with which none pays.

    Attributes
    ----------
    name : str
    multiple, held : float
        Factor of the mark, blocks for which the market is held there.
    cost : MoveCost
    capital : float
        Needed at hand.
    gain : float
    binds : str
        What limits the gain.
    limits : str
        What ``safe`` is a size of: open interest, or collateral.
    safe : float
        The largest size with which no attack of the kind pays; may be infinite.
    first : float
        The factor that would pay first above it.
    """

    name: str
    multiple: float
    held: float
    cost: MoveCost = field(repr=False)
    capital: float
    gain: float
    binds: str
    limits: str
    safe: float
    first: float

    @property
    def profit(self) -> float:
        """What the attacker has more afterwards; negative for an attack that does not pay."""
        return self.gain - self.cost.loss

    def flows(self) -> dict[str, float]:
        """Money of each party afterwards; sums to zero."""
        return {
            "attacker": self.profit,
            "prey": -self.gain,
            "those who trade the price back": self.cost.reverted,
            "fees": self.cost.fees,
        }


@dataclass(frozen=True)
class LendingPrey:
    """A pool that lends against the asset.

    Attributes
    ----------
    loan_to_value : float
        Of the collateral's marked value; in (0, 1).
    collateral : float
        The most that it accepts of the asset, in value at the first price.
    borrowable : float
        Money that can be borrowed.
    """

    loan_to_value: float
    collateral: float
    borrowable: float


def borrowing_raid(mark: AttackedMark, lender: LendingPrey, largest: float = LARGEST) -> Raid:
    """The best attack by borrowing, and the collateral with which none pays.

    With K accepted the attacker wins ``min(LTV m K, what can be borrowed) - K`` and loses what the
    move costs; what he bought to move the price is part of K. From ``loss / (LTV m - 1)`` on it
    pays, where m is above 1/LTV and what can be borrowed is more than that.

    Raises
    ------
    InputError
        For a loan to value outside (0, 1), or a negative size.
    """
    _check_lender(lender)

    def per_unit(multiple: float) -> float:
        return lender.loan_to_value * multiple - 1.0

    def merit(log_multiple: float, held: float) -> float:
        multiple = math.exp(log_multiple)
        won, loss = per_unit(multiple), mark.cost(multiple, held).loss
        if won <= 0.0 or not math.isfinite(loss):
            return -math.inf
        # Collateral of loss/won would be lent LTV m times as much: there must be that much.
        if loss > 0.0 and loss / won * lender.loan_to_value * multiple > lender.borrowable:
            return -math.inf
        return won / loss if loss > 0.0 else math.inf

    def profit(log_multiple: float, held: float) -> float:
        multiple = math.exp(log_multiple)
        return _borrowed(lender, multiple) - mark.cost(multiple, held).loss

    x, n = search_attacks(merit, mark.window, largest)
    found = merit(x, n)
    best, held = search_attacks(profit, mark.window, largest, ((x, n),))
    multiple = math.exp(best)
    cost = mark.cost(multiple, held)
    bound = lender.loan_to_value * multiple * lender.collateral > lender.borrowable
    return Raid(
        "borrowing",
        multiple,
        held,
        cost,
        max(lender.collateral, cost.quantity) + cost.loss,
        _borrowed(lender, multiple),
        "what can be borrowed" if bound else "the collateral",
        "collateral",
        1.0 / found if found > 0.0 else math.inf,
        math.exp(x),
    )


@dataclass(frozen=True)
class ForcedAccounts:
    """A side's accounts by the distance at which they are closed.

    Attributes
    ----------
    distance : ndarray (N,)
        Log distance of the trigger, ascending.
    notional, equity : ndarray (N,)
        Sums up to and including each, at the first price.
    """

    distance: Array = field(repr=False)
    notional: Array = field(repr=False)
    equity: Array = field(repr=False)

    @classmethod
    def of(cls, book: AccountBook, side: Side) -> ForcedAccounts:
        """The accounts of a side."""
        on = book.side == side.sign
        distance = np.abs(book.log_trigger[on])
        order = np.argsort(distance, kind="stable")
        return cls(
            distance[order],
            np.cumsum(book.quantity[on][order]),
            np.cumsum(np.maximum(book.equity[on][order], 0.0)),
        )

    def at(self, move: float) -> tuple[float, float]:
        """Notional closed, and its equity, within a log move of the mark against the side."""
        k = int(np.searchsorted(self.distance, move, side="right"))
        return (float(self.notional[k - 1]), float(self.equity[k - 1])) if k else (0.0, 0.0)


@dataclass(frozen=True)
class Hunt:
    """How liquidations are hunted.

    Attributes
    ----------
    book : AccountBook
        Whose accounts are closed.
    prey : Prey
        Pays what their equity does not.
    reward : float
        Of the notional closed, to whoever closes it.
    caught : float
        Share of the forced trades that the attacker is the other side of.
    own : bool
        Whether forced trades are made at the moved price: the market that is moved is the one that
        accounts are closed into.
    """

    book: AccountBook
    prey: Prey
    reward: float = 0.0
    caught: float = 1.0
    own: bool = True


def hunting_raid(mark: AttackedMark, hunt: Hunt, name: str, largest: float = LARGEST) -> Raid:
    """The best attack by having others closed, and the open interest with which none pays.

    A move to m closes F(m) of a side. The attacker trades a share of it at the book's price m', and
    the price goes back: ``F (caught |m' - 1| + reward)``, at most the equity of those accounts and
    the fund and backstop behind them. F is taken in proportion to open interest. That closing moves
    the price further by itself is left out: the attacker stands in its way.

    In a linear book of slope kappa with triggers of density g the move costs (m - 1)²/(2 kappa) and
    wins g (m - 1)²: it pays from a branching ratio g kappa of one half on.
    """
    sides = {
        -1.0: ForcedAccounts.of(hunt.book, Side.LONG),
        1.0: ForcedAccounts.of(hunt.book, Side.SHORT),
    }

    def won(log_multiple: float, held: float) -> tuple[float, bool]:
        notional, equity = sides[math.copysign(1.0, log_multiple)].at(abs(log_multiple))
        shown = mark.shown(math.exp(log_multiple), held) if hunt.own else 1.0
        if not math.isfinite(shown):
            return 0.0, False
        open_to = notional * (hunt.caught * abs(shown - 1.0) + hunt.reward)
        behind = equity + hunt.prey.fund + hunt.prey.backstop
        return min(open_to, behind), open_to > behind

    def merit(log_multiple: float, held: float) -> float:
        loss = mark.cost(math.exp(log_multiple), held).loss
        if not math.isfinite(loss):
            return -math.inf
        gain, _ = won(log_multiple, held)
        if gain <= 0.0:
            return -math.inf
        return gain / loss if loss > 0.0 else math.inf

    def profit(log_multiple: float, held: float) -> float:
        return won(log_multiple, held)[0] - mark.cost(math.exp(log_multiple), held).loss

    starts = _steps(sides, largest)
    x, n = search_attacks(merit, mark.window, largest, starts)
    found = merit(x, n)
    best, held = search_attacks(profit, mark.window, largest, (*starts, (x, n)))
    multiple = math.exp(best)
    cost = mark.cost(multiple, held)
    gain, bound = won(best, held)
    return Raid(
        name,
        multiple,
        held,
        cost,
        cost.capital + sides[math.copysign(1.0, best)].at(abs(best))[0] * hunt.caught,
        gain,
        "what those closed have" if bound else "what is closed",
        "open interest",
        hunt.book.open_interest / found if found > 0.0 else math.inf,
        math.exp(x),
    )


def _steps(
    sides: dict[float, ForcedAccounts], largest: float, count: int = 64
) -> tuple[tuple[float, float], ...]:
    """Moves that just reach an account: where what is closed jumps."""
    starts: list[tuple[float, float]] = []
    for sign, side in sides.items():
        reached = side.distance[(side.distance > 0.0) & (side.distance < math.log(largest))]
        step = max(len(reached) // count, 1)
        starts += [(sign * float(d), 1.0) for d in reached[::step]]
    return tuple(starts)


def _borrowed(lender: LendingPrey, multiple: float) -> float:
    lent = min(lender.loan_to_value * multiple * lender.collateral, lender.borrowable)
    return max(lent - lender.collateral, 0.0)


def _check_lender(lender: LendingPrey) -> None:
    if not 0.0 < lender.loan_to_value < 1.0:
        raise InputError(
            "loan_to_value",
            lender.loan_to_value,
            "must lie in (0, 1)",
            "Write 75 % as 0.75",
        )
    for name, value in (("collateral", lender.collateral), ("borrowable", lender.borrowable)):
        if not value >= 0.0:
            raise InputError(name, value, "must not be negative", "Give a value")
