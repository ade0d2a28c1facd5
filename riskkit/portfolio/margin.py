"""What an account of several positions must hold.

    maintenance = max(base, floor · gross) + decorrelation · saved + concentration
    base = (sum of the legs' own margins) · left(tail of the account / sum of the legs' tails)

The legs' own margins are solved on the mechanism, each as a book of one leg; the ratio is what
offsets leave of them. Read the other way it is the account's tail times a loading: what a
liquidation needs beyond the tail, in the mean of its legs, raised where reference books that offset
as much need more (`riskkit.portfolio.hedging`). A book of one leg has a ratio of exactly one, and
so the solved margin to the bit. *Saved* is what the legs would need alone beyond the base.

The initial margin adds the running maximum of the account's loss over the reaction time, less what
the requirement itself falls by: maintenance moves with the notionals that its contributions follow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.portfolio.accounts import Accounts
from riskkit.portfolio.hedging import HedgeLoading
from riskkit.portfolio.measure import AccountTails, account_tails, checked, count_beyond

Array = npt.NDArray[np.float64]

BLOCK = 64


@dataclass(frozen=True)
class LegMargins:
    """Margins of books of one leg, fractions of notional: row 0 long, row 1 short.

    Attributes
    ----------
    maintenance : ndarray (2, N)
        Solved on the mechanism; NaN where no margin meets the target.
    tail : ndarray (2, N)
        VaR or ES of one unit of notional in the scenarios of the accounts.
    """

    maintenance: Array = field(repr=False)
    tail: Array = field(repr=False)

    def of(self, exposures: Array) -> tuple[Array, Array]:
        """Sums over the legs of accounts: their own margins, and their tails, (A, N) each."""
        long, short = np.maximum(exposures, 0.0), np.maximum(-exposures, 0.0)
        held = np.where(exposures != 0.0, exposures, np.nan)
        own = np.where(held > 0.0, self.maintenance[0], self.maintenance[1])
        margins = np.where(np.isnan(held), 0.0, np.abs(exposures) * own)
        return margins, long * self.tail[0] + short * self.tail[1]


@dataclass(frozen=True)
class MarginRule:
    """How a venue turns an account's tail into its margin.

    Attributes
    ----------
    measure : str
        ``"value-at-risk"`` or ``"expected-shortfall"``.
    confidence : float
        Of the tail over the margin period.
    reaction_confidence : float
        Of the running maximum over the reaction time.
    floor : float
        Share of gross notional below which no account is margined.
    decorrelation : float
        Share of what offsets save that is asked all the same.
    """

    measure: str = "value-at-risk"
    confidence: float = 0.99
    reaction_confidence: float = 0.95
    floor: float = 0.0
    decorrelation: float = 0.0

    def __post_init__(self) -> None:
        for name in ("floor", "decorrelation"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise InputError(name, value, "must lie in [0, 1]", "Typical is 0.05")
        if self.measure not in ("value-at-risk", "expected-shortfall"):
            rule = "must be value-at-risk or expected-shortfall"
            raise InputError("measure", self.measure, rule, "Choose one of them")


@dataclass(frozen=True)
class PortfolioMargin:
    """Margins of a book's accounts, in money.

    Attributes
    ----------
    accounts : Accounts
    rule : MarginRule
    table : DataFrame
        A row for each account: ``account, gross, var, es, legs`` (sum of the legs' own margins),
        ``base``, ``floor`` (what the floor adds), ``decorrelation``, ``concentration``,
        ``maintenance, initial, equity, state`` (``""`` without equity; ``liquidatable``, ``short``
        below its initial margin, or ``ok``).
    contributions : DataFrame
        Of each asset (columns) to the maintenance margin of an account (rows), summing to it.
    """

    accounts: Accounts = field(repr=False)
    rule: MarginRule
    table: pd.DataFrame = field(repr=False)
    contributions: pd.DataFrame = field(repr=False)


def leg_tails(moves: Array, rule: MarginRule, *, threads: int = 1) -> Array:
    """Tail of one unit long (row 0) and short (row 1) of each asset: ndarray (2, N)."""
    eye = np.eye(moves.shape[1])
    found = account_tails(np.vstack([eye, -eye]), moves, rule.confidence, threads=threads)
    values = found.es if rule.measure == "expected-shortfall" else found.var
    return values.reshape(2, -1)


@dataclass(frozen=True)
class Requirement:
    """What a venue asks of any exposures, from the same joint scenarios.

    Attributes
    ----------
    moves : ndarray (M, N)
        Simple returns over the margin period of risk, joint.
    reaction : ndarray (T, M', N)
        Simple returns since today at each bar of the reaction time, joint.
    legs : LegMargins
    rule : MarginRule
    closing : callable
        What closing exposures (A, N) at their own size costs beyond the size that the legs were
        solved for: ndarray (A, N), money.
    hedging : HedgeLoading or None
        What reference books need beyond their tail; None asks for the tail's own share.
    """

    moves: Array = field(repr=False)
    reaction: Array = field(repr=False)
    legs: LegMargins = field(repr=False)
    rule: MarginRule
    closing: Callable[[Array], Array] = np.zeros_like
    hedging: HedgeLoading | None = field(default=None, repr=False)

    def parts(self, exposures: Array, *, threads: int = 1) -> MarginParts:
        """Maintenance margins of exposures (A, N), and what they are made of.

        Raises
        ------
        InputError
            If shapes do not fit or too few scenarios lie beyond the confidence.
        """
        rule = self.rule
        tails = account_tails(exposures, self.moves, rule.confidence, threads=threads)
        tail = tails.es if rule.measure == "expected-shortfall" else tails.var
        own, alone = self.legs.of(exposures)
        sums, whole = own.sum(axis=1), alone.sum(axis=1)
        ratio = np.divide(tail, whole, out=np.zeros_like(tail), where=whole > 0.0)
        # A book of one leg offsets nothing: rounding must not say otherwise.
        ratio[np.count_nonzero(exposures, axis=1) == 1] = 1.0
        ratio = np.maximum(ratio, 0.0)
        base = sums * (ratio if self.hedging is None else self.hedging.share(ratio))
        gross = np.abs(exposures).sum(axis=1)
        floored = np.maximum(base, rule.floor * gross)
        saved = rule.decorrelation * np.maximum(sums - floored, 0.0)
        return MarginParts(tails, own, base, floored, saved, self.closing(exposures))

    def maintenance(self, exposures: Array, *, threads: int = 1) -> Array:
        """Maintenance margins of exposures (A, N): ndarray (A,)."""
        return self.parts(exposures, threads=threads).maintenance


@dataclass(frozen=True)
class MarginParts:
    """Maintenance margins of A accounts by what they are made of; money, shapes (A,) or (A, N)."""

    tails: AccountTails
    own: Array
    base: Array
    floored: Array
    saved: Array
    concentration: Array

    @property
    def maintenance(self) -> Array:
        """The whole of it."""
        return np.asarray(self.floored + self.saved + self.concentration.sum(axis=1))


def margin_accounts(
    accounts: Accounts, requirement: Requirement, *, threads: int = 1
) -> PortfolioMargin:
    """Margin every account of a book.

    Parameters
    ----------
    threads : int
        Changes the time taken, never a number.

    Raises
    ------
    InputError
        If shapes do not fit or too few scenarios lie beyond a confidence.
    """
    exposures, rule = accounts.exposures, requirement.rule
    found = requirement.parts(exposures, threads=threads)
    maintenance = found.maintenance
    contributions = _contributions(accounts, found, rule)
    excursion = running_maximum(
        exposures - contributions, requirement.reaction, rule.reaction_confidence
    )
    initial = maintenance + excursion
    table = pd.DataFrame(
        {
            "account": accounts.names,
            "gross": accounts.gross,
            "var": found.tails.var,
            "es": found.tails.es,
            "legs": found.own.sum(axis=1),
            "base": found.base,
            "floor": found.floored - found.base,
            "decorrelation": found.saved,
            "concentration": found.concentration.sum(axis=1),
            "maintenance": maintenance,
            "initial": initial,
            "equity": accounts.equity,
            "state": _states(accounts.equity, maintenance, initial),
        }
    )
    split = pd.DataFrame(contributions, index=list(accounts.names), columns=list(accounts.assets))
    return PortfolioMargin(accounts, rule, table, split)


def _contributions(accounts: Accounts, parts: MarginParts, rule: MarginRule) -> Array:
    """Euler: each leg's mean loss beyond the quantile, scaled to the base; add-ons by their cause.

    A leg that hedges contributes less than nothing. The floor is shared by gross, what offsets
    save by what each leg needs alone beyond what it contributes.
    """
    beyond, gross = parts.tails.contributions, accounts.gross[:, None]
    total = beyond.sum(axis=1, keepdims=True)
    share = np.divide(beyond, total, out=np.zeros_like(beyond), where=total > 0.0)
    by_gross = np.divide(
        np.abs(accounts.exposures), gross, out=np.zeros_like(beyond), where=gross > 0.0
    )
    found = share * parts.base[:, None] + by_gross * (parts.floored - parts.base)[:, None]
    saves = parts.own.sum(axis=1) > parts.floored
    left = np.where(saves[:, None], parts.own - found, 0.0)
    return np.asarray(found + rule.decorrelation * left + parts.concentration)


def running_maximum(exposures: Array, reaction: Array, confidence: float) -> Array:
    """Quantile of each account's largest loss at any bar of a period, at least 0.

    Parameters
    ----------
    exposures : ndarray (A, N)
    reaction : ndarray (T, M, N)
        Simple returns since today at each bar.
    """
    bars = [checked(np.nan_to_num(exposures), part) for part in reaction]
    count = len(bars[0][1])
    rank = math.ceil(count * confidence) - 1
    count_beyond(count, confidence)
    out = np.empty(len(exposures))
    for begin in range(0, len(exposures), BLOCK):
        block = bars[0][0][begin : begin + BLOCK]
        worst = np.zeros((len(block), count))
        for _, moves in bars:
            # einsum sums in the order of the assets, whatever the threads of a BLAS.
            np.maximum(worst, -np.einsum("an,mn->am", block, moves), out=worst)
        out[begin : begin + BLOCK] = np.partition(worst, rank, axis=1)[:, rank]
    return np.where(np.isnan(exposures).any(axis=1), np.nan, out)


def _states(equity: Array, maintenance: Array, initial: Array) -> npt.NDArray[np.object_]:
    found = np.full(len(equity), "ok", dtype=object)
    found[equity < initial] = "short"
    found[equity <= maintenance] = "liquidatable"
    found[np.isnan(equity)] = ""
    found[np.isnan(maintenance)] = "no margin meets the target"
    return found
