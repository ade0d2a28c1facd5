"""What a wrong price brings, and the best attack there is against a venue.

The attacker opens both sides himself, from many wallets. When the mark has moved, one wallet has
won ``q |m - 1|`` and the other has lost its margin; what that margin does not cover is paid by the
prey: the fund, a backstop vault, the margins of others who are on the losing side. Nothing more can
be taken than the prey has.

Money adds up: what the attacker gains and loses, the prey, those who trade the price back, and the
markets' fees sum to zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.optimize import minimize_scalar

from riskkit.attack.cost import MoveCost, PriceMean, averaged_multiple, book_move
from riskkit.errors import InputError
from riskkit.venue.depth import DepthCurve

#: Factors looked at: up to 100 times either way, from a hundredth of a percent on.
LARGEST, SMALLEST = 100.0, 1e-4
STEPS, TIMES, ROUNDS = 80, 16, 4


@dataclass(frozen=True)
class Prey:
    """What an attacker can be paid from, in money.

    Attributes
    ----------
    fund : float
        Default fund.
    backstop : float
        Capital of vaults that take positions over.
    others : float
        Margins of other accounts on the side that loses.
    """

    fund: float = 0.0
    backstop: float = 0.0
    others: float = 0.0

    @property
    def total(self) -> float:
        """All of it."""
        return self.fund + self.backstop + self.others


@dataclass(frozen=True)
class AttackedMark:
    """How a venue comes to its mark, and what an attacker moves to move it.

    Attributes
    ----------
    bids, offers : DepthCurve
        Of the market that is moved.
    weight : float
        Share of that market's log displacement which reaches the mark; the rest stays as it is.
    window : float
        Blocks (or bars) over which the mark is averaged; 1 for none.
    mean : PriceMean
    traded_back : bool
        Whether others trade the price back after each block, so that it is moved anew for each;
        else it is moved once and stays while held.
    fee : float
        Of that market's trades.
    """

    bids: DepthCurve
    offers: DepthCurve
    weight: float = 1.0
    window: float = 1.0
    mean: PriceMean = PriceMean.ARITHMETIC
    traded_back: bool = True
    fee: float = 0.0

    def shown(self, multiple: float, held: float) -> float:
        """Factor that the moved market shows while held; infinite where none is enough."""
        needed = averaged_multiple(multiple, self.window, held, self.mean)
        if not 0.0 < needed < math.inf or not self.weight > 0.0:
            return math.inf
        power = math.log(needed) / self.weight
        return math.exp(power) if abs(power) < 600.0 else math.inf

    def cost(self, multiple: float, held: float) -> MoveCost:
        """Cost of a mark moved by ``multiple``, the market held for ``held`` blocks."""
        shown = self.shown(multiple, held)
        if not math.isfinite(shown):
            return MoveCost(multiple, math.inf, math.inf, math.inf, math.inf)
        once = book_move(self.offers if shown > 1.0 else self.bids, shown, self.fee)
        found = once.times(held) if self.traded_back else once
        return replace(found, multiple=multiple)


@dataclass(frozen=True)
class Attack:
    """An attack, and where its money goes.

    Attributes
    ----------
    multiple : float
        Of the mark.
    held : float
        Blocks for which the market is held there.
    interest : float
        Position on each side, in value at the first price.
    cost : MoveCost
    margin : float
        Of the losing wallet, which its owner gives up.
    gain : float
        Taken from the prey.
    binds : str
        What limits the gain: the position, or what the prey has.
    """

    multiple: float
    held: float
    interest: float
    cost: MoveCost
    margin: float
    gain: float
    binds: str

    @property
    def profit(self) -> float:
        """What the attacker has more afterwards; negative for an attack that does not pay."""
        return self.gain - self.cost.loss

    @property
    def capital(self) -> float:
        """What he needs at hand: both wallets' margins, and the money that moves the market."""
        return 2.0 * self.margin + self.cost.capital

    def flows(self) -> dict[str, float]:
        """Money by who has it afterwards; sums to zero."""
        return {
            "attacker": self.profit,
            "prey": -self.gain,
            "those who trade back": self.cost.reverted,
            "fees": self.cost.fees,
        }


def attack(
    mark: AttackedMark,
    prey: Prey,
    *,
    multiple: float,
    held: float,
    interest: float,
    margin: float,
    realisable: float = 1.0,
) -> Attack:
    """One attack.

    Parameters
    ----------
    interest : float
        Position on each side.
    margin : float
        Initial margin, a fraction of notional at opening.
    realisable : float
        Share of a won position that can be taken out: exit impact, withdrawal limits.

    Raises
    ------
    InputError
    """
    if not 0.0 <= realisable <= 1.0:
        raise InputError("realisable", realisable, "must lie in [0, 1]", "It is a share")
    if not margin > 0.0:
        raise InputError("margin", margin, "must be positive", "Give it as a fraction: 0.05")
    if interest < 0.0:
        raise InputError("interest", interest, "must not be negative", "Give a value")
    won = realisable * interest * abs(multiple - 1.0)
    own = min(margin * interest, interest * abs(multiple - 1.0))
    open_to = max(won - own, 0.0)
    gain = min(open_to, prey.total)
    binds = "the position" if open_to <= prey.total else "what the prey has"
    return Attack(
        multiple, held, interest, mark.cost(multiple, held), margin * interest, gain, binds
    )


def best_attack(
    mark: AttackedMark,
    prey: Prey,
    *,
    interest: float,
    margin: float,
    realisable: float = 1.0,
    largest: float = LARGEST,
) -> Attack:
    """The most profitable attack with a position of a size: over factor, direction and time held.

    A grid over the logarithm of the factor and the blocks held, refined around its best by bounded
    search. Factors lie between 1/``largest`` and ``largest``.
    """

    def at(log_multiple: float, held: float) -> Attack:
        return attack(
            mark,
            prey,
            multiple=math.exp(log_multiple),
            held=held,
            interest=interest,
            margin=margin,
            realisable=realisable,
        )

    def profit(log_multiple: float, held: float) -> float:
        return at(log_multiple, held).profit

    # Just above the cap only a narrow range of factors pays, which a grid can miss.
    cheapest = _cheapest(mark, prey, margin, realisable, largest)
    return at(*search_attacks(profit, mark.window, largest, (cheapest,)))


def interest_without_profit(
    mark: AttackedMark,
    prey: Prey,
    *,
    margin: float,
    realisable: float = 1.0,
    largest: float = LARGEST,
) -> tuple[float, float]:
    """The largest position on a side with which no attack pays, and the factor that would first.

    With a factor m an attack pays from the position ``loss / (realisable |m - 1| - margin)`` on, if
    the prey has more than the loss. The least of these; infinite if no attack ever pays.

    A mark made by the own book alone, with nothing averaged and no margin to lose, has the bound
    2f/kappa as the factor goes to 1: of a made-up venue, and no cap.
    """
    log_multiple, held = _cheapest(mark, prey, margin, realisable, largest)
    best = _won_per_loss(mark, prey, margin, realisable, log_multiple, held)
    return (1.0 / best if best > 0.0 else math.inf), math.exp(log_multiple)


def _cheapest(
    mark: AttackedMark, prey: Prey, margin: float, realisable: float, largest: float
) -> tuple[float, float]:
    """The attack that pays with the smallest position."""
    merit = partial(_won_per_loss, mark, prey, margin, realisable)
    return search_attacks(merit, mark.window, largest)


def _won_per_loss(
    mark: AttackedMark,
    prey: Prey,
    margin: float,
    realisable: float,
    log_multiple: float,
    held: float,
) -> float:
    """What a position of one wins for each unit that the move costs."""
    multiple = math.exp(log_multiple)
    move = abs(multiple - 1.0)
    won = realisable * move - min(margin, move)
    loss = mark.cost(multiple, held).loss
    if won <= 0.0 or not loss < prey.total:
        return -math.inf
    return won / loss if loss > 0.0 else math.inf


def search_attacks(
    merit: Callable[[float, float], float],
    window: float,
    largest: float,
    starts: tuple[tuple[float, float], ...] = (),
) -> tuple[float, float]:
    """Logarithm of the factor, and blocks held, of the largest merit.

    A grid, and ``starts``, of which the best is refined by bounded searches.
    """
    side = np.geomspace(math.log(largest), SMALLEST, STEPS)
    times = np.unique(np.geomspace(1.0, window, TIMES)) if window > 1.0 else np.ones(1)
    points = [(float(s * x), float(n)) for s in (-1.0, 1.0) for x in side for n in times]
    x, held = max((*points, *starts), key=lambda point: merit(*point))
    ratio = float(side[0] / side[1])
    for _ in range(ROUNDS):
        ends = sorted((x / ratio, x * ratio))
        x = _better(partial(_along_factor, merit, held), x, ends[0], ends[1])
        if window > 1.0:
            low, high = max(1.0, held / 2.0), min(window, held * 2.0)
            held = _better(partial(merit, x), held, low, high)
    return x, held


def _along_factor(merit: Callable[[float, float], float], held: float, x: float) -> float:
    return merit(x, held)


def _better(merit: Callable[[float], float], now: float, low: float, high: float) -> float:
    """The better of a point, the ends of an interval, and what a bounded search finds in it."""

    def worth(z: float) -> float:
        found = merit(float(z))
        return found if math.isfinite(found) else -1e300

    searched = minimize_scalar(lambda z: -worth(z), bounds=(low, high), method="bounded")
    return max((now, low, high, float(searched.x)), key=worth)


def borrowed_against(
    collateral: float, multiple: float, loan_to_value: float, borrowable: float
) -> float:
    """What is gained by borrowing against collateral whose price was moved, and leaving it.

    ``min(LTV m C, what can be borrowed) - C``: negative where the loan does not reach its worth.
    """
    return min(loan_to_value * multiple * collateral, borrowable) - collateral


def takeover_pays_from(curve: DepthCurve, maintenance: float, share: float = 1.0) -> float:
    """Size from which an owner does better to be taken over than to close into the book himself.

    Withdrawing to the limit leaves at most the maintenance margin; closing costs the slippage
    s(Q). The size at which s(Q) is ``share`` of the margin: 1 is where it pays, two thirds a limit
    that keeps a distance. Infinite where slippage never gets there.
    """
    wanted = share * maintenance
    low, high = 0.0, 1.0
    while float(curve.slippage(high)) < wanted:
        low, high = high, 2.0 * high
        if high >= curve.most or high > 1e18:
            return math.inf
    for _ in range(100):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if float(curve.slippage(middle)) < wanted else (low, middle)
    return high
