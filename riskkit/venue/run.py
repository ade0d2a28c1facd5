"""The order of events, once: accounts watched and closed out along one path of prices.

What is read here is what runs: these functions are compiled as they stand, over the named tuples
of `riskkit.venue.book`, `oracle`, `liquidity` and `liquidation`, for one position or for a book of
them, on simulated paths and on history. ``.py_func`` runs them as Python.

**The order of events in bar t = 1, 2, …** (accounts are opened at the prices of bar 0):

1. The market closes at ``closes[t]``, having touched ``touched[t]`` on the adverse side.
2. The oracle publishes what it knows, the market up to bar t - latency: first that bar's adverse
   extreme, then its close, each only if it deviates enough from the price on display.
3. Funding is paid on the notional at that close; interest is added to the debt.
4. Trigger. An account is held for bars 1 to ``horizon``, so a trigger counts while the oracle's
   newest bar lies within it (the late report of the last bar still liquidates). If the account is
   open, not yet scheduled, and at the worst price the oracle showed in this bar its health is at or
   below zero (`riskkit.venue.book.health`), its liquidation is scheduled ``delay`` bars later. The
   trigger is *unfair* if at the market's own adverse extreme of this bar the account would not have
   been triggered.
5. Execution. A liquidation due in this bar is filled at ``fills[t]`` (the market's close, or as
   much worse as the convention says), even if the price has healed meanwhile
   (`riskkit.venue.liquidation`). What is left can be triggered again from the next bar on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from riskkit.compiled import Integers, Truth, Vector, Whole, inlined
from riskkit.errors import InputError
from riskkit.venue.book import (
    CLOSED,
    OPEN,
    Book,
    Terms,
    accrue,
    copy_book,
    health,
    open_book,
    reopen,
)
from riskkit.venue.liquidation import (
    SALE,
    TAKEOVER,
    Rules,
    close_out_rules,
    execute,
)
from riskkit.venue.liquidity import Liquidity, slippage_numbers
from riskkit.venue.mechanism import (
    Loan,
    Mechanism,
    Perpetual,
    Position,
    bars_needed,
    check_mechanism,
    check_position,
    check_target,
)
from riskkit.venue.oracle import (
    SOURCE,
    LagUniforms,
    OracleLaw,
    Sight,
    Tape,
    bars_of_delay,
    drawn,
    lag_law,
    open_eyes,
    publish,
)

Array = npt.NDArray[np.float64]


class Venue(NamedTuple):
    """A venue but for its accounts: how it sees, what trading costs, how it closes out."""

    oracle: OracleLaw
    liquidity: Liquidity
    rules: Rules


class Events(NamedTuple):
    """What became of each account, shape (N,).

    Attributes
    ----------
    trigger_bar, default_bar : ndarray of int
        Bar of the first trigger, and of the close-out that left equity below zero; 0 if none.
    unfair : ndarray of int
        1 where the first trigger was seen by the oracle only, not by the market.
    closures : ndarray of int
        Close-outs executed.
    loss : ndarray
        Bad debt, in units of the account's cash.
    """

    trigger_bar: Integers
    default_bar: Integers
    unfair: Integers
    closures: Integers
    loss: Vector


@inlined
def forget(events: Events) -> None:
    """Nothing has happened yet."""
    for k in range(events.loss.size):
        events.trigger_bar[k] = events.default_bar[k] = 0
        events.unfair[k] = events.closures[k] = 0
        events.loss[k] = 0.0


@inlined
def schedule(
    t: Whole,
    k: Whole,
    market: Tape,
    uniforms: LagUniforms,
    book: Book,
    terms: Terms,
    venue: Venue,
    events: Events,
) -> None:
    """Schedule the liquidation of an account whose health is at or below zero."""
    book.due[k] = t + bars_of_delay(t, market, uniforms.delay, venue.rules.delay)
    if events.trigger_bar[k] == 0:
        events.trigger_bar[k] = t
        events.unfair[k] = 1 if health(book, k, market.touched[t], terms) > 0.0 else 0


@inlined
def settle(
    t: Whole, k: Whole, market: Tape, book: Book, terms: Terms, venue: Venue, events: Events
) -> None:
    """Execute the close-out of an account that is due in this bar."""
    last = t == market.closes.shape[0] - 1
    price = market.fills[t]
    loss = execute(book, k, t, price, terms, venue.rules, venue.liquidity, last)
    events.closures[k] += 1
    if loss > 0.0:
        events.default_bar[k], events.loss[k] = t, loss


@inlined
def act(
    t: Whole,
    horizon: Whole,
    market: Tape,
    uniforms: LagUniforms,
    sight: Sight,
    book: Book,
    terms: Terms,
    venue: Venue,
    events: Events,
) -> Truth:
    """Bar t of every account, the oracle having published; returns whether one is still open."""
    watched = sight.clock[SOURCE] <= horizon
    still_open = False
    for k in range(book.cash.size):
        if book.due[k] == CLOSED:
            continue
        accrue(book, k, market.closes[t], terms)
        if watched and book.due[k] == OPEN and health(book, k, sight.seen, terms) <= 0.0:
            schedule(t, k, market, uniforms, book, terms, venue, events)
        if book.due[k] == t:
            settle(t, k, market, book, terms, venue, events)
        still_open = still_open or book.due[k] != CLOSED
    return still_open


@inlined
def run_bar(
    t: Whole,
    horizon: Whole,
    market: Tape,
    uniforms: LagUniforms,
    sight: Sight,
    book: Book,
    terms: Terms,
    venue: Venue,
    events: Events,
) -> Truth:
    """Bar t, whole; returns whether an account is still open."""
    publish(t, market, uniforms.latency, venue.oracle, sight)
    return act(t, horizon, market, uniforms, sight, book, terms, venue, events)


@inlined
def begin(market: Tape, sight: Sight, book: Book, opening: Book, events: Events) -> None:
    """Open a book afresh at the first prices of a path."""
    reopen(book, opening)
    open_eyes(sight, market)
    forget(events)


@inlined
def run_book(
    horizon: Whole,
    market: Tape,
    uniforms: LagUniforms,
    sight: Sight,
    opening: Book,
    book: Book,
    terms: Terms,
    venue: Venue,
    events: Events,
) -> None:
    """Open a book afresh and run it along one path."""
    begin(market, sight, book, opening, events)
    for t in range(1, market.closes.shape[0]):
        if not run_bar(t, horizon, market, uniforms, sight, book, terms, venue, events):
            return


def venue_numbers(mechanism: Mechanism, loan: bool) -> Venue:
    """A mechanism of one instrument as the compiled functions take it."""
    oracle = OracleLaw(lag_law(mechanism.oracle.latency), float(mechanism.oracle.deviation))
    engine = TAKEOVER if loan else SALE
    rules = close_out_rules(mechanism.close_out, lag_law(mechanism.delay), engine)
    return Venue(oracle, slippage_numbers(mechanism.slippage), rules)


def no_events(accounts: int) -> Events:
    """Room for what becomes of N accounts."""
    trigger, default, unfair, closures = (np.zeros(accounts, dtype=np.int64) for _ in range(4))
    return Events(trigger, default, unfair, closures, np.zeros(accounts))


def one_instrument(closes: Array, touched: Array, sign: int, fills: Array | None = None) -> Tape:
    """Prices (bars + 1,) of one instrument; filled at the closes unless told otherwise."""
    columns = [a.reshape(-1, 1) for a in (closes, touched, closes if fills is None else fills)]
    return Tape(columns[0], columns[1], np.array([float(sign)]), columns[2])


def blind(instruments: int = 1) -> Sight:
    """Room for what the venue is told."""
    return Sight(np.ones(instruments), np.ones(instruments), np.zeros(2, dtype=np.int64))


@dataclass(frozen=True)
class Outcome:
    """What became of one position.

    Attributes
    ----------
    failed : bool
        The path holds a price that is not positive and finite: nothing else is meaningful.
    liquidated : bool
        Triggered at least once (every trigger is executed).
    trigger_bar : int
        Bar of the first trigger; 0 if none.
    unfair : bool
        The first trigger was seen by the oracle only, not by the market.
    defaulted : bool
        Equity was below zero at a close-out.
    default_bar : int
        Bar of that close-out; 0 if none.
    loss : float
        Bad debt, a fraction of the opening notional (collateral value); 0 without default.
    liquidations : int
        Number of close-outs executed.
    """

    failed: bool = False
    liquidated: bool = False
    trigger_bar: int = 0
    unfair: bool = False
    defaulted: bool = False
    default_bar: int = 0
    loss: float = 0.0
    liquidations: int = 0


def run_mechanism(
    closes: npt.ArrayLike,
    position: Position,
    mechanism: Mechanism,
    horizon: int,
    *,
    extremes: npt.ArrayLike | None = None,
    fills: npt.ArrayLike | None = None,
    uniforms: LagUniforms | None = None,
) -> Outcome:
    """Run one position along one path; see the module for the order of events.

    Parameters
    ----------
    closes : array_like (bars + 1,)
        Prices, opening price first; at least `bars_needed` bars. For a loan the price of the
        collateral in units of the debt.
    horizon : int
        Bars for which the position is held.
    extremes : array_like (bars + 1,), optional
        Lows for a long or a loan, highs for a short. Without them triggers between closes go
        unseen: closes alone understate liquidation.
    fills : array_like (bars + 1,), optional
        Prices at which a close-out of each bar is filled; the closes if not given.
    uniforms : LagUniforms, optional
        Required where a lag is a distribution.

    Raises
    ------
    InputError
        If the position, the mechanism or the length of the path breaks a rule.
    """
    check_position(position)
    check_mechanism(mechanism)
    check_target(position, mechanism.close_out)
    price = np.asarray(closes, dtype=np.float64)
    worst = price if extremes is None else np.asarray(extremes, dtype=np.float64)
    bars = bars_needed(mechanism, horizon, position.notional)
    _check_path(price, worst, bars, horizon, mechanism, uniforms)
    filled = price if fills is None else np.asarray(fills, dtype=np.float64)
    if filled.shape != price.shape:
        raise InputError("fills", filled.shape, f"must be as many as closes, {price.size}", "Check")
    price, worst, filled = price[: bars + 1], worst[: bars + 1], filled[: bars + 1]
    if not (np.isfinite(price).all() and (price > 0.0).all()):
        return Outcome(failed=True)
    if uniforms is None:
        uniforms = LagUniforms(np.zeros((bars + 1, 2)), np.zeros((bars + 1, 2)))
    loan = isinstance(position, Loan)
    sign = position.side.sign if isinstance(position, Perpetual) else 1
    opening, terms = open_book([position])
    book, events = copy_book(opening), no_events(1)
    run_book(
        horizon,
        one_instrument(price / price[0], worst / price[0], sign, filled / price[0]),
        LagUniforms(*(np.ascontiguousarray(u, dtype=np.float64) for u in uniforms)),
        blind(),
        opening,
        book,
        terms,
        venue_numbers(mechanism, loan),
        events,
    )
    trigger, default = int(events.trigger_bar[0]), int(events.default_bar[0])
    return Outcome(
        False,
        trigger > 0,
        trigger,
        bool(events.unfair[0]),
        default > 0,
        default,
        float(events.loss[0]),
        int(events.closures[0]),
    )


def _check_path(
    price: Array,
    worst: Array,
    bars: int,
    horizon: int,
    mechanism: Mechanism,
    uniforms: LagUniforms | None,
) -> None:
    if horizon < 1:
        raise InputError("horizon", horizon, "must be at least 1 bar", "Give bars, rounded up")
    if price.ndim != 1 or price.size <= bars or worst.shape != price.shape:
        raise InputError(
            "closes",
            price.shape,
            f"need {bars + 1} prices (horizon + latency + delay bars), and as many extremes",
            "Lengthen the path, or shorten the horizon",
        )
    if (drawn(mechanism.oracle.latency) or drawn(mechanism.delay)) and uniforms is None:
        raise InputError(
            "uniforms", None, "are required where a lag is a distribution", "Pass LagUniforms"
        )
