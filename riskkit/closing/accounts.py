"""Who is about to be closed: P(liquidated within h) of every account, what is then sold, at what
price.

The book is closed all at once along the paths of the study's world, with impact: an account may be
closed because others were. Accounts are ranked by what is expected to be sold of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from riskkit.closing.compare import ClosingBench
from riskkit.closing.policy import ALL_AT_ONCE, ClosingPolicy
from riskkit.closing.run import ClosingTerms, run_policy
from riskkit.errors import InputError
from riskkit.paths.run import Run, Stream
from riskkit.paths.world import World
from riskkit.stress.paths import return_blocks, usual_volatility
from riskkit.venue.cascade import CascadePaths

#: Paths behind a probability: the smallest that is told apart is one over them.
PATHS = 4_000


@dataclass(frozen=True)
class AccountForecasts:
    """Forecasts of a book's accounts.

    Attributes
    ----------
    bars, paths : int
    table : DataFrame
        One row per account, ranked by ``expected_sale``: ``account`` (number in the book),
        ``owner`` (a hash, where known), ``side``, ``notional``, ``distance`` (of the price to its
        liquidation, a fraction), ``probability`` with its Monte-Carlo ``error``, ``expected_sale``
        (of the market's value, money: probability times what is sold then), ``price`` (received
        against the market's own in the bar, a fraction; NaN where nothing was sold),
        ``expected_debt`` (bad debt, money).
    """

    bars: int
    paths: int
    table: pd.DataFrame = field(repr=False)

    @property
    def expected_sale(self) -> float:
        """Of all accounts, money."""
        return float(self.table["expected_sale"].sum())


def forecast_accounts(
    bench: ClosingBench,
    world: World,
    run: Run,
    *,
    bars: int,
    policy: ClosingPolicy = ALL_AT_ONCE,
) -> AccountForecasts:
    """Forecast every account of a book over the next bars.

    Parameters
    ----------
    world : World
        From today: sigma, and what each side remembers of its own losses, are those of now.
    run : Run
        Its paths are those of the forecast.

    Raises
    ------
    InputError
        For no bars.
    """
    if bars < 1:
        raise InputError("bars", bars, "must be at least 1", "Give the horizon in bars")
    run = run.stream(Stream.ACCOUNTS)
    terms = ClosingTerms(bench.terms.delay, bench.terms.fee, bars)
    usual = usual_volatility(world)
    book = bench.book
    sums = np.zeros((4, book.size))
    names = ("touched", "value", "received", "bad_debt")
    for _, returns in return_blocks(world, run, bars + bench.terms.delay):
        found = run_policy(
            book,
            bench.depth,
            policy,
            CascadePaths(returns, volatility=usual),
            terms=terms,
            by_account=True,
            threads=bench.threads,
        )
        sums += np.stack([found.of_account(name) for name in names])
    touched, value, received, debt = sums
    p = touched / run.paths
    with np.errstate(invalid="ignore", divide="ignore"):
        price = np.where(value > 0.0, received / value - 1.0, np.nan)
    table = pd.DataFrame(
        {
            "account": np.arange(1, book.size + 1),
            "owner": list(book.owner) if book.owner else [""] * book.size,
            "side": np.where(book.side > 0.0, "long", "short"),
            "notional": book.quantity,
            "distance": np.expm1(np.clip(book.log_trigger, -50.0, 50.0)),
            "probability": p,
            "error": np.sqrt(p * (1.0 - p) / run.paths),
            "expected_sale": value / run.paths,
            "price": price,
            "expected_debt": debt / run.paths,
        }
    )
    ranked = table.sort_values(["expected_sale", "account"], ascending=[False, True])
    return AccountForecasts(bars, run.paths, ranked.reset_index(drop=True))
