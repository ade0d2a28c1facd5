"""A pool of collateral taken by kinds, one after another in the order of the instruments.

Who repays a debt chooses what he takes for it: whole kinds, the deepest market first, say, and not
a slice of each. What he leaves is what the account goes on with. `riskkit.venue.liquidation` calls
these functions where a venue seizes; how much is ordered, and who pays what, is told there.
"""

from __future__ import annotations

from riskkit.compiled import Real, Vector, Whole, inlined
from riskkit.venue.book import Book, Terms
from riskkit.venue.liquidity import Liquidity, trading_cost


@inlined
def share_in_order(book: Book, k: Whole, price: Vector, terms: Terms, level: Real) -> Real:
    """Share of a debt whose repayment brings the health factor back to a level.

    Of each kind so much is taken that the threshold of what is left reaches the level times the
    debt that is left; a kind that relieves too little is taken whole, and the next one begun.
    """
    row = book.terms[k]
    debt: float = -book.cash[k]
    paid: float = 1.0 + terms.charge[row]
    short = level * debt
    for i in range(price.size):
        short -= (1.0 - terms.haircut[row, i]) * abs(book.quantity[k, i] * price[i])
    taken = 0.0
    for i in range(price.size):
        leg = abs(book.quantity[k, i] * price[i])
        # A unit of value repays 1 / paid of debt, and takes its own threshold with it.
        relief = level / paid - (1.0 - terms.haircut[row, i])
        if short > 0.0:
            part = short / relief if relief * leg > short else leg
            taken += part
            short -= relief * part
    return min(taken / (debt * paid), 1.0)


@inlined
def cost_in_order(book: Book, k: Whole, price: Vector, taken: Real, liquidity: Liquidity) -> Real:
    """Slippage of selling a value of collateral kind by kind, a fraction of that value."""
    left, lost = taken, 0.0
    for i in range(price.size):
        part = min(left, abs(book.quantity[k, i] * price[i]))
        if part > 0.0:
            lost += part * min(trading_cost(i, part * book.scale[k], liquidity), 1.0)
            left -= part
    return lost / taken


@inlined
def take_in_order(book: Book, k: Whole, price: Vector, taken: Real) -> None:
    """Take a value of collateral out of an account, kind by kind."""
    left = taken
    for i in range(price.size):
        leg = abs(book.quantity[k, i] * price[i])
        part = min(left, leg)
        if part > 0.0:
            book.quantity[k, i] *= 1.0 - part / leg
            left -= part
