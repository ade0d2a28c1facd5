"""Owners who act, many at once: a book in which some of them play the rules, one bar late.

The largest accounts of each side, up to a share of its interest, follow one conduct in the venue's
own run, with its cascade and its lags; all others stand still. The same paths without anybody who
acts say what that costs. Behind the accounts is a fund that pays everything, so that its cost is
all that is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from riskkit.stress.cap import peak_branching
from riskkit.stress.open import PosedVenue
from riskkit.stress.paths import run_paths
from riskkit.stress.terms import StressedVenue
from riskkit.study.attack import AttackSection
from riskkit.venue.accounts import AccountBook
from riskkit.venue.cascade import CascadeEngine, OwnerConduct
from riskkit.venue.criticality import RUN
from riskkit.venue.layers import CascadeFund

#: Paths on which conducts are tried.
PATHS = 2_000


@dataclass(frozen=True)
class BookConduct:
    """What a conduct of some owners costs the fund, beside nobody who acts, on the same paths.

    Attributes
    ----------
    conduct : str
    accounts : int
        Who act.
    fund : float
        Mean change of the fund a path (fees less bad debt), of open interest; below 0 is a cost.
    worst : float
        Of the fund's worst hundredth of paths.
    closures : float
        Accounts closed a path, more than otherwise.
    stopped_by : str
        The parameter that stops it, in words; empty of the baseline.
    """

    conduct: str
    accounts: int
    fund: float
    worst: float
    closures: float
    stopped_by: str


def acting_accounts(book: AccountBook, share: float) -> npt.NDArray[np.bool_]:
    """The largest accounts of each side, as many as hold a share of its interest, (accounts,)."""
    acts = np.zeros(book.size, dtype=bool)
    for sign in (1.0, -1.0):
        at = np.flatnonzero(book.side == sign)
        order = at[np.argsort(-book.quantity[at], kind="stable")]
        held = np.cumsum(book.quantity[order])
        if order.size and share > 0.0:
            acts[order[: int(np.searchsorted(held, share * held[-1])) + 1]] = True
    return acts


def owners_in_book(
    posed: PosedVenue, initial: float, section: AttackSection
) -> tuple[BookConduct, ...]:
    """What the conducts of a study's largest owners cost its fund.

    Parameters
    ----------
    initial : float
        The venue's initial margin: to which withdrawals may be held.

    Returns
    -------
    tuple
        Empty for a book that runs at crash depth: nothing of a run is averaged.
    """
    venue = posed.venue
    if peak_branching(venue, margin=posed.margin) >= RUN:
        return ()
    book = replace(venue.book, acting=acting_accounts(venue.book, section.acting_fraction))
    seen = replace(venue.engine, latency=max(venue.engine.latency, 1))
    late = "" if venue.engine.latency else ", were the oracle a bar late"
    top = "the oracle's latency, or top-ups that count a bar later"
    tried: list[tuple[str, CascadeEngine, CascadeEngine, str]] = []
    for name, conduct, engine, stop in (
        (
            "withdraw to the limit, are taken over",
            OwnerConduct(withdraws_to=0.0),
            venue.engine,
            "withdrawals down to the initial margin only, and the position limit",
        ),
        (
            "withdraw to the initial margin",
            OwnerConduct(withdraws_to=initial),
            venue.engine,
            "the initial margin itself",
        ),
        (f"top up, seeing the next print{late}", OwnerConduct(tops_up=True), seen, top),
        (f"top up, counted a bar later{late}", OwnerConduct(tops_up=True, late=1), seen, top),
    ):
        tried.append((name, engine, replace(engine, owners=conduct), stop))
    still = {
        engine: _fund(posed, replace(venue, book=book, engine=engine)) for engine in _of(tried)
    }
    rows = []
    for name, passive, engine, stop in tried:
        fund, closures = _fund(posed, replace(venue, book=book, engine=engine))
        base, before = still[passive]
        hundredth = max(fund.size // 100, 1)
        rows.append(
            BookConduct(
                name,
                int(book.acting.sum()) if book.acting is not None else 0,
                float((fund - base).mean()),
                float(np.sort(fund)[:hundredth].mean() - np.sort(base)[:hundredth].mean()),
                closures - before,
                stop,
            )
        )
    return tuple(rows)


def _of(tried: list[tuple[str, CascadeEngine, CascadeEngine, str]]) -> list[CascadeEngine]:
    return list(dict.fromkeys(passive for _, passive, _, _ in tried))


def _fund(posed: PosedVenue, venue: StressedVenue) -> tuple[npt.NDArray[np.float64], float]:
    """Change of a fund that pays everything, of open interest, (paths,); closures a path."""
    run = posed.run.with_paths(min(PATHS, posed.run.paths))
    behind = replace(venue, fund=CascadeFund(0.0, deleverages=False))
    found = run_paths(behind, posed.world, run, margin=posed.margin)
    fund = (found.of("fees") - found.of("bad_debt")) / found.open_interest
    return fund, float(found.of("closures").mean())
