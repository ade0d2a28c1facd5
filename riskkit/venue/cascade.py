"""A book of accounts run along paths: how it is closed, what stands behind it, what it came to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError
from riskkit.venue.accounts import AccountBook
from riskkit.venue.cascade_kernel import run_cascades
from riskkit.venue.cascade_values import (
    ACCOUNTS_TOTAL,
    CLIP,
    CLOSING_PRICE,
    FULL,
    LOAN,
    OUTCOMES,
    PASSIVE,
    RESTORE,
    TOPS_UP,
    WITHDRAWS,
    CascadeRules,
    DepthFall,
    MarketMoves,
    MovingMargin,
    OwnerLaw,
)
from riskkit.venue.depth import MarketDepth, check_market_depth, impact_law
from riskkit.venue.layers import CascadeFund, fund_law
from riskkit.venue.loan_engine import LoanEngine, check_loan_engine, loan_rules

Array = npt.NDArray[np.float64]

#: Where money is: all of it, with what was put in on the way.
HOLDERS = (
    *("accounts_total", "market_total", "winners_total"),
    *("fund", "tranche", "vault", "keepers"),
)
#: Paths to a task of the thread pool: the same for any number of threads.
PIECE = 250


@dataclass(frozen=True)
class OwnerConduct:
    """What owners who act do before each bar, one bar late.

    Attributes
    ----------
    withdraws_to : float or None
        They take out all equity above this share of the notional, or above the maintenance margin
        where that is more: 0 is the limit itself, an initial margin a venue's rule against it.
    tops_up : bool
        They pay up to the requirement at the next print, as far as they know it (a late oracle is
        known), where the position is still worth that at the market.
    late : int
        Bars that a payment takes to count.
    """

    withdraws_to: float | None = None
    tops_up: bool = False
    late: int = 0

    @property
    def law(self) -> OwnerLaw:
        """As the kernel takes it."""
        if self.withdraws_to is not None:
            return OwnerLaw(WITHDRAWS, float(self.withdraws_to), self.late)
        return OwnerLaw(TOPS_UP if self.tops_up else PASSIVE, 0.0, self.late)


class EngineRule(StrEnum):
    """How much of an account a close-out sells.

    ``FULL``     everything
    ``RESTORE``  what brings the margin ratio back to ``level``
    ``CLIP``     the share ``level`` of an account above ``clip_above``, and the rest later, if the
                 account is then still below its requirement
    ``LOAN``     collateral for debt, by ``loan``
    """

    FULL = "full"
    RESTORE = "restore"
    CLIP = "clip"
    LOAN = "loan"


@dataclass(frozen=True)
class CascadeEngine:
    """How a venue sees and closes its accounts; times in bars.

    Attributes
    ----------
    rule : EngineRule
    level : float
        Margin ratio to restore, or the share that is clipped.
    clip_above : float
        Notional from which an account is clipped first.
    rest_bars : int
        From the clip to the rest.
    delay, latency : int
        From trigger to execution, and from market to oracle.
    deviation : float
        The oracle publishes a price this far from the one on display.
    throughput : float
        Most that the venue closes in a bar, in money.
    fill : float
        Where a close-out is done inside its bar: 0 its close, 1 its adverse extreme.
    slices : int
        Steps in which a bar's move is made; 1, a jump, is the safe reading.
    fee : float
        Taken at a close-out, of the notional closed.
    loan : LoanEngine
        Of the rule of loans.
    owners : OwnerConduct
        What owners do who act (`AccountBook.acting`).

    Examples
    --------
    >>> import riskkit
    >>> riskkit.venue.CascadeEngine(delay=2, latency=1, fee=0.005).rule.value
    'full'
    """

    rule: EngineRule = EngineRule.FULL
    level: float = 1.0
    clip_above: float = 0.0
    rest_bars: int = 0
    delay: int = 0
    latency: int = 0
    deviation: float = 0.0
    throughput: float = math.inf
    fill: float = 1.0
    slices: int = 1
    fee: float = 0.0
    loan: LoanEngine = field(default_factory=LoanEngine)
    owners: OwnerConduct = field(default_factory=OwnerConduct)


@dataclass(frozen=True)
class FollowingMargin:
    """A maintenance margin that follows the mark's own volatility and binds open positions.

    In force is ``multiple`` times the volatility of a bar as it was ``lag`` bars ago, at least the
    accounts' own rate and at most ``most``, raised by no more than ``step`` a bar.

    Attributes
    ----------
    multiple : float
    half_life : float
        Of the average of squared moves, in bars.
    volatility : float
        Of a bar, as the run begins.
    most : float
    lag : int
        Notice, in bars.
    step : float
    """

    multiple: float
    half_life: float
    volatility: float
    most: float = 0.5
    lag: int = 0
    step: float = math.inf


@dataclass(frozen=True)
class VenueOutcome:
    """What became of a book, path by path; money in that of the book.

    Attributes
    ----------
    table : ndarray (paths, outcomes)
        In the order of `riskkit.venue.cascade_values.OUTCOMES`.
    open_interest : float
    expected_total : ndarray (paths,) or None
        What accounts, fund, market and winners must come to; only of an audited run.
    """

    table: Array = field(repr=False)
    open_interest: float
    fund_at_start: float
    expected_total: Array | None = field(default=None, repr=False)

    def of(self, name: str) -> Array:
        """One outcome by name, (paths,)."""
        return self.table[:, OUTCOMES.index(name)]

    @property
    def paths(self) -> int:
        """Number of paths."""
        return int(self.table.shape[0])

    @property
    def lost(self) -> Array:
        """What the venue and its winners bore: bad debt and the cost of deleveraging, of OI."""
        total = self.of("bad_debt") + self.of("deleveraging_cost")
        return np.asarray(total / self.open_interest)

    @property
    def money_error(self) -> float:
        """Largest error of the sum of all money, of open interest.

        Raises
        ------
        InputError
            If the run was not audited.
        """
        if self.expected_total is None:
            raise InputError("audit", False, "was not asked for", "Run with audit = True")
        total = sum((self.of(name) for name in HOLDERS), np.zeros(self.paths)) - self.of("put_in")
        return float(np.abs(total - self.expected_total).max() / self.open_interest)


@dataclass(frozen=True)
class CascadePaths:
    """Paths that a book is run along.

    Attributes
    ----------
    returns : array_like (paths, bars)
        Log returns of the price that the market makes, close to close.
    lows, highs : array_like (paths, bars), optional
        Log of a bar's extremes less that of its close; both or none.
    volatility : float, optional
        Usual volatility of a bar: required where depth falls with it.
    horizon : int, optional
        Bars in which a trigger counts; all of them if not given.
    replaces : bool
        Whether an account that is closed is followed, from the next bar on, by one of its quantity
        that posts the same margin: open interest stays, as in paths over months.
    """

    returns: npt.ArrayLike = field(repr=False)
    lows: npt.ArrayLike | None = field(default=None, repr=False)
    highs: npt.ArrayLike | None = field(default=None, repr=False)
    volatility: float | None = None
    horizon: int | None = None
    replaces: bool = False

    def moves(self) -> MarketMoves:
        """What the compiled run reads.

        Raises
        ------
        InputError
            If a return is not finite, or extremes are not those of the same bars.
        """
        moves = np.ascontiguousarray(np.atleast_2d(np.asarray(self.returns, dtype=np.float64)))
        if not np.isfinite(moves).all():
            raise InputError("returns", "not finite", "must be finite", "Drop the path")
        if (self.lows is None) != (self.highs is None):
            rule = "must be given together"
            raise InputError("lows, highs", "one of the two", rule, "Give both")
        return MarketMoves(moves, *(_like(moves, x) for x in (self.lows, self.highs)))


def run_cascade(
    book: AccountBook,
    depth: MarketDepth,
    engine: CascadeEngine,
    fund: CascadeFund | float,
    paths: CascadePaths | npt.ArrayLike,
    *,
    margin: FollowingMargin | None = None,
    thickness: float = 1.0,
    threads: int = 1,
    audit: bool = False,
) -> VenueOutcome:
    """Run a book along paths; see `riskkit.venue.cascade_kernel` for the order of events.

    Parameters
    ----------
    fund : CascadeFund or float
        Or its money alone.
    paths : CascadePaths or array_like (paths, bars)
        Or log returns alone.
    thickness : float
        Depth throughout, 1 calm.
    audit : bool
        Also sum all money, which costs more than the run.

    Raises
    ------
    InputError
        If an argument breaks a rule.

    Examples
    --------
    >>> import riskkit
    >>> book = riskkit.venue.SyntheticBook(1.0, accounts=200, most_leverage=20.0).draw()
    >>> depth = riskkit.venue.MarketDepth.even(0.2, mark_weight=0.5)
    >>> engine = riskkit.venue.CascadeEngine()
    >>> run = riskkit.venue.run_cascade(book, depth, engine, 0.01, [[-0.10, 0.02]])
    >>> bool(run.of("sold")[0] > 0.0)
    True
    """
    fund = fund if isinstance(fund, CascadeFund) else CascadeFund(fund)
    paths = paths if isinstance(paths, CascadePaths) else CascadePaths(paths)
    found = paths.moves()
    check_market_depth(depth)
    check_engine(engine)
    prices = book.walked
    law = impact_law(depth, thickness)
    fall = depth_fall(depth, paths.volatility)
    count, bars = found[0].shape
    rules = cascade_rules(engine, bars if paths.horizon is None else paths.horizon)
    behind = fund_law(book, fund, replaces=paths.replaces)
    moving = _moving(book, margin)
    columns = len(OUTCOMES) if audit else ACCOUNTS_TOTAL
    out = np.empty((count, columns))

    def run(begin: int) -> None:
        rows = slice(begin, begin + PIECE)
        part = MarketMoves(*(x[rows] if x.size else x for x in found))
        run_cascades(part, prices, law, fall, rules, behind, moving, out[rows])

    in_parts(run, count, threads)
    expected = None
    if audit:
        expected = _expected(book, fund.capital, out[:, CLOSING_PRICE])
    return VenueOutcome(out, book.open_interest, fund.fund, expected)


def run_prefixes(
    book: AccountBook,
    depth: MarketDepth,
    engine: CascadeEngine,
    fund: CascadeFund,
    returns: npt.ArrayLike,
    *,
    volatility: float | None = None,
    margin: FollowingMargin | None = None,
    thickness: float = 1.0,
) -> Iterator[VenueOutcome]:
    """One path after its first bar, after its second, and so on: what it came to by then.

    Parameters
    ----------
    returns : array_like (bars,)

    Raises
    ------
    InputError
    """
    whole = np.asarray(returns, dtype=np.float64).reshape(1, -1)
    check_market_depth(depth)
    check_engine(engine)
    prices, law, fall = book.walked, impact_law(depth, thickness), depth_fall(depth, volatility)
    rules, behind = cascade_rules(engine, whole.shape[1]), fund_law(book, fund)
    moving, none = _moving(book, margin), np.empty((0, 0))
    for end in range(1, whole.shape[1] + 1):
        out = np.empty((1, ACCOUNTS_TOTAL))
        part = MarketMoves(np.ascontiguousarray(whole[:, :end]), none, none)
        run_cascades(part, prices, law, fall, rules, behind, moving, out)
        yield VenueOutcome(out, book.open_interest, fund.fund)


def in_parts(run: Callable[[int], None], paths: int, threads: int) -> None:
    """Call ``run(begin)`` on pieces that cover the paths."""
    starts = range(0, paths, PIECE)
    if threads == 1:
        for begin in starts:
            run(begin)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, starts))


def check_engine(engine: CascadeEngine) -> None:
    """Refuse an engine that cannot be.

    Raises
    ------
    InputError
    """
    for name in ("delay", "latency", "rest_bars"):
        value = getattr(engine, name)
        if value < 0:
            raise InputError(f"engine.{name}", value, "must not be negative", "Give 0 for none")
    if engine.rule is EngineRule.CLIP and not 0.0 < engine.level <= 1.0:
        rule = "a clip must lie in (0, 1]"
        raise InputError("engine.level", engine.level, rule, "Write a fifth as 0.2")
    if not engine.throughput > 0.0:
        rule = "must be positive: a venue that closes nothing has no answer"
        raise InputError("engine.throughput", engine.throughput, rule, "Leave it out for no cap")
    if not 0.0 <= engine.fill <= 1.0:
        rule = "must lie in [0, 1]: 0 the close, 1 the extreme"
        raise InputError("engine.fill", engine.fill, rule, "Use 1 unless finer bars show better")
    if engine.owners.late < 0:
        raise InputError("engine.owners.late", engine.owners.late, "must not be negative", "Give 0")
    if engine.rule is EngineRule.LOAN:
        check_loan_engine(engine.loan)
    if engine.slices < 1:
        raise InputError("engine.slices", engine.slices, "must be at least 1", "1 is a jump")


def _like(moves: Array, x: npt.ArrayLike | None) -> Array:
    if x is None:
        return np.empty((0, 0))
    found = np.ascontiguousarray(np.atleast_2d(np.asarray(x, dtype=np.float64)))
    if found.shape != moves.shape:
        rule = f"must have the shape of the returns, {moves.shape}"
        raise InputError("lows, highs", found.shape, rule, "Give one for each bar")
    return found


def depth_fall(depth: MarketDepth, volatility: float | None) -> DepthFall:
    """How depth falls, as the kernels take it.

    Raises
    ------
    InputError
        If depth falls with volatility, and the usual one is not known.
    """
    if depth.volatility_elasticity > 0.0 and volatility is None:
        raise InputError(
            "volatility",
            None,
            "is needed where depth falls with volatility",
            "Give the usual volatility of a bar, at which the depth was measured",
        )
    returning = 0.0 if depth.crash_bars == 0.0 else math.exp(-math.log(2.0) / depth.crash_bars)
    return DepthFall(
        depth.volatility_elasticity,
        1.0 if volatility is None else float(volatility) ** 2,
        0.0 if depth.volatility_bars == 0.0 else math.exp(-math.log(2.0) / depth.volatility_bars),
        depth.crash_fraction,
        depth.crash_move,
        returning,
    )


def cascade_rules(engine: CascadeEngine, horizon: int) -> CascadeRules:
    """An engine as the kernel takes it; triggers count within the horizon, in bars."""
    codes = {
        EngineRule.FULL: FULL,
        EngineRule.RESTORE: RESTORE,
        EngineRule.CLIP: CLIP,
        EngineRule.LOAN: LOAN,
    }
    return CascadeRules(
        codes[engine.rule],
        float(engine.level),
        float(engine.clip_above),
        engine.rest_bars,
        engine.delay,
        engine.latency,
        horizon,
        float(engine.deviation),
        float(engine.throughput),
        float(engine.fill),
        engine.slices,
        float(engine.fee),
        loan_rules(engine.loan),
        engine.owners.law,
    )


def _moving(book: AccountBook, margin: FollowingMargin | None) -> MovingMargin:
    base = float(book.maintenance.max())
    if margin is None:
        return MovingMargin(base, 0.0, 0.0, 0.0, 1.0, 0, math.inf)
    if np.ptp(book.maintenance) > 1e-12:
        raise InputError(
            "margin",
            sorted({float(m) for m in book.maintenance})[:5],
            "moves one maintenance rate, and these accounts have several",
            "Run each tier as a book of its own, or give all accounts one rate",
        )
    if not base < margin.most < 1.0 or not margin.multiple > 0.0 or not margin.half_life > 0.0:
        raise InputError(
            "margin",
            (margin.multiple, margin.half_life, margin.most),
            f"multiple and half-life must be positive, and most between {base:g} and 1",
            "Correct it",
        )
    memory = math.exp(-math.log(2.0) / margin.half_life)
    return MovingMargin(
        base,
        margin.multiple,
        margin.volatility**2,
        memory,
        margin.most,
        margin.lag,
        margin.step,
    )


def _expected(book: AccountBook, fund: float, price: Array) -> Array:
    """Opening equity and fund, and what the net position gains.

    Whoever holds the other side of a book whose longs and shorts differ is no part of it.
    """
    net = float((book.side * book.quantity).sum())
    return np.asarray(book.equity.sum() + fund + net * (price - 1.0))
