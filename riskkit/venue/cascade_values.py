"""What a cascade reads and writes: its named tuples, and the columns of its tables."""

from __future__ import annotations

from typing import NamedTuple

from riskkit.compiled import Matrix, Real, Truth, Vector, Whole

FULL, RESTORE, CLIP, LOAN = range(4)

# Columns of an account's row.
TRIGGER, QUANTITY, CASH, MAINTENANCE, ENTRY, KIND = range(6)
# Further columns of one that is ordered: bar in which it is due, its side, what is to be closed.
DUE, SIDE, ORDERED = 6, 7, 8
ROW = 9

# What KIND adds up: the class of the account, whether its owner acts, whether it was taken from.
CLASSES, ACTS, HIT = 4, 4, 8

# In whose order winners are taken from; what an owner does who acts.
RETURN_TIMES_LEVERAGE, MARK_OVER_ENTRY, RETURN_OVER_EQUITY, PRO_RATA = range(4)
PASSIVE, WITHDRAWS, TOPS_UP = range(3)

NEVER = 1e290  # beyond every log price

OUTCOMES = (
    "lowest_price",
    "lowest_market",
    "highest_price",
    "highest_market",
    "sold",
    "bought",
    "closures",
    "bad_debt",
    "shortfall",
    "fund",
    "fund_lowest",
    "deleveraged",
    "deleveraging_cost",
    "winners_hit",
    "largest_taken",
    "fees",
    "most_in_a_bar",
    "unclosed",
    "worst_slippage",
    "by_requirement",
    "first_trigger",
    "first_default",
    "closing_price",
    "fund_needed",
    "tranche",
    "vault",
    "vault_lowest",
    "vault_taken",
    "keepers",
    "given_up",
    "socialised",
    "put_in",
    "accounts_total",
    "market_total",
    "winners_total",
)
(
    LOWEST_PRICE,
    LOWEST_MARKET,
    HIGHEST_PRICE,
    HIGHEST_MARKET,
    SOLD,
    BOUGHT,
    CLOSURES,
    BAD_DEBT,
    SHORTFALL,
    FUND,
    FUND_LOWEST,
    DELEVERAGED,
    DELEVERAGING_COST,
    WINNERS_HIT,
    LARGEST_TAKEN,
    FEES,
    MOST_IN_A_BAR,
    UNCLOSED,
    WORST_SLIPPAGE,
    BY_REQUIREMENT,
    FIRST_TRIGGER,
    FIRST_DEFAULT,
    CLOSING_PRICE,
    FUND_NEEDED,
    TRANCHE,
    VAULT,
    VAULT_LOWEST,
    VAULT_TAKEN,
    KEEPERS,
    GIVEN_UP,
    SOCIALISED,
    PUT_IN,
    ACCOUNTS_TOTAL,
    MARKET_TOTAL,
    WINNERS_TOTAL,
) = range(len(OUTCOMES))


class MarketMoves(NamedTuple):
    """Exogenous prices of paths.

    Attributes
    ----------
    returns : ndarray (paths, bars)
        Log returns, close to close.
    lows, highs : ndarray (paths, bars)
        Log of the bar's extremes less that of its close; (0, 0) where closes are all there is.
    """

    returns: Matrix
    lows: Matrix
    highs: Matrix


class SortedBook(NamedTuple):
    """Accounts by falling (longs) or rising (shorts) log trigger; columns as above, to MAINTENANCE.

    ``long_entries`` and ``short_entries`` are the prices at which they were opened, the kinds are
    their column KIND. Those whose owners act are not among them, but in ``acting_longs`` and
    ``acting_shorts``, with all columns to KIND.
    """

    longs: Matrix
    shorts: Matrix
    long_entries: Vector
    short_entries: Vector
    long_kinds: Vector
    short_kinds: Vector
    acting_longs: Matrix
    acting_shorts: Matrix


class DepthFall(NamedTuple):
    """How depth falls: ``(sigma / reference) ** -elasticity``, and to ``crash`` in a crash.

    ``variance`` and ``memory`` are the start and the share kept a bar of the average of squared
    returns that is sigma squared; ``returning`` is the share of a crash's fall left a bar later.
    """

    elasticity: Real
    variance: Real
    memory: Real
    crash: Real
    crash_move: Real
    returning: Real


class LoanRules(NamedTuple):
    """How collateral is taken for a debt; see `riskkit.venue.loan_book`.

    Attributes
    ----------
    close_factor : float
        Most of the debt that a liquidation repays at a health factor of ``whole_below`` or more.
    whole_below : float
        Health factor below which all of it may be repaid.
    target : float
        Health factor that a liquidation restores and goes no further; 0 for none.
    bonus, bonus_slope : float
        Collateral taken is worth ``1 + bonus`` of what is repaid; above that by ``bonus_slope``
        times what the health factor lacks to 1, up to ``most_bonus``.
    most_bonus : float
    dust : float
        Debt at or below which all of it is repaid.
    gas : float
        What a liquidation costs a keeper, in money.
    absent : float
        Absolute log return of a bar in which no keeper comes.
    halts : bool
        Whether nothing is taken where that would raise the loan's debt over collateral.
    two_steps : bool
        Whether a liquidator repays just so much first that the loan stays liquidatable, and the
        close factor of the rest then.
    """

    close_factor: Real
    whole_below: Real
    target: Real
    bonus: Real
    bonus_slope: Real
    most_bonus: Real
    dust: Real
    gas: Real
    absent: Real
    halts: Truth
    two_steps: Truth


class OwnerLaw(NamedTuple):
    """What owners who act do before each bar, knowing no more than the bar before.

    Attributes
    ----------
    conduct : int
        PASSIVE; WITHDRAWS all equity above ``floor`` (of the notional, or the maintenance margin
        where that is more); TOPS_UP to the requirement at the next print, where the position is
        still worth it at the market.
    floor : float
    late : int
        Bars more by which what they know is old: a top-up that counts a bar later.
    """

    conduct: Whole
    floor: Real
    late: Whole


class CascadeRules(NamedTuple):
    """How accounts are closed.

    Attributes
    ----------
    close_out : int
        FULL; RESTORE to the margin ratio ``level``; CLIP, the share ``level`` first where the
        notional is above ``clip_above``, and the rest ``rest`` bars later; LOAN, by ``loan``.
    delay, latency, horizon : int
        In bars, as for a position; triggers count while the oracle's bar is within the horizon.
    deviation : float
        Of the oracle.
    throughput : float
        Most that a bar closes, in money; infinite without a cap.
    fill : float
        0 at the bar's close, 1 at its adverse extreme.
    slices : int
        Steps in which a bar's move is made; 1 is a jump.
    fee : float
        Taken at a close-out, of the notional closed.
    loan : LoanRules
    owners : OwnerLaw
    """

    close_out: Whole
    level: Real
    clip_above: Real
    rest: Whole
    delay: Whole
    latency: Whole
    horizon: Whole
    deviation: Real
    throughput: Real
    fill: Real
    slices: Whole
    fee: Real
    loan: LoanRules
    owners: OwnerLaw


class FundLaw(NamedTuple):
    """What stands behind the accounts.

    Attributes
    ----------
    fund : float
        Money at the start.
    deleverages : bool
        Whether winners take over what the fund cannot carry; else the fund goes below 0.
    rule : int
        In whose order winners are taken from.
    withdrawn : ndarray (2,)
        Share of the depth that makers take away, per unit taken from makers who are winners over
        longs, and over shorts.
    vault : float
        Capital of the backstop, which takes over at the bankruptcy price what the fund cannot carry
        while its inventory is at most ``vault_leverage`` times its equity, and sells the share
        ``vault_share`` of it a bar, with impact.
    tranche : float
        Capital that pays after the fund; the share ``leaving`` of it leaves ``cooldown`` bars after
        the first crash bar.
    income : float
        Fees of trading that the fund receives a bar, in money.
    late_fees : bool
        Whether what a bar's close-outs pay is there from the next bar on only.
    exposed, haircut, drained : float
        Share of the fund that moves with the market; what its sale costs, of its value; the share
        withdrawn a bar.
    replaces : bool
        Whether an account that is closed is followed by one of its quantity and margin, which
        opens at the bar's end: open interest stays.
    """

    fund: Real
    deleverages: Truth
    rule: Whole
    withdrawn: Vector
    vault: Real
    vault_leverage: Real
    vault_share: Real
    tranche: Real
    leaving: Real
    cooldown: Whole
    income: Real
    late_fees: Truth
    exposed: Real
    haircut: Real
    drained: Real
    replaces: Truth


class MovingMargin(NamedTuple):
    """A maintenance margin that follows the mark's volatility; ``multiple`` 0 keeps it constant.

    In force is ``max(base, min(most, multiple * sigma))`` of ``lag`` bars ago, raised by no more
    than ``step`` a bar; sigma squared begins at ``variance`` and keeps ``memory`` of itself a bar.
    """

    base: Real
    multiple: Real
    variance: Real
    memory: Real
    most: Real
    lag: Whole
    step: Real
